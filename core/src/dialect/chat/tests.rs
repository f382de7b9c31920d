//! The chat dialect, byte for byte.

use std::{borrow::Cow, sync::Arc};

use proptest::prelude::*;

use super::*;
use crate::{
    dialect::kit,
    id::{Epoch, Generation, Position, Seq},
    name::RoomName,
    shard::{Extra, Joined, Message, Placed, Roster, Status, Task, TaskChange, Verdict},
    time::Time,
};

fn encoded(event: &Event<'_>) -> String {
    let mut out = vec![];
    encode(event, &mut out);
    String::from_utf8(out).unwrap()
}

fn room() -> RoomName {
    kit::room("general")
}

fn alice() -> UserName {
    kit::user("alice")
}

#[test]
fn specified_events_begin_as_they_are_shown() {
    let (room, user) = (room(), alice());
    let roster = Roster::Names([alice(), kit::user("bob")].into());
    assert_eq!(
        encoded(&Event::UserJoined { room: &room, user: &user, roster: &roster }),
        r#"{"type":"user_joined","room":"general","user":"alice","members":["alice","bob"]}"#
    );
    let roster = Roster::Names([kit::user("bob")].into());
    assert_eq!(
        encoded(&Event::UserLeft { room: &room, user: &user, seen: Time(0), roster: &roster }),
        r#"{"type":"user_left","room":"general","user":"alice","members":["bob"]}"#
    );
    let at = Time(1_795_237_380_000_000);
    let message =
        Message { seq: Seq(7), at, user: user.clone(), content: "Hello \"you\"\n".into(), extra: None };
    let live = r#"{"type":"message","room":"general","user":"alice","content":"Hello \"you\"\n","timestamp":"2026-11-21T05:03:00.000Z","seq":7}"#;
    assert_eq!(encoded(&Event::Message { room: &room, epoch: Epoch(9), message: &message }), live);
    let messages = [Arc::new(message)];
    let history = Event::History { id: None, room: &room, epoch: Epoch(9), messages: &messages, more: false };
    assert_eq!(
        encoded(&history),
        format!(r#"{{"type":"history","room":"general","messages":[{live}],"epoch":9,"more":false}}"#)
    );
    let presence = super::super::Presence::Typing;
    assert_eq!(
        encoded(&Event::Presence { room: &room, user: &user, presence, away: None }),
        r#"{"type":"presence","room":"general","user":"alice","status":"typing"}"#
    );
}

#[test]
fn a_large_room_shows_a_count() {
    let (room, user) = (room(), alice());
    assert_eq!(
        encoded(&Event::UserJoined { room: &room, user: &user, roster: &Roster::Count(200) }),
        r#"{"type":"user_joined","room":"general","user":"alice","count":200}"#
    );
}

#[test]
fn a_verdict_says_what_is_lost() {
    let joined = Joined {
        next: Seq(5),
        verdict: Verdict::Gap { from: Seq(2), to: Seq(4) },
        known_since: Generation(3),
        ..kit::joined(Position::new(Epoch(9), Seq(8)), Roster::Count(1))
    };
    assert_eq!(
        encoded(&Event::Joined { id: None, room: &room(), joined: &joined }),
        r#"{"type":"joined","room":"general","epoch":9,"seq":8,"verdict":"gap","next":5,"known_since":3,"from":2,"to":4}"#
    );
}

#[test]
fn waits_are_rounded_up() {
    let retry_after = Some(std::time::Duration::from_micros(1_001));
    let error = Event::Error {
        id: Some(RequestId(3)),
        key: None,
        refusal: Refusal::RateLimited,
        detail: None,
        retry_after,
    };
    let text = r#"{"type":"error","id":3,"code":"rate_limited","message":"Too fast; try again later.","retry_after_ms":2}"#;
    assert_eq!(encoded(&error), text);
}

#[test]
fn specified_commands_are_understood() {
    let request = decode(r#"{"type": "join", "room": "general", "user": "alice"}"#).unwrap();
    assert_eq!(request.user, Some(alice()));
    assert!(
        matches!(request.command, Command::Join { room, since: None, history: None } if room == self::room())
    );
    let request = decode(r#"{"type": "join", "room": "general", "limit": 0}"#).unwrap();
    assert!(matches!(request.command, Command::Join { history: Some(0), .. }));
    let request =
        decode(r#"{"type": "message", "room": "general", "content": "Hello!", "user": "alice"}"#).unwrap();
    assert_eq!(request.user, Some(alice()));
    assert!(
        matches!(request.command, Command::Publish { room, content: Cow::Borrowed("Hello!"), extra: None } if room == self::room())
    );
    for on in [true, false] {
        let typing = format!(r#"{{"type": "typing", "room": "general", "user": "alice", "typing": {on}}}"#);
        let request = decode(&typing).unwrap();
        assert_eq!(request.user, Some(alice()));
        assert!(
            matches!(request.command, Command::Typing { room, on: is_on } if room == self::room() && is_on == on)
        );
    }
    let request = decode(r#"{"type": "leave", "room": "general", "user": "alice"}"#).unwrap();
    assert_eq!(request.user, Some(alice()));
    assert!(matches!(request.command, Command::Leave { room } if room == self::room()));
}

#[test]
fn a_message_carries_what_it_was_given() {
    let sent = r#"{"type":"message","room":"general","content":"see","key":"k1","client_id":7,"reply_to":3,"kind":"file","file_url":"https://a.example/b","file_name":"b","mentions":["bob"],"priority":1}"#;
    let Command::Publish { extra: Some(extra), .. } = decode(sent).unwrap().command else { panic!() };
    let extra = Extra { state: Some("working".into()), ..*extra };
    let message = Message {
        seq: Seq(7),
        at: Time(1_795_237_380_000_000),
        user: alice(),
        content: "see".into(),
        extra: Some(extra.into()),
    };
    let shown = encoded(&Event::Message { room: &room(), epoch: Epoch(9), message: &message });
    let rest = r#","seq":7,"key":"k1","client_id":7,"reply_to":3,"kind":"file","file_url":"https://a.example/b","file_name":"b","mentions":["bob"],"priority":1,"state":"working"}"#;
    assert!(shown.ends_with(rest), "{shown}");
}

#[test]
fn what_a_message_leaves_out_is_not_shown() {
    let decoded = decode(r#"{"type":"message","room":"general","content":"see","kind":"text","priority":2}"#);
    assert!(matches!(decoded.unwrap().command, Command::Publish { extra: None, .. }));
    for wrong in [r#""kind":"song""#, r#""file_name":"b""#, r#""priority":-1"#, r#""mentions":[1]"#] {
        let frame =
            format!(r#"{{"type":"message","room":"general","content":"see","id":4,"key":"k",{wrong}}}"#);
        let Rejection { id, key, refusal, .. } = decode(&frame).unwrap_err();
        assert_eq!(
            (id, key.as_deref(), refusal),
            (Some(RequestId(4)), Some("k"), Refusal::BadFrame),
            "{wrong}"
        );
    }
}

#[test]
fn answers_name_the_key() {
    let placed = Some(Placed { position: Position::new(Epoch(9), Seq(8)), at: Time(0) });
    assert_eq!(
        encoded(&Event::Ack { id: None, key: Some("k"), room: &room(), placed }),
        r#"{"type":"ack","room":"general","epoch":9,"seq":8,"key":"k"}"#
    );
    let refusal = Refusal::Full;
    assert_eq!(
        encoded(&Event::Error { id: None, key: Some("k"), refusal, detail: None, retry_after: None }),
        r#"{"type":"error","code":"full","message":"No more of these fit.","key":"k"}"#
    );
}

#[test]
fn of_a_task_what_is_known_is_shown() {
    let frame =
        r#"{"type":"task","room":"general","task":"T-1","assignee":"bob","priority":1,"metadata":{"a": 1}}"#;
    let Command::Task { task: change, .. } = decode(frame).unwrap().command else { panic!() };
    let TaskChange { task, status, assignee, priority, metadata } = change;
    let task = Task { task, status, assignee, priority, metadata };
    assert_eq!(encoded(&Event::Task { room: &room(), user: None, task: &task, assigned: true }), frame);
    let rejection = decode(r#"{"type":"task","room":"general","task":"T-1","progress":3}"#).unwrap_err();
    assert_eq!(rejection.refusal, Refusal::BadFrame, "progress towards what");
    let status = r#"{"type":"status","room":"general","state":"working","progress":33.3,"id":1}"#;
    let Command::Status { status: Status { progress, .. }, .. } = decode(status).unwrap().command else {
        panic!()
    };
    assert_eq!(progress, Some(33));
    for wrong in ["-1", "100.1", "101"] {
        let rejection = decode(&status.replace("33.3", wrong)).unwrap_err();
        assert_eq!((rejection.refusal, rejection.id), (Refusal::BadFrame, Some(RequestId(1))), "{wrong}");
    }
}

#[test]
fn a_rejection_keeps_the_number() {
    let rejection = decode(r#"{"type": "join", "room": "no good", "id": 4}"#).unwrap_err();
    assert_eq!((rejection.id, rejection.refusal), (Some(RequestId(4)), Refusal::BadRoom));
}

proptest! {
    #[test]
    fn any_text_is_read_or_rejected(text in ".{0,200}") {
        let _ = decode(&text);
    }

    #[test]
    fn any_object_is_read_or_rejected(
        kind in "(hello|join|leave|message|typing|history|members|rooms|create|status|task|ping|invite|kick|start|seen)",
        key in "(room|user|content|typing|id|since|epoch|before|limit|after|session|secret|state|progress|task|key|kind|file_url|mentions|priority|metadata|private|whom|seq)",
        value in prop_oneof![
            Just("null".to_owned()), Just("-1".to_owned()), Just("1e99".to_owned()), Just("[{}]".to_owned()),
            "\"[a-z0-9 ]{0,70}\"",
        ],
    ) {
        let _ = decode(&format!(r#"{{"type":"{kind}","room":"r","user":"u","{key}":{value}}}"#));
    }
}
