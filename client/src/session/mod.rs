//! What a person does, carried out: typed lines become requests, and answers what the person sees of them.

mod lists;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use chinwag_core::{
    RequestId, RoomName, Seq, Time,
    client::{ClientEvent, Command as Request},
    refusal::Refusal,
    shard::{Extra, MENTIONS_MAX, Status},
};
use futures_util::StreamExt as _;
use tokio::time::{Instant, sleep_until};

use crate::{
    command::{self, Command, Names, Typed},
    driver::{self, Driver},
    exit::{Exit, Farewell},
    model::{Body, Connection, Conversation, Keep, Older, Stay},
    text,
    unanswered::Unanswered,
    words,
};

/// A notice that somebody writes is said again after this, while they write; it ends by itself after twice as long.
const TYPING_EVERY: Duration = Duration::from_secs(3);

/// Whoever leaves waits so long at most for the server to acknowledge what they have said.
const LEAVES_WITHIN: Duration = Duration::from_secs(3);

const NONE_OLDER: &str = "there are no older messages";

/// A person's stay.
#[derive(Debug)]
pub struct Session {
    /// What the person sees.
    pub chat: Conversation,
    driver: Driver,
    /// What was asked for and is not answered, by the number of the request.
    asks: BTreeMap<RequestId, Ask>,
    /// Rooms whose members are on their way, by the number of the request.
    listings: BTreeMap<RoomName, RequestId>,
    /// When it was last said where that the person writes.
    wrote: Option<(RoomName, Time)>,
    /// What was said and is not acknowledged.
    said: Unanswered,
    /// Why the server did not let us in, if it has said so.
    turned_away: Option<Refusal>,
    /// Until when the person, who wants to leave, waits for what was said.
    leaving: Option<Instant>,
    /// For how long the server may be out of reach.
    patience: Option<Duration>,
    /// Since when it is, if it is.
    lost: Option<Instant>,
    /// Why it is not waited for any longer.
    gave_up: Option<String>,
}

/// What was asked for.
#[derive(Clone, Debug, Eq, PartialEq)]
enum Ask {
    Join(RoomName),
    Leave(RoomName),
    Users(RoomName),
    /// So many are told already.
    Rooms(usize),
    Create(RoomName),
    /// Older messages.
    History,
    /// To be told, once it is granted.
    Other(String),
}

/// What comes of a typed line.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum After {
    /// It is carried out.
    Go,
    /// The person wants to leave.
    Quit,
    /// It was not carried out, and why.
    Mistake(String),
    /// It was not carried out, for it was meant for a room that the person is not in.
    Astray(String),
}

impl Session {
    /// A stay through this driver. It ends when the server has been out of reach for so long.
    #[must_use]
    pub fn new(driver: Driver, patience: Option<Duration>) -> Self {
        let chat = Conversation::new(driver.client().user().clone(), Keep::default());
        Self {
            chat,
            driver,
            asks: BTreeMap::new(),
            listings: BTreeMap::new(),
            wrote: None,
            said: Unanswered::default(),
            turned_away: None,
            leaving: None,
            patience,
            lost: Some(Instant::now()),
            gave_up: None,
        }
    }

    /// What the server says next, already taken in; nothing when the stay is over.
    pub async fn next(&mut self) -> Option<ClientEvent> {
        let event = loop {
            if self.leaving.is_some() && self.unanswered() == 0 {
                self.quit();
            }
            let (leaving, gives_up) = (self.leaving, self.gives_up());
            tokio::select! {
                event = self.driver.next() => break event?,
                () = sleep_until(leaving.unwrap_or_else(Instant::now)), if leaving.is_some() => self.quit(),
                () = sleep_until(gives_up.unwrap_or_else(Instant::now)), if gives_up.is_some() => self.give_up_on_server(),
            }
        };
        self.take_in(&event);
        Some(event)
    }

