// The chat: rooms and people at the side, and the room that is looked at.
import { useChat, type UseChat } from "@chinwag/react";
import { useCallback, useEffect, useState, type DragEvent } from "react";

import { Composer } from "./Composer.js";
import { Messages } from "./Messages.js";
import { Sidebar } from "./Sidebar.js";
import { StatusBar } from "./StatusBar.js";
import { NOTHING, useDrafts } from "./drafts.js";
import { fileBytesMax, SaveFile, useFiles } from "./files.js";
import { recallPlaces, rememberPlaces, type Identity, type Places } from "./identity.js";
import { useNotifications } from "./notify.js";
import { sentence } from "./words.js";

interface Props {
  identity: Identity;
  onLeave: (problem?: string) => void;
}

/** With these there is nothing to do but to show another token. */
const AT_THE_DOOR = ["bad_token", "token_required", "token_expired", "bad_user", "user_mismatch"];

export function ChatView({ identity, onLeave }: Props) {
  const { user } = identity;
  const [before] = useState(() => recallPlaces(user));
  const chat = useChat({ url: address(), ...identity }, before.rooms, new Map(before.read));
  const [open, setOpen] = useState(before.open);
  const [isSideOpen, setSideOpen] = useState(false);
  const [drafts, changeDraft] = useDrafts();
  const files = useFiles({ url: address(), ...identity }, chat.publish);
  const rooms = [...chat.rooms.values()];
  const room = chat.rooms.get(open) ?? rooms[0];
  const name = room?.name ?? "";
  const { connection, error } = chat;

  useEffect(() => {
    if (connection.state === "ended" && error && AT_THE_DOOR.includes(error)) onLeave(error);
  }, [connection, error, onLeave]);
  const read = rooms.flatMap(({ name, read }): Places["read"] => (read ? [[name, read]] : []));
  useRemembered(user, { rooms: rooms.map(({ name }) => name), read, open: name });
  useLooking(chat, room?.name);
  useNotifications(chat, user);

  const enter = (name: string) => {
    chat.join(name);
    setOpen(name);
    setSideOpen(false);
  };
  const reply = useCallback(
    (seq: number) => changeDraft(name, (draft) => ({ ...draft, replyTo: seq })),
    [changeDraft, name],
  );

  const { send, save } = files;
  const canUpload = room?.isJoined === true && fileBytesMax() > 0;
  const drop = (event: DragEvent) => {
    if (!event.dataTransfer.types.includes("Files")) return;
    // Otherwise the browser would leave the page for the file.
    event.preventDefault();
    if (canUpload && event.type === "drop") send(name, event.dataTransfer.files);
  };

  return (
    <div className={`app ${isSideOpen ? "with-side" : ""}`}>
      <StatusBar
        connection={connection}
        problem={error && sentence(error)}
        title={room ? `#${name}` : "Chinwag"}
        isSideOpen={isSideOpen}
        onMenu={() => setSideOpen(!isSideOpen)}
        onReconnect={() => chat.chat.reconnect()}
        onForgive={chat.forgive}
      />
      <Sidebar chat={chat} me={user} open={room?.name} onEnter={enter} onLeave={() => onLeave()} />
      <main onDragOver={drop} onDrop={drop}>
        {room ? (
          <SaveFile.Provider value={save}>
            <Messages key={name} room={room} me={user} onReply={reply} loadOlder={chat.loadOlder} />
            <Composer
              key={`write ${name}`}
              chat={chat}
              room={room}
              draft={drafts.get(name) ?? NOTHING}
              onChange={changeDraft}
              files={files}
              canUpload={canUpload}
            />
          </SaveFile.Provider>
        ) : (
          <p className="hint">Join a room to talk.</p>
        )}
      </main>
    </div>
  );
}

/** Where one is now, for the next time. */
function useRemembered(user: string, places: Places) {
  const text = JSON.stringify(places);
  useEffect(() => rememberPlaces(user, JSON.parse(text) as Places), [user, text]);
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
