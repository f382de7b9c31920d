// What follows from events, without a server: lines are there once and in order, whatever one was away for.
import type { ChatEvent, Message, Verdict } from "@chinwag/client";
import { expect, test } from "vitest";

import { EMPTY, LINES_MAX, MEMBERS_MAX, emptyRoom, fold, foldAll, isGap, names, older, seen, unseen, type ChatState, type RoomState } from "../src/state.js";

const ROOM = "general";

const message = (seq: number, epoch = 5, content = `m${seq}`): Message => ({
  room: ROOM,
  epoch,
  seq,
  user: "bob",
  content,
  timestamp: "2026-11-21T05:03:00.000Z",
  fromHistory: false,
});

const said = (seq: number, epoch = 5): ChatEvent => ({ type: "message", message: message(seq, epoch) });
const joined = (next: number, kind: Verdict["kind"] = "full", epoch = 5): ChatEvent => {
  const verdict: Verdict = kind === "gap" ? { kind, from: next - 2, to: next - 1 } : { kind };
  return { type: "joined", room: ROOM, epoch, head: next - 1, next, verdict };
};
const kicked: ChatEvent = { type: "left", room: ROOM, epoch: 5, head: 3, kicked: true };

const begin: ChatState = { ...EMPTY, rooms: new Map([[ROOM, emptyRoom(ROOM)]]) };
const after = (...events: ChatEvent[]): RoomState => foldAll(begin, events, "ann").rooms.get(ROOM)!;
const lines = (room: RoomState) =>
  room.lines.map((line) => (isGap(line) ? `${line.epoch}: ${line.seq} to ${line.to}` : line.content));

test("whoever was sent away and comes back sees nothing twice", () => {
  const room = after(joined(1), said(1), said(2), kicked, joined(1), said(1), said(2), said(3));
  expect([lines(room), room.isJoined, room.unread]).toEqual([["m1", "m2", "m3"], true, 3]);
});

test("whoever was removed is, until they are back", () => {
  const isKicked = (...events: ChatEvent[]) => after(joined(1), ...events).isKicked;
  expect([isKicked(), isKicked(kicked), isKicked(kicked, joined(1))]).toEqual([false, true, false]);
});

test("where nothing joins on to what is shown, one begins anew", () => {
  const room = after(joined(1), said(1), kicked, joined(60), said(60));
  expect([lines(room), room.hasOlder]).toEqual([["m60"], true]);
  const filled = older(room, [message(58), message(59), message(60)], true);
  expect([lines(filled), filled.hasOlder]).toEqual([["m58", "m59", "m60"], true]);
});

test("what is lost is a line, and so is a log that began anew", () => {
  expect(lines(after(joined(1), said(1), joined(4, "gap"), said(4)))).toEqual(["m1", "5: 2 to 3", "m4"]);
  const empty = after(joined(1), said(1), joined(1, "reset", 6));
  expect([lines(empty), empty.hasOlder]).toEqual([["m1", "6: 1 to 0"], false]);
});

test("of a log that began anew older messages come, and before them stays what was lost", () => {
  const room = after(joined(1), said(1), joined(3, "reset", 6), said(3, 6));
  expect([lines(room), room.hasOlder]).toEqual([["m1", "6: 1 to 0", "m3"], true]);
  const filled = older(room, [message(1, 6), message(2, 6), message(3, 6)], false);
  expect([lines(filled), filled.hasOlder]).toEqual([["m1", "6: 1 to 0", "m1", "m2", "m3"], false]);
  const asked = older(after(joined(1), said(1), joined(3, "reset", 6)), [message(1), message(2, 6)], true);
  expect(lines(asked)).toEqual(["m1", "6: 1 to 0", "m2"]);
});

test("what is said in a row is what is said one by one", () => {
  const events = [joined(1), said(1), said(2), { type: "lagged", room: ROOM } as const, said(3)];
  expect(foldAll(begin, events, "ann")).toEqual(events.reduce((state, event) => fold(state, event, "ann"), begin));
  expect(after(...events)).toMatchObject({ unread: 3, mentions: 0 });
});

