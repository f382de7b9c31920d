//! One room's messages: numbered, and the latest of them kept.

use std::{collections::VecDeque, sync::Arc};

use serde::{Deserialize, Serialize};

use super::{
    effect::{MESSAGE_OVERHEAD_BYTES, Message, Verdict},
    extra::Extra,
};
use crate::{
    id::{Epoch, Position, Seq},
    name::UserName,
    redact::Redactor,
    time::Time,
};

#[cfg(test)]
mod model;

/// Most messages in a page, and most bytes with [`MESSAGE_OVERHEAD_BYTES`] for each. One message always fits.
#[derive(Clone, Copy)]
pub(super) struct PageLimits {
    pub(super) messages_max: u32,
    pub(super) bytes_max: usize,
}

/// One life of a room's messages.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Log {
    epoch: Epoch,
    head: Seq,
    /// Oldest first, without gaps, up to `head`.
    kept: VecDeque<Arc<Message>>,
}

impl Log {
    pub(super) fn new(epoch: Epoch) -> Self {
        Self { epoch, head: Seq(0), kept: VecDeque::new() }
    }

    /// The same messages in another life: who knows the one before is told that it is over.
    pub(super) const fn renew(&mut self, epoch: Epoch) {
        self.epoch = epoch;
    }

    /// Puts other texts in the place of what was said.
    pub(super) fn redact(&mut self, redactor: &Redactor, mut changed: impl FnMut(&Message, &Message)) {
        for message in &mut self.kept {
            let content = redactor.apply(&message.content).into();
            let redacted = Arc::new(Message { content, ..Message::clone(message) });
            changed(message, &redacted);
            *message = redacted;
        }
    }

    /// The newest message's position; seq 0 before the first.
    pub(super) fn head(&self) -> Position {
        Position::new(self.epoch, self.head)
    }

    /// How many messages are kept.
    pub(super) fn len(&self) -> usize {
        self.kept.len()
    }

    pub(super) fn append(
        &mut self,
        at: Time,
        user: UserName,
        content: Arc<str>,
        extra: Option<Arc<Extra>>,
        max: u32,
    ) -> Arc<Message> {
        self.head = self.head.next();
        if planted!(SeqSkipped, self.head.0 == u64::from(max), false) {
            self.head = self.head.next();
        }
        let message = Arc::new(Message { seq: self.head, at, user, content, extra });
        self.kept.push_back(Arc::clone(&message));
        self.trim(planted!(LogTrimmedOneShort, max - 1, max));
        message
    }

    /// Forgets all but the latest `max`.
    pub(super) fn trim(&mut self, max: u32) {
        while self.kept.len() > max as usize {
            self.kept.pop_front();
        }
    }

    /// What a reader who has seen `since` is shown first, and whether anything is missing. One who has seen nothing
    /// of this epoch is shown the latest `history` messages.
    pub(super) fn resume(&self, since: Option<Position>, history: u32) -> (Verdict, Seq) {
        let (floor, next) = (self.floor(), self.head.next());
        let latest = floor.max(Seq(next.0.saturating_sub(u64::from(history))));
        match since {
            None => (Verdict::Full, latest),
            Some(seen) if seen.epoch != self.epoch || seen.seq > self.head => (Verdict::Reset, latest),
            Some(seen) if seen.seq.next() >= floor => {
                (Verdict::Full, planted!(ResumeOffByOne, next.min(seen.seq.next().next()), seen.seq.next()))
            }
            Some(seen) => {
                let floor = planted!(GapTooWide, next.min(floor.next()), floor);
                let gap = Verdict::Gap { from: seen.seq.next(), to: Seq(floor.0 - 1) };
                (planted!(GapNotAnnounced, Verdict::Full, gap), floor)
            }
        }
    }

