//! Lines read and written.

use std::sync::Arc;

use super::*;
use crate::{
    dialect::{
        Command, Decoded, Request, Sending,
        kit::{self, room, texts},
    },
    id::{Epoch, Position, RequestId, Seq},
    name::LOBBY,
    shard::Roster,
    time::Time,
};

fn shared(event: &Event<'_>) -> Vec<String> {
    kit::written(Sending::default(), |payloads| encode(event, payloads))
}

/// A connection, and a server that grants or refuses what it asks for.
struct Kit {
    lobby: Lobby,
}

impl Kit {
    /// In the lobby.
    fn new() -> Self {
        let mut kit = Self { lobby: Lobby::at(&room(LOBBY)) };
        kit.joined("lobby");
        kit
    }

    /// What a line comes to: a request in short, or the answer.
    fn types(&mut self, text: &str) -> String {
        let mut answer = Payloads::default();
        match self.lobby.decode(text, &mut answer) {
            Ok(Decoded::Answered) => texts(&answer).join("|"),
            Ok(Decoded::Goodbye) => "goodbye".to_owned(),
            Ok(Decoded::Request(Request { command, .. })) => match command {
                Command::Publish { room, content, extra: None } => format!("say {room} {content}"),
                Command::Join { room, .. } => format!("join {room}"),
                Command::Leave { room } => format!("leave {room}"),
                Command::Members { room, after: None, .. } => format!("members {room}"),
                Command::Members { room, after: Some(after), .. } => format!("members {room} after {after}"),
                Command::Rooms { after: None, .. } => "rooms".to_owned(),
                Command::Rooms { after: Some(after), .. } => format!("rooms after {after}"),
                Command::Refresh { token } => format!("refresh {}", token.reveal()),
                other => panic!("{other:?}"),
            },
            Err(rejection) => rejection.refusal.code().to_owned(),
        }
    }

    fn hears(&mut self, event: &Event<'_>) -> Vec<String> {
        kit::written(Sending::default(), |payloads| self.lobby.encode(event, payloads))
    }

    fn joined(&mut self, name: &str) -> Vec<String> {
        let joined = kit::joined(Position::new(Epoch(1), Seq(0)), Roster::Count(1));
        self.hears(&Event::Joined { id: None, room: &room(name), joined: &joined })
    }

    fn left(&mut self, name: &str) -> Vec<String> {
        let position = Position::new(Epoch(1), Seq(0));
        self.hears(&Event::Left { id: None, room: &room(name), position, kicked: false })
    }

    fn kicked(&mut self, name: &str) -> Vec<String> {
        let position = Position::new(Epoch(1), Seq(0));
        self.hears(&Event::Left { id: None, room: &room(name), position, kicked: true })
    }

    /// The request under this number is refused.
    fn refused(&mut self, id: u64, refusal: Refusal) -> Vec<String> {
        self.hears(&Event::Error {
            id: Some(RequestId(id)),
            key: None,
            refusal,
            detail: None,
            retry_after: None,
        })
    }
}

#[test]
fn a_line_is_said_in_the_current_room() {
    let mut kit = Kit::new();
    assert_eq!(kit.types("hello\r\n"), "say lobby hello");
    assert_eq!(kit.types("/join #rust"), "join rust");
    assert_eq!(kit.types("not for the lobby"), "say rust not for the lobby", "also before the answer");
    assert_eq!(kit.joined("rust"), ["* You have joined #rust. You are in #rust now."]);
    assert_eq!(kit.types("/join lobby"), "* You are in #lobby now.");
    assert_eq!(kit.types("back"), "say lobby back");
}

#[test]
fn a_join_that_is_refused_leads_back() {
    let mut kit = Kit::new();
    kit.types("/join full");
    assert_eq!(kit.refused(1, Refusal::RoomFull), ["! The room is full."]);
    assert_eq!(kit.types("hello"), "say lobby hello");
}

