//! What clients hear.

use super::*;

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
