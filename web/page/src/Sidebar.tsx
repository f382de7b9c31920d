// Rooms with what is unread, and who is in the one that is looked at: users, agents, bots, tasks (S4.34).
import type { Member, Task } from "@chinwag/client";
import type { RoomState, UseChat } from "@chinwag/react";
import { useRef, useState, type FormEvent } from "react";

import { canNotify, askToNotify } from "./notify.js";
import { colour } from "./words.js";

interface Props {
  chat: UseChat;
  me: string;
  open: string | undefined;
  onEnter: (room: string) => void;
  onLeave: () => void;
}

/** Of a large room, not everybody is shown. */
const SHOWN_MAX = 200;

export function Sidebar({ chat, me, open, onEnter, onLeave }: Props) {
  const room = chat.rooms.get(open ?? "");
  const [mayNotify, setMayNotify] = useState(canNotify);
  const side = useRef<HTMLElement>(null);
  const leave = (room: string) => {
    chat.leave(room);
    // The button that was pressed is gone.
    side.current?.focus();
  };
  return (
    <nav id="side" ref={side} className="side" aria-label="Rooms and people" tabIndex={-1}>
      <section>
        <h2>Rooms</h2>
        <ul>
          {[...chat.rooms.values()].map((each) => (
            <RoomRow key={each.name} room={each} isOpen={each.name === open} onEnter={onEnter} onLeave={leave} />
          ))}
        </ul>
        <JoinForm onEnter={onEnter} />
      </section>
      {room && <People room={room} chat={chat} me={me} />}
      <footer>
        {mayNotify === "default" && (
          <button onClick={() => void askToNotify().then(setMayNotify)}>Notify me of mentions</button>
        )}
        <button onClick={onLeave}>Sign out {me}</button>
      </footer>
    </nav>
  );
}

interface RoomRowProps {
  room: RoomState;
  isOpen: boolean;
  onEnter: (room: string) => void;
  onLeave: (room: string) => void;
}

function RoomRow({ room, isOpen, onEnter, onLeave }: RoomRowProps) {
  const { name, unread, mentions } = room;
  return (
    <li className="room">
      <button aria-current={isOpen ? "page" : undefined} onClick={() => onEnter(name)}>
        <span className="name">#{name}</span>
        {unread > 0 && (
          <span className={`badge ${mentions ? "mentions" : ""}`}>
            {unread}
            <span className="unseen"> unread{mentions ? ", with mentions of you" : ""}</span>
          </span>
        )}
      </button>
      <button className="quiet" aria-label={`Leave ${name}`} onClick={() => onLeave(name)}>
        ×
      </button>
    </li>
  );
}

function JoinForm({ onEnter }: { onEnter: (room: string) => void }) {
  const [name, setName] = useState("");
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (name.trim()) onEnter(name.trim());
    setName("");
  };
  return (
    <form className="join" onSubmit={submit}>
      <input
        aria-label="Room to join"
        placeholder="Join a room…"
        value={name}
        onInput={(event) => setName(event.currentTarget.value)}
      />
      <button>Join</button>
    </form>
  );
}

const BOT_ROOM = "bot:";

function People({ room, chat, me }: { room: RoomState; chat: UseChat; me: string }) {
  const bot = room.name.startsWith(BOT_ROOM) ? room.name.slice(BOT_ROOM.length) : undefined;
  const members = [...room.members.values()].slice(0, SHOWN_MAX);
  const hidden = room.count - members.length;
  return (
    <section>
      <h2>
        Users &amp; Agents <span className="count">{room.count}</span>
      </h2>
      <ul>
        {members.map((member) => (
          <Person key={member.user} member={member} role={roleOf(member, bot)} isMe={member.user === me} />
        ))}
      </ul>
      {hidden > 0 && <p className="hint">and {hidden} more</p>}
      {bot !== undefined && <BotButtons room={room.name} chat={chat} />}
      <Tasks tasks={[...room.tasks.values()]} />
    </section>
  );
}

function roleOf({ user, status }: Member, bot: string | undefined): string {
  if (user === bot) return "bot";
  return status ? "agent" : "user";
}

function Person({ member, role, isMe }: { member: Member; role: string; isMe: boolean }) {
  const { user, presence, status } = member;
  const isAway = presence === "offline";
  return (
    <li className={`person ${isAway ? "away" : ""}`}>
      <span className={`dot ${isAway ? "rest" : "good"}`} aria-hidden="true" />
      <span className="name">
        {user} <span className="role">({isMe ? `you, ${role}` : role})</span>
        {isAway && <span className="unseen">, away</span>}
      </span>
      {status && <span className={`chip ${colour(status.state)}`}>{status.state}</span>}
      {status?.detail && <span className="detail">{status.detail}</span>}
      {status?.progress !== undefined && (
        <progress aria-label={`Progress of ${user}`} max={100} value={status.progress} />
      )}
    </li>
  );
}

/** Its owner's and admins' to press; of others the server says no. */
function BotButtons({ room, chat }: { room: string; chat: UseChat }) {
  const run = (on: boolean) => void chat.chat.run(room, on).catch(() => {});
  return (
    <p className="buttons">
      <button onClick={() => run(true)}>Start bot</button>
      <button onClick={() => run(false)}>Stop bot</button>
    </p>
  );
}

function Tasks({ tasks }: { tasks: Task[] }) {
  if (tasks.length === 0) return null;
  return (
    <>
      <h2>Tasks</h2>
      <ul>
        {tasks.map(({ task, status, assignee }) => (
          <li key={task} className="person">
            <span className={`dot ${colour(status?.state ?? "")}`} aria-hidden="true" />
            <span className="name">
              {task} {assignee && <span className="role">({assignee})</span>}
            </span>
            {status && <span className={`chip ${colour(status.state)}`}>{status.state}</span>}
            {status?.detail && <span className="detail">{status.detail}</span>}
            {status?.progress !== undefined && (
              <progress aria-label={`Progress of ${task}`} max={100} value={status.progress} />
            )}
          </li>
        ))}
      </ul>
    </>
  );
}
