// @vitest-environment node
// The histograms of a load test, read by HdrHistogram's own library for JavaScript.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { build, HistogramLogReader } from "hdr-histogram-js";
import { afterAll, beforeAll, expect, test } from "vitest";

// 300 messages to ten each. How exactly the generator keeps to its plan is not judged: the machine may be busy.
const SCENARIO = `
[run]
name = "histograms"
seed = 1
clients = 20
drain = "20s"

[rooms]
size = 10

[[scenario]]
name = "people"
executor = "constant-arrival-rate"
rate = 100
stages = [{ name = "talk", duration = "3s", judged = false }]
`;
// As loadgen has them: bots/src/measure.rs. The table of percentiles tells them, too.
const BOUNDS = { lowestDiscernibleValue: 1, highestTrackableValue: 600_000_000, numberOfSignificantValueDigits: 3 } as const;
const TICKS_PER_HALF_DISTANCE = 5;
const MICROSECONDS = 1_000;

/** What a run has written. */
interface Files {
  /** An interval log, in microseconds. */
  log: string;
  /** A table of percentiles, in milliseconds. */
  table: string;
  summary: { latency_us: { count: number; p50: number; p90: number; p99: number; p999: number; max: number } };
}

const folder = mkdtempSync(join(tmpdir(), "histograms-"));
let files: Files;

beforeAll(() => {
  const path = (name: string) => join(folder, name);
  writeFileSync(path("scenario.toml"), SCENARIO);
  execFileSync(process.env.CHAT_LOADGEN!, ["--scenario", path("scenario.toml"), "--out", folder, "--no-progress"], {
    env: Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(PORT|CHAT_.*|LOADGEN_.*)$/.test(name))),
  });
  const read = (name: string) => readFileSync(path(name), "utf8");
  files = { log: read("e2e.hlog"), table: read("e2e.hgrm"), summary: JSON.parse(read("summary.json")) };
});

afterAll(() => rmSync(folder, { recursive: true }));

/** All intervals of a log together. */
function together(log: string) {
  const [reader, all] = [new HistogramLogReader(log), build(BOUNDS)];
  let intervals = 0;
  for (let one = reader.nextIntervalHistogram(); one; one = reader.nextIntervalHistogram()) {
    all.add(one);
    intervals += 1;
  }
  return { all, intervals };
}

/**
 * Holds a run's files against each other, as the library reads them. Values are equal and not only near: 3,000 of them make
 * every percentile that is looked at a whole number of values, so that it does not matter how one rounds.
 */
function agree({ log, table, summary }: Files) {
  const { all } = together(log);
  const at = (percentile: number) => all.getValueAtPercentile(percentile);
  const read = { count: all.totalCount, p50: at(50), p90: at(90), p99: at(99), p999: at(99.9), max: all.maxValue };
  expect(read).toEqual(Object.fromEntries(Object.keys(read).map((key) => [key, summary.latency_us[key as keyof typeof read]])));
  expect(table).toBe(all.outputPercentileDistribution(TICKS_PER_HALF_DISTANCE, MICROSECONDS));
}

test("an interval log and a table of percentiles are what the library makes of them", () => {
  expect(files.summary.latency_us.count).toBe(3_000);
  expect(together(files.log).intervals).toBeGreaterThan(2);
  agree(files);
});

test("what is damaged is not taken for whole", () => {
  const lines = files.log.split("\n");
  // In the middle of the first interval's compressed counts.
  const first = lines.findIndex((line) => line.includes("HISTF"));
  const at = lines[first].indexOf("HISTF") + 60;
  const other = lines[first][at] === "A" ? "B" : "A";
  const flipped = lines.with(first, lines[first].slice(0, at) + other + lines[first].slice(at + 1));
  const damaged = [
    { ...files, log: flipped.join("\n") },
    { ...files, log: lines.toSpliced(first, 1).join("\n") },
    { ...files, table: files.table.replace(/\d(?= 0\.50{11} )/, (digit) => (digit === "1" ? "2" : "1")) },
    { ...files, summary: { latency_us: { ...files.summary.latency_us, p999: files.summary.latency_us.p999 + 1 } } },
  ];
  for (const each of damaged) expect(() => agree(each)).toThrow();
});
