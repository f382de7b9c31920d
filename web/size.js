// Prints what the client adds to a page: bundled, minified, and as it is transferred. Ends with 1 if that is more than it may be.
import { gzipSync } from "node:zlib";

import { build } from "vite";

/** Whoever makes it more says why. Bundlers leave out what is not used, such as files. */
const PACKED_MAX = 8_500;

const { output } = await build({
  configFile: false,
  logLevel: "warn",
  build: { write: false, rollupOptions: { input: "client/src/index.ts", preserveEntrySignatures: "strict" } },
});
const { code } = output[0];
const packed = gzipSync(code).length;
console.log(`@chinwag/client: ${code.length} bytes minified, ${packed} with gzip`);
if (packed > PACKED_MAX) {
  console.error(`more than ${PACKED_MAX} bytes`);
  process.exit(1);
}
