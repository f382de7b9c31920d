// How Vitest runs all packages: from their sources, each file in the environment that it names.
import { defineConfig } from "vitest/config";

const source = (path: string) => new URL(path, import.meta.url).pathname;
// The one address that specification 4's text holds, and what stands for it here: it changes from test to test.
const [GIVEN, OURS] = ["'ws://localhost:8081'", "globalThis.GIVEN_URL"];

export default defineConfig({
  plugins: [
    {
      name: "the-url-of-the-test",
      enforce: "pre",
      transform: (code, file) => (file.includes("/given/") ? code.replace(GIVEN, OURS) : undefined),
    },
  ],
  resolve: {
    alias: {
      "@chinwag/client": source("client/src/index.ts"),
      "@chinwag/react": source("react/src/index.ts"),
      "given/useChatWebSocket": source("../tests/clients/given/hooks/useChatWebSocket.ts"),
    },
    // The specification's own hook lies elsewhere, and has no packages.
    dedupe: ["react", "react-dom"],
  },
  test: {
    include: ["*/test/**/*.test.{ts,tsx}"],
    silent: "passed-only",
    testTimeout: 30_000,
  },
});
