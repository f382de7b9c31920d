// @vitest-environment jsdom
// `useWebSocket`, as specification 3 uses it: people and a bot in the bot's room, and REST without a socket.
import { cleanup, renderHook } from "@testing-library/react";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";

import { useWebSocket, type BotChatMessage, type BotStatusUpdate, type UseWebSocketOptions } from "../src/index.js";
import { SECRET, Server, connect, token, until } from "../../test/server.js";

let server: Server;

beforeAll(async () => {
  server = await Server.start();
});
afterEach(cleanup);
afterAll(() => server.stop());

/** A page that shows a bot's room, and what it was told. */
function page(userId: string, botId: string, more: Partial<UseWebSocketOptions> = {}) {
  const messages: BotChatMessage[] = [];
  const statuses: BotStatusUpdate[] = [];
  const { result, unmount } = renderHook(() =>
    useWebSocket({
      url: `http://${server.address}`,
      socket: connect,
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
    close: unmount,
    connected: () => until(() => expect(result.current.isConnected).toBe(true)),
    told: (status: string) => until(() => expect(statuses.map((told) => told.status)).toContain(status)),
    heard: (...said: string[]) => until(() => expect(messages.map(({ message }) => message)).toEqual(said)),
  };
}

test("people and a bot talk, and its owner starts and stops it", async () => {
  // Whoever is in the room first is its owner.
  const ann = page("ann", "weather");
  await ann.connected();
  ann.hook.sendMessage("Is anybody here?");
  await ann.heard("Is anybody here?");
  const bob = page("bob", "weather");
  await bob.heard("Is anybody here?");
  ann.hook.sendTyping(true);
  await until(() => expect(bob.hook.typingUsers).toEqual(["ann"]));
  ann.hook.sendMessage("Hello bot!");
  await bob.heard("Is anybody here?", "Hello bot!");
  await until(() => expect(bob.hook.typingUsers).toEqual([]));
  const bot = page("weather", "weather");
  await bot.heard("Is anybody here?", "Hello bot!");
  await ann.told("running");
  bot.hook.sendMessage("It rains.");
  await ann.heard("Is anybody here?", "Hello bot!", "It rains.");
  expect(ann.messages.slice(1).map(({ userId, sender, botId }) => [userId, sender, botId])).toEqual([
    ["ann", "user", "weather"],
    ["weather", "bot", "weather"],
  ]);
  ann.hook.stopBot("weather");
  await bob.told("stopping");
  ann.hook.startBot("weather");
  await bob.told("starting");
  bob.hook.startBot("weather");
  await until(() => expect(bob.hook.error).toBe("permission_denied"));
});

test("without a socket one speaks by REST", async () => {
  const ina = page("ina", "porter");
  await ina.connected();
  const jon = page("jon", "porter", { autoConnect: false });
  expect(jon.hook.isConnected).toBe(false);
  jon.hook.sendMessage("by REST");
  await ina.heard("by REST");
  jon.hook.connect();
  await jon.connected();
  jon.hook.sendMessage("by socket");
  await jon.heard("by REST", "by socket");
  jon.hook.disconnect();
  await until(() => expect(jon.hook.isConnected).toBe(false));
  jon.hook.sendMessage("by REST again");
  await ina.heard("by REST", "by socket", "by REST again");
});

test("a page may hear other bots, too", async () => {
  const [kim, lea] = [page("kim", "one"), page("lea", "two")];
  await Promise.all([kim.connected(), lea.connected()]);
  kim.hook.joinBot("two");
  lea.hook.sendMessage("of two");
  await kim.heard("of two");
  expect(kim.messages[0]).toMatchObject({ botId: "two", userId: "lea" });
});

test("a bad token is told, also by REST", async () => {
  const guarded = await Server.start([], SECRET);
  const url = `http://${guarded.address}`;
  const kim = page("kim", "guard", { url, token: token("kim") });
  await kim.connected();
  const liar = page("kim", "guard", { url, token: "of nobody" });
  await until(() => expect(liar.hook.error).toBe("bad_token"));
  const caller = page("kim", "guard", { url, token: "of nobody", autoConnect: false });
  caller.hook.sendMessage("let me in");
  await until(() => expect(caller.hook.error).toBe("bad_token"));
  [kim, liar, caller].forEach(({ close }) => close());
  await guarded.stop();
});
