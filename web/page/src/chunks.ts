// Lines in chunks that come and go together, and which of them are near the view.
import type { Message, Position } from "@chinwag/client";
import { isGap, type Line } from "@chinwag/react";

/** Lines from `start` to before `end`. */
export interface Chunk {
  key: string;
  start: number;
  end: number;
}

/** What is in sight of a list. */
export interface View {
  /** How far it is scrolled, and how high the view is, in pixels. */
  top: number;
  height: number;
  /** What stays where it is, whatever comes before it; nothing while one is at the end. */
  anchor: Anchor | null;
  /** The newest line as one left the end. */
  left?: Position | undefined;
}

/** A line, and how far it and its chunk are below the upper edge of the view. */
export interface Anchor {
  line: string;
  offset: number;
  chunk: string;
  chunkOffset: number;
}

/** Positions that share a chunk: it stays the same one when older lines come before it. */
const CHUNK = 40;
/** How high a line is before anybody has measured it, in pixels. */
const LINE_HEIGHT = 60;
/** What is so near to the view is there already. */
const MARGIN = 1_000;

const keyOf = (epoch: number, seq: number) => `${epoch}:${Math.floor(seq / CHUNK)}`;

/** Lines as chunks, in their order and by their keys. */
export function chunked(lines: readonly Line[]): Map<string, Chunk> {
  const chunks = new Map<string, Chunk>();
  for (const [index, { epoch, seq }] of lines.entries()) {
    const key = keyOf(epoch, seq);
    const chunk = chunks.get(key);
    if (chunk) chunk.end = index + 1;
    else chunks.set(key, { key, start: index, end: index + 1 });
  }
  return chunks;
}

/** The line at a position, if it is there: however many there are, few are looked at. */
export function lineAt(lines: readonly Line[], chunks: ReadonlyMap<string, Chunk>, epoch: number, seq: number): Line | undefined {
  const chunk = chunks.get(keyOf(epoch, seq));
  return chunk && lines.slice(chunk.start, chunk.end).find((line) => line.seq === seq);
}

/** What has been said behind a position, newest last. */
export function saidSince(lines: readonly Line[], position: Position | undefined): Message[] {
  const isThere = ({ epoch, seq }: Position) => epoch === position?.epoch && seq <= position.seq;
  let begin = lines.length;
  while (begin > 0 && !isThere(lines[begin - 1]!)) begin -= 1;
  return lines.slice(begin).filter((line): line is Message => !isGap(line));
}

const heightOf = ({ key, start, end }: Chunk, heights: ReadonlyMap<string, number>): number =>
  heights.get(key) ?? (end - start) * LINE_HEIGHT;

/** How high the chunks from `first` to before `last` are. */
export const sum = (chunks: readonly Chunk[], heights: ReadonlyMap<string, number>, first: number, last: number): number =>
  chunks.slice(first, last).reduce((height, chunk) => height + heightOf(chunk, heights), 0);

/** The chunks near the view: the first one, and the first one behind them. */
export function visible(
  chunks: readonly Chunk[],
  heights: ReadonlyMap<string, number>,
  view: View,
): [first: number, last: number] {
  const start = startOf(chunks, heights, view);
  let [first, last, bottom] = [chunks.length, 0, 0];
  for (const [index, chunk] of chunks.entries()) {
    const above = bottom;
    bottom += heightOf(chunk, heights);
    if (bottom < start - MARGIN || above > start + view.height + MARGIN) continue;
    first = Math.min(first, index);
    last = index + 1;
  }
  return first < last ? [first, last] : [chunks.length, chunks.length];
}

/** Where the view begins: `top` was so before anything came, the anchor's chunk knows what has come before it. */
function startOf(chunks: readonly Chunk[], heights: ReadonlyMap<string, number>, { top, height, anchor }: View): number {
  if (!anchor) return sum(chunks, heights, 0, chunks.length) - height;
  const index = chunks.findIndex(({ key }) => key === anchor.chunk);
  return index < 0 ? top : sum(chunks, heights, 0, index) - anchor.chunkOffset;
}
