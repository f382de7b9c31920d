use chinwag_core::{ConnectionId, SessionId, UserName, disconnect::Disconnect, gateway::Notice};

use super::*;
use crate::{
    Scenario, capture,
    import::lines::{Heard, Reads},
    plan::profile::Profile,
};

const ANN: ConnectionId = ConnectionId(1);
const BOB: ConnectionId = ConnectionId(2);
const AGAIN: ConnectionId = ConnectionId(3);

fn asks(user: &str, seq: u64) -> Question {
    Question { user: user.to_owned(), room: "tea".to_owned(), seq: Some(Seq(seq)), epoch: None }
}

/// What an account is told, at one second after the other.
struct Capture<'a> {
    account: Account<'a>,
    at: Time,
}

impl<'a> Capture<'a> {
    fn new(question: &'a Question) -> Self {
        Self { account: Account::new(question), at: Time(0) }
    }

    fn now(&mut self) -> Time {
        self.at = Time(self.at.0 + 1_000_000);
        self.at
    }

    fn attaches(&mut self, connection: ConnectionId, user: &str) {
        let at = self.now();
        let user = UserName::new(user).unwrap();
        let session = SessionId(u128::from(connection.0));
        self.account.noticed(at, &Notice::Attached { connection, user, session, resumed: false });
        self.account.line(at, connection, Heard::Opened);
    }

    fn says(&mut self, connection: ConnectionId, text: &str) {
        let at = self.now();
        self.account.line(at, connection, Heard::Says(serde_json::from_str(text).unwrap()));
    }

