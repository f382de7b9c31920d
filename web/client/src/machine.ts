// One user's end, without sockets, clock or chance: connect, back off, resume, resend, skip duplicates, notice gaps. It
// behaves as core's `Client` does, and the vectors in `vectors/` hold both to that.
import {
  DEFAULTS,
  QueueFullError,
  type ChatEvent,
  type Command,
  type Input,
  type Message,
  type Output,
  type Settings,
  type Verdict,
} from "./api.js";
import {
  HELLO_REFUSED_CODE,
  RETRY_AFTER_MAX,
  RETRY_AFTER_MIN,
  SILENCE_CODE,
  TOKEN_EXPIRED_CODE,
  mayReturn,
  retryAfter,
} from "./close.js";
import * as frames from "./frames.js";
import { Rooms } from "./rooms.js";
import { Sends, type Forgotten } from "./sends.js";
import type * as wire from "./wire.js";

type Phase =
  | { name: "idle" | "connecting" | "greeting" | "attached" | "ended" }
  /** Until the next attempt; `planned` if the server has named it. */
  | { name: "waiting"; until: number; planned: boolean };

/** What a machine is made of. */
export interface MachineOptions {
  user: string;
  /** Shows that we are this user, where that is asked for. */
  token?: string;
  /** The driver has a newer token for each connection: the end of one is not the end of all. */
  isRenewable?: boolean;
  /** What differs from `DEFAULTS`. */
  settings?: Partial<Settings>;
  /** Between 0 and 1, for the backoff. */
  random: () => number;
}

/** Instants are milliseconds of any clock that only goes forward. */
export class Machine {
  readonly user: string;
  private readonly settings: Settings;
  private readonly random: () => number;
  private token: string | undefined;
  private readonly isRenewable: boolean;
  private phase: Phase = { name: "idle" };
  /** Attempts since the server last knew us. */
  private attempts = 0;
  /** Connections asked for, ever: the server serves the newest. */
  private connections = 0;
  private resume: { session: string; secret: string } | undefined;
  /** Which of the session's connections this one is, as the server counts. */
  private generation = 0;
  private allowed: wire.Limits | undefined;
  private readonly rooms = new Rooms();
  private readonly sends = new Sends();
  private ids = 0;
  /** Who writes, by room and name, and until when that holds if not repeated. */
  private readonly typing = new Map<string, { room: string; user: string; until: number }>();
  /** When something last came in. */
  private heard = 0;
  /** When we last asked for a sign of life. */
  private pinged = 0;
  /** When something must have come in since the network was back. */
  private doubtedUntil: number | undefined;
  private out: Output[] = [];

  constructor({ user, token, isRenewable = false, settings, random }: MachineOptions) {
    this.user = user;
    this.token = token;
    this.isRenewable = isRenewable;
    this.settings = { ...DEFAULTS, ...settings };
    this.random = random;
  }

  /** Connects, and keeps connected until `shutdown`. */
  start(): Output[] {
    if (this.phase.name === "idle") this.connect();
    return this.take();
  }

  /** Says goodbye and ends: the session's memberships end with it. */
  shutdown(): Output[] {
    if (this.isEnded) return [];
    if (this.hasConnection) this.out.push({ type: "close", code: 1000 });
    this.end(1000);
    return this.take();
  }

  /** Connects anew and goes on with the session, now: without the wait, or in place of a connection that is no good. */
  reconnect(now: number): Output[] {
    if (this.isOpen) {
      this.out.push({ type: "close", code: SILENCE_CODE });
      this.closed(now, undefined, 0);
    }
    if (this.phase.name === "waiting" || this.phase.name === "connecting") this.connect();
    return this.take();
  }

  /**
   * Does something, now or as soon as possible: joins, leaves and publishes survive reconnects. Answers carry the number.
   *
   * @throws {QueueFullError} if `queueMax` publishes wait already.
   */
  submit(now: number, command: Command): { id: number; outputs: Output[] } {
    if (command.type === "publish" && this.sends.size >= this.settings.queueMax) throw new QueueFullError();
    const id = this.nextId();
    switch (command.type) {
      case "join":
        this.rooms.want(id, command.room);
        this.proceed(now);
        break;
      case "leave":
        this.forgetTyping(({ room }) => room === command.room);
        this.rooms.unwant(id, command.room);
        this.proceed(now);
        break;
      case "publish":
        this.sends.push(id, command.room, command.content, command.extra);
        this.proceed(now);
        break;
      default:
        this.askOnce(id, command);
    }
    return { id, outputs: this.take() };
  }

