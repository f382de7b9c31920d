// What the page says of codes and instants, and the parts that a text is shown in.

const SENTENCES: Record<string, string> = {
  bad_room: "That is not a name for a room: letters, digits, - _ . and : only.",
  bad_token: "The token is not valid.",
  bad_user: "That is not a name: letters, digits, - _ . only.",
  content_too_large: "The message is too long.",
  disconnected: "The connection was lost.",
  ended: "The connection is over.",
  file_too_large: "The file is too large.",
  file_type: "Files of this kind are not taken here.",
  files_full: "There is no room for more files here.",
  frame_too_large: "The message is too long.",
  no_bot: "This room has no bot.",
  not_found: "It is no longer there.",
  not_member: "You are not in this room.",
  overloaded: "The server is busy: try again later.",
  permission_denied: "You may not do this here.",
  room_full: "The room is full.",
  rooms_closed: "Rooms cannot be made here.",
  timeout: "It took too long.",
  token_expired: "The token has expired.",
  token_required: "A token is needed here.",
  too_many_rooms: "You are in as many rooms as allowed.",
  user_mismatch: "The token is somebody else's.",
  unresolved: "The server was lost as you said that: it may be in the room or not.",
};

/** A code of the protocol as a sentence. */
export const sentence = (code: string): string => SENTENCES[code] ?? `Refused: ${code.replaceAll("_", " ")}.`;

const TIME = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const DAY = new Intl.DateTimeFormat(undefined, { weekday: "long", year: "numeric", month: "long", day: "numeric" });

export const time = (timestamp: string): string => TIME.format(new Date(timestamp));
export const day = (timestamp: string): string => DAY.format(new Date(timestamp));

/** A part of a text. */
export type Part = { kind: "plain" | "mention" | "link"; text: string };

const PARTS = /(@[\w-]+(?:\.[\w-]+)*)|https?:\/\/[^\s<>"'.,;:!?)\]][^\s<>"']*/g;

/** A text as plain parts, mentions and links: all of it, and nothing else. */
export function parts(text: string): Part[] {
  const found: Part[] = [];
  let end = 0;
  for (const match of text.matchAll(PARTS)) {
    const part: Part = match[1] ? { kind: "mention", text: match[1] } : { kind: "link", text: link(match[0]) };
    if (match.index > end) found.push({ kind: "plain", text: text.slice(end, match.index) });
    found.push(part);
    end = match.index + part.text.length;
  }
  if (end < text.length) found.push({ kind: "plain", text: text.slice(end) });
  return found;
}

/** The link in a word: what ends a sentence does not belong to it, nor does a bracket that was opened before it. */
function link(word: string): string {
  const count = (bracket: string) => word.split(bracket).length - 1;
  const unopened: Record<string, number> = { ")": count(")") - count("("), "]": count("]") - count("[") };
  let end = word.length;
  for (; end > 0; end--) {
    const last = word[end - 1]!;
    if (last in unopened ? unopened[last]!-- <= 0 : !".,;:!?".includes(last)) break;
  }
  return word.slice(0, end);
}

/** As many as a message may name, and how long a name may be. */
const [MENTIONS_MAX, NAME_MAX] = [32, 60];

/** Whom a text names (S4.37): beyond what a message may carry, it is text only. */
export function mentioned(text: string): string[] {
  const names = parts(text).flatMap(({ kind, text }) => (kind === "mention" ? [text.slice(1)] : []));
  return [...new Set(names.filter((name) => name.length <= NAME_MAX))].slice(0, MENTIONS_MAX);
}

const UNITS = ["bytes", "KB", "MB", "GB"];

/** How large a file is, in three digits at most. */
export function size(bytes: number): string {
  const unit = Math.min(Math.floor(Math.log10(Math.max(bytes, 1)) / 3), UNITS.length - 1);
  return `${Number((bytes / 1_000 ** unit).toPrecision(3))} ${UNITS[unit]!}`;
}

/** An address that may be followed: of a page, and no script. */
export const isWeb = (url: string): boolean => /^https?:\/\//i.test(url);

/** The colour of a state, as a class: what agents and bots say they do (S3.16, S4.26). */
export function colour(state: string): string {
  if (/^(error|failed|stuck)/.test(state)) return "bad";
  if (/^(starting|stopping|waiting)/.test(state)) return "soon";
  if (/^(working|processing|thinking|executing)/.test(state)) return "busy";
  if (/^(running|online|completed|done)/.test(state)) return "good";
  return "rest";
}
