// chat-servers for tests, started and ended by them, and clients of Node that talk to them.
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { connect as dial, createServer, type AddressInfo, type Socket as Tcp } from "node:net";
import { createInterface } from "node:readline";

import { vi } from "vitest";
import { WebSocket } from "ws";

import { Chat, type ChatOptions, type Message, type Socket } from "../client/src/index.js";

const PROGRAM = process.env.CHAT_SERVER ?? "chat-server";
const PREFIX = "listening on http://";

/** What tokens are signed with where a test wants some. */
export const SECRET = "a secret of at least thirty-two bytes";

// The settings are those of the test, not those of whoever runs it.
const environment = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => name !== "PORT" && !name.startsWith("CHAT_")),
);

/** A server of the test's own. */
export class Server {
  /** Where it listens, as `host:port`. */
  readonly address: string;
  private readonly process: ChildProcess;

  private constructor(process: ChildProcess, address: string) {
    this.process = process;
    this.address = address;
  }

  /** Starts one with these flags, on a free port unless they name one; `secret` is what its tokens are signed with. */
  static async start(flags: string[] = [], secret?: string): Promise<Server> {
    const port = flags.includes("--port") ? [] : ["--port", "0"];
    const child = spawn(PROGRAM, [...port, "--exit-with-stdin", "--log", "warn", ...flags], {
      env: secret === undefined ? environment : { ...environment, CHAT_TOKEN_SECRET: secret },
      stdio: ["pipe", "pipe", "inherit"],
    });
    for await (const line of createInterface(child.stdout)) {
      if (line.startsWith(PREFIX)) return new Server(child, line.slice(PREFIX.length).trim());
    }
    throw new Error("chat-server ended before it listened");
  }

  /** Its port, for one that takes its place. */
  get port(): string {
    return this.address.split(":").at(-1)!;
  }

  /** Asks it to end: everybody is told to come back. Waits until it is gone. */
  stop(): Promise<void> {
    return this.end("SIGTERM");
  }

  /** Ends it without a word to anybody, and waits until it is gone. */
  crash(): Promise<void> {
    return this.end("SIGKILL");
  }

  private async end(signal: NodeJS.Signals) {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return;
    const gone = once(this.process, "exit");
    this.process.kill(signal);
    await gone;
  }
}

/** A token for this user, made by `chat-server token`. */
export function token(user: string, ...flags: string[]): string {
  const env = { ...environment, CHAT_TOKEN_SECRET: SECRET };
  return execFileSync(PROGRAM, ["token", "--user", user, ...flags], { env, encoding: "utf8" }).trim();
}

/** What lies between somebody and a server, and can be cut. */
export class Wire {
  readonly #ends = new Set<Tcp>();
  readonly #listener;
  #newcomers: "served" | "refused" | "unanswered" = "served";

  private constructor(port: number) {
    this.#listener = createServer((near) => {
      this.#add(near);
      if (this.#newcomers === "refused") near.destroy();
      if (this.#newcomers !== "served") return;
      const far = this.#add(dial(port, "127.0.0.1"));
      near.pipe(far).pipe(near);
      near.on("close", () => far.destroy());
      far.on("close", () => near.destroy());
    });
  }

  static async to(server: Server): Promise<Wire> {
    const wire = new Wire(Number(server.port));
    wire.#listener.listen(0, "127.0.0.1");
    await once(wire.#listener, "listening");
    return wire;
  }

  /** The server's, for whoever is at the near end. */
  get address(): string {
    return `127.0.0.1:${(this.#listener.address() as AddressInfo).port}`;
  }

  /** Ends all connections; others are refused, or hear nothing. */
  cut(newcomers: "refused" | "unanswered" = "refused") {
    this.#newcomers = newcomers;
    for (const end of this.#ends) end.destroy();
  }

  mend() {
    this.#newcomers = "served";
  }

  close() {
    this.cut();
    this.#listener.close();
  }

  #add(end: Tcp): Tcp {
    this.#ends.add(end);
    end.on("error", () => {});
    return end.on("close", () => this.#ends.delete(end));
  }
}

/** Waits until this no longer throws. */
export const until = (check: () => void | Promise<void>) => vi.waitFor(check, { timeout: 15_000 });

/** A WebSocket of Node's. */
export const connect = (url: string) => new WebSocket(url) as unknown as Socket;

/** Somebody who notes what they are shown. */
export class Person {
  readonly chat: Chat;
  readonly shown: Message[] = [];

  constructor(user: string, address: string, options: Partial<ChatOptions> = {}) {
    const settings = { backoff: { base: 20, max: 100, factor: 1.5 }, ...options.settings };
    this.chat = new Chat({ url: `ws://${address}/chat`, user, connect, ...options, settings });
    this.chat.on("message", ({ message }) => this.shown.push(message));
  }

  /** Connects, and is in this room. */
  async enter(room: string): Promise<this> {
    const joined = this.next("joined");
    this.chat.start().join(room);
    await joined;
    return this;
  }

  /** Waits for the next event of a type. */
  next<T extends Parameters<Chat["on"]>[0]>(type: T): Promise<void> {
    return new Promise((resolve) => {
      const stop = this.chat.on(type, () => {
        stop();
        resolve();
      });
    });
  }

  get contents(): string[] {
    return this.shown.map(({ content }) => content);
  }
}
