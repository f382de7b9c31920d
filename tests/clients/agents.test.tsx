// Specification 4: its `useChatWebSocket` hook and its `ChatInterface`, as given.
import { act, cleanup, fireEvent, render, renderHook, screen, waitFor } from "@testing-library/react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { ChatInterface } from "./given/components/ChatInterface";
import { useChatWebSocket } from "./given/hooks/useChatWebSocket";
import { SECRET, SHARED, Server } from "./server";

// How one waits, in milliseconds, while the clock is a fake: it is set forward by each interval.
const SOON = { interval: 0, timeout: 15_000 };

const sockets: WebSocket[] = [];
globalThis.WebSocket = class extends WebSocket {
  constructor(url: string) {
    super(url);
    sockets.push(this);
  }
};

beforeEach(() => {
  globalThis.GIVEN_URL = `ws://${SHARED}`;
});

afterEach(() => {
  cleanup();
  // As given, the hook of a page that is gone connects again.
  for (const socket of sockets.splice(0)) socket.onclose = null;
  vi.useRealTimers();
});

/** A page with the hook. */
function page(userId: string) {
  const { result, unmount } = renderHook(() => useChatWebSocket(userId, "developer"));
  return {
    get hook() {
      return result.current;
    },
    close: unmount,
    /** Waits until the server has answered who one is: oneself is among the users. */
    known: () => waitFor(() => expect(result.current.users.map(({ id }) => id)).toContain(userId)),
    texts: () => result.current.messages.map(({ text }) => text),
  };
}

/** Pages of these users, who are all known. */
async function pages(...users: string[]) {
  const all = users.map(page);
  await Promise.all(all.map((each) => each.known()));
  return all;
}

/** An agent: a program that sends frames of the text, and waits for some. */
async function agent(userId: string) {
  const socket = new WebSocket(`ws://${SHARED}/ws`);
  const frames: { type: string; data: any }[] = [];
  socket.onmessage = ({ data }) => frames.push(JSON.parse(data));
  await new Promise((opened) => (socket.onopen = opened));
  const send = (type: string, data: object) => socket.send(JSON.stringify({ type, data }));
  const first = (type: string) =>
    waitFor(() => frames.find((frame) => frame.type === type)?.data ?? expect.unreachable(type));
  send("auth", { userId, token: "jwt-token-here", role: "developer" });
  expect(await first("auth_response")).toMatchObject({ success: true, userId });
  return { send, first, close: () => socket.close() };
}

test("a page is connected and shown who is there", async () => {
  const alice = page("alice");
  expect(alice.hook.connected).toBe(false);
  await alice.known();
  const bob = page("bob");
  await bob.known();
  expect([alice.hook.connected, alice.hook.error]).toEqual([true, null]);
  for (const id of ["alice", "bob"]) {
    expect(bob.hook.users).toContainEqual(expect.objectContaining({ id, role: "unknown", status: "online" }));
  }
});

test("a page that is not let in says so", async () => {
  // As given, the hook shows no token.
  const server = await Server.start([], SECRET);
  globalThis.GIVEN_URL = `ws://${server.address}`;
  const owen = page("owen");
  await waitFor(() => expect(owen.hook.error).toBe("Authentication failed"));
  expect(owen.hook.users).toEqual([]);
  owen.close();
  await server.stop();
});

test("messages are appended for everybody, with mentions and what they reply to", async () => {
  const all = await pages("carol", "dave");
  const [carol, dave] = all;
  carol.hook.sendMessage("@dave please review the login component", ["dave"]);
  await waitFor(() => all.forEach((reader) => expect(reader.hook.messages).toHaveLength(1)));
  const asked = dave.hook.messages[0];
  dave.hook.sendMessage("/done", [], asked.id);
  await waitFor(() => all.forEach((reader) => expect(reader.hook.messages).toHaveLength(2)));
  for (const { hook } of all) {
    const [first, second] = hook.messages;
    expect(first).toMatchObject({
      text: "@dave please review the login component",
      sender: "carol",
      mentions: ["dave"],
      isCommand: false,
      replyTo: null,
    });
    expect(first.timestamp.getTime()).toBeGreaterThan(0);
    expect(second).toMatchObject({ text: "/done", sender: "dave", mentions: [], isCommand: true, replyTo: asked.id });
  }
});

test("an agents answer is shown with what it answers", async () => {
  const [oona] = await pages("oona");
  // Agents that answer as such speak the native dialect, or are in the server's own program.
  const answerer = new WebSocket(`ws://${SHARED}/chat`);
  await new Promise((opened) => (answerer.onopen = opened));
  const say = (frame: object) => answerer.send(JSON.stringify({ room: "lobby", user: "answerer", ...frame }));
  say({ type: "join" });
  say({ type: "message", kind: "agent", content: "Got it!", reply_to: 12345 });
  await waitFor(() => expect(oona.hook.messages).toHaveLength(1));
  expect(oona.hook.messages[0]).toMatchObject({ text: "Got it!", sender: "answerer", replyTo: 12345 });
  answerer.close();
});