    /// Messages from `from` on, oldest first.
    pub(super) fn page_from(&self, from: Seq, limits: PageLimits) -> Vec<Arc<Message>> {
        let passed =
            planted!(GapGrows, usize::from(from < self.floor()) * self.kept.len().saturating_sub(1), 0);
        page(self.kept.range(self.index_of(from) + passed..), limits)
    }

    /// The last messages before `before` (or the newest), oldest first, and whether older ones are kept.
    pub(super) fn page_before(&self, before: Option<Seq>, limits: PageLimits) -> (Vec<Arc<Message>>, bool) {
        let before = planted!(PageOverlap, before.map(Seq::next), before);
        let end = before.map_or(self.kept.len(), |before| self.index_of(before));
        let mut messages = page(self.kept.range(..end).rev(), limits);
        messages.reverse();
        let more = messages.len() < end;
        (messages, more)
    }

    /// The first message kept; the one after the head if none is.
    fn floor(&self) -> Seq {
        Seq(self.head.0 + 1 - self.kept.len() as u64)
    }

    /// Where `seq` is, or would be if it were kept.
    fn index_of(&self, seq: Seq) -> usize {
        let index = usize::try_from(seq.0.saturating_sub(self.floor().0)).unwrap_or(usize::MAX);
        index.min(self.kept.len())
    }
}

fn page<'a>(messages: impl Iterator<Item = &'a Arc<Message>>, limits: PageLimits) -> Vec<Arc<Message>> {
    let mut bytes = 0;
    let fits = |(index, message): &(usize, &'a Arc<Message>)| {
        let extra = message.extra.as_ref().map_or(0, |extra| extra.json_bytes());
        bytes += json_len(&message.content) + extra + MESSAGE_OVERHEAD_BYTES;
        *index == 0 || bytes <= limits.bytes_max
    };
    let messages_max = planted!(PageOfOne, 1, limits.messages_max.max(1)) as usize;
    let shown = |message: &Arc<Message>| {
        let at = Time(message.at.0 / 1_000_000 * 1_000_000);
        planted!(
            HistoryTellsAnotherTime,
            Arc::new(Message { at, ..Message::clone(message) }),
            Arc::clone(message)
        )
    };
    messages.take(messages_max).enumerate().take_while(fits).map(|(_, message)| shown(message)).collect()
}

