// The store by itself, with a server that is played by hand: how often it tells of what comes.
import type { Socket } from "@chinwag/client";
import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { ChatStore } from "../src/store.js";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const LIMITS = { message_rate: 10, message_burst: 10, content_bytes: 4_096, frame_bytes: 16_384, unanswered: 64, ping_interval_ms: 25_000 };

/** A store in `general`, and what its server says. */
async function member() {
  const socket: Socket = { onopen: null, onmessage: null, onclose: null, onerror: null, send: () => {}, close: () => {} };
  const store = new ChatStore({ url: "ws://x/chat", user: "ann", connect: () => socket }, ["general"]);
  const says = (frame: object) => socket.onmessage!({ data: JSON.stringify(frame) } as never);
  const stop = store.start();
  await vi.advanceTimersByTimeAsync(0);
  socket.onopen!({} as never);
  says({ type: "welcome", user: "ann", session: "1", secret: "2", limits: LIMITS, resumed: false, generation: 1 });
  says({ type: "joined", room: "general", epoch: 5, seq: 0, verdict: "full", next: 1, known_since: 1 });
  await vi.advanceTimersByTimeAsync(100);
  return { store, says, stop };
}

test("a room that lets one not in is not kept, and what was said no to is forgotten", async () => {
  const { store, says, stop } = await member();
  const sent = vi.spyOn(store.chat, "join");
  store.join("full");
  says({ type: "error", code: "room_full", message: "", id: sent.mock.results[0]!.value as number });
  await vi.advanceTimersByTimeAsync(100);
  expect([[...store.snapshot().rooms.keys()], store.snapshot().error]).toEqual([["general"], "room_full"]);
  store.forgive();
  expect(store.snapshot().error).toBeNull();
  stop();
});

test("however many messages come one by one, the state changes once a frame", async () => {
  const { store, says, stop } = await member();
  const changed = vi.fn();
  store.watch(changed);
  for (let seq = 1; seq <= 100; seq++) {
    says({ type: "message", room: "general", user: "bob", content: `m${seq}`, timestamp: "2026-11-21T05:03:00.000Z", seq });
    if (seq % 10 === 0) await vi.advanceTimersByTimeAsync(1);
  }
  await vi.advanceTimersByTimeAsync(100);
  expect(store.snapshot().rooms.get("general")!.lines.length).toBe(100);
  expect(changed.mock.calls.length).toBe(1);
  stop();
});
