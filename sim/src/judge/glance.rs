//! One more look at what goes over the wire, with eyes of its own: each frame has the fields that `docs/protocol.md`
//! gives it, and no others.
//!
//! What a client would pass over or put right shows here. Text that others judge is skipped, so that nothing is copied.

use std::fmt;

use chinwag_core::{Epoch, RequestId, RoomName, Seq, UserName, name::LOBBY, refusal::Refusal};
use serde::{
    Deserialize, Deserializer,
    de::{Error, IgnoredAny, Visitor},
};

use crate::record::digest;

/// A number that none of this run's rooms and users has.
pub(crate) const STRANGER: usize = usize::MAX;

/// Where the numbers of rooms begin that have owners: there are fewer others.
const PARLOURS: usize = 1 << 20;

/// The number of a room, out of its name.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct RoomNumber(pub(crate) usize);

impl RoomNumber {
    /// Its place where those that have owners follow so many others; far beyond all, if it is none of them.
    pub(crate) const fn place(self, rooms: usize) -> usize {
        match self.0.checked_sub(PARLOURS) {
            Some(parlour) if self.0 != STRANGER => rooms.saturating_add(parlour),
            None if self.0 < rooms => self.0,
            _ => STRANGER,
        }
    }
}

/// The number of a user, out of their name.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct UserNumber(pub(crate) usize);

/// 128 bits as 32 hexadecimal digits.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Bits(pub(crate) u128);

/// Reads a text without keeping it.
struct Words<F>(F);

impl<T, F: Fn(&str) -> Option<T>> Visitor<'_> for Words<F> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a word of this protocol")
    }

    fn visit_str<E: Error>(self, word: &str) -> Result<T, E> {
        (self.0)(word).ok_or_else(|| E::custom(format_args!("{word:?} is no word of this protocol")))
    }
}

/// The number in a name such as `r7`.
fn number(name: &str, letter: char) -> usize {
    let digits = name.strip_prefix(letter).unwrap_or_default();
    digits.parse().unwrap_or(STRANGER)
}

impl RoomNumber {
    fn of(name: &str) -> Self {
        Self(match name {
            LOBBY => 0,
            _ if name.starts_with('p') => number(name, 'p').saturating_add(PARLOURS),
            _ => number(name, 'r'),
        })
    }
}

impl From<&RoomName> for RoomNumber {
    fn from(room: &RoomName) -> Self {
        Self::of(room.as_str())
    }
}

impl UserNumber {
    pub(crate) fn of(name: &str) -> Self {
        Self(number(name, 'u'))
    }
}

impl From<&UserName> for UserNumber {
    fn from(user: &UserName) -> Self {
        Self::of(user.as_str())
    }
}

impl<'de> Deserialize<'de> for RoomNumber {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Words(|name: &str| Some(Self::of(name))))
    }
}

impl<'de> Deserialize<'de> for UserNumber {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Words(|name: &str| Some(Self::of(name))))
    }
}

impl<'de> Deserialize<'de> for Bits {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bits = |digits: &str| {
            (digits.len() == 32).then(|| u128::from_str_radix(digits, 16).ok()).flatten().map(Self)
        };
        deserializer.deserialize_str(Words(bits))
    }
}

/// How a member is said to be.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Mood {
    Online,
    Offline,
    Typing,
}

/// What a join says about what was missed.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Continuity {
    Full,
    Gap,
    Reset,
}

