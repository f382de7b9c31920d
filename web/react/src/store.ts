// A chat as a store that React can watch: state that changes at most once a frame, however much comes in.
import { Chat, type ChatEvent, type ChatOptions, type Extra, type Position } from "@chinwag/client";

import { EMPTY, beginning, emptyRoom, foldAll, older, seen, unseen, without, withRoom, type ChatState } from "./state.js";

/** Messages asked for at once when one scrolls up. */
const PAGE = 100;

export class ChatStore {
  private options: ChatOptions;
  /** The rooms that were asked for from without. */
  private listed: readonly string[];
  private current: Chat;
  private state: ChatState;
  private readonly watchers = new Set<() => void>();
  private waiting: ChatEvent[] = [];
  /** The room that is looked at. */
  private open: string | undefined;
  private readonly loading = new Set<string>();
  /** Rooms that were asked for and never entered, by the number that a refusal would name. */
  private readonly entering = new Map<number, string>();

  constructor(options: ChatOptions, rooms: readonly string[] = [], read: ReadonlyMap<string, Position> = new Map()) {
    this.state = { ...EMPTY, rooms: new Map(rooms.map((room) => [room, emptyRoom(room, read.get(room))])) };
    this.options = options;
    this.listed = rooms;
    this.current = this.make();
  }

  /** The client of the present start. */
  get chat(): Chat {
    return this.current;
  }

  /** Connects, until what it returns is called. May be started again: the rooms are those from before. */
  readonly start = (): (() => void) => {
    if (this.current.isEnded) this.current = this.make();
    this.current.start();
    this.entering.clear();
    for (const room of this.state.rooms.keys()) this.enter(room);
    return () => this.current.close();
  };

  /** From now on with another token, and in these rooms instead of those that were named before. */
  readonly follow = ({ token }: Pick<ChatOptions, "token">, rooms: readonly string[]) => {
    const isNew = token !== this.options.token && typeof token === "string";
    this.options = { ...this.options, ...(token !== undefined && { token }) };
    if (isNew) this.renew(token);
    const before = this.listed;
    this.listed = rooms;
    for (const room of before) if (!rooms.includes(room)) this.leave(room);
    for (const room of rooms) if (!before.includes(room)) this.join(room);
  };

  readonly watch = (watcher: () => void): (() => void) => {
    this.watchers.add(watcher);
    return () => void this.watchers.delete(watcher);
  };

  readonly snapshot = (): ChatState => this.state;

  readonly join = (room: string) => {
    if (this.state.rooms.has(room)) return void this.chat.join(room);
    this.set({ ...this.state, rooms: new Map(this.state.rooms).set(room, emptyRoom(room)) });
    this.enter(room);
  };

  readonly leave = (room: string) => {
    this.chat.leave(room);
    this.set(without(this.state, room));
  };

  /** Says something; what becomes of a refusal is in `error`. */
  readonly publish = async (room: string, content: string, extra?: Extra): Promise<boolean> => {
    try {
      await this.chat.publish(room, content, extra);
      this.forgive();
      return true;
    } catch (error) {
      this.set({ ...this.state, error: error instanceof Error ? error.message : String(error) });
      return false;
    }
  };

  /** Forgets what the server last said no to. */
  readonly forgive = () => {
    if (this.state.error !== null) this.set({ ...this.state, error: null });
  };

  readonly typing = (room: string, on: boolean) => this.chat.typing(room, on);

  /** This room is looked at from now on: nothing of it is unread. */
  readonly look = (room: string | undefined) => {
    // What came before belongs to what was looked at until now.
    this.flush();
    if (this.open !== undefined && this.open !== room) this.set(withRoom(this.state, this.open, unseen));
    this.open = room;
    if (room !== undefined) this.set(withRoom(this.state, room, seen));
  };

  /** Asks for messages before the oldest that is there. */
  readonly loadOlder = async (name: string): Promise<void> => {
    const room = this.state.rooms.get(name);
    if (!room?.hasOlder || this.loading.has(name)) return;
    this.loading.add(name);
    try {
      const { messages, more } = await this.chat.history(name, room.lines[beginning(room.lines)]?.seq, PAGE);
      this.flush();
      this.set(withRoom(this.state, name, (now) => older(now, messages, more)));
    } catch {
      // Without a connection: whoever scrolls on asks again.
    } finally {
      this.loading.delete(name);
    }
  };

  private enter(room: string) {
    this.entering.set(this.chat.join(room), room);
  }

  /** A room that one is not let into is no room of ours. */
  private settled(state: ChatState, event: ChatEvent): ChatState {
    if (event.type === "joined") for (const [id, room] of this.entering) if (room === event.room) this.entering.delete(id);
    if (event.type !== "refused" || event.id === undefined || event.retryAfter !== undefined) return state;
    const room = this.entering.get(event.id);
    this.entering.delete(event.id);
    return room === undefined ? state : without(state, room);
  }

  /** Whoever was turned away with the token of before tries with this one. */
  private renew(token: string) {
    if (this.current.isEnded) this.start();
    else this.current.refresh(token);
  }

  private make(): Chat {
    // The newest function that gets tokens is asked: people write it where it is used, new each time.
    const newest = () => {
      const { token } = this.options;
      return typeof token === "function" ? token() : token!;
    };
    const isRenewable = typeof this.options.token === "function";
    const chat = new Chat(isRenewable ? { ...this.options, token: newest } : this.options);
    chat.onAny((event) => {
      if (chat === this.current) this.take(event);
    });
    return chat;
  }

  private take(event: ChatEvent) {
    if (event.type === "history" || event.type === "pong") return;
    // Who is there, with what they do: a join tells names only.
    if (event.type === "joined") void this.chat.members(event.room).catch(() => {});
    this.waiting.push(event);
    if (this.waiting.length === 1) setTimeout(() => this.flush(), FRAME);
  }

  private flush() {
    const events = this.waiting;
    this.waiting = [];
    const state = events.reduce((state, event) => this.settled(state, event), this.state);
    this.set(foldAll(state, events, this.chat.user, this.open));
  }

  private set(state: ChatState) {
    if (state === this.state) return;
    this.state = state;
    for (const watcher of [...this.watchers]) watcher();
  }
}

/** As often as pages are drawn, in milliseconds. Hidden ones have no frames, but must still count what is unread. */
const FRAME = 16;
