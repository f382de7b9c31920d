// Chinwag's client: `Chat` with a WebSocket, `Machine` without, and files.
export * from "./api.js";
export { Chat, RefusedError, type Acknowledged, type ChatOptions, type Socket, type Waiting } from "./chat.js";
export { mayReturn, retryAfter } from "./close.js";
export { download, isUploaded, upload, type FileOptions, type Uploaded, type Uploading } from "./files.js";
export { Machine, type MachineOptions } from "./machine.js";
export type { ClientFrame, ServerFrame } from "./wire.js";
