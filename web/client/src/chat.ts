// The driver: a machine, its WebSocket, its timer, and promises for what is asked.
import {
  type ChatEvent,
  type Command,
  type Extra,
  type Input,
  type Member,
  type Message,
  type Output,
  type Settings,
  type Status,
  type Task,
} from "./api.js";
import { Machine } from "./machine.js";

/** As much of a WebSocket as is used: a browser's, a worker's, Node's, or the one of package `ws`. */
export interface Socket {
  onopen: ((event: never) => void) | null;
  onmessage: ((event: never) => void) | null;
  onclose: ((event: never) => void) | null;
  onerror: ((event: never) => void) | null;
  send(text: string): void;
  close(code?: number): void;
}

export interface ChatOptions {
  /** Where the server is: `wss://chat.example/chat`. */
  url: string;
  user: string;
  /** A JSON Web Token, or what gets one: for each connection, and when the present one is about to end. */
  token?: string | (() => string | Promise<string>);
  /** What differs from the defaults. */
  settings?: Partial<Settings>;
  /** Aborting it is `close()`. */
  signal?: AbortSignal;
  /** Makes connections; `new WebSocket(url)` if left out. */
  connect?: (url: string) => Socket;
  /** After so many milliseconds without a connection, or without a token for one, it is tried again; 15,000 if left out. */
  connectTimeout?: number;
  /** Between 0 and 1. */
  random?: () => number;
  /** In milliseconds; of any clock that only goes forward. */
  now?: () => number;
}

/** A request that came to nothing. */
export class RefusedError extends Error {
  override name = "RefusedError";
  /** A code of the protocol, `unresolved`, `disconnected`, or `ended`. */
  readonly code: string;
  constructor(code: string) {
    super(code);
    this.code = code;
  }
}

/** What may be waited for. */
export interface Waiting {
  /** Aborting it ends the wait; what was asked may still be done. */
  signal?: AbortSignal;
}

type Answer = Extract<ChatEvent, { id?: number }>;
type Listener<T extends ChatEvent["type"]> = (event: Extract<ChatEvent, { type: T }>) => void;

/** Where a message now is. */
export interface Acknowledged {
  room: string;
  epoch: number;
  seq: number;
}

/** One user's end of a chat: connected, and in its rooms, until it is closed. */
export class Chat {
  private readonly options: ChatOptions;
  private readonly machine: Machine;
  private readonly listeners = new Map<string, Set<(event: ChatEvent) => void>>();
  private readonly requests = new Map<number, { resolve: (answer: Answer) => void; reject: (error: Error) => void }>();
  /** Those of them that come to nothing with their connection. */
  private readonly once = new Set<number>();
  private socket: Socket | undefined;
  /** Connections that were asked for or given up. */
  private turns = 0;
  /** Ends the wait for the present one. */
  private opening: ReturnType<typeof setTimeout> | undefined;
  private timer: ReturnType<typeof setTimeout> | undefined;
  /** What the machine wants done and was not done yet: listeners may want more meanwhile. */
  private readonly pending: Output[] = [];
  private isCarrying = false;
  private readonly release = new AbortController();

  constructor(options: ChatOptions) {
    this.options = options;
    const { user, token, settings, random = Math.random } = options;
    const shown = typeof token === "string" ? { token } : {};
    const isRenewable = typeof token === "function";
    this.machine = new Machine({ user, ...shown, isRenewable, settings: settings ?? {}, random });
  }

  get user(): string {
    return this.machine.user;
  }

  /** The server knows the present connection. */
  get isConnected(): boolean {
    return this.machine.isAttached;
  }

  /** It has stopped for good. */
  get isEnded(): boolean {
    return this.machine.isEnded;
  }

  /** What was said and is not answered. */
  get unanswered(): number {
    return this.machine.unanswered;
  }

  /** Connects, and keeps connected. Listeners that were there before miss nothing. */
  start(): this {
    const { signal } = this.options;
    if (signal?.aborted) {
      this.close();
      return this;
    }
    const ours = { signal: this.release.signal };
    signal?.addEventListener("abort", () => this.close(), ours);
    globalThis.addEventListener?.("online", () => this.input({ type: "online" }), ours);
    this.carry(this.machine.start());
    return this;
  }

  /** Connects anew, now, and goes on with the session: for whoever will not wait. */
  reconnect() {
    this.carry(this.machine.reconnect(this.now()));
  }

  /** Shows a newer token: now, if there is a connection, and with each from now on. */
  refresh(token: string) {
    if (!this.isEnded) this.do({ type: "refresh", token });
  }

  /** Says goodbye: memberships end, and nothing is tried any more. */
  close() {
    this.carry(this.machine.shutdown());
  }

