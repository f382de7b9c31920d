// Rooms we want to be in or have to leave, and how the server is asked for it: one request at a time for each room, and for
// all rooms together no faster than it lets us.
import type { Position } from "./api.js";
import { Hold } from "./hold.js";

/** A request to enter or to leave a room. */
export interface Asked {
  type: "join" | "leave";
  id: number;
}

/** A room we want to be in, or have to leave. */
export class Room {
  wanted = false;
  /** The newest message shown. */
  position: Position | undefined;
  /** The server has confirmed this connection's join. */
  joined = false;
  /** The number of the join or leave that waits for its turn; which of them says `wanted`. */
  due: number | undefined;
  /** What was asked on this connection and is not answered. */
  asked: Asked | undefined;

  get isJoining(): boolean {
    return this.asked?.type === "join";
  }

  get isLeaving(): boolean {
    return this.asked?.type === "leave";
  }

  /** Whether a send may go now: nothing is under way, or waits for its turn, that would change its answer. */
  admits(send: number): boolean {
    if (this.joined && !this.isLeaving) return this.wanted || this.due === undefined || send < this.due;
    return this.due === undefined && !this.isJoining;
  }

  /** Whether a join that would bring what is missing has still to be asked for. */
  get canBeMended(): boolean {
    return this.wanted && this.joined && !this.isJoining && this.due === undefined;
  }

  /** The server has let us in. */
  enter() {
    this.joined = true;
    if (this.isJoining) this.asked = undefined;
  }

  /** What was not answered is to be asked again, under its number. */
  postpone() {
    this.due ??= this.asked?.id;
    this.asked = undefined;
  }
}

/** What rooms need of the client to ask. */
export interface Asking {
  /** Most requests at once. */
  max: number;
  nextId(): number;
  /** Whether something that was said in this room before this number waits for its answer. */
  concern(room: string, id: number): boolean;
  ask(name: string, room: Room, asked: Asked): void;
}

export class Rooms {
  private readonly rooms = new Map<string, Room>();
  private readonly asks = new Hold();

  get(name: string): Room | undefined {
    return this.rooms.get(name);
  }

  get heldUntil(): number | undefined {
    return this.asks.until;
  }

  /** The user wants to be in a room. */
  want(id: number, name: string) {
    const room = this.entry(name);
    if (room.wanted && room.due !== undefined) return;
    room.wanted = true;
    const isThere = room.isJoining || (room.joined && !room.isLeaving);
    room.due = isThere ? undefined : id;
  }

  /** The user wants to be out of a room. */
  unwant(id: number, name: string) {
    const room = this.entry(name);
    if (room.isLeaving) room.due = undefined;
    else if (room.wanted || room.due === undefined) room.due = id;
    room.wanted = false;
  }

  /** A new connection is in no room yet. */
  wantAgain(nextId: () => number) {
    const byName = [...this.rooms].sort(([one], [other]) => (one < other ? -1 : 1));
    for (const [, room] of byName) if (room.wanted) room.due ??= nextId();
  }

  disconnected() {
    for (const room of this.rooms.values()) {
      room.joined = false;
      room.postpone();
    }
    this.asks.disconnected();
  }

  /** Asks, in order, for what is due, as far as that is allowed now. */
  askPending(now: number, asking: Asking) {
    if (!this.asks.isOver(now)) return;
    const rooms = [...this.rooms];
    const due = rooms.filter(([, room]) => room.due !== undefined && !room.asked);
    due.sort(([, one], [, other]) => one.due! - other.due!);
    let inFlight = rooms.filter(([, room]) => room.asked).length;
    for (const [name, room] of due) {
      if (inFlight >= this.asks.inFlightMax(asking.max)) return;
      inFlight += Number(this.ask(name, room, asking));
    }
    this.asks.relax();
  }

  /** Asks for what is due in a room; false if that has to wait for the answers to its sends. */
  private ask(name: string, room: Room, asking: Asking): boolean {
    const due = room.due!;
    if (room.wanted) {
      room.due = undefined;
      room.asked = { type: "join", id: due };
    } else if (!asking.concern(name, due)) {
      room.due = undefined;
      room.asked = { type: "leave", id: due };
    } else if (!room.joined) {
      // What was said before the leave can only be repeated as a member.
      room.asked = { type: "join", id: asking.nextId() };
    } else {
      return false;
    }
    asking.ask(name, room, room.asked);
    return true;
  }

  /** Somebody has sent us away. Nothing is asked for that would bring us back, unless it was asked for since. */
  sentAway(name: string) {
    const room = this.rooms.get(name);
    if (!room || room.isJoining) return;
    room.wanted = false;
    room.due = undefined;
  }

  /** The server has let us out: because we asked under this number, because somebody has sent us away, or by itself. */
  outside(id: number | undefined, kicked: boolean, name: string) {
    const room = this.rooms.get(name);
    if (!room) return;
    room.joined = false;
    // Whoever is sent away while their leave is on its way is still to be told what became of it.
    const isOpen = kicked || (id !== undefined && id !== room.asked?.id);
    if (room.isLeaving && !isOpen) room.asked = undefined;
    if (!room.wanted && !room.asked) this.rooms.delete(name);
  }

  /**
   * A refusal, for now (`until`) or for good, of what may have been asked under this number. The room, if it is of a join
   * and for good.
   */
  refused(id: number, until: number | undefined): string | undefined {
    const [name, room] = [...this.rooms].find(([, { asked }]) => asked?.id === id) ?? [];
    if (name === undefined || !room) return undefined;
    if (until !== undefined) {
      room.postpone();
      this.asks.extend(until);
      return undefined;
    }
    const wasJoining = room.isJoining;
    // A member's join and a member's leave are granted: whoever is refused for good is not in the room.
    room.asked = undefined;
    room.joined = false;
    if (!room.wanted) this.rooms.delete(name);
    return wasJoining ? name : undefined;
  }

  private entry(name: string): Room {
    let room = this.rooms.get(name);
    if (!room) this.rooms.set(name, (room = new Room()));
    return room;
  }
}
