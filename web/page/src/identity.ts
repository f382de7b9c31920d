// Who one is: kept with the tab and not beyond it, for a token opens the door.
export interface Identity {
  user: string;
  token?: string;
}

const KEY = "chinwag.identity";
const ROOMS_KEY = "chinwag.rooms";
const HOME = "lobby";

export function remember(identity: Identity) {
  sessionStorage.setItem(KEY, JSON.stringify(identity));
}

export function forget() {
  sessionStorage.removeItem(KEY);
}

export function recall(): Identity | null {
  return read(sessionStorage, KEY) as Identity | null;
}

/** The rooms one was in when one was last here, on this machine. */
export function recallRooms(): string[] {
  const rooms = read(localStorage, ROOMS_KEY);
  return Array.isArray(rooms) && rooms.length > 0 ? rooms.map(String) : [HOME];
}

export function rememberRooms(rooms: readonly string[]) {
  localStorage.setItem(ROOMS_KEY, JSON.stringify(rooms));
}

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

function read(storage: Storage, key: string): unknown {
  try {
    return JSON.parse(storage.getItem(key) ?? "null");
  } catch {
    return null;
  }
}