    /// Leaves as soon as all that was said is acknowledged, and in a few seconds in any case; told again, at once. Returns what
    /// the person is to be told if there is something to wait for.
    pub fn leave(&mut self) -> Option<String> {
        let waits = self.leaving.is_none() && !self.driver.client().is_ended() && self.unanswered() > 0;
        if !waits {
            self.quit();
            return None;
        }
        self.leaving = Some(Instant::now() + LEAVES_WITHIN);
        if let Connection::Waiting { .. } = self.chat.connection {
            // Later may be too late.
            self.driver.reconnect();
        }
        let (seconds, count) = (LEAVES_WITHIN.as_secs(), self.unanswered());
        Some(format!("waiting {seconds} s for {count} not acknowledged yet; leave again to leave at once"))
    }

    /// Says goodbye, at once. [`next`](Self::next) then comes to its end.
    pub fn quit(&mut self) {
        self.leaving = None;
        self.driver.shutdown();
    }

    /// When the server is not waited for any longer. What is too far to be an instant never comes.
    fn gives_up(&self) -> Option<Instant> {
        self.lost?.checked_add(self.patience?)
    }

    fn give_up_on_server(&mut self) {
        let seconds = self.patience.unwrap_or_default().as_secs();
        let trouble = self.driver.trouble().map_or_else(String::new, |trouble| format!(" ({trouble})"));
        self.gave_up = Some(format!("gave up, for the server was out of reach for {seconds} s{trouble}"));
        self.lost = None;
        self.quit();
    }

    /// Whether it comes to its end, or soon will.
    pub(crate) fn is_leaving(&self) -> bool {
        self.leaving.is_some() || self.driver.client().is_ended()
    }

    /// Whether nobody waits for anything any more.
    pub(crate) const fn is_ended(&self) -> bool {
        self.driver.client().is_ended()
    }

    /// How it ends, and what is to be said of it. What is not acknowledged is no good end.
    pub(crate) fn farewell(&self, exit: Exit) -> Farewell {
        let (exit, why) = match (exit, &self.gave_up) {
            (Exit::Signal(_), _) => (exit, None),
            (_, Some(why)) => (Exit::Unreachable, Some(why.clone())),
            (Exit::TurnedAway, None) => (exit, Some(self.connection())),
            (_, None) => (exit, None),
        };
        let mut words: Vec<_> = why.iter().map(|why| text::on_one_line(why).into_owned()).collect();
        let unsaid = self.said.words();
        let exit = if exit == Exit::Done && !unsaid.is_empty() { Exit::Unacknowledged } else { exit };
        words.extend(unsaid);
        Farewell { exit, words }
    }

    /// What is said and not answered.
    #[must_use]
    pub fn unanswered(&self) -> usize {
        self.driver.client().unanswered()
    }

    /// Whether all that was asked for, beside what is said, has its answer.
    #[must_use]
    pub fn has_answers(&self) -> bool {
        self.asks.is_empty() && self.chat.rooms.values().all(|room| !matches!(room.older, Older::Asked(_)))
    }

    /// Whether everything has its answer, and what was said is shown.
    #[must_use]
    pub fn is_at_rest(&self) -> bool {
        let is_shown = self.chat.rooms.values().all(|room| room.pending.is_empty());
        self.has_answers() && is_shown && self.unanswered() == 0
    }

    /// How the connection fares, in words.
    #[must_use]
    pub fn connection(&self) -> String {
        let refusal = self.turned_away.map(|refusal| refusal.message().trim_end_matches('.'));
        words::connection(&self.chat.connection, refusal.or_else(|| self.driver.trouble()))
    }

    /// The names that words may become.
    #[must_use]
    pub fn names(&self) -> Names {
        let rooms = self
            .chat
            .rooms
            .keys()
            .chain(self.chat.listed.keys().filter(|name| !self.chat.rooms.contains_key(*name)));
        let users = self.chat.room().into_iter().flat_map(|room| room.members.keys());
        let others = users.filter(|user| **user != self.chat.me);
        Names {
            rooms: rooms.map(ToString::to_string).collect(),
            users: others.map(ToString::to_string).collect(),
        }
    }

