// @vitest-environment jsdom
// `useChatWebSocket` beside the hook that specification 4 gives, word for word: both show the same.
import { once } from "node:events";
import type { AddressInfo } from "node:net";

import { act, cleanup, renderHook } from "@testing-library/react";
import { afterAll, afterEach, beforeEach, expect, test, vi } from "vitest";
import { WebSocketServer } from "ws";

import { useChatWebSocket as given } from "given/useChatWebSocket";
import { useChatWebSocket as ours, type UseChatWebSocket } from "../src/index.js";
import { Server, until } from "../../test/server.js";

declare global {
  /** What stands for the one address that the specification's text holds. */
  var GIVEN_URL: string;
}

let server: Server;
const sockets: WebSocket[] = [];
const listeners: WebSocketServer[] = [];
vi.stubGlobal(
  "WebSocket",
  class extends WebSocket {
    constructor(url: string) {
      super(url);
      sockets.push(this);
    }
  },
);

beforeEach(async () => {
  server = await Server.start();
  globalThis.GIVEN_URL = `ws://${server.address}/ws`;
});
afterEach(async () => {
  cleanup();
  // As given, the hook of a page that is gone connects again.
  for (const socket of sockets.splice(0)) socket.onclose = null;
  for (const listener of listeners.splice(0)) listener.close();
  vi.restoreAllMocks();
  vi.useRealTimers();
  await server.stop();
});
afterAll(() => vi.unstubAllGlobals());

const HOOKS: Record<string, (userId: string) => UseChatWebSocket> = {
  given: (userId) => given(userId, "developer"),
  ours: (userId) => ours(userId, "developer", { url: globalThis.GIVEN_URL }),
};

/** A page with one of the hooks, whose user has its name. */
function page(name: string) {
  const { result } = renderHook(() => HOOKS[name]!(name));
  return {
    get hook() {
      return result.current;
    },
    known: () => until(() => expect(result.current.users.map(({ id }) => id)).toContain(name)),
    texts: () => result.current.messages.map(({ text }) => text),
  };
}

test("both hooks have the same shape and show the same", async () => {
  const pages = [page("given"), page("ours")];
  const [theirs, own] = pages as [ReturnType<typeof page>, ReturnType<typeof page>];
  expect(Object.keys(own.hook).sort()).toEqual(Object.keys(theirs.hook).sort());
  expect([own.hook.sendMessage("too early"), own.hook.error]).toEqual([false, null]);
  await Promise.all(pages.map((each) => each.known()));
  expect(own.hook).toMatchObject({ connected: true, error: null });
  act(() => void theirs.hook.sendMessage("hello @ours", ["ours"]));
  await until(() => expect(own.texts()).toEqual(["hello @ours"]));
  const { id, mentions } = own.hook.messages[0]!;
  expect(mentions).toEqual(["ours"]);
  act(() => void own.hook.sendMessage("/look", [], id));
  for (const each of pages) await until(() => expect(each.texts()).toEqual(["hello @ours", "/look"]));
  expect(plain(own.hook.messages)).toEqual(plain(theirs.hook.messages));
  expect(own.hook.messages[1]).toMatchObject({ sender: "ours", isCommand: true, replyTo: id });

  const agent = new WebSocket(globalThis.GIVEN_URL);
  await new Promise((opened) => (agent.onopen = opened));
  const say = (type: string, data: object) => agent.send(JSON.stringify({ type, data }));
  say("auth", { userId: "agent", role: "agent" });
  say("status_update", { status: "working", currentTask: "Reviewing", progress: 25 });
  for (const each of pages) await until(() => expect(each.hook.agentStatuses).not.toEqual([]));
  expect(plain(own.hook.agentStatuses)).toEqual(plain(theirs.hook.agentStatuses));
  expect(own.hook.users.map(({ id, status }) => [id, status])).toContainEqual(["agent", "online"]);
});

