// The client against real servers: what is said is in its room once, whatever becomes of connections and servers.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";

import { QueueFullError, RefusedError, type ChatOptions, type Socket } from "../src/index.js";
import { Person, SECRET, Server, connect, token, until } from "../../test/server.js";

let shared: Server;
let folder: string;
const people: Person[] = [];

beforeAll(async () => {
  shared = await Server.start();
  folder = await mkdtemp(join(tmpdir(), "chinwag-"));
});
afterEach(() => people.splice(0).forEach(({ chat }) => chat.close()));
afterAll(async () => {
  await shared.stop();
  await rm(folder, { recursive: true });
});

function person(user: string, options: Partial<ChatOptions> = {}, address = shared.address): Person {
  const made = new Person(user, address, options);
  people.push(made);
  return made;
}

const HANDLERS = { onopen: null, onmessage: null, onclose: null, onerror: null };

const numbers = (count: number, prefix = "m") => Array.from({ length: count }, (_, index) => `${prefix}${index + 1}`);

test("two people talk, ask who is there, and read what was said before", async () => {
  const ann = await person("ann").enter("talk");
  const extra = { replyTo: 1, mentions: ["bob"], file: { url: "https://a.example/b", name: "b" } };
  await ann.chat.publish("talk", "hello");
  expect(await ann.chat.publish("talk", "look", extra)).toMatchObject({ room: "talk", seq: 2 });
  const bob = await person("bob").enter("talk");
  await until(() => expect(bob.contents).toEqual(["hello", "look"]));
  expect(bob.shown[1]).toMatchObject({ user: "ann", fromHistory: true, ...extra });
  bob.chat.typing("talk", true);
  await ann.next("presence");
  const { members, count } = await bob.chat.members("talk");
  expect([members.map(({ user }) => user), count]).toEqual([["ann", "bob"], 2]);
  const { messages, more } = await bob.chat.history("talk", 2, 10);
  expect([messages.map(({ content }) => content), more]).toEqual([["hello"], false]);
  const { rooms } = await bob.chat.rooms();
  expect(rooms).toContainEqual({ room: "talk", members: 2 });
  await expect(bob.chat.create("talk")).rejects.toThrow(new RefusedError("room_exists"));
});

test("a connection that ends after any frame loses and doubles nothing", async () => {
  const reader = await person("reader").enter("cuts");
  const said: string[] = [];
  for (let frames = 1; frames <= 16; frames++) {
    const writer = person(`writer-${frames}`, { connect: cut(frames) });
    writer.chat.start().join("cuts");
    const contents = numbers(4, `${frames}-`);
    await Promise.all(contents.map((content) => writer.chat.publish("cuts", content)));
    said.push(...contents);
    await until(() => expect(writer.contents.slice(-4)).toEqual(contents));
    writer.chat.close();
  }
  await until(() => expect(reader.contents).toEqual(said));
});

/** Connections of which the first ends after so many frames, in both directions together. */
function cut(frames: number): (url: string) => Socket {
  let left = frames;
  return (url) => {
    const socket = connect(url) as Socket & { terminate(): void; on(type: string, listener: () => void): void };
    const count = () => {
      left -= 1;
      if (left === 0) socket.terminate();
    };
    const send = socket.send.bind(socket);
    socket.send = (text) => (send(text), count());
    socket.on("message", count);
    return socket;
  };
}

test.each(["stop", "crash"] as const)("a server that is told to %s and comes back loses and doubles nothing", async (how) => {
  const kept = how === "stop" ? ["--state-file", join(folder, "state")] : ["--data-dir", join(folder, "data")];
  const flags = [...kept, "--return-spread", "100ms", "--message-rate", "1000", "--message-burst", "1000"];
  let server = await Server.start(flags);
  const [ann, bob] = [person("ann", {}, server.address), person("bob", {}, server.address)];
  await Promise.all([ann.enter("keep"), bob.enter("keep")]);
  const answers = [];
  for (const [index, content] of numbers(60).entries()) {
    answers.push(ann.chat.publish("keep", content));
    if (index % 20 !== 10) continue;
    const gone = ann.next("disconnected");
    await server[how]();
    await gone;
    server = await Server.start([...flags, "--port", server.port]);
  }
  const seqs = (await Promise.all(answers)).map(({ seq }) => seq);
  expect(seqs).toEqual(numbers(60).map((_, index) => index + 1));
  for (const reader of [ann, bob]) await until(() => expect(reader.contents).toEqual(numbers(60)));
  await server.stop();
});

test("what is said while offline waits, up to a limit", async () => {
  const ann = person("ann", { settings: { queueMax: 2 } });
  const answers = [ann.chat.publish("queue", "one"), ann.chat.publish("queue", "two")];
  await expect(ann.chat.publish("queue", "three")).rejects.toThrow(QueueFullError);
  await expect(ann.chat.members("queue")).rejects.toThrow(new RefusedError("disconnected"));
  ann.chat.join("queue");
  ann.chat.start();
  expect((await Promise.all(answers)).map(({ seq }) => seq)).toEqual([1, 2]);
});

