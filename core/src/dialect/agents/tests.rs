//! Frames read and written, as specification 4 shows them.

use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::{
    config::GatewayConfig,
    dialect::{
        Command, Decoded, Rejection, Request, Sending,
        kit::{self, user as name},
    },
    id::{Epoch, GatewayId, Position, Seq},
    name::{LOBBY, RoomName},
    shard::{Joined, MENTION_BYTES_MAX, MENTIONS_MAX, Roster},
};

/// 2025-01-10T15:30:00Z.
const NOW: Time = Time(1_736_523_000_000_000);
/// A quarter of a minute earlier.
const WENT: Time = Time(1_736_522_985_000_000);

fn room() -> RoomName {
    RoomName::new(LOBBY).unwrap()
}

fn names(of: &[&str]) -> Arc<[UserName]> {
    of.iter().map(|one| name(one)).collect()
}

const SENDING: Sending = Sending { now: NOW, gateway: GatewayId(0), serial: 0 };

/// What all who read an event are shown.
fn shared(event: &Event<'_>) -> Vec<String> {
    kit::written(SENDING, |payloads| encode(event, payloads))
}

/// What one connection is shown.
fn told(agents: &mut Agents, event: &Event<'_>) -> Vec<String> {
    kit::written(SENDING, |payloads| agents.encode(event, payloads))
}

/// A frame without the spaces that make it readable: none of them is in a text.
fn compact(pretty: &str) -> String {
    let mut inside = false;
    let mut keep = |c: &char| {
        inside ^= *c == '"';
        inside || !c.is_whitespace()
    };
    pretty.chars().filter(|c| keep(c)).collect()
}

fn said(user: &str, content: &str, extra: Option<Extra>) -> Message {
    Message { seq: Seq(7), at: NOW, user: name(user), content: content.into(), extra: extra.map(Arc::new) }
}

fn shown(message: &Message) -> String {
    let mut frames = shared(&Event::Message { room: &room(), epoch: Epoch(1), message });
    assert_eq!(frames.len(), 1);
    frames.remove(0)
}

fn joined(roster: Roster, offline: &[&str]) -> Joined {
    let offline = offline.iter().map(|gone| (name(gone), WENT)).collect();
    Joined { offline, ..kit::joined(Position::new(Epoch(1), Seq(0)), roster) }
}

/// Lets a connection in as far as the room's door.
fn welcome(agents: &mut Agents, user: &str) -> Vec<String> {
    let limits = GatewayConfig::default();
    told(agents, &kit::welcome(&name(user), &limits))
}

/// A connection that has been answered.
fn inside(user: &str) -> Agents {
    let mut agents = Agents::default();
    welcome(&mut agents, user);
    let joined = joined(Roster::Names(names(&[user])), &[]);
    told(&mut agents, &Event::Joined { id: None, room: &room(), joined: &joined });
    agents
}

fn request<'a>(agents: &mut Agents, text: &'a str) -> Request<'a> {
    match agents.decode(text) {
        Ok(Decoded::Request(request)) => request,
        other => panic!("{other:?}"),
    }
}

fn rejection(agents: &mut Agents, text: &str) -> Rejection {
    agents.decode(text).expect_err(text)
}

