// React hooks for Chinwag.
export { useChat, type UseChat } from "./useChat.js";
export { ChatStore } from "./store.js";
export { beginning, isGap, names, type ChatState, type Connection, type Gap, type Line, type RoomState } from "./state.js";
export {
  useChatWebSocket,
  type AgentStatus,
  type ChatMessage as AgentChatMessage,
  type UseChatWebSocket,
  type UseChatWebSocketOptions,
  type User,
} from "./useChatWebSocket.js";
export {
  useWebSocket,
  type BotStatusUpdate,
  type ChatMessage as BotChatMessage,
  type UseWebSocket,
  type UseWebSocketOptions,
} from "./useWebSocket.js";
