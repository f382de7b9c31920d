//! Frames read and written, those of specification 2 as its text shows them.

use std::{sync::Arc, time::Duration};

use proptest::prelude::*;

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
fn a_message_is_read_as_specified() {
    let mut kit = Kit::new();
    let text = r#"{"type":"message","payload":{"roomId":"general","content":"Hello!","metadata":{"type":"file",
        "fileUrl":"https://files.example/1","fileName":"one.txt"}},"timestamp":1790000000000,"messageId":"m-1",
        "priority":1}"#;
    let request = kit.sends(text);
    assert_eq!(request.id, None, "it is answered by its key");
    let Command::Publish { room, content, extra } = request.command else { panic!("a message") };
    assert_eq!((room, &*content), (self::room("general"), "Hello!"));
    let file = File { url: "https://files.example/1".into(), name: Some("one.txt".into()) };
    let expected = Extra {
        key: Some("m-1".into()),
        kind: Kind::File,
        file: Some(file),
        priority: 1,
        ..Extra::default()
    };
    assert_eq!(*extra.unwrap(), expected);
}

#[test]
fn a_message_without_a_name_is_given_one() {
    let mut kit = Kit::new();
    let text =
        r#"{"type":"message","payload":{"roomId":"general","content":"Hello!","metadata":{"type":"text"}}}"#;
    let Command::Publish { extra, .. } = kit.command(text) else { panic!("a message") };
    assert_eq!(*extra.unwrap(), Extra { key: Some("a-7-0".into()), ..Extra::default() });
}

