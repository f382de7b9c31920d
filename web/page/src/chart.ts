// A figure over time as a line of SVG, and the scale beside it.

/** What a figure was at an instant, in milliseconds; nothing if nobody knows. */
export interface Point {
  at: number;
  value: number | undefined;
}

/** What is drawn lies between nothing and these. */
export const [WIDTH, HEIGHT] = [300, 60];

/** The end of the scale: 1, 2 or 5 and zeros, no less than what is shown. */
export function scale(highest: number): number {
  if (highest <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(highest));
  return [1, 2, 5].map((digit) => digit * power).find((end) => end >= highest) ?? 10 * power;
}

/** The path of what was in the last `span`: it breaks where nothing is known. */
export function path(points: readonly Point[], now: number, span: number, top: number): string {
  let isOn = false;
  return points
    .map(({ at, value }) => {
      const wasOn = isOn;
      isOn = value !== undefined;
      if (value === undefined) return "";
      const [x, y] = [WIDTH * (1 - (now - at) / span), HEIGHT * (1 - Math.min(value, top) / top)];
      // What stands alone is a dot.
      return `${wasOn ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}${wasOn ? "" : "h0"}`;
    })
    .join("");
}
