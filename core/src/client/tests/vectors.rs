//! Conversations as files, which the TypeScript client is held to as well: `web/client/vectors`.
//!
//! A server that does what it likes is played to a client: it answers or loses its answers, forgets sessions, begins rooms
//! anew, leaves messages out, refuses, closes. Each step is written down with its instant and what the client made of it.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use self::{draw::Draw, server::Server};
use super::super::*;
use crate::{gateway::Frame, id::RequestId, time::Time};

mod draw;
mod server;
mod wishes;
mod words;

/// Set in the environment, it has the files written anew.
const WRITE: &str = "WRITE_VECTORS";
const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../web/client/vectors");
const CONVERSATIONS: u64 = 28;
const STEPS: usize = 180;
/// All that a client may be told; what it may do comes beside.
const TOLD: &str = "acknowledged attached created disconnected ended gap history joined lagged left members \
                    membersChanged message noted pong presence refreshed refused rooms status task unresolved userJoined \
                    userLeft warning connect transmit close full reset";

#[test]
fn the_committed_conversations_are_what_the_client_says() {
    let mut told = BTreeSet::new();
    for seed in 1..=CONVERSATIONS {
        let conversation = Conversation::play(seed);
        told.extend(conversation.told.iter().cloned());
        let (path, text) = (format!("{FOLDER}/{seed:02}.json"), conversation.text());
        if std::env::var_os(WRITE).is_some() {
            std::fs::write(&path, &text).unwrap();
        }
        let is_same = std::fs::read_to_string(&path).is_ok_and(|committed| committed == text);
        assert!(is_same, "{path} is out of date: {WRITE}=1 cargo test -p chinwag-core vectors");
    }
    let wanted = TOLD.split_whitespace().chain(server::HELLO_REFUSALS);
    let missing: Vec<_> = wanted.filter(|word| !told.contains(*word)).collect();
    assert!(missing.is_empty(), "no conversation shows {missing:?}");
}

/// One that is going on.
struct Conversation {
    client: Client,
    config: ClientConfig,
    server: Server,
    draw: Draw,
    now: Time,
    steps: Vec<Value>,
    told: BTreeSet<String>,
}

impl Conversation {
    fn play(seed: u64) -> Self {
        let mut draw = Draw::new(seed);
        let config = config(&mut draw);
        let client = Client::new(Arc::new(config.clone()), UserName::new("alice").unwrap(), seed);
        let mut played = Self {
            client: client.with_token(Token::new("first")),
            config,
            server: Server::new(seed),
            draw,
            now: Time(1_000_000),
            steps: vec![],
            told: BTreeSet::new(),
        };
        played.step(json!({"start": true}), |client, now, out| client.start(now, out));
        played.wish(Command::Join { room: wishes::room("general") });
        while played.steps.len() < STEPS && !played.client.is_ended() {
            played.go_on();
        }
        if !played.client.is_ended() {
            played.step(json!({"shutdown": true}), |client, now, out| client.shutdown(now, out));
        }
        played
    }

    fn go_on(&mut self) {
        let idle = if self.draw.chance(5) { 8_000 } else { 250 };
        let next = Time(self.now.0 + self.draw.below(idle) * 1_000);
        match self.client.poll_timeout() {
            Some(deadline) if deadline <= next => {
                // In whole milliseconds, and never too early.
                self.now = Time((deadline.0 / 1_000 + 1) * 1_000).max(self.now);
                self.input(json!({"timeout": true}), ClientInput::Timeout);
            }
            _ => {
                self.now = next;
                self.act();
            }
        }
    }

    fn act(&mut self) {
        if matches!(self.client.phase, Phase::Connecting) {
            return self.opens_or_not();
        }
        match self.draw.below(100) {
            0..22 => {
                let wish = wishes::draw(&mut self.draw);
                self.wish(wish);
            }
            22..45 => self.server.listen(),
            45..58 => self.server.act(),
            58..61 => self.close(),
            61 => self.reconnect(),
            _ => {
                if let Some(frame) = self.server.says() {
                    let text = frame.to_string();
                    self.input(json!({"received": frame}), ClientInput::Received(Frame::Text(&text)));
                }
            }
        }
    }

    fn opens_or_not(&mut self) {
        if self.draw.chance(10) {
            return self.input(json!({"closed": {}}), ClientInput::Closed { code: None, reason: "" });
        }
        self.server.connected();
        self.input(json!({"opened": true}), ClientInput::Opened);
    }

