//! The socketio dialect, packet by packet.

use std::{sync::Arc, time::Duration};

use super::*;
use crate::{
    Refusal,
    dialect::{
        Command, Decoded, Request, Sending,
        kit::{self, room, texts, user},
    },
    disconnect::Disconnect,
    id::{Epoch, GatewayId, Position, RequestId, Seq},
    name::UserName,
    shard::{
        Extra, File, Joined, Kind, MemberView, Message, Placed, RoomView, Roster, Status, Task, Verdict,
    },
    time::Time,
};

mod reading;
mod writing;

const NOW: Time = Time(1_795_237_380_000_000);
const EPOCH: Epoch = Epoch(0xa9);

const SENDING: Sending = Sending { now: NOW, gateway: GatewayId(0x51), serial: 3 };

fn payloads() -> Payloads {
    kit::payloads(SENDING)
}

/// What everybody in a room is sent.
fn shared(event: &Event<'_>) -> Vec<String> {
    kit::written(SENDING, |payloads| encode(event, payloads))
}

fn message(user: &str, content: &str, extra: Option<Extra>) -> Message {
    let user = UserName::new(user).unwrap();
    Message { seq: Seq(7), at: NOW, user, content: content.into(), extra: extra.map(Arc::new) }
}

/// A client's end.
struct Kit {
    socketio: SocketIo,
    limits: GatewayConfig,
}

impl Kit {
    fn outside() -> Self {
        let limits = GatewayConfig::default();
        Self { socketio: SocketIo::new(&limits), limits }
    }

    /// Connected as `name`.
    fn of(name: &str) -> Self {
        let mut kit = Self::outside();
        assert_eq!(kit.welcome(name), [r#"40{"sid":"51-3"}"#]);
        kit
    }

    fn welcome(&mut self, name: &str) -> Vec<String> {
        let (user, limits) = (user(name), self.limits.clone());
        self.hears(&kit::welcome(&user, &limits))
    }

    fn hears(&mut self, event: &Event<'_>) -> Vec<String> {
        kit::written(SENDING, |payloads| self.socketio.encode(event, payloads))
    }

    /// What a packet comes to, and what is said at once.
    fn reads<'a>(&mut self, text: &'a str) -> (Result<Decoded<'a>, Refusal>, Vec<String>) {
        let mut answer = payloads();
        let decoded = self.socketio.decode(text, &mut answer);
        (decoded.map_err(|rejection| rejection.refusal), texts(&answer))
    }

    fn asks<'a>(&mut self, text: &'a str) -> Request<'a> {
        match self.reads(text).0 {
            Ok(Decoded::Request(request)) => request,
            other => panic!("{text} came to {other:?}"),
        }
    }

    fn command<'a>(&mut self, text: &'a str) -> Command<'a> {
        self.asks(text).command
    }

    fn refused(&mut self, text: &str) -> Refusal {
        self.reads(text).0.expect_err("it is refused")
    }
}

#[test]
fn a_connection_begins_with_its_heartbeat() {
    let mut payloads = payloads();
    open(&GatewayConfig::default(), &mut payloads);
    let handshake =
        r#"0{"sid":"51-3","upgrades":[],"pingInterval":25000,"pingTimeout":10000,"maxPayload":16384}"#;
    assert_eq!(texts(&payloads), [handshake]);
}