#[test]
fn nobody_leaves_their_last_room() {
    let mut kit = Kit::new();
    assert_eq!(kit.types("/leave"), "last_room");
    kit.types("/join rust");
    kit.joined("rust");
    assert_eq!(kit.types("/leave"), "leave rust");
    assert_eq!(kit.types("/leave"), "last_room", "the answer to the first is still awaited");
    assert_eq!(kit.left("rust"), ["* You have left #rust. You are in #lobby now."]);
    assert_eq!(kit.types("hello"), "say lobby hello");
}

#[test]
fn a_room_that_may_be_refused_is_none_to_stay_in() {
    let mut kit = Kit::new();
    kit.types("/join rust");
    kit.types("/join lobby");
    assert_eq!(kit.types("/leave"), "last_room");
    kit.joined("rust");
    assert_eq!(kit.types("/leave"), "leave lobby");
}

#[test]
fn a_room_that_was_refused_does_not_come_back_with_its_leave() {
    let mut kit = Kit::new();
    kit.types("/join y");
    kit.types("/leave");
    kit.refused(1, Refusal::PermissionDenied);
    kit.refused(2, Refusal::NotMember);
    kit.types("/join lobby");
    assert_eq!(kit.types("/leave"), "last_room");

    kit.types("/join q");
    kit.types("/join y");
    assert_eq!([kit.types("/leave"), kit.types("/leave")], ["leave y", "leave q"]);
    for (id, refusal) in [(3, Refusal::RoomFull), (5, Refusal::RateLimited), (4, Refusal::RoomFull)] {
        kit.refused(id, refusal);
    }
    kit.refused(6, Refusal::RateLimited);
    assert_eq!(kit.types("hello"), "say lobby hello");
    assert_eq!(kit.types("/leave"), "last_room");
}

#[test]
fn a_leave_that_is_refused_changes_nothing() {
    let mut kit = Kit::new();
    kit.types("/join rust");
    kit.joined("rust");
    kit.types("/leave");
    kit.refused(2, Refusal::RateLimited);
    assert_eq!(kit.types("hello"), "say rust hello");
    assert_eq!(kit.types("/leave"), "leave rust");
}

#[test]
fn who_comes_back_at_once_is_back() {
    let mut kit = Kit::new();
    kit.types("/join rust");
    kit.joined("rust");
    kit.types("/leave");
    assert_eq!(kit.types("/join rust"), "join rust");
    kit.left("rust");
    assert_eq!(kit.types("hello"), "say rust hello");
    kit.joined("rust");
    assert_eq!(kit.types("/leave"), "leave rust");
}

#[test]
fn who_is_sent_away_is_where_they_were_before() {
    let mut kit = Kit::new();
    kit.types("/join rust");
    kit.joined("rust");
    assert_eq!(kit.kicked("rust"), ["* You have been sent out of #rust. You are in #lobby now."]);
    assert_eq!(kit.types("hello"), "say lobby hello");
}

#[test]
fn a_leave_that_a_kick_has_overtaken_does_not_lead_back() {
    let mut kit = Kit::new();
    kit.joined("lobby");
    kit.types("/join rust");
    kit.joined("rust");
    kit.types("/leave");
    kit.kicked("rust");
    kit.refused(2, Refusal::NotMember);
    assert_eq!(kit.types("hello"), "say lobby hello");
}

#[test]
fn who_is_led_home_is_there() {
    let mut kit = Kit::new();
    kit.joined("lobby");
    kit.types("/join rust");
    kit.joined("rust");
    kit.types("/join lobby");
    kit.types("/leave");
    kit.left("lobby");
    kit.kicked("rust");
    assert_eq!(kit.types("hello"), "not_member");
    kit.joined("lobby");
    assert_eq!(kit.types("hello"), "say lobby hello");
}

