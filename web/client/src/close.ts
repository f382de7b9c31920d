// Close codes: which of them say to come back, and when.

/** Of a client that hears nothing any more and starts over: not one that ends its session. */
export const SILENCE_CODE = 4400;

/** Of a client whose `hello` was refused. */
export const HELLO_REFUSED_CODE = 4401;

/** Of a server to a client whose token has ended, and who has shown no other in time. */
export const TOKEN_EXPIRED_CODE = 4504;

/** The longest wait a server can impose: nobody is sent away for ever by a slip of its pen. */
export const RETRY_AFTER_MAX = 600_000;

/** The shortest: a server whose clock stands still is not to be asked a thousand times a second. */
export const RETRY_AFTER_MIN = 10;

/** Whether to come back. A connection that ended without a close frame has no code. */
export function mayReturn(code: number | undefined): boolean {
  if (code === undefined || code === 1001 || code === 1006) return true;
  return (code >= 1011 && code <= 1014) || code === 4001 || (code >= 4100 && code <= 4499);
}

/** When the server wants us back, in milliseconds, if a close reason says so. */
export function retryAfter(reason: string): number | undefined {
  const [, millis] = /(?:^|\s)retry_after_ms=(\d+)(?:\s|$)/.exec(reason) ?? [];
  return millis === undefined ? undefined : Number(millis);
}