  handle(now: number, input: Input): Output[] {
    const phase = this.phase.name;
    if (input.type === "timeout") this.timeout(now);
    else if (input.type === "online") this.online(now);
    else if (input.type === "opened" && phase === "connecting") this.opened(now);
    else if (input.type === "received" && this.isOpen) this.received(now, input.text);
    else if (input.type === "closed" && this.hasConnection) this.closed(now, input.code, retryAfter(input.reason ?? ""));
    // What a connection says after it was given up does not count.
    return this.take();
  }

  /** When to come back with a `timeout`. */
  deadline(): number | undefined {
    const instants = [...this.typing.values()].map(({ until }) => until);
    if (this.phase.name === "waiting") instants.push(this.phase.until);
    if (this.isOpen) instants.push(this.silentAt());
    if (this.isAttached) instants.push(...[this.sends.heldUntil, this.rooms.heldUntil, this.pingAt()].filter(isKnown));
    return instants.length ? Math.min(...instants) : undefined;
  }

  /** What the server said it allows as it last welcomed us. */
  get limits(): wire.Limits | undefined {
    return this.allowed;
  }

  get isAttached(): boolean {
    return this.phase.name === "attached";
  }

  get isEnded(): boolean {
    return this.phase.name === "ended";
  }

  /** Publishes not answered yet. */
  get unanswered(): number {
    return this.sends.size;
  }

  /** Whether the present connection is confirmed as a reader of the room. */
  isJoined(room: string): boolean {
    return this.isAttached && this.rooms.get(room)?.joined === true;
  }

  /** There is a connection, and it is open. */
  private get isOpen(): boolean {
    return this.phase.name === "greeting" || this.phase.name === "attached";
  }

  private get hasConnection(): boolean {
    return this.phase.name === "connecting" || this.isOpen;
  }

  private take(): Output[] {
    const out = this.out;
    this.out = [];
    return out;
  }

  private tell(event: ChatEvent) {
    this.out.push({ type: "event", event });
  }

  private nextId(): number {
    this.ids += 1;
    return this.ids;
  }

  // Connections.

  private connect() {
    this.connections += 1;
    this.phase = { name: "connecting" };
    this.out.push({ type: "connect" });
  }

  private opened(now: number) {
    this.phase = { name: "greeting" };
    this.heard = now;
    this.doubtedUntil = undefined;
    const token = this.token === undefined ? {} : { token: this.token };
    this.write({ type: "hello", user: this.user, ...this.resume, attempt: this.connections, ...token });
  }

  private online(now: number) {
    if (this.phase.name === "waiting" && !this.phase.planned) this.connect();
    // What was open before may be long gone, and nobody has told us.
    if (!this.isAttached) return;
    this.doubtedUntil ??= now + this.settings.doubtTimeout;
    this.ping(now);
  }

  private ping(now: number) {
    this.pinged = now;
    this.write({ type: "ping", id: this.nextId() });
  }

  /** When a connection is given up that says nothing. */
  private silentAt(): number {
    return Math.min(this.heard + this.settings.silenceTimeout, this.doubtedUntil ?? Infinity);
  }

  private timeout(now: number) {
    if (this.phase.name === "waiting") {
      if (this.phase.until <= now) this.connect();
    } else if (this.isOpen && this.silentAt() <= now) {
      this.out.push({ type: "close", code: SILENCE_CODE });
      this.closed(now, undefined, undefined);
    } else if (this.isAttached && (this.pingAt() ?? Infinity) <= now) {
      this.ping(now);
    }
    this.endTyping(now);
    this.proceed(now);
  }

  /** When to ask for a sign of life. */
  private pingAt(): number | undefined {
    const { pingAfter } = this.settings;
    return pingAfter === undefined ? undefined : Math.max(this.heard, this.pinged) + pingAfter;
  }

  /** The connection is gone; `planned` is when the server wants us back. */
  private closed(now: number, code: number | undefined, planned: number | undefined) {
    this.rooms.disconnected();
    this.sends.disconnected();
    this.typing.clear();
    const gaveUp = this.attempts >= (this.settings.backoff.attemptsMax ?? Infinity);
    const isAllowed = mayReturn(code) || (this.isRenewable && code === TOKEN_EXPIRED_CODE);
    if (!isAllowed || gaveUp) return this.end(code);
    const retryIn = planned === undefined ? this.backoff() : Math.min(planned, RETRY_AFTER_MAX);
    this.attempts += 1;
    this.phase = { name: "waiting", until: now + retryIn, planned: planned !== undefined };
    this.tell({ type: "disconnected", ...coded(code), retryIn });
  }

