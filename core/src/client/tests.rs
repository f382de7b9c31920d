//! A client against a server played by hand.

use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Value, json};

use self::kit::{Kit, general, requests, room};
use super::*;
use crate::{
    Epoch, Seq,
    gateway::Frame,
    shard::{Status, Verdict},
};

mod asks;
mod kit;
mod vectors;

#[test]
fn a_welcome_need_not_say_what_the_server_allows() {
    let mut kit = Kit::new();
    kit.client.start(kit.now, &mut kit.out);
    kit.welcome(false);
    assert_eq!(kit.client.limits(), None);
    let (session, secret) = ("1".repeat(32), "2".repeat(32));
    let limits = json!({"message_rate": "as you like"});
    kit.server(json!({
        "type": "welcome", "session": session, "secret": secret, "resumed": true, "limits": limits,
    }));
    assert_eq!(kit.client.limits(), None, "in words that we do not know");
    let attached = |event: &ClientEvent| matches!(event, ClientEvent::Attached { .. });
    assert_eq!(kit.events().iter().filter(|event| attached(event)).count(), 2, "and all is well");
}

#[test]
fn what_is_too_long_for_a_frame_is_not_sent() {
    let mut kit = Kit::member();
    let refused =
        |id| ClientEvent::Refused { id: Some(id), refusal: Refusal::FrameTooLarge, retry_after: None };
    let short_bytes = 80;
    let long = "\u{1}".repeat(short_bytes);
    let sent_before = kit.publish(&long);
    kit.sent();
    let frame_bytes = 256;
    kit.limits = Some(Limits { frame_bytes, ..Limits::from(&crate::config::GatewayConfig::default()) });
    kit.reconnect();
    kit.joined("general");
    assert!(kit.events().contains(&ClientEvent::Unresolved { id: sent_before, room: general() }));
    let ids = [long.as_str(), "short", &long].map(|content| kit.publish(content));
    assert_eq!(kit.client.unanswered(), 1, "the short one");
    assert_eq!(kit.events(), [refused(ids[0]), refused(ids[2])]);
    let status = Status { state: long.into(), detail: None, progress: None };
    let id = kit.submit(Command::Status { room: general(), status });
    assert_eq!(kit.out, [ClientOutput::Event(refused(id))]);
}

#[test]
fn a_leave_does_not_wait_for_what_is_not_sent() {
    let mut kit = Kit::member();
    kit.limits = Some(Limits { frame_bytes: 256, ..Limits::from(&crate::config::GatewayConfig::default()) });
    kit.input(ClientInput::Closed { code: None, reason: "" });
    kit.publish(&"x".repeat(256));
    kit.submit(Command::Leave { room: general() });
    kit.wait();
    kit.out.clear();
    kit.welcome(true);
    kit.joined("general");
    assert_eq!(requests(&kit.sent()), ["hello ", "join general", "leave general"]);
}

#[test]
fn a_greeting_that_is_too_long_is_not_repeated() {
    let mut kit = Kit::new();
    kit.client.start(kit.now, &mut kit.out);
    kit.input(ClientInput::Opened);
    kit.server(json!({"type": "error", "code": "frame_too_large", "message": ""}));
    assert!(kit.client.is_ended());
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
    let join = json!({"type": "join", "room": "general", "user": "alice", "since": 1, "epoch": 5, "id": 2});
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
    assert_eq!(requests(&sent), ["hello ", "join general"], "what only members may say waits for the join");
    assert_eq!((&sent[0]["session"], &sent[0]["secret"]), (&json!("1".repeat(32)), &json!("2".repeat(32))));
    assert_eq!((&sent[1]["since"], &sent[1]["epoch"]), (&json!(0), &json!(5)));
    kit.joined("general");
    let sent = kit.sent();
    assert_eq!(requests(&sent), ["message general", "message general"]);
    assert_eq!((&sent[0]["id"], &sent[0]["content"]), (&json!(id.0), &json!("one")));
}

