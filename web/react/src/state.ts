// What a user sees of a chat, as one immutable value, folded from the client's events.
import type { ChatEvent, Member, Message, Position, Presence, Status, Task } from "@chinwag/client";

/** How one is connected. */
export type Connection =
  | { state: "connecting" }
  | { state: "connected" }
  /** Another attempt comes in so many milliseconds. */
  | { state: "waiting"; retryIn: number }
  /** For good. */
  | { state: "ended"; code?: number };

/** A line of a room: something said, or a place where messages are missing. */
export type Line = Message | Gap;

/** Messages that the server no longer has; none, where the room began anew because the server had lost all of it. */
export interface Gap {
  epoch: number;
  /** Of the first one that is missing. */
  seq: number;
  to: number;
}

export interface RoomState {
  name: string;
  /** This connection is in it. */
  isJoined: boolean;
  /** Somebody has removed us from it, since we were in it last. */
  isKicked: boolean;
  /** Oldest first. */
  lines: readonly Line[];
  /** Whether there may be older ones. */
  hasOlder: boolean;
  /** By name; nothing of those of whom only their number is known. */
  members: ReadonlyMap<string, Member>;
  /** How many are there. */
  count: number;
  tasks: ReadonlyMap<string, Task>;
  /** Who writes. */
  typing: readonly string[];
  /** Up to here it has been read; what was said before one first came in counts as that. */
  read: Position | null;
  /** Messages of others behind that. */
  unread: number;
  /** Those of them that name us. */
  mentions: number;
  /** The first of them, for as long as one then looks. */
  newFrom: Position | null;
}

export interface ChatState {
  connection: Connection;
  rooms: ReadonlyMap<string, RoomState>;
  /** What the server last said no to, by its code. */
  error: string | null;
}

export const EMPTY: ChatState = { connection: { state: "connecting" }, rooms: new Map(), error: null };

/** Lines that a room keeps: above it the oldest go, and can be asked for again. */
export const LINES_MAX = 100_000;

/** Members of a large room that are kept by name. */
export const MEMBERS_MAX = 1_000;

export const isGap = (line: Line): line is Gap => "to" in line;

/** Where the room's present log begins: lines before it are of one that the server has lost. */
export function beginning(lines: readonly Line[]): number {
  const isAnew = (line: Line) => isGap(line) && line.to < line.seq;
  let index = lines.length;
  while (index > 0 && !isAnew(lines[index - 1]!)) index -= 1;
  return index;
}

/** A room that was just asked for, and was read up to here when one was last in it. */
export function emptyRoom(name: string, read: Position | null = null): RoomState {
  const nobody = { members: new Map(), count: 0, tasks: new Map(), typing: [] };
  return { name, isJoined: false, isKicked: false, lines: [], hasOlder: false, read, unread: 0, mentions: 0, newFrom: null, ...nobody };
}

/** What follows from several events. What is said in a row is appended at once: rooms may be long. */
export function foldAll(state: ChatState, events: readonly ChatEvent[], me: string, open?: string): ChatState {
  let row: Message[] = [];
  const finish = () => {
    const messages = row;
    row = [];
    if (messages[0]) state = withRoom(state, messages[0].room, (room) => said(room, messages, me, open));
  };
  for (const event of events) {
    if (event.type !== "message" || event.message.room !== row[0]?.room) finish();
    if (event.type === "message") row.push(event.message);
    else state = fold(state, event, me, open);
  }
  finish();
  return state;
}

/** What follows from an event. `me` is whose mentions count, `open` the room that is looked at. */
export function fold(state: ChatState, event: ChatEvent, me: string, open?: string): ChatState {
  switch (event.type) {
    case "connecting":
      return { ...state, connection: { state: "connecting" } };
    case "attached":
      return { ...state, connection: { state: "connected" }, error: null };
    case "disconnected":
      return { ...away(state), connection: { state: "waiting", retryIn: event.retryIn } };
    case "ended": {
      const code = event.code === undefined ? {} : { code: event.code };
      return { ...away(state), connection: { state: "ended", ...code } };
    }
    case "refused":
      return event.retryAfter === undefined ? { ...state, error: event.code } : state;
    case "left":
      return event.kicked ? withRoom(state, event.room, (room) => ({ ...out(room), isKicked: true })) : without(state, event.room);
    case "message":
      return withRoom(state, event.message.room, (room) => said(room, [event.message], me, open));
    default:
      return "room" in event ? withRoom(state, event.room, (room) => changed(room, event)) : state;
  }
}