  /** Full jitter: uniform up to a bound that grows with every attempt. */
  private backoff(): number {
    const { base, max, factor } = this.settings.backoff;
    return this.random() * Math.min(max, base * Math.max(factor, 1) ** this.attempts);
  }

  private end(code: number | undefined) {
    this.phase = { name: "ended" };
    this.typing.clear();
    this.sends.disconnected();
    this.giveUp({});
    this.tell({ type: "ended", ...coded(code) });
  }

  // What we say.

  private write(frame: wire.ClientFrame) {
    this.out.push({ type: "transmit", text: JSON.stringify(frame) });
  }

  private askOnce(id: number, command: Command) {
    const frame = frames.once(id, this.user, command);
    if (frame && this.isAttached) {
      if (this.isUnderstood(JSON.stringify(frame))) this.write(frame);
      else this.tell(tooLarge(id));
    }
    if (command.type === "refresh") this.token = command.token;
  }

  /** Of longer frames the server could not say which request they were, and the largest end the connection. */
  private isUnderstood(text: string): boolean {
    const max = this.allowed?.frame_bytes ?? Infinity;
    // No character takes more than three bytes for each unit of its UTF-16.
    return text.length * 3 <= max || new TextEncoder().encode(text).length <= max;
  }

  /** Does what waits, as far as that is allowed now. */
  private proceed(now: number) {
    if (!this.isAttached) return;
    this.askPending(now);
    this.sendPending(now);
  }

  private askPending(now: number) {
    this.rooms.askPending(now, {
      max: this.settings.asksMax,
      nextId: () => this.nextId(),
      concern: (room, id) => this.sends.concern(room, id),
      ask: (name, room, { type, id }) => {
        const since = room.position && { since: room.position.seq, epoch: room.position.epoch };
        this.write(type === "join" ? { type, room: name, user: this.user, ...since, id } : { type, room: name, id });
      },
    });
  }

  /** Sends what is not answered and not on its way. */
  private sendPending(now: number) {
    const refused: [number, ChatEvent][] = [];
    const mayGo = (id: number, room: string) => this.rooms.get(room)?.admits(id) ?? true;
    this.sends.transmit(now, this.settings.unansweredMax, this.generation, mayGo, (id, { room, content, extra, uncertain }) => {
      const frame = frames.publish(id, this.user, room, content, extra);
      if (this.isUnderstood(JSON.stringify(frame))) this.write(frame);
      // It has been sent to a server that understood more.
      else refused.push([id, uncertain ? { type: "unresolved", id, room } : tooLarge(id)]);
    });
    if (refused.length === 0) return;
    for (const [id, event] of refused) {
      this.sends.settle(id);
      this.tell(event);
    }
    // Others may go instead, and a leave may have waited for these.
    this.proceed(now);
  }

  /** The server has forgotten something of what was sent: what may be in its room is not repeated. */
  private giveUp(forgotten: Forgotten) {
    for (const [id, room] of this.sends.giveUp(forgotten)) this.tell({ type: "unresolved", id, room });
  }

  // What the server says.

  private received(now: number, text: string) {
    this.heard = now;
    this.doubtedUntil = undefined;
    const frame = frames.parse(text);
    if (frame) this.understood(now, frame);
  }

  private understood(now: number, frame: wire.ServerFrame) {
    switch (frame.type) {
      case "message":
        return this.said(frame);
      case "history":
        return this.history(now, frame);
      case "ack":
        return this.acknowledged(now, frame);
      case "error":
        return this.refused(now, frame);
      case "welcome":
        return this.welcomed(now, frame);
      case "joined":
        return this.joined(now, frame);
      case "left":
        return this.left(now, frame);
      case "gap":
        return this.gap(frame);
      case "presence":
        return this.presence(now, frame);
      case "warning":
        return this.warned(now, frame);
      default:
        return this.plain(frame);
    }
  }

  private welcomed(now: number, { session, secret, resumed, generation, limits }: wire.ServerWelcome) {
    const isLost = !resumed && this.resume !== undefined;
    this.resume = { session, secret };
    this.phase = { name: "attached" };
    this.generation = generation;
    this.allowed = limits;
    this.attempts = 0;
    this.tell({ type: "attached", session, resumed });
    // Under a new session a repeat would not be recognised.
    if (isLost) this.giveUp({});
    this.rooms.wantAgain(() => this.nextId());
    this.proceed(now);
  }

