//! What records a node's inputs, and what came of them.

use std::{borrow::Cow, sync::Arc};

use chinwag_core::{Gateway, Time, hash, redact::Redactor};

use super::{
    record::{Record, Recorded},
    reel::Reel,
    scrub,
};
use crate::{NodeInput, NodeOutput};

/// Records what goes into one node, and hashes what comes out.
#[derive(Debug)]
pub struct Tape {
    /// `None` where somebody only compares.
    reel: Option<Arc<Reel>>,
    /// What contents are redacted with before they are recorded.
    scrubs: Option<Redactor>,
    record: Vec<u8>,
    hash: u64,
}

impl Tape {
    /// Records to a reel, contents redacted with `scrubs` if it is there.
    #[must_use]
    pub fn new(reel: Arc<Reel>, scrubs: Option<Redactor>) -> Self {
        Self { reel: Some(reel), scrubs, ..Self::silent() }
    }

    /// Records nothing.
    #[must_use]
    pub(super) fn silent() -> Self {
        Self { reel: None, scrubs: None, record: Vec::new(), hash: 0 }
    }

    /// What has come of everything so far.
    #[must_use]
    pub const fn hash(&self) -> u64 {
        self.hash
    }

    /// An input is going to be handled, with `gateway` as it is before.
    pub(crate) fn input(&mut self, node: u32, at: Time, gateway: &Gateway, input: &NodeInput<'_>) {
        if self.reel.is_none() {
            return;
        }
        let mut input = Recorded::of(input);
        if let Recorded::Text { connection, text } = &mut input {
            let dialect = gateway.reads_as(*connection, text);
            if let Cow::Owned(scrubbed) = scrub::text(text, dialect, self.scrubs.as_ref()) {
                *text = Cow::Owned(scrubbed);
            }
        }
        self.write(Record { node, at, input });
    }

    /// Something that is no input, and changes something all the same.
    pub(crate) fn other(&mut self, node: u32, at: Time, input: Recorded<'_>) {
        if self.reel.is_some() {
            self.write(Record { node, at, input });
        }
    }

    fn write(&mut self, record: Record<'_>) {
        self.record.clear();
        postcard::to_io(&record, &mut self.record).expect("memory takes everything");
    }

    /// What was recorded last has been handled: `written` says what the gateway has [written](chinwag_core::Gateway::tapped),
    /// `outputs` what is to be done. False if nothing more is to be recorded.
    pub(crate) fn handled(&mut self, written: u64, outputs: &[NodeOutput]) -> bool {
        self.hash = hash::mix(self.hash, written);
        for output in outputs {
            self.hash = hash::mix(self.hash, digest(output));
        }
        let Some(reel) = &self.reel else { return true };
        self.record.extend_from_slice(&check(self.hash).to_le_bytes());
        reel.push(&self.record)
    }
}

/// As much of a hash as stands behind every record.
pub(super) const fn check(hash: u64) -> u16 {
    (hash >> 48) as u16
}

/// What is to be done, in one number. What mail and entries say shows in what is written for those whom it concerns.
fn digest(output: &NodeOutput) -> u64 {
    match output {
        NodeOutput::Writable(connection) => hash::mix(1, connection.0),
        NodeOutput::Reading(connection, on) => hash::mix(2 + u64::from(*on), connection.0),
        NodeOutput::Close(connection, reason) => {
            hash::mix(4, hash::mix(connection.0, u64::from(reason.code())))
        }
        NodeOutput::Verify(connection, _) => hash::mix(5, connection.0),
        NodeOutput::Notice(_) => 6,
        NodeOutput::Mail(to, _) => hash::mix(7, u64::from(*to)),
        NodeOutput::Store(shard, batch) => hash::mix(8, hash::mix(u64::from(shard.0), batch.last())),
    }
}
