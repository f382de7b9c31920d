//! Faults of the simulator itself, made on purpose: proof that what it would hide is noticed.

use chinwag_core::client::ClientEvent;

use crate::line::wire::ServerFrame;

/// What is done between the machines and the checks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Sabotage {
    /// The n-th message that is shown counts twice.
    ShowTwice(u64),
    /// The n-th message that is shown does not count.
    Hide(u64),
    /// From the n-th acknowledgement on, none reaches its client.
    LoseAnswers(u64),
    /// From the n-th member's arrival on, nobody hears of those.
    LoseArrivals(u64),
}

/// Carries out a sabotage.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Saboteur {
    sabotage: Option<Sabotage>,
    seen: u64,
}

impl Saboteur {
    pub(crate) const fn new(sabotage: Option<Sabotage>) -> Self {
        Self { sabotage, seen: 0 }
    }

    /// How often the judge is told of an event.
    pub(crate) fn times_shown(&mut self, event: &ClientEvent) -> usize {
        let (number, times) = match self.sabotage {
            Some(Sabotage::ShowTwice(number)) => (number, 2),
            Some(Sabotage::Hide(number)) => (number, 0),
            _ => return 1,
        };
        if !matches!(event, ClientEvent::Message(_)) {
            return 1;
        }
        self.seen += 1;
        if self.seen == number { times } else { 1 }
    }

    /// Whether a frame gets lost between the line and the client.
    pub(crate) fn loses(&mut self, frame: &ServerFrame<'_>) -> bool {
        let (number, kind) = match self.sabotage {
            Some(Sabotage::LoseAnswers(number)) => (number, r#"{"type":"ack""#),
            Some(Sabotage::LoseArrivals(number)) => (number, r#"{"type":"user_joined""#),
            _ => return false,
        };
        if !matches!(frame, ServerFrame::Text(text) if text.starts_with(kind)) {
            return false;
        }
        self.seen += 1;
        self.seen >= number
    }
}
