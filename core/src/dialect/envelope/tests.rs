//! Frames read and written, those of specification 2 as its text shows them.

use std::{sync::Arc, time::Duration};

use super::*;
use crate::{
    dialect::{
        Command, Decoded, Dialect, Presence, Request, Sending,
        kit::{self, room, user},
    },
    gateway::{Condition, Counters},
    id::{Epoch, GatewayId, Position, RequestId, Seq},
    shard::{Extra, File, Kind, MemberView, Message, Placed, RoomView, Roster, Status, Task, TaskChange},
    time::Time,
};

mod reading;
mod writing;

const NOW: Time = Time(1_795_237_380_123_456);
/// When and under which name the server says something here.
const SENT: &str = r#""timestamp":1795237380123,"messageId":"a-7-0"}"#;

const SENDING: Sending = Sending { now: NOW, gateway: GatewayId(10), serial: 7 };

/// What everybody in a room is told.
fn shared(event: &Event<'_>) -> Vec<String> {
    kit::written(SENDING, |payloads| encode(event, payloads))
}

/// Somebody who is known.
struct Kit {
    envelope: Envelope,
}

impl Kit {
    fn new() -> Self {
        let mut kit = Self { envelope: Envelope::default() };
        let (ann, limits) = (user("ann"), crate::config::GatewayConfig::default());
        assert_eq!(kit.hears(&kit::welcome(&ann, &limits)), [frame("connected", r#"{"userId":"ann"}"#)]);
        kit
    }

    fn sends<'a>(&mut self, text: &'a str) -> Request<'a> {
        match self.envelope.decode(text, &kit::payloads(SENDING)) {
            Ok(Decoded::Request(request)) => request,
            other => panic!("{text}: {other:?}"),
        }
    }

    fn command<'a>(&mut self, text: &'a str) -> Command<'a> {
        self.sends(text).command
    }

    /// The code and the key of the refusal.
    fn refused(&mut self, text: &str) -> (&'static str, Option<Arc<str>>) {
        let rejection = self.envelope.decode(text, &kit::payloads(SENDING)).unwrap_err();
        (rejection.refusal.code(), rejection.key)
    }

    fn hears(&mut self, event: &Event<'_>) -> Vec<String> {
        kit::written(SENDING, |payloads| self.envelope.encode(event, payloads))
    }

    fn joined(&mut self, id: Option<RequestId>, name: &str) -> Vec<String> {
        let roster = Roster::Names([user("ann"), user("bob")].into());
        let joined = kit::joined(Position::new(Epoch(5), Seq(3)), roster);
        self.hears(&Event::Joined { id, room: &room(name), joined: &joined })
    }

    fn refuses(&mut self, id: Option<RequestId>, refusal: Refusal) -> Vec<String> {
        self.hears(&Event::Error { id, key: None, refusal, detail: None, retry_after: None })
    }
}

