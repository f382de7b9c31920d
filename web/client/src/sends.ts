// Publishes that wait: for their turn, for an answer, or for the rate.
import type { Extra } from "./api.js";
import { Hold } from "./hold.js";

/** One of them. */
export interface Send {
  room: string;
  content: string;
  extra?: Extra;
  /** It is on its way on this connection. */
  inFlight: boolean;
  /** It was on its way when a connection was lost: it may be in the room already. */
  uncertain: boolean;
  /** On which of the session's connections it first was on its way since it was last known to be in no room. */
  sentOn: number;
}

/** What a server has forgotten: all, what went to a room, or what went there on connections before this one. */
export interface Forgotten {
  room?: string;
  before?: number;
}

export class Sends {
  /** In the order in which they were made. */
  private readonly waiting = new Map<number, Send>();
  private inFlight = 0;
  /** Answered in this session, or given up, and made after one that still waits. */
  private readonly overtook = new Set<number>();
  private readonly hold = new Hold();

  get size(): number {
    return this.waiting.size;
  }

  /** Whether something that was made before `id` waits for this room. */
  concern(room: string, id: number): boolean {
    for (const [number, send] of this.waiting) {
      if (number >= id) return false;
      if (send.room === room) return true;
    }
    return false;
  }

  push(id: number, room: string, content: string, extra?: Extra) {
    const send: Send = { room, content, inFlight: false, uncertain: false, sentOn: 0 };
    this.waiting.set(id, extra ? { ...send, extra } : send);
  }

  /**
   * Hands out, in order, what may go now. What `mayGo` keeps back may be overtaken: it must speak for whole rooms, so
   * that each of them keeps its order.
   */
  transmit(
    now: number,
    inFlightMax: number,
    generation: number,
    mayGo: (id: number, room: string) => boolean,
    go: (id: number, send: Send) => void,
  ) {
    if (!this.hold.isOver(now) || this.inFlight === this.waiting.size) return;
    // The server knows its last `inFlightMax` answers only, and what is older than those counts as answered: the oldest
    // send that waits must not be overtaken by as many.
    let window = Math.max(inFlightMax - this.overtook.size, 1);
    let keptBack = window < this.waiting.size;
    for (const [id, send] of this.waiting) {
      if (window-- === 0) break;
      if (send.inFlight) continue;
      if (!mayGo(id, send.room)) {
        keptBack = true;
        continue;
      }
      if (this.inFlight >= this.hold.inFlightMax(inFlightMax)) return;
      send.inFlight = true;
      if (!send.uncertain) send.sentOn = generation;
      this.inFlight += 1;
      go(id, send);
    }
    // Whoever has yet to enter their rooms still has all of it to say.
    if (!keptBack) this.hold.relax();
  }

  /** An answer came; false if none was awaited. */
  settle(id: number): boolean {
    const send = this.waiting.get(id);
    if (!send) return false;
    this.waiting.delete(id);
    this.inFlight -= Number(send.inFlight);
    this.overtook.add(id);
    this.forgetOvertaking();
    return true;
  }

  /** Refused for its rate: it goes again, in its turn, not before `until`. False if it is not known. */
  postpone(id: number, until: number): boolean {
    const send = this.waiting.get(id);
    if (!send) return false;
    this.inFlight -= Number(send.inFlight);
    send.inFlight = false;
    this.hold.extend(until);
    return true;
  }

  get heldUntil(): number | undefined {
    return this.hold.until;
  }

  /** Nothing is on its way any more. What was used of a limit goes along with the session, and so does the pause. */
  disconnected() {
    this.inFlight = 0;
    for (const send of this.waiting.values()) {
      send.uncertain ||= send.inFlight;
      send.inFlight = false;
    }
  }

  /** A repeat would not be recognised: gives up what may be in its room already. What is in none for certain stays. */
  giveUp(forgotten: Forgotten): [id: number, room: string][] {
    const covers = ({ room, sentOn }: Send) =>
      (forgotten.room ?? room) === room && sentOn < (forgotten.before ?? Infinity);
    const lost = [...this.waiting].filter(([, send]) => send.uncertain && !send.inFlight && covers(send));
    for (const [id] of lost) this.waiting.delete(id);
    if (forgotten.room === undefined) {
      this.overtook.clear();
    } else {
      // They may have been answered, in place of older ones.
      for (const [id] of lost) this.overtook.add(id);
      this.forgetOvertaking();
    }
    return lost.map(([id, { room }]) => [id, room]);
  }

  /** Whatever was made after the oldest that waits has overtaken it, and nothing else has. */
  private forgetOvertaking() {
    const oldest = this.waiting.keys().next().value ?? Infinity;
    for (const id of this.overtook) if (id <= oldest) this.overtook.delete(id);
  }
}
