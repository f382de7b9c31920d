// Where one writes: Enter sends, Shift and Enter begin a line (S4.39), and others see that one writes.
import type { RoomState, UseChat } from "@chinwag/react";
import { useEffect, useRef, type ClipboardEvent, type KeyboardEvent } from "react";

import { Transfers } from "./Transfers.js";
import { NOTHING, returned, type ChangeDraft, type Draft } from "./drafts.js";
import { fileBytesMax, type Files } from "./files.js";
import { mentioned } from "./words.js";

interface Props {
  chat: UseChat;
  room: RoomState;
  draft: Draft;
  onChange: ChangeDraft;
  files: Files;
  canUpload: boolean;
}

/** How often one says that one writes: the server forgets it after six seconds. */
const TYPING_INTERVAL = 3_000;

export function Composer({ chat, room: { name, isJoined, isKicked, typing }, draft, onChange, files, canUpload }: Props) {
  const { text, replyTo } = draft;
  const input = useRef<HTMLTextAreaElement>(null);
  const { write, stop } = useTyping(chat, name);
  const isReady = isJoined && chat.connection.state === "connected";
  const canSend = isReady && text.trim() !== "";

  useEffect(() => {
    if (replyTo !== undefined) input.current?.focus();
  }, [replyTo]);
  useEffect(() => {
    // On a phone the keyboard would cover the room.
    if (matchMedia("(hover: hover)").matches) input.current?.focus();
  }, []);

  const change = (changed: Partial<Draft>) => onChange(name, (draft) => ({ ...draft, ...changed }));
  const giveUpReply = () => {
    change({ replyTo: undefined });
    input.current?.focus();
  };
  const send = async () => {
    if (!canSend) return;
    const mentions = mentioned(text);
    const extra = { ...(mentions.length && { mentions }), ...(replyTo !== undefined && { replyTo }) };
    onChange(name, () => NOTHING);
    stop();
    input.current?.focus();
    if (!(await chat.publish(name, text, extra))) onChange(name, (since) => returned(draft, since));
  };
  const paste = (event: ClipboardEvent) => {
    const { types, files: pasted } = event.clipboardData;
    // What is a text, too, is meant as one.
    if (!canUpload || pasted.length === 0 || types.includes("text/plain")) return;
    event.preventDefault();
    files.send(name, pasted);
  };
  const press = (event: KeyboardEvent) => {
    if (event.key === "Escape") giveUpReply();
    if (event.key !== "Enter" || event.shiftKey || event.nativeEvent.isComposing) return;
    event.preventDefault();
    void send();
  };

  return (
    <div className="composer">
      <p className="typing" aria-live="polite">
        {typing.length > 0 && (
          <>
            {who(typing)}
            <span className="dots" aria-hidden="true" />
          </>
        )}
      </p>
      {isKicked && (
        <p className="banner problem" role="alert">
          The owner of this room or an admin has removed you from it. <button onClick={() => chat.join(name)}>Join again</button>
        </p>
      )}
      {replyTo !== undefined && (
        <p className="banner">
          Replying to message #{replyTo} <button onClick={giveUpReply}>Cancel</button>
        </p>
      )}
      <Transfers transfers={files.transfers.filter(({ room }) => room === name)} onDrop={files.drop} />
      <div className="input">
        {fileBytesMax() > 0 && <Attach isReady={canUpload} onFiles={(chosen) => files.send(name, chosen)} />}
        <textarea
          ref={input}
          aria-label={`Message to ${name}`}
          placeholder="Type a message... Use @username to mention someone"
          rows={Math.min(6, text.split("\n").length)}
          value={text}
          readOnly={!isReady}
          aria-disabled={!isReady}
          onKeyDown={press}
          onPaste={paste}
          onInput={(event) => {
            change({ text: event.currentTarget.value });
            write();
          }}
        />
        <button className="primary" disabled={!canSend} onClick={() => void send()}>
          Send
        </button>
      </div>
    </div>
  );
}

interface AttachProps {
  /** The button is always there: nothing jumps as one comes and goes. */
  isReady: boolean;
  onFiles: (files: FileList) => void;
}

function Attach({ isReady, onFiles }: AttachProps) {
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <input
        ref={input}
        type="file"
        multiple
        hidden
        onChange={({ currentTarget: chosen }) => {
          if (chosen.files) onFiles(chosen.files);
          // The same one may be chosen again.
          chosen.value = "";
        }}
      />
      <button
        className="attach"
        aria-label="Attach files"
        title="Attach files"
        disabled={!isReady}
        onClick={() => input.current?.click()}
      >
        +
      </button>
    </>
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
