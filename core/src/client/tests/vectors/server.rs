//! A server that does what it likes, within what the protocol allows.

use std::collections::{BTreeMap, VecDeque};

use serde_json::{Value, json};

use super::{draw::Draw, wishes::ROOMS};

/// Most frames are taken and answered; so many in a hundred are refused, and so many for their rate.
const REFUSED: u64 = 7;
const TOO_FAST: u64 = 8;
/// What ends a client, said to its `hello`.
pub(super) const HELLO_REFUSALS: [&str; 3] = ["bad_token", "bad_user", "user_mismatch"];

#[derive(Debug)]
pub(super) struct Server {
    draw: Draw,
    rooms: BTreeMap<&'static str, Room>,
    session: Option<Session>,
    sessions: u64,
    /// On their way here, and from here.
    inbox: VecDeque<Value>,
    outbox: VecDeque<Value>,
}

/// What it remembers of a client.
#[derive(Debug, Default)]
struct Session {
    number: u64,
    generation: u64,
    /// By the number of a request.
    answers: BTreeMap<u64, Value>,
}

#[derive(Debug)]
struct Room {
    epoch: u64,
    /// Who said what.
    said: Vec<(&'static str, String)>,
    /// The client reads it on this connection.
    is_read: bool,
}

impl Server {
    pub(super) fn new(seed: u64) -> Self {
        let room = |_| Room { epoch: 5, said: vec![("bob", "welcome".to_owned()); 2], is_read: false };
        Self {
            draw: Draw::new(seed + 1_000_000),
            rooms: ROOMS.iter().enumerate().map(|(index, &name)| (name, room(index))).collect(),
            session: None,
            sessions: 0,
            inbox: VecDeque::new(),
            outbox: VecDeque::new(),
        }
    }

    pub(super) fn connected(&mut self) {
        self.inbox.clear();
        self.outbox.clear();
        self.rooms.values_mut().for_each(|room| room.is_read = false);
    }

    /// The connection ends. What was on its way here may still count; what was on its way from here is lost.
    pub(super) fn hangs_up(&mut self) {
        while self.draw.chance(70) && !self.inbox.is_empty() {
            self.listen();
        }
        self.connected();
        if self.draw.chance(20) {
            self.session = None;
        }
        if self.draw.chance(15) {
            self.begins_anew();
        }
    }

    /// A room's log is lost.
    fn begins_anew(&mut self) {
        let room = self.any_room();
        room.epoch += 1;
        room.said.truncate(1);
    }

    pub(super) fn hears(&mut self, text: &str) {
        self.inbox.push_back(serde_json::from_str(text).unwrap());
    }

    /// What comes out of it next.
    pub(super) fn says(&mut self) -> Option<Value> {
        self.outbox.pop_front()
    }

    /// Deals with the next thing it was told.
    pub(super) fn listen(&mut self) {
        let Some(frame) = self.inbox.pop_front() else { return };
        let kind = frame["type"].as_str().unwrap().to_owned();
        let id = frame["id"].as_u64();
        if kind == "hello" {
            return self.greet();
        }
        let known = id.and_then(|id| self.session.as_ref()?.answers.get(&id).cloned());
        if kind == "message"
            && let Some(answer) = known
        {
            return self.outbox.push_back(answer);
        }
        if id.is_some() && self.draw.chance(TOO_FAST) {
            let wait = 1 + self.draw.below(6_000);
            return self.refuse(id, "rate_limited", Some(wait));
        }
        if id.is_some() && self.draw.chance(REFUSED) {
            return self.refuse(id, if kind == "join" { "room_full" } else { "permission_denied" }, None);
        }
        self.grant(&kind, &frame, id);
    }

    fn greet(&mut self) {
        match self.draw.below(40) {
            0 => return self.refuse(None, "rate_limited", Some(400)),
            1 => {
                return self.outbox.push_back(json!({
                    "type": "warning", "code": "rate_limited", "message": "", "count": 2, "retry_after_ms": 300,
                }));
            }
            2 if self.draw.chance(60) => {
                let code = HELLO_REFUSALS[self.draw.index(HELLO_REFUSALS.len())];
                return self.refuse(None, code, None);
            }
            _ => {}
        }
        let resumed = self.session.is_some();
        self.sessions += u64::from(!resumed);
        // What fits one server may be too long for the next.
        let frame_bytes = [330, 330, 16_384][self.draw.index(3)];
        let number = self.sessions;
        let session = self.session.get_or_insert_with(|| Session { number, ..Session::default() });
        session.generation += 1;
        self.outbox.push_back(json!({
            "type": "welcome", "user": "alice", "session": format!("{:032x}", session.number),
            "secret": format!("{:032x}", session.generation), "resumed": resumed, "generation": session.generation,
            "limits": {
                "message_rate": 10, "message_burst": 10, "content_bytes": 100, "frame_bytes": frame_bytes, "unanswered": 64,
                "ping_interval_ms": 25_000,
            },
        }));
    }

