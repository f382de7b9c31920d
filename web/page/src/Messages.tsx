// The lines of a room, of which only those near the view are there: as many as may be, it stays as quick.
import { isGap, type Line, type RoomState } from "@chinwag/react";
import { useLayoutEffect, useMemo, useRef, useState } from "react";

import { LineView } from "./LineView.js";
import { chunked, sum, visible, type Chunk } from "./chunks.js";

interface Props {
  room: RoomState;
  me: string;
  onReply: (seq: number) => void;
  loadOlder: (room: string) => Promise<void>;
}

/** So near to the end one is at the end, and to the beginning one wants more; in pixels. */
const NEAR_END = 60;
const NEAR_START = 1_200;

export function Messages({ room, me, onReply, loadOlder }: Props) {
  const { lines, name, members } = room;
  const view = useRef<HTMLDivElement>(null);
  const heights = useRef(new Map<string, number>());
  /** The first line in sight and how far it is below the upper edge; nothing while one is at the end. */
  const anchor = useRef<{ key: string; offset: number } | null>(null);
  const [scroll, setScroll] = useState({ top: 0, height: 0, isAtEnd: true });
  const chunks = useMemo(() => chunked(lines), [lines]);
  // Heights are measured after each time, and only make the next one more exact.
  // eslint-disable-next-line react-hooks/refs
  const known = heights.current;
  const [first, last] = visible(chunks, known, scroll);

  // After every time, whatever has changed: it settles once nothing has another height.
  // eslint-disable-next-line react-hooks/exhaustive-deps
  useLayoutEffect(() => {
    const box = view.current!;
    const hasGrown = measure(box, heights.current);
    hold(box, anchor.current);
    const isAtEnd = anchor.current === null;
    if (hasGrown || box.clientHeight !== scroll.height || (isAtEnd && box.scrollTop !== scroll.top)) {
      setScroll({ top: box.scrollTop, height: box.clientHeight, isAtEnd });
    }
    if (room.hasOlder && box.scrollTop < NEAR_START) void loadOlder(name);
  });

  const scrolled = () => {
    const box = view.current!;
    const isAtEnd = box.scrollHeight - box.scrollTop - box.clientHeight < NEAR_END;
    anchor.current = isAtEnd ? null : firstInSight(box);
    setScroll({ top: box.scrollTop, height: box.clientHeight, isAtEnd });
  };
  const toEnd = () => {
    anchor.current = null;
    setScroll({ ...scroll, isAtEnd: true });
  };

  return (
    <div className="messages">
      <div ref={view} className="scroll" role="log" aria-label={`Messages in ${name}`} aria-live="off" tabIndex={0} onScroll={scrolled}>
        <div style={{ height: sum(chunks, known, 0, first) }} />
        {chunks.slice(first, last).map((chunk) => (
          <ChunkView key={chunk.key} chunk={chunk} lines={lines} me={me} members={members} onReply={onReply} />
        ))}
        <div style={{ height: sum(chunks, known, last, chunks.length) }} />
      </div>
      {!scroll.isAtEnd && (
        <button className="to-end" onClick={toEnd}>
          ↓ Newest messages
        </button>
      )}
      <p className="unseen" aria-live="polite">
        {newest(lines)}
      </p>
    </div>
  );
}

interface ChunkProps extends Pick<Props, "me" | "onReply"> {
  chunk: Chunk;
  lines: readonly Line[];
  members: RoomState["members"];
}

function ChunkView({ chunk, lines, me, members, onReply }: ChunkProps) {
  return (
    <div data-chunk={chunk.key}>
      {lines.slice(chunk.start, chunk.end).map((line, index) => {
        return (
          <LineView
            key={lineKey(line)}
            id={lineKey(line)}
            line={line}
            before={lines[chunk.start + index - 1]}
            quoted={quoted(lines, line)}
            status={isGap(line) ? undefined : members.get(line.user)?.status}
            me={me}
            onReply={onReply}
          />
        );
      })}
    </div>
  );
}

/** What a line answers, if that is here. */
function quoted(lines: readonly Line[], line: Line): Line | undefined {
  if (isGap(line) || line.replyTo === undefined) return undefined;
  return lines.find(({ epoch, seq }) => epoch === line.epoch && seq === line.replyTo);
}

const lineKey = (line: Line): string => `${line.epoch}:${line.seq}${isGap(line) ? "-" : ""}`;

/** What those hear who do not see. */
function newest(lines: readonly Line[]): string {
  const line = lines.at(-1);
  return !line || isGap(line) || line.fromHistory ? "" : `${line.user}: ${line.content}`;
}

/** Notes how high the chunks are that are there; whether that is news. */
function measure(box: HTMLElement, heights: Map<string, number>): boolean {
  let isNews = false;
  for (const element of box.querySelectorAll<HTMLElement>("[data-chunk]")) {
    const [key, height] = [element.dataset.chunk!, element.offsetHeight];
    isNews ||= heights.get(key) !== height;
    heights.set(key, height);
  }
  return isNews;
}

/** What was in sight stays where it was, and who was at the end is there. */
function hold(box: HTMLElement, anchor: { key: string; offset: number } | null) {
  if (!anchor) {
    box.scrollTop = box.scrollHeight;
    return;
  }
  const element = box.querySelector<HTMLElement>(`[data-line="${CSS.escape(anchor.key)}"]`);
  if (element) box.scrollTop += element.offsetTop - box.scrollTop - anchor.offset;
}

function firstInSight(box: HTMLElement): { key: string; offset: number } | null {
  for (const element of box.querySelectorAll<HTMLElement>("[data-line]")) {
    const offset = element.offsetTop - box.scrollTop;
    if (offset + element.offsetHeight > 0) return { key: element.dataset.line!, offset };
  }
  return null;
}