    /// Enters a room, and looks at it.
    pub fn join(&mut self, room: &RoomName) {
        let known = self.chat.rooms.get(room);
        let (is_in, leaves) = known.map_or((false, false), |room| (room.here, room.stay == Stay::Leaving));
        self.chat.look_at(room);
        let request = Request::Join { room: room.clone() };
        if !is_in {
            self.ask(request, Ask::Join(room.clone()));
        } else if leaves {
            self.asks.retain(|_, ask| *ask != Ask::Leave(room.clone()));
            // If the leave was not on its way yet, neither of them has an answer.
            let _ = self.driver.submit(request);
        }
    }

    /// Does what a line says.
    pub fn typed(&mut self, line: &str) -> After {
        command::parse(line).map_or_else(After::Mistake, |typed| self.obey(typed))
    }

    /// Does what was typed for this room, or for none, wherever the person looks by now. What was meant for one room is
    /// said in no other.
    pub fn typed_for(&mut self, meant: Option<&RoomName>, typed: Typed) -> After {
        let current = self.chat.current.clone();
        if meant == current.as_ref() || !typed.is_for_a_room() {
            return self.obey(typed);
        }
        let Some(meant) = meant.filter(|room| self.chat.is_open(room)) else {
            return After::Astray(words::astray(meant, current.as_ref()));
        };
        self.chat.look_at(meant);
        let after = self.obey(typed);
        if self.chat.current.as_ref() == Some(meant)
            && let Some(current) = current
        {
            self.chat.look_at(&current);
        }
        after
    }

    fn obey(&mut self, typed: Typed) -> After {
        match typed {
            Typed::Nothing => After::Go,
            Typed::Say(content) => self.say(&content),
            Typed::Command(command) => self.carry_out(command),
        }
    }

    /// Says something in the room that is looked at.
    pub fn say(&mut self, content: &str) -> After {
        let Some(room) = self.chat.current.clone() else {
            return After::Mistake(words::NO_ROOM.into());
        };
        if content.trim().is_empty() {
            return After::Go;
        }
        let longest = self.driver.client().limits().map_or(usize::MAX, |limits| limits.content_bytes);
        if content.len() > longest {
            return After::Mistake(format!("{} bytes too long", content.len() - longest));
        }
        let (extra, said) = (self.mentions(content), Arc::<str>::from(content));
        let request = Request::Publish { room: room.clone(), content: Arc::clone(&said), extra };
        match self.driver.submit(request) {
            Ok(id) => {
                self.chat.expect(&room, id, content);
                self.said.insert(id, room, said);
            }
            Err(full) => return After::Mistake(full.to_string()),
        }
        self.wrote = None;
        After::Go
    }

    /// Says that the person writes, or has stopped; as often as it is worth it.
    pub fn writes(&mut self, on: bool) {
        let Some(room) = self.chat.current.clone().filter(|_| self.is_here()) else { return };
        let now = self.driver.now();
        let is_known = match &self.wrote {
            Some((there, at)) => *there == room && now.since(*at) < TYPING_EVERY,
            None => false,
        };
        if on != is_known {
            self.wrote = on.then(|| (room.clone(), now));
            // Only publishes can be too many.
            let _ = self.driver.submit(Request::Typing { room, on });
        }
    }

    /// Asks for older messages of the room that is looked at, if there may be some. The number of the request, if it does.
    pub fn older(&mut self, limit: u32) -> Option<RequestId> {
        let name = self.chat.current.clone().filter(|_| self.is_here())?;
        let room = self.chat.rooms.get_mut(&name).filter(|room| room.older == Older::Unknown)?;
        let before = room.oldest()?;
        if before <= Seq(1) {
            room.older = Older::Nothing;
            return None;
        }
        let id = self.driver.submit(Request::History { room: name, before: Some(before), limit }).ok()?;
        room.older = Older::Asked(id);
        Some(id)
    }

    fn is_here(&self) -> bool {
        self.driver.client().is_attached() && self.chat.room().is_some_and(|room| room.here)
    }

    fn note(&mut self, body: Body) {
        self.chat.note(driver::wall(), body);
    }

    /// Tells what was asked for, or what became of it.
    fn answer(&mut self, text: impl Into<String>) {
        self.note(Body::Answer(text.into()));
    }

    fn ask(&mut self, request: Request, ask: Ask) {
        if let Ok(id) = self.driver.submit(request) {
            self.asks.insert(id, ask);
        }
    }

