// All five specifications' clients in the room `lobby` of one server: each sees what each of the others says.
import { spawn } from "node:child_process";

import { cleanup, renderHook, waitFor } from "@testing-library/react";
import { io } from "socket.io-client";
import { afterAll, expect, test } from "vitest";

import { useChatWebSocket } from "./given/hooks/useChatWebSocket";
import { Observed } from "./observed";
import { SHARED } from "./server";

/** Somebody in the lobby. */
interface Person {
  name: string;
  say(text: string): void;
  /** Who has said what, as shown to this person. */
  heard(): [who: string, what: string][];
}

const endings: (() => void)[] = [cleanup];

afterAll(() => endings.forEach((end) => end()));

/** The command-line client of Python's `websockets`: what is typed is sent, what comes is shown behind `< `. */
function typist(url: string) {
  const env = { ...process.env, PYTHONPATH: process.env.CHAT_PYTHON_PATH };
  const child = spawn(process.env.CHAT_PYTHON!, ["-m", "websockets", url], { env });
  endings.push(() => child.stdin.end());
  let shown = "";
  child.stdout.setEncoding("utf8").on("data", (text) => (shown += text));
  return {
    type: (line: string) => child.stdin.write(`${line}\n`),
    lines: () => [...shown.matchAll(/< (.*)\n/g)].map(([, line]) => line),
  };
}

/** Specification 0: flat JSON. */
async function chat(name: string): Promise<Person> {
  const { type, lines } = typist(`ws://${SHARED}/`);
  const say = (frame: object) => type(JSON.stringify({ ...frame, room: "lobby", user: name }));
  const frames = (kind: string) => lines().map((line) => JSON.parse(line)).filter((frame) => frame.type === kind);
  say({ type: "join" });
  await waitFor(() => expect(frames("history")).not.toEqual([]));
  return {
    name,
    say: (content) => say({ type: "message", content }),
    heard: () => frames("message").map(({ user, content }) => [user, content]),
  };
}

/** Specification 1: plain lines. */
async function lobby(name: string): Promise<Person> {
  const { type, lines } = typist(`ws://${SHARED}/lobby?user=${name}`);
  await waitFor(() => expect(lines()).toContain(`* ${name} has joined #lobby.`));
  return {
    name,
    say: type,
    heard: () =>
      lines().flatMap((line) => {
        const message = /^\S+Z #lobby (\S+): (.*)$/.exec(line);
        return message ? [[message[1], message[2]]] : [];
      }),
  };
}

/** Specification 2: its class. */
async function envelope(name: string): Promise<Person> {
  const client = new Observed(`ws://${SHARED}/api/ws`, name);
  endings.push(() => client.stop());
  await waitFor(() => expect(client.of("connected")).not.toEqual([]));
  client.send("joinRoom", { roomId: "lobby" });
  await waitFor(() => expect(client.of("joinRoom")).not.toEqual([]));
  return {
    name,
    say: (content) => client.send("message", { roomId: "lobby", content, metadata: { type: "text" } }),
    heard: () => client.of("message").map(({ payload }) => [payload.senderId, payload.content]),
  };
}

/** Specification 3: Socket.IO's own client. */
async function socketio(name: string): Promise<Person> {
  const socket = io(`http://${SHARED}`, { transports: ["websocket"], auth: { userId: name }, forceNew: true });
  endings.push(() => socket.disconnect());
  const heard: [string, string][] = [];
  socket.on("chat:message", ({ userId, message }) => heard.push([userId, message]));
  expect(await socket.emitWithAck("room:join", { room: "lobby" })).toMatchObject({ ok: true });
  return { name, say: (message) => socket.emit("chat:message", { room: "lobby", message }), heard: () => heard };
}

/** Specification 4: its hook. */
async function agents(name: string): Promise<Person> {
  globalThis.GIVEN_URL = `ws://${SHARED}`;
  const { result } = renderHook(() => useChatWebSocket(name, "developer"));
  await waitFor(() => expect(result.current.users.map(({ id }) => id)).toContain(name));
  return {
    name,
    say: (text) => result.current.sendMessage(text),
    heard: () => result.current.messages.map(({ sender, text }) => [sender, text]),
  };
}

test("each sees what each of the others says", async () => {
  const people = [
    await chat("of-0"),
    await lobby("of-1"),
    await envelope("of-2"),
    await socketio("of-3"),
    await agents("of-4"),
  ];
  const said: [string, string][] = people.map(({ name }) => [name, `hello from ${name}`]);
  for (const person of people) person.say(`hello from ${person.name}`);
  await waitFor(() => people.forEach((person) => expect([person.name, person.heard().length]).toEqual([person.name, 5])));
  const first = people[0].heard();
  expect([...first].sort()).toEqual(said);
  for (const person of people) expect(person.heard(), `${person.name} sees the same, in the same order`).toEqual(first);
});
