// Specification 3: npm's socket.io-client in a hook of the shape that its text uses.
import { cleanup, renderHook, waitFor } from "@testing-library/react";
import { io } from "socket.io-client";
import { afterEach, expect, test } from "vitest";

import { OTHER_SECRET, SECRET, SHARED, Server, token } from "./server";
import { type BotStatusUpdate, type ChatMessage, type Options, useWebSocket } from "./useWebSocket";

afterEach(cleanup);

/** A page that shows a bot's room, and what it was told. */
function page(userId: string, botId: string, more: Partial<Options> = {}) {
  const messages: ChatMessage[] = [];
  const statuses: BotStatusUpdate[] = [];
  const { result, unmount } = renderHook(() =>
    useWebSocket({
      url: `http://${SHARED}`,
      botId,
      userId,
      token: "jwt-token",
      autoConnect: true,
      onMessage: (message) => messages.push(message),
      onStatusUpdate: (status) => statuses.push(status),
      ...more,
    }),
  );
  return {
    get hook() {
      return result.current;
    },
    messages,
    statuses,
    close: unmount,
    connected: () => waitFor(() => expect(result.current.isConnected).toBe(true)),
    told: (status: string) => waitFor(() => expect(statuses.at(-1)?.status).toBe(status)),
    heard: (...said: string[]) => waitFor(() => expect(messages.map(({ message }) => message)).toEqual(said)),
  };
}

test("a person and a bot talk", async () => {
  const [ann, bob] = [page("ann", "weather"), page("bob", "weather")];
  await Promise.all([ann.connected(), bob.connected()]);
  const bot = page("weather", "weather");
  await bot.connected();

  ann.hook.sendMessage("Hello bot!");
  await Promise.all([ann, bob, bot].map((reader) => reader.heard("Hello bot!")));
  for (const status of ["processing", "thinking", "executing"]) bot.hook.sendStatus(status);
  bot.hook.sendMessage("It rains.");
  await Promise.all([ann, bob, bot].map((reader) => reader.heard("Hello bot!", "It rains.")));

  for (const { messages, statuses } of [ann, bob]) {
    expect(messages.map(({ userId, sender }) => [userId, sender])).toEqual([
      ["ann", "user"],
      ["weather", "bot"],
    ]);
    expect(messages.every(({ timestamp }) => !Number.isNaN(Date.parse(timestamp)))).toBe(true);
    expect(statuses.slice(-3).map(({ botId, status }) => [botId, status])).toEqual([
      ["weather", "processing"],
      ["weather", "thinking"],
      ["weather", "executing"],
    ]);
  }
});

test("several people are seen to type, and to stop", async () => {
  const [cat, dan, eve] = ["cat", "dan", "eve"].map((user) => page(user, "poet"));
  await Promise.all([cat, dan, eve].map((reader) => reader.connected()));
  dan.hook.sendTyping(true);
  eve.hook.sendTyping(true);
  await waitFor(() => expect([...cat.hook.typingUsers].sort()).toEqual(["dan", "eve"]));
  eve.hook.sendTyping(false);
  await waitFor(() => expect(cat.hook.typingUsers).toEqual(["dan"]));
});

test("what is said to a bot is shown to whoever has joined it", async () => {
  const [fay, guy] = [page("fay", "cook"), page("guy", "driver")];
  await Promise.all([fay.connected(), guy.connected()]);
  fay.hook.sendMessage("only for the cook");
  await fay.heard("only for the cook");
  await fay.hook.joinBot("driver");
  guy.hook.sendMessage("for the driver");
  await guy.heard("for the driver");
  await fay.heard("only for the cook", "for the driver");
  expect(fay.messages.map(({ botId }) => botId)).toEqual(["cook", "driver"]);
});

test("what is said while a bot is away waits for it", async () => {
  const person = page("hal", "sleeper");
  await person.connected();
  person.hook.sendMessage("one");
  const bot = page("sleeper", "sleeper");
  await bot.heard("one");
  await person.told("running");
  bot.hook.sendSeen();
  bot.close();
  await person.told("stopped");
  for (const message of ["two", "three", "four"]) person.hook.sendMessage(message);
  await person.heard("one", "two", "three", "four");
  const back = page("sleeper", "sleeper");
  await back.heard("two", "three", "four");
  await person.told("running");
});

test("a page comes back after the server, and shows what it says then", async () => {
  const server = await Server.start();
  const ivy = page("ivy", "clerk", { url: `http://${server.address}` });
  await ivy.connected();
  await server.stop();
  await waitFor(() => expect(ivy.hook.isConnected).toBe(false));
  const next = await Server.start(["--port", server.port]);
  await waitFor(() => expect(ivy.hook.isConnected).toBe(true));
  ivy.hook.sendMessage("here again");
  await ivy.heard("here again");
  ivy.close();
  await next.stop();
});

test("its owner starts and stops a bot, and nobody else does", async () => {
  const owner = page("mia", "robot");
  await owner.connected();
  const [bot, other] = [page("robot", "robot"), page("ned", "robot")];
  await Promise.all([bot.connected(), other.connected()]);
  owner.hook.stopBot("robot");
  await bot.told("stopping");
  bot.hook.sendStatus("stopped");
  await Promise.all([owner.told("stopped"), other.told("stopped")]);
  owner.hook.startBot("robot");
  await bot.told("starting");
  bot.hook.sendStatus("running");
  await Promise.all([owner.told("running"), other.told("running")]);
  other.hook.stopBot("robot");
  await waitFor(() => expect(other.hook.error).toBe("permission_denied"));
  expect(bot.statuses.at(-1)?.status).toBe("running");
});

test("whoever is not connected posts by REST", async () => {
  const ina = page("ina", "porter");
  await ina.connected();
  const jon = page("jon", "porter", { autoConnect: false });
  expect(jon.hook.isConnected).toBe(false);
  const answer = await fetch(`http://${SHARED}/bot-execution/porter/chat?user=jon`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ message: "Hello bot!" }),
  });
  expect([answer.status, await answer.text()]).toEqual([201, expect.stringContaining('"seq"')]);
  await ina.heard("Hello bot!");
  expect(ina.messages[0].userId).toBe("jon");
});

test("tokens are verified on connecting", async () => {
  const server = await Server.start(["--token-dialects", "socketio"], SECRET);
  const url = `http://${server.address}`;
  const kim = page("kim", "guard", { url, token: token("kim") });
  await kim.connected();
  const liar = page("kim", "guard", { url, token: token("kim", { secret: OTHER_SECRET }) });
  await waitFor(() => expect(liar.hook.error).not.toBeNull());
  expect(liar.hook.isConnected).toBe(false);
  kim.close();
  liar.close();
  await server.stop();
});

test("polling is refused in a way that the client understands", async () => {
  const socket = io(`http://${SHARED}`, { transports: ["polling"], auth: { userId: "lea" }, forceNew: true });
  const error = await new Promise<Error>((failed) => socket.on("connect_error", failed));
  socket.disconnect();
  expect(error.message).toBe("xhr poll error");
});