#[test]
fn who_is_not_let_in_is_told_why() {
    let mut kit = Kit::outside();
    let error = |refusal, detail, retry_after| Event::Error {
        id: Some(RequestId(1)),
        key: None,
        refusal,
        detail,
        retry_after,
    };
    assert_eq!(
        kit.hears(&error(Refusal::BadToken, Some("it has expired"), None)),
        [
            r#"44{"message":"The token is not valid. (it has expired)","data":{"code":"bad_token","message":"The token is not valid. (it has expired)"}}"#
        ]
    );
    assert_eq!(
        kit.hears(&error(Refusal::RateLimited, None, Some(Duration::from_micros(1_001)))),
        [
            r#"44{"message":"Too fast; try again later.","data":{"code":"rate_limited","message":"Too fast; try again later.","retryAfter":2}}"#
        ]
    );
    assert_eq!(kit.refused(r#"421["room:list"]"#), Refusal::NotAttached);
    let (decoded, said) = kit.reads(r#"40/admin,{"token":"t"}"#);
    assert!(matches!(decoded, Ok(Decoded::Answered)));
    assert_eq!(
        said,
        [
            r#"44/admin,{"message":"Something is missing, or is not what it must be. (there is no namespace /admin)","data":{"code":"bad_frame","message":"Something is missing, or is not what it must be. (there is no namespace /admin)"}}"#
        ]
    );
}

#[test]
fn callbacks_are_called_with_what_became_of_it() {
    let mut kit = Kit::of("ann");
    let room = room("bot:weather");
    let request = kit.asks(r#"4212["chat:message",{"botId":"weather","message":"hi","id":"k"}]"#);
    let later = kit.asks(r#"4213["chat:message",{"botId":"weather","message":"hi"}]"#);
    let at = Time(NOW.0 - 1_000_000);
    let placed = Some(Placed { position: Position::new(EPOCH, Seq(9)), at });
    assert_eq!(
        kit.hears(&Event::Ack { id: later.id, key: None, room: &room, placed }),
        [r#"4313[{"ok":true,"id":"a9-9","timestamp":"2026-11-21T05:02:59.000Z"}]"#]
    );
    let key = Some("k");
    assert_eq!(
        kit.hears(&Event::Ack { id: request.id, key, room: &room, placed }),
        [r#"4312[{"ok":true,"id":"k","timestamp":"2026-11-21T05:02:59.000Z"}]"#]
    );
    assert_eq!(kit.hears(&Event::Ack { id: request.id, key, room: &room, placed }), [""; 0], "once");

    let request = kit.asks(r#"420["bot:join","weather"]"#);
    let retry_after = Some(Duration::from_millis(90));
    let refusal = Refusal::RateLimited;
    assert_eq!(
        kit.hears(&Event::Error { id: request.id, key: None, refusal, detail: None, retry_after }),
        [
            r#"430[{"ok":false,"error":{"code":"rate_limited","message":"Too fast; try again later.","retryAfter":90}}]"#
        ]
    );
    let request = kit.asks(r#"421["room:list"]"#);
    let rooms = [RoomView { room: room.clone(), members: 2 }];
    assert_eq!(
        kit.hears(&Event::Rooms { id: request.id, rooms: &rooms, more: false }),
        [r#"431[{"ok":true,"rooms":[{"botId":"weather","room":"bot:weather","members":2}],"more":false}]"#]
    );
    let request = kit.asks(r#"422["user:status",{"room":"r","status":"away"}]"#);
    assert_eq!(
        kit.hears(&Event::Ack { id: request.id, key: None, room: &room, placed: None }),
        [r#"432[{"ok":true}]"#]
    );
    let (_, said) = kit.reads(r#"423["typing",{"room":"r","isTyping":true}]"#);
    assert_eq!(said, [r#"433[{"ok":true}]"#], "nobody else answers it");
    let rejection = kit.socketio.decode(r#"424["dance"]"#, &mut payloads()).unwrap_err();
    let detail = rejection.detail.as_deref();
    assert_eq!(
        kit.hears(&Event::Error {
            id: rejection.id,
            key: None,
            refusal: rejection.refusal,
            detail,
            retry_after: None
        }),
        [
            r#"434[{"ok":false,"error":{"code":"unknown_type","message":"The frame's type is not known. (event \"dance\")"}}]"#
        ]
    );
}

#[test]
fn without_a_callback_a_refusal_is_an_event() {
    let mut kit = Kit::of("ann");
    assert_eq!(kit.asks(r#"42["bot:join","weather"]"#).id, None);
    let error =
        |key| Event::Error { id: None, key, refusal: Refusal::NotMember, detail: None, retry_after: None };
    assert_eq!(
        kit.hears(&error(Some("m-1"))),
        [r#"42["error",{"id":"m-1","code":"not_member","message":"You are not a member of this room."}]"#]
    );
    let retry_after = Duration::from_millis(100);
    assert_eq!(
        kit.hears(&Event::Warning { refusal: Refusal::RateLimited, count: 3, retry_after }),
        [
            r#"42["rate:limited",{"code":"rate_limited","message":"Too fast; try again later.","count":3,"retryAfter":100}]"#
        ]
    );
    let expires = Some(NOW);
    assert_eq!(
        kit.hears(&Event::Refreshed { id: None, expires }),
        [r#"42["token:refreshed",{"expires":"2026-11-21T05:03:00.000Z"}]"#]
    );
}

#[test]
fn pings_and_goodbyes() {
    let mut kit = Kit::of("ann");
    for (text, answer) in [("2", vec!["3"]), ("2probe", vec!["3probe"]), ("5", vec![]), ("6", vec![])] {
        let (decoded, said) = kit.reads(text);
        assert!(matches!(decoded, Ok(Decoded::Answered)), "{text}");
        assert_eq!(said, answer, "{text}");
    }
    for text in ["41", "1"] {
        assert!(matches!(kit.reads(text).0, Ok(Decoded::Goodbye)), "{text}");
    }
    let farewell = |socketio: &SocketIo, reason| {
        let mut payloads = payloads();
        socketio.farewell(reason, &mut payloads);
        texts(&payloads)
    };
    assert_eq!(farewell(&kit.socketio, Disconnect::TokenExpired), ["41"], "it need not come back");
    assert_eq!(farewell(&kit.socketio, Disconnect::Shutdown), [""; 0], "it comes back by itself");
    assert_eq!(farewell(&Kit::outside().socketio, Disconnect::BadToken), [""; 0], "it was told by 44");
}

#[test]
fn callbacks_that_wait_are_bounded() {
    let mut kit = Kit::of("ann");
    for ack in 0..kit.limits.unanswered_max {
        kit.asks(&format!(r#"42{ack}["room:list"]"#));
    }
    assert_eq!(kit.refused(r#"4299["room:list"]"#), Refusal::Full);
    kit.asks(r#"42["room:list"]"#);
}
