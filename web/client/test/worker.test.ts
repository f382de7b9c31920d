// The client where there is no page: bundled, in a worker of Chromium and in one of Node.
import { createServer, type Server as HttpServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Worker as NodeWorker } from "node:worker_threads";

import type { Browser } from "playwright-core";
import { build, type Rollup } from "vite";
import { afterAll, beforeAll, expect, test } from "vitest";

import { launch } from "../../test/browser.js";
import { Server } from "../../test/server.js";

/** Says something, and tells what it is shown of it. */
const SCRIPT = `
  import { Chat } from "./src/index.js";
  export function talk(url, user, tell, connect) {
    const chat = new Chat({ url, user, ...(connect && { connect }) });
    chat.on("message", ({ message }) => (tell(message.user + ": " + message.content), chat.close()));
    chat.start().join(user);
    void chat.publish(user, "hello");
  }
`;

let server: Server;
let browser: Browser;
let site: HttpServer;
let code: string;

beforeAll(async () => {
  server = await Server.start();
  browser = await launch();
  const entry = new URL("../talk.js", import.meta.url).pathname;
  const { output } = (await build({
    configFile: false,
    logLevel: "warn",
    plugins: [{ name: "talk", resolveId: (id) => (id === entry ? id : null), load: (id) => (id === entry ? SCRIPT : null) }],
    build: { write: false, rollupOptions: { input: entry, preserveEntrySignatures: "strict" } },
  })) as Rollup.RollupOutput;
  code = output[0].code;
  site = createServer(({ url }, answer) => {
    const isScript = url === "/talk.js";
    answer.setHeader("content-type", isScript ? "text/javascript" : "text/html").end(isScript ? code : "");
  }).listen(0, "127.0.0.1");
}, 60_000);
afterAll(async () => {
  await browser.close();
  site.close();
  await server.stop();
});

const url = () => `ws://${server.address}/chat`;

test("it talks from a worker of a browser", async () => {
  const page = await browser.newPage();
  await page.goto(`http://127.0.0.1:${(site.address() as AddressInfo).port}/`);
  const shown = await page.evaluate((url) => {
    const script = `import { talk } from "${location.origin}/talk.js"; talk("${url}", "wendy", postMessage);`;
    const worker = new Worker(URL.createObjectURL(new Blob([script], { type: "text/javascript" })), { type: "module" });
    return new Promise<unknown>((told, failed) => {
      worker.onmessage = ({ data }) => told(data);
      worker.onerror = ({ message }) => failed(new Error(message));
    });
  }, url());
  expect(shown).toBe("wendy: hello");
});

test("it talks from a worker of Node", async () => {
  const script = `
    import { createRequire } from "node:module";
    import { parentPort, workerData } from "node:worker_threads";
    const { WebSocket } = createRequire(workerData.from)("ws");
    const { talk } = await import("data:text/javascript;base64," + workerData.code);
    talk(workerData.url, "norbert", (text) => parentPort.postMessage(text), (url) => new WebSocket(url));
  `;
  const worker = new NodeWorker(new URL(`data:text/javascript,${encodeURIComponent(script)}`), {
    workerData: { code: Buffer.from(code).toString("base64"), url: url(), from: import.meta.url },
  });
  const shown = await new Promise<unknown>((told, failed) => void worker.once("message", told).once("error", failed));
  expect(shown).toBe("norbert: hello");
  await worker.terminate();
});
