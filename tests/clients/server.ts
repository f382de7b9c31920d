// chat-servers: the one that the tests here share, and those of a test that wants other settings, or one that ends. `web/` has
// them, too.
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

const PROGRAM = process.env.CHAT_SERVER!;
const PREFIX = "listening on http://";

/** Where the server is that all tests share, as `host:port`. */
export const SHARED = process.env.CHAT_ADDRESS!;

/** The secret of servers that have one, and that of nobody. */
export const SECRET = "a secret of at least thirty-two bytes";
export const OTHER_SECRET = "another secret, of thirty-two bytes too";

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
    const env = secret ? { ...environment, CHAT_TOKEN_SECRET: secret } : environment;
    const child = spawn(PROGRAM, [...port, "--exit-with-stdin", "--log", "warn", ...flags], {
      env,
      stdio: ["pipe", "pipe", "inherit"],
    });
    for await (const line of createInterface(child.stdout!)) {
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
export function token(user: string, { secret = SECRET, ttl = "1h" } = {}): string {
  const env = { ...environment, CHAT_TOKEN_SECRET: secret };
  return execFileSync(PROGRAM, ["token", "--user", user, "--ttl", ttl], { env, encoding: "utf8" }).trim();
}
