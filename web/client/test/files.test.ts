// Files between Node and a real server: what comes back is what went, and what is refused is named.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, expect, test } from "vitest";

import { Person, SECRET, Server, token } from "../../test/server.js";
import { download, isUploaded, upload, type FileOptions } from "../src/index.js";

let server: Server;
let folder: string;
let ann: Person;
let options: FileOptions;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "chinwag-"));
  server = await Server.start(["--files-dir", folder, "--file-bytes-max", "1000"], SECRET);
  // It may be a function, as in a chat.
  options = { url: `ws://${server.address}/chat`, user: "ann", token: () => Promise.resolve(token("ann")) };
  ann = await new Person("ann", server.address, { token: token("ann") }).enter("papers");
}, 60_000);
afterAll(async () => {
  ann.chat.close();
  await server.stop();
  await rm(folder, { recursive: true });
});

const text = (content: string) => new Blob([content], { type: "text/html" });

test("what comes back is what went, and a message names it", async () => {
  const uploaded = await upload(options, "papers", text("<b>süß</b>"), { name: "../süß & gut.html" });
  expect(uploaded).toMatchObject({ room: "papers", mediaType: "text/plain", bytes: 12, file: { name: "süß & gut.html" } });
  await ann.chat.publish("papers", "see", { kind: "file", file: uploaded.file });
  expect(ann.shown.at(-1)).toMatchObject({ kind: "file", file: uploaded.file });
  const file = await download(options, uploaded.file.url);
  expect([file.name, file.type, await file.text()]).toEqual(["süß & gut.html", "text/plain", "<b>süß</b>"]);
  const named = await upload(options, "papers", new File(["x"], "own.txt"));
  expect(named.file.name).toBe("own.txt");
});

test("what is refused is named, and so is that nobody answers", async () => {
  const eve = { ...options, user: "eve", token: token("eve") };
  const { file } = await upload(options, "papers", text("x"));
  const rejects = (promise: Promise<unknown>, code: string) => expect(promise).rejects.toMatchObject({ name: "RefusedError", code });
  await rejects(upload(options, "papers", text("x".repeat(1_001))), "file_too_large");
  await rejects(upload(options, "papers", text("\x7fELF\0")), "file_type");
  await rejects(upload(eve, "papers", text("x")), "not_member");
  await rejects(upload({ ...eve, user: "ann" }, "papers", text("x")), "user_mismatch");
  await rejects(download(eve, file.url), "not_member");
  await rejects(download(options, `/api/files/${"0".repeat(32)}`), "not_found");
  const nowhere = { ...options, url: "ws://127.0.0.1:1/chat" };
  await rejects(upload(nowhere, "papers", text("x")), "disconnected");
  await rejects(download(nowhere, file.url), "disconnected");
});

test("what is aborted ends with its reason", async () => {
  const signal = AbortSignal.abort(new Error("enough"));
  await expect(upload(options, "papers", text("x"), { signal })).rejects.toThrow("enough");
  await expect(download(options, `/api/files/${"0".repeat(32)}`, { signal })).rejects.toThrow("enough");
});

test("only what was uploaded is asked for", () => {
  const id = "0123456789abcdef".repeat(2);
  const urls = [`/api/files/${id}`, `/api/files/${id}/..`, `//a.example/api/files/${id}`, "/api/files/x", `https://a.example/api/files/${id}`];
  expect(urls.map(isUploaded)).toEqual([true, false, false, false, false]);
});
