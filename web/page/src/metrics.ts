// What `/metrics` says, as numbers: totals by name, differences as rates, and quantiles of a histogram.

/** By name, without labels; those that have labels are added up. */
export type Sample = ReadonlyMap<string, number>;

/** Reads the OpenMetrics text format. Buckets keep their bound: `name_bucket 0.001`. */
export function parse(text: string): Sample {
  const sample = new Map<string, number>();
  for (const line of text.split("\n")) {
    const [, name, labels = "", value] = /^(\w+)(?:\{(.*)\})? (\S+)/.exec(line) ?? [];
    if (!name) continue;
    const [, bound] = /le="(.*)"/.exec(labels) ?? [];
    const key = bound === undefined ? name : `${name} ${bound}`;
    sample.set(key, (sample.get(key) ?? 0) + Number(value));
  }
  return sample;
}

/** What a counter has grown by, by the second. A server that began anew counts from nothing. */
export function rate(name: string, before: Sample, now: Sample, seconds: number): number {
  return Math.max(0, (now.get(name) ?? 0) - (before.get(name) ?? 0)) / seconds;
}

/** The bound below which so large a part of what was observed in between lies; nothing if nothing was. */
export function quantile(name: string, part: number, before: Sample, now: Sample): number | undefined {
  const prefix = `${name}_bucket `;
  const buckets = [...now.keys()].filter((key) => key.startsWith(prefix));
  const counts = buckets.map((key) => ({
    bound: Number(key.slice(prefix.length).replace("+Inf", "Infinity")),
    count: (now.get(key) ?? 0) - (before.get(key) ?? 0),
  }));
  counts.sort((one, other) => one.bound - other.bound);
  const total = counts.at(-1)?.count ?? 0;
  return total > 0 ? counts.find(({ count }) => count >= part * total)?.bound : undefined;
}
