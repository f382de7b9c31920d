// Specification 2: its `WebSocketClient`, as given.
import { waitFor } from "@testing-library/react";
import { afterEach, expect, test, vi } from "vitest";

import { type Envelope, Observed } from "./observed";
import { OTHER_SECRET, SECRET, SHARED, Server, token } from "./server";

// How one waits, in milliseconds, while the clock is a fake: it is set forward by each interval.
const SOON = { interval: 0, timeout: 15_000 };

const clients: Observed[] = [];
const servers: Server[] = [];

afterEach(async () => {
  vi.useRealTimers();
  for (const client of clients.splice(0)) client.stop();
  for (const server of servers.splice(0)) await server.stop();
});

/** A server of the test's own, which ends with it. */
async function start(flags: string[], secret?: string) {
  const server = await Server.start(flags, secret);
  servers.push(server);
  return server;
}

/** The client of a user, whose token is their name where the server has no key. */
function client(user: string, address = SHARED) {
  const observed = new Observed(`ws://${address}/api/ws`, user);
  clients.push(observed);
  return observed;
}

/** Waits for the nth frame of a type. Returns it, if it is an envelope. */
async function frame(observed: Observed, type: string, nth = 0): Promise<Envelope> {
  await waitFor(() => expect(observed.of(type).length, `${type} number ${nth}`).toBeGreaterThan(nth));
  const found = observed.of(type)[nth];
  expect(found).toMatchObject({ timestamp: expect.any(Number), messageId: expect.any(String) });
  return found;
}

/** Clients of these users, who are all in the room. */
async function members(roomId: string, ...users: string[]) {
  const all = users.map((user) => client(user));
  for (const [nth, each] of all.entries()) {
    await frame(each, "connected");
    each.send("joinRoom", { roomId });
    await frame(each, "joinRoom");
    await Promise.all(all.slice(0, nth).map((other) => frame(other, "userJoined", nth)));
  }
  return all;
}

/** The first code with which the client was closed. */
async function closed(observed: Observed) {
  await waitFor(() => expect(observed.closes).not.toEqual([]));
  return observed.closes[0];
}

test("a message is receipted to its sender and shown to the others", async () => {
  const [ann, bob] = await members("dev", "ann", "bob");
  const metadata = { type: "file", fileUrl: "https://files.example/plan.pdf", fileName: "plan.pdf" };
  ann.send("message", { roomId: "dev", content: "the plan", metadata }, { messageId: "m-1", timestamp: Date.now() });
  const receipt = await frame(ann, "messageReceived");
  expect(receipt.payload).toMatchObject({
    messageId: "m-1",
    roomId: "dev",
    senderId: "ann",
    timestamp: expect.any(Number),
  });
  const shown = await frame(bob, "message");
  expect(shown).toMatchObject({
    messageId: "m-1",
    payload: { roomId: "dev", content: "the plan", senderId: "ann", metadata },
  });
  // What the text shows has no more than a type and a payload.
  bob.send("message", { roomId: "dev", content: "thanks", metadata: { type: "text" } });
  expect((await frame(ann, "message", 1)).payload).toMatchObject({ content: "thanks", senderId: "bob" });
  expect((await frame(bob, "messageReceived")).payload).toMatchObject({ messageId: expect.any(String), senderId: "bob" });
});

test("whoever has left a room is shown no more of it", async () => {
  const [cat, dan] = await members("hall", "cat", "dan");
  dan.send("leaveRoom", { roomId: "hall" });
  await frame(dan, "leaveRoom");
  expect((await frame(cat, "userLeft")).payload).toMatchObject({ roomId: "hall", userId: "dan" });
  cat.send("message", { roomId: "hall", content: "alone" });
  await frame(cat, "message");
  dan.send("joinRoom", { roomId: "hall" });
  await frame(dan, "joinRoom", 1);
  expect(dan.of("message")).toEqual([]);
});

test("tasks are assigned and updated for everybody", async () => {
  const all = await members("tasks", "eve", "fay");
  const [eve, fay] = all;
  eve.send("taskAssign", { taskId: "t-1", assigneeId: "fay", priority: 1 });
  for (const each of all) {
    expect((await frame(each, "taskAssign")).payload).toMatchObject({ taskId: "t-1", assigneeId: "fay", priority: 1 });
  }
  const update = { taskId: "t-1", status: "running", progress: 40, metadata: { branch: "main" } };
  fay.send("taskUpdate", update);
  for (const each of all) expect((await frame(each, "taskUpdate")).payload).toMatchObject(update);
  const [late] = await members("tasks", "guy");
  expect((await frame(late, "taskAssign")).payload).toMatchObject({ taskId: "t-1", assigneeId: "fay" });
  expect((await frame(late, "taskUpdate")).payload).toMatchObject(update);
});