#[test]
fn frames_are_those_of_the_text() {
    let alices = Extra { client_id: Some(12345), mentions: vec!["alice".into()], ..Extra::default() };
    let message = said("bob", "@alice please review the login component", Some(alices));
    assert_eq!(
        shown(&message),
        compact(
            r#"{
              "type": "message",
              "data": {
                "id": 12345,
                "text": "@alice please review the login component",
                "sender": "bob",
                "timestamp": "2025-01-10T15:30:00.000Z",
                "mentions": ["alice"],
                "isCommand": false,
                "replyTo": null
              }
            }"#
        )
    );
    let extra = Extra {
        client_id: Some(12346),
        reply_to: Some(12345),
        kind: Kind::Agent,
        state: Some("working".into()),
        ..Extra::default()
    };
    assert_eq!(
        shown(&said("alice", "Got it! I'll review the login component.", Some(extra))),
        compact(
            r#"{
              "type": "agent_response",
              "data": {
                "id": 12346,
                "text": "Got it! I'll review the login component.",
                "sender": "alice",
                "timestamp": "2025-01-10T15:30:00.000Z",
                "replyTo": 12345,
                "agentStatus": "working"
              }
            }"#
        )
    );
    let (alice, bob) = (name("alice"), name("bob"));
    let status = Status {
        state: "working".into(),
        detail: Some("Reviewing login component".into()),
        progress: Some(25),
    };
    assert_eq!(
        shared(&Event::Status { room: &room(), user: &alice, status: &status }),
        [compact(
            r#"{
              "type": "status_update",
              "data": {
                "userId": "alice",
                "status": "working",
                "currentTask": "Reviewing login component",
                "progress": 25
              }
            }"#
        )]
    );
    assert_eq!(
        shared(&Event::Presence { room: &room(), user: &bob, presence: Presence::Online, away: None }),
        [compact(
            r#"{
              "type": "user_presence",
              "data": {
                "userId": "bob",
                "status": "online",
                "lastSeen": "2025-01-10T15:30:00.000Z",
                "timestamp": "2025-01-10T15:30:00.000Z"
              }
            }"#
        )]
    );
    let warning = Event::Warning {
        refusal: Refusal::RateLimited,
        count: 3,
        retry_after: Duration::from_micros(29_000_001),
    };
    assert_eq!(
        shared(&warning),
        [compact(
            r#"{
              "type": "error",
              "data": {
                "code": "RATE_LIMITED",
                "message": "Too many messages sent",
                "retryAfter": 30,
                "timestamp": "2025-01-10T15:30:00.000Z"
              }
            }"#
        )]
    );
    assert_eq!(
        shared(&Event::Pong { id: None }),
        [r#"{"type":"pong","data":{"timestamp":"2025-01-10T15:30:00.000Z"}}"#]
    );
}

#[test]
fn who_is_away_was_last_seen_when_they_went() {
    let (room, bob, roster) = (room(), name("bob"), Roster::Count(7));
    let members = [MemberView { user: bob.clone(), away: Some(WENT), status: None }];
    let presence = Presence::Offline;
    let events = [
        Event::Presence { room: &room, user: &bob, presence, away: Some(WENT) },
        Event::UserLeft { room: &room, user: &bob, seen: WENT, roster: &roster },
        Event::Members { id: None, room: &room, members: &members, count: 1, more: false },
    ];
    for event in events {
        assert_eq!(
            shared(&event),
            [
                r#"{"type":"user_presence","data":{"userId":"bob","status":"offline","lastSeen":"2025-01-10T15:29:45.000Z","timestamp":"2025-01-10T15:29:45.000Z"}}"#
            ]
        );
    }
}

#[test]
fn auth_is_answered_with_who_is_there() {
    let mut agents = Agents::default();
    let text = r#"{"type":"auth","data":{"userId":"alice","token":"jwt-token-here","role":"developer"}}"#;
    let hello = request(&mut agents, text);
    assert_eq!(hello.user, Some(name("alice")));
    let Command::Hello { resume: None, token: Some(token) } = hello.command else { panic!("no hello") };
    assert_eq!(token.reveal(), "jwt-token-here");

    assert_eq!(welcome(&mut agents, "alice"), [] as [String; 0], "who is there is not known yet");
    let roster = Roster::Names(names(&["alice", "bob", "charlie", "gone"]));
    let joined = joined(roster, &["gone"]);
    let mut expected = compact(
        r#"{
          "type": "auth_response",
          "data": {
            "success": true,
            "userId": "alice",
            "sessionId": "session-123",
            "agents": ["alice", "bob", "charlie"]
          }
        }"#,
    );
    expected = expected.replace("session-123", &format!("session-{}", kit::SESSION));
    assert_eq!(told(&mut agents, &Event::Joined { id: None, room: &room(), joined: &joined }), [expected]);
    let gone = name("gone");
    let offline =
        Event::Presence { room: &room(), user: &gone, presence: Presence::Offline, away: Some(WENT) };
    assert_eq!(told(&mut agents, &offline), [] as [String; 0], "nobody was told that they are there");
}