test("what is new begins where one stopped looking", () => {
  const room = after(joined(1), said(1), said(2));
  expect(room.newFrom).toEqual({ epoch: 5, seq: 1 });
  expect(seen(room)).toMatchObject({ unread: 0, newFrom: { epoch: 5, seq: 1 } });
  expect(unseen(room).newFrom).toBeNull();
  const looked = foldAll(begin, [joined(1), said(1)], "ann", ROOM);
  expect(foldAll(looked, [said(2)], "ann", ROOM).rooms.get(ROOM)!.newFrom).toBeNull();
  expect(foldAll(looked, [said(2), said(3)], "ann").rooms.get(ROOM)!.newFrom).toEqual({ epoch: 5, seq: 2 });
});

test("what was read stays read, whatever is shown again", () => {
  const looked = foldAll(begin, [joined(1), said(1), said(2)], "ann", ROOM).rooms.get(ROOM)!;
  expect(looked).toMatchObject({ read: { epoch: 5, seq: 2 }, unread: 0 });
  const again: ChatState = { ...EMPTY, rooms: new Map([[ROOM, emptyRoom(ROOM, looked.read)]]) };
  const unread = (...events: ChatEvent[]) => foldAll(again, events, "ann").rooms.get(ROOM)!;
  expect(unread(joined(1), said(1), said(2))).toMatchObject({ unread: 0, newFrom: null });
  expect(unread(joined(1), said(1), said(2), said(3))).toMatchObject({ unread: 1, newFrom: { epoch: 5, seq: 3 } });
  // A log that began anew has been read by nobody.
  expect(unread(joined(1, "reset", 6), said(1, 6))).toMatchObject({ unread: 1 });
  expect(seen(unread(joined(1), said(1), said(2), said(3)))).toMatchObject({ unread: 0, read: { epoch: 5, seq: 3 } });
});

test("what was said before one first came in is not news", () => {
  const head: ChatEvent = { type: "joined", room: ROOM, epoch: 5, head: 2, next: 1, verdict: { kind: "full" } };
  expect(after(head, said(1), said(2), said(3))).toMatchObject({ unread: 1, newFrom: { epoch: 5, seq: 3 } });
});

test("of who has left nothing is kept, and of a large room not everybody", () => {
  const joins: ChatEvent = { type: "userJoined", room: ROOM, user: "bob", members: ["ann", "bob"] };
  const leaves: ChatEvent = { type: "userLeft", room: ROOM, user: "bob", members: ["ann"] };
  const late: ChatEvent[] = [
    { type: "presence", room: ROOM, user: "bob", presence: "offline" },
    { type: "status", room: ROOM, user: "bob", status: { state: "working" } },
  ];
  expect([...after(joined(1), joins, ...late).members.keys()]).toEqual(["ann", "bob"]);
  expect([...after(joined(1), joins, leaves, ...late).members.keys()]).toEqual(["ann"]);
  const many = Array.from({ length: 3_000 }, (_, index) => `u${index}`);
  const room = after(joined(1), { type: "membersChanged", room: ROOM, joined: many, left: [], count: 3_000 });
  expect([room.members.size, room.count]).toEqual([MEMBERS_MAX, 3_000]);
});

test("what a full room drops can be asked for again", () => {
  const room = after(joined(1), ...Array.from({ length: LINES_MAX + 1 }, (_, index) => said(index + 1)));
  expect([room.lines.length, room.lines[0]!.seq, room.hasOlder]).toEqual([LINES_MAX, 2, true]);
});

test("a mention is a whole name", () => {
  const mentions = (content: string) => names(message(1, 5, content), "ann");
  expect(["@ann", "hi @ann.", "(@ann)", "@anna", "x@ann", "@ann.b"].map(mentions)).toEqual([true, true, true, false, false, false]);
  expect(names({ ...message(1), mentions: ["ann"] }, "ann")).toBe(true);
});
