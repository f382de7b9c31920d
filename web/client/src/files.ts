// Files that are uploaded to the server and downloaded from it, beside the chat: for members of a room.
import type { Extra } from "./api.js";
import { RefusedError, type ChatOptions, type Waiting } from "./chat.js";

/** Where the server is, and who asks: as of a `Chat`. */
export type FileOptions = Pick<ChatOptions, "url" | "user" | "token">;

/** A file that is there: `chat.publish(room, text, { kind: "file", file })` says so. */
export interface Uploaded {
  room: string;
  file: NonNullable<Extra["file"]>;
  mediaType: string;
  bytes: number;
}

export interface Uploading extends Waiting {
  /** What it is called; a `File` says so itself. */
  name?: string;
  /** Told how far it is, in browsers. */
  onProgress?: (sent: number, bytes: number) => void;
}

/** Uploads a file for a room's members. Rejects with the server's code, or `disconnected`. */
export async function upload(options: FileOptions, room: string, file: Blob, uploading: Uploading = {}): Promise<Uploaded> {
  const { name = "name" in file ? String(file.name) : "file" } = uploading;
  const url = address(options, `api/rooms/${encodeURIComponent(room)}/files`, { name });
  const headers = await credentials(options);
  // `fetch` tells of no progress.
  const post = uploading.onProgress && "XMLHttpRequest" in globalThis ? postByXhr : postByFetch;
  const { ok, text } = await post(url, headers, file, uploading);
  if (!ok) throw refused(text);
  const { room: of, file_url, file_name, media_type, bytes } = JSON.parse(text) as Answer;
  return { room: of, file: { url: file_url, name: file_name }, mediaType: media_type, bytes };
}

/** Downloads what a message names, under the name that the server has made harmless. Rejects as `upload` does. */
export async function download(options: FileOptions, url: string, { signal }: Waiting = {}): Promise<File> {
  const headers = await credentials(options);
  try {
    const answer = await fetch(address(options, url.slice(1)), { headers, ...(signal && { signal }) });
    if (!answer.ok) throw refused(await answer.text());
    const blob = await answer.blob();
    const [, name = "file"] = /filename\*=UTF-8''([^;]+)/.exec(answer.headers.get("content-disposition") ?? "") ?? [];
    return new File([blob], decodeURIComponent(name), { type: blob.type });
  } catch (error) {
    throw lost(error, signal);
  }
}

/** Whether a message's file is one that was uploaded. */
export const isUploaded = (url: string): boolean => /^\/api\/files\/[0-9a-f]{32}$/.test(url);

interface Answer {
  room: string;
  file_url: string;
  file_name: string;
  media_type: string;
  bytes: number;
}

type Posted = { ok: boolean; text: string };

/** What lies beside the chat, wherever that is. */
function address({ url, user }: FileOptions, path: string, query: Record<string, string> = {}): string {
  const found = new URL(path, url.replace(/^ws/, "http"));
  found.search = new URLSearchParams({ user, ...query }).toString();
  return found.href;
}

async function credentials({ token }: FileOptions): Promise<Record<string, string>> {
  const shown = typeof token === "function" ? await token() : token;
  return shown === undefined ? {} : { Authorization: `Bearer ${shown}` };
}

async function postByFetch(url: string, headers: Record<string, string>, body: Blob, { signal }: Waiting): Promise<Posted> {
  try {
    const answer = await fetch(url, { method: "POST", headers, body, ...(signal && { signal }) });
    return { ok: answer.ok, text: await answer.text() };
  } catch (error) {
    throw lost(error, signal);
  }
}

function postByXhr(url: string, headers: Record<string, string>, body: Blob, { signal, onProgress }: Uploading): Promise<Posted> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const request = new XMLHttpRequest();
    const abort = () => request.abort();
    signal?.addEventListener("abort", abort);
    request.upload.onprogress = ({ loaded, total }) => onProgress?.(loaded, total);
    request.onload = () => resolve({ ok: request.status >= 200 && request.status < 300, text: request.responseText });
    request.onerror = () => reject(new RefusedError("disconnected"));
    request.onabort = () => reject(signal?.reason as Error);
    request.onloadend = () => signal?.removeEventListener("abort", abort);
    request.open("POST", url);
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.send(body);
  });
}

/** What a request that had no answer rejects with. */
function lost(error: unknown, signal?: AbortSignal): unknown {
  return error instanceof RefusedError || signal?.aborted ? error : new RefusedError("disconnected");
}

/** What stands between us and the server may answer something else. */
function refused(text: string): RefusedError {
  try {
    return new RefusedError((JSON.parse(text) as { error: { code: string } }).error.code);
  } catch {
    return new RefusedError("disconnected");
  }
}
