// Builds the page into server/page, where chat-server embeds it.
//
//     node page/build.js            writes it
//     node page/build.js --check    ends with 1 if what is there is not what it would write
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gunzipSync, gzipSync } from "node:zlib";

import { build } from "vite";

const path = (relative) => fileURLToPath(new URL(relative, import.meta.url));
const FOLDER = new URL("../../server/page/", import.meta.url);
// Preact stands for React: the page is a third as large.
const REACT = { "react/jsx-runtime": "preact/jsx-runtime", "react-dom/client": "preact/compat/client", react: "preact/compat" };
const LICENCE = "/*! Chinwag: MIT or Apache-2.0. Preact: MIT, (c) 2015-present Jason Miller. */";

const { output } = await build({
  configFile: false,
  logLevel: "warn",
  root: path("."),
  define: { "process.env.NODE_ENV": '"production"' },
  resolve: {
    alias: { ...REACT, "@chinwag/client": path("../client/src/index.ts"), "@chinwag/react": path("../react/src/index.ts") },
  },
  build: {
    write: false,
    modulePreload: false,
    target: "es2022",
    rollupOptions: {
      input: { page: path("src/main.tsx"), admin: path("src/admin.ts") },
      output: { entryFileNames: "[name].js", assetFileNames: "[name].[ext]", banner: LICENCE },
    },
  },
});

const files = output.map((file) => [file.fileName, Buffer.from(file.type === "chunk" ? file.code : file.source)]);
for (const name of ["index.html", "admin.html", "icon.svg"]) files.push([name, readFileSync(path(name))]);
const isCheck = process.argv.includes("--check");
mkdirSync(FOLDER, { recursive: true });
for (const [name, bytes] of files) {
  const packed = gzipSync(bytes, { level: 9 });
  console.log(`page ${name}: ${bytes.length} bytes, ${packed.length} with gzip`);
  if (isCheck) check(name, bytes);
  else write(name, bytes, packed);
}

function write(name, bytes, packed) {
  writeFileSync(new URL(name, FOLDER), bytes);
  writeFileSync(new URL(`${name}.gz`, FOLDER), packed);
}

/** What is packed may differ from one zlib to the next; what is in it may not. */
function check(name, bytes) {
  const isSame = (read) => {
    try {
      return read().equals(bytes);
    } catch {
      return false;
    }
  };
  const file = new URL(name, FOLDER);
  const packed = new URL(`${name}.gz`, FOLDER);
  if (isSame(() => readFileSync(file)) && isSame(() => gunzipSync(readFileSync(packed)))) return;
  console.error(`server/page/${name} is out of date: npm run embed --workspace page`);
  process.exit(1);
}
