//! What a dialect does for a message: it is read as its client sends it, and written for all who read it.

use std::hint::black_box;

use chinwag_core::{
    Epoch, GatewayId, Generation, Position, Seq, SessionId,
    config::GatewayConfig,
    dialect::{Codec, Command, Decoded, Dialect, Event, Payloads, Request, Sending},
    secret::Secrets,
    shard::{Joined, Message, Roster, Verdict},
};

use crate::{CONTENT, START, Step, room, user};

/// Reads a message from a client in the lobby. A step comes to the bytes of its content.
pub(crate) fn decode(dialect: Dialect) -> Step {
    let (mut codec, text, mut answer) = (in_lobby(dialect), said(dialect), Payloads::default());
    Box::new(move || {
        answer.begin(SENDING);
        match codec.decode(black_box(&text), &mut answer) {
            Ok(Decoded::Request(Request { command: Command::Publish { content, .. }, .. })) => content.len(),
            other => unreachable!("{text} is a message: {other:?}"),
        }
    })
}

/// Writes a message for everybody who is in the lobby. A step comes to the bytes of the frame's payload.
pub(crate) fn encode(dialect: Dialect) -> Step {
    let message = Message { seq: Seq(1_000), at: START, user: user(1), content: CONTENT.into(), extra: None };
    let (room, mut payloads) = (room(), Payloads::default());
    Box::new(move || {
        payloads.begin(SENDING);
        let event = Event::Message { room: &room, epoch: EPOCH, message: &message };
        dialect.encode(black_box(&event), &mut payloads);
        payloads.iter().map(<[u8]>::len).sum()
    })
}

const EPOCH: Epoch = Epoch(5_107_834_019_463_523);
const SENDING: Sending = Sending { now: START, gateway: GatewayId(0x51), serial: 1_000 };

/// A message as a client of the dialect sends it.
fn said(dialect: Dialect) -> String {
    match dialect {
        Dialect::Chat => format!(r#"{{"type":"message","room":"lobby","content":"{CONTENT}","id":1000}}"#),
        Dialect::Lobby => CONTENT.to_owned(),
        Dialect::Envelope => format!(
            r#"{{"type":"message","payload":{{"roomId":"lobby","content":"{CONTENT}"}},"timestamp":1795237380000,"messageId":"m-1000"}}"#
        ),
        Dialect::SocketIo => {
            format!(r#"42["chat:message",{{"room":"lobby","message":"{CONTENT}","id":"m-1000"}}]"#)
        }
        Dialect::Agents => format!(r#"{{"type":"message","data":{{"id":1000,"text":"{CONTENT}"}}}}"#),
    }
}

/// The codec of a client who has been let into the lobby.
fn in_lobby(dialect: Dialect) -> Codec {
    let limits = GatewayConfig::default();
    let (mut codec, user, mut payloads) = (Codec::new(dialect, &limits), user(1), Payloads::default());
    let welcome = Event::Welcome {
        user: &user,
        session: SessionId(1),
        secret: Secrets::new([7; 32]).secret(),
        resumed: false,
        generation: Generation(1),
        limits: &limits,
    };
    codec.encode(&welcome, &mut payloads);
    let joined = Joined {
        head: Position::new(EPOCH, Seq(0)),
        next: Seq(1),
        verdict: Verdict::Full,
        rejoined: false,
        known_since: Generation(1),
        roster: Roster::Names([user.clone()].into()),
        offline: vec![],
        statuses: vec![],
        tasks: vec![],
    };
    codec.encode(&Event::Joined { id: None, room: &room(), joined: &joined }, &mut payloads);
    codec
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_dialect_reads_and_writes_all_of_the_content() {
        for dialect in Dialect::ALL {
            assert_eq!(decode(dialect)(), CONTENT.len(), "{dialect:?}");
            assert!(encode(dialect)() > CONTENT.len(), "{dialect:?}");
        }
    }
}
