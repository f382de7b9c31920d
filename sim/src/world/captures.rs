//! Runs in which the server is captured as in production: a file for each of its lives, until one of its nodes dies alone.

use std::{sync::Arc, time::Duration};

use chinwag_core::{Time, redact::Redactor};
use chinwag_journal::{
    Node, Start,
    capture::{Head, Reel, Tape, Writer},
};

use crate::{Outcome, Scenario, record::trace::Trace, world::World};

/// Most bytes of a capture. A life that comes to more is captured up to there.
const BYTES_MAX: u64 = 64 << 20;

/// The captures of a run.
#[derive(Debug)]
pub(crate) struct Captures {
    is_redacted: bool,
    redactor: Redactor,
    lives: Vec<(Vec<u8>, Arc<Reel>)>,
}

impl Captures {
    fn new(is_redacted: bool) -> Self {
        Self { is_redacted, redactor: Redactor::new([11; 32]), lives: Vec::new() }
    }

    /// A life begins, with nodes that are made like this.
    pub(super) fn begin(&mut self, head: Head, starts: &[Start]) {
        let head = Head {
            key: (!self.is_redacted).then_some(self.redactor.reveal()),
            begun: u32::try_from(starts.len()).expect("few shards"),
            durability: starts.first().and_then(|start| start.durability),
            lost: starts.iter().any(|start| start.lost),
            ..head
        };
        let scrubs = self.is_redacted.then_some(&self.redactor);
        // A head alone: what is recorded follows in the end.
        let begun = Writer::begin(Vec::new(), &head, starts, scrubs).expect("memory takes everything");
        self.lives.push((begun.into_inner(), Arc::new(Reel::new(BYTES_MAX))));
    }

    /// One of its nodes begins.
    pub(super) fn record(&self, node: &mut Node, now: Time) {
        let (_, reel) = self.lives.last().expect("a life has begun");
        let scrubs = self.is_redacted.then(|| self.redactor.clone());
        node.record(Tape::new(Arc::clone(reel), scrubs), Some(self.redactor.clone()), now);
    }

    /// A node has died alone: what follows is another story.
    pub(super) fn stop(&self) {
        self.lives.last().into_iter().for_each(|(_, reel)| reel.stop());
    }

    fn files(self) -> impl Iterator<Item = Vec<u8>> {
        self.lives.into_iter().map(|(begun, reel)| {
            reel.stop();
            let mut records = Vec::new();
            let end = reel.take(&mut records, Duration::ZERO).expect("it has stopped");
            let mut writer = Writer::go_on(begun);
            writer.add(&records).and_then(|()| writer.end(end)).expect("memory takes everything")
        })
    }
}

/// Runs a scenario and captures every life of its server; what people say is redacted, or not.
///
/// # Panics
/// As [`run`](crate::run).
pub fn capture(scenario: &Scenario, is_redacted: bool) -> (Outcome, Vec<Vec<u8>>) {
    let mut trace = Trace::new();
    let mut world = World::new(scenario, &mut trace, None);
    world.server.captures = Some(Captures::new(is_redacted));
    world.play();
    let captures = world.server.captures.take().expect("it is there");
    (world.outcome(), captures.files().collect())
}
