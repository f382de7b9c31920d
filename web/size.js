// Prints what the client adds to a page: bundled, minified, and as it is transferred.
import { gzipSync } from "node:zlib";

import { build } from "vite";

const { output } = await build({
  configFile: false,
  logLevel: "warn",
  build: { write: false, rollupOptions: { input: "client/src/index.ts", preserveEntrySignatures: "strict" } },
});
const { code } = output[0];
console.log(`@chinwag/client: ${code.length} bytes minified, ${gzipSync(code).length} with gzip`);