  /** Hears events of a type, until what it returns is called. */
  on<T extends ChatEvent["type"]>(type: T, listener: Listener<T>): () => void {
    return this.add(type, listener as (event: ChatEvent) => void);
  }

  /** Hears all events. */
  onAny(listener: (event: ChatEvent) => void): () => void {
    return this.add(ANY, listener);
  }

  /** Be in a room: now, and again after every reconnect. Returns the number that a refusal would name. */
  join(room: string): number {
    return this.do({ type: "join", room });
  }

  /** Leave a room, as soon as everything said there before has its answer. */
  leave(room: string): number {
    return this.do({ type: "leave", room });
  }

  /** Says something, once, as soon as there is a connection. Resolves when it is in the room. */
  async publish(room: string, content: string, extra?: Extra, waiting?: Waiting): Promise<Acknowledged> {
    const command: Command = { type: "publish", room, content, ...(extra && { extra }) };
    return (await this.ask(command, waiting)) as Extract<ChatEvent, { type: "acknowledged" }>;
  }

  typing(room: string, on: boolean) {
    this.do({ type: "typing", room, on });
  }

  /** Older messages of a room, before this one. */
  async history(room: string, before?: number, limit = 50, waiting?: Waiting): Promise<{ messages: Message[]; more: boolean }> {
    const command: Command = { type: "history", room, limit, ...(before !== undefined && { before }) };
    return (await this.ask(command, waiting)) as Extract<ChatEvent, { type: "history" }>;
  }

  /** Who is in a room; of a large one, those after this name. */
  async members(room: string, after?: string, waiting?: Waiting): Promise<{ members: Member[]; count: number; more: boolean }> {
    const command: Command = { type: "members", room, ...(after !== undefined && { after }) };
    return (await this.ask(command, waiting)) as Extract<ChatEvent, { type: "members" }>;
  }

  /** Which rooms there are, after this name. */
  async rooms(after?: string, waiting?: Waiting): Promise<{ rooms: { room: string; members: number }[]; more: boolean }> {
    const command: Command = { type: "rooms", ...(after !== undefined && { after }) };
    return (await this.ask(command, waiting)) as Extract<ChatEvent, { type: "rooms" }>;
  }

  async create(room: string, options: { private?: boolean } & Waiting = {}): Promise<void> {
    await this.ask({ type: "create", room, ...(options.private && { private: true }) }, options);
  }

  async invite(room: string, user: string, waiting?: Waiting): Promise<void> {
    await this.ask({ type: "invite", room, user }, waiting);
  }

  async kick(room: string, user: string, waiting?: Waiting): Promise<void> {
    await this.ask({ type: "kick", room, user }, waiting);
  }

  /** Starts or stops a room's bot. */
  async run(room: string, on: boolean, waiting?: Waiting): Promise<void> {
    await this.ask({ type: "run", room, on }, waiting);
  }

  /** Of a bot: it has dealt with all up to here. */
  async seen(room: string, seq: number, waiting?: Waiting): Promise<void> {
    await this.ask({ type: "seen", room, seq }, waiting);
  }

  async status(room: string, status: Status, waiting?: Waiting): Promise<void> {
    await this.ask({ type: "status", room, status }, waiting);
  }

  async task(room: string, task: Task, waiting?: Waiting): Promise<void> {
    await this.ask({ type: "task", room, task }, waiting);
  }

  private add(type: string, listener: (event: ChatEvent) => void): () => void {
    const ours = this.listeners.get(type) ?? new Set();
    this.listeners.set(type, ours.add(listener));
    return () => void ours.delete(listener);
  }

  private do(command: Command): number {
    const { id, outputs } = this.machine.submit(this.now(), command);
    this.carry(outputs);
    return id;
  }

