// `useChatWebSocket`: people and agents in one room, in the shape and with the sentences of specification 4.
import { mayReturn } from "@chinwag/client";
import { useEffect, useMemo, useSyncExternalStore } from "react";

export interface ChatMessage {
  id: number;
  text: string;
  sender: string;
  timestamp: Date;
  mentions: string[];
  isCommand: boolean;
  replyTo?: number;
}

export interface User {
  id: string;
  role: string;
  status: "online" | "offline" | "working";
  lastSeen?: Date;
}

export interface AgentStatus {
  userId: string;
  status: "idle" | "working" | "stuck" | "completed";
  currentTask?: string;
  progress?: number;
}

export interface UseChatWebSocket {
  connected: boolean;
  messages: ChatMessage[];
  users: User[];
  agentStatuses: AgentStatus[];
  error: string | null;
  /** False if nothing was sent, because there is no connection. */
  sendMessage: (text: string, mentions?: string[], replyTo?: number) => boolean;
  connect: () => void;
  disconnect: () => void;
}

export interface UseChatWebSocketOptions {
  /** The page's own server's `/ws` unless it says. */
  url?: string;
  token?: string;
}

/** Messages that are kept: above it the oldest go. */
export const MESSAGES_MAX = 10_000;

/** Attempts in a row; the n-th comes n seconds after a connection was lost. */
const ATTEMPTS_MAX = 5;
const ATTEMPT_STEP = 1_000;
const PING_INTERVAL = 30_000;

export function useChatWebSocket(userId: string, role: string, options: UseChatWebSocketOptions = {}): UseChatWebSocket {
  const { url = ownUrl(), token } = options;
  const connection = useMemo(() => new Connection(url, { userId, role, token }), [url, userId, role, token]);
  useEffect(() => {
    connection.connect();
    return connection.disconnect;
  }, [connection]);
  const state = useSyncExternalStore(connection.watch, connection.snapshot, connection.snapshot);
  const { sendMessage, connect, disconnect } = connection;
  return { ...state, sendMessage, connect, disconnect };
}

/** What `auth` says. */
interface Auth {
  userId: string;
  role: string;
  token: string | undefined;
}

/** One that comes back, as a store that React can watch. */
class Connection {
  private readonly url: string;
  private readonly auth: Auth;
  private state: State = EMPTY;
  private readonly watchers = new Set<() => void>();
  private socket: WebSocket | undefined;
  private attempts = 0;
  private retry: ReturnType<typeof setTimeout> | undefined;
  private ping: ReturnType<typeof setInterval> | undefined;

  constructor(url: string, auth: Auth) {
    this.url = url;
    this.auth = auth;
  }

  readonly watch = (watcher: () => void): (() => void) => {
    this.watchers.add(watcher);
    return () => void this.watchers.delete(watcher);
  };

  readonly snapshot = (): State => this.state;

  readonly connect = () => {
    this.drop();
    try {
      this.listen(new WebSocket(this.url));
    } catch (error) {
      // No address of a WebSocket, or one that this page may not open.
      console.error("Error creating WebSocket:", error);
      this.set({ error: "Failed to connect to server" });
    }
  };

  readonly disconnect = () => {
    this.drop();
    this.set({ connected: false });
  };

  readonly sendMessage = (text: string, mentions: string[] = [], replyTo?: number): boolean => {
    try {
      const isSent = this.send({ type: "message", data: { id: Date.now(), text, mentions, replyTo } });
      if (!isSent) this.set({ error: "Not connected to server" });
      return isSent;
    } catch (error) {
      console.error("Error sending message:", error);
      this.set({ error: "Failed to send message" });
      return false;
    }
  };

  private listen(socket: WebSocket) {
    this.socket = socket;
    // What is said of a connection that was given up does not count.
    const isOurs = () => this.socket === socket;
    socket.onopen = () => isOurs() && this.opened();
    socket.onmessage = ({ data }) => isOurs() && this.hear(String(data));
    socket.onerror = (event) => isOurs() && this.failed(event);
    socket.onclose = ({ code }) => isOurs() && this.closed(code);
  }

  private opened() {
    this.set({ connected: true, error: null });
    this.send({ type: "auth", data: this.auth });
    this.ping = setInterval(() => this.send({ type: "ping" }), PING_INTERVAL);
  }