    /// Whom a text mentions: members whose names stand behind an `@`.
    fn mentions(&self, content: &str) -> Option<Arc<Extra>> {
        let room = self.chat.room()?;
        let named = content.split('@').skip(1).filter_map(|behind| {
            let end = behind.find(|c: char| !(c.is_ascii_alphanumeric() || "-_.".contains(c)));
            let name = behind[..end.unwrap_or(behind.len())].trim_end_matches('.');
            room.members.get_key_value(name).map(|(user, _)| user.as_str().into())
        });
        let mut mentions: Vec<Arc<str>> = named.collect();
        mentions.sort_unstable();
        mentions.dedup();
        mentions.truncate(MENTIONS_MAX);
        Extra { mentions, ..Extra::default() }.boxed().map(Arc::from)
    }

    fn carry_out(&mut self, command: Command) -> After {
        match command {
            Command::Quit => return After::Quit,
            Command::Help => command::help().into_iter().for_each(|line| self.answer(line)),
            Command::Join(room) => self.join(&room),
            Command::Status(None) => self.tell_status(),
            Command::Reconnect => {
                self.answer("connecting anew");
                self.driver.reconnect();
            }
            Command::Leave(named) => return self.leave_room(named.or_else(|| self.chat.current.clone())),
            Command::Me(action) => return self.say(&format!("*{action}*")),
            command => return self.inquire(command),
        }
        After::Go
    }

    /// What is asked once, and comes to nothing without a connection.
    fn inquire(&mut self, command: Command) -> After {
        if !self.driver.client().is_attached() {
            return After::Mistake("not connected: try again when you are".into());
        }
        match (command, self.chat.current.clone()) {
            (Command::Rooms, _) => self.ask(Request::Rooms { after: None }, Ask::Rooms(0)),
            (Command::Create(room, private), _) => {
                self.ask(Request::Create { room: room.clone(), private }, Ask::Create(room));
            }
            (_, None) => return After::Mistake(words::NO_ROOM.into()),
            (Command::History(limit), Some(_)) => return self.history(limit),
            (command, Some(room)) => self.inquire_in(room, command),
        }
        After::Go
    }

    /// The same of what concerns the room that is looked at.
    fn inquire_in(&mut self, room: RoomName, command: Command) {
        match command {
            Command::Users => {
                // One list at a time: pages of two would be taken for those of one.
                let listed = self.listings.get(&room).copied().or_else(|| self.list(&room, None));
                if let Some(id) = listed {
                    self.asks.insert(id, Ask::Users(room));
                }
            }
            Command::Status(Some(state)) => {
                let status = Status { state: state.into(), detail: None, progress: None };
                self.ask(Request::Status { room, status }, Ask::Other("your status is shown".into()));
            }
            Command::Invite(user) => {
                let done = Ask::Other(format!("{user} may come into #{room}"));
                self.ask(Request::Invite { room, user }, done);
            }
            Command::Kick(user) => {
                let done = Ask::Other(format!("{user} is sent away from #{room}"));
                self.ask(Request::Kick { room, user }, done);
            }
            _ => {}
        }
    }

    fn history(&mut self, limit: u32) -> After {
        if let Some(id) = self.older(limit) {
            self.asks.insert(id, Ask::History);
            return After::Go;
        }
        After::Mistake(
            match self.chat.room().map(|room| room.older) {
                Some(Older::Nothing) => {
                    self.answer(NONE_OLDER);
                    return After::Go;
                }
                Some(Older::NoRoom) => words::NO_ROOM_FOR_OLDER,
                Some(Older::Asked(_)) => "older messages are on their way already",
                Some(Older::Unknown) | None => "you are not in the room yet: try again when you are",
            }
            .into(),
        )
    }

