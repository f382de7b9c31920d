// What goes into a client and what comes out of it: commands, inputs, outputs, events, settings.
import type { Limits } from "./wire.js";

export type { Limits };

/** A message's place: the `seq`-th of this life of its room's log. */
export interface Position {
  epoch: number;
  seq: number;
}

/** What a message carries beside its content. */
export interface Extra {
  /** The sender's own name for it: said once in two minutes, whichever session says it. */
  key?: string;
  /** The sender's own number for it. */
  clientId?: number;
  /** The `seq` of the message it answers. */
  replyTo?: number;
  /** What kind of message it is: `text` unless it says something else. */
  kind?: "text" | "file" | "agent" | "system";
  file?: { url: string; name?: string };
  mentions?: string[];
  /** 0, the most urgent, to 4; 2 unless it says something else. */
  priority?: number;
  /** Of an agent's message, and only shown: what it was doing. */
  state?: string;
}

/** A message as a user sees it. */
export interface Message extends Extra, Position {
  room: string;
  user: string;
  content: string;
  /** RFC 3339. */
  timestamp: string;
  /** It came out of the history and not live. */
  fromHistory: boolean;
}

export type Presence = "online" | "offline" | "typing";

/** What somebody is doing. */
export interface Status {
  state: string;
  detail?: string;
  /** Per cent. */
  progress?: number;
}

/** How a task stands; of a change, only what has changed. */
export interface Task {
  task: string;
  status?: Status;
  assignee?: string;
  priority?: number;
  metadata?: unknown;
}

export interface Member {
  user: string;
  presence: Presence;
  status?: Status;
}

/** What a user wants. All but `join`, `leave` and `publish` are tried once: without a connection they come to nothing. */
export type Command =
  | { type: "join"; room: string }
  | { type: "leave"; room: string }
  | { type: "publish"; room: string; content: string; extra?: Extra }
  | { type: "typing"; room: string; on: boolean }
  | { type: "history"; room: string; before?: number; limit: number }
  | { type: "members"; room: string; after?: string }
  | { type: "rooms"; after?: string }
  | { type: "create"; room: string; private?: boolean }
  | { type: "invite"; room: string; user: string }
  | { type: "kick"; room: string; user: string }
  | { type: "run"; room: string; on: boolean }
  | { type: "seen"; room: string; seq: number }
  | { type: "status"; room: string; status: Status }
  | { type: "task"; room: string; task: Task }
  | { type: "refresh"; token: string }
  | { type: "ping" };

/** What a driver tells the machine. All but `timeout` and `online` concern the newest connection asked for. */
export type Input =
  | { type: "opened" }
  | { type: "received"; text: string }
  /** Gone, or could not be made. `code` is left out if no close frame came. */
  | { type: "closed"; code?: number; reason?: string }
  /** The time of `deadline()` has come. */
  | { type: "timeout" }
  /** The network is back: a wait that the server did not ask for is over, and what seems connected has to show it. */
  | { type: "online" };

/** What the machine wants done. */
export type Output =
  /** Open a connection; drop the previous one, if it is still there, without a word. */
  | { type: "connect" }
  | { type: "transmit"; text: string }
  /** Close with this code; nothing more need be said about that connection. */
  | { type: "close"; code: number }
  | { type: "event"; event: ChatEvent };

/** Whether anything is missing when a room is entered again: nothing, some, or all before is of another log. */
export type Verdict = { kind: "full" } | { kind: "gap"; from: number; to: number } | { kind: "reset" };