  private hear(text: string) {
    try {
      const frame = JSON.parse(text) as Frame;
      // Only who was let in has arrived: others would be turned away for ever.
      if (frame.type === "auth_response" && frame.data.success) this.attempts = 0;
      this.set(heard(this.state, frame));
    } catch (error) {
      console.error("Error parsing message:", error);
    }
  }

  private failed(event: Event) {
    console.error("WebSocket error:", event);
    this.set({ error: "Connection error occurred" });
  }

  private closed(code: number) {
    this.drop();
    this.set({ connected: false });
    this.attempts += 1;
    const mayTry = mayReturn(code) && this.attempts <= ATTEMPTS_MAX;
    if (!mayTry) this.set({ error: "Connection lost. Please refresh the page." });
    else this.retry = setTimeout(this.connect, ATTEMPT_STEP * this.attempts);
  }

  private drop() {
    clearTimeout(this.retry);
    clearInterval(this.ping);
    const { socket } = this;
    this.socket = undefined;
    socket?.close();
  }

  /** False if there is no connection. */
  private send(frame: object): boolean {
    if (this.socket?.readyState !== WebSocket.OPEN) return false;
    this.socket.send(JSON.stringify(frame));
    return true;
  }

  private set(change: Partial<State>) {
    this.state = { ...this.state, ...change };
    for (const watcher of [...this.watchers]) watcher();
  }
}

type State = Pick<UseChatWebSocket, "connected" | "messages" | "users" | "agentStatuses" | "error">;

const EMPTY: State = { connected: false, messages: [], users: [], agentStatuses: [], error: null };

/** Frames as they come; of what a type needs, the server's word is taken. */
type Frame =
  | { type: "auth_response"; data: { success: boolean; agents?: string[] } }
  | { type: "message" | "agent_response"; data: Said }
  | { type: "user_presence"; data: Present }
  | { type: "status_update"; data: AgentStatus }
  | { type: "error"; data: { message: string } }
  | { type: "pong" };

type Said = Pick<ChatMessage, "id" | "text" | "sender"> & { timestamp: string; replyTo?: number | null } & Partial<
    Pick<ChatMessage, "mentions" | "isCommand">
  >;

interface Present {
  userId: string;
  status: User["status"];
  timestamp: string;
}

function heard(state: State, frame: Frame): State {
  switch (frame.type) {
    case "auth_response":
      if (!frame.data.success) return { ...state, error: "Authentication failed" };
      return { ...state, users: (frame.data.agents ?? []).map((id) => ({ id, role: "unknown", status: "online" })) };
    case "message":
    case "agent_response":
      return { ...state, messages: [...state.messages, said(frame.data)].slice(-MESSAGES_MAX) };
    case "user_presence":
      return { ...state, users: present(state.users, frame.data) };
    case "status_update":
      return { ...state, agentStatuses: replaced(state.agentStatuses, frame.data) };
    case "error":
      return { ...state, error: frame.data.message };
    case "pong":
      return state;
    default:
      // The server may be newer.
      console.warn("Unknown message type:", (frame as { type: unknown }).type);
      return state;
  }
}

function said({ id, text, sender, timestamp, mentions = [], isCommand = false, replyTo }: Said): ChatMessage {
  return { id, text, sender, timestamp: new Date(timestamp), mentions, isCommand, ...(replyTo != null && { replyTo }) };
}

/** Whoever was not there yet is added: in the text, those who come later are not shown at all. */
function present(users: User[], { userId, status, timestamp }: Present): User[] {
  const known = users.find(({ id }) => id === userId);
  const user: User = { id: userId, role: known?.role ?? "unknown", status, lastSeen: new Date(timestamp) };
  return known ? users.map((other) => (other === known ? user : other)) : [...users, user];
}

function replaced(statuses: AgentStatus[], { userId, status, currentTask, progress }: AgentStatus): AgentStatus[] {
  const newer: AgentStatus = {
    userId,
    status,
    ...(currentTask !== undefined && { currentTask }),
    ...(progress !== undefined && { progress }),
  };
  const isKnown = statuses.some((other) => other.userId === userId);
  return isKnown ? statuses.map((other) => (other.userId === userId ? newer : other)) : [...statuses, newer];
}

function ownUrl(): string {
  const { protocol = "http:", host = "localhost:8080" } = globalThis.location ?? {};
  return `${protocol.replace("http", "ws")}//${host}/ws`;
}
