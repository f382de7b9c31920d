// Prints a line for each test, as `cargo test` does, so that `.ci/requirements` can read which ones passed.
import type { Reporter, TestCase } from "vitest/node";

const snake = (text: string) => text.toLowerCase().replace(/[^a-z0-9]+/g, "_").replace(/^_|_$/g, "");

export default class Lines implements Reporter {
  onTestCaseResult(test: TestCase) {
    const [, folder, file] = /(\w+)\/test\/(?:.*\/)?(\w+)\.test\./.exec(test.module.moduleId) ?? [];
    const { state } = test.result();
    console.log(`test web::${folder}::${file}::${snake(test.name)} ... ${state === "passed" ? "ok" : "FAILED"}`);
  }
}
