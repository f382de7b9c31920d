// Chinwag's client: `Chat` with a WebSocket, and `Machine` without.
export * from "./api.js";
export { Chat, RefusedError, type Acknowledged, type ChatOptions, type Socket, type Waiting } from "./chat.js";
export { mayReturn, retryAfter } from "./close.js";
export { Machine, type MachineOptions } from "./machine.js";
export type { ClientFrame, ServerFrame } from "./wire.js";
