//! A client against a server played by hand.

use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::{Epoch, Refusal, Seq, gateway::Frame, shard::Verdict};

struct Kit {
    client: Client,
    now: Time,
    out: Vec<ClientOutput>,
}

impl Kit {
    fn new() -> Self {
        Self::with(ClientConfig::default())
    }

    fn with(config: ClientConfig) -> Self {
        let client = Client::new(Arc::new(config), UserName::new("alice").unwrap(), 1);
        Self { client, now: Time(1_000_000), out: vec![] }
    }

    /// Connected, attached, and a member of `general`, which has no messages.
    fn member() -> Self {
        let mut kit = Self::new();
        kit.client.start(kit.now, &mut kit.out);
        kit.submit(Command::Join { room: general() });
        kit.welcome(false);
        kit.server(
            json!({"type": "joined", "room": "general", "epoch": 5, "seq": 0, "verdict": "full", "next": 1}),
        );
        kit.out.clear();
        kit
    }

    fn submit(&mut self, command: Command) -> RequestId {
        self.client.submit(self.now, command, &mut self.out).unwrap()
    }

    fn publish(&mut self, content: &str) -> RequestId {
        self.submit(Command::Publish { room: general(), content: content.into() })
    }

    fn server(&mut self, frame: Value) {
        let text = frame.to_string();
        self.input(ClientInput::Received(Frame::Text(&text)));
    }

    fn input(&mut self, input: ClientInput<'_>) {
        self.client.handle_input(self.now, input, &mut self.out);
    }

    fn welcome(&mut self, resumed: bool) {
        self.input(ClientInput::Opened);
        let (session, secret) = ("1".repeat(32), "2".repeat(32));
        self.server(json!({"type": "welcome", "session": session, "secret": secret, "resumed": resumed}));
    }

    fn say(&mut self, seq: u64) {
        self.server(json!({
            "type": "message", "room": "general", "user": "bob", "content": format!("m{seq}"),
            "timestamp": "2026-11-21T05:03:00.000Z", "seq": seq,
        }));
    }

    /// Waits for the next deadline.
    fn wait(&mut self) {
        self.now = self.client.poll_timeout().expect("a deadline");
        self.input(ClientInput::Timeout);
    }

    /// Frames sent since the last look.
    fn sent(&mut self) -> Vec<Value> {
        let sent = self.out.iter().filter_map(|output| match output {
            ClientOutput::Transmit(text) => Some(serde_json::from_str(text).unwrap()),
            _ => None,
        });
        let sent = sent.collect();
        self.out.clear();
        sent
    }

    fn events(&mut self) -> Vec<ClientEvent> {
        let events = self.out.drain(..).filter_map(|output| match output {
            ClientOutput::Event(event) => Some(event),
            _ => None,
        });
        events.collect()
    }

    fn shown(&mut self) -> Vec<String> {
        let shown = self.events().into_iter().filter_map(|event| match event {
            ClientEvent::Message(shown) => Some(shown.content.into()),
            _ => None,
        });
        shown.collect()
    }
}

fn general() -> RoomName {
    RoomName::new("general").unwrap()
}

#[test]
fn a_message_is_shown_once() {
    let mut kit = Kit::member();
    for seq in [1, 2, 1, 2, 3, 3] {
        kit.say(seq);
    }
    assert_eq!(kit.shown(), ["m1", "m2", "m3"]);
    assert_eq!(kit.client.position(&general()), Some(Position::new(Epoch(5), Seq(3))));
}

#[test]
fn a_missing_message_is_asked_for() {
    let mut kit = Kit::member();
    kit.say(1);
    kit.say(3);
    kit.say(4);
    let sent = kit.sent();
    let join = json!({"type": "join", "room": "general", "user": "alice", "since": 1, "epoch": 5, "id": 3});
    assert_eq!(sent, [join]);
    let joined =
        json!({"type": "joined", "room": "general", "epoch": 5, "seq": 4, "verdict": "full", "next": 2});
    kit.server(joined);
    for seq in 2..=5 {
        kit.say(seq);
    }
    assert_eq!(kit.shown(), ["m2", "m3", "m4", "m5"]);
}

