//! Two watchers, who speak `chat`: what is said between them stays there, and whatever others do, they are served.
//!
//! One makes a private room and lets the other in; both join open ones, too, and one says secrets everywhere. Whoever is shown as a
//! member of a room may be shown its secrets, and nobody else.

use std::{collections::BTreeMap, time::Duration};

use chinwag_core::{
    ConnectionId,
    dialect::{Dialect, Opening},
    hash,
};
use serde::Deserialize;

use crate::{
    Outcome,
    script::Step,
    stage::{End, Stage},
    wire::Frame,
};

/// Who says the secrets, and who hears them.
const NAMES: [&str; 2] = ["watcher", "watcher-2"];
/// A private room, an open one that scripts know of, and the one where everybody is who has no choice.
const ROOMS: [&str; 3] = ["den", "general", "lobby"];
/// How every secret begins.
const PREFIX: &str = "sesame-";
/// Most secrets a script may have said: the watcher's rate is limited, too.
const SECRETS_MAX: usize = 2;

/// Since when a user may not be shown a room's secrets: only those before this one; all of them while they are a member.
#[derive(Clone, Copy, Debug)]
enum Reader {
    Member,
    Until(usize),
}

/// What a watcher looks at in what it is told.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Told {
    #[serde(rename = "type")]
    kind: String,
    user: String,
    room: String,
}

/// How many frames are of this kind.
fn count(told: &[Told], kind: &str) -> usize {
    told.iter().filter(|frame| frame.kind == kind).count()
}

/// The watchers, and what they know.
#[derive(Debug)]
pub(crate) struct Watch {
    teller: ConnectionId,
    hearer: ConnectionId,
    /// What every secret depends on.
    script: u64,
    /// What was said, and where.
    secrets: Vec<(String, &'static str)>,
    readers: BTreeMap<(String, String), Reader>,
    is_impersonated: bool,
    /// What each watcher was told since the last step.
    told: [Vec<Told>; 2],
}

impl Watch {
    /// Has the watchers come in.
    pub(crate) fn begin(stage: &mut Stage, script: u64) -> Self {
        let [teller, hearer] = NAMES.map(|user| {
            let connection = stage.open(Opening { dialect: Some(Dialect::Chat), ..Opening::default() }, true);
            stage.text(connection, &format!(r#"{{"type":"hello","user":"{user}","token":"{user}"}}"#));
            connection
        });
        let (den, guest) = (ROOMS[0], NAMES[1]);
        stage.text(teller, &format!(r#"{{"type":"create","room":"{den}","private":true}}"#));
        stage.text(teller, &format!(r#"{{"type":"invite","room":"{den}","whom":"{guest}"}}"#));
        for (connection, room) in ROOMS.into_iter().flat_map(|room| [(teller, room), (hearer, room)]) {
            stage.text(connection, &format!(r#"{{"type":"join","room":"{room}"}}"#));
        }
        let mut watch = Self {
            teller,
            hearer,
            script,
            secrets: Vec::new(),
            readers: BTreeMap::new(),
            is_impersonated: false,
            told: Default::default(),
        };
        watch.listen(stage);
        let joined = count(&watch.told[1], "joined");
        assert_eq!(joined, ROOMS.len(), "the watchers are there: {:?}", watch.told);
        watch
    }

    /// Whether somebody else speaks in a watcher's name.
    pub(crate) const fn is_impersonated(&self) -> bool {
        self.is_impersonated
    }

    /// Says a secret, if that is the step.
    pub(crate) fn take_part(&mut self, stage: &mut Stage, step: &Step<'_>) {
        if *step == Step::Secret && self.secrets.len() < SECRETS_MAX * ROOMS.len() {
            self.say(stage);
        }
    }

    /// Looks at everything that came in since the last look.
    pub(crate) fn look(&mut self, stage: &mut Stage, outcome: &mut Outcome) {
        self.listen(stage);
        for (connection, end) in stage.ends().filter(|(id, _)| ![self.teller, self.hearer].contains(id)) {
            self.is_impersonated |= end.user.as_ref().is_some_and(|user| NAMES.contains(&user.as_str()));
            if !self.is_impersonated {
                self.inspect(connection, end, outcome);
            }
            end.frames.clear();
        }
    }

    /// A second later the watchers are served as always.
    pub(crate) fn end(mut self, stage: &mut Stage, outcome: &mut Outcome) {
        stage.wait(Duration::from_secs(1));
        self.look(stage, outcome);
        if self.is_impersonated {
            return;
        }
        self.say(stage);
        self.listen(stage);
        assert_eq!(count(&self.told[0], "ack"), ROOMS.len(), "answers: {:?}", self.told[0]);
        assert_eq!(count(&self.told[1], "message"), ROOMS.len(), "messages: {:?}", self.told[1]);
        self.look(stage, outcome);
    }

    /// Says a new secret in each room.
    fn say(&mut self, stage: &mut Stage) {
        for room in ROOMS {
            let number = self.secrets.len();
            let content = secret(self.script, number);
            let id = number + 1;
            let frame = format!(r#"{{"type":"message","room":"{room}","content":"{content}","id":{id}}}"#);
            self.secrets.push((content, room));
            stage.text(self.teller, &frame);
        }
    }

    /// Takes what the watchers were told.
    fn listen(&mut self, stage: &mut Stage) {
        for (index, connection) in [self.teller, self.hearer].into_iter().enumerate() {
            let end = stage.end(connection);
            assert!(!end.closed, "{} does nothing wrong: {:?}", NAMES[index], end.frames);
            let frames = std::mem::take(&mut end.frames);
            let texts = frames.iter().filter_map(|frame| match frame {
                Frame::Text(text) => Some(serde_json::from_str(text).expect("it is well-formed")),
                Frame::Ping | Frame::Pong | Frame::Close(_) => None,
            });
            self.told[index] = texts.collect();
        }
        for frame in &self.told[0] {
            let now = match &*frame.kind {
                "user_joined" => Reader::Member,
                "user_left" => Reader::Until(self.secrets.len()),
                _ => continue,
            };
            self.readers.insert((frame.user.clone(), frame.room.clone()), now);
        }
    }

    /// Looks for secrets in what a connection was sent.
    fn inspect(&self, connection: ConnectionId, end: &End, outcome: &mut Outcome) {
        for frame in &end.frames {
            let Frame::Text(text) = frame else {
                outcome.closed += usize::from(matches!(frame, Frame::Close(_)));
                continue;
            };
            outcome.frames += 1;
            if !text.contains(PREFIX) {
                continue;
            }
            let told = self.secrets.iter().enumerate().filter(|(_, (secret, _))| text.contains(secret));
            for (number, &(_, room)) in told {
                let user = end.user.as_ref().map_or("", |user| user.as_str());
                assert!(
                    self.may_read(user, room, number),
                    "{connection} of {user:?} is told of {room}: {text}"
                );
                outcome.secrets += 1;
            }
        }
    }

    fn may_read(&self, user: &str, room: &str, number: usize) -> bool {
        match self.readers.get(&(user.to_owned(), room.to_owned())) {
            Some(Reader::Member) => true,
            Some(&Reader::Until(first)) => number < first,
            None => false,
        }
    }
}

/// What no script can hold: another one with every script. A fuzzer sees what is compared, and would say it itself.
fn secret(script: u64, number: usize) -> String {
    format!("{PREFIX}{:016x}", hash::mix(script, number as u64))
}