/// A message's place in a page.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Paged {
    #[serde(rename = "type")]
    _type: IgnoredAny,
    pub(crate) room: RoomNumber,
    #[serde(rename = "user")]
    _user: UserNumber,
    #[serde(rename = "content")]
    _content: IgnoredAny,
    #[serde(rename = "timestamp")]
    _timestamp: IgnoredAny,
    pub(crate) seq: Seq,
    #[serde(default, rename = "key")]
    _key: Option<IgnoredAny>,
    #[serde(default, rename = "client_id")]
    _client_id: Option<IgnoredAny>,
    #[serde(default, rename = "kind")]
    _kind: Option<IgnoredAny>,
    #[serde(default, rename = "state")]
    _state: Option<IgnoredAny>,
    #[serde(default, rename = "reply_to")]
    _reply_to: Option<IgnoredAny>,
    #[serde(default, rename = "mentions")]
    _mentions: Option<IgnoredAny>,
    #[serde(default, rename = "priority")]
    _priority: Option<u8>,
}

/// A member in a list.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Listed {
    pub(crate) user: UserNumber,
    pub(crate) presence: Mood,
    #[serde(default, rename = "state")]
    _state: Option<IgnoredAny>,
    #[serde(default, rename = "detail")]
    _detail: Option<IgnoredAny>,
    #[serde(default, rename = "progress")]
    _progress: Option<u8>,
}

/// A room in a list.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListedRoom {
    #[serde(rename = "room")]
    _room: RoomNumber,
    #[serde(rename = "members")]
    _members: u32,
}