    fn close(&mut self) {
        if !matches!(self.client.phase, Phase::Greeting | Phase::Attached) {
            return;
        }
        let (code, reason) = CLOSES[self.draw.index(CLOSES.len())];
        let closed = match code {
            Some(code) => json!({"code": code, "reason": reason}),
            None => json!({}),
        };
        self.server.hangs_up();
        self.input(json!({"closed": closed}), ClientInput::Closed { code, reason });
    }

    /// The user will not wait.
    fn reconnect(&mut self) {
        self.server.hangs_up();
        self.step(json!({"reconnect": true}), Client::reconnect);
    }

    fn wish(&mut self, command: Command) {
        let described = words::command(&command);
        let mut id = None;
        self.step(json!({"submit": described}), |client, now, out| {
            id = client.submit(now, command, out).ok();
        });
        let step = self.steps.last_mut().expect("one was just made");
        step["id"] = id.map_or(Value::Null, |RequestId(id)| json!(id));
    }

    fn input(&mut self, described: Value, input: ClientInput<'_>) {
        self.step(described, |client, now, out| client.handle_input(now, input, out));
    }

    /// Does it, passes on what the client sends, and writes all of it down.
    fn step(&mut self, doing: Value, does: impl FnOnce(&mut Client, Time, &mut Vec<ClientOutput>)) {
        let mut out = vec![];
        does(&mut self.client, self.now, &mut out);
        let mut step = json!({"at": self.now.0 / 1_000, "do": doing});
        for output in &out {
            self.note(output);
            match output {
                ClientOutput::Transmit(text) => self.server.hears(text),
                ClientOutput::Event(ClientEvent::Disconnected { retry_in, .. }) => {
                    let share = retry_in.as_secs_f64() / self.backoff_bound().as_secs_f64();
                    step["random"] = json!(share.min(1.0));
                }
                _ => {}
            }
        }
        step["out"] = out.iter().map(words::output).collect();
        step["deadline"] = self.client.poll_timeout().map_or(Value::Null, words::millis);
        self.steps.push(step);
    }

    fn note(&mut self, output: &ClientOutput) {
        let described = words::output(output);
        let event = &described["event"];
        let words = [&described["type"], &event["type"], &event["verdict"]["kind"], &event["code"]];
        self.told.extend(words.into_iter().filter_map(Value::as_str).map(str::to_owned));
    }

    /// Up to how long the wait may be that was drawn just now.
    fn backoff_bound(&self) -> Duration {
        let Backoff { base, max, factor_percent, .. } = self.config.backoff;
        let grown = (1..self.client.attempts).fold(base, |bound, _| bound * factor_percent / 100);
        grown.min(max)
    }

    /// The file: a step on a line.
    fn text(&self) -> String {
        let steps: Vec<_> = self.steps.iter().map(|step| format!("    {step}")).collect();
        let (settings, steps) = (words::settings(&self.config), steps.join(",\n"));
        format!("{{\n  \"settings\": {settings},\n  \"steps\": [\n{steps}\n  ]\n}}\n")
    }
}

/// Small limits, so that they are met.
fn config(draw: &mut Draw) -> ClientConfig {
    let attempts_max = draw.chance(20).then_some(4);
    ClientConfig {
        backoff: Backoff { attempts_max, ..Backoff::default() },
        unanswered_max: 3 + draw.index(6),
        asks_max: 1 + draw.index(3),
        queue_max: 6 + draw.index(6),
        typing_max: 2,
        retry_rate_limited: draw.chance(80),
        ..ClientConfig::default()
    }
}

/// How connections end; most of them may be followed by another.
const CLOSES: [(Option<u16>, &str); 17] = [
    (None, ""),
    (None, ""),
    (None, ""),
    (None, ""),
    (None, ""),
    (None, ""),
    (None, ""),
    (None, ""),
    (None, ""),
    (Some(1001), ""),
    (Some(1006), ""),
    (Some(1012), "retry_after_ms=soon"),
    (Some(4001), "rate_limited retry_after_ms=750"),
    (Some(4100), "slow"),
    (Some(4101), "shutdown retry_after_ms=1250"),
    (Some(4102), "heartbeat_timeout retry_after_ms=900000"),
    (Some(4500), "replaced"),
];
