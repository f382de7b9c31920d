// Frames as text and text as frames: what is said from commands, what is understood as messages, members, tasks.
import type { Command, Extra, Member, Message, Presence, Status, Task } from "./api.js";
import {
  REQUIRED,
  type ClientFields,
  type ClientFrame,
  type ServerFrame,
  type ServerMessage,
  type ServerTask,
  type Member as WireMember,
} from "./wire.js";

/** Reads a frame. Nothing if it lacks something it must have, or is of a type we do not know: the server may be newer. */
export function parse(text: string): ServerFrame | undefined {
  let frame: unknown;
  try {
    frame = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof frame !== "object" || frame === null) return undefined;
  const { type } = frame as { type?: unknown };
  if (typeof type !== "string" || !Object.hasOwn(REQUIRED, type)) return undefined;
  return holds(frame as Record<string, unknown>, REQUIRED[type as ServerFrame["type"]]) ? (frame as ServerFrame) : undefined;
}

function holds(frame: Record<string, unknown>, required: Record<string, string>): boolean {
  return Object.entries(required).every(([field, kind]) => {
    const value = frame[field];
    if (kind === "array") return Array.isArray(value);
    // Above 2^53 readers of JSON differ.
    if (kind === "number") return Number.isSafeInteger(value);
    return value !== null && typeof value === kind;
  });
}

/** The frame of something that is asked for once, whatever becomes of it. */
export function once(id: number, user: string, command: Command): ClientFrame | undefined {
  switch (command.type) {
    case "join":
    case "leave":
    case "publish":
      return undefined;
    case "typing":
      return { type: "typing", room: command.room, user, typing: command.on };
    case "invite":
    case "kick":
      return { type: command.type, room: command.room, whom: command.user, id };
    case "run":
      return { type: command.on ? "start" : "stop", room: command.room, id };
    case "status":
      return { type: "status", room: command.room, ...command.status, id };
    case "task": {
      const { status, ...task } = command.task;
      return { type: "task", room: command.room, ...task, ...status, id };
    }
    case "create":
      return { type: "create", room: command.room, ...(command.private && { private: true }), id };
    default:
      return { ...command, id };
  }
}

/** The frame of something said. */
export function publish(id: number, user: string, room: string, content: string, extra: Extra = {}): ClientFrame {
  return { type: "message", room, content, user, id, ...carried(extra) };
}

/** What a message carries, as fields of its frame. What is usual is left out; `state` is not the client's to say. */
function carried({ key, clientId, replyTo, kind, file, mentions, priority }: Extra): ClientFields {
  const fields = {
    key,
    client_id: clientId,
    reply_to: replyTo,
    kind: kind === "text" ? undefined : kind,
    file_url: file?.url,
    file_name: file?.name,
    mentions: mentions?.length ? mentions : undefined,
    priority: priority === PRIORITY_NORMAL ? undefined : priority,
  };
  return without(fields);
}

const PRIORITY_NORMAL = 2;
const KINDS = ["text", "file", "agent", "system"];

/** A message as it is shown. A kind that we do not know is something said: the server may be newer. */
export function shown(frame: ServerMessage, room: string, epoch: number, fromHistory: boolean): Message {
  const { user, content, timestamp, seq, key, client_id, reply_to, kind, file_url, file_name, mentions, priority, state } = frame;
  const extra: Partial<Record<keyof Extra, unknown>> = {
    key,
    clientId: client_id,
    replyTo: reply_to,
    kind: kind !== "text" && KINDS.includes(kind ?? "") ? kind : undefined,
    file: file_url === undefined ? undefined : without({ url: file_url, name: file_name }),
    mentions: mentions?.length ? mentions : undefined,
    priority: priority === PRIORITY_NORMAL ? undefined : priority,
    state,
  };
  return { room, epoch, seq, user, content, timestamp, fromHistory, ...(without(extra) as Extra) };
}

const PRESENCES = ["online", "offline", "typing"];

export function presence(word: string): Presence | undefined {
  return PRESENCES.includes(word) ? (word as Presence) : undefined;
}

export function member(listed: WireMember): Member | undefined {
  const here = presence(listed.presence);
  return here && (without({ user: listed.user, presence: here, status: status(listed) }) as unknown as Member);
}

/** What somebody is doing; nothing if they do not say. */
export function status({ state, detail, progress }: { state?: string; detail?: string; progress?: number }): Status | undefined {
  return state === undefined ? undefined : (without({ state, detail, progress }) as unknown as Status);
}

export function task(frame: ServerTask): Task {
  const { task, assignee, priority, metadata } = frame;
  return without({ task, status: status(frame), assignee, priority, metadata }) as unknown as Task;
}

/** Without the fields that hold nothing: on the wire they are left out. */
export function without<T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as T;
}