#[test]
fn who_will_not_wait_is_connected_anew_and_the_session_goes_on() {
    let mut kit = Kit::member();
    kit.say(1);
    kit.out.clear();
    kit.client.reconnect(kit.now, &mut kit.out);
    let disconnected = ClientEvent::Disconnected { code: None, retry_in: Duration::ZERO };
    let outputs = [
        ClientOutput::Close { code: SILENCE_CODE },
        ClientOutput::Event(disconnected),
        ClientOutput::Connect,
    ];
    assert_eq!(kit.out, outputs);
    kit.out.clear();
    kit.welcome(true);
    let sent = kit.sent();
    assert_eq!(requests(&sent), ["hello ", "join general"]);
    assert_eq!((&sent[0]["session"], &sent[1]["since"]), (&json!("1".repeat(32)), &json!(1)));

    kit.input(ClientInput::Closed { code: None, reason: "" });
    kit.out.clear();
    kit.client.reconnect(kit.now, &mut kit.out);
    assert_eq!(kit.out, [ClientOutput::Connect], "instead of the wait");
    kit.out.clear();
    kit.client.reconnect(kit.now, &mut kit.out);
    assert_eq!(kit.out, [ClientOutput::Connect], "instead of an attempt that takes long");
    kit.client.shutdown(kit.now, &mut kit.out);
    kit.out.clear();
    kit.client.reconnect(kit.now, &mut kit.out);
    assert_eq!(kit.out, [], "over is over");
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
    kit.joined("general");
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
fn where_the_session_was_forgotten_nothing_is_repeated_that_may_be_there() {
    let mut kit = Kit::member();
    kit.submit(Command::Join { room: room("other") });
    kit.joined("other");
    let [refused, sent, elsewhere] = [("general", "refused"), ("general", "sent"), ("other", "sent")]
        .map(|(name, text)| kit.publish_in(name, text));
    kit.slow_down(&json!(refused), 100);
    kit.reconnect();
    kit.out.clear();
    kit.joined_anew("general");
    let events =
        kit.out.iter().filter(|output| matches!(output, ClientOutput::Event(ClientEvent::Unresolved { .. })));
    let unresolved = ClientEvent::Unresolved { id: sent, room: general() };
    assert!(events.eq([&ClientOutput::Event(unresolved)]), "{:?}", kit.out);
    kit.joined("other");
    // Neither is in its room without an answer.
    for id in [refused, elsewhere].map(|id| json!(id)) {
        let repeated: Vec<_> = kit.sent().into_iter().filter(|frame| frame["type"] == "message").collect();
        assert_eq!(repeated.iter().map(|frame| &frame["id"]).collect::<Vec<_>>(), [&id]);
        kit.acknowledge(&id);
    }
}

/// The first `joined` that would have said so was lost with its connection.
#[test]
fn what_was_forgotten_stays_forgotten() {
    let mut kit = Kit::member();
    let sent = kit.publish("sent");
    kit.reconnect();
    kit.reconnect();
    kit.server(json!({
        "type": "joined", "room": "general", "epoch": 5, "seq": 0, "verdict": "full", "next": 1, "known_since": 2,
    }));
    assert!(kit.events().contains(&ClientEvent::Unresolved { id: sent, room: general() }));
}

#[test]
fn where_we_may_not_go_back_to_nobody_tells_what_became_of_our_sends() {
    let mut kit = Kit::member();
    let sent = kit.publish("sent");
    kit.reconnect();
    let join = kit.sent().pop().expect("a join")["id"].clone();
    kit.refuse(&join, "room_full");
    let is_repeat =
        |output: &ClientOutput| matches!(output, ClientOutput::Transmit(text) if text.contains("content"));
    assert!(!kit.out.iter().any(is_repeat));
    assert!(kit.events().contains(&ClientEvent::Unresolved { id: sent, room: general() }));
}

#[test]
fn what_is_on_its_way_on_this_connection_is_not_given_up() {
    let mut kit = Kit::member();
    kit.reconnect();
    kit.joined_anew("general");
    let sent = kit.publish("sent");
    kit.joined_anew("general");
    kit.acknowledge(&json!(sent));
    let is_given_up = |event: &ClientEvent| matches!(event, ClientEvent::Unresolved { .. });
    assert!(!kit.events().iter().any(is_given_up));
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
fn who_is_closed_for_the_rate_goes_on_one_by_one_on_the_next_connection() {
    let mut kit = Kit::member();
    let ids: Vec<_> = ["a", "b", "c"].into_iter().map(|content| json!(kit.publish(content))).collect();
    kit.slow_down(&ids[2], 80);
    kit.input(ClientInput::Closed { code: Some(4001), reason: "rate_limited retry_after_ms=80" });
    kit.wait();
    kit.out.clear();
    // Nothing may go before it is in its room again, and all of it still waits then.
    kit.welcome(true);
    let is_message = |frame: &Value| frame["type"] == "message";
    assert!(!kit.sent().iter().any(is_message));
    kit.joined("general");
    for id in &ids {
        let sent: Vec<_> = kit.sent().into_iter().filter(is_message).collect();
        assert_eq!(sent.iter().map(|frame| &frame["id"]).collect::<Vec<_>>(), [id]);
        kit.acknowledge(id);
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
    let command = Command::Publish { room: general(), content: "c".into(), extra: None };
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

#[test]
fn a_send_waits_for_a_join_refused_for_its_rate() {
    let mut kit = Kit::member();
    kit.input(ClientInput::Closed { code: None, reason: "" });
    for content in ["one", "two"] {
        kit.publish(content);
    }
    kit.wait();
    kit.out.clear();
    kit.welcome(true);
    let sent = kit.sent();
    kit.slow_down(&sent[1]["id"], 80);
    assert_eq!(requests(&kit.sent()), [""; 0]);
    kit.wait();
    assert_eq!(requests(&kit.sent()), ["join general"]);
    kit.joined("general");
    let contents: Vec<_> = kit.sent().iter().map(|frame| frame["content"].clone()).collect();
    assert_eq!(contents, ["one", "two"]);
}

#[test]
fn a_send_passes_those_that_wait_for_other_rooms_but_not_too_many() {
    let mut kit = Kit::member();
    kit.submit(Command::Join { room: room("slow") });
    let oldest = kit.publish_in("slow", "kept back");
    for n in 0..100 {
        kit.publish(&n.to_string());
    }
    let mut passed = vec![];
    loop {
        let sent = kit.sent();
        let messages: Vec<_> = sent.iter().filter(|frame| frame["type"] == "message").collect();
        if messages.is_empty() {
            break;
        }
        for frame in messages {
            passed.push(frame["content"].as_str().unwrap().to_owned());
            kit.acknowledge(&frame["id"]);
        }
    }
    let in_order: Vec<_> = (0..63).map(|n| n.to_string()).collect();
    assert_eq!(passed, in_order, "after 64 more answers the server would not know the oldest");
    kit.joined("slow");
    assert_eq!(kit.sent()[0]["id"], oldest.0);
}

#[test]
fn a_send_to_a_room_that_cannot_be_entered_gets_its_answer() {
    let mut kit = Kit::member();
    kit.publish_in("stranger", "a");
    assert_eq!(requests(&kit.sent()), ["message stranger"]);
    let join = kit.submit(Command::Join { room: room("full") });
    kit.publish_in("full", "b");
    assert_eq!(requests(&kit.sent()), ["join full"]);
    kit.refuse(&json!(join), "room_full");
    assert_eq!(requests(&kit.sent()), ["message full"]);
}

#[test]
fn a_reason_of_a_newer_server_is_a_refusal() {
    let mut kit = Kit::member();
    let join = kit.submit(Command::Join { room: room("odd") });
    kit.publish_in("odd", "a");
    kit.out.clear();
    kit.refuse(&json!(join), "wrong_moon");
    assert!(kit.out.contains(&ClientOutput::Event(ClientEvent::Warning { refusal: None, count: 1 })));
    assert_eq!(requests(&kit.sent()), ["message odd"]);
}

#[test]
fn what_was_said_before_a_leave_is_said_before_it() {
    let mut kit = Kit::member();
    let before = kit.publish("before");
    kit.out.clear();
    kit.submit(Command::Leave { room: general() });
    let after = kit.publish("after");
    kit.slow_down(&json!(before), 80);
    assert_eq!(requests(&kit.sent()), [""; 0]);
    kit.reconnect();
    assert_eq!(requests(&kit.sent()), ["hello ", "join general"]);
    kit.joined("general");
    assert_eq!(kit.sent()[0]["id"], before.0);
    kit.acknowledge(&json!(before));
    let sent = kit.sent();
    assert_eq!(requests(&sent), ["leave general", "message general"]);
    assert_eq!(sent[1]["id"], after.0);
    kit.server(json!({"type": "left", "room": "general", "epoch": 5, "seq": 1, "id": sent[0]["id"]}));
    assert_eq!(kit.client.position(&general()), None);
}

#[test]
fn the_last_word_about_a_room_counts() {
    let mut kit = Kit::member();
    let [join, leave] = [Command::Join { room: general() }, Command::Leave { room: general() }];
    let left = kit.submit(leave.clone());
    for command in [&join, &leave, &join] {
        kit.submit(command.clone());
    }
    assert_eq!(requests(&kit.sent()), ["leave general"], "one request at a time");
    kit.publish("back again");
    kit.server(json!({"type": "left", "room": "general", "epoch": 5, "seq": 0, "id": left}));
    assert_eq!(requests(&kit.sent()), ["join general"]);
    kit.joined("general");
    assert_eq!(requests(&kit.sent()), ["message general"]);
}

#[test]
fn joins_over_the_rate_are_asked_one_by_one() {
    let mut kit = Kit::new();
    kit.client.start(kit.now, &mut kit.out);
    for n in 0..100 {
        kit.submit(Command::Join { room: room(&format!("room-{n}")) });
    }
    kit.welcome(false);
    // A bucket of forty: each millisecond a fiftieth of a token comes back.
    let (mut tokens, mut refused, mut joined) = (2_000, 0, vec![]);
    while joined.len() < 100 {
        let mut sent = kit.sent();
        if sent.is_empty() {
            let start = kit.now;
            kit.wait();
            tokens += kit.now.since(start).as_millis();
            sent = kit.sent();
            assert_eq!(sent.len(), 1);
        }
        for frame in sent.into_iter().filter(|frame| frame["type"] == "join") {
            if tokens >= 50 {
                tokens -= 50;
                let room = frame["room"].as_str().unwrap().to_owned();
                kit.joined(&room);
                joined.push(room);
            } else {
                refused += 1;
                kit.slow_down(&frame["id"], u64::try_from(50 - tokens).unwrap());
            }
        }
    }
    let in_order: Vec<_> = (0..100).map(|n| format!("room-{n}")).collect();
    assert_eq!(joined, in_order);
    assert!(refused < 100, "{refused}");
}

#[test]
fn a_refused_hello_is_tried_again() {
    for (kind, code) in [("error", "too_many_sessions"), ("error", "wrong_moon"), ("warning", "rate_limited")]
    {
        let mut kit = Kit::new();
        kit.client.start(kit.now, &mut kit.out);
        kit.input(ClientInput::Opened);
        kit.out.clear();
        kit.server(json!({"type": kind, "code": code, "message": "", "retry_after_ms": 700}));
        let retry_in = Duration::from_millis(700);
        let told = matches!(
            &kit.out[0],
            ClientOutput::Event(ClientEvent::Refused { .. } | ClientEvent::Warning { .. })
        );
        assert!(told, "{:?}", kit.out);
        assert_eq!(kit.out[1], ClientOutput::Close { code: HELLO_REFUSED_CODE });
        let gone = ClientEvent::Disconnected { code: None, retry_in };
        assert_eq!(kit.out[2..], [ClientOutput::Event(gone)]);
        kit.input(ClientInput::Closed { code: Some(4501), reason: "attach_timeout" });
        kit.wait();
        assert_eq!(kit.out.last(), Some(&ClientOutput::Connect));
    }
}

#[test]
fn numbers_that_cannot_be_are_not_understood() {
    let mut kit = Kit::member();
    for to in [u64::MAX, 1 << 53] {
        kit.server(json!({"type": "gap", "room": "general", "epoch": 5, "from": 1, "to": to}));
        kit.say(to);
    }
    assert_eq!(kit.client.position(&general()), Some(Position::new(Epoch(5), Seq(0))));
    kit.server(json!({"type": "gap", "room": "general", "epoch": 5, "from": 1, "to": (1u64 << 53) - 1}));
    kit.say(1);
    kit.say(1 << 53);
    assert_eq!(kit.shown(), [""; 0]);
}

#[test]
fn a_hold_that_nothing_waits_for_ends() {
    let mut kit = Kit::member();
    let id = json!(kit.publish("x"));
    kit.slow_down(&id, 100);
    kit.acknowledge(&id);
    let quiet = kit.now + ClientConfig::default().silence_timeout;
    kit.wait();
    assert_eq!(kit.client.poll_timeout(), Some(quiet));
}

#[test]
fn no_server_sends_a_client_away_for_ever() {
    let mut kit = Kit::member();
    let id = json!(kit.publish("x"));
    kit.slow_down(&id, u64::MAX);
    kit.input(ClientInput::Closed {
        code: Some(4101),
        reason: "shutdown retry_after_ms=18446744073709551615",
    });
    assert_eq!(kit.client.poll_timeout(), Some(kit.now + RETRY_AFTER_MAX));
    let waits: Vec<_> = kit
        .events()
        .into_iter()
        .filter_map(|event| match event {
            ClientEvent::Refused { retry_after, .. } => retry_after,
            ClientEvent::Disconnected { retry_in, .. } => Some(retry_in),
            _ => None,
        })
        .collect();
    assert_eq!(waits, [RETRY_AFTER_MAX; 2]);
}

#[test]
fn typing_notices_are_bounded() {
    let mut kit = Kit::with(ClientConfig { typing_max: 2, ..ClientConfig::default() });
    kit.client.start(kit.now, &mut kit.out);
    kit.welcome(false);
    kit.out.clear();
    for user in ["zoe", "bob", "carol"] {
        kit.now = kit.now + Duration::from_millis(1);
        kit.server(json!({"type": "presence", "room": "general", "user": user, "status": "typing"}));
    }
    let user = UserName::new("zoe").unwrap();
    let ended = ClientEvent::Presence { room: general(), user, presence: Presence::Online };
    assert_eq!(kit.events().last(), Some(&ended));
    assert_eq!(kit.client.typing.len(), 2);
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