/** Changes a room, if it is still wanted. */
export function withRoom(state: ChatState, name: string, change: (room: RoomState) => RoomState): ChatState {
  const room = state.rooms.get(name);
  if (!room) return state;
  const newer = change(room);
  return newer === room ? state : { ...state, rooms: new Map(state.rooms).set(name, newer) };
}

/** Older messages, that were asked for. They come behind what is of an earlier log. */
export function older(room: RoomState, messages: readonly Message[], more: boolean): RoomState {
  const begin = beginning(room.lines);
  const [first, epoch] = [room.lines[begin], room.lines.at(-1)?.epoch];
  const before = messages.filter((message) => message.epoch === (epoch ?? message.epoch) && (!first || message.seq < first.seq));
  const lines = [...room.lines.slice(0, begin), ...before, ...room.lines.slice(begin)];
  return { ...room, lines, hasOlder: more && lines.length < LINES_MAX };
}

export function without(state: ChatState, name: string): ChatState {
  const rooms = new Map(state.rooms);
  rooms.delete(name);
  return { ...state, rooms };
}

const out = (room: RoomState): RoomState => ({ ...room, isJoined: false, typing: [] });

/** Without a connection one is nowhere, and sees nobody write. */
function away(state: ChatState): ChatState {
  return { ...state, rooms: new Map([...state.rooms].map(([name, room]) => [name, out(room)])) };
}

function said(room: RoomState, messages: Message[], me: string, open?: string): RoomState {
  const added = fresh(room, messages);
  const appended = append(room, added);
  const isRead = ({ epoch, seq }: Position) => epoch === room.read?.epoch && seq <= room.read.seq;
  const news = room.name === open ? [] : added.filter((message) => message.user !== me && !isRead(message));
  return {
    ...(room.name === open ? seen(appended) : appended),
    newFrom: room.newFrom ?? (news[0] ? { epoch: news[0].epoch, seq: news[0].seq } : null),
    typing: room.typing.filter((writer) => !messages.some(({ user }) => user === writer)),
    unread: room.unread + news.length,
    mentions: room.mentions + news.filter((message) => names(message, me)).length,
  };
}

/** Whether a message names somebody. */
export function names({ mentions, content }: Message, user: string): boolean {
  // A name may hold dots; one behind it ends the sentence.
  const words = content.split(/[^\w.@-]+/).map((word) => word.replace(/\.+$/, ""));
  return mentions?.includes(user) === true || words.includes(`@${user}`);
}

function append(room: RoomState, newer: readonly Line[]): RoomState {
  const lines = room.lines.concat(fresh(room, newer));
  return lines.length > LINES_MAX ? { ...room, lines: lines.slice(-LINES_MAX), hasOlder: true } : { ...room, lines };
}

/** What is not there yet: whoever was sent away and comes back is shown the last messages again. */
function fresh<T extends Line>({ lines }: RoomState, newer: readonly T[]): readonly T[] {
  const last = lines.at(-1);
  return last ? newer.filter(({ epoch, seq }) => epoch !== last.epoch || seq > end(last)) : newer;
}

/** The last position that a line stands for. */
const end = (line: Line): number => (isGap(line) ? line.to : line.seq);

/** Looked at: all that is there is read. */
export function seen(room: RoomState): RoomState {
  const last = room.lines.at(-1);
  if (!last) return room;
  const read = { epoch: last.epoch, seq: end(last) };
  const isRead = room.unread === 0 && room.read?.epoch === read.epoch && room.read.seq >= read.seq;
  return isRead ? room : { ...room, read, unread: 0, mentions: 0 };
}

