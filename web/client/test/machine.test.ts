// Corners that the conversations of `vectors/` seldom reach, and what the machine has beside core's: pings, and `online`.
import { expect, test } from "vitest";

import type { ChatEvent, Command, Input, Output } from "../src/index.js";
import { Machine } from "../src/index.js";

const LIMITS = {
  message_rate: 10,
  message_burst: 10,
  content_bytes: 4_096,
  frame_bytes: 16_384,
  unanswered: 64,
  ping_interval_ms: 25_000,
};

/** A machine and a server that is played by hand. */
class Kit {
  now = 0;
  private out: Output[] = [];
  private generation = 0;
  readonly machine = new Machine({ user: "ann", random: () => 0.5 });

  /** Connected, and in `general`. */
  static member(): Kit {
    const kit = new Kit();
    kit.out.push(...kit.machine.start());
    kit.submit({ type: "join", room: "general" });
    kit.welcome();
    kit.joined();
    kit.sent();
    return kit;
  }

  submit(command: Command): number {
    const { id, outputs } = this.machine.submit(this.now, command);
    this.out.push(...outputs);
    return id;
  }

  publish = (content = "hello") => this.submit({ type: "publish", room: "general", content });

  input(input: Input) {
    this.out.push(...this.machine.handle(this.now, input));
  }

  says(frame: object) {
    this.input({ type: "received", text: JSON.stringify(frame) });
  }

  welcome() {
    this.input({ type: "opened" });
    this.generation += 1;
    const known = { user: "ann", session: "1", secret: "2", limits: LIMITS };
    this.says({ type: "welcome", ...known, resumed: this.generation > 1, generation: this.generation });
  }

  joined(knownSince = 1) {
    const log = { epoch: 5, seq: 0, verdict: "full", next: 1 };
    this.says({ type: "joined", room: "general", ...log, known_since: knownSince });
  }

  reconnect() {
    this.input({ type: "closed" });
    this.wait();
    this.welcome();
  }

  /** Until the next deadline. */
  wait() {
    this.now = this.machine.deadline()!;
    this.input({ type: "timeout" });
  }

  /** Frames since the last look. */
  sent(): { type: string; id?: number }[] {
    const sent = this.out.flatMap((output) => (output.type === "transmit" ? [JSON.parse(output.text) as { type: string }] : []));
    this.out = [];
    return sent;
  }

  /** Events of a type, of all that was told since the last look. */
  told(type: ChatEvent["type"]): ChatEvent[] {
    return this.out.flatMap((output) => (output.type === "event" && output.event.type === type ? [output.event] : []));
  }

  get connects(): number {
    return this.out.filter(({ type }) => type === "connect").length;
  }
}

test("where we may not go back to, nobody tells what became of our sends", () => {
  const kit = Kit.member();
  const id = kit.publish();
  kit.reconnect();
  const join = kit.sent().at(-1)!;
  kit.says({ type: "error", code: "room_full", message: "", id: join.id });
  expect(kit.told("unresolved")).toEqual([{ type: "unresolved", id, room: "general" }]);
});

test("what was repeated still counts from the connection it was first said on", () => {
  const kit = Kit.member();
  const id = kit.publish();
  kit.reconnect();
  kit.joined();
  kit.reconnect();
  kit.joined(2);
  expect(kit.told("unresolved")).toEqual([{ type: "unresolved", id, room: "general" }]);
});

test("what is on its way on this connection is not given up", () => {
  const kit = Kit.member();
  const id = kit.publish();
  kit.reconnect();
  kit.joined();
  kit.joined(2);
  expect(kit.told("unresolved")).toEqual([]);
  kit.says({ type: "ack", id, room: "general", epoch: 5, seq: 1 });
  expect(kit.told("acknowledged")).toHaveLength(1);
});

test("the answer to another leave is not the answer to ours", () => {
  const kit = Kit.member();
  const leave = kit.submit({ type: "leave", room: "general" });
  kit.submit({ type: "join", room: "general" });
  const left = { type: "left", room: "general", epoch: 5, seq: 0 };
  kit.says({ ...left, id: leave - 1 });
  expect(kit.sent().map(({ type }) => type)).toEqual(["leave"]);
  kit.says({ ...left, id: leave });
  expect(kit.sent().map(({ type }) => type)).toEqual(["join"]);
});

test("silence is broken by a ping, once for each span, and a pong keeps the connection", () => {
  const kit = Kit.member();
  kit.wait();
  expect([kit.now, kit.sent().map(({ type }) => type)]).toEqual([25_000, ["ping"]]);
  expect(kit.machine.deadline()).toBe(40_000);
  kit.says({ type: "pong", id: 3 });
  kit.wait();
  expect([kit.now, kit.sent().map(({ type }) => type)]).toEqual([50_000, ["ping"]]);
  kit.wait();
  expect([kit.now, kit.told("disconnected").length]).toEqual([65_000, 1]);
});

test("whoever is online again does not wait, unless the server has said until when", () => {
  const kit = Kit.member();
  kit.input({ type: "closed" });
  kit.input({ type: "online" });
  expect(kit.connects).toBe(1);
  kit.welcome();
  kit.sent();
  kit.input({ type: "closed", code: 4101, reason: "shutdown retry_after_ms=5000" });
  kit.input({ type: "online" });
  expect(kit.connects).toBe(0);
  kit.wait();
  expect([kit.now, kit.connects]).toEqual([5_000, 1]);
});

test("what seems connected once the network is back has to show it soon", () => {
  const kit = Kit.member();
  kit.now = 1_000;
  kit.input({ type: "online" });
  kit.input({ type: "online" });
  expect([kit.connects, kit.machine.deadline()]).toEqual([0, 6_000]);
  kit.says({ type: "pong", id: 3 });
  expect(kit.machine.deadline()).toBe(26_000);
  kit.input({ type: "online" });
  kit.sent();
  kit.wait();
  expect([kit.now, kit.told("disconnected").length]).toEqual([6_000, 1]);
});

test("who will not wait is connected anew, and the session goes on", () => {
  const kit = Kit.member();
  const reconnect = () => kit.machine.reconnect(kit.now).map(({ type }) => type);
  expect(reconnect()).toEqual(["close", "event", "connect"]);
  kit.welcome();
  expect(kit.sent()).toMatchObject([{ type: "hello", session: "1" }, { type: "join", since: 0 }]);
  kit.input({ type: "closed" });
  expect([reconnect(), reconnect()]).toEqual([["connect"], ["connect"]]);
  kit.machine.shutdown();
  expect(reconnect()).toEqual([]);
});

test("what is no frame is passed over", () => {
  const kit = Kit.member();
  for (const text of ["", "null", "[]", '{"type":"toString"}', '{"type":"message","room":1}', '{"type":"joined"}']) {
    kit.input({ type: "received", text });
  }
  expect([kit.sent(), kit.machine.isJoined("general")]).toEqual([[], true]);
});