    fn leave_room(&mut self, room: Option<RoomName>) -> After {
        let Some(room) = room.filter(|room| self.chat.is_open(room)) else {
            return After::Mistake("you are not in that room".into());
        };
        if self.chat.open_rooms().count() == 1 {
            return After::Mistake("you must stay in at least one room; /quit leaves".into());
        }
        let request = Request::Leave { room: room.clone() };
        if self.chat.rooms[&room].here {
            self.chat.leave(&room);
            self.ask(request, Ask::Leave(room));
        } else {
            // Whoever is not in it, and will be with the next connection, has to leave all the same.
            let _ = self.driver.submit(request);
            self.chat.drop_room(&room);
        }
        After::Go
    }

    fn tell_status(&mut self) {
        let unanswered = match self.unanswered() {
            0 => String::new(),
            count => format!(", {count} not answered yet"),
        };
        let room = self.chat.current.as_ref().map_or_else(|| "no room".to_owned(), |room| format!("#{room}"));
        let status = format!("you are {} in {room}, {}{unanswered}", self.chat.me, self.connection());
        self.answer(status);
    }

    /// What the server says, and what follows from it.
    fn take_in(&mut self, event: &ClientEvent) {
        self.keep_account(event);
        self.chat.apply(driver::wall(), event);
        match self.chat.connection {
            Connection::Online | Connection::Ended { .. } => self.lost = None,
            Connection::Connecting | Connection::Waiting { .. } => {
                self.lost.get_or_insert_with(Instant::now);
            }
        }
        match event {
            ClientEvent::Joined { room, .. } => {
                self.asks.retain(|_, ask| !matches!(ask, Ask::Join(joined) if joined == room));
                // Who is there and how; events go on from there.
                self.list(room, None);
            }
            ClientEvent::Disconnected { .. } => {
                let asked = self.asks.len();
                self.asks.retain(|_, ask| matches!(ask, Ask::Join(_) | Ask::Leave(_)));
                if self.asks.len() < asked {
                    self.note(Body::Problem(
                        "the connection was lost before the answer came: ask again".into(),
                    ));
                }
                self.listings.clear();
                self.wrote = None;
            }
            ClientEvent::Left { room, .. } => self.asks.retain(|_, ask| *ask != Ask::Leave(room.clone())),
            ClientEvent::Members { room, count, .. } => self.take_in_members(room, *count),
            ClientEvent::Rooms { rooms, more } => self.tell_rooms(rooms, *more),
            ClientEvent::Created { room } => {
                self.asks.retain(|_, ask| *ask != Ask::Create(room.clone()));
                self.join(room);
            }
            ClientEvent::Noted { id, .. } => {
                if let Some(Ask::Other(done)) = self.asks.remove(id) {
                    self.answer(done);
                }
            }
            ClientEvent::History { id, messages, .. } if self.asks.remove(id).is_some() => {
                self.answer(match messages.len() {
                    0 => NONE_OLDER.into(),
                    1 => "1 older message".into(),
                    count => format!("{count} older messages"),
                });
            }
            ClientEvent::Refused { id: Some(id), refusal, retry_after } => {
                // Joins and leaves are asked for again when the time has come, and nothing else is.
                let lasts = matches!(self.asks.get(id), Some(Ask::Join(_) | Ask::Leave(_)));
                let is_repeated = retry_after.is_some() && lasts;
                self.listings.retain(|_, listed| listed != id);
                if !is_repeated {
                    self.refused(*id, refusal.message());
                }
            }
            ClientEvent::Refused { id: None, refusal, .. } => {
                self.note(Body::Problem(refusal.message().into()));
            }
            ClientEvent::Warning { refusal: Some(refusal), .. } => {
                self.note(Body::Problem(refusal.message().into()));
            }
            _ => {}
        }
    }

    /// What is acknowledged, and whether we are let in.
    fn keep_account(&mut self, event: &ClientEvent) {
        let client = self.driver.client();
        match event {
            ClientEvent::Attached { .. } => self.turned_away = None,
            ClientEvent::Refused { id: None, refusal, .. } if !client.is_attached() => {
                self.turned_away = Some(*refusal);
            }
            ClientEvent::Acknowledged { id, .. } => drop(self.said.settle(*id)),
            ClientEvent::Refused { id: Some(id), retry_after: None, .. } => self.give_up(*id),
            // What is given up in the end is told with the farewell.
            ClientEvent::Unresolved { id, .. } if !client.is_ended() => self.give_up(*id),
            _ => {}
        }
    }