#[test]
fn whom_the_lobby_does_not_take_may_ask_again() {
    let mut kit = Kit { lobby: Lobby::at(&room(LOBBY)) };
    let nowhere = "* You are in no room now: /join one.";
    assert_eq!(kit.refused(0, Refusal::RoomFull), ["! The room is full.", nowhere]);
    assert_eq!(kit.types("hello"), "not_member");
    assert_eq!(kit.types("/join lobby"), "join lobby");
    assert_eq!(kit.refused(1, Refusal::RoomFull), ["! The room is full.", nowhere]);
    assert_eq!(kit.types("/join rust"), "join rust");
    assert_eq!(kit.joined("rust"), ["* You have joined #rust. You are in #rust now."]);
    assert_eq!(kit.types("/leave"), "last_room");
    assert_eq!(kit.types("/join lobby"), "join lobby");
    assert_eq!(kit.refused(3, Refusal::RoomFull), ["! The room is full."]);
    assert_eq!(kit.types("hello"), "say rust hello");
}

#[test]
fn who_is_sent_out_of_the_lobby_may_go_elsewhere() {
    let mut kit = Kit::new();
    let told = kit.kicked("lobby");
    assert_eq!(told, ["* You have been sent out of #lobby.", "* You are in no room now: /join one."]);
    assert_eq!(kit.types("/leave"), "not_member");
    assert_eq!(kit.types("/join rust"), "join rust");
}

#[test]
fn commands_are_read_as_they_are_shown() {
    let mut kit = Kit::new();
    assert_eq!(kit.types("/rooms"), "rooms");
    assert_eq!(kit.types("/users"), "members lobby");
    assert!(kit.types("/help").contains("/join <room>"));
    for after in ["/rooms rust", "/rooms #rust"] {
        assert_eq!(kit.types(after), "rooms after rust");
    }
    assert_eq!(kit.types("/users bob"), "members lobby after bob");
    for unknown in ["/", "/nick bob", "/Join rust", "/joinrust"] {
        assert_eq!(kit.types(unknown), "unknown_command", "{unknown}");
    }
    for no_room in ["/join no/room", "/rooms no/room"] {
        assert_eq!(kit.types(no_room), "bad_room", "{no_room}");
    }
    assert_eq!(kit.types("/users no/user"), "bad_user");
}

#[test]
fn a_command_says_what_it_wants() {
    let mut kit = Kit::new();
    for (typed, wants) in [
        ("/join", "/join wants one room"),
        ("/join a b", "/join wants one room"),
        ("/leave rust", "/leave wants nothing behind it"),
        ("/help me", "/help wants nothing behind it"),
        ("/rooms a b", "/rooms wants nothing behind it, or the room after which to begin"),
        ("/users a b", "/users wants nothing behind it, or the user after whom to begin"),
        ("/token", "/token wants one token"),
        ("/token a.b.c d", "/token wants one token"),
    ] {
        let rejection = kit.lobby.decode(typed, &mut Payloads::default()).unwrap_err();
        assert_eq!(
            (rejection.refusal, rejection.detail.as_deref()),
            (Refusal::BadFrame, Some(wants)),
            "{typed}"
        );
    }
    let refused = |refusal, detail, retry_after| {
        shared(&Event::Error { id: Some(RequestId(1)), key: None, refusal, detail, retry_after })
    };
    assert_eq!(
        refused(Refusal::BadFrame, Some("/join wants one room"), None),
        ["! Something is missing, or is not what it must be. (/join wants one room)"]
    );
    for (micros, wait) in [(1, "0.1"), (100_000, "0.1"), (100_001, "0.2"), (9_950_000, "10.0")] {
        let told = refused(Refusal::RateLimited, None, Some(Duration::from_micros(micros)));
        assert_eq!(told, [format!("! Too fast; try again later. Wait {wait} s.")]);
    }
}

