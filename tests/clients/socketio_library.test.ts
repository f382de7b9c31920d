// Specification 3: npm's socket.io-client by itself, what its library promises beyond the hook: callbacks, `auth` as a
// function, errors, and coming back from where one had read.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";

import { type Socket, io } from "socket.io-client";
import { afterEach, test } from "vitest";

import { SHARED } from "./server";

const opened: Socket[] = [];
afterEach(() => opened.splice(0).forEach((socket) => socket.disconnect()));

/** A name of its own, for the server is shared. */
const fresh = (name: string) => `${name}-${randomBytes(4).toString("hex")}`;

function client({ namespace = "/", ...options }: Record<string, any>): any {
  const socket = io(`http://${SHARED}${namespace}`, {
    transports: ["websocket"],
    forceNew: true,
    reconnectionDelay: 50,
    ...options,
  });
  opened.push(socket);
  return socket;
}

/** The next event of this name. */
const heard = (socket: any, name: string) => once(socket, name).then(([data]) => data);

/** Connected as a user, in the room of a bot. */
async function member(userId: string, botId: string): Promise<any> {
  const socket = client({ auth: { userId } });
  await once(socket, "connect");
  const joined = await socket.timeout(10_000).emitWithAck("bot:join", { botId });
  assert.equal(joined.ok, true);
  assert.equal(joined.room, `bot:${botId}`);
  return socket;
}

test("the same id is in the room once", async () => {
  const bot = fresh("bot");
  const person = await member(fresh("ann"), bot);
  const said = { botId: bot, message: "once", id: fresh("m") };
  // As if its answer had been given up.
  person.emit("chat:message", said);
  const answer = await person.timeout(10_000).emitWithAck("chat:message", said);
  assert.deepEqual([answer.ok, answer.id], [true, said.id]);
  const { messages } = await person.emitWithAck("chat:history", { botId: bot });
  assert.equal(messages.length, 1);
});

test("a refusal is in the callback, or an event without one", async () => {
  const person = await member(fresh("ann"), fresh("bot"));
  const answer = await person.emitWithAck("chat:message", { room: fresh("elsewhere"), message: "hi" });
  assert.deepEqual([answer.ok, answer.error.code], [false, "unknown_room"]);
  const error = heard(person, "error");
  person.emit("dance");
  assert.equal((await error).code, "unknown_type");
});

test("auth may be a function", async () => {
  const userId = fresh("ann");
  const socket = client({ auth: (callback: any) => callback({ userId }) });
  await once(socket, "connect");
  assert.equal(typeof socket.id, "string");
  const { rooms } = await socket.emitWithAck("room:list");
  assert(Array.isArray(rooms));
});

test("who cannot be let in is told why", async () => {
  const nobody = client({ auth: { userId: "no name" } });
  const [error] = await once(nobody, "connect_error");
  assert.equal(error.data.code, "bad_user");
  assert.equal(nobody.active, false, "it does not try again by itself");
  const elsewhere = client({ namespace: "/admin" });
  await once(elsewhere, "connect_error");
});

test("a lost connection comes back by itself, and its user reads on", async () => {
  const [ann, bot] = [fresh("ann"), fresh("bot")];
  const [person, other] = [await member(ann, bot), await member(fresh("bob"), bot)];
  // What a client does as it comes back: it joins from where it has read.
  let read = (await person.emitWithAck("bot:join", { botId: bot })).seq;
  const { epoch } = await person.emitWithAck("chat:history", { botId: bot });
  person.on("chat:message", ({ seq }: any) => (read = seq));

  const away = once(person, "disconnect");
  const back = once(person, "connect");
  person.io.engine.transport.ws.terminate();
  await away;
  await other.timeout(10_000).emitWithAck("chat:message", { botId: bot, message: "while you were away" });
  await back;
  const missed = heard(person, "chat:history");
  const joined = await person.emitWithAck("bot:join", { botId: bot, since: read, epoch });
  assert.equal(joined.verdict, "full");
  assert.deepEqual((await missed).messages.map(({ message }: any) => message), ["while you were away"]);
});

test("who disconnects has left at once", async () => {
  const [ann, bot] = [fresh("ann"), fresh("bot")];
  const [person, other] = [await member(ann, bot), await member(fresh("bob"), bot)];
  const left = heard(other, "user:left");
  person.disconnect();
  assert.equal((await left).userId, ann);
});
