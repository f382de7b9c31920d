// What one is about to say, room by room: it waits while one looks elsewhere, and comes back if it is refused.
import { useCallback, useState } from "react";

export interface Draft {
  text: string;
  /** The `seq` of the message that it answers. */
  replyTo: number | undefined;
}

export type ChangeDraft = (room: string, change: (draft: Draft) => Draft) => void;

export const NOTHING: Draft = { text: "", replyTo: undefined };

export function useDrafts(): [drafts: ReadonlyMap<string, Draft>, change: ChangeDraft] {
  const [drafts, setDrafts] = useState<ReadonlyMap<string, Draft>>(new Map());
  const change = useCallback<ChangeDraft>(
    (room, change) => setDrafts((drafts) => new Map(drafts).set(room, change(drafts.get(room) ?? NOTHING))),
    [],
  );
  return [drafts, change];
}

/** What came back, before what was begun since. */
export const returned = (sent: Draft, since: Draft): Draft => ({
  text: since.text === "" ? sent.text : `${sent.text}\n${since.text}`,
  replyTo: since.replyTo ?? sent.replyTo,
});