test("an aborted signal ends a wait, or the client", async () => {
  const [wait, life] = [new AbortController(), new AbortController()];
  const ann = person("ann", { signal: life.signal });
  const answer = ann.chat.publish("abort", "later", undefined, { signal: wait.signal });
  wait.abort(new Error("enough"));
  await expect(answer).rejects.toThrow("enough");
  await ann.enter("abort");
  await until(() => expect(ann.contents).toEqual(["later"]));
  const open = ann.chat.publish("abort", "never answered");
  const late = person("bob", { signal: AbortSignal.abort() });
  const unsaid = late.chat.publish("abort", "never said");
  late.chat.start();
  await expect(unsaid).rejects.toThrow(new RefusedError("ended"));
  life.abort();
  expect(ann.chat.isEnded).toBe(true);
  await expect(open).rejects.toThrow(new RefusedError("unresolved"));
});

test("a silent connection is kept alive by pings", async () => {
  const ann = await person("ann", { settings: { pingAfter: 40, silenceTimeout: 200 } }).enter("quiet");
  const lost = vi.fn();
  ann.chat.on("disconnected", lost);
  for (let pongs = 0; pongs < 8; pongs++) await ann.next("pong");
  expect(lost).not.toHaveBeenCalled();
});

test("a token that ends is renewed, and the connection stays", async () => {
  const server = await Server.start([], SECRET);
  const tokens = vi.fn(() => token("ann", { ttl: tokens.mock.calls.length === 1 ? "1s" : "1h" }));
  const ann = await person("ann", { token: tokens }, server.address).enter("renewed");
  const lost = vi.fn();
  ann.chat.on("disconnected", lost);
  await ann.next("refreshed");
  expect([tokens.mock.calls.length, lost.mock.calls.length]).toEqual([2, 0]);
  const nobody = person("bob", { token: "no token" }, server.address);
  const ended = nobody.next("ended");
  nobody.chat.start();
  await ended;
  await server.stop();
});

test("whoever was closed for an old token comes back with a new one", async () => {
  const server = await Server.start([], SECRET);
  const sockets: Socket[] = [];
  const open = (url: string) => sockets[sockets.push(connect(url)) - 1]!;
  const tokens = vi.fn(() => token("ann"));
  const ann = await person("ann", { token: tokens, connect: open }, server.address).enter("renewed");
  const back = ann.next("joined");
  sockets[0]!.onclose!({ code: 4504, reason: "token_expired" } as never);
  await back;
  expect([tokens.mock.calls.length, sockets.length]).toEqual([2, 2]);
  const fixed = await person("bob", { token: token("bob"), connect: open }, server.address).enter("renewed");
  sockets.at(-1)!.onclose!({ code: 4504, reason: "token_expired" } as never);
  expect(fixed.chat.isEnded).toBe(true);
  await server.stop();
});

test("what does not open is given up, and so is a token that does not come", async () => {
  const never = () => ({ ...HANDLERS, send: () => {}, close: () => {} }) as Socket;
  const sockets = vi.fn((url: string) => (sockets.mock.calls.length === 1 ? never() : connect(url)));
  const tokens = vi.fn(() => (tokens.mock.calls.length === 1 ? new Promise<string>(() => {}) : "no token"));
  const ann = person("ann", { connect: sockets, token: tokens, connectTimeout: 500 });
  const tried = vi.fn();
  ann.chat.on("connecting", tried);
  await ann.enter("late");
  expect([tokens.mock.calls.length, sockets.mock.calls.length, tried.mock.calls.length]).toEqual([3, 2, 3]);
});

test("a socket that cannot be written to is followed by another", async () => {
  const broken = (url: string) => {
    const socket = connect(url);
    socket.send = () => {
      throw new Error("not open");
    };
    return socket;
  };
  const sockets = vi.fn((url: string) => (sockets.mock.calls.length === 1 ? broken(url) : connect(url)));
  const ann = await person("ann", { connect: sockets }).enter("broken");
  expect(await ann.chat.publish("broken", "hello")).toMatchObject({ seq: 1 });
});

test("whoever will not wait has one connection, and the newest", async () => {
  const opened = vi.fn(connect);
  const ann = await person("ann", { connect: opened }).enter("impatient");
  ann.chat.reconnect();
  ann.chat.reconnect();
  await ann.next("joined");
  expect(await ann.chat.publish("impatient", "hello")).toMatchObject({ seq: 1 });
  expect(opened).toHaveBeenCalledTimes(2);
});

test("what is too fast goes again by itself", async () => {
  const server = await Server.start(["--message-rate", "20", "--message-burst", "2"]);
  const ann = await person("ann", {}, server.address).enter("fast");
  const refused = vi.fn();
  ann.chat.on("refused", refused);
  const seqs = await Promise.all(numbers(8).map(async (content) => (await ann.chat.publish("fast", content)).seq));
  expect(seqs).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  expect(refused).toHaveBeenCalled();
  await server.stop();
});

test("a listener that throws harms nobody, and one may speak as soon as it hears", async () => {
  const thrown: (() => void)[] = [];
  const report = vi.spyOn(globalThis, "queueMicrotask").mockImplementation((throws) => void thrown.push(throws));
  const ann = person("ann");
  ann.chat.on("attached", () => {
    throw new Error("of a listener");
  });
  ann.chat.on("attached", () => void ann.chat.publish("heard", "at once"));
  await ann.enter("heard");
  await until(() => expect(ann.contents).toEqual(["at once"]));
  report.mockRestore();
  expect(thrown[0]).toThrow("of a listener");
});