    /// What was said will not be shown. Its room says so, if it is still there.
    fn give_up(&mut self, id: RequestId) {
        if let Some((room, content)) = self.said.settle(id)
            && !self.chat.rooms.contains_key(&room)
        {
            self.note(Body::Problem(format!("may not have been said in #{room}: {content}")));
        }
    }

    fn refused(&mut self, id: RequestId, why: &str) {
        match self.asks.remove(&id) {
            Some(Ask::Join(room)) => {
                // One stays where one was, if that is anywhere.
                if self.chat.open_rooms().count() > 1 {
                    self.chat.turn_back_from(&room);
                }
                self.note(Body::Problem(format!("#{room} is closed to you: {why}")));
            }
            // Whoever may not leave it is not in it.
            Some(Ask::Leave(room)) => self.chat.drop_room(&room),
            Some(_) => self.note(Body::Problem(why.into())),
            None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use chinwag_core::{Client, UserName, client::ClientConfig};
    use tokio::runtime::Builder;

    use super::*;

    fn session() -> Session {
        let client = Client::new(Arc::new(ClientConfig::default()), UserName::new("ann").unwrap(), 1);
        Session::new(Driver::start(client, "ws://127.0.0.1:1/chat"), None)
    }

    #[test]
    fn what_was_meant_for_one_room_is_said_in_no_other() {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let _entered = runtime.enter();
        let (mut session, typed) = (session(), |line| command::parse(line).unwrap());
        let [lobby, ops, vault] = ["lobby", "ops", "vault"].map(|name| RoomName::new(name).unwrap());
        session.join(&lobby);
        session.join(&ops);
        let pending = |session: &Session, room: &RoomName| session.chat.rooms[room].pending.len();
        assert_eq!(session.typed_for(Some(&lobby), typed("for the lobby")), After::Go);
        assert_eq!((pending(&session, &lobby), pending(&session, &ops)), (1, 0));
        assert_eq!(session.chat.current.as_ref(), Some(&ops), "they look where they did");
        for meant in [Some(&vault), None] {
            for line in ["a secret", "/me sighs", "/leave"] {
                assert!(matches!(session.typed_for(meant, typed(line)), After::Astray(_)), "{line}");
            }
        }
        assert_eq!((pending(&session, &lobby), pending(&session, &ops)), (1, 0));
        assert_eq!(session.typed_for(Some(&vault), typed("/join lobby")), After::Go);
        assert_eq!(session.chat.current, Some(lobby));
    }

    #[test]
    fn whoever_leaves_waits_for_what_they_have_said_and_no_longer_when_told_again() {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let _entered = runtime.enter();
        let mut session = session();
        session.join(&RoomName::new("ops").unwrap());
        assert_eq!(session.say("precious words"), After::Go);
        assert!(session.leave().is_some_and(|word| word.contains("for 1 not acknowledged")));
        assert!(!session.driver.client().is_ended(), "it waits");
        assert_eq!(session.leave(), None);
        assert!(session.driver.client().is_ended(), "it does not");
        let Farewell { exit, words } = session.farewell(Exit::Done);
        assert_eq!((exit, words[1].as_str()), (Exit::Unacknowledged, "  #ops: precious words"));
    }

    #[test]
    fn whoever_gives_up_is_told_why_unless_a_signal_ends_it() {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut session = session();
            session.patience = Some(Duration::from_millis(1));
            while session.next().await.is_some() {}
            let Farewell { exit, words } = session.farewell(Exit::TurnedAway);
            assert_eq!(exit, Exit::Unreachable);
            assert!(words[0].starts_with("gave up, for the server was out of reach for "), "{words:?}");
            assert_eq!(session.farewell(Exit::Signal(15)).exit, Exit::Signal(15));
        });
    }

    #[test]
    fn whoever_has_patience_beyond_all_time_never_gives_up() {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let _entered = runtime.enter();
        let mut session = session();
        session.patience = Some(Duration::MAX);
        assert!(session.lost.is_some());
        assert_eq!(session.gives_up(), None);
    }
}
