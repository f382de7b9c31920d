// The client that specification 2 gives, word for word; only the export at the end is added.

class WebSocketClient {
  private ws: WebSocket;
  private reconnectAttempts = 0;
  private maxReconnectAttempts = 5;
  
  constructor(private url: string, private token: string) {
    this.connect();
  }

  private connect() {
    this.ws = new WebSocket(`${this.url}?token=${this.token}`);
    this.setupEventHandlers();
  }

  private setupEventHandlers() {
    this.ws.onmessage = this.handleMessage;
    this.ws.onclose = this.handleClose;
    this.ws.onerror = this.handleError;
  }

  private handleMessage(event: MessageEvent) {
    const message = JSON.parse(event.data);
    // Handle different message types
  }

  private handleClose(event: CloseEvent) {
    if (event.code !== 1000) {
      this.reconnect();
    }
  }

  private async reconnect() {
    if (this.reconnectAttempts >= this.maxReconnectAttempts) {
      throw new Error('Max reconnection attempts reached');
    }

    const delay = Math.min(1000 * Math.pow(1.5, this.reconnectAttempts), 30000);
    await new Promise(resolve => setTimeout(resolve, delay));
    this.reconnectAttempts++;
    this.connect();
  }
}

export { WebSocketClient };
