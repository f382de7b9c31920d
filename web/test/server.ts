// What tests have beside servers: wires to them that can be cut, and clients of Node that talk to them.
import { once } from "node:events";
import { connect as dial, createServer, type AddressInfo, type Socket as Tcp } from "node:net";

import { vi } from "vitest";
import { WebSocket } from "ws";

import { Server, SECRET, token } from "../../tests/clients/server.js";
import { Chat, type ChatOptions, type Message, type Socket } from "../client/src/index.js";

export { Server, SECRET, token };

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
