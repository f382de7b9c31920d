// The server of protocols/socketio-echo.toml, with npm's socket.io. Says where it listens, and ends with its standard input.
import { createServer } from "node:http";

import { Server } from "socket.io";

const http = createServer();
const io = new Server(http);

io.on("connection", (socket) => {
  socket.on("join", (room, done) => {
    socket.join(room);
    done();
  });
  socket.on("leave", (room, done) => {
    socket.leave(room);
    done();
  });
  socket.on("message", (room, text, done) => {
    io.to(room).emit("message", { room, text });
    done();
  });
});

http.listen(0, "127.0.0.1", () => console.log(`listening on http://127.0.0.1:${http.address().port}`));
process.stdin.on("end", () => process.exit()).resume();
