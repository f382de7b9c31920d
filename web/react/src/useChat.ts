// `useChat`: a chat as state of a component.
import type { ChatOptions, Position } from "@chinwag/client";
import { useEffect, useMemo, useSyncExternalStore } from "react";

import type { ChatState } from "./state.js";
import { ChatStore } from "./store.js";

export interface UseChat extends ChatState {
  join: ChatStore["join"];
  leave: ChatStore["leave"];
  publish: ChatStore["publish"];
  forgive: ChatStore["forgive"];
  typing: ChatStore["typing"];
  look: ChatStore["look"];
  loadOlder: ChatStore["loadOlder"];
  /** The client itself, for what has no state: `create`, `invite`, `run`… */
  chat: ChatStore["chat"];
}

/**
 * Connected while mounted; again, as somebody else or elsewhere, when `url` or `user` change. It follows `token` and
 * `rooms`; the other options are those of the first time. `read` says up to where rooms had been read before, as their
 * `read` says later.
 */
export function useChat(options: ChatOptions, rooms: readonly string[] = [], read?: ReadonlyMap<string, Position>): UseChat {
  const { url, user } = options;
  const store = useMemo(
    () => new ChatStore(options, rooms, read),
    // What else changes is followed, or is that of the first time: people write options where they are used, new each time.
    // eslint-disable-next-line react-hooks/exhaustive-deps
    [url, user],
  );
  useEffect(() => store.start(), [store]);
  useEffect(() => store.follow(options, rooms));
  const state = useSyncExternalStore(store.watch, store.snapshot, store.snapshot);
  const { chat, join, leave, publish, forgive, typing, look, loadOlder } = store;
  return { ...state, chat, join, leave, publish, forgive, typing, look, loadOlder };
}