/** What a user is shown. */
export type ChatEvent =
  /** Of the driver: a connection is being made. */
  | { type: "connecting" }
  | { type: "attached"; session: string; resumed: boolean }
  /** In a room, perhaps again. `head` is its newest message, `next` the first that will be shown. */
  | { type: "joined"; room: string; epoch: number; head: number; next: number; verdict: Verdict }
  /** Left, or sent away by somebody. */
  | { type: "left"; room: string; epoch: number; head: number; kicked: boolean }
  /** Shown once and in order. */
  | { type: "message"; message: Message }
  /** Older messages that were asked for, oldest first. `more`: there are still older ones. */
  | { type: "history"; id: number; room: string; messages: Message[]; more: boolean }
  /** What was said is in the room, at this place. */
  | { type: "acknowledged"; id: number; room: string; epoch: number; seq: number }
  /** A request that has no place among the messages was granted. */
  | { type: "noted"; id: number; room: string }
  /** What was said may or may not be in the room: the server has forgotten our session. */
  | { type: "unresolved"; id: number; room: string }
  /** These fell out of the room's history before we had them, and will not be shown. */
  | { type: "gap"; room: string; epoch: number; from: number; to: number }
  /** `retryAfter`, in milliseconds, means: not yet. */
  | { type: "refused"; id?: number; code: string; retryAfter?: number }
  | { type: "warning"; code: string; count: number }
  /** We read too slowly: the history takes over. */
  | { type: "lagged"; room: string }
  | { type: "userJoined"; room: string; user: string; members?: string[] }
  | { type: "userLeft"; room: string; user: string; members?: string[] }
  | { type: "membersChanged"; room: string; joined: string[]; left: string[]; count: number }
  | { type: "presence"; room: string; user: string; presence: Presence }
  | { type: "members"; id?: number; room: string; members: Member[]; count: number; more: boolean }
  | { type: "rooms"; id?: number; rooms: { room: string; members: number }[]; more: boolean }
  | { type: "created"; id?: number; room: string }
  | { type: "status"; room: string; user: string; status: Status }
  | { type: "task"; room: string; user?: string; task: Task }
  /** A newer token was taken; when it ends, in RFC 3339, if it ever does. */
  | { type: "refreshed"; id: number; expires?: string }
  | { type: "pong"; id: number }
  /** The connection is gone; another is tried in so many milliseconds. */
  | { type: "disconnected"; code?: number; retryIn: number }
  /** Over for good: it was told to, may not come back, or gave up. */
  | { type: "ended"; code?: number };

/** How a client behaves. Spans are in milliseconds. */
export interface Settings {
  backoff: Backoff;
  /** Sends that may wait for an answer at once; the server accepts 64. */
  unansweredMax: number;
  /** Joins and leaves that may wait for an answer at once. */
  asksMax: number;
  /** Sends that may wait their turn, also while offline; more are thrown back. */
  queueMax: number;
  /** A connection silent for this long is given up. */
  silenceTimeout: number;
  /** The same, once the network was gone and is back. */
  doubtTimeout: number;
  /** Silence after which the client pings: pages do not see the server's pings. Never if left out. */
  pingAfter?: number;
  /** A typing notice not repeated for this long has ended. */
  typingTtl: number;
  /** Typing notices remembered at once. */
  typingMax: number;
  /** Send again, under the same number, what was refused for its rate. */
  retryRateLimited: boolean;
}

/** The n-th wait is uniform between nothing and min(`max`, `base` · `factor`^n). The server's own wish goes first. */
export interface Backoff {
  base: number;
  max: number;
  factor: number;
  /** Attempts without success before giving up; never if left out. */
  attemptsMax?: number;
}

export const DEFAULTS: Settings = {
  backoff: { base: 1_000, max: 30_000, factor: 1.5 },
  unansweredMax: 64,
  asksMax: 16,
  queueMax: 1_024,
  silenceTimeout: 40_000,
  doubtTimeout: 5_000,
  pingAfter: 25_000,
  typingTtl: 6_000,
  typingMax: 1_000,
  retryRateLimited: true,
};

/** As many sends wait for an answer as may. */
export class QueueFullError extends Error {
  override name = "QueueFullError";
  constructor() {
    super("too many sends wait for an answer");
  }
}
