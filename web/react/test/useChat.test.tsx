// @vitest-environment jsdom
// `useChat`: rooms, messages, members and the connection of two people, through a restart of their server.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { act, cleanup, renderHook } from "@testing-library/react";
import { StrictMode } from "react";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";

import { isGap, useChat, type RoomState, type UseChat } from "../src/index.js";
import { SECRET, Server, connect, token, until } from "../../test/server.js";

let server: Server;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "chinwag-"));
  server = await start();
});
afterEach(cleanup);
afterAll(async () => {
  await server.stop();
  await rm(folder, { recursive: true });
});

const start = (port = "0") =>
  Server.start(["--port", port, "--state-file", join(folder, "state"), "--return-spread", "100ms", ...FAST]);

/** That the server says it has taken it. */
const refreshed = ({ chat }: UseChat) => new Promise<void>((resolve) => chat.on("refreshed", () => resolve()));

const FAST = ["--message-rate", "1000", "--message-burst", "1000"];

/** A page, as React runs it while it is developed: everything is mounted twice. */
function page(user: string, ...rooms: string[]) {
  const settings = { backoff: { base: 20, max: 100, factor: 1.5 } };
  const options = { url: `ws://${server.address}/chat`, user, connect, settings };
  const { result } = renderHook(() => useChat(options, rooms), { wrapper: StrictMode });
  const room = (name: string): RoomState => result.current.rooms.get(name)!;
  return {
    get hook() {
      return result.current;
    },
    room,
    texts: (name: string) => room(name).lines.map((line) => (isGap(line) ? "gap" : line.content)),
    joined: (name: string) => until(() => expect(room(name).isJoined).toBe(true)),
  };
}

test("two people see what they say, who is there, who writes, and what is new", async () => {
  const [ann, bob] = [page("ann", "talk"), page("bob", "talk", "other")];
  await Promise.all([ann.joined("talk"), bob.joined("talk")]);
  await until(() => expect([...ann.room("talk").members.keys()]).toEqual(["ann", "bob"]));
  act(() => ann.hook.look("talk"));
  ann.hook.typing("talk", true);
  await until(() => expect(bob.room("talk").typing).toEqual(["ann"]));
  expect(await act(() => ann.hook.publish("talk", "hello @bob"))).toBe(true);
  await until(() => expect(bob.texts("talk")).toEqual(["hello @bob"]));
  expect(bob.room("talk")).toMatchObject({ typing: [], unread: 1, mentions: 1 });
  act(() => bob.hook.look("talk"));
  expect(bob.room("talk")).toMatchObject({ unread: 0, mentions: 0 });
  await act(() => bob.hook.chat.status("talk", { state: "working", detail: "on it", progress: 40 }));
  await act(() => bob.hook.chat.task("talk", { task: "T-1", status: { state: "open" } }));
  await until(() => expect(ann.room("talk").tasks.get("T-1")?.status?.state).toBe("open"));
  expect(ann.room("talk").members.get("bob")?.status).toEqual({ state: "working", detail: "on it", progress: 40 });
  act(() => bob.hook.leave("talk"));
  await until(() => expect([...ann.room("talk").members.keys()]).toEqual(["ann"]));
  expect([...bob.hook.rooms.keys()]).toEqual(["other"]);
});

test("a restart is seen, and nothing is lost or doubled by it", async () => {
  const [ann, bob] = [page("ann", "keep"), page("bob", "keep")];
  await Promise.all([ann.joined("keep"), bob.joined("keep")]);
  const { port } = server;
  const answers = ["one", "two"].map((text) => ann.hook.publish("keep", text));
  await server.stop();
  await until(() => expect(bob.hook.connection.state).toBe("waiting"));
  expect(bob.room("keep").isJoined).toBe(false);
  answers.push(ann.hook.publish("keep", "three"));
  server = await start(port);
  await act(() => Promise.all(answers));
  for (const each of [ann, bob]) await until(() => expect(each.texts("keep")).toEqual(["one", "two", "three"]));
  expect(bob.hook.connection.state).toBe("connected");
});

test("older messages come when they are asked for", async () => {
  const ann = page("ann", "old");
  await ann.joined("old");
  const texts = Array.from({ length: 70 }, (_, index) => `m${index + 1}`);
  await act(() => Promise.all(texts.map((text) => ann.hook.publish("old", text))));
  const bob = page("bob", "old");
  await until(() => expect(bob.texts("old")).toEqual(texts.slice(20)));
  expect(bob.room("old").hasOlder).toBe(true);
  await act(() => bob.hook.loadOlder("old"));
  expect([bob.texts("old"), bob.room("old").hasOlder]).toEqual([texts, false]);
});

test("what the server says no to is told", async () => {
  const ann = page("ann", "no room");
  await until(() => expect(ann.hook.error).toBe("bad_room"));
  expect(await act(() => ann.hook.publish("nowhere", "hello"))).toBe(false);
  expect(ann.hook.error).toBe("unknown_room");
});

test("it follows the rooms that it is given", async () => {
  const options = { url: `ws://${server.address}/chat`, user: "ann", connect };
  const { result, rerender } = renderHook(({ rooms }) => useChat(options, rooms), { initialProps: { rooms: ["one", "two"] } });
  const joined = () => [...result.current.rooms.values()].flatMap(({ name, isJoined }) => (isJoined ? [name] : []));
  await until(() => expect(joined()).toEqual(["one", "two"]));
  act(() => result.current.join("own"));
  rerender({ rooms: ["two", "three"] });
  await until(() => expect(joined()).toEqual(["two", "own", "three"]));
});

test("it follows the token that it is given: shows a newer one, and comes back with it if it was turned away", async () => {
  const guarded = await Server.start([], SECRET);
  const options = { url: `ws://${guarded.address}/chat`, user: "ann", connect };
  const initialProps: { token: string | (() => string) } = { token: token("bob") };
  const { result, rerender } = renderHook(({ token }) => useChat({ ...options, token }, ["room"]), { initialProps });
  await until(() => expect([result.current.connection.state, result.current.error]).toEqual(["ended", "user_mismatch"]));
  rerender({ token: token("ann") });
  await until(() => expect([result.current.rooms.get("room")?.isJoined, result.current.error]).toEqual([true, null]));
  const taken = refreshed(result.current);
  rerender({ token: token("ann", { ttl: "2h" }) });
  await taken;
  await guarded.stop();
});

test("of functions that get tokens the newest is asked", async () => {
  const asked: string[] = [];
  const options = { url: `ws://${server.address}/chat`, user: "ann", connect: () => connect("ws://127.0.0.1:1/chat") };
  const { result, rerender } = renderHook(({ name }) => useChat({ ...options, token: () => (asked.push(name), name) }), {
    initialProps: { name: "old" },
  });
  await until(() => expect(asked).toContain("old"));
  rerender({ name: "new" });
  act(() => result.current.chat.reconnect());
  await until(() => expect(asked.at(-1)).toBe("new"));
});
