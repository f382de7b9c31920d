// Specification 2's `WebSocketClient`, looked at while it works.
import { WebSocketClient } from "./given/WebSocketClient";

/** What every frame is. */
export interface Envelope {
  type: string;
  payload: any;
  timestamp: number;
  messageId: string;
  priority?: number;
}

/** What the client keeps to itself. */
interface Inside {
  ws: WebSocket;
  maxReconnectAttempts: number;
  setupEventHandlers(): void;
  handleClose(event: CloseEvent): void;
  reconnect(): Promise<void>;
}

/** The client, and what came to it. */
export class Observed extends (WebSocketClient as unknown as new (url: string, token: string) => Inside) {
  readonly frames: Envelope[] = [];
  readonly closes: number[] = [];
  failure: Error | undefined;

  override setupEventHandlers() {
    // As given, handlers are called on the socket instead of the client, and none finds the client's `reconnect`.
    this.handleClose = this.handleClose.bind(this);
    super.setupEventHandlers();
    this.ws.addEventListener("message", ({ data }) => this.frames.push(JSON.parse(data)));
    this.ws.addEventListener("close", ({ code }) => this.closes.push(code));
  }

  override async reconnect() {
    await super.reconnect().catch((error) => (this.failure = error));
  }

  /** Sends a frame as the text shows it. */
  send(type: string, payload: object, more: Partial<Envelope> = {}) {
    this.ws.send(JSON.stringify({ type, payload, ...more }));
  }

  /** The frames of a type. */
  of(type: string): Envelope[] {
    return this.frames.filter((frame) => frame.type === type);
  }

  /** Ends it, so that it does not come back. */
  stop() {
    this.maxReconnectAttempts = 0;
    this.ws.close(1000);
  }
}
