// A line: something said with all it carries (S4.36), or a place where messages are missing.
import { isUploaded, type Message, type Status } from "@chinwag/client";
import { isGap, names, type Gap, type Line } from "@chinwag/react";
import { memo, useContext } from "react";

import { SaveFile } from "./files.js";
import { colour, day, isWeb, parts, time } from "./words.js";

interface Props {
  id: string;
  line: Line;
  before: Line | undefined;
  /** What it answers, if that is here. */
  quoted: Line | undefined;
  /** From here on it came since one last looked. */
  isFirstNew: boolean;
  /** What its author is doing now. */
  status: Status | undefined;
  me: string;
  onReply: (seq: number) => void;
}

export const LineView = memo(function LineView({ id, line, before, quoted, isFirstNew, status, me, onReply }: Props) {
  if (isGap(line)) return <GapView id={id} gap={line} />;
  const today = day(line.timestamp);
  const isNewDay = !before || isGap(before) || day(before.timestamp) !== today;
  return (
    <div data-line={id}>
      {isNewDay && (
        <div className="day" role="separator">
          {today}
        </div>
      )}
      {isFirstNew && (
        <div className="day new" role="separator">
          New
        </div>
      )}
      <MessageView message={line} quoted={quoted} status={status} me={me} onReply={onReply} />
    </div>
  );
});

function GapView({ id, gap: { seq, to } }: { id: string; gap: Gap }) {
  const count = to - seq + 1;
  const missing = count === 1 ? "1 message is" : `${count} messages are`;
  return (
    <div className="day gap" role="separator" data-line={id}>
      {count > 0 ? `${missing} no longer kept by the server` : "The room began anew"}
    </div>
  );
}

type MessageProps = Pick<Props, "quoted" | "status" | "me" | "onReply"> & { message: Message };

function MessageView({ message, quoted, status, me, onReply }: MessageProps) {
  const { seq, user, timestamp, kind, mentions = [], replyTo, state, file, content } = message;
  const doing = status?.state ?? state;
  // What says no more than what the file is called, and perhaps how large it is.
  const isCaption = file?.name !== undefined && content.startsWith(file.name);
  const isAgent = kind === "agent" || doing !== undefined;
  const classes = [kind ?? "text", isAgent && "agent", user === me && "mine", names(message, me) && "for-me"];
  return (
    <article className={`message ${classes.filter(Boolean).join(" ")}`} aria-label={`Message ${seq} of ${user}`}>
      <header>
        <span className="sender">{user}</span>
        {isAgent && <span className={`chip ${colour(doing ?? "idle")}`}>{doing ?? "idle"}</span>}
        <time dateTime={timestamp}>{time(timestamp)}</time>
        <button className="quiet reply" aria-label={`Reply to message ${seq} of ${user}`} onClick={() => onReply(seq)}>
          Reply
        </button>
      </header>
      {replyTo !== undefined && <Quote seq={replyTo} quoted={quoted} />}
      {!isCaption && (
        <p className="text">
          <Text text={content} />
        </p>
      )}
      {file && <File {...file} room={message.room} caption={isCaption ? content : (file.name ?? file.url)} />}
      {mentions.length > 0 && <p className="mentions">Mentions: {mentions.map((name) => `@${name}`).join(", ")}</p>}
    </article>
  );
}

function Quote({ seq, quoted }: { seq: number; quoted: Line | undefined }) {
  return (
    <blockquote>
      Replying to message #{seq}
      {quoted && !isGap(quoted) && `: ${quoted.user}: ${quoted.content}`}
    </blockquote>
  );
}

/** Never as HTML: what people say is text. */
function Text({ text }: { text: string }) {
  return parts(text).map(({ kind, text }, index) => {
    if (kind === "mention") return <mark key={index}>{text}</mark>;
    if (kind === "link") return <Link key={index} url={text} text={text} />;
    return text;
  });
}

function File({ room, url, name = "file", caption }: { room: string; url: string; name?: string; caption: string }) {
  const save = useContext(SaveFile);
  if (isUploaded(url)) {
    return (
      <p className="file">
        File:{" "}
        <button className="link" onClick={() => save(room, url, name)}>
          {caption}
        </button>
      </p>
    );
  }
  return <p className="file">File: {isWeb(url) ? <Link url={url} text={caption} /> : caption}</p>;
}

const Link = ({ url, text }: { url: string; text: string }) => (
  <a href={url} target="_blank" rel="noopener noreferrer nofollow">
    {text}
  </a>
);
