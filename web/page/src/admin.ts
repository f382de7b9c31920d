// The live view for operators: a few figures of `/metrics`, each second, as small charts.
import { parse, quantile, rate, type Sample } from "./metrics.js";

/** In milliseconds, and how many of them are shown. */
const INTERVAL = 1_000;
const POINTS = 300;
const [WIDTH, HEIGHT] = [300, 60];
const SVG = "http://www.w3.org/2000/svg";

interface Figure {
  title: string;
  /** Nothing if there is nothing to say of this second. */
  read: (before: Sample, now: Sample, seconds: number) => number | undefined;
  write: (value: number) => string;
}

const NUMBER = new Intl.NumberFormat(undefined, { maximumFractionDigits: 0 });
const whole = (value: number) => NUMBER.format(value);
const aSecond = (value: number) => `${whole(value)} /s`;
const micros = (seconds: number) => (Number.isFinite(seconds) ? `≤ ${whole(seconds * 1e6)} µs` : "> 0.3 s");

const gauge = (name: string) => (_: Sample, now: Sample) => now.get(name);
const perSecond = (name: string) => (before: Sample, now: Sample, seconds: number) => rate(name, before, now, seconds);

const FIGURES: Figure[] = [
  { title: "Connections", read: gauge("chat_connections"), write: whole },
  { title: "Rooms", read: gauge("chat_rooms"), write: whole },
  { title: "Messages in", read: perSecond("chat_messages_in_total"), write: aSecond },
  { title: "Deliveries", read: perSecond("chat_deliveries_out_total"), write: aSecond },
  {
    title: "Time to publish, 99 of 100",
    read: (before, now) => quantile("chat_fan_out_seconds", 0.99, before, now),
    write: micros,
  },
  { title: "Bytes waiting to be written", read: gauge("chat_outbox_bytes"), write: whole },
  { title: "Readers that lag", read: perSecond("chat_lagged_total"), write: aSecond },
  { title: "Slow readers closed", read: perSecond("chat_slow_closed_total"), write: aSecond },
  { title: "Requests refused", read: perSecond("chat_refusals_total"), write: aSecond },
  { title: "Sessions resumed", read: perSecond("chat_sessions_resumed_total"), write: aSecond },
];

/** A figure on the page. */
class Chart {
  private readonly figure: Figure;
  private readonly values: (number | undefined)[] = [];
  private readonly latest = document.createElement("strong");
  private readonly highest = document.createElement("span");
  private readonly line = document.createElementNS(SVG, "polyline");

  constructor(figure: Figure, page: HTMLElement) {
    this.figure = figure;
    const [card, title] = [document.createElement("section"), document.createElement("h2")];
    title.textContent = figure.title;
    const svg = document.createElementNS(SVG, "svg");
    svg.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
    svg.setAttribute("preserveAspectRatio", "none");
    svg.setAttribute("aria-hidden", "true");
    svg.append(this.line);
    card.append(title, this.latest, this.highest, svg);
    page.append(card);
  }

  add(before: Sample, now: Sample, seconds: number) {
    const value = this.figure.read(before, now, seconds);
    this.values.push(value);
    if (this.values.length > POINTS) this.values.shift();
    this.latest.textContent = value === undefined ? "–" : this.figure.write(value);
    this.draw();
  }

  private draw() {
    const known = this.values.filter((value): value is number => value !== undefined && Number.isFinite(value));
    const top = Math.max(...known, 0);
    this.highest.textContent = known.length ? `highest ${this.figure.write(top)}` : "";
    const start = POINTS - this.values.length;
    const points = this.values.map((value, index) => {
      const height = Math.min(value ?? 0, top) / (top || 1);
      return `${((start + index) * WIDTH) / (POINTS - 1)},${HEIGHT - 2 - height * (HEIGHT - 4)}`;
    });
    this.line.setAttribute("points", points.join(" "));
  }
}

const charts = FIGURES.map((figure) => new Chart(figure, document.getElementById("charts")!));
const problem = document.getElementById("problem")!;
let before: { sample: Sample; at: number } | undefined;

async function look() {
  const answer = await fetch("metrics", { cache: "no-store" });
  if (!answer.ok) throw new Error(`status ${answer.status}`);
  const [sample, at] = [parse(await answer.text()), performance.now()];
  const earlier = before;
  before = { sample, at };
  if (earlier) for (const chart of charts) chart.add(earlier.sample, sample, (at - earlier.at) / 1_000);
}

async function lookAgain() {
  try {
    await look();
    problem.textContent = "";
  } catch {
    problem.textContent = "The server does not answer.";
  }
  setTimeout(() => void lookAgain(), INTERVAL);
}

void lookAgain();