/** Without what is not there: as given, fields may hold nothing. */
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value).replaceAll(/,"replyTo":null/g, ""));

test("both give up after five attempts, with the same words", async () => {
  const pages = [page("given"), page("ours")];
  await Promise.all(pages.map((each) => each.known()));
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  await server.stop();
  for (const each of pages) await soon(() => expect(each.hook.connected).toBe(false));
  for (let attempt = 1; attempt <= 5; attempt++) {
    const before = sockets.length;
    await soon(() => expect(sockets).toHaveLength(before + 2), 1_000);
  }
  for (const each of pages) {
    await soon(() => expect(each.hook.error).toBe("Connection lost. Please refresh the page."));
  }
  expect(sockets).toHaveLength(2 * 6);
});

test.each([
  ["hangs up", 1011, 6],
  ["sends them away", 4000, 1],
])("whoever is met by a server that %s does not try for ever", async (_, code, attempts) => {
  const listener = await listen();
  listener.on("connection", (socket) => socket.close(code));
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  const before = sockets.length;
  const { result } = renderHook(() => ours("ann", "user", { url: globalThis.GIVEN_URL }));
  await soon(() => expect(result.current.error).toBe("Connection lost. Please refresh the page."), 1_000);
  await soon(() => expect(result.current.connected).toBe(false), 10_000);
  expect(sockets.length - before).toBe(attempts);
});

/** A server that says and does nothing but what the test has it do. */
async function listen(): Promise<WebSocketServer> {
  const listener = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  listeners.push(listener);
  await once(listener, "listening");
  globalThis.GIVEN_URL = `ws://127.0.0.1:${(listener.address() as AddressInfo).port}`;
  return listener;
}

test.each(Object.keys(HOOKS))("what a server says that makes no sense harms nobody: %s", async (name) => {
  const { clients } = await listen();
  const say = (text: string) => clients.forEach((socket) => socket.send(text));
  const [errors, warnings] = [vi.spyOn(console, "error"), vi.spyOn(console, "warn")];
  const reader = page(name);
  await until(() => expect(reader.hook.connected).toBe(true));
  for (const text of ["no JSON", "null", '{"type":"message"}', '{"type":"dance","data":{}}']) say(text);
  say(JSON.stringify({ type: "message", data: { id: 1, text: "sense", sender: "bob", timestamp: "2025-01-10T15:30:00Z" } }));
  await until(() => expect(reader.texts()).toEqual(["sense"]));
  expect(errors.mock.calls.map(([words]) => words as string)).toEqual(Array(3).fill("Error parsing message:"));
  expect(warnings.mock.calls).toEqual([["Unknown message type:", "dance"]]);
  expect(reader.hook).toMatchObject({ connected: true, error: null });
});

test.each(Object.keys(HOOKS))("what cannot be sent, and no socket at all, are told: %s", async (name) => {
  await listen();
  const errors = vi.spyOn(console, "error");
  const reader = page(name);
  await until(() => expect(reader.hook.connected).toBe(true));
  vi.spyOn(sockets.at(-1)!, "send").mockImplementation(() => {
    throw new Error("full");
  });
  let isSent: boolean | undefined;
  act(() => void (isSent = reader.hook.sendMessage("hello")));
  expect([isSent, reader.hook.error]).toEqual([false, "Failed to send message"]);
  globalThis.GIVEN_URL = "no address";
  const other = page(name);
  expect(other.hook).toMatchObject({ connected: false, error: "Failed to connect to server" });
  expect(errors.mock.calls.map(([words]) => words as string)).toEqual(["Error sending message:", "Error creating WebSocket:"]);
});

/** While the clock is a fake: it is set forward by so many milliseconds before each look. */
async function soon(check: () => void, step = 0) {
  for (let look = 0; ; look++) {
    await act(async () => {
      vi.advanceTimersByTime(step);
      await new Promise(setImmediate);
    });
    try {
      return check();
    } catch (error) {
      if (look > 5_000) throw error;
    }
  }
}