/// Defines a server's frames: after the word of each, the fields that are looked at, and those that must or may be there.
macro_rules! frames {
    ($($word:literal $frame:ident {
        $($field:ident: $type:ty,)*
        ..
        $($(#[$default:ident])? $rest:ident = $rest_name:literal: $rest_type:ty,)*
    })*) => {
        /// A server's frame.
        #[derive(Debug)]
        pub(crate) enum Glance {
            $($frame($frame),)*
        }

        $(
            #[doc = concat!("`", $word, "`")]
            #[derive(Debug, Deserialize)]
            #[serde(deny_unknown_fields)]
            pub(crate) struct $frame {
                #[serde(rename = "type")]
                _type: IgnoredAny,
                $(pub(crate) $field: $type,)*
                $(#[serde($($default,)? rename = $rest_name)] $rest: $rest_type,)*
            }
        )*

        impl Glance {
            /// Reads a frame.
            ///
            /// # Errors
            /// Why it is none that this protocol knows.
            pub(crate) fn at(text: &str) -> Result<Self, String> {
                let word = text.strip_prefix(r#"{"type":""#).and_then(|rest| Some(rest.split_once('"')?.0));
                let wrong = |error: serde_json::Error| error.to_string();
                match word {
                    $(Some($word) => serde_json::from_str(text).map(Self::$frame).map_err(wrong),)*
                    Some(other) => Err(format!("there is no type {other:?}")),
                    None => Err("it does not begin with its type".to_owned()),
                }
            }
        }
    };
}

frames! {
    "message" Message { room: RoomNumber, user: UserNumber, seq: Seq, ..
        _content = "content": IgnoredAny, _timestamp = "timestamp": IgnoredAny,
        #[default] _key = "key": Option<IgnoredAny>, #[default] _client_id = "client_id": Option<IgnoredAny>,
        #[default] _kind = "kind": Option<IgnoredAny>, #[default] _state = "state": Option<IgnoredAny>,
        #[default] _reply_to = "reply_to": Option<IgnoredAny>, #[default] _mentions = "mentions": Option<IgnoredAny>,
        #[default] _priority = "priority": Option<u8>, }
    "ack" Ack { id: RequestId, room: RoomNumber, epoch: Option<Epoch>, seq: Option<Seq>, .. }
    "presence" Presence { room: RoomNumber, user: UserNumber, status: Mood, .. }
    "history" History { room: RoomNumber, messages: Vec<Paged>, epoch: Epoch, more: bool, id: Option<RequestId>, .. }
    "joined" Joined { room: RoomNumber, epoch: Epoch, seq: Seq, verdict: Continuity, next: Seq, known_since: u64,
        from: Option<Seq>, to: Option<Seq>, .. }
    "left" Left { room: RoomNumber, epoch: Epoch, seq: Seq, id: Option<RequestId>, kicked: Option<bool>, .. }
    "user_joined" UserJoined { room: RoomNumber, user: UserNumber, members: Option<Vec<UserNumber>>,
        count: Option<u32>, .. }
    "user_left" UserLeft { room: RoomNumber, user: UserNumber, members: Option<Vec<UserNumber>>,
        count: Option<u32>, .. }
    "members_changed" MembersChanged { room: RoomNumber, joined: Vec<UserNumber>, left: Vec<UserNumber>,
        count: u32, .. }
    "members" Members { room: RoomNumber, members: Vec<Listed>, count: u32, more: bool, id: Option<RequestId>, .. }
    "gap" Gap { room: RoomNumber, epoch: Epoch, from: Seq, to: Seq, .. }
    "lagged" Lagged { room: RoomNumber, epoch: Epoch, next: Seq, .. }
    "welcome" Welcome { user: UserNumber, session: Bits, resumed: bool, generation: u64, ..
        _secret = "secret": Bits, _limits = "limits": IgnoredAny, }
    "error" Refused { id: Option<RequestId>, code: Refusal, retry_after_ms: Option<u64>, ..
        _message = "message": IgnoredAny, }
    "warning" Warning { code: Refusal, count: u64, retry_after_ms: u64, .. _message = "message": IgnoredAny, }
    "rooms" Rooms { rooms: Vec<ListedRoom>, id: Option<RequestId>, more: bool, .. }
    "created" Created { room: RoomNumber, id: Option<RequestId>, epoch: Epoch, .. }
    "status" Status { room: RoomNumber, user: UserNumber, .. _state = "state": IgnoredAny,
        #[default] _detail = "detail": Option<IgnoredAny>, #[default] _progress = "progress": Option<u8>, }
    "task" Task { room: RoomNumber, .. #[default] _user = "user": Option<UserNumber>, _task = "task": IgnoredAny,
        #[default] _state = "state": Option<IgnoredAny>, #[default] _detail = "detail": Option<IgnoredAny>,
        #[default] _progress = "progress": Option<u8>, #[default] _assignee = "assignee": Option<IgnoredAny>,
        #[default] _priority = "priority": Option<u8>, #[default] _metadata = "metadata": Option<IgnoredAny>, }
    "refreshed" Refreshed { id: Option<RequestId>, .. #[default] _expires = "expires": Option<IgnoredAny>, }
    "pong" Pong { id: Option<RequestId>, .. }
}

/// Reads frames, those that go to many but once.
#[derive(Debug)]
pub(crate) struct Glances {
    /// What was read last, each where the end of its text belongs.
    slots: Vec<Option<(String, Glance)>>,
}

impl Default for Glances {
    fn default() -> Self {
        Self { slots: (0..256).map(|_| None).collect() }
    }
}

impl Glances {
    /// Reads a frame, unless it was read a moment ago.
    ///
    /// # Errors
    /// Why it is none that this protocol knows.
    pub(crate) fn at(&mut self, text: &str) -> Result<&Glance, String> {
        // That is where frames differ most.
        let end = &text.as_bytes()[text.len().saturating_sub(40)..];
        let slot = digest::bytes(end) as usize % self.slots.len();
        let slot = &mut self.slots[slot];
        if slot.as_ref().is_none_or(|(known, _)| known != text) {
            let glance = Glance::at(text)?;
            // What was known gives its space.
            let mut known = slot.take().map(|(known, _)| known).unwrap_or_default();
            known.clear();
            known.push_str(text);
            *slot = Some((known, glance));
        }
        let (_, glance) = slot.as_ref().expect("it is there, or was just read");
        Ok(glance)
    }
}

/// A client's frame: what an answer is judged by.
#[derive(Debug, Deserialize)]
pub(crate) struct Wish {
    #[serde(rename = "type")]
    pub(crate) kind: Kind,
    pub(crate) id: Option<RequestId>,
    pub(crate) room: Option<RoomNumber>,
    /// The newest message it has seen, of a `join`…
    pub(crate) since: Option<Seq>,
    /// …and in which epoch.
    pub(crate) epoch: Option<Epoch>,
    /// The session it goes on with, of a `hello`.
    pub(crate) session: Option<Bits>,
    /// Whether the user writes, of a `typing`.
    pub(crate) typing: Option<bool>,
}

/// The kinds of a client's frames.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    Hello,
    Join,
    Message,
    Typing,
    Leave,
    History,
    Members,
    Rooms,
    Create,
    Invite,
    Kick,
    Status,
    Task,
    Ping,
    Refresh,
}

impl Wish {
    /// What a client's frame asks for; nothing if it is none.
    pub(crate) fn at(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_has_its_fields_and_no_others() {
        let whole = r#"{"type":"message","room":"r3","user":"u12","content":"a\n","timestamp":"t","seq":7}"#;
        let Ok(Glance::Message(message)) = Glance::at(whole) else { panic!("{:?}", Glance::at(whole)) };
        assert_eq!((message.room, message.user, message.seq), (RoomNumber(3), UserNumber(12), Seq(7)));
        let missing = whole.replace(r#","seq":7"#, "");
        assert!(Glance::at(&missing).unwrap_err().contains("missing field `seq`"));
        let more = whole.replace(r#""seq":7"#, r#""seq":7,"mood":"good""#);
        assert!(Glance::at(&more).unwrap_err().contains("unknown field `mood`"));
        assert!(Glance::at(r#"{"type":"song"}"#).unwrap_err().contains("no type \"song\""));
        assert!(Glance::at(r#"{"room":"r0","type":"pong"}"#).is_err());
        assert!(Glance::at(r#"{"type":"presence","room":"r0","user":"u0","status":"bored"}"#).is_err());
    }

    #[test]
    fn rooms_that_have_owners_follow_the_others() {
        let places = ["r0", "r2", "r3", "p0", "p1", "bot:u4"].map(|name| {
            let wish = Wish::at(&format!(r#"{{"type":"leave","room":"{name}"}}"#)).unwrap();
            wish.room.unwrap().place(3)
        });
        assert_eq!(places, [0, 2, STRANGER, 3, 4, STRANGER]);
    }

    #[test]
    fn frames_that_look_alike_are_told_apart() {
        let mut glances = Glances::default();
        for (room, seq) in [(0, 1), (1, 1), (0, 1), (0, 2), (1, 1)] {
            let text = format!(
                r#"{{"type":"message","room":"r{room}","user":"u1","content":"a","timestamp":"2026-11-21T05:03:00.125Z","seq":{seq}}}"#
            );
            let Ok(Glance::Message(message)) = glances.at(&text) else { panic!("{text}") };
            assert_eq!((message.room, message.seq), (RoomNumber(room), Seq(seq)));
        }
        assert!(glances.at("nonsense").is_err() && glances.at("nonsense").is_err());
    }

    #[test]
    fn a_stranger_has_no_number() {
        let frame = r#"{"type":"user_joined","room":"r0","user":"mallory","members":["mallory","u1"]}"#;
        let Ok(Glance::UserJoined(joined)) = Glance::at(frame) else { panic!("{:?}", Glance::at(frame)) };
        assert_eq!(joined.members, Some(vec![UserNumber(STRANGER), UserNumber(1)]));
    }

    #[test]
    fn what_no_client_says_is_no_wish() {
        let wish = Wish::at(r#"{"type":"leave","room":"r1","id":4}"#).unwrap();
        assert_eq!((wish.kind, wish.id, wish.room), (Kind::Leave, Some(RequestId(4)), Some(RoomNumber(1))));
        for text in [r#"{"type":"#, r#"{"type":"sing"}"#, r#"{"type":"join","room":["r0"]}"#, "x"] {
            assert!(Wish::at(text).is_none(), "{text}");
        }
    }
}
