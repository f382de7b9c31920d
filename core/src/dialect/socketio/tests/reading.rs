//! What clients emit.

use proptest::prelude::*;

use super::*;

#[test]
fn connecting_says_who_one_is() {
    let hello = |text: &str| match Kit::outside().asks(text) {
        Request { id: Some(_), user, command: Command::Hello { resume: None, token } } => {
            (user.map(|user| user.to_string()), token.map(|token| token.reveal().to_owned()))
        }
        other => panic!("{other:?}"),
    };
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(hello("40"), (None, None));
    assert_eq!(hello(r#"40{"token":"a.b-c"}"#), (some("a.b-c"), some("a.b-c")));
    assert_eq!(hello(r#"40{"token":"no name","x":[1]}"#), (None, some("no name")));
    let unsigned = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbm4ifQ.";
    let shown = format!(r#"40{{"token":"{unsigned}"}}"#);
    assert_eq!(hello(&shown), (None, some(unsigned)), "no name, either");
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
    let text = r#"42["bot:status",{"status":"executing","message":"asking the sky","progress":39.6}]"#;
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
