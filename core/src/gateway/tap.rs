//! What a gateway writes, in one number: for whoever compares two runs of the same inputs.

use std::sync::Arc;

use crate::{
    dialect::{Event, Payloads, Sending},
    hash,
    redact::Redactor,
    shard::Message,
};

/// A chain hash over everything that is written, once for all readers of a frame. What people say goes into it
/// [redacted](Redactor), so that it is the same for a run in which other texts stand for theirs.
#[derive(Debug)]
pub(super) struct Tap {
    /// What it is redacted with; `None` if that was done before it came in.
    redactor: Option<Redactor>,
    hash: u64,
    /// What would have been written of the next event, if it says something.
    redacted: Payloads,
    is_redacted: bool,
}

impl Tap {
    pub(super) fn new(redactor: Option<Redactor>) -> Self {
        Self { redactor, hash: 0, redacted: Payloads::default(), is_redacted: false }
    }

    pub(super) const fn hash(&self) -> u64 {
        self.hash
    }

    /// An event is going to be written.
    pub(super) fn redact(
        &mut self,
        event: &Event<'_>,
        sending: Sending,
        write: impl FnOnce(&Event<'_>, &mut Payloads),
    ) {
        let Some(redactor) = &self.redactor else { return };
        self.redacted.begin(sending);
        match event {
            Event::Message { room, epoch, message } => {
                let message = &redacted(redactor, message);
                write(&Event::Message { room, epoch: *epoch, message }, &mut self.redacted);
            }
            Event::History { id, room, epoch, messages, more } => {
                let messages: Vec<_> =
                    messages.iter().map(|message| Arc::new(redacted(redactor, message))).collect();
                let (id, epoch, messages, more) = (*id, *epoch, &messages[..], *more);
                write(&Event::History { id, room, epoch, messages, more }, &mut self.redacted);
            }
            _ => return,
        }
        self.is_redacted = true;
    }

    /// It was written.
    pub(super) fn note(&mut self, written: &Payloads) {
        let payloads = if std::mem::take(&mut self.is_redacted) { &self.redacted } else { written };
        for payload in payloads.iter() {
            self.hash = hash::mix(self.hash, hash::bytes(payload));
        }
    }
}

fn redacted(redactor: &Redactor, message: &Message) -> Message {
    Message { content: redactor.apply(&message.content).into(), ..message.clone() }
}
