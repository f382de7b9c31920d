// The live view for operators: a few figures of `/metrics`, each second, as small charts.
import { HEIGHT, WIDTH, path, scale, type Point } from "./chart.js";
import { parse, quantile, rate, type Sample } from "./metrics.js";

/** In milliseconds: between looks, of a look at most, and what is shown of them. */
const [INTERVAL, TIMEOUT, SPAN] = [1_000, 2_000, 300_000];
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
const micros = (seconds: number) => (Number.isFinite(seconds) ? `${whole(seconds * 1e6)} µs` : "> 0.3 s");

const gauge = (name: string) => (_: Sample, now: Sample) => now.get(name);
const perSecond = (name: string) => (before: Sample, now: Sample, seconds: number) => rate(name, before, now, seconds);

const FIGURES: Figure[] = [
  { title: "Connections", read: gauge("chat_connections"), write: whole },
  { title: "Rooms", read: gauge("chat_rooms"), write: whole },
  { title: "Messages in", read: perSecond("chat_messages_in_total"), write: aSecond },
  { title: "Deliveries", read: perSecond("chat_deliveries_out_total"), write: aSecond },
  {
    title: "Time to publish, 99 of 100 within",
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
  private points: Point[] = [];
  private readonly latest = document.createElement("strong");
  private readonly highest = document.createElement("span");
  private readonly top = document.createElement("span");
  private readonly line = document.createElementNS(SVG, "path");

  constructor(figure: Figure, page: HTMLElement) {
    this.figure = figure;
    const card = document.createElement("section");
    card.append(made("h2", figure.title), this.latest, this.highest, this.drawing());
    page.append(card);
  }

  /** Without samples: nobody knows. */
  add(at: number, samples?: [before: Sample, now: Sample, seconds: number]) {
    const value = samples && this.figure.read(...samples);
    this.points = [...this.points.filter((point) => point.at > at - SPAN), { at, value }];
    this.latest.textContent = value === undefined ? "–" : this.figure.write(value);
    const known = this.points.flatMap(({ value }) => (value !== undefined && Number.isFinite(value) ? [value] : []));
    const highest = Math.max(...known, 0);
    const top = scale(highest);
    this.highest.textContent = known.length ? `highest ${this.figure.write(highest)}` : "";
    this.top.textContent = this.figure.write(top);
    this.line.setAttribute("d", path(this.points, at, SPAN, top));
  }

  /** The line, its scale, and its times. */
  private drawing(): HTMLElement {
    const [drawing, svg, values] = [document.createElement("div"), document.createElementNS(SVG, "svg"), made("p", "")];
    drawing.className = "chart";
    drawing.ariaHidden = "true";
    svg.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
    svg.setAttribute("preserveAspectRatio", "none");
    svg.append(this.line);
    values.append(this.top, made("span", "0"));
    const times = made("p", "");
    times.append(made("span", "5 min ago"), made("span", "now"));
    drawing.append(svg, values, times);
    return drawing;
  }
}

function made(name: string, text: string): HTMLElement {
  const element = document.createElement(name);
  element.textContent = text;
  return element;
}

const charts = FIGURES.map((figure) => new Chart(figure, document.getElementById("charts")!));
const problem = document.getElementById("problem")!;
const TIME = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });
let before: { sample: Sample; at: number } | undefined;
let answered = new Date();

async function look() {
  const answer = await fetch("metrics", { cache: "no-store", signal: AbortSignal.timeout(TIMEOUT) });
  if (!answer.ok) throw new Error(`status ${answer.status}`);
  const [sample, at] = [parse(await answer.text()), performance.now()];
  const earlier = before;
  before = { sample, at };
  answered = new Date();
  if (earlier) for (const chart of charts) chart.add(at, [earlier.sample, sample, (at - earlier.at) / 1_000]);
}

async function lookAgain() {
  try {
    await look();
    tell("");
  } catch {
    for (const chart of charts) chart.add(performance.now());
    tell(`No answer since ${TIME.format(answered)}`);
  }
  setTimeout(() => void lookAgain(), INTERVAL);
}

/** Once: whoever listens to the page would hear it each second. */
function tell(words: string) {
  if (problem.textContent !== words) problem.textContent = words;
}

void lookAgain();
