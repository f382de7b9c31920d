// What tests/websocket/cases.json is held to: an echo with npm's ws. Says where it listens, and ends with its standard input.
import { WebSocketServer } from "ws";

const server = new WebSocketServer({ host: "127.0.0.1", port: 0, maxPayload: 65536 });

server.on("connection", (socket) => {
  // What is wrong is said with a close code.
  socket.on("error", () => {});
  socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary }));
});

server.on("listening", () => console.log(`listening on http://127.0.0.1:${server.address().port}`));
process.stdin.on("end", () => process.exit()).resume();
