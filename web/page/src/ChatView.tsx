// The chat: rooms and people at the side, and the room that is looked at.
import { useChat, type UseChat } from "@chinwag/react";
import { useEffect, useState } from "react";

import { Composer } from "./Composer.js";
import { Messages } from "./Messages.js";
import { Sidebar } from "./Sidebar.js";
import { StatusBar } from "./StatusBar.js";
import { recallRooms, rememberRooms, type Identity } from "./identity.js";
import { useNotifications } from "./notify.js";
import { sentence } from "./words.js";

interface Props {
  identity: Identity;
  onLeave: (problem?: string) => void;
}

/** With these there is nothing to do but to show another token. */
const AT_THE_DOOR = ["bad_token", "token_required", "token_expired", "bad_user"];

export function ChatView({ identity, onLeave }: Props) {
  const [initial] = useState(recallRooms);
  const chat = useChat({ url: address(), ...identity }, initial);
  const [open, setOpen] = useState(initial[0]!);
  const [isSideOpen, setSideOpen] = useState(false);
  const [replyTo, setReplyTo] = useState<number | undefined>();
  const names = [...chat.rooms.keys()];
  const room = chat.rooms.get(open) ?? chat.rooms.get(names[0] ?? "");
  const { connection, error } = chat;

  useEffect(() => {
    if (connection.state === "ended" && error && AT_THE_DOOR.includes(error)) onLeave(error);
  }, [connection, error, onLeave]);
  useEffect(() => rememberRooms(names), [names.join(" ")]); // eslint-disable-line react-hooks/exhaustive-deps
  useLooking(chat, room?.name);
  useNotifications(chat, identity.user);

  const enter = (name: string) => {
    chat.join(name);
    setOpen(name);
    setReplyTo(undefined);
    setSideOpen(false);
  };

  return (
    <div className={`app ${isSideOpen ? "with-side" : ""}`}>
      <StatusBar
        connection={connection}
        problem={error && sentence(error)}
        title={room ? `#${room.name}` : "Chinwag"}
        isSideOpen={isSideOpen}
        onMenu={() => setSideOpen(!isSideOpen)}
        onReconnect={() => chat.chat.reconnect()}
      />
      <Sidebar chat={chat} me={identity.user} open={room?.name} onEnter={enter} onLeave={() => onLeave()} />
      <main>
        {room ? (
          <>
            <Messages key={room.name} room={room} me={identity.user} onReply={setReplyTo} loadOlder={chat.loadOlder} />
            <Composer key={`write ${room.name}`} chat={chat} room={room} replyTo={replyTo} onReply={setReplyTo} />
          </>
        ) : (
          <p className="hint">Join a room to talk.</p>
        )}
      </main>
    </div>
  );
}

/** What is looked at has been read, and the title counts the rest. */
function useLooking(chat: UseChat, room: string | undefined) {
  const { look, rooms } = chat;
  useEffect(() => {
    const update = () => look(document.hidden ? undefined : room);
    update();
    document.addEventListener("visibilitychange", update);
    return () => document.removeEventListener("visibilitychange", update);
  }, [look, room]);
  const unread = [...rooms.values()].reduce((sum, { unread }) => sum + unread, 0);
  useEffect(() => {
    document.title = unread ? `(${unread}) Chinwag` : "Chinwag";
  }, [unread]);
}

/** Beside the page, wherever that is. */
function address(): string {
  const url = new URL("chat", location.href);
  url.protocol = url.protocol.replace("http", "ws");
  return url.href;
}
