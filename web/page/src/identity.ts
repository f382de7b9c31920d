// Who one is: kept with the tab and not beyond it, for a token opens the door. Where one was is kept on this machine.
import type { Position } from "@chinwag/client";

export interface Identity {
  user: string;
  token?: string;
}

/** In which rooms one was, how far one had read them, and which one was looked at. */
export interface Places {
  rooms: string[];
  read: [room: string, position: Position][];
  open: string;
}

const KEY = "chinwag.identity";
const HOME = "lobby";

export function remember(identity: Identity) {
  write("sessionStorage", KEY, identity);
}

export function recall(): Identity | null {
  return read("sessionStorage", KEY) as Identity | null;
}

/** Also of the rooms, if one goes of one's own accord: whoever sits here next need not know them. */
export function forget({ user }: Identity, withPlaces: boolean) {
  write("sessionStorage", KEY, null);
  if (withPlaces) write("localStorage", placesKey(user), null);
}

/** Where one was when one was last here, on this machine. */
export function recallPlaces(user: string): Places {
  const kept = read("localStorage", placesKey(user)) as Places | null;
  return kept?.rooms.length ? kept : { rooms: [HOME], read: [], open: HOME };
}

export function rememberPlaces(user: string, places: Places) {
  write("localStorage", placesKey(user), places);
}

const placesKey = (user: string) => `chinwag.places.${user}`;

/** Whom a token names: its `sub`. The server verifies it; here it only saves typing. */
export function subject(token: string): string | undefined {
  try {
    const [, claims = ""] = token.split(".");
    const { sub } = JSON.parse(atob(claims.replaceAll("-", "+").replaceAll("_", "/"))) as { sub?: unknown };
    return typeof sub === "string" ? sub : undefined;
  } catch {
    return undefined;
  }
}

type Kept = "sessionStorage" | "localStorage";

// Browsers that keep nothing throw as soon as one asks; then it is as if one were here for the first time.

function read(where: Kept, key: string): unknown {
  try {
    return JSON.parse(globalThis[where].getItem(key) ?? "null");
  } catch {
    return null;
  }
}

function write(where: Kept, key: string, value: unknown) {
  try {
    if (value === null) globalThis[where].removeItem(key);
    else globalThis[where].setItem(key, JSON.stringify(value));
  } catch {
    // Nothing is kept.
  }
}
