use chinwag_scenarios::dialects;

use super::*;

/// A bot and what it was told to do, without a socket.
struct Trial {
    bot: Interpreter,
    now: Time,
    out: Vec<ClientOutput>,
}

impl Trial {
    fn of(text: &str) -> Self {
        let protocol = Arc::new(Protocol::parse("trial", text).unwrap_or_else(|error| panic!("{error}")));
        let bot = Interpreter::new(protocol, UserName::new("ann").unwrap(), "a-token", 1);
        Self { bot, now: Time(0), out: Vec::new() }
    }

    fn dialect(name: &str) -> Self {
        Self::of(dialects().iter().find(|file| file.name == name).unwrap().text)
    }

    fn join(&mut self, room: &str) {
        let room = RoomName::new(room).unwrap();
        self.bot.submit(self.now, Command::Join { room }, &mut self.out).unwrap();
    }

    fn say(&mut self, room: &str, content: &str) {
        let (room, content) = (RoomName::new(room).unwrap(), content.into());
        self.bot.submit(self.now, Command::Publish { room, content, extra: None }, &mut self.out).unwrap();
    }

    fn open(&mut self) {
        self.bot.start(&mut self.out);
        self.bot.handle_input(self.now, ClientInput::Opened, &mut self.out);
    }

    fn hear(&mut self, frame: &str) {
        self.bot.handle_input(self.now, ClientInput::Received(Received::Text(frame)), &mut self.out);
    }

    fn lose(&mut self) {
        self.bot.handle_input(self.now, ClientInput::Closed { code: None, reason: "" }, &mut self.out);
    }

    /// Lets time pass until its next deadline.
    fn wait(&mut self) {
        self.now = self.bot.poll_timeout().expect("it waits for something");
        self.bot.handle_input(self.now, ClientInput::Timeout, &mut self.out);
    }

    /// The frames since the last time.
    fn sent(&mut self) -> Vec<String> {
        let frame = |output| match output {
            ClientOutput::Transmit(text) => Some(text),
            _ => None,
        };
        self.out.drain(..).filter_map(frame).collect()
    }
}

fn room(name: &str) -> Heard {
    Heard::InRoom(RoomName::new(name).unwrap())
}

fn said(room: Option<&str>, user: Option<&str>, payload: &str) -> Heard {
    Heard::Said { room: room.map(Box::from), user: user.map(Box::from), payload: payload.into() }
}

