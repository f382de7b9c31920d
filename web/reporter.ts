// Prints a line for each test, as `cargo test` does, so that `.ci/requirements` can read which ones passed, and figures that tests
// have noted.
import type { Reporter, TestCase } from "vitest/node";

const snake = (text: string) => text.toLowerCase().replace(/[^a-z0-9]+/g, "_").replace(/^_|_$/g, "");

const WORDS = { passed: "ok", failed: "FAILED", pending: "FAILED", skipped: "ignored" };

export default class Lines implements Reporter {
  onTestCaseResult(test: TestCase) {
    const [, folder, file] = /(\w+)\/test\/(?:.*\/)?(\w+)\.test\./.exec(test.module.moduleId) ?? [];
    console.log(`test web::${folder}::${file}::${snake(test.name)} ... ${WORDS[test.result().state]}`);
    for (const { message } of test.annotations()) console.log(message);
  }
}