test("an agents status is shown, also to whoever comes later", async () => {
  const [erin] = await pages("erin");
  const builder = await agent("builder");
  const status = { status: "working", currentTask: "Reviewing login component", progress: 25 };
  builder.send("status_update", status);
  await waitFor(() => expect(erin.hook.agentStatuses).toEqual([{ userId: "builder", ...status }]));
  const [late] = await pages("late");
  await waitFor(() => expect(late.hook.agentStatuses).toEqual([{ userId: "builder", ...status }]));
  builder.send("status_update", { ...status, status: "completed", progress: 100 });
  await waitFor(() => expect(erin.hook.agentStatuses[0]).toMatchObject({ status: "completed", progress: 100 }));
  builder.close();
});

test("whoever goes is shown to be offline", async () => {
  const [fred, gina] = await pages("fred", "gina");
  // The hook knows whom it was told of when it came.
  const [watcher] = await pages("watcher");
  gina.close();
  await waitFor(() => expect(watcher.hook.users).toContainEqual(expect.objectContaining({ id: "gina", status: "offline" })));
  const shown = watcher.hook.users.find(({ id }) => id === "gina")!;
  expect(shown.lastSeen!.getTime()).toBeGreaterThan(0);
  expect(fred.hook.connected).toBe(true);
});

test("whoever is too fast is told so, and when to go on", async () => {
  const [hugo] = await pages("hugo");
  for (let nth = 0; nth < 40; nth++) hugo.hook.sendMessage(`message ${nth}`);
  await waitFor(() => expect(hugo.hook.error).toMatch(/fast|many/));
  expect(hugo.hook.connected).toBe(true);

  const hasty = await agent("hasty");
  for (let nth = 0; nth < 40; nth++) hasty.send("message", { text: `message ${nth}` });
  const error = await hasty.first("error");
  expect(error.code).toBe("RATE_LIMITED");
  expect(error.retryAfter).toBeGreaterThan(0);
  hasty.close();
});

test("nothing is sent before there is a connection", async () => {
  const ines = page("ines");
  act(() => expect(ines.hook.sendMessage("too early")).toBe(false));
  expect(ines.hook.error).toBe("Not connected to server");
});

test("the newest page of a user wins, and the older one does not fight back", async () => {
  const older = page("jane");
  await older.known();
  const newer = page("jane");
  await newer.known();
  await waitFor(() => expect(older.hook.error).not.toBeNull());
  const [kurt] = await pages("kurt");
  kurt.hook.sendMessage("hello, jane");
  await waitFor(() => expect(newer.texts()).toEqual(["hello, jane"]));
  expect(older.texts()).toEqual([]);
  expect(older.hook.connected).toBe(true);
});

test("a page comes back after the server", async () => {
  const server = await Server.start();
  globalThis.GIVEN_URL = `ws://${server.address}`;
  const [lena] = await pages("lena");
  await server.stop();
  await waitFor(() => expect(lena.hook.connected).toBe(false));
  const next = await Server.start(["--port", server.port]);
  await waitFor(() => expect(lena.hook.connected).toBe(true));
  lena.hook.sendMessage("here again");
  await waitFor(() => expect(lena.texts()).toEqual(["here again"]));
  lena.close();
  await next.stop();
});

test("after five attempts the page says that the connection is lost", async () => {
  const server = await Server.start();
  globalThis.GIVEN_URL = `ws://${server.address}`;
  const [mona] = await pages("mona");
  const log = vi.spyOn(console, "log");
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  await server.crash();
  for (let attempt = 1; attempt <= 5; attempt++) {
    // The hook has noticed that there is nobody, and waits longer each time.
    await vi.waitUntil(() => vi.getTimerCount() === 1, SOON);
    vi.advanceTimersByTime(1000 * attempt);
    expect(log).toHaveBeenLastCalledWith(`Reconnection attempt ${attempt}`);
  }
  await vi.waitUntil(() => mona.hook.error?.startsWith("Connection lost"), SOON);
  expect(mona.hook.error).toBe("Connection lost. Please refresh the page.");
  expect(mona.hook.connected).toBe(false);
});

test("the interface shows and says what people do", async () => {
  // There is no layout here, and so nothing to scroll.
  Element.prototype.scrollIntoView = () => {};
  const painter = await agent("painter");
  painter.send("status_update", { status: "working", currentTask: "Painting", progress: 40 });
  await painter.first("status_update");
  render(<ChatInterface userId="nina" role="developer" />);
  await screen.findByText(/Connected/, { selector: ".connected" });
  await screen.findByText("Painting");

  fireEvent.change(screen.getByPlaceholderText(/Type a message/), { target: { value: "@painter is it dry?" } });
  fireEvent.click(screen.getByText("Send"));
  expect(await screen.findByText("@painter", { selector: ".mention" })).toBeTruthy();
  expect(screen.getByText("Mentions: @painter")).toBeTruthy();
  expect(await painter.first("message")).toMatchObject({ sender: "nina", mentions: ["painter"] });

  fireEvent.click(screen.getByText("Reply"));
  fireEvent.change(screen.getByPlaceholderText(/Type a message/), { target: { value: "tell me" } });
  fireEvent.click(screen.getByText("Send"));
  expect(await screen.findByText(/^Replying to message #\d+$/, { selector: ".message-content .reply-indicator" })).toBeTruthy();
  painter.close();
});