#[test]
fn socketio_is_greeted_joined_and_answered_by_number() {
    let mut trial = Trial::dialect("socketio");
    trial.join("a");
    trial.join("b");
    trial.say("b", "early");
    trial.open();
    assert_eq!(trial.sent(), [""; 0], "it waits for the server's greeting");
    trial.hear(r#"0{"sid":"x","pingInterval":25000}"#);
    assert_eq!(trial.sent(), [r#"40{"userId":"ann","token":"a-token"}"#]);
    trial.hear("2");
    assert_eq!(trial.sent(), ["3"], "pings are answered before one is let in, too");
    trial.hear(r#"40{"sid":"y"}"#);
    assert_eq!(trial.sent(), [r#"425["room:join",{"room":"a"}]"#, r#"426["room:join",{"room":"b"}]"#]);
    trial.hear(r#"436[{"ok":true,"room":"b"}]"#);
    assert_eq!(trial.sent(), [r#"423["chat:message",{"room":"b","message":"early"}]"#]);
    assert_eq!(trial.bot.take_heard(), [Heard::LetIn, room("b")]);
    trial.hear(r#"42["chat:message",{"room":"b","userId":"bob","message":"hello"}]"#);
    trial.hear(r#"433[{"ok":true}]"#);
    trial.hear(r#"433[{"ok":true}]"#);
    trial.hear(r#"42["typing",{"room":"b","userId":"bob"}]"#);
    assert_eq!(
        trial.bot.take_heard(),
        [said(Some("b"), Some("bob"), "hello"), Heard::Accepted("early".into())]
    );
}

#[test]
fn a_refusal_names_what_was_refused_if_it_can() {
    let mut trial = Trial::dialect("envelope");
    trial.join("a");
    trial.open();
    trial.hear(r#"{"type":"connected","payload":{}}"#);
    trial.hear(r#"{"type":"joinRoom","payload":{"roomId":"a","replyTo":"2"}}"#);
    trial.say("a", "one");
    trial.say("a", "two");
    trial.bot.take_heard();
    trial.hear(r#"{"type":"error","payload":{"code":"too_long","details":{"messageId":"4"}}}"#);
    trial.hear(r#"{"type":"error","payload":{"code":"slow_down"}}"#);
    trial.hear(r#"{"type":"messageReceived","payload":{"messageId":"3"}}"#);
    let refused = Heard::Refused(Some("two".into()), "too_long".into());
    let general = Heard::Refused(None, "slow_down".into());
    assert_eq!(trial.bot.take_heard(), [refused, general, Heard::Accepted("one".into())]);
}

#[test]
fn what_comes_back_is_the_answer_where_there_is_no_other() {
    let mut trial = Trial::dialect("lobby");
    trial.join("dev");
    trial.open();
    trial.hear("* Welcome, ann. /help lists what you can do.");
    assert_eq!(trial.sent(), ["/join dev"]);
    trial.hear("* You have joined #lobby. You are in #lobby now.");
    trial.hear("* You have joined #dev. You are in #dev now.");
    trial.say("dev", "hello");
    trial.hear("2026-11-21T05:03:00.000Z #dev bob: hello there");
    trial.hear("2026-11-21T05:03:00.000Z #dev ann: hello");
    let heard = [
        Heard::LetIn,
        room("dev"),
        said(Some("dev"), Some("bob"), "hello there"),
        Heard::Accepted("hello".into()),
        said(Some("dev"), Some("ann"), "hello"),
    ];
    assert_eq!(trial.bot.take_heard(), heard);
}

#[test]
fn who_is_lost_comes_back_enters_again_and_says_nothing_twice() {
    let mut trial = Trial::dialect("lobby");
    trial.join("dev");
    trial.open();
    trial.hear("* Welcome, ann. x");
    trial.hear("* You have joined #dev. x");
    trial.say("dev", "sent");
    trial.sent();
    trial.bot.take_heard();
    trial.lose();
    trial.say("dev", "later");
    assert_eq!(trial.bot.take_heard(), [Heard::Unresolved("sent".into())]);
    assert_eq!(trial.sent(), [""; 0]);
    trial.wait();
    assert!(trial.out.contains(&ClientOutput::Connect));
    assert!(trial.now <= Time(0) + BACKOFF_BASE);
    trial.bot.handle_input(trial.now, ClientInput::Opened, &mut trial.out);
    trial.hear("* Welcome, ann. x");
    trial.hear("* You have joined #dev. x");
    assert_eq!(trial.sent(), ["/join dev", "later"]);
}

#[test]
fn an_answer_that_does_not_come_ends_the_connection() {
    let mut trial = Trial::dialect("lobby");
    trial.join("dev");
    trial.open();
    trial.wait();
    assert_eq!(trial.now, Time(0) + ANSWER_TIMEOUT);
    assert!(trial.out.contains(&ClientOutput::Close { code: 1000 }));
    assert_eq!(trial.bot.take_heard(), [Heard::Refused(None, "not let in within 10 s".into())]);
    trial.out.clear();
    trial.wait();
    assert!(trial.out.contains(&ClientOutput::Connect));
}

#[test]
fn waits_grow_up_to_a_bound() {
    let mut trial = Trial::dialect("raw");
    let mut waits: Vec<Duration> = Vec::new();
    for _ in 0..40 {
        waits.push(trial.bot.backoff());
        trial.bot.failures += 1;
    }
    assert!(waits[0] <= BACKOFF_BASE && waits.iter().all(|wait| *wait <= BACKOFF_MAX), "{waits:?}");
    assert!(waits[8..].iter().any(|wait| *wait > BACKOFF_MAX / 2), "{waits:?}");
}

#[test]
fn others_hear_and_nobody_answers() {
    let mut trial = Trial::of(
        r#"
        [protocol]
        name = "others"
        rooms = "shared"
        heard_by = "others"
        lines = true
        [protocol.say]
        send = "{payload}"
        [protocol.delivery]
        text = "{user}: {payload}"
    "#,
    );
    trial.join("all");
    trial.open();
    trial.say("all", "hello");
    trial.hear("bob: one\n\ncat: two\n");
    let heard = [
        Heard::LetIn,
        room("all"),
        Heard::Accepted("hello".into()),
        said(None, Some("bob"), "one"),
        said(None, Some("cat"), "two"),
    ];
    assert_eq!((trial.sent(), trial.bot.take_heard()), (vec!["hello".to_owned()], heard.to_vec()));
}

/// Frames as Centrifugo's documentation shows them, two of them in one.
#[test]
fn centrifugo_is_spoken_to_as_documented() {
    let mut trial = Trial::of(include_str!("../../../protocols/centrifugo.toml"));
    trial.join("room");
    trial.open();
    assert_eq!(trial.sent(), [r#"{"id":2,"connect":{"token":"a-token"}}"#]);
    trial.hear(r#"{"id":2,"connect":{"client":"42717c32","version":"6.0.0","ping":25,"pong":true}}"#);
    assert_eq!(trial.sent(), [r#"{"id":3,"subscribe":{"channel":"room"}}"#]);
    trial.hear("{}");
    assert_eq!(trial.sent(), ["{}"]);
    trial.hear(r#"{"id":3,"subscribe":{}}"#);
    trial.say("room", "one");
    trial.say("room", "two");
    let frame = r#"{"id":4,"publish":{"channel":"room","data":{"text":"one"}}}"#;
    assert_eq!(trial.sent()[0], frame);
    assert_eq!(trial.bot.take_heard(), [Heard::LetIn, room("room")]);
    let push = r#"{"push":{"channel":"room","pub":{"data":{"text":"one"},"info":{"user":"ann","client":"42717c32"}}}}"#;
    trial.hear(&format!("{push}\n{}\n", r#"{"id":4,"publish":{}}"#));
    trial.hear(r#"{"id":5,"error":{"code":103,"message":"permission denied"}}"#);
    let heard = [
        said(Some("room"), Some("ann"), "one"),
        Heard::Accepted("one".into()),
        Heard::Refused(Some("two".into()), "permission denied".into()),
    ];
    assert_eq!(trial.bot.take_heard(), heard);
}
