// Generated from docs/asyncapi.json by `npm run wire`: the frames of the `chat` dialect. Do not edit.

/** One life of a room's log. Positions of different epochs cannot be compared. Below 2^53. */
export type Epoch = number;

/** Counts the connections a session has had; the highest is the live one. */
export type Generation = number;

/** What a server allows a connection, in its own words: the client may be slower from the start, and say beforehand what would be refused. */
export interface Limits {
  /** Longest content, in bytes of UTF-8 (S0.13). */
  content_bytes: number;
  /** Longest text frame that is understood, in bytes. */
  frame_bytes: number;
  /** Messages at once after a rest. */
  message_burst: number;
  /** Messages a session may send per second (S0.12). */
  message_rate: number;
  /** A WebSocket ping comes after this much silence; on the wire in milliseconds. */
  ping_interval_ms: number;
  /** Requests that may wait for an answer; past this the connection is not read. */
  unanswered: number;
}

export interface Member {
  detail?: string;
  presence: string;
  progress?: number;
  state?: string;
  user: UserName;
}

/** A request's number within its session: chosen by the client, increasing. */
export type RequestId = number;

export interface Room {
  members: number;
  room: RoomName;
}

export type RoomName = string;

/** A message's place in its room: 1, 2, 3… without gaps within an epoch. Below 2^53. */
export type Seq = number;

export type UserName = string;

export interface ServerAck {
  epoch?: Epoch;
  id?: RequestId;
  key?: string;
  room: RoomName;
  seq?: Seq;
  type: "ack";
}

export interface ServerCreated {
  epoch: Epoch;
  id?: RequestId;
  room: RoomName;
  type: "created";
}

export interface ServerError {
  code: string;
  id?: RequestId;
  key?: string;
  message: string;
  retry_after_ms?: number;
  type: "error";
}

export interface ServerGap {
  epoch: Epoch;
  from: Seq;
  room: RoomName;
  to: Seq;
  type: "gap";
}

export interface ServerHistory {
  epoch: Epoch;
  id?: RequestId;
  messages: ServerMessage[];
  more: boolean;
  room: RoomName;
  type: "history";
}

export interface ServerJoined {
  epoch: Epoch;
  from?: Seq;
  known_since: Generation;
  next: Seq;
  room: RoomName;
  seq: Seq;
  to?: Seq;
  type: "joined";
  verdict: string;
}

export interface ServerLagged {
  epoch: Epoch;
  next: Seq;
  room: RoomName;
  type: "lagged";
}

export interface ServerLeft {
  epoch: Epoch;
  id?: RequestId;
  kicked?: boolean;
  room: RoomName;
  seq: Seq;
  type: "left";
}

export interface ServerMembers {
  count: number;
  id?: RequestId;
  members: Member[];
  more: boolean;
  room: RoomName;
  type: "members";
}

export interface ServerMembersChanged {
  count: number;
  joined: UserName[];
  left: UserName[];
  room: RoomName;
  type: "members_changed";
}

/** The fields of a message that carries something, in wire order. What is usual is left out. */
export interface ServerMessage {
  client_id?: number;
  content: string;
  file_name?: string;
  file_url?: string;
  key?: string;
  kind?: string;
  mentions?: string[];
  priority?: number;
  reply_to?: number;
  room: RoomName;
  seq: Seq;
  state?: string;
  timestamp: string;
  type: "message";
  user: UserName;
}

export interface ServerPong {
  id?: RequestId;
  type: "pong";
}

export interface ServerPresence {
  room: RoomName;
  status: string;
  type: "presence";
  user: UserName;
}

export interface ServerRefreshed {
  expires?: string;
  id?: RequestId;
  type: "refreshed";
}

export interface ServerRooms {
  id?: RequestId;
  more: boolean;
  rooms: Room[];
  type: "rooms";
}

export interface ServerStatus {
  detail?: string;
  progress?: number;
  room: RoomName;
  state: string;
  type: "status";
  user: UserName;
}

export interface ServerTask {
  assignee?: UserName;
  detail?: string;
  metadata?: unknown;
  priority?: number;
  progress?: number;
  room: RoomName;
  state?: string;
  task: string;
  type: "task";
  user?: UserName;
}

export interface ServerUserJoined {
  type: "user_joined";
  count?: number;
  members?: UserName[];
  room: RoomName;
  user: UserName;
}

export interface ServerUserLeft {
  type: "user_left";
  count?: number;
  members?: UserName[];
  room: RoomName;
  user: UserName;
}

export interface ServerWarning {
  code: string;
  count: number;
  message: string;
  retry_after_ms: number;
  type: "warning";
}

