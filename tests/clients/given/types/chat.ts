// Specification 4's own text, word for word.
// types/chat.ts
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
  status: 'online' | 'offline' | 'working';
  lastSeen?: Date;
}

export interface AgentStatus {
  userId: string;
  status: 'idle' | 'working' | 'stuck' | 'completed';
  currentTask?: string;
  progress?: number;
}