    fn reads(&mut self, connection: ConnectionId, text: &str) {
        let at = self.now();
        self.account.line(at, connection, Heard::Reads(serde_json::from_str::<Reads<'_>>(text).unwrap()));
    }

    fn joins(&mut self, connection: ConnectionId, head: u64, next: u64) {
        self.reads(
            connection,
            &format!(
                r#"{{"type":"joined","room":"tea","epoch":7,"seq":{head},"verdict":"full","next":{next},"known_since":1}}"#
            ),
        );
    }

    fn is_shown(&mut self, connection: ConnectionId, seqs: impl IntoIterator<Item = u64>) {
        for seq in seqs {
            self.reads(
                connection,
                &format!(
                    r#"{{"type":"message","room":"tea","user":"ann","content":"x","timestamp":"2026-01-01T00:00:00Z","seq":{seq}}}"#
                ),
            );
        }
    }

    /// Ann is there and reads the first four messages; so is Bob, from the first on, and reads the first.
    fn of_two(question: &'a Question) -> Self {
        let mut capture = Self::new(question);
        for (connection, user) in [(ANN, "ann"), (BOB, "bob")] {
            capture.attaches(connection, user);
            capture.joins(connection, 0, 1);
            capture.is_shown(connection, 1..=1);
        }
        capture
    }

    fn explained(self) -> Explained {
        self.account.explained(None).unwrap()
    }

    /// What is said of the only message that is asked for.
    fn text(self) -> String {
        let explained = self.explained();
        assert_eq!(explained.messages.len(), 1);
        explained.to_string()
    }
}

#[track_caller]
fn contains(text: &str, words: &[&str]) {
    for word in words {
        assert!(text.contains(word), "{word:?} is not in:\n{text}");
    }
}

#[test]
fn who_was_shown_it_got_it() {
    let question = asks("bob", 3);
    let mut capture = Capture::of_two(&question);
    capture.reads(ANN, r#"{"type":"ack","room":"tea","id":4,"epoch":7,"seq":3}"#);
    capture.is_shown(ANN, 2..=4);
    capture.is_shown(BOB, 2..=4);
    let text = capture.text();
    contains(
        &text,
        &["bob got it", "#2 was shown it at", "said by ann", "live to 2 in all", "is shown 1 to 4, until"],
    );
}

#[test]
fn every_reason_not_to_get_it_has_a_sentence() {
    type Happens = fn(&mut Capture<'_>);
    let cases: [(Happens, &str); 9] = [
        (|it| it.reads(BOB, r#"{"type":"left","room":"tea","epoch":7,"seq":1}"#), "left at 00:00:07"),
        (
            |it| it.reads(BOB, r#"{"type":"left","room":"tea","epoch":7,"seq":1,"kicked":true}"#),
            "was sent away at",
        ),
        (
            |it| {
                let at = it.now();
                it.account.closed(at, BOB, Disconnect::Slow);
            },
            "it was closed (slow, 4100) at 00:00:07",
        ),
        (
            |it| it.reads(BOB, r#"{"type":"gap","room":"tea","epoch":7,"from":2,"to":3}"#),
            "was told at 00:00:07.000 that 2 to 3 are missing",
        ),
        (|it| it.reads(BOB, r#"{"type":"lagged","room":"tea","epoch":7,"next":2}"#), "read too slowly"),
        (|_| {}, "was to be shown 2 next when the capture ended"),
        (|it| it.joins(BOB, 9, 8), "came in at 00:00:07.000, when the newest was 9"),
        (
            |it| {
                it.says(BOB, r#"{"type":"join","room":"tea","since":3,"epoch":7}"#);
                it.joins(BOB, 9, 4);
            },
            "said that it had seen everything up to 3",
        ),
        (
            |it| {
                it.says(BOB, r#"{"type":"join","room":"tea","since":3,"epoch":6}"#);
                it.joins(BOB, 9, 8);
            },
            "came in at 00:00:08.000, when the newest was 9",
        ),
    ];
    let question = asks("bob", 3);
    for (happens, reason) in cases {
        let mut capture = Capture::of_two(&question);
        happens(&mut capture);
        capture.is_shown(ANN, 2..=4);
        contains(&capture.text(), &["bob did not get it", reason]);
    }
}

#[test]
fn what_was_said_after_the_end_is_told_from_what_was_said_before() {
    let question = asks("bob", 3);
    for is_before in [true, false] {
        let mut capture = Capture::of_two(&question);
        if is_before {
            capture.is_shown(ANN, 2..=3);
        }
        capture.reads(BOB, r#"{"type":"left","room":"tea","epoch":7,"seq":1}"#);
        if !is_before {
            capture.is_shown(ANN, 2..=3);
        }
        assert_eq!(capture.text().contains("before it was said"), !is_before);
    }
}

#[test]
fn what_was_missed_on_one_connection_may_come_on_the_next() {
    let question = asks("bob", 3);
    let mut capture = Capture::of_two(&question);
    capture.is_shown(ANN, 2..=3);
    let at = capture.now();
    capture.account.closed(at, BOB, Disconnect::Slow);
    capture.attaches(AGAIN, "bob");
    capture.says(AGAIN, r#"{"type":"join","room":"tea","since":1,"epoch":7}"#);
    capture.joins(AGAIN, 3, 2);
    capture.reads(
        AGAIN,
        r#"{"type":"history","room":"tea","epoch":7,"more":false,"messages":[{"user":"ann","content":"x","seq":2},{"user":"ann","content":"x","seq":3}]}"#,
    );
    let text = capture.text();
    contains(
        &text,
        &["bob got it", "#2 was to be shown 2 next, and it was closed (slow", "#3 was shown it in a page"],
    );
}

#[test]
fn a_name_that_is_not_there_is_told_with_those_that_are() {
    for (user, room, words) in [("bop", "tea", "there are ann, bob"), ("bob", "team", "there are tea")] {
        let question = Question { room: room.to_owned(), ..asks(user, 1) };
        let capture = Capture::of_two(&question);
        let refused = capture.account.explained(None).unwrap_err().to_string();
        contains(&refused, &[words]);
    }
}

/// Of every message in simulated captures there is an answer for everybody, and those who are shown nothing are told why.
#[test]
fn every_simulated_message_is_explained() {
    let (mut got, mut missed) = (0, 0);
    for (profile, seed) in [(Profile::Default, 7_001), (Profile::Churn, 7_201), (Profile::Overload, 7_401)] {
        let (_, files) = capture(&Scenario::of(profile, seed), false);
        for file in files {
            for user in ["u0", "u1", "u2"] {
                let question =
                    Question { user: user.to_owned(), room: "r0".to_owned(), seq: Some(Seq(9)), epoch: None };
                let Ok(explained) = explain(&file[..], &question) else { continue };
                assert_eq!(explained.parted, None);
                for message in &explained.messages {
                    (got, missed) = (got + u32::from(message.got), missed + u32::from(!message.got));
                    assert!(message.fates.iter().all(|fate| !fate.sentence.is_empty()));
                }
            }
        }
    }
    assert!(got > 0 && missed > 0, "{got} {missed}");
}
