// How Vitest runs the clients: as in a page, and one file after another, for they share a server.
import { defineConfig } from "vitest/config";

// The one address that a specification's text holds, and what stands for it here: it changes from test to test.
const GIVEN = "'ws://localhost:8081'";
const OURS = "globalThis.GIVEN_URL";

export default defineConfig({
  plugins: [
    {
      name: "the-url-of-the-test",
      enforce: "pre",
      transform: (code, file) => (file.includes("/given/") ? code.replace(GIVEN, OURS) : undefined),
    },
  ],
  test: {
    environment: "jsdom",
    fileParallelism: false,
    setupFiles: "setup.ts",
    silent: "passed-only",
    testTimeout: 60_000,
  },
});