  private joined(now: number, frame: wire.ServerJoined) {
    const { room: name, epoch, seq: head, next, known_since: knownSince } = frame;
    const room = this.rooms.get(name);
    if (!room) return;
    room.enter();
    // What follows begins at `next`; what of it was shown before is passed over.
    const shown = room.position?.epoch === epoch ? room.position.seq : 0;
    room.position = { epoch, seq: Math.max(shown, next - 1) };
    this.tell({ type: "joined", room: name, epoch, head, next, verdict: verdict(frame) });
    this.giveUp({ room: name, before: knownSince });
    this.proceed(now);
  }

  private left(now: number, { room, epoch, seq: head, kicked = false, id }: wire.ServerLeft) {
    if (kicked) this.rooms.sentAway(room);
    this.rooms.outside(id, kicked, room);
    this.tell({ type: "left", room, epoch, head, kicked });
    this.proceed(now);
  }

  private said(frame: wire.ServerMessage) {
    const epoch = this.rooms.get(frame.room)?.position?.epoch;
    if (epoch !== undefined) this.show(this.heard, frames.shown(frame, frame.room, epoch, false));
  }

  private history(now: number, { room, epoch, messages, more, id }: wire.ServerHistory) {
    const shown = messages.map((message) => frames.shown(message, room, epoch, true));
    if (id !== undefined) this.tell({ type: "history", id, room, messages: shown, more });
    else for (const message of shown) this.show(now, message);
  }

  /** Shows a message that is next, passes over what was shown, and joins again if something is missing. */
  private show(now: number, message: Message) {
    const room = this.rooms.get(message.room);
    if (room?.position?.epoch !== message.epoch) return;
    const next = room.position.seq + 1;
    if (message.seq === next) {
      room.position = { epoch: message.epoch, seq: next };
      this.typing.delete(typingKey(message.room, message.user));
      this.tell({ type: "message", message });
    } else if (message.seq > next && room.canBeMended) {
      room.due = this.nextId();
      if (this.isAttached) this.askPending(now);
    }
  }

  private gap({ room: name, epoch, from, to }: wire.ServerGap) {
    const room = this.rooms.get(name);
    if (room?.position?.epoch !== epoch || to <= room.position.seq) return;
    const first = Math.max(from, room.position.seq + 1);
    room.position = { epoch, seq: to };
    this.tell({ type: "gap", room: name, epoch, from: first, to });
  }

  private presence(now: number, { room, user, status }: wire.ServerPresence) {
    const presence = frames.presence(status);
    if (!presence) return;
    const key = typingKey(room, user);
    if (presence === "typing") this.typing.set(key, { room, user, until: now + this.settings.typingTtl });
    else this.typing.delete(key);
    this.tell({ type: "presence", room, user, presence });
    if (this.typing.size > this.settings.typingMax) this.endEarliestTyping();
  }

  private warned(now: number, { code, count, retry_after_ms: wait }: wire.ServerWarning) {
    this.tell({ type: "warning", code, count });
    // Nothing but `hello` was sent by then, and it has no number.
    if (this.phase.name === "greeting") this.helloRefused(now, clamped(wait));
  }

  private acknowledged(now: number, { id, room, epoch, seq }: wire.ServerAck) {
    if (id === undefined) return;
    if (epoch === undefined || seq === undefined) return this.tell({ type: "noted", id, room });
    if (!this.sends.settle(id)) return;
    this.tell({ type: "acknowledged", id, room, epoch, seq });
    this.proceed(now);
  }

  private refused(now: number, { id, code, retry_after_ms: wait }: wire.ServerError) {
    const after = wait === undefined ? undefined : clamped(wait);
    this.tell({
      type: "refused",
      ...(id !== undefined && { id }),
      code,
      ...(after !== undefined && { retryAfter: after }),
    });
    if (this.phase.name !== "greeting") {
      if (id === undefined) return;
      this.requestRefused(id, after === undefined ? undefined : now + after);
      this.proceed(now);
    } else if (FINAL_FOR_HELLO.includes(code)) {
      this.out.push({ type: "close", code: HELLO_REFUSED_CODE });
      this.end(undefined);
    } else {
      this.helloRefused(now, after);
    }
  }

