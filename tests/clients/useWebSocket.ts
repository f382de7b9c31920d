// The hook of specification 3, over npm's socket.io-client. Its text gives its name, arguments and results, and no code.
import { useCallback, useEffect, useRef, useState } from "react";
import { io, type Socket } from "socket.io-client";

/** As shown in the text, beside `url`. */
export interface Options {
  url: string;
  botId: string;
  userId: string;
  token: string;
  autoConnect: boolean;
  onMessage: (message: ChatMessage) => void;
  onStatusUpdate: (status: BotStatusUpdate) => void;
}

/** Somebody says something. */
export interface ChatMessage {
  botId: string;
  userId: string;
  sender: "user" | "bot";
  message: string;
  timestamp: string;
  status?: string;
  seq: number;
}

/** The bot says what it is doing. */
export interface BotStatusUpdate {
  botId: string;
  status: string;
  message?: string;
  error?: string;
  timestamp: string;
}

/** One page's connection to a bot's room. */
export function useWebSocket(options: Options) {
  const { url, botId, userId, token, autoConnect } = options;
  const socket = useRef<Socket | null>(null);
  const [isConnected, setConnected] = useState(false);
  const [error, setError] = useState<string | null>(null);
  const [typingUsers, setTypingUsers] = useState<string[]>([]);
  const latest = useRef(options);
  latest.current = options;
  // The newest message seen of each bot, so that what is missed is asked for, and nothing is shown twice.
  const positions = useRef<Record<string, { epoch: number; since: number }>>({});

  const show = useCallback((message: ChatMessage) => {
    const position = positions.current[message.botId];
    if (message.seq <= position.since) return;
    position.since = message.seq;
    latest.current.onMessage(message);
  }, []);

  const joinBot = useCallback(
    (bot: string) =>
      new Promise<void>((joined) => {
        // In the callback itself, for messages may come right behind it.
        socket.current!.emit("bot:join", { botId: bot, ...positions.current[bot] }, ({ verdict, epoch }) => {
          if (verdict === "reset" || !positions.current[bot]) positions.current[bot] = { epoch, since: 0 };
          joined();
        });
      }),
    [],
  );

  useEffect(() => {
    const connection = io(url, { transports: ["websocket"], auth: { userId, token }, autoConnect, forceNew: true });
    socket.current = connection;
    connection.on("connect", async () => {
      await joinBot(botId);
      setConnected(true);
    });
    connection.on("disconnect", () => setConnected(false));
    connection.on("connect_error", ({ message }) => setError(message));
    connection.on("error", ({ code }) => setError(code));
    connection.on("chat:message", show);
    connection.on("chat:history", ({ messages }) => messages.forEach(show));
    connection.on("bot:status", (status) => latest.current.onStatusUpdate(status));
    connection.on("typing", ({ userId: who, isTyping }) =>
      setTypingUsers((users) => [...users.filter((user) => user !== who), ...(isTyping ? [who] : [])]),
    );
    return () => void connection.disconnect();
  }, [url, botId, userId, token, autoConnect, joinBot, show]);

  const emit = useCallback((event: string, fields: object) => void socket.current?.emit(event, fields), []);

  return {
    isConnected,
    error,
    typingUsers,
    joinBot,
    sendMessage: (message: string) => emit("chat:message", { botId, message }),
    sendTyping: (isTyping: boolean) => emit("typing", { botId, isTyping }),
    startBot: (bot: string) => emit("bot:start", { botId: bot }),
    stopBot: (bot: string) => emit("bot:stop", { botId: bot }),
    /** What a bot says of itself. */
    sendStatus: (status: string) => emit("bot:status", { botId, status }),
    /** A bot has dealt with all that it was shown, and goes on after that when it comes back. */
    sendSeen: () => emit("bot:seen", { botId, seq: positions.current[botId].since }),
  };
}
