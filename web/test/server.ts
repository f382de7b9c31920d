// chat-servers for tests, started and ended by them, and clients of Node that talk to them.
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
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