/// How long a text is in JSON, at most: control characters take six bytes, quotes and backslashes two.
pub(super) fn json_len(text: &str) -> usize {
    let escape = |byte| match byte {
        0..0x20 => 5,
        b'"' | b'\\' => 1,
        _ => 0,
    };
    text.len() + text.bytes().map(escape).sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::*;

    const EPOCH: Epoch = Epoch(9);

    /// A log of `said` messages "1", "2", … of which the latest `kept` are there.
    fn log(said: u64, kept: u32) -> Log {
        let mut log = Log::new(EPOCH);
        for seq in 1..=said {
            log.append(Time(seq), UserName::new("ann").unwrap(), seq.to_string().into(), None, kept);
        }
        log
    }

    /// Up to `messages_max`, in bytes for `fitting` of them: each says one digit.
    fn limits(messages_max: u32, fitting: usize) -> PageLimits {
        PageLimits { messages_max, bytes_max: fitting * (1 + MESSAGE_OVERHEAD_BYTES) }
    }

    fn seqs(messages: &[Arc<Message>]) -> Vec<u64> {
        messages.iter().map(|message| message.seq.0).collect()
    }

    fn since(seq: u64) -> Option<Position> {
        Some(Position::new(EPOCH, Seq(seq)))
    }

    #[test]
    fn a_page_counts_what_messages_carry() {
        let mut log = log(1, 5);
        let extra = Arc::new(Extra { key: Some("x".repeat(64).into()), ..Extra::default() });
        let bytes = extra.json_bytes();
        log.append(Time(2), UserName::new("ann").unwrap(), "2".into(), Some(extra), 5);
        let short = limits(9, 2);
        let long = PageLimits { bytes_max: short.bytes_max + bytes, ..short };
        assert_eq!(seqs(&log.page_from(Seq(1), long)), [1, 2]);
        assert_eq!(seqs(&log.page_from(Seq(1), short)), [1]);
    }

    #[test]
    fn a_newcomer_is_shown_the_latest() {
        assert_eq!(log(0, 5).resume(None, 3), (Verdict::Full, Seq(1)));
        assert_eq!(log(9, 5).resume(None, 3), (Verdict::Full, Seq(7)));
        assert_eq!(log(9, 5).resume(None, 50), (Verdict::Full, Seq(5)));
        assert_eq!(log(9, 5).resume(None, 0), (Verdict::Full, Seq(10)));
    }

    #[test]
    fn a_reader_goes_on_where_it_was_as_long_as_the_next_message_is_kept() {
        let log = log(9, 5);
        assert_eq!(log.resume(since(9), 3), (Verdict::Full, Seq(10)));
        assert_eq!(log.resume(since(4), 3), (Verdict::Full, Seq(5)));
        assert_eq!(log.resume(since(3), 3), (Verdict::Gap { from: Seq(4), to: Seq(4) }, Seq(5)));
        assert_eq!(log.resume(since(0), 3), (Verdict::Gap { from: Seq(1), to: Seq(4) }, Seq(5)));
    }

    #[test]
    fn a_position_of_another_log_resets() {
        let log = log(9, 5);
        assert_eq!(log.resume(since(10), 3), (Verdict::Reset, Seq(7)));
        assert_eq!(log.resume(since(u64::MAX), 3), (Verdict::Reset, Seq(7)));
        assert_eq!(log.resume(Some(Position::new(Epoch(8), Seq(2))), 3), (Verdict::Reset, Seq(7)));
    }

    #[test]
    fn a_log_that_keeps_nothing_still_counts() {
        let log = log(4, 0);
        assert_eq!(log.resume(None, 3), (Verdict::Full, Seq(5)));
        assert_eq!(log.resume(since(4), 3), (Verdict::Full, Seq(5)));
        assert_eq!(log.resume(since(1), 3), (Verdict::Gap { from: Seq(2), to: Seq(4) }, Seq(5)));
        assert!(log.page_from(Seq(1), limits(9, 9)).is_empty());
    }

    #[test]
    fn pages_forward_begin_at_what_is_kept_and_keep_their_limits() {
        let log = log(9, 5);
        assert_eq!(seqs(&log.page_from(Seq(0), limits(100, 100))), [5, 6, 7, 8, 9]);
        assert_eq!(seqs(&log.page_from(Seq(7), limits(2, 100))), [7, 8]);
        assert_eq!(seqs(&log.page_from(Seq(7), limits(100, 2))), [7, 8]);
        assert_eq!(seqs(&log.page_from(Seq(7), limits(100, 0))), [7]);
        assert!(log.page_from(Seq(10), limits(100, 100)).is_empty());
        assert!(log.page_from(Seq(u64::MAX), limits(100, 100)).is_empty());
    }

    #[test]
    fn pages_backward_keep_the_newest_and_say_whether_older_ones_are_kept() {
        let log = log(9, 5);
        let before = |seq, messages_max, bytes_max| {
            let (messages, more) = log.page_before(seq, limits(messages_max, bytes_max));
            (seqs(&messages), more)
        };
        assert_eq!(before(None, 2, 100), (vec![8, 9], true));
        assert_eq!(before(None, 100, 3), (vec![7, 8, 9], true));
        assert_eq!(before(Some(Seq(8)), 3, 100), (vec![5, 6, 7], false));
        assert_eq!(before(Some(Seq(7)), 100, 0), (vec![6], true));
        assert_eq!(before(Some(Seq(5)), 100, 100), (vec![], false));
        assert_eq!(before(Some(Seq(u64::MAX)), 1, 100), (vec![9], true));
    }
}
