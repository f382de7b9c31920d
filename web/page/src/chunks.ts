// Lines in chunks that come and go together, and which of them are near the view.
import type { Line } from "@chinwag/react";

/** Lines from `start` to before `end`. */
export interface Chunk {
  key: string;
  start: number;
  end: number;
}

/** Positions that share a chunk: it stays the same one when older lines come before it. */
const CHUNK = 40;
/** How high a line is before anybody has measured it, in pixels. */
const LINE_HEIGHT = 60;
/** What is so near to the view is there already. */
const MARGIN = 1_000;

export function chunked(lines: readonly Line[]): Chunk[] {
  const chunks: Chunk[] = [];
  let [lastEpoch, lastNumber] = [NaN, NaN];
  for (const [index, { epoch, seq }] of lines.entries()) {
    const number = Math.floor(seq / CHUNK);
    if (epoch === lastEpoch && number === lastNumber) chunks.at(-1)!.end = index + 1;
    else chunks.push({ key: `${epoch}:${number}`, start: index, end: index + 1 });
    [lastEpoch, lastNumber] = [epoch, number];
  }
  return chunks;
}

const heightOf = ({ key, start, end }: Chunk, heights: ReadonlyMap<string, number>): number =>
  heights.get(key) ?? (end - start) * LINE_HEIGHT;

/** How high the chunks from `first` to before `last` are. */
export const sum = (chunks: Chunk[], heights: ReadonlyMap<string, number>, first: number, last: number): number =>
  chunks.slice(first, last).reduce((height, chunk) => height + heightOf(chunk, heights), 0);

/** The chunks near the view: the first one, and the first one behind them. */
export function visible(
  chunks: Chunk[],
  heights: ReadonlyMap<string, number>,
  { top, height, isAtEnd }: { top: number; height: number; isAtEnd: boolean },
): [first: number, last: number] {
  const start = isAtEnd ? sum(chunks, heights, 0, chunks.length) - height : top;
  let [first, last, bottom] = [chunks.length, 0, 0];
  for (const [index, chunk] of chunks.entries()) {
    const above = bottom;
    bottom += heightOf(chunk, heights);
    if (bottom < start - MARGIN || above > start + height + MARGIN) continue;
    first = Math.min(first, index);
    last = index + 1;
  }
  return first < last ? [first, last] : [chunks.length, chunks.length];
}