fn frame(kind: &str, payload: &str) -> String {
    format!(r#"{{"type":"{kind}","payload":{payload},{SENT}"#)
}

fn message(extra: Option<Extra>) -> Message {
    let (at, content) = (Time(1_790_000_001_000_999), "Hello!".into());
    Message { seq: Seq(12), at, user: user("bob"), content, extra: extra.map(Arc::new) }
}

#[test]
fn rooms_are_entered_and_left_as_specified() {
    let mut kit = Kit::new();
    let request = kit.sends(r#"{"type": "joinRoom", "payload": {"roomId": "general"}}"#);
    assert!(
        matches!(&request.command, Command::Join { room, since: None, history: None } if *room == self::room("general"))
    );
    assert_eq!(
        kit.joined(request.id, "general"),
        [frame(
            "joinRoom",
            r#"{"roomId":"general","members":["ann","bob"],"epoch":5,"seq":3,"verdict":"full","next":4}"#
        )]
    );
    let request = kit.sends(r#"{"type": "leaveRoom", "payload": {"roomId": "general"}, "messageId": "m-2"}"#);
    assert!(matches!(&request.command, Command::Leave { room } if *room == self::room("general")));
    let (general, position) = (room("general"), Position::new(Epoch(5), Seq(3)));
    let left = Event::Left { id: request.id, room: &general, position, kicked: false };
    assert_eq!(
        kit.hears(&left),
        [frame("leaveRoom", r#"{"roomId":"general","epoch":5,"seq":3,"replyTo":"m-2"}"#)]
    );
}

#[test]
fn a_receipt_is_for_the_sender() {
    let mut kit = Kit::new();
    let general = room("general");
    let placed = Placed { position: Position::new(Epoch(5), Seq(12)), at: Time(1_795_237_370_456_000) };
    let ack = Event::Ack { id: None, key: Some("m-1"), room: &general, placed: Some(placed) };
    let receipt = r#"{"messageId":"m-1","roomId":"general","senderId":"ann","timestamp":1795237370456,"epoch":5,"seq":12}"#;
    assert_eq!(kit.hears(&ack), [frame("messageReceived", receipt)], "its instant is the message's");
}

#[test]
fn a_task_without_a_room_is_of_the_one_joined_last() {
    let mut kit = Kit::new();
    let update = r#"{"type":"taskUpdate","payload":{"taskId":"T-1","status":"working"}}"#;
    let meant = |kit: &mut Kit| match kit.envelope.decode(update, &kit::payloads(SENDING)) {
        Ok(Decoded::Request(Request { command: Command::Task { room, .. }, .. })) => room.to_string(),
        Err(rejection) => rejection.refusal.code().to_owned(),
        other => panic!("{other:?}"),
    };
    let join = |kit: &mut Kit, name: &str| {
        kit.sends(&format!(r#"{{"type":"joinRoom","payload":{{"roomId":"{name}"}}}}"#)).id
    };
    assert_eq!(meant(&mut kit), "bad_frame", "there is none");
    let id = join(&mut kit, "a");
    kit.joined(id, "a");
    let id = join(&mut kit, "b");
    assert_eq!(meant(&mut kit), "b", "also before the answer");
    kit.joined(id, "b");
    let id = join(&mut kit, "c");
    kit.refuses(id, Refusal::RoomFull);
    assert_eq!(meant(&mut kit), "b");
    let id = join(&mut kit, "a");
    kit.refuses(id, Refusal::RateLimited);
    assert_eq!(meant(&mut kit), "a", "it is in there, whatever became of joining again");
    let (a, position) = (room("a"), Position::new(Epoch(5), Seq(3)));
    assert_eq!(
        kit.hears(&Event::Left { id: None, room: &a, position, kicked: true }),
        [frame("leaveRoom", r#"{"roomId":"a","epoch":5,"seq":3,"kicked":true}"#)]
    );
    assert_eq!(meant(&mut kit), "b");

    let leave = |kit: &mut Kit, name: &str| {
        kit.sends(&format!(r#"{{"type":"leaveRoom","payload":{{"roomId":"{name}"}}}}"#)).id
    };
    let id = join(&mut kit, "c");
    let left = leave(&mut kit, "c");
    assert_eq!(meant(&mut kit), "b", "c is not meant any more, whoever answers when");
    kit.joined(id, "c");
    assert_eq!(meant(&mut kit), "b");
    kit.refuses(left, Refusal::RateLimited);
    assert_eq!(meant(&mut kit), "c", "it is not left");
    let left = leave(&mut kit, "c");
    let id = join(&mut kit, "c");
    let c = room("c");
    kit.hears(&Event::Left { id: left, room: &c, position, kicked: false });
    assert_eq!(meant(&mut kit), "c", "it is asked for again");
    kit.refuses(id, Refusal::RateLimited);
    assert_eq!(meant(&mut kit), "b");
}

#[test]
fn an_error_names_what_it_is_about() {
    let mut kit = Kit::new();
    let request = kit.sends(r#"{"type":"members","payload":{"roomId":"nowhere"},"messageId":"m-9"}"#);
    let payload = r#"{"code":"unknown_room","message":"There is no such room.","details":{"messageId":"m-9","errorCode":4003}}"#;
    assert_eq!(kit.refuses(request.id, Refusal::UnknownRoom), [frame("error", payload)]);
    let error = Event::Error {
        id: None,
        key: Some("m-1"),
        refusal: Refusal::RateLimited,
        detail: Some("why"),
        retry_after: Some(Duration::from_micros(99_001)),
    };
    let payload = r#"{"code":"rate_limited","message":"Too fast; try again later. (why)","details":{"messageId":"m-1","errorCode":4001,"retryAfterMs":100}}"#;
    assert_eq!(kit.hears(&error), [frame("error", payload)]);
    let warning =
        Event::Warning { refusal: Refusal::RateLimited, count: 3, retry_after: Duration::from_millis(150) };
    let payload = r#"{"code":"rate_limited","message":"Too fast; try again later.","details":{"errorCode":4001,"retryAfterMs":150,"count":3}}"#;
    assert_eq!(kit.hears(&warning), [frame("error", payload)]);
    let payload =
        r#"{"code":"stale_id","message":"The id is too old to be answered exactly once.","details":{}}"#;
    assert_eq!(kit.refuses(None, Refusal::StaleId), [frame("error", payload)]);
}

#[test]
fn answers_name_the_frame_they_are_to() {
    let mut kit = Kit::new();
    let mut ask = |kind: &str, payload: &str| {
        let text = format!(r#"{{"type":"{kind}","payload":{payload},"messageId":"m"}}"#);
        kit.sends(&text).id
    };
    let ids = [
        ask("members", r#"{"roomId":"dev","after":"aaa","limit":1}"#),
        ask("rooms", r#"{"after":"aaa","limit":1}"#),
        ask("ping", "{}"),
        ask("refresh", r#"{"token":"t"}"#),
        ask("joinRoom", r#"{"roomId":"dev","since":3,"epoch":5}"#),
    ];
    assert!(ids.iter().all(Option::is_some));
    let dev = room("dev");
    let members = [MemberView { user: user("ann"), away: None, status: None }];
    let event = Event::Members { id: ids[0], room: &dev, members: &members, count: 2, more: true };
    let payload = r#"{"roomId":"dev","members":[{"userId":"ann","presence":"online"}],"count":2,"more":true,"replyTo":"m"}"#;
    assert_eq!(kit.hears(&event), [frame("members", payload)]);
    let rooms = [RoomView { room: dev.clone(), members: 2 }];
    let event = Event::Rooms { id: ids[1], rooms: &rooms, more: false };
    let payload = r#"{"rooms":[{"roomId":"dev","members":2}],"more":false,"replyTo":"m"}"#;
    assert_eq!(kit.hears(&event), [frame("rooms", payload)]);
    assert_eq!(kit.hears(&Event::Pong { id: ids[2] }), [frame("pong", r#"{"replyTo":"m"}"#)]);
    let event = Event::Refreshed { id: ids[3], expires: Some(NOW) };
    assert_eq!(kit.hears(&event), [frame("refresh", r#"{"expires":1795237380123,"replyTo":"m"}"#)]);
    assert!(kit.joined(ids[4], "dev")[0].contains(r#""replyTo":"m""#));
    assert!(!kit.joined(ids[4], "dev")[0].contains("replyTo"), "each is answered once");
}

#[test]
fn what_specification_2_does_not_ask_for_is_asked_for_alike() {
    let mut kit = Kit::new();
    let dev = room("dev");
    let payload =
        r#"{"roomId":"dev","userId":"bob","seq":4,"status":"working","progress":24.6,"private":true}"#;
    let mut ask = |kind: &str| {
        let text = format!(r#"{{"type":"{kind}","payload":{payload},"messageId":"m-{kind}"}}"#);
        let request = kit.sends(&text);
        let command = match request.command {
            Command::Create { room, private } => format!("create {room} {private}"),
            Command::Invite { room, user } => format!("invite {room} {user}"),
            Command::Kick { room, user } => format!("kick {room} {user}"),
            Command::Run { room, on } => format!("run {room} {on}"),
            Command::Seen { room, seq } => format!("seen {room} {}", seq.0),
            Command::Status { room, status } => {
                format!("status {room} {} {:?}", status.state, status.progress)
            }
            other => panic!("{other:?}"),
        };
        let noted = Event::Ack { id: request.id, key: None, room: &dev, placed: None };
        (command, kit.hears(&noted))
    };
    let done = |kind: &str| vec![frame("done", &format!(r#"{{"roomId":"dev","replyTo":"m-{kind}"}}"#))];
    for (kind, expected) in [
        ("invite", "invite dev bob"),
        ("kick", "kick dev bob"),
        ("start", "run dev true"),
        ("stop", "run dev false"),
        ("seen", "seen dev 4"),
    ] {
        assert_eq!(ask(kind), (expected.to_owned(), done(kind)));
    }
    let shown = "status dev working Some(25)".to_owned();
    assert_eq!(ask("status"), (shown, vec![]), "the room's own frame is the answer");

    let request = kit.sends(r#"{"type":"createRoom","payload":{"roomId":"dev"},"messageId":"m"}"#);
    assert!(matches!(request.command, Command::Create { private: false, .. }));
    let created = Event::Created { id: request.id, room: &dev, position: Position::new(Epoch(5), Seq(0)) };
    let payload = r#"{"roomId":"dev","epoch":5,"replyTo":"m"}"#;
    assert_eq!(kit.hears(&created), [frame("createRoom", payload)]);
    for (kind, field) in [("invite", "userId"), ("seen", "seq"), ("status", "status")] {
        let text = format!(r#"{{"type":"{kind}","payload":{{"roomId":"dev"}}}}"#);
        let rejection = kit.envelope.decode(&text, &kit::payloads(SENDING)).unwrap_err();
        assert_eq!(rejection.detail.as_deref(), Some(&*format!("{field} is missing")), "{kind}");
    }
}

#[test]
fn refusals_end_what_the_specification_says_they_end() {
    let closes = |refusal, strict| Dialect::Envelope.closes(refusal, strict).map(Disconnect::code);
    assert_eq!(closes(Refusal::BinaryFrame, false), Some(1003));
    for (refusal, code) in
        [(Refusal::UnknownRoom, 4003), (Refusal::NotMember, 4004), (Refusal::PermissionDenied, 4004)]
    {
        assert_eq!(closes(refusal, false), None, "{refusal}");
        assert_eq!(closes(refusal, true), Some(code), "{refusal}");
    }
    for refusal in [Refusal::RateLimited, Refusal::TokenExpired, Refusal::ContentEmpty] {
        assert_eq!(closes(refusal, true), None, "{refusal}");
    }
    assert_eq!(Dialect::Envelope.close_code(Disconnect::Shutdown), 1001);
    assert_eq!(Dialect::Chat.close_code(Disconnect::Shutdown), 4101);
    for &refusal in Refusal::ALL {
        assert_eq!(Dialect::Chat.closes(refusal, true), None, "{refusal}");
    }
}