#[test]
fn a_message_is_written_as_specified() {
    let general = room("general");
    let file = File { url: "https://files.example/1".into(), name: None };
    let extra = Extra {
        key: Some("m-1".into()),
        kind: Kind::File,
        file: Some(file),
        priority: 0,
        ..Extra::default()
    };
    let urgent = message(Some(extra));
    let live = r#"{"type":"message","payload":{"roomId":"general","content":"Hello!","metadata":{"type":"file","fileUrl":"https://files.example/1"},"senderId":"bob","seq":12},"timestamp":1790000001000,"messageId":"m-1","priority":0}"#;
    assert_eq!(shared(&Event::Message { room: &general, epoch: Epoch(5), message: &urgent }), [live]);
    let plain = message(None);
    let stored = r#"{"type":"message","payload":{"roomId":"general","content":"Hello!","metadata":{"type":"text"},"senderId":"bob","seq":12},"timestamp":1790000001000,"messageId":"12@5"}"#;
    assert_eq!(shared(&Event::Message { room: &general, epoch: Epoch(5), message: &plain }), [stored]);

    let messages = [Arc::new(urgent), Arc::new(plain)];
    let page = |id| Event::History { id, room: &general, epoch: Epoch(5), messages: &messages, more: true };
    assert_eq!(shared(&page(None)), [live, stored], "what was missed comes like what is said now");
    let payload = format!(
        r#"{{"roomId":"general","messages":[{live},{stored}],"epoch":5,"more":true,"replyTo":"h-1"}}"#
    );
    let mut kit = Kit::new();
    let text = r#"{"type":"history","payload":{"roomId":"general","before":13,"limit":2},"messageId":"h-1"}"#;
    let request = kit.sends(text);
    assert!(matches!(request.command, Command::History { before: Some(Seq(13)), limit: Some(2), .. }));
    assert_eq!(kit.hears(&page(request.id)), [frame("history", &payload)]);
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
fn tasks_are_read_as_specified() {
    let mut kit = Kit::new();
    let update = r#"{"type":"taskUpdate","payload":{"taskId":"T-1","status":"working","progress":24.6,"metadata":{"a":[1]},"roomId":"dev"}}"#;
    let Command::Task { room, task } = kit.command(update) else { panic!("a task") };
    let status = Status { state: "working".into(), detail: None, progress: Some(25) };
    let change =
        TaskChange { task: "T-1".into(), status: None, assignee: None, priority: None, metadata: None };
    assert_eq!(room, self::room("dev"));
    let metadata = Some(r#"{"a":[1]}"#.into());
    assert_eq!(task, TaskChange { status: Some(status), metadata, ..change.clone() });
    let assign =
        r#"{"type":"taskAssign","payload":{"taskId":"T-1","assigneeId":"bob","priority":1,"roomId":"dev"}}"#;
    let Command::Task { task, .. } = kit.command(assign) else { panic!("a task") };
    assert_eq!(task, TaskChange { assignee: Some(user("bob")), priority: Some(1), ..change });
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
}

#[test]
fn tasks_are_written_as_specified() {
    let (dev, ann) = (room("dev"), user("ann"));
    let status = Status { state: "working".into(), detail: None, progress: Some(25) };
    let mut task = Task {
        task: "T-1".into(),
        status: Some(status),
        assignee: None,
        priority: None,
        metadata: Some(r#"{"a":[1]}"#.into()),
    };
    let update = |user: &str| {
        let payload = format!(
            r#"{{"taskId":"T-1","status":"working","progress":25,"metadata":{{"a":[1]}},"roomId":"dev"{user}}}"#
        );
        frame("taskUpdate", &payload)
    };
    let by_ann = r#","userId":"ann""#;
    let event = Event::Task { room: &dev, user: Some(&ann), task: &task, assigned: false };
    assert_eq!(shared(&event), [update(by_ann)]);

    (task.assignee, task.priority) = (Some(user("bob")), Some(1));
    let assign = |user: &str| {
        let payload = format!(r#"{{"taskId":"T-1","assigneeId":"bob","priority":1,"roomId":"dev"{user}}}"#);
        frame("taskAssign", &payload)
    };
    let second = |text: String| text.replace("a-7-0", "a-7-1");
    let event = Event::Task { room: &dev, user: None, task: &task, assigned: false };
    assert_eq!(shared(&event), [assign(""), second(update(""))], "newcomers are shown both");
    let event = Event::Task { room: &dev, user: Some(&ann), task: &task, assigned: false };
    assert_eq!(shared(&event), [update(by_ann)], "nobody was told to do it just now");
    (task.status, task.metadata) = (None, None);
    let event = Event::Task { room: &dev, user: Some(&ann), task: &task, assigned: true };
    assert_eq!(shared(&event), [assign(by_ann)]);
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
fn health_is_numbers_and_a_word() {
    let counters = Counters {
        connections: 1,
        rooms: 2,
        frames_in: 3,
        messages_in: 4,
        deliveries_out: 5,
        outbox_bytes: 6,
        lagged: 7,
        slow_closed: 8,
        ..Counters::default()
    };
    let uptime = Duration::from_millis(9_999);
    let event = Event::Health { condition: Condition::Healthy, counters: &counters, uptime };
    let payload = r#"{"status":"healthy","metrics":{"connections":1,"rooms":2,"framesIn":3,"messagesIn":4,"deliveriesOut":5,"outboxBytes":6,"lagged":7,"slowClosed":8,"uptimeSeconds":9}}"#;
    assert_eq!(shared(&event), [frame("healthUpdate", payload)]);
}

#[test]
fn what_others_do_is_told() {
    let (general, ann) = (room("general"), user("ann"));
    let names = Roster::Names([ann.clone()].into());
    let event = Event::UserJoined { room: &general, user: &ann, roster: &names };
    assert_eq!(
        shared(&event),
        [frame("userJoined", r#"{"roomId":"general","userId":"ann","members":["ann"]}"#)]
    );
    let event = Event::UserLeft { room: &general, user: &ann, seen: Time(0), roster: &Roster::Count(101) };
    assert_eq!(shared(&event), [frame("userLeft", r#"{"roomId":"general","userId":"ann","count":101}"#)]);
    let event =
        Event::MembersChanged { room: &general, joined: std::slice::from_ref(&ann), left: &[], count: 101 };
    assert_eq!(
        shared(&event),
        [frame("membersChanged", r#"{"roomId":"general","joined":["ann"],"left":[],"count":101}"#)]
    );
    for presence in [Presence::Online, Presence::Offline, Presence::Typing] {
        let event = Event::Presence { room: &general, user: &ann, presence, away: None };
        let payload = format!(r#"{{"roomId":"general","userId":"ann","status":"{}"}}"#, presence.word());
        assert_eq!(shared(&event), [frame("presence", &payload)]);
    }
    let status = Status { state: "busy".into(), detail: Some("lunch".into()), progress: None };
    let event = Event::Status { room: &general, user: &ann, status: &status };
    let payload = r#"{"roomId":"general","userId":"ann","status":"busy","detail":"lunch"}"#;
    assert_eq!(shared(&event), [frame("status", payload)]);
    let next = Position::new(Epoch(5), Seq(9));
    let event = Event::Lagged { room: &general, next };
    assert_eq!(shared(&event), [frame("lagged", r#"{"roomId":"general","epoch":5,"next":9}"#)]);
    let event = Event::Gap { room: &general, epoch: Epoch(5), from: Seq(1), to: Seq(8) };
    assert_eq!(shared(&event), [frame("gap", r#"{"roomId":"general","epoch":5,"from":1,"to":8}"#)]);
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
fn who_does_not_speak_the_dialect_is_told_so() {
    let mut kit = Kit::new();
    for text in ["", "hello", "{", r#"{"type":"ping","payload":{}"#] {
        assert_eq!(kit.refused(text).0, "bad_json", "{text}");
    }
    for text in [
        "[]",
        "1",
        "{}",
        r#"{"type":"ping"}"#,
        r#"{"payload":{}}"#,
        r#"{"type":1,"payload":{}}"#,
        r#"["ping",{},"m",2]"#,
        r#"{"type":"ping","payload":{},"messageId":7}"#,
    ] {
        assert_eq!(kit.refused(text).0, "bad_envelope", "{text}");
    }
    assert_eq!(
        Dialect::Envelope.closes(Refusal::BadJson, false),
        Some(Disconnect::BadFormat),
        "and that is the end"
    );
    assert_eq!(Dialect::Envelope.closes(Refusal::BadEnvelope, false), Some(Disconnect::BadFormat));
}

#[test]
fn what_is_wrong_with_a_payload_is_no_end() {
    let mut kit = Kit::new();
    let mut refused = |kind: &str, payload: &str| {
        let text = format!(r#"{{"type":"{kind}","payload":{payload},"messageId":"m-1"}}"#);
        let (code, key) = kit.refused(&text);
        assert_eq!(key.as_deref(), Some("m-1"), "{text}");
        let refusal = Refusal::from_code(code).unwrap();
        assert_eq!(Dialect::Envelope.closes(refusal, true), None, "{text}");
        code
    };
    assert_eq!(refused("dance", "{}"), "unknown_type");
    for (kind, payload) in [
        ("joinRoom", "null"),
        ("joinRoom", r#"["general"]"#),
        ("joinRoom", "{}"),
        ("joinRoom", r#"{"roomId":"r","since":1}"#),
        ("message", r#"{"roomId":"r"}"#),
        ("message", r#"{"roomId":"r","content":1}"#),
        ("message", r#"{"roomId":"r","content":"x","metadata":[]}"#),
        ("message", r#"{"roomId":"r","content":"x","metadata":{"type":"agent"}}"#),
        ("message", r#"{"roomId":"r","content":"x","metadata":{"fileName":"f"}}"#),
        ("typing", r#"{"roomId":"r"}"#),
        ("taskUpdate", r#"{"roomId":"r","taskId":"t"}"#),
        ("taskUpdate", r#"{"roomId":"r","taskId":"t","progress":1}"#),
        ("taskUpdate", r#"{"roomId":"r","taskId":"t","status":"s","progress":101}"#),
        ("taskUpdate", r#"{"roomId":"r","status":"s"}"#),
        ("taskAssign", r#"{"roomId":"r","taskId":"t"}"#),
        ("refresh", "{}"),
    ] {
        assert_eq!(refused(kind, payload), "bad_frame", "{kind} {payload}");
    }
    assert_eq!(refused("joinRoom", r#"{"roomId":"no good"}"#), "bad_room");
    assert_eq!(refused("taskAssign", r#"{"roomId":"r","taskId":"t","assigneeId":"no good"}"#), "bad_user");
    for priority in ["-1", "1.5", "1e9", r#""high""#, "[]"] {
        let payload = r#"{"roomId":"r","content":"x"}"#;
        let text =
            format!(r#"{{"type":"message","payload":{payload},"messageId":"m-1","priority":{priority}}}"#);
        assert_eq!(kit.refused(&text), ("bad_frame", Some("m-1".into())), "{text}");
    }
    let long = format!(r#"{{"type":"ping","payload":{{}},"messageId":"{}"}}"#, "x".repeat(65));
    assert_eq!(kit.refused(&long), ("bad_frame", None));
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

/// Frames of which every field has a place.
const GOOD: [&str; 6] = [
    r#"{"type":"joinRoom","payload":{"roomId":"r","limit":5},"timestamp":1,"messageId":"m","priority":2}"#,
    r#"{"type":"message","payload":{"roomId":"r","content":"x","metadata":{"type":"file","fileUrl":"u"}},"messageId":"m"}"#,
    r#"{"type":"taskUpdate","payload":{"taskId":"t","status":"s","progress":5,"metadata":{}},"messageId":"m"}"#,
    r#"{"type":"taskAssign","payload":{"taskId":"t","assigneeId":"u","priority":1,"roomId":"r"},"messageId":"m"}"#,
    r#"{"type":"history","payload":{"roomId":"r","before":9,"limit":5},"messageId":"m"}"#,
    r#"{"type":"leaveRoom","payload":{"roomId":"r"},"messageId":"m"}"#,
];

/// A good frame of which a part is repeated, cut out or replaced.
fn nearly_good() -> impl Strategy<Value = String> {
    let frame = (0..GOOD.len()).prop_map(|index| GOOD[index]);
    (frame, any::<prop::sample::Index>(), 0usize..12, ".{0,6}").prop_map(|(frame, at, cut, put)| {
        let at = at.index(frame.len());
        let end = (at + cut).min(frame.len());
        format!("{}{put}{}", &frame[..at], &frame[end..])
    })
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused_and_nothing_piles_up(
        texts in prop::collection::vec(prop_oneof![".{0,80}", nearly_good()], 0..40),
    ) {
        let mut kit = Kit::new();
        let mut asked = vec![];
        for text in &texts {
            if let Ok(Decoded::Request(request)) = kit.envelope.decode(text, &kit::payloads(SENDING)) {
                asked.extend(request.id);
            }
            prop_assert_eq!(kit.envelope.remembered().0, asked.len());
            prop_assert!(kit.envelope.remembered().1 <= asked.len());
        }
        for id in asked {
            kit.refuses(Some(id), Refusal::RateLimited);
        }
        prop_assert_eq!(kit.envelope.remembered(), (0, 0));
    }
}
