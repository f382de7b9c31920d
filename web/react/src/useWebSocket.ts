// `useWebSocket`: one page in a bot's room, in the shape of specification 3. Without a socket it speaks by REST.
import { Chat, type ChatOptions, type Message, type Socket } from "@chinwag/client";
import { useCallback, useEffect, useRef, useState } from "react";

/** Somebody says something. */
export interface ChatMessage {
  botId: string;
  userId: string;
  sender: "user" | "bot";
  message: string;
  timestamp: string;
  /** What the bot was doing as it said this. */
  status?: string;
}

/** The bot says what it is doing. */
export interface BotStatusUpdate {
  botId: string;
  status: string;
  message?: string;
  /** In place of the message, if the status is `error`. */
  error?: string;
  timestamp: string;
}

export interface UseWebSocketOptions {
  botId: string;
  userId: string;
  token?: string;
  /** Connects by itself; `connect` does otherwise. */
  autoConnect?: boolean;
  onMessage?: (message: ChatMessage) => void;
  onStatusUpdate?: (status: BotStatusUpdate) => void;
  /** Where the server is, as `http://host:port`: the page's own unless it says. */
  url?: string;
  /** Makes connections, where there is no global `WebSocket`. */
  socket?: (url: string) => Socket;
}

export interface UseWebSocket {
  isConnected: boolean;
  /** What went wrong last, by its code. */
  error: string | null;
  typingUsers: string[];
  connect: () => void;
  disconnect: () => void;
  joinBot: (botId: string) => void;
  leaveBot: (botId: string) => void;
  /** By the socket, or by REST while it is down. */
  sendMessage: (message: string) => void;
  sendTyping: (isTyping: boolean) => void;
  startBot: (botId: string) => void;
  stopBot: (botId: string) => void;
}

export function useWebSocket(options: UseWebSocketOptions): UseWebSocket {
  const { botId, userId, token, url = origin(), autoConnect = true } = options;
  const [isConnected, setConnected] = useState(false);
  const [error, setError] = useState<string | null>(null);
  const [typingUsers, setTypingUsers] = useState<string[]>([]);
  const chat = useRef<Chat | null>(null);
  const latest = useRef(options);
  useEffect(() => {
    latest.current = options;
  });

  const disconnect = useCallback(() => {
    chat.current?.close();
    chat.current = null;
    setConnected(false);
  }, []);

  const connect = useCallback(() => {
    if (chat.current) return;
    const made = new Chat(chatOptions(url, userId, token, latest.current.socket));
    chat.current = made;
    listen(made, botId, { latest, setConnected, setError, setTypingUsers });
    made.start().join(roomOf(botId));
  }, [url, userId, token, botId]);

  useEffect(() => {
    if (autoConnect) connect();
    return disconnect;
  }, [autoConnect, connect, disconnect]);

  const failed = useCallback((reason: unknown) => setError(reason instanceof Error ? reason.message : String(reason)), []);

  const sendMessage = useCallback(
    (message: string) => {
      const sent = chat.current?.isConnected
        ? chat.current.publish(roomOf(botId), message)
        : post(url, botId, userId, token, message);
      sent.catch(failed);
    },
    [url, botId, userId, token, failed],
  );
  const sendTyping = useCallback((isTyping: boolean) => chat.current?.typing(roomOf(botId), isTyping), [botId]);
  const joinBot = useCallback((bot: string) => void chat.current?.join(roomOf(bot)), []);
  const leaveBot = useCallback((bot: string) => void chat.current?.leave(roomOf(bot)), []);
  const run = useCallback(
    (bot: string, on: boolean) => void chat.current?.run(roomOf(bot), on).catch(failed),
    [failed],
  );
  const startBot = useCallback((bot: string) => run(bot, true), [run]);
  const stopBot = useCallback((bot: string) => run(bot, false), [run]);

  return {
    isConnected,
    error,
    typingUsers,
    connect,
    disconnect,
    joinBot,
    leaveBot,
    sendMessage,
    sendTyping,
    startBot,
    stopBot,
  };
}

/** What listeners need of the hook. */
interface Hook {
  latest: { current: UseWebSocketOptions };
  setConnected: (is: boolean) => void;
  setError: (error: string | null) => void;
  setTypingUsers: (change: (users: string[]) => string[]) => void;
}

function listen(chat: Chat, botId: string, { latest, setConnected, setError, setTypingUsers }: Hook) {
  const own = roomOf(botId);
  const writes = (user: string, on: boolean) =>
    setTypingUsers((users) => [...users.filter((writer) => writer !== user), ...(on ? [user] : [])]);
  const gone = () => {
    setConnected(false);
    setTypingUsers(() => []);
  };
  chat.on("joined", ({ room }) => {
    if (room !== own) return;
    setConnected(true);
    setError(null);
  });
  chat.on("disconnected", gone);
  chat.on("ended", gone);
  chat.on("refused", ({ code, retryAfter }) => {
    if (retryAfter === undefined) setError(code);
  });
  chat.on("message", ({ message }) => {
    writes(message.user, false);
    latest.current.onMessage?.(shown(message));
  });
  chat.on("presence", ({ room, user, presence }) => {
    if (room === own && user !== chat.user) writes(user, presence === "typing");
  });
  chat.on("status", ({ room, user, status: { state, detail } }) => {
    if (room !== roomOf(user)) return;
    const said = detail === undefined ? {} : state === "error" ? { error: detail } : { message: detail };
    latest.current.onStatusUpdate?.({ botId: user, status: state, ...said, timestamp: new Date().toISOString() });
  });
}

const BOT_ROOM = "bot:";

const roomOf = (botId: string) => BOT_ROOM + botId;

function shown({ room, user, content, timestamp, state }: Message): ChatMessage {
  const botId = room.slice(BOT_ROOM.length);
  const status = state === undefined ? {} : { status: state };
  return { botId, userId: user, sender: user === botId ? "bot" : "user", message: content, timestamp, ...status };
}

function chatOptions(url: string, user: string, token?: string, connect?: (url: string) => Socket): ChatOptions {
  return { url: `${url.replace(/^http/, "ws")}/chat`, user, ...(token !== undefined && { token }), ...(connect && { connect }) };
}

/** Says it by REST, once: a repeat under the same key would be the same message. */
async function post(url: string, botId: string, userId: string, token: string | undefined, message: string) {
  const answer = await fetch(`${url}/bot-execution/${encodeURIComponent(botId)}/chat?user=${encodeURIComponent(userId)}`, {
    method: "POST",
    headers: { "Content-Type": "application/json", ...(token !== undefined && { Authorization: `Bearer ${token}` }) },
    body: JSON.stringify({ message }),
  });
  if (answer.ok) return;
  const { error } = (await answer.json()) as { error: { code: string } };
  throw new Error(error.code);
}

const origin = () => globalThis.location?.origin ?? "";
