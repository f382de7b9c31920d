// How Vitest runs all packages: each in the environment that its files name.
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["*/test/**/*.test.{ts,tsx}"],
    silent: "passed-only",
    testTimeout: 30_000,
  },
});