/** No longer looked at: what comes from now on is new. */
export const unseen = (room: RoomState): RoomState => (room.newFrom ? { ...room, newFrom: null } : room);

type OfRoom = Extract<ChatEvent, { room: string }>;

function changed(room: RoomState, event: OfRoom): RoomState {
  switch (event.type) {
    case "joined":
      return joined(room, event);
    case "gap":
      return append(room, [{ epoch: event.epoch, seq: event.from, to: event.to }]);
    case "userJoined":
      return roster(room, [event.user], [], event.members);
    case "userLeft":
      return roster(room, [], [event.user], event.members);
    case "membersChanged":
      return { ...roster(room, event.joined, event.left), count: event.count };
    case "members":
      return listed(room, event);
    case "presence":
      return present(room, event.user, event.presence);
    case "status":
      return doing(room, event.user, event.status);
    case "task":
      return { ...room, tasks: new Map(room.tasks).set(event.task.task, { ...event.task }) };
    default:
      return room;
  }
}

function joined(room: RoomState, { epoch, head, next, verdict }: Extract<ChatEvent, { type: "joined" }>): RoomState {
  const last = room.lines.at(-1);
  const entered = { ...room, isJoined: true, isKicked: false, read: room.read ?? { epoch, seq: head } };
  if (!last) return { ...entered, hasOlder: next > 1 };
  if (verdict.kind === "gap") return append(entered, [{ epoch, seq: verdict.from, to: verdict.to }]);
  // The log is another one: nothing older of what is shown can be had, but of the new one it can.
  if (verdict.kind === "reset") return { ...append(entered, [{ epoch, seq: 1, to: 0 }]), hasOlder: next > 1 };
  // Whoever was away for so long that nothing joins on to what is shown begins anew; the rest comes as one scrolls up.
  const joinsOn = last.epoch === epoch && next <= end(last) + 1;
  return joinsOn ? entered : { ...entered, lines: [], hasOlder: next > 1 };
}

function roster(room: RoomState, came: string[], went: string[], all?: string[]): RoomState {
  const members = new Map(room.members);
  for (const user of went) members.delete(user);
  for (const user of came) {
    if (members.has(user) || members.size < MEMBERS_MAX) members.set(user, { ...members.get(user), user, presence: "online" });
  }
  if (!all) return { ...room, members: sorted(members), count: members.size };
  const known = all.map((user): [string, Member] => [user, members.get(user) ?? { user, presence: "online" }]);
  return { ...room, members: new Map(known), count: all.length };
}

function listed(room: RoomState, { members, count, more }: Extract<ChatEvent, { type: "members" }>): RoomState {
  const all = new Map(more || members.length < count ? room.members : []);
  for (const member of members) all.set(member.user, member);
  return { ...room, members: new Map([...sorted(all)].slice(0, MEMBERS_MAX)), count };
}

const sorted = (members: Map<string, Member>) => new Map([...members].sort(([one], [other]) => (one < other ? -1 : 1)));

function present(room: RoomState, user: string, presence: Presence): RoomState {
  const others = room.typing.filter((writer) => writer !== user);
  if (presence === "typing") return { ...room, typing: [...others, user] };
  if (!mayBeThere(room, user)) return { ...room, typing: others };
  const members = new Map(room.members).set(user, { ...room.members.get(user), user, presence });
  return { ...room, typing: others, members: sorted(members) };
}

/** Somebody who has left may still be told of; where all are known, they are nobody's. */
const mayBeThere = ({ members, count }: RoomState, user: string) =>
  members.has(user) || members.size < Math.min(count, MEMBERS_MAX);

function doing(room: RoomState, user: string, status: Status): RoomState {
  if (!mayBeThere(room, user)) return room;
  const member = room.members.get(user) ?? { user, presence: "online" };
  return { ...room, members: sorted(new Map(room.members).set(user, { ...member, status })) };
}