    fn refuse(&mut self, id: Option<u64>, code: &str, wait: Option<u64>) {
        let mut frame = json!({"type": "error", "code": code, "message": ""});
        for (name, value) in [("id", id), ("retry_after_ms", wait)] {
            if let Some(value) = value {
                frame[name] = json!(value);
            }
        }
        self.outbox.push_back(frame);
    }

    fn grant(&mut self, kind: &str, frame: &Value, id: Option<u64>) {
        let name = frame["room"].as_str().unwrap_or(ROOMS[0]).to_owned();
        // Just as one asks to come or to go, one may be sent away.
        if matches!(kind, "join" | "leave") && self.draw.chance(10) {
            self.send_away(&name);
        }
        match kind {
            "join" => self.join(&name, frame),
            "leave" => {
                let room = self.room(&name);
                room.is_read = false;
                let left = json!({"type": "left", "room": name, "epoch": room.epoch, "seq": room.said.len(), "id": id});
                self.outbox.push_back(left);
            }
            "message" => self.take(&name, frame, id),
            "history" => {
                let history = self.page(&name, 0, id);
                self.outbox.push_back(history);
            }
            "members" => {
                let mut members = members(&name);
                members["id"] = json!(id);
                self.outbox.push_back(members);
            }
            "rooms" => self.outbox.push_back(json!({
                "type": "rooms", "rooms": [{"room": "general", "members": 2}], "more": false, "id": id,
            })),
            "create" => {
                let created = json!({"type": "created", "room": name, "epoch": 9, "id": id});
                self.outbox.push_back(created);
            }
            "refresh" => self.outbox.push_back(json!({
                "type": "refreshed", "id": id, "expires": "2026-11-21T06:03:00.000Z",
            })),
            "ping" => self.outbox.push_back(json!({"type": "pong", "id": id})),
            "typing" => {}
            _ => self.outbox.push_back(json!({"type": "ack", "room": name, "id": id})),
        }
    }

    fn join(&mut self, name: &str, frame: &Value) {
        let loses = self.draw.chance(25);
        let repeats = self.draw.chance(20);
        let generation = self.session.as_ref().map_or(1, |session| session.generation);
        let known_since = if self.draw.chance(40) { 1 + self.draw.below(generation) } else { 1 };
        let room = self.room(name);
        let (epoch, head) = (room.epoch, room.said.len() as u64);
        room.is_read = true;
        let since = frame["since"].as_u64().filter(|_| frame["epoch"].as_u64() == Some(epoch));
        let recent = head.saturating_sub(4) + 1;
        let mut joined = json!({
            "type": "joined", "room": name, "epoch": epoch, "seq": head,
            "known_since": known_since,
        });
        let next = match since {
            Some(since) if since < head && loses => {
                joined["verdict"] = json!("gap");
                (joined["from"], joined["to"]) = (json!(since + 1), json!(since + 1));
                since + 2
            }
            Some(since) if since <= head => {
                joined["verdict"] = json!("full");
                if repeats { since.max(1) } else { since + 1 }
            }
            _ => {
                joined["verdict"] = json!(if frame["since"].is_null() { "full" } else { "reset" });
                recent
            }
        };
        joined["next"] = json!(next);
        self.outbox.push_back(joined);
        self.outbox.push_back(
            json!({"type": "user_joined", "room": name, "user": "alice", "members": ["alice", "bob"]}),
        );
        let history = self.page(name, next - 1, None);
        self.outbox.push_back(history);
    }

    /// Something the client says, to be answered once and shown once.
    fn take(&mut self, name: &str, frame: &Value, id: Option<u64>) {
        let room = self.room(name);
        if !room.is_read {
            return self.refuse(id, "not_member", None);
        }
        room.said.push(("alice", frame["content"].as_str().unwrap().to_owned()));
        let ack = json!({"type": "ack", "id": id, "room": name, "epoch": room.epoch, "seq": room.said.len()});
        if let (Some(id), Some(session)) = (id, &mut self.session) {
            session.answers.insert(id, ack.clone());
        }
        self.outbox.push_back(ack);
        self.show_newest(name);
    }