  /** Does something that is answered. */
  private ask(command: Command, { signal }: Waiting = {}): Promise<Answer> {
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      if (this.isEnded || (command.type !== "publish" && !this.isConnected)) {
        throw new RefusedError(this.isEnded ? "ended" : "disconnected");
      }
      const { id, outputs } = this.machine.submit(this.now(), command);
      const abort = () => this.settle(id)?.reject(signal?.reason as Error);
      signal?.addEventListener("abort", abort);
      const done = () => signal?.removeEventListener("abort", abort);
      this.requests.set(id, {
        resolve: (answer) => (done(), resolve(answer)),
        reject: (error) => (done(), reject(error)),
      });
      if (command.type !== "publish") this.once.add(id);
      this.carry(outputs);
    });
  }

  private settle(id: number) {
    const request = this.requests.get(id);
    this.requests.delete(id);
    this.once.delete(id);
    return request;
  }

  private now(): number {
    return this.options.now?.() ?? performance.now();
  }

  private input(input: Input) {
    this.carry(this.machine.handle(this.now(), input));
  }

  /** Does what the machine wants done, and asks when it wants to be woken. */
  private carry(outputs: Output[]) {
    this.pending.push(...outputs);
    if (this.isCarrying) return;
    this.isCarrying = true;
    for (let output; (output = this.pending.shift()); ) {
      if (output.type === "connect") this.connect();
      else if (output.type === "transmit") this.send(output.text);
      else if (output.type === "close") this.drop(output.code);
      else this.tell(output.event);
    }
    this.isCarrying = false;
    this.arm();
  }

  private arm() {
    clearTimeout(this.timer);
    const deadline = this.machine.deadline();
    if (deadline === undefined) return;
    // A timer may fire a little early, and takes no more than 2^31 ms.
    const wait = Math.min(Math.max(Math.ceil(deadline - this.now()), 0), 2 ** 31 - 1);
    this.timer = setTimeout(() => this.input({ type: "timeout" }), wait);
  }

  private connect() {
    this.drop();
    const turn = this.turns;
    // What a connection says after it was given up does not count.
    const isOurs = () => turn === this.turns;
    const failed = () => {
      if (isOurs()) this.fail();
    };
    this.opening = setTimeout(failed, this.options.connectTimeout ?? CONNECT_TIMEOUT);
    this.tell({ type: "connecting" });
    this.open(isOurs).catch(failed);
  }

  private async open(isOurs: () => boolean) {
    const { url, connect = browser } = this.options;
    await this.renew();
    if (!isOurs()) return;
    const socket = connect(url);
    this.socket = socket;
    const hear = (input: Input) => {
      if (!isOurs()) return;
      clearTimeout(this.opening);
      this.input(input);
    };
    socket.onopen = () => hear({ type: "opened" });
    socket.onmessage = ({ data }: { data: unknown }) => {
      if (typeof data === "string") hear({ type: "received", text: data });
    };
    socket.onclose = ({ code, reason }: { code: number; reason: string }) => hear({ type: "closed", code, reason });
    // A close follows.
    socket.onerror = () => {};
  }

  /** A socket that cannot be written to is as good as closed. */
  private send(text: string) {
    try {
      this.socket?.send(text);
    } catch {
      this.fail();
    }
  }

  private fail() {
    this.drop();
    this.input({ type: "closed" });
  }

  /** Gets a newer token, if there is something that gets them. */
  private async renew() {
    const { token } = this.options;
    if (typeof token !== "function") return;
    this.refresh(await token());
  }

  /** Lets go of the connection, with a code or without a word. */
  private drop(code?: number) {
    this.turns += 1;
    clearTimeout(this.opening);
    const socket = this.socket;
    this.socket = undefined;
    socket?.close(code);
  }

  private tell(event: ChatEvent) {
    this.answer(event);
    // Without another the server closes the connection, and says so.
    if (event.type === "refused" && event.code === "token_expired") this.renew().catch(() => {});
    if (event.type === "ended") this.release.abort();
    for (const type of [event.type, ANY]) {
      for (const listener of [...(this.listeners.get(type) ?? [])]) call(listener, event);
    }
  }

  /** Ends the waits that this event ends. */
  private answer(event: ChatEvent) {
    if (event.type === "ended") this.abandon(this.requests.keys(), "ended");
    if (event.type === "disconnected") this.abandon(this.once, "disconnected");
    if (!("id" in event) || event.id === undefined || this.goesAgain(event)) return;
    const request = this.settle(event.id);
    if (event.type === "refused") request?.reject(new RefusedError(event.code));
    else if (event.type === "unresolved") request?.reject(new RefusedError("unresolved"));
    else request?.resolve(event);
  }

  private abandon(ids: Iterable<number>, code: string) {
    for (const id of [...ids]) this.settle(id)?.reject(new RefusedError(code));
  }

  /** A message that was refused for its rate is said again by itself. */
  private goesAgain(event: Answer): boolean {
    const isHeld = event.type === "refused" && event.retryAfter !== undefined;
    return isHeld && (this.options.settings?.retryRateLimited ?? true) && !this.once.has(event.id!);
  }
}

const CONNECT_TIMEOUT = 15_000;

/** All types of events. */
const ANY = "*";

const browser = (url: string) => new WebSocket(url) as unknown as Socket;

/** What one listener throws is not for the others to suffer from. */
function call(listener: (event: ChatEvent) => void, event: ChatEvent) {
  try {
    listener(event);
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}
