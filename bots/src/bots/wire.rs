//! What comes over a bot's connection, before its client has put anything right.
//!
//! Core's client skips what it was sent twice and asks for what it was not sent: its user is none the wiser, and neither
//! would we be. So the parts of a frame that tell where a room's stream stands are read here once more.

use std::borrow::Cow;

use chinwag_core::Seq;
use chinwag_oracle::{MemberId, Observation, RoomId};
use serde::{Deserialize, de::IgnoredAny};

use super::Bots;

/// The kinds of frames that move a stream, with what ends the name.
const KINDS: [&str; 6] = [r#"message""#, r#"history""#, r#"joined""#, r#"lagged""#, r#"gap""#, r#"left""#];

/// The parts of a frame that are of interest.
#[derive(Debug, Deserialize)]
struct Glance<'a> {
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    room: Cow<'a, str>,
    seq: Option<Seq>,
    next: Option<Seq>,
    to: Option<Seq>,
    /// Of a history that was asked for: not part of the stream.
    id: Option<IgnoredAny>,
    #[serde(default)]
    messages: Vec<Place>,
}

#[derive(Debug, Deserialize)]
struct Place {
    seq: Seq,
}

impl<'a> Glance<'a> {
    /// Nothing if the frame does not move a stream. Costs next to nothing for most of these.
    fn at(text: &'a str) -> Option<Self> {
        // How our own server begins its frames. Others may put the type elsewhere.
        if let Some(rest) = text.strip_prefix(r#"{"type":""#)
            && !KINDS.iter().any(|kind| rest.starts_with(kind))
        {
            return None;
        }
        Self::message(text).or_else(|| serde_json::from_str(text).ok())
    }

    /// A message as our own server writes it: its room in front, its place last. What stands between is the client's to
    /// read.
    fn message(text: &'a str) -> Option<Self> {
        let rest = text.strip_prefix(r#"{"type":"message","room":""#)?.strip_suffix('}')?;
        let (room, rest) = rest.split_at(rest.bytes().position(|byte| byte == b'"')?);
        let digits = rest.bytes().rev().take_while(u8::is_ascii_digit).count();
        let (rest, seq) = rest.split_at(rest.len() - digits);
        // In a text a quote that is none of its own has a backslash before it, and no comma.
        let is_plain = rest.ends_with(r#","seq":"#) && !room.contains('\\');
        let seq = seq.parse().ok().filter(|_| is_plain)?;
        Some(Self {
            kind: "message".into(),
            room: room.into(),
            seq: Some(Seq(seq)),
            next: None,
            to: None,
            id: None,
            messages: Vec::new(),
        })
    }
}

impl Bots {
    /// Tells the oracle what a frame does to a stream.
    pub(super) fn watch(&mut self, slot: usize, text: &str) {
        if self.leaving {
            return;
        }
        // Of a protocol that is described by templates no more is known than they say.
        if self.script.protocol.is_some() {
            return;
        }
        let Some(frame) = Glance::at(text) else { return };
        let bot = &mut self.bots[slot];
        let member = MemberId(bot.number);
        let room = self.rooms.get(&*frame.room).copied();
        let book = &mut self.book;
        let mut delivered = |seq| {
            bot.behind.retain(|(behind, until)| Some(*behind) != room || seq < *until);
            book.observe(Observation::Delivered { member, room, seq });
        };
        match (&*frame.kind, room) {
            ("message", _) => frame.seq.into_iter().for_each(delivered),
            ("history", _) if frame.id.is_none() => {
                frame.messages.iter().for_each(|place| delivered(place.seq));
            }
            ("joined", Some(room)) => {
                let was_behind = bot.behind.extract_if(.., |(behind, _)| *behind == room).count() > 0;
                if let (false, Some(head)) = (was_behind, frame.seq) {
                    book.observe(Observation::StreamReached { member, room, head });
                }
                if let Some(next) = frame.next {
                    book.observe(Observation::StreamStarted { member, room, next });
                    let until = frame.seq.filter(|head| *head >= next);
                    bot.behind.extend(until.map(|head| (room, head)));
                }
            }
            // Nothing says when that is over.
            ("lagged", Some(room)) => bot.behind.push((room, Seq(u64::MAX))),
            ("gap", Some(room)) => {
                if let Some(Seq(to)) = frame.to {
                    let next = Seq(to.saturating_add(1));
                    book.observe(Observation::StreamStarted { member, room, next });
                }
            }
            ("left", Some(room)) => book.observe(Observation::StreamEnded { member, room }),
            _ => {}
        }
    }

    /// A connection is over, and with it all streams of the bot.
    pub(super) fn end_streams(&mut self, number: u32) {
        let member = MemberId(number);
        let book = &mut self.book;
        for room in self.script.plan.rooms_of(number).iter().copied().map(RoomId) {
            book.observe(Observation::StreamEnded { member, room });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_frames_that_move_a_stream_are_read() {
        let message =
            r#"{"type":"message","room":"r","user":"u","content":"a \"b\"","timestamp":"t","seq":7}"#;
        let read = Glance::at(message).unwrap();
        assert_eq!((&*read.kind, &*read.room, read.seq), ("message", "r", Some(Seq(7))));
        assert!(Glance::message(message).is_some(), "that costs less");
        for longer in [
            r#"{"type":"message","room":"r","user":"u","content":",\"seq\":3","seq":7}"#,
            r#"{"type":"message","room":"r","user":"u","content":"c","seq":7,"key":"k","mentions":[]}"#,
            r#"{"type":"message","room":"\u0072","user":"u","content":",","seq":7}"#,
        ] {
            let read = Glance::at(longer).unwrap();
            assert_eq!((&*read.kind, &*read.room, read.seq), ("message", "r", Some(Seq(7))), "{longer}");
        }
        // The order of keys is free.
        let read = Glance::at(r#"{"next":3,"room":"r","seq":2,"type":"joined"}"#).unwrap();
        assert_eq!((&*read.kind, read.next), ("joined", Some(Seq(3))));
        for other in [
            r#"{"type":"user_joined","room":"r","user":"u"}"#,
            r#"{"type":"joiner","room":"r"}"#,
            r#"{"type":"pong"}"#,
            "no JSON",
        ] {
            assert!(Glance::at(other).is_none(), "{other}");
        }
    }

    #[test]
    fn a_history_has_places_and_an_id_only_if_it_was_asked_for() {
        let page = r#"{"type":"history","room":"r","messages":[{"user":"u","content":"c","seq":4},{"seq":5}],"more":false}"#;
        let read = Glance::at(page).unwrap();
        let places: Vec<_> = read.messages.iter().map(|place| place.seq.0).collect();
        assert_eq!((places, read.id.is_none()), (vec![4, 5], true));
        let asked = Glance::at(r#"{"type":"history","id":9,"room":"r","messages":[]}"#).unwrap();
        assert!(asked.id.is_some());
    }
}
