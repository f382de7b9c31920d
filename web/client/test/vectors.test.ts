// The conversations that core's client had (`WRITE_VECTORS=1 cargo test -p chinwag-core vectors`), with this one in its
// place: the same frames at the same instants, the same events, the same deadlines.
import { readFileSync, readdirSync } from "node:fs";

import { expect, test } from "vitest";

import type { ChatEvent, Command, Input, Output, Settings } from "../src/api.js";
import { QueueFullError } from "../src/api.js";
import { Machine } from "../src/machine.js";

interface Step {
  /** In milliseconds. */
  at: number;
  do: {
    start?: true;
    shutdown?: true;
    reconnect?: true;
    opened?: true;
    timeout?: true;
    submit?: Command;
    received?: object;
    closed?: { code?: number; reason?: string };
  };
  out: unknown[];
  /** Of a `submit`; null if it was thrown back. */
  id?: number | null;
  /** Which share of the longest wait was drawn. */
  random?: number;
  deadline: number | null;
}

const FOLDER = new URL("../vectors/", import.meta.url);
const CASES = readdirSync(FOLDER).filter((name) => name.endsWith(".json")).sort();

test.each(CASES)("%s is said as core's client says it", (name) => {
  const { settings, steps } = JSON.parse(readFileSync(new URL(name, FOLDER), "utf8")) as {
    settings: Settings;
    steps: Step[];
  };
  let random = 0;
  const machine = new Machine({
    user: "alice",
    token: "first",
    // Core's driver sees the server's pings.
    settings: { ...settings, pingAfter: undefined } as unknown as Settings,
    random: () => random,
  });
  for (const [index, step] of steps.entries()) {
    random = step.random ?? 0;
    const { id, outputs } = play(machine, step);
    expect({ index, id, out: outputs.map(described) }).toEqual({ index, id: step.id, out: step.out });
    const deadline = machine.deadline();
    expect([index, deadline === undefined ? null : rounded(deadline)]).toEqual([index, step.deadline && rounded(step.deadline)]);
  }
});

function play(machine: Machine, { at, do: doing }: Step): { id?: number | null; outputs: Output[] } {
  if (doing.start) return { outputs: machine.start() };
  if (doing.shutdown) return { outputs: machine.shutdown() };
  if (doing.reconnect) return { outputs: machine.reconnect(at) };
  if (!doing.submit) return { outputs: machine.handle(at, input(doing)) };
  try {
    return machine.submit(at, doing.submit);
  } catch (error) {
    expect(error).toBeInstanceOf(QueueFullError);
    return { id: null, outputs: [] };
  }
}

function input({ opened, received, closed }: Step["do"]): Input {
  if (opened) return { type: "opened" };
  if (received) return { type: "received", text: JSON.stringify(received) };
  if (closed) return { type: "closed", ...closed };
  return { type: "timeout" };
}

/** In the words of the vectors, which hold frames as JSON. */
function described(output: Output): object {
  if (output.type === "transmit") return { type: "transmit", frame: JSON.parse(output.text) as object };
  if (output.type === "event") return { type: "event", event: shown(output.event) };
  return output;
}

/** Core does not say which request a list or a room answers. */
function shown(event: ChatEvent): object {
  if (event.type === "disconnected") return { ...event, retryIn: expect.closeTo(event.retryIn, 2) as number };
  if (event.type === "members" || event.type === "rooms" || event.type === "created") return { ...event, id: undefined };
  return event;
}

/** To a tenth of a millisecond: core counts in whole microseconds. */
const rounded = (instant: number) => Math.round(instant * 10);