#[test]
fn what_was_not_answered_is_repeated_under_its_number() {
    let mut kit = Kit::member();
    let id = kit.publish("one");
    assert_eq!(kit.sent()[0]["id"], id.0);
    kit.input(ClientInput::Closed { code: None, reason: "" });
    kit.publish("two");
    kit.wait();
    assert!(kit.out.contains(&ClientOutput::Connect));
    kit.out.clear();
    kit.welcome(true);
    let sent = kit.sent();
    let types: Vec<_> = sent.iter().map(|frame| frame["type"].as_str().unwrap()).collect();
    assert_eq!(types, ["hello", "join", "message", "message"]);
    assert_eq!((&sent[0]["session"], &sent[0]["secret"]), (&json!("1".repeat(32)), &json!("2".repeat(32))));
    assert_eq!((&sent[1]["since"], &sent[1]["epoch"]), (&json!(0), &json!(5)));
    assert_eq!((&sent[2]["id"], &sent[2]["content"]), (&json!(id.0), &json!("one")));
}

#[test]
fn under_a_new_session_nothing_is_repeated_that_may_be_there() {
    let mut kit = Kit::member();
    let sent = kit.publish("sent");
    kit.input(ClientInput::Closed { code: None, reason: "" });
    kit.publish("not sent");
    kit.wait();
    kit.out.clear();
    kit.welcome(false);
    let frames: Vec<_> = kit
        .out
        .iter()
        .filter_map(|output| match output {
            ClientOutput::Transmit(text) if text.contains("content") => Some(text.contains("not sent")),
            _ => None,
        })
        .collect();
    assert_eq!(frames, [true]);
    let unresolved = ClientEvent::Unresolved { id: sent, room: general() };
    assert!(kit.events().contains(&unresolved));
}

#[test]
fn a_refusal_for_the_rate_is_not_the_last_word() {
    let mut kit = Kit::member();
    let ids: Vec<_> = ["a", "b", "c"].into_iter().map(|content| kit.publish(content)).collect();
    kit.out.clear();
    for id in &ids {
        kit.server(
            json!({"type": "error", "id": id, "code": "rate_limited", "message": "", "retry_after_ms": 80}),
        );
    }
    assert_eq!(kit.sent(), [] as [Value; 0]);
    let start = kit.now;
    kit.wait();
    assert_eq!(kit.now.since(start), Duration::from_millis(80));
    for id in &ids {
        let sent = kit.sent();
        assert_eq!(sent.len(), 1, "one at a time and in order");
        assert_eq!(sent[0]["id"], id.0);
        kit.server(json!({"type": "ack", "id": id, "room": "general", "epoch": 5, "seq": 1}));
    }
    assert_eq!(kit.client.unanswered(), 0);
}

#[test]
fn a_final_refusal_settles_a_send() {
    let mut kit = Kit::member();
    let id = kit.publish("a");
    kit.out.clear();
    kit.server(json!({"type": "error", "id": id, "code": "not_member", "message": ""}));
    let refused = ClientEvent::Refused { id: Some(id), refusal: Refusal::NotMember, retry_after: None };
    assert_eq!(kit.events(), [refused]);
    assert_eq!(kit.client.unanswered(), 0);
}

#[test]
fn no_more_than_the_server_accepts_is_on_its_way() {
    let mut kit = Kit::member();
    let ids: Vec<RequestId> = (0..100).map(|n| kit.publish(&n.to_string())).collect();
    assert_eq!(kit.sent().len(), 64);
    kit.server(json!({"type": "ack", "id": ids[0], "room": "general", "epoch": 5, "seq": 1}));
    assert_eq!(kit.sent().len(), 1);
}

#[test]
fn the_queue_is_bounded() {
    let mut kit = Kit::with(ClientConfig { queue_max: 2, ..ClientConfig::default() });
    kit.publish("a");
    kit.publish("b");
    let command = Command::Publish { room: general(), content: "c".into() };
    assert_eq!(kit.client.submit(kit.now, command, &mut kit.out), Err(QueueFull));
}