#[test]
fn a_token_is_taken_from_its_line_and_is_never_said() {
    let mut kit = Kit::new();
    assert!(kit.types("/help").contains("/token <token>"));
    for shown in ["/token a.b.c", "  /token  a.b.c \r\n"] {
        assert_eq!(kit.types(shown), "refresh a.b.c", "{shown:?}");
    }
    for mistaken in ["/Token a.b.c", "/tokena.b.c", "\t/ tokens a.b.c"] {
        assert_eq!(kit.types(mistaken), "unknown_command", "{mistaken:?}");
    }
    let expires = Some(Time(1_790_000_001_000_000));
    let refreshed = kit.hears(&Event::Refreshed { id: Some(RequestId(1)), expires });
    assert_eq!(refreshed, ["* Your token is good until 2026-09-21T14:13:21.000Z."]);
}

#[test]
fn messages_name_instant_room_and_user_and_no_text_passes_for_them() {
    let (room, user) = (room("general"), UserName::new("bob").unwrap());
    let content = "one\n2026 #general alice: two\u{1b}[2J".into();
    let message = Message { seq: Seq(1), at: Time(1_790_000_001_000_000), user, content, extra: None };
    let line = "2026-09-21T14:13:21.000Z #general bob: one\n    2026 #general alice: two\u{fffd}[2J";
    assert_eq!(shared(&Event::Message { room: &room, epoch: Epoch(1), message: &message }), [line]);
    let sneaky = "one\u{2028}* bob has left\u{2029}\u{202e}two\u{2066}three\u{200e}\t\u{85}";
    let shown = "2026-09-21T14:13:21.000Z #general bob: one\n    * bob has left\n    \u{fffd}two\u{fffd}three\u{200e}\t\u{fffd}";
    let sneaky = Message { content: sneaky.into(), ..message.clone() };
    assert_eq!(shared(&Event::Message { room: &room, epoch: Epoch(1), message: &sneaky }), [shown]);
    let messages = [Arc::new(message.clone()), Arc::new(message)];
    let page = Event::History { id: None, room: &room, epoch: Epoch(1), messages: &messages, more: false };
    assert_eq!(shared(&page), [line, line]);
}

#[test]
fn lists_and_notices_are_for_people() {
    let (general, ann) = (room("general"), UserName::new("ann").unwrap());
    let views = [("ann", None), ("bob", Some(Time(1)))].map(|(name, away)| MemberView {
        user: UserName::new(name).unwrap(),
        away,
        status: None,
    });
    let members = |id| Event::Members { id, room: &general, members: &views, count: 3, more: true };
    assert_eq!(
        shared(&members(Some(RequestId(1)))),
        ["* In #general (3): ann, bob (away), and more: /users bob"]
    );
    assert_eq!(shared(&members(None)), [] as [&str; 0]);
    let rooms = [RoomView { room: general.clone(), members: 2 }];
    assert_eq!(shared(&Event::Rooms { id: None, rooms: &rooms, more: false }), ["* Rooms: #general (2)."]);
    let page = Event::Rooms { id: None, rooms: &rooms, more: true };
    assert_eq!(shared(&page), ["* Rooms: #general (2), and more: /rooms general"]);
    let status = Status { state: "working".into(), detail: Some("on it".into()), progress: Some(25) };
    let event = Event::Status { room: &general, user: &ann, status: &status };
    assert_eq!(shared(&event), ["* ann in #general: working, on it (25 %)"]);
    let task = Task {
        task: "T-1".into(),
        status: Some(status),
        assignee: Some(ann.clone()),
        priority: None,
        metadata: None,
    };
    let event = Event::Task { room: &general, user: None, task: &task, assigned: false };
    assert_eq!(shared(&event), ["* Task T-1 for ann in #general: working, on it (25 %)"]);
    let warning =
        Event::Warning { refusal: Refusal::RateLimited, count: 3, retry_after: Duration::from_millis(150) };
    assert_eq!(shared(&warning), ["! Too fast; try again later. Wait 0.2 s."]);
    let event = Event::MembersChanged { room: &general, joined: &[ann], left: &[], count: 101 };
    assert_eq!(shared(&event), ["* ann has joined #general.", "* #general has 101 members now."]);
}