#[test]
fn a_large_room_is_listed_before_auth_is_answered() {
    let mut agents = Agents::default();
    welcome(&mut agents, "zoe");
    let large = joined(Roster::Count(101), &[]);
    assert_eq!(
        told(&mut agents, &Event::Joined { id: None, room: &room(), joined: &large }),
        [] as [String; 0]
    );
    let view = |user: &str, away| MemberView { user: name(user), away, status: None };
    let members = [view("ann", None), view("bob", Some(WENT))];
    let event = Event::Members { id: None, room: &room(), members: &members, count: 101, more: true };
    let frames = told(&mut agents, &event);
    assert!(frames[0].contains(r#""agents":["ann","zoe"]"#), "{}", frames[0]);
    assert!(frames[1].contains(r#""userId":"ann","status":"online""#), "{}", frames[1]);
    assert!(frames[2].contains(r#""userId":"bob","status":"offline""#), "{}", frames[2]);
    let frames = told(&mut agents, &event);
    assert_eq!(frames.len(), 2, "auth is answered once: {frames:?}");
}

#[test]
fn what_is_wrong_with_auth_is_said_and_that_it_failed() {
    let failed = r#"{"type":"auth_response","data":{"success":false}}"#;
    let error = |code: &str, message: &str| {
        let timestamp = r#""timestamp":"2025-01-10T15:30:00.000Z""#;
        format!(r#"{{"type":"error","data":{{"code":"{code}","message":"{message}",{timestamp}}}}}"#)
    };
    let refused = |agents: &mut Agents, id, refusal| {
        let event = Event::Error { id, key: None, refusal, detail: None, retry_after: None };
        told(agents, &event)
    };
    let agents = &mut Agents::default();
    for text in [r#"{"type":"auth"}"#, r#"{"type":"auth","data":{"userId":""}}"#] {
        let Rejection { id, refusal, .. } = rejection(agents, text);
        let frames = refused(agents, id, refusal);
        assert_eq!(frames, [error("MISSING_USER_ID", "User ID required"), failed.to_owned()]);
    }
    let frames = refused(agents, Some(standing::AUTH), Refusal::BadToken);
    assert_eq!(frames, [error("BAD_TOKEN", "The token is not valid."), failed.to_owned()]);

    let text = r#"{"type":"message","data":{"text":"hi"}}"#;
    let Rejection { id, refusal, .. } = rejection(agents, text);
    assert_eq!(refused(agents, id, refusal), [error("NOT_AUTHENTICATED", "Authentication required")]);

    welcome(agents, "alice");
    assert_eq!(refused(agents, None, Refusal::ContentEmpty).len(), 1, "that was not about auth");
    let frames = refused(agents, Some(standing::AUTH), Refusal::RoomFull);
    assert_eq!(frames, [error("ROOM_FULL", "The room is full."), failed.to_owned()]);
    assert_eq!(refused(agents, None, Refusal::RoomFull).len(), 1, "auth is answered once");

    let again = rejection(&mut inside("alice"), r#"{"type":"auth","data":{"userId":"bob"}}"#);
    assert_eq!((again.refusal, again.id), (Refusal::AlreadyAttached, None));
}

#[test]
fn a_further_auth_shows_a_newer_token() {
    let mut agents = inside("alice");
    let text = r#"{"type":"auth","data":{"userId":"alice","token":"t","role":"developer"}}"#;
    let Request { id, user, command } = request(&mut agents, text);
    let Command::Refresh { token } = command else { panic!("{command:?}") };
    assert_eq!(
        (id, user.as_ref().map(UserName::as_str), token.reveal()),
        (Some(standing::AUTH), Some("alice"), "t")
    );
    let refreshed = |expires| Event::Refreshed { id, expires };
    let now = r#""timestamp":"2025-01-10T15:30:00.000Z""#;
    let frames = told(&mut agents, &refreshed(Some(Time(1_000_000))));
    let expires = r#""expires":"1970-01-01T00:00:01.000Z""#;
    assert_eq!(frames, [format!(r#"{{"type":"auth_refreshed","data":{{{expires},{now}}}}}"#)]);
    let frames = told(&mut agents, &refreshed(None));
    assert_eq!(frames, [format!(r#"{{"type":"auth_refreshed","data":{{{now}}}}}"#)]);
}

#[test]
fn clients_frames_are_requests() {
    let mut agents = inside("alice");
    let text = r#"{"type":"message","data":{"id":1736523000001,"text":"/deploy @bob","mentions":["ann"],"replyTo":5}}"#;
    let Command::Publish { room: place, content, extra } = request(&mut agents, text).command else {
        panic!("no message")
    };
    assert_eq!((place, &*content), (room(), "/deploy @bob"));
    let extra = extra.expect("what it carries");
    assert_eq!((extra.client_id, extra.reply_to), (Some(1_736_523_000_001), Some(5)));
    assert_eq!(extra.mentions, [Arc::from("ann")], "as given");
    assert_eq!(extra.check(), Ok(()));

    let long = "x".repeat(MENTION_BYTES_MAX + 1);
    let text = format!(r#"{{"type":"message","data":{{"text":"@bob","mentions":["","{long}"]}}}}"#);
    let Command::Publish { extra, .. } = request(&mut agents, &text).command else { panic!("no message") };
    assert_eq!(extra.expect("what it carries").mentions, [Arc::from("bob")], "as its text names them");
    let Command::Publish { content, extra: None, .. } = request(&mut agents, r#"{"type":"message"}"#).command
    else {
        panic!("no plain message")
    };
    assert_eq!(content, "", "which is refused like an empty one");

    let text = r#"{"type":"status_update","data":{"userId":"alice","status":"stuck","currentTask":"","progress":33.3}}"#;
    let update = request(&mut agents, text);
    assert_eq!(update.user, Some(name("alice")), "whom it names must be the one");
    let Command::Status { status, .. } = update.command else { panic!("no status") };
    assert_eq!((&*status.state, status.detail, status.progress), ("stuck", None, Some(33)));
    assert!(matches!(request(&mut agents, r#"{"type":"ping"}"#).command, Command::Ping));
    assert!(
        matches!(request(&mut Agents::default(), r#"{"type":"ping"}"#).command, Command::Ping),
        "before auth"
    );
}

#[test]
fn what_is_no_frame_is_refused() {
    let mut agents = inside("alice");
    let cases = [
        ("{", Refusal::BadJson),
        ("hello", Refusal::BadJson),
        (r#"["message",{}]"#, Refusal::BadFrame),
        ("7", Refusal::BadFrame),
        (r#"{"type":7}"#, Refusal::BadFrame),
        (r#"{"type":"message","data":["1","x"]}"#, Refusal::BadFrame),
        (r#"{"type":"message","data":{"id":"1","text":"x"}}"#, Refusal::BadFrame),
        (r#"{"type":"status_update","data":{}}"#, Refusal::BadFrame),
        (r#"{"type":"dance"}"#, Refusal::UnknownType),
        ("{}", Refusal::UnknownType),
    ];
    for (text, refusal) in cases {
        assert_eq!(rejection(&mut agents, text).refusal, refusal, "{text}");
    }
    let refused =
        |refusal| shared(&Event::Error { id: None, key: None, refusal, detail: None, retry_after: None });
    assert!(
        refused(Refusal::BadJson)[0].contains(r#""code":"INVALID_JSON","message":"Invalid JSON format""#)
    );
    assert_eq!(refused(Refusal::UnknownType), [] as [String; 0], "S4.16");
}

#[test]
fn what_comes_from_elsewhere_is_shown_as_well_as_can_be() {
    let plain = shown(&said("nat", "/me waves @alice", None));
    assert!(plain.contains(r#""id":1736523000000,"#), "its instant: {plain}");
    assert!(plain.contains(r#""mentions":["alice"],"isCommand":true,"replyTo":null"#), "{plain}");

    let history = [Arc::new(said("a", "one", None)), Arc::new(said("b", "two", None))];
    let (room, alice, bob) = (room(), name("alice"), name("bob"));
    let event = Event::History { id: None, room: &room, epoch: Epoch(1), messages: &history, more: false };
    assert_eq!(shared(&event).len(), 2, "a frame each");
    let (joined, left) = ([alice], [(bob, WENT)]);
    let event = Event::MembersChanged { room: &room, joined: &joined, left: &left, count: 200 };
    let frames = shared(&event);
    assert!(frames[0].contains(r#""userId":"alice","status":"online""#), "{frames:?}");
    let gone = r#""userId":"bob","status":"offline","lastSeen":"2025-01-10T15:29:45.000Z""#;
    assert!(frames[1].contains(gone), "{frames:?}");

    let gap = Event::Gap { room: &room, epoch: Epoch(1), from: Seq(3), to: Seq(9) };
    assert!(shared(&gap)[0].contains(r#""code":"GAP","message":"Messages 3 to 9 are gone.""#));
    let lagged = Event::Lagged { room: &room, next: Position::new(Epoch(1), Seq(3)) };
    assert!(shared(&lagged)[0].contains(r#""code":"LAGGED""#));
    let position = Position::new(Epoch(1), Seq(3));
    let kicked = Event::Left { id: None, room: &room, position, kicked: true };
    assert!(shared(&kicked)[0].contains(r#""code":"KICKED""#));
}

/// Frames that are good, and those a change or two away from them.
fn nearly_good() -> impl Strategy<Value = String> {
    let good = prop::sample::select(vec![
        r#"{"type":"auth","data":{"userId":"alice","token":"t","role":"user"}}"#,
        r#"{"type":"message","data":{"id":1,"text":"@a b","mentions":["a"],"replyTo":2}}"#,
        r#"{"type":"status_update","data":{"status":"working","currentTask":"x","progress":25}}"#,
        r#"{"type":"ping"}"#,
    ]);
    let changes = prop::collection::vec((any::<prop::sample::Index>(), any::<char>()), 0..3);
    (good, changes).prop_map(|(good, changes)| {
        let mut frame: Vec<char> = good.chars().collect();
        for (at, c) in changes {
            let at = at.index(frame.len());
            frame[at] = c;
        }
        frame.into_iter().collect()
    })
}

proptest! {
    #[test]
    fn whatever_comes_in_is_a_request_or_a_refusal(
        texts in prop::collection::vec(prop_oneof![any::<String>(), nearly_good()], 1..20),
        is_known in any::<bool>(),
    ) {
        let mut agents = if is_known { inside("alice") } else { Agents::default() };
        for text in &texts {
            match agents.decode(text) {
                Ok(Decoded::Request(request)) => {
                    let is_hello = matches!(request.command, Command::Hello { .. });
                    prop_assert!(!(is_known && is_hello));
                    prop_assert!(is_known || is_hello || matches!(request.command, Command::Ping));
                    if let Command::Publish { room, extra, .. } = request.command {
                        prop_assert_eq!(room.as_str(), LOBBY);
                        prop_assert!(extra.is_none_or(|extra| extra.mentions.len() <= MENTIONS_MAX));
                    }
                }
                Ok(other) => prop_assert!(false, "only the gateway answers: {:?}", other),
                Err(rejection) => {
                    let detail = rejection.detail.unwrap_or_default();
                    prop_assert!(detail.len() <= 300, "{}", detail);
                }
            }
        }
    }
}