test("priorities are shown and change no order", async () => {
  const [hal, ivy] = await members("queue", "hal", "ivy");
  const priorities = [4, 3, 2, 1, 0];
  for (const priority of priorities) hal.send("message", { roomId: "queue", content: `of ${priority}` }, { priority });
  await frame(ivy, "message", 4);
  expect(ivy.of("message").map(({ payload }) => payload.content)).toEqual(priorities.map((nth) => `of ${nth}`));
  expect(ivy.of("message").map(({ priority }) => priority ?? 2)).toEqual(priorities);
});

test("a mistake is an error with a code, and the connection lives", async () => {
  const [jon] = await members("errors", "jon");
  jon.send("message", { roomId: "nowhere", content: "hello?" }, { messageId: "m-2" });
  expect((await frame(jon, "error")).payload).toMatchObject({
    code: "unknown_room",
    message: expect.any(String),
    details: { messageId: "m-2", errorCode: 4003 },
  });
  jon.send("message", { roomId: "errors", content: "still here" });
  await frame(jon, "message");
  expect(jon.closes).toEqual([]);
});

test("health is told in a while", async () => {
  const { address } = await start(["--health-interval", "50ms"]);
  const kim = client("kim", address);
  const { payload } = await frame(kim, "healthUpdate", 1);
  expect(payload.status).toBe("healthy");
  expect(Object.values(payload.metrics).filter((value) => typeof value === "number")).not.toEqual([]);
});

test("a bad token closes with 4000", async () => {
  const { address } = await start(["--token-dialects", "envelope"], SECRET);
  const lea = client(token("lea"), address);
  expect((await frame(lea, "connected")).payload.userId).toBe("lea");
  expect(await closed(client(token("lea", { secret: OTHER_SECRET }), address))).toBe(4000);
  expect(await closed(client("", address))).toBe(4000);
  expect(lea.closes).toEqual([]);
});

test("too many messages close with 4001 where the operator wants it", async () => {
  const { address } = await start(["--rate-action", "close"]);
  const max = client("max", address);
  await frame(max, "connected");
  max.send("joinRoom", { roomId: "dev" });
  for (let nth = 0; nth < 40; nth++) max.send("message", { roomId: "dev", content: `message ${nth}` });
  expect(await closed(max)).toBe(4001);
});

test("what is no envelope closes with 4002, and what is no text with 1003", async () => {
  const [nat, ole] = [client("nat"), client("ole")];
  await Promise.all([frame(nat, "connected"), frame(ole, "connected")]);
  nat.ws.send("no envelope");
  ole.ws.send(new Uint8Array([1, 2, 3]));
  expect(await closed(nat)).toBe(4002);
  expect(await closed(ole)).toBe(1003);
});

test("rooms that are not there, or not ones own, close with 4003 and 4004 where the operator wants it", async () => {
  const { address } = await start(["--strict-closes", "on"]);
  const [pam, ray, sue] = ["pam", "ray", "sue"].map((user) => client(user, address));
  await Promise.all([pam, ray, sue].map((each) => frame(each, "connected")));
  pam.send("joinRoom", { roomId: "private" });
  await frame(pam, "joinRoom");
  ray.send("message", { roomId: "nowhere", content: "hello?" });
  sue.send("message", { roomId: "private", content: "let me in" });
  expect([await closed(ray), await closed(sue)]).toEqual([4003, 4004]);
  expect(pam.of("message")).toEqual([]);
});

test("the client comes back after the server", async () => {
  const server = await start([]);
  const tim = client("tim", server.address);
  await frame(tim, "connected");
  await server.stop();
  expect(await closed(tim)).toBe(1001);
  await start(["--port", server.port]);
  await waitFor(() => expect(tim.of("connected")).toHaveLength(2));
  tim.send("joinRoom", { roomId: "dev" });
  tim.send("message", { roomId: "dev", content: "here again" });
  expect((await frame(tim, "message")).payload.content).toBe("here again");
});

test("the client gives up after five attempts, each later by half", async () => {
  const server = await start([]);
  const una = client("una", server.address);
  await frame(una, "connected");
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  await server.crash();
  for (const delay of [1000, 1500, 2250, 3375, 5062.5]) {
    await vi.waitUntil(() => vi.getTimerCount() === 1, SOON);
    vi.advanceTimersByTime(delay - 1);
    expect(vi.getTimerCount(), `it waits for ${delay} ms`).toBe(1);
    vi.advanceTimersByTime(1);
  }
  await vi.waitUntil(() => una.failure, SOON);
  expect(una.failure!.message).toBe("Max reconnection attempts reached");
  expect(una.closes).toHaveLength(6);
});
