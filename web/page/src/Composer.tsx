// Where one writes: Enter sends, Shift and Enter begin a line (S4.39), and others see that one writes.
import type { RoomState, UseChat } from "@chinwag/react";
import { useEffect, useRef, useState, type KeyboardEvent } from "react";

import { mentioned } from "./words.js";

interface Props {
  chat: UseChat;
  room: RoomState;
  replyTo: number | undefined;
  onReply: (seq: number | undefined) => void;
}

/** How often one says that one writes: the server forgets it after six seconds. */
const TYPING_INTERVAL = 3_000;

export function Composer({ chat, room, replyTo, onReply }: Props) {
  const [text, setText] = useState("");
  const input = useRef<HTMLTextAreaElement>(null);
  const { write, stop } = useTyping(chat, room.name);
  const isReady = room.isJoined && chat.connection.state === "connected";
  const canSend = isReady && text.trim() !== "";

  useEffect(() => {
    if (replyTo !== undefined) input.current?.focus();
  }, [replyTo]);

  const send = () => {
    if (!canSend) return;
    const mentions = mentioned(text);
    const extra = { ...(mentions.length && { mentions }), ...(replyTo !== undefined && { replyTo }) };
    void chat.publish(room.name, text, extra);
    setText("");
    onReply(undefined);
    stop();
  };
  const press = (event: KeyboardEvent) => {
    if (event.key === "Escape") onReply(undefined);
    if (event.key !== "Enter" || event.shiftKey || event.nativeEvent.isComposing) return;
    event.preventDefault();
    send();
  };

  return (
    <div className="composer">
      <p className="typing" aria-live="polite">
        {room.typing.length > 0 && (
          <>
            {who(room.typing)} <span className="dots" aria-hidden="true" />
          </>
        )}
      </p>
      {replyTo !== undefined && (
        <p className="banner">
          Replying to message #{replyTo} <button onClick={() => onReply(undefined)}>Cancel</button>
        </p>
      )}
      <div className="input">
        <textarea
          ref={input}
          aria-label={`Message to ${room.name}`}
          placeholder="Type a message... Use @username to mention someone"
          rows={Math.min(6, text.split("\n").length)}
          value={text}
          disabled={!isReady}
          onKeyDown={press}
          onInput={(event) => {
            setText(event.currentTarget.value);
            write();
          }}
        />
        <button className="primary" disabled={!canSend} onClick={send}>
          Send
        </button>
      </div>
    </div>
  );
}

function who(users: readonly string[]): string {
  if (users.length > 3) return `${users.length} people are writing`;
  return `${users.join(", ")} ${users.length === 1 ? "is" : "are"} writing`;
}

function useTyping({ typing }: UseChat, room: string) {
  const said = useRef(-Infinity);
  const write = () => {
    if (performance.now() - said.current < TYPING_INTERVAL) return;
    said.current = performance.now();
    typing(room, true);
  };
  // A message ends it for everybody by itself.
  const stop = () => {
    said.current = -Infinity;
  };
  return { write, stop };
}
