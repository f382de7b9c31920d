// Files on their way, to the server and from it: how far each is, and what went wrong.
import { download, RefusedError, upload, type FileOptions } from "@chinwag/client";
import type { UseChat } from "@chinwag/react";
import { createContext, useCallback, useEffect, useRef, useState } from "react";

import { sentence, size } from "./words.js";

export interface Transfer {
  id: number;
  room: string;
  name: string;
  /** Of one, as far as that is known. */
  part?: number;
  problem?: string;
}

export interface Files {
  transfers: readonly Transfer[];
  send: (room: string, files: Iterable<File>) => void;
  save: (room: string, url: string, name: string) => void;
  /** Ends it, or forgets that it failed. */
  drop: (id: number) => void;
}

/** Saves a file of a room; for lines, which need not know who is looking. */
export const SaveFile = createContext<Files["save"]>(() => {});

/** Most bytes of a file, where people can upload any: the server says so in the page. */
export const fileBytesMax = () => Number(document.querySelector<HTMLMetaElement>("meta[name=file-bytes-max]")?.content ?? 0);

/** So long a browser may take to begin saving. */
const SAVE_TIME = 60_000;

export function useFiles(options: FileOptions, publish: UseChat["publish"]): Files {
  const [transfers, setTransfers] = useState<readonly Transfer[]>([]);
  const running = useRef(new Map<number, AbortController>());
  const last = useRef(0);
  const asked = useRef(options);

  const drop = useCallback((id: number) => {
    running.current.get(id)?.abort();
    running.current.delete(id);
    setTransfers((all) => all.filter((one) => one.id !== id));
  }, []);
  useEffect(() => {
    const all = running.current;
    return () => all.forEach((abort) => abort.abort());
  }, []);

  /** Does something that takes its time, and says what became of it. */
  const run = useCallback(
    async (room: string, name: string, act: (signal: AbortSignal, tell: (part: number) => void) => Promise<void>) => {
      const id = (last.current += 1);
      const change = (changed: Partial<Transfer>) =>
        setTransfers((all) => all.map((one) => (one.id === id ? { ...one, ...changed } : one)));
      const abort = new AbortController();
      running.current.set(id, abort);
      setTransfers((all) => [...all, { id, room, name }]);
      try {
        await act(abort.signal, (part) => change({ part }));
        drop(id);
      } catch (error) {
        if (!abort.signal.aborted) change({ problem: sentence(error instanceof RefusedError ? error.code : "disconnected") });
      }
    },
    [drop],
  );

  const send = useCallback(
    (room: string, files: Iterable<File>) => {
      for (const file of files) {
        void run(room, file.name, async (signal, tell) => {
          if (file.size > fileBytesMax()) throw new RefusedError("file_too_large");
          const onProgress = (sent: number, bytes: number) => tell(sent / bytes);
          const { file: at, bytes } = await upload(asked.current, room, file, { signal, onProgress });
          void publish(room, `${at.name} (${size(bytes)})`, { kind: "file", file: at });
        });
      }
    },
    [run, publish],
  );
  const save = useCallback(
    (room: string, url: string, name: string) =>
      void run(room, name, async (signal) => keep(await download(asked.current, url, { signal }))),
    [run],
  );
  return { transfers, send, save, drop };
}

/** Has the browser save a file, wherever it saves files. */
function keep(file: File) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(file);
  link.download = file.name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), SAVE_TIME);
}