export interface ServerWelcome {
  generation: Generation;
  limits: Limits;
  resumed: boolean;
  secret: string;
  session: string;
  type: "welcome";
  user: UserName;
}

/** What a server says. */
export type ServerFrame =
  | ServerAck
  | ServerCreated
  | ServerError
  | ServerGap
  | ServerHistory
  | ServerJoined
  | ServerLagged
  | ServerLeft
  | ServerMembers
  | ServerMembersChanged
  | ServerMessage
  | ServerPong
  | ServerPresence
  | ServerRefreshed
  | ServerRooms
  | ServerStatus
  | ServerTask
  | ServerUserJoined
  | ServerUserLeft
  | ServerWarning
  | ServerWelcome;

/** All fields that a client's frame may have. */
export interface ClientFields {
  after?: string;
  assignee?: string;
  attempt?: number;
  before?: number;
  client_id?: number;
  content?: string;
  detail?: string;
  epoch?: number;
  file_name?: string;
  file_url?: string;
  id?: number;
  key?: string;
  kind?: string;
  limit?: number;
  mentions?: string[];
  metadata?: unknown;
  priority?: number;
  private?: boolean;
  progress?: number;
  reply_to?: number;
  room?: string;
  secret?: string;
  seq?: number;
  session?: string;
  since?: number;
  state?: string;
  task?: string;
  token?: string;
  typing?: boolean;
  user?: string;
  whom?: string;
}

/** What a client says. */
export type ClientFrame =
  | ({ type: "create" } & ClientFields & Required<Pick<ClientFields, "room">>)
  | ({ type: "hello" } & ClientFields)
  | ({ type: "history" } & ClientFields & Required<Pick<ClientFields, "room">>)
  | ({ type: "invite" } & ClientFields & Required<Pick<ClientFields, "room" | "whom">>)
  | ({ type: "join" } & ClientFields & Required<Pick<ClientFields, "room">>)
  | ({ type: "kick" } & ClientFields & Required<Pick<ClientFields, "room" | "whom">>)
  | ({ type: "leave" } & ClientFields & Required<Pick<ClientFields, "room">>)
  | ({ type: "members" } & ClientFields & Required<Pick<ClientFields, "room">>)
  | ({ type: "message" } & ClientFields & Required<Pick<ClientFields, "content" | "room">>)
  | ({ type: "ping" } & ClientFields)
  | ({ type: "refresh" } & ClientFields & Required<Pick<ClientFields, "token">>)
  | ({ type: "rooms" } & ClientFields)
  | ({ type: "seen" } & ClientFields & Required<Pick<ClientFields, "room" | "seq">>)
  | ({ type: "start" } & ClientFields & Required<Pick<ClientFields, "room">>)
  | ({ type: "status" } & ClientFields & Required<Pick<ClientFields, "room" | "state">>)
  | ({ type: "stop" } & ClientFields & Required<Pick<ClientFields, "room">>)
  | ({ type: "task" } & ClientFields & Required<Pick<ClientFields, "room" | "task">>)
  | ({ type: "typing" } & ClientFields & Required<Pick<ClientFields, "room" | "typing">>);

/** What a server's frame of a type must hold to be understood, and of which kind. */
export const REQUIRED: Record<ServerFrame["type"], Record<string, string>> = {
  ack: { room: "string" },
  created: { room: "string", epoch: "number" },
  error: { code: "string", message: "string" },
  gap: { room: "string", epoch: "number", from: "number", to: "number" },
  history: { room: "string", messages: "array", epoch: "number", more: "boolean" },
  joined: { room: "string", epoch: "number", seq: "number", verdict: "string", next: "number", known_since: "number" },
  lagged: { room: "string", epoch: "number", next: "number" },
  left: { room: "string", epoch: "number", seq: "number" },
  members: { room: "string", members: "array", count: "number", more: "boolean" },
  members_changed: { room: "string", joined: "array", left: "array", count: "number" },
  message: { room: "string", user: "string", content: "string", timestamp: "string", seq: "number" },
  pong: {},
  presence: { room: "string", user: "string", status: "string" },
  refreshed: {},
  rooms: { rooms: "array", more: "boolean" },
  status: { room: "string", user: "string", state: "string" },
  task: { room: "string", task: "string" },
  user_joined: { room: "string", user: "string" },
  user_left: { room: "string", user: "string" },
  warning: { code: "string", message: "string", count: "number", retry_after_ms: "number" },
  welcome: { user: "string", session: "string", secret: "string", resumed: "boolean", generation: "number", limits: "object" },
};
