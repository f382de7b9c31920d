// The lines of a room, of which only those near the view are there: as many as may be, it stays as quick.
import type { Position } from "@chinwag/client";
import { beginning, isGap, type Line, type RoomState } from "@chinwag/react";
import { memo, useEffect, useLayoutEffect, useMemo, useRef, useState } from "react";

import { LineView } from "./LineView.js";
import { chunked, lineAt, saidSince, sum, visible, type Anchor, type Chunk, type View } from "./chunks.js";

interface Props {
  room: RoomState;
  me: string;
  onReply: (seq: number) => void;
  loadOlder: (room: string) => Promise<void>;
}

/** So near to the end one is at the end, and to the beginning of the present log one wants more; in pixels. */
const NEAR_END = 60;
const NEAR_START = 1_200;

export const Messages = memo(function Messages({ room, me, onReply, loadOlder }: Props) {
  const { lines, name } = room;
  const box = useRef<HTMLDivElement>(null);
  const heights = useRef(new Map<string, number>());
  const [kept, setView] = useState<View>({ top: 0, height: 0, anchor: null });
  const news = useMemo(() => (kept.anchor ? saidSince(lines, kept.left) : []), [lines, kept]);
  // Whoever says something wants to see it.
  const isBack = news.some(({ user, fromHistory }) => user === me && !fromHistory);
  const view = isBack ? { ...kept, anchor: null } : kept;
  const isAway = view.anchor !== null;
  const isEmpty = room.isJoined && lines.length === 0 && room.read?.seq === 0;
  const byKey = useMemo(() => chunked(lines), [lines]);
  const chunks = useMemo(() => [...byKey.values()], [byKey]);
  // Heights are measured after each time, and only make the next one more exact.
  // eslint-disable-next-line react-hooks/refs
  const known = heights.current;
  const [first, last] = visible(chunks, known, view);
  const begin = useMemo(() => beginning(lines), [lines]);
  const fromStart = view.top - sum(chunks, known, 0, chunks.findIndex(({ end }) => end > begin));
  // Whoever reads what is of an earlier log wants nothing of this one.
  const isNearStart = fromStart < NEAR_START && (fromStart >= 0 || !isAway);

  // After every time, whatever has changed: it settles once nothing has another height.
  // eslint-disable-next-line react-hooks/exhaustive-deps
  useLayoutEffect(() => {
    const element = box.current!;
    const hasGrown = measure(element, heights.current);
    // Whoever has scrolled on meanwhile is told of soon.
    if (element.scrollTop === view.top) hold(element, view.anchor);
    const hasMoved = hasGrown || element.clientHeight !== view.height || element.scrollTop !== view.top;
    if (hasMoved) setView(seen(element, !isAway, view.left));
    else if (room.hasOlder && isNearStart) void loadOlder(name);
  });
  useEffect(() => {
    const element = box.current!;
    const observer = new ResizeObserver(() => setView((view) => ({ ...view, height: element.clientHeight })));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);

  const scrolled = () => setView(seen(box.current!, isAtEnd(box.current!), isAway ? view.left : lines.at(-1)));
  const toEnd = () => setView({ ...view, anchor: null });

  return (
    <div className="messages">
      <div ref={box} className="scroll" role="log" aria-label={`Messages in ${name}`} aria-live="off" tabIndex={0} onScroll={scrolled}>
        {isEmpty && <p className="hint">Nothing has been said here yet.</p>}
        <div style={{ height: sum(chunks, known, 0, first) }} />
        {chunks.slice(first, last).map((chunk) => (
          <ChunkView key={chunk.key} chunk={chunk} chunks={byKey} room={room} me={me} onReply={onReply} />
        ))}
        <div style={{ height: sum(chunks, known, last, chunks.length) }} />
      </div>
      {isAway && (
        <button className="to-end" onClick={toEnd}>
          ↓ {news.length === 0 ? "Newest messages" : news.length === 1 ? "1 new message" : `${news.length} new messages`}
        </button>
      )}
      <p className="unseen" aria-live="polite">
        {newest(lines)}
      </p>
    </div>
  );
});

interface ChunkProps extends Pick<Props, "room" | "me" | "onReply"> {
  chunk: Chunk;
  chunks: ReadonlyMap<string, Chunk>;
}

function ChunkView({ chunk, chunks, room, me, onReply }: ChunkProps) {
  const { lines, members, newFrom } = room;
  return (
    <div data-chunk={chunk.key}>
      {lines.slice(chunk.start, chunk.end).map((line, index) => {
        return (
          <LineView
            key={lineKey(line)}
            id={lineKey(line)}
            line={line}
            before={lines[chunk.start + index - 1]}
            quoted={quoted(lines, chunks, line)}
            isFirstNew={newFrom?.epoch === line.epoch && newFrom.seq === line.seq}
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
function quoted(lines: readonly Line[], chunks: ReadonlyMap<string, Chunk>, line: Line): Line | undefined {
  if (isGap(line) || line.replyTo === undefined) return undefined;
  return lineAt(lines, chunks, line.epoch, line.replyTo);
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
function hold(box: HTMLElement, anchor: Anchor | null) {
  if (!anchor) {
    box.scrollTop = box.scrollHeight;
    return;
  }
  const element = box.querySelector<HTMLElement>(`[data-line="${CSS.escape(anchor.line)}"]`);
  if (element) box.scrollTop += below(box, element) - anchor.offset;
}

const isAtEnd = (box: HTMLElement) => box.scrollHeight - box.scrollTop - box.clientHeight < NEAR_END;

/** What is in sight now. */
function seen(box: HTMLElement, isAtEnd: boolean, left: Position | undefined): View {
  return { top: box.scrollTop, height: box.clientHeight, anchor: isAtEnd ? null : firstInSight(box), left };
}

/** Whoever has jumped to where no lines are yet is held by the nearest. */
function firstInSight(box: HTMLElement): Anchor | null {
  const all = [...box.querySelectorAll<HTMLElement>("[data-line]")];
  const line = all.find((line) => below(box, line) + line.offsetHeight > 0) ?? all.at(-1);
  if (!line) return null;
  const chunk = line.parentElement!;
  return {
    line: line.dataset.line!,
    offset: below(box, line),
    chunk: chunk.dataset.chunk!,
    chunkOffset: below(box, chunk),
  };
}

/** To the fraction of a pixel: what is rounded each time adds up. */
const below = (box: HTMLElement, element: HTMLElement) =>
  element.getBoundingClientRect().top - box.getBoundingClientRect().top;
