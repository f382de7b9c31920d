// The pause after a refusal for the rate, and the care that follows it.

/** After a refusal nothing goes before the instant the server names, and then one at a time until nothing waits. */
export class Hold {
  private end: number | undefined;
  private oneByOne = false;

  extend(until: number) {
    this.end = Math.max(this.end ?? until, until);
    this.oneByOne = true;
  }

  /** Whether something may go now. What is over is forgotten, so that nobody wakes up for it again. */
  isOver(now: number): boolean {
    if (this.end !== undefined && this.end <= now) this.end = undefined;
    return this.end === undefined;
  }

  /** How many may be on their way at once. */
  inFlightMax(usual: number): number {
    return this.oneByOne ? 1 : usual;
  }

  /** Nothing waits any more. */
  relax() {
    this.oneByOne = false;
  }

  /** Another connection need not wait for what is asked once on each, but be careful. */
  disconnected() {
    this.end = undefined;
  }

  get until(): number | undefined {
    return this.end;
  }
}
