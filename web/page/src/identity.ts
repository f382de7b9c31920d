// Who one is: kept with the tab and not beyond it, for a token opens the door. In which rooms one was is kept on this machine.
export interface Identity {
  user: string;
  token?: string;
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
export function forget({ user }: Identity, withRooms: boolean) {
  write("sessionStorage", KEY, null);
  if (withRooms) write("localStorage", roomsKey(user), null);
}

/** The rooms one was in when one was last here, on this machine. */
export function recallRooms(user: string): string[] {
  const rooms = read("localStorage", roomsKey(user));
  return Array.isArray(rooms) && rooms.length > 0 ? rooms.map(String) : [HOME];
}

export function rememberRooms(user: string, rooms: readonly string[]) {
  write("localStorage", roomsKey(user), rooms);
}

const roomsKey = (user: string) => `chinwag.rooms.${user}`;

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