    /// Something that nobody has asked for.
    pub(super) fn act(&mut self) {
        let name = ROOMS[self.draw.index(ROOMS.len())];
        let is_read = self.room(name).is_read;
        match self.draw.below(20) {
            0..9 => {
                let room = self.room(name);
                room.said.push(("bob", format!("m{}", room.said.len() + 1)));
                // Some are lost on their way through the server.
                if is_read && self.draw.chance(85) {
                    self.show_newest(name);
                }
            }
            9..13 => self.tell_presence(name),
            13 if is_read => self.lag(name),
            14 | 15 if is_read => self.send_away(name),
            14 => self.outbox.push_back(members(name)),
            15 => self.outbox.push_back(json!({"type": "from_the_future", "room": name})),
            16 => self.outbox.push_back(json!({
                "type": "warning", "code": "rate_limited", "message": "", "count": 3, "retry_after_ms": 100,
            })),
            17 => self.refuse(None, "token_expired", None),
            _ => self.tell_of_others(name),
        }
    }

    /// Some write, and what they write may follow.
    fn tell_presence(&mut self, name: &str) {
        for _ in 0..=self.draw.below(3) {
            let user = ["bob", "carol", "dave"][self.draw.index(3)];
            let status = ["typing", "typing", "typing", "online", "offline"][self.draw.index(5)];
            self.outbox.push_back(json!({"type": "presence", "room": name, "user": user, "status": status}));
        }
        if self.room(name).is_read && self.draw.chance(30) {
            self.room(name).said.push(("bob", "written".to_owned()));
            self.show_newest(name);
        }
    }

    fn send_away(&mut self, name: &str) {
        let room = self.room(name);
        room.is_read = false;
        let (epoch, head) = (room.epoch, room.said.len());
        self.outbox
            .push_back(json!({"type": "left", "room": name, "epoch": epoch, "seq": head, "kicked": true}));
    }

    fn tell_of_others(&mut self, name: &str) {
        let frame = match self.draw.below(4) {
            0 => json!({"type": "user_left", "room": name, "user": "bob", "members": ["alice"]}),
            1 => {
                json!({"type": "members_changed", "room": name, "joined": ["bob"], "left": ["carol"], "count": 120})
            }
            2 => json!({"type": "status", "room": name, "user": "bob", "state": "working", "progress": 10}),
            _ => json!({
                "type": "task", "room": name, "user": "bob", "task": "T-1", "state": "open", "priority": 1,
                "metadata": {"a": [1]},
            }),
        };
        self.outbox.push_back(frame);
    }

    /// The client reads too slowly; some of what it misses is gone by the time it catches up.
    fn lag(&mut self, name: &str) {
        let room = self.room(name);
        let (epoch, head) = (room.epoch, room.said.len());
        for seq in head + 1..=head + 3 {
            room.said.push(("bob", format!("m{seq}")));
        }
        self.outbox.push_back(json!({"type": "lagged", "room": name, "epoch": epoch, "next": head + 1}));
        self.outbox.push_back(
            json!({"type": "gap", "room": name, "epoch": epoch, "from": head.max(1), "to": head + 2}),
        );
        let page = self.page(name, head as u64 + 2, None);
        self.outbox.push_back(page);
    }

    fn show_newest(&mut self, name: &str) {
        let room = self.room(name);
        let message = message(name, room, room.said.len());
        self.outbox.push_back(message);
    }

    /// What was said after a place.
    fn page(&mut self, name: &str, after: u64, id: Option<u64>) -> Value {
        let room = self.room(name);
        let first = usize::try_from(after).unwrap() + 1;
        let messages: Vec<_> = (first..=room.said.len()).map(|seq| message(name, room, seq)).collect();
        let mut page = json!({
            "type": "history", "room": name, "messages": messages, "epoch": room.epoch, "more": false,
        });
        if let Some(id) = id {
            page["id"] = json!(id);
        }
        page
    }

    fn room(&mut self, name: &str) -> &mut Room {
        self.rooms.get_mut(name).expect("the user knows those only")
    }

    fn any_room(&mut self) -> &mut Room {
        let name = ROOMS[self.draw.index(ROOMS.len())];
        self.room(name)
    }
}

fn message(name: &str, room: &Room, seq: usize) -> Value {
    let (user, content) = &room.said[seq - 1];
    let mut frame = json!({
        "type": "message", "room": name, "user": user, "content": content,
        "timestamp": "2026-11-21T05:03:00.000Z", "seq": seq,
    });
    if seq.is_multiple_of(5) {
        (frame["kind"], frame["state"]) = (json!("agent"), json!("working"));
        (frame["reply_to"], frame["mentions"]) = (json!(1), json!(["alice"]));
    }
    frame
}

fn members(name: &str) -> Value {
    json!({
        "type": "members", "room": name, "count": 2, "more": false,
        "members": [
            {"user": "alice", "presence": "online"},
            {"user": "bob", "presence": "offline", "state": "working", "detail": "on it", "progress": 40},
        ],
    })
}
