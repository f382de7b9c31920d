//! The socketio dialect, packet by packet.

use std::{sync::Arc, time::Duration};

use proptest::prelude::*;

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
fn connecting_says_who_one_is() {
    let hello = |text| match Kit::outside().asks(text) {
        Request { id: Some(_), user, command: Command::Hello { resume: None, token } } => {
            (user.map(|user| user.to_string()), token.map(|token| token.reveal().to_owned()))
        }
        other => panic!("{other:?}"),
    };
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(hello("40"), (None, None));
    assert_eq!(hello(r#"40{"token":"a.b-c"}"#), (some("a.b-c"), some("a.b-c")));
    assert_eq!(hello(r#"40{"token":"no name","x":[1]}"#), (None, some("no name")));
    assert_eq!(hello(r#"40/,{"userId":"ann","token":"t"}"#), (some("ann"), some("t")));
    for (auth, refusal) in [
        ("[]", Refusal::BadFrame),
        ("{", Refusal::BadJson),
        (r#"{"token":1}"#, Refusal::BadFrame),
        (r#"{"userId":"a b"}"#, Refusal::BadUser),
    ] {
        assert_eq!(Kit::outside().refused(&format!("40{auth}")), refusal, "{auth}");
    }
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
            r#"44/admin,{"message":"A field is missing or has the wrong type. (there is no namespace /admin)","data":{"code":"bad_frame","message":"A field is missing or has the wrong type. (there is no namespace /admin)"}}"#
        ]
    );
}

#[test]
fn rooms_are_named_by_themselves_or_by_their_bot() {
    let mut kit = Kit::of("ann");
    for (text, name) in [
        (r#"42["bot:join",{"botId":"weather"}]"#, "bot:weather"),
        (r#"42["bot:join","weather"]"#, "bot:weather"),
        (r#"42["room:join",{"room":"general"}]"#, "general"),
        (r#"42["room:join","gen\u0065ral"]"#, "general"),
        (r#"42["room:join",{"botId":"weather","room":"x"},{"more":1},2]"#, "bot:weather"),
    ] {
        let Command::Join { room, since: None, .. } = kit.command(text) else { panic!("{text}") };
        assert_eq!(room.as_str(), name);
    }
    let text = r#"42["room:join",{"room":"general","since":4,"epoch":169}]"#;
    let Command::Join { since, .. } = kit.command(text) else { panic!() };
    assert_eq!(since, Some(Position::new(EPOCH, Seq(4))));
    let Command::Leave { room } = kit.command(r#"42["bot:leave",{"botId":"weather"}]"#) else { panic!() };
    assert_eq!(room.as_str(), "bot:weather");
}

#[test]
fn what_is_said_is_read_liberally() {
    let mut kit = Kit::of("ann");
    for field in ["message", "content", "text"] {
        for timestamp in [r#""2026-11-21T05:03:00.000Z""#, "1795237380000", "{}", "null"] {
            let text = format!(
                r#"42["chat:message",{{"botId":"weather","{field}":"Hello bot!","timestamp":{timestamp}}}]"#
            );
            let Command::Publish { room, content, extra: None } = kit.command(&text) else {
                panic!("{text}")
            };
            assert_eq!((room.as_str(), &*content), ("bot:weather", "Hello bot!"));
        }
    }
    let text = r#"42["chat:message",{"room":"r","message":"hi","id":"m-1","replyTo":3,"mentions":["bob"],"priority":0}]"#;
    let Command::Publish { extra: Some(extra), .. } = kit.command(text) else { panic!() };
    let expected = Extra {
        key: Some("m-1".into()),
        reply_to: Some(3),
        mentions: vec!["bob".into()],
        priority: 0,
        ..Extra::default()
    };
    assert_eq!(*extra, expected);
}

#[test]
fn a_bot_speaks_as_one_in_its_own_room() {
    let mut bot = Kit::of("weather");
    let Command::Publish { extra, .. } =
        bot.command(r#"42["chat:message",{"botId":"weather","message":"Sunny."}]"#)
    else {
        panic!()
    };
    assert_eq!(extra.unwrap().kind, Kind::Agent);
    let Command::Publish { extra: None, .. } =
        bot.command(r#"42["chat:message",{"botId":"news","message":"Hi."}]"#)
    else {
        panic!()
    };
    let text = r#"42["bot:status",{"status":"executing","message":"asking the sky","progress":40}]"#;
    let Command::Status { room, status } = bot.command(text) else { panic!() };
    assert_eq!(room.as_str(), "bot:weather");
    let expected =
        Status { state: "executing".into(), detail: Some("asking the sky".into()), progress: Some(40) };
    assert_eq!(status, expected);
    let text = r#"42["bot:status",{"botId":"weather","status":"error","error":"no sky"}]"#;
    let Command::Status { status, .. } = bot.command(text) else { panic!() };
    assert_eq!(status.detail.as_deref(), Some("no sky"));
    for text in [
        r#"42["bot:status",{"botId":"news","status":"running"}]"#,
        r#"42["bot:seen",{"botId":"news","seq":3}]"#,
    ] {
        assert_eq!(bot.refused(text), Refusal::PermissionDenied);
    }
    let Command::Seen { room, seq: Seq(3) } = bot.command(r#"42["bot:seen",{"seq":3}]"#) else { panic!() };
    assert_eq!(room.as_str(), "bot:weather");
}

#[test]
fn other_events_are_read() {
    let mut kit = Kit::of("ann");
    assert!(matches!(
        kit.command(r#"42["typing",{"botId":"weather","isTyping":false}]"#),
        Command::Typing { on: false, .. }
    ));
    assert!(matches!(
        kit.command(r#"42["chat:history",{"room":"r","before":9,"limit":5}]"#),
        Command::History { before: Some(Seq(9)), limit: Some(5), .. }
    ));
    assert!(matches!(
        kit.command(r#"42["room:members",{"room":"r","after":"bob"}]"#),
        Command::Members { after: Some(_), limit: None, .. }
    ));
    assert!(matches!(kit.command(r#"42["room:list"]"#), Command::Rooms { after: None, limit: None }));
    assert!(matches!(kit.command(r#"42["room:list",null]"#), Command::Rooms { .. }));
    assert!(matches!(
        kit.command(r#"42["user:status",{"room":"r","status":"away"}]"#),
        Command::Status { .. }
    ));
    assert!(matches!(
        kit.command(r#"42["room:create",{"botId":"weather","private":true}]"#),
        Command::Create { private: true, .. }
    ));
    let Command::Invite { user, .. } = kit.command(r#"42["room:invite",{"room":"r","userId":"bob"}]"#) else {
        panic!()
    };
    assert_eq!(user, self::user("bob"));
    assert!(matches!(kit.command(r#"42["room:kick",{"room":"r","userId":"bob"}]"#), Command::Kick { .. }));
    for (text, start) in
        [(r#"42["bot:start",{"botId":"weather"}]"#, true), (r#"42["bot:stop","weather"]"#, false)]
    {
        let Command::Run { room, on } = kit.command(text) else { panic!("{text}") };
        assert_eq!((room.as_str(), on), ("bot:weather", start));
    }
    let Command::Refresh { token } = kit.command(r#"42["token:refresh",{"token":"t"}]"#) else { panic!() };
    assert_eq!(token.reveal(), "t");
    let text = r#"42["task",{"room":"r","taskId":"T-1","status":"open","assignee":"bob","priority":1,"metadata":{"a": 1}}]"#;
    let Command::Task { task, .. } = kit.command(text) else { panic!() };
    assert_eq!((&*task.task, task.priority), ("T-1", Some(1)));
    assert_eq!(task.metadata.as_deref(), Some(r#"{"a": 1}"#));
    assert_eq!(task.status.map(|status| status.state), Some("open".into()));
}

#[test]
fn what_is_wrong_is_refused_by_name() {
    let mut kit = Kit::of("ann");
    for (text, refusal) in [
        ("42", Refusal::BadJson),
        ("42[", Refusal::BadJson),
        ("42{}", Refusal::BadFrame),
        ("42[]", Refusal::BadFrame),
        ("42[1]", Refusal::BadFrame),
        (r#"42["room:join",7]"#, Refusal::BadFrame),
        (r#"42["dance"]"#, Refusal::UnknownType),
        (r#"42["bot:join",{}]"#, Refusal::BadFrame),
        (r#"42["bot:start",{"room":"bot:weather"}]"#, Refusal::BadFrame),
        (r#"42["bot:seen",{}]"#, Refusal::BadFrame),
        (r#"42["bot:join",{"botId":"a b"}]"#, Refusal::BadRoom),
        (r#"42["chat:message",{"room":"r"}]"#, Refusal::BadFrame),
        (r#"42["chat:message","hello"]"#, Refusal::BadFrame),
        (r#"42["typing",{"room":"r"}]"#, Refusal::BadFrame),
        (r#"42["bot:status",{"progress":3}]"#, Refusal::BadFrame),
        (r#"42["room:join",{"room":"r","since":3}]"#, Refusal::BadFrame),
        (r#"42["task",{"room":"r","taskId":"t","assignee":"a b"}]"#, Refusal::BadUser),
        (r#"42["room:kick",{"room":"r"}]"#, Refusal::BadFrame),
        (r#"42["room:kick",{"room":"r","userId":"a b"}]"#, Refusal::BadUser),
        ("451-[\"a\",{\"_placeholder\":true,\"num\":0}]", Refusal::BinaryFrame),
        ("bAQID", Refusal::BinaryFrame),
        ("7", Refusal::BadFrame),
    ] {
        assert_eq!(kit.refused(text), refusal, "{text}");
    }
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
fn a_chat_message_is_specification_3s() {
    let (general, weather) = (room("general"), room("bot:weather"));
    let said = message("ann", "Hello \"bot\"!", None);
    let live = r#"{"id":"a9-7","botId":"weather","room":"bot:weather","userId":"ann","sender":"user","message":"Hello \"bot\"!","timestamp":"2026-11-21T05:03:00.000Z","seq":7}"#;
    assert_eq!(
        shared(&Event::Message { room: &weather, epoch: EPOCH, message: &said }),
        [format!(r#"42["chat:message",{live}]"#)]
    );
    let messages = [Arc::new(said)];
    let history = Event::History { id: None, room: &weather, epoch: EPOCH, messages: &messages, more: true };
    assert_eq!(
        shared(&history),
        [format!(
            r#"42["chat:history",{{"botId":"weather","room":"bot:weather","messages":[{live}],"epoch":169,"more":true}}]"#
        )]
    );
    let extra = Extra { kind: Kind::Agent, state: Some("executing".into()), ..Extra::default() };
    let said = message("weather", "Sunny.", Some(extra));
    assert_eq!(
        shared(&Event::Message { room: &general, epoch: EPOCH, message: &said }),
        [
            r#"42["chat:message",{"id":"a9-7","room":"general","userId":"weather","sender":"bot","message":"Sunny.","timestamp":"2026-11-21T05:03:00.000Z","seq":7,"status":"executing"}]"#
        ]
    );
    let extra = Extra {
        key: Some("m-1".into()),
        kind: Kind::File,
        file: Some(File { url: "https://x.example/a".into(), name: Some("a".into()) }),
        mentions: vec!["bob".into()],
        reply_to: Some(3),
        priority: 0,
        ..Extra::default()
    };
    let said = message("weather", "a file", Some(extra));
    assert_eq!(
        shared(&Event::Message { room: &weather, epoch: EPOCH, message: &said }),
        [
            r#"42["chat:message",{"id":"m-1","botId":"weather","room":"bot:weather","userId":"weather","sender":"bot","message":"a file","timestamp":"2026-11-21T05:03:00.000Z","seq":7,"kind":"file","fileUrl":"https://x.example/a","fileName":"a","mentions":["bob"],"replyTo":3,"priority":0}]"#
        ]
    );
}

#[test]
fn members_come_go_and_write() {
    let (room, ann) = (room("bot:weather"), user("ann"));
    let place = r#""botId":"weather","room":"bot:weather""#;
    let roster = Roster::Names([user("ann"), user("weather")].into());
    assert_eq!(
        shared(&Event::UserJoined { room: &room, user: &ann, roster: &roster }),
        [format!(r#"42["user:joined",{{{place},"userId":"ann","members":["ann","weather"]}}]"#)]
    );
    assert_eq!(
        shared(&Event::UserLeft { room: &room, user: &ann, seen: NOW, roster: &Roster::Count(200) }),
        [format!(r#"42["user:left",{{{place},"userId":"ann","count":200}}]"#)]
    );
    assert_eq!(
        shared(&Event::MembersChanged {
            room: &room,
            joined: std::slice::from_ref(&ann),
            left: &[],
            count: 3
        }),
        [format!(r#"42["room:changed",{{{place},"joined":["ann"],"left":[],"count":3}}]"#)]
    );
    let typing = |is| {
        format!(
            r#"42["typing",{{{place},"userId":"ann","isTyping":{is},"timestamp":"2026-11-21T05:03:00.000Z"}}]"#
        )
    };
    let presence = |presence| shared(&Event::Presence { room: &room, user: &ann, presence, away: None });
    let shown = |word| format!(r#"42["presence",{{{place},"userId":"ann","status":"{word}"}}]"#);
    assert_eq!(presence(Presence::Typing), [typing(true)]);
    assert_eq!(presence(Presence::Online), [typing(false), shown("online")]);
    assert_eq!(presence(Presence::Offline), [shown("offline")]);
    let status = Status { state: "idle".into(), detail: None, progress: None };
    let members = [
        MemberView { user: ann, away: Some(NOW), status: None },
        MemberView { user: user("weather"), away: None, status: Some(status) },
    ];
    assert_eq!(
        shared(&Event::Members { id: None, room: &room, members: &members, count: 2, more: false }),
        [format!(
            r#"42["room:members",{{{place},"members":[{{"userId":"ann","presence":"offline"}},{{"userId":"weather","presence":"online","status":"idle"}}],"count":2,"more":false}}]"#
        )]
    );
}

#[test]
fn statuses_and_tasks_are_shown() {
    let (room, bot, ann) = (room("bot:weather"), user("weather"), user("ann"));
    let place = r#""botId":"weather","room":"bot:weather""#;
    let at = r#""timestamp":"2026-11-21T05:03:00.000Z""#;
    let status = Status { state: "error".into(), detail: Some("no sky".into()), progress: None };
    assert_eq!(
        shared(&Event::Status { room: &room, user: &bot, status: &status }),
        [format!(r#"42["bot:status",{{{place},"status":"error","error":"no sky",{at}}}]"#)]
    );
    let status = Status { state: "thinking".into(), detail: Some("hm".into()), progress: Some(5) };
    assert_eq!(
        shared(&Event::Status { room: &room, user: &bot, status: &status }),
        [format!(r#"42["bot:status",{{{place},"status":"thinking","message":"hm","progress":5,{at}}}]"#)]
    );
    assert_eq!(
        shared(&Event::Status { room: &room, user: &ann, status: &status }),
        [format!(
            r#"42["user:status",{{{place},"userId":"ann","status":"thinking","message":"hm","progress":5,{at}}}]"#
        )]
    );
    let task = Task {
        task: "T-1".into(),
        status: Some(status),
        assignee: Some(bot),
        priority: Some(1),
        metadata: Some(r#"{"a": 1}"#.into()),
    };
    assert_eq!(
        shared(&Event::Task { room: &room, user: Some(&ann), task: &task, assigned: true }),
        [format!(
            r#"42["task",{{{place},"taskId":"T-1","status":"thinking","message":"hm","progress":5,"assignee":"weather","priority":1,"metadata":{{"a": 1}},"userId":"ann","assigned":true,{at}}}]"#
        )]
    );
}

#[test]
fn where_one_stands_is_told() {
    let mut kit = Kit::of("ann");
    let room = room("general");
    let joined = Joined {
        next: Seq(5),
        verdict: Verdict::Gap { from: Seq(2), to: Seq(4) },
        ..kit::joined(Position::new(EPOCH, Seq(8)), Roster::Count(1))
    };
    let body = r#""room":"general","epoch":169,"seq":8,"verdict":"gap","next":5,"from":2,"to":4}"#;
    let id = kit.asks(r#"425["room:join","general"]"#).id;
    assert_eq!(
        kit.hears(&Event::Joined { id: None, room: &room, joined: &joined }),
        [format!(r#"42["room:joined",{{{body}]"#)]
    );
    assert_eq!(
        kit.hears(&Event::Joined { id, room: &room, joined: &joined }),
        [format!(r#"435[{{"ok":true,{body}]"#)]
    );
    let position = Position::new(EPOCH, Seq(8));
    assert_eq!(
        kit.hears(&Event::Left { id: None, room: &room, position, kicked: false }),
        [r#"42["room:left",{"room":"general","epoch":169,"seq":8}]"#]
    );
    assert_eq!(
        kit.hears(&Event::Left { id: None, room: &room, position, kicked: true }),
        [r#"42["room:left",{"room":"general","epoch":169,"seq":8,"kicked":true}]"#]
    );
    assert_eq!(
        kit.hears(&Event::Created { id: None, room: &room, position }),
        [r#"42["room:created",{"room":"general","epoch":169}]"#]
    );
    assert_eq!(
        kit.hears(&Event::Gap { room: &room, epoch: EPOCH, from: Seq(1), to: Seq(2) }),
        [r#"42["chat:gap",{"room":"general","epoch":169,"from":1,"to":2}]"#]
    );
    assert_eq!(
        kit.hears(&Event::Lagged { room: &room, next: position }),
        [r#"42["chat:lagged",{"room":"general","epoch":169,"next":8}]"#]
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

/// Good packets, to be spoiled.
const GOOD: [&str; 12] = [
    r#"40{"token":"a.b.c","userId":"ann"}"#,
    "41",
    r#"421["bot:join",{"botId":"weather"}]"#,
    r#"42["room:join","general"]"#,
    r#"4217["chat:message",{"botId":"weather","message":"hi","id":"m-1","mentions":["bob"]}]"#,
    r#"42["typing",{"room":"r","isTyping":true}]"#,
    r#"42["bot:status",{"status":"executing","progress":40}]"#,
    r#"42["task",{"room":"r","taskId":"T-1","metadata":{"a":[1]},"priority":1}]"#,
    r#"422["chat:history",{"room":"r","before":9,"limit":5}]"#,
    r#"40/admin,{}"#,
    "2probe",
    r#"451-["a",{"_placeholder":true,"num":0}]"#,
];

proptest! {
    #[test]
    fn any_text_is_read_or_refused(texts in prop::collection::vec(".{0,80}", 0..100)) {
        let mut kit = Kit::of("ann");
        for text in texts {
            drop(kit.reads(&text));
        }
    }

    #[test]
    fn spoiled_packets_are_read_or_refused_and_little_is_remembered(
        spoiled in prop::collection::vec((0..GOOD.len(), 0_usize..90, any::<char>(), 0_u8..3), 1..200),
    ) {
        let mut kit = Kit::of("ann");
        for (which, at, with, how) in spoiled {
            let mut text: Vec<char> = GOOD[which].chars().collect();
            let at = at % text.len();
            match how {
                0 => text[at] = with,
                1 => text.insert(at, with),
                _ => drop(text.drain(at..)),
            }
            drop(kit.reads(&text.into_iter().collect::<String>()));
            prop_assert!(kit.socketio.waiting() <= kit.limits.unanswered_max as usize);
        }
    }
}