#[test]
fn the_server_names_the_return() {
    let mut kit = Kit::member();
    kit.input(ClientInput::Closed { code: Some(4101), reason: "shutdown retry_after_ms=1234" });
    let retry_in = Duration::from_millis(1234);
    assert_eq!(kit.events(), [ClientEvent::Disconnected { code: Some(4101), retry_in }]);
    assert_eq!(kit.client.poll_timeout(), Some(kit.now + retry_in));
}

#[test]
fn some_closes_are_final() {
    for code in [1000, 4000, 4500, 4501] {
        let mut kit = Kit::member();
        kit.input(ClientInput::Closed { code: Some(code), reason: "" });
        assert_eq!(kit.events(), [ClientEvent::Ended { code: Some(code) }]);
        assert_eq!(kit.client.poll_timeout(), None);
    }
}

#[test]
fn silence_is_a_dead_connection() {
    let mut kit = Kit::member();
    kit.wait();
    assert_eq!(kit.out[0], ClientOutput::Close { code: SILENCE_CODE });
    assert!(matches!(kit.out[1], ClientOutput::Event(ClientEvent::Disconnected { code: None, .. })));
}

#[test]
fn typing_ends_by_itself() {
    let mut kit = Kit::member();
    kit.server(json!({"type": "presence", "room": "general", "user": "bob", "status": "typing"}));
    kit.out.clear();
    kit.wait();
    let user = UserName::new("bob").unwrap();
    let online = ClientEvent::Presence { room: general(), user, presence: Presence::Online };
    assert_eq!(kit.events(), [online]);
}

#[test]
fn a_reset_begins_where_the_server_says() {
    let mut kit = Kit::member();
    kit.say(1);
    kit.out.clear();
    let joined =
        json!({"type": "joined", "room": "general", "epoch": 9, "seq": 7, "verdict": "reset", "next": 6});
    kit.server(joined);
    let [ClientEvent::Joined { verdict: Verdict::Reset, .. }] = kit.events()[..] else { panic!() };
    for seq in 6..=8 {
        kit.say(seq);
    }
    assert_eq!(kit.shown(), ["m6", "m7", "m8"]);
}

#[test]
fn a_leave_outlives_the_connection() {
    let mut kit = Kit::member();
    kit.input(ClientInput::Closed { code: None, reason: "" });
    kit.submit(Command::Leave { room: general() });
    kit.wait();
    kit.out.clear();
    kit.welcome(true);
    let types: Vec<_> = kit.sent().iter().map(|frame| frame["type"].as_str().unwrap().to_owned()).collect();
    assert_eq!(types, ["hello", "leave"]);
    kit.server(json!({"type": "left", "room": "general", "epoch": 5, "seq": 0}));
    assert_eq!(kit.client.position(&general()), None);
}

proptest! {
    #[test]
    fn backoff_grows_and_is_bounded(seed: u64, attempts in 1usize..20) {
        let mut client = Client::new(Arc::default(), UserName::new("alice").unwrap(), seed);
        let (mut now, mut out) = (Time(0), vec![]);
        client.start(now, &mut out);
        for attempt in 0..attempts {
            client.handle_input(now, ClientInput::Closed { code: None, reason: "" }, &mut out);
            let wait = client.poll_timeout().unwrap().since(now);
            let bound = 1.0f64.mul_add(1.5f64.powi(i32::try_from(attempt).unwrap()), 1e-6).min(30.0);
            prop_assert!(wait.as_secs_f64() <= bound, "{wait:?} at attempt {attempt}");
            now = now + wait;
            client.handle_input(now, ClientInput::Timeout, &mut out);
        }
    }

    #[test]
    fn whatever_comes_in_nothing_breaks(frames in proptest::collection::vec(".{0,80}", 0..50)) {
        let mut kit = Kit::member();
        for frame in &frames {
            kit.input(ClientInput::Received(Frame::Text(frame)));
        }
        prop_assert!(kit.client.is_attached());
    }
}