  private requestRefused(id: number, until: number | undefined) {
    const room = this.rooms.refused(id, until);
    // Only members are told what became of what they said.
    if (room !== undefined) this.giveUp({ room });
    const isHeld = until !== undefined && this.settings.retryRateLimited && this.sends.postpone(id, until);
    if (!isHeld) this.sends.settle(id);
  }

  /** Starts over later: on this connection the server waits for nothing but its end. */
  private helloRefused(now: number, after: number | undefined) {
    this.out.push({ type: "close", code: HELLO_REFUSED_CODE });
    this.closed(now, undefined, after);
  }

  /** Frames that are told as they are. */
  private plain(frame: PlainFrame) {
    const event = this.plainEvent(frame);
    if (event) this.tell(event);
  }

  private plainEvent(frame: PlainFrame): ChatEvent | undefined {
    switch (frame.type) {
      case "lagged":
        return { type: "lagged", room: frame.room };
      case "user_joined":
        return { type: "userJoined", room: frame.room, user: frame.user, ...listed(frame) };
      case "user_left":
        this.typing.delete(typingKey(frame.room, frame.user));
        return { type: "userLeft", room: frame.room, user: frame.user, ...listed(frame) };
      case "members_changed": {
        const { room, joined, left, count } = frame;
        return { type: "membersChanged", room, joined, left, count };
      }
      case "members": {
        const { room, count, more } = frame;
        const members = frame.members.map(frames.member).filter(isKnown);
        return { type: "members", ...numbered(frame), room, members, count, more };
      }
      case "rooms":
        return { type: "rooms", ...numbered(frame), rooms: frame.rooms, more: frame.more };
      case "created":
        return { type: "created", ...numbered(frame), room: frame.room };
      case "status": {
        const status = frames.status(frame);
        return status && { type: "status", room: frame.room, user: frame.user, status };
      }
      case "task": {
        const by = frame.user === undefined ? {} : { user: frame.user };
        return { type: "task", room: frame.room, ...by, task: frames.task(frame) };
      }
      case "refreshed": {
        const expires = frame.expires === undefined ? {} : { expires: frame.expires };
        return frame.id === undefined ? undefined : { type: "refreshed", id: frame.id, ...expires };
      }
      case "pong":
        return frame.id === undefined ? undefined : { type: "pong", id: frame.id };
    }
  }

  // Who writes.

  private endTyping(now: number) {
    const over = [...this.typing].filter(([, { until }]) => until <= now).sort(byKey);
    for (const [key, { room, user }] of over) {
      this.typing.delete(key);
      this.tell({ type: "presence", room, user, presence: "online" });
    }
  }

  private endEarliestTyping() {
    const byEnd = [...this.typing].sort((one, other) => one[1].until - other[1].until || byKey(one, other));
    const [key, { room, user }] = byEnd[0]!;
    this.typing.delete(key);
    this.tell({ type: "presence", room, user, presence: "online" });
  }

  private forgetTyping(is: (notice: { room: string }) => boolean) {
    for (const [key, notice] of this.typing) if (is(notice)) this.typing.delete(key);
  }
}

/** Those that the machine has nothing to do for. */
type PlainFrame = Exclude<
  wire.ServerFrame,
  {
    type: "message" | "history" | "ack" | "error" | "welcome" | "joined" | "left" | "gap" | "presence" | "warning";
  }
>;

/** A hello that was refused so would be refused for ever. */
const FINAL_FOR_HELLO = ["bad_user", "user_mismatch", "bad_token", "token_required", "frame_too_large"];

const isKnown = <T>(value: T | undefined): value is T => value !== undefined;

const coded = (code: number | undefined) => (code === undefined ? {} : { code });

const numbered = ({ id }: { id?: number }) => (id === undefined ? {} : { id });

const listed = ({ members }: { members?: string[] }) => (members === undefined ? {} : { members });

const tooLarge = (id: number): ChatEvent => ({ type: "refused", id, code: "frame_too_large" });

const clamped = (wait: number) => Math.min(Math.max(wait, RETRY_AFTER_MIN), RETRY_AFTER_MAX);

/** No name holds a line break, so keys have the order of their rooms and then of their users. */
const typingKey = (room: string, user: string) => `${room}\n${user}`;

const byKey = ([one]: [string, unknown], [other]: [string, unknown]) => (one < other ? -1 : 1);

function verdict({ verdict, from, to }: wire.ServerJoined): Verdict {
  if (verdict === "full") return { kind: "full" };
  if (verdict === "gap" && from !== undefined && to !== undefined) return { kind: "gap", from, to };
  return { kind: "reset" };
}
