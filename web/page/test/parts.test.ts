// What the page is made of, without a browser: figures, chunks, and the parts of a text.
import { expect, test } from "vitest";

import { path, scale } from "../src/chart.js";
import { chunked, lineAt, saidSince, sum, visible, type Chunk } from "../src/chunks.js";
import { subject } from "../src/identity.js";
import { parse, quantile, rate } from "../src/metrics.js";
import { colour, isWeb, mentioned, parts, size } from "../src/words.js";

/** Of a line that is no longer there. */
const NOWHERE = { line: "0:0", offset: 0, chunk: "0:0", chunkOffset: 0 };

const lines = (...seqs: number[]) =>
  seqs.map((seq) => ({ room: "r", epoch: 1, seq, user: "ann", content: "", timestamp: "", fromHistory: false }));

test("a text is all of its parts", () => {
  const text = "hi @ann.b, see https://a.example/x?y=(1). (http://b.example) @";
  expect(parts(text).map(({ text }) => text).join("")).toBe(text);
  expect(parts(text).filter(({ kind }) => kind !== "plain").map(({ kind, text }) => [kind, text])).toEqual([
    ["mention", "@ann.b"],
    ["link", "https://a.example/x?y=(1)"],
    ["link", "http://b.example"],
  ]);
  expect(mentioned("@ann and @bob and @ann.")).toEqual(["ann", "bob"]);
  expect(["https://a.example", "javascript:alert(1)", "data:text/html,x", "/x"].map(isWeb)).toEqual([true, false, false, false]);
});

test("a link keeps the brackets that are its own", () => {
  const links = (text: string) => parts(text).flatMap(({ kind, text }) => (kind === "link" ? [text] : []));
  const rust = "https://en.wikipedia.org/wiki/Rust_(language)";
  for (const text of [rust, `(${rust})`, `(see ${rust}).`, `${rust}!)`]) expect(links(text)).toEqual([rust]);
  expect(links("(see https://a.b/c), [http://[::1]:8080/], https://a.b/(x)y(z. https://)")).toEqual([
    "https://a.b/c",
    "http://[::1]:8080/",
    "https://a.b/(x)y(z",
  ]);
  expect(links(`https://a.b/${")".repeat(100_000)}`)).toEqual(["https://a.b/"]);
});

test("states have the colours of what they mean", () => {
  expect(["working", "running", "stuck", "starting", "idle"].map(colour)).toEqual(["busy", "good", "bad", "soon", "rest"]);
});

test("how large a file is takes three digits", () => {
  const sizes = [0, 1, 999, 1_000, 1_250_000, 10_485_760, 3e9, 5e15].map(size);
  expect(sizes).toEqual(["0 bytes", "1 bytes", "999 bytes", "1 KB", "1.25 MB", "10.5 MB", "3 GB", "5000000 GB"]);
});

test("a chunk stays the same one when older lines come before it", () => {
  const keys = (...seqs: number[]) => [...chunked(lines(...seqs)).values()].map(({ key, start, end }) => [key, end - start]);
  expect(keys(39, 40, 41)).toEqual([["1:0", 1], ["1:1", 2]]);
  expect(keys(38, 39, 40, 41)).toEqual([["1:0", 2], ["1:1", 2]]);
});

test("what is near the view is there, and nothing else", () => {
  const chunks = [...chunked(lines(...Array.from({ length: 4_000 }, (_, seq) => seq))).values()];
  const heights = new Map([["1:0", 500]]);
  const all = sum(chunks, heights, 0, chunks.length);
  expect(all).toBe(500 + 99 * 40 * 60);
  const [first, last] = visible(chunks, heights, { top: 100_000, height: 800, anchor: NOWHERE });
  expect(sum(chunks, heights, 0, first)).toBeLessThan(99_000);
  expect(sum(chunks, heights, 0, last)).toBeGreaterThan(101_800);
  expect(last - first).toBeLessThan(4);
  expect(visible(chunks, heights, { top: 0, height: 800, anchor: null })[1]).toBe(100);
  expect(visible([], heights, { top: 0, height: 800, anchor: null })).toEqual([0, 0]);
});

test("what is in sight is found again, whatever came before it", () => {
  const at = (chunks: Chunk[], key: string) => chunks.findIndex((chunk) => chunk.key === key);
  const view = { top: 100, height: 800, anchor: { line: "1:2000", offset: 20, chunk: "1:50", chunkOffset: 20 } };
  for (const first of [2_000, 1_900, 10]) {
    const chunks = [...chunked(lines(...Array.from({ length: 4_000 - first }, (_, index) => first + index))).values()];
    const [start, end] = visible(chunks, new Map(), view);
    expect(start).toBeLessThanOrEqual(at(chunks, "1:50"));
    expect(end).toBeGreaterThan(at(chunks, "1:50"));
  }
});

test("a line is found by its position", () => {
  const all = lines(...Array.from({ length: 200 }, (_, index) => 300 + index));
  const chunks = chunked(all);
  expect([300, 333, 499].map((seq) => lineAt(all, chunks, 1, seq)?.seq)).toEqual([300, 333, 499]);
  expect([lineAt(all, chunks, 1, 299), lineAt(all, chunks, 2, 300)]).toEqual([undefined, undefined]);
});

test("what is said since a position is known, also in a log that began anew", () => {
  const anew = { epoch: 2, seq: 1, to: 0 };
  const all = [...lines(1, 2, 3), anew, ...lines(1, 2).map((line) => ({ ...line, epoch: 2 }))];
  const since = (epoch: number, seq: number) => saidSince(all, { epoch, seq }).map((line) => [line.epoch, line.seq]);
  expect(since(1, 2)).toEqual([[1, 3], [2, 1], [2, 2]]);
  expect(since(2, 1)).toEqual([[2, 2]]);
  expect([since(2, 2), saidSince(all, undefined).length]).toEqual([[], 5]);
});

test("metrics are read, and differences are rates and quantiles", () => {
  const before = parse('# TYPE a counter\na_total 5\nh_bucket{le="0.1"} 1\nh_bucket{le="0.2"} 1\nh_bucket{le="+Inf"} 1\n# EOF\n');
  const now = parse('a_total{reason="x"} 10\na_total{reason="y"} 15\nh_bucket{le="0.1"} 9\nh_bucket{le="0.2"} 10\nh_bucket{le="+Inf"} 11\n');
  expect(rate("a_total", before, now, 2)).toBe(10);
  expect(rate("a_total", now, before, 2)).toBe(0);
  expect([0.5, 0.9, 1].map((part) => quantile("h", part, before, now))).toEqual([0.1, 0.2, Infinity]);
  expect(quantile("h", 0.5, now, now)).toBeUndefined();
});

test("a chart is a line that breaks where nobody knows, below a round number", () => {
  expect([0, 0.4, 1, 1.2, 3, 70, 100, 101, 2.5e-4].map(scale)).toEqual([1, 0.5, 1, 2, 5, 100, 100, 200, 5e-4]);
  const points = [5, 10, undefined, 0, Infinity].map((value, index) => ({ at: index * 1_000, value }));
  expect(path(points, 4_000, 10_000, 10)).toBe("M180.0 30.0h0L210.0 0.0M270.0 60.0h0L300.0 0.0");
});

test("a token says whom it names, and what is none names nobody", () => {
  const token = (claims: object) => `head.${btoa(JSON.stringify(claims))}.signature`;
  expect([token({ sub: "ann" }), token({ sub: 1 }), "x", "a.b.c"].map(subject)).toEqual(["ann", undefined, undefined, undefined]);
});
