// The specification's own hook, as it is found by Vitest: its text is not written for this compiler's settings.
declare module "given/useChatWebSocket" {
  import type { UseChatWebSocket } from "@chinwag/react";

  export function useChatWebSocket(userId: string, role: string): UseChatWebSocket;
}
