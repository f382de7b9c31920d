//! What a server keeps of a room: gaps, newcomers' histories and pages are judged by it.

use chinwag_core::{Epoch, Position, Seq, shard::Verdict};

use crate::{
    observation::{MemberId, Observation, RoomId, SendId},
    oracle::Oracle,
    reader::{Complaint, Join, Reader},
    send::Send,
    table::index,
    violation::{Promise, Violation},
};

/// The server's settings that decide what of a room's messages is kept and shown.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Keep {
    /// Messages kept in each room.
    pub history_max: u64,
    /// Messages shown to those who enter a room.
    pub history_on_join: u64,
    /// Most messages in a page.
    pub page_max: u64,
}

/// A page of older messages, as it was asked for and answered.
#[derive(Clone, Copy, Debug)]
pub struct Page<'a> {
    /// It was to end before this; at the newest message if this is `None`.
    pub before: Option<Seq>,
    /// Most messages that were asked for.
    pub limit: u64,
    /// What it holds, in its order. Which message that is, `None` if it is nobody's of this run.
    pub messages: &'a [(Position, Option<SendId>)],
    /// Whether it says that there are older messages.
    pub more: bool,
}

/// How long the logs of a room may be.
#[derive(Clone, Debug, Default)]
pub(crate) struct Length {
    /// The newest place known in each epoch.
    known: Vec<(Epoch, Seq)>,
    /// Messages that were sent into the room and have no known place.
    pub(crate) unknown: u64,
}

impl Length {
    /// A place is known to be taken.
    pub(crate) fn reaches(&mut self, position: Position) {
        match self.known.iter_mut().rev().find(|(epoch, _)| *epoch == position.epoch) {
            Some((_, newest)) => *newest = position.seq.max(*newest),
            None => self.known.push((position.epoch, position.seq)),
        }
    }

    /// The newest place there can be.
    pub(crate) fn most(&self, epoch: Epoch) -> Seq {
        let known = self.known.iter().rev().find(|(its, _)| *its == epoch).map_or(0, |&(_, newest)| newest.0);
        Seq(known.saturating_add(self.unknown))
    }
}

impl Keep {
    /// The oldest message kept of a log with this head; the one after the head if there is none.
    fn floor(self, head: Seq) -> Seq {
        Seq(head.0.saturating_sub(self.history_max) + 1)
    }

    /// Why `..=to` cannot be gone from a log with this head, or a shorter one.
    pub(crate) fn doubt_gap(self, to: Seq, head: Seq) -> Option<Complaint> {
        let floor = self.floor(head);
        (to >= floor).then(|| {
            let sentence =
                format!("was told that {to} is gone, but {floor} is kept as long as {head} is the newest");
            (Promise::Retention, sentence)
        })
    }

    /// Why a newcomer to a log with this head is not shown its messages from `next` on.
    pub(crate) fn doubt_history(self, next: Seq, head: Seq) -> Option<Complaint> {
        let newest = Seq((head.0 + 1).saturating_sub(self.history_on_join));
        let first = self.floor(head).max(newest);
        (next != first).then(|| {
            (
                Promise::Retention,
                format!("enters with {head} as the newest and is shown {next} first instead of {first}"),
            )
        })
    }

    /// What is wrong with a page, for a reader who has seen messages up to `seen` of a log that ends at `most` at the
    /// latest.
    pub(crate) fn doubt_page(self, page: &Page<'_>, seen: Position, most: Seq) -> Option<Complaint> {
        let doubt = |sentence: String| Some((Promise::Pages, sentence));
        let asked = page.before.map_or_else(String::new, |before| format!(" before {before}"));
        // The page must reach this, if it is kept: whoever has seen it knows that it is there.
        let end = page.before.map_or(seen.seq, |before| Seq(before.0.saturating_sub(1)).min(seen.seq));
        let Some(&(first, _)) = page.messages.first() else {
            let is_hidden = page.more || end >= self.floor(most);
            return if is_hidden {
                doubt(format!("was given nothing{asked}, but knows of {end}"))
            } else {
                None
            };
        };
        let (last, _) = *page.messages.last().expect("there is a first");
        if page
            .messages
            .iter()
            .zip(first.seq.0..)
            .any(|(&(position, _), seq)| position != Position::new(seen.epoch, Seq(seq)))
        {
            return doubt(format!(
                "was given a page{asked} from {first} to {last} that is not one piece of epoch {:x}",
                seen.epoch.0
            ));
        }
        if page.messages.len() as u64 > page.limit.clamp(1, self.page_max) {
            let count = page.messages.len();
            return doubt(format!(
                "was given {count} messages, asked for {} and may have {}",
                page.limit, self.page_max
            ));
        }
        if last.seq < end || page.before.is_some_and(|before| last.seq >= before) {
            return doubt(format!(
                "asked for messages{asked}, was given some up to {last} and knows of {end}"
            ));
        }
        let (least, most) = (self.floor(seen.seq), self.floor(most));
        let older = if page.more { first.seq > least } else { first.seq <= most };
        (!older || first.seq < least).then(|| {
            let more = if page.more { "more" } else { "no more" };
            let sentence = format!(
                "was given messages from {first} on and told of {more}, but what is kept begins between {least} and {most}"
            );
            (Promise::Pages, sentence)
        })
    }
}

impl Oracle {
    /// A user was given a page of older messages that they had asked for.
    pub fn page(&mut self, member: MemberId, room: RoomId, page: &Page<'_>) -> Option<Violation> {
        let mut found = None;
        for &(position, send) in page.messages {
            let broken = self.observe(Observation::Paged { member, room, send, position });
            found = found.or(broken);
        }
        let Some(keep) = self.keep else { return found };
        let seen = match self.reader(member, room) {
            Some(Reader::Placed(reader)) if reader.is_member() => reader.seen(),
            // That is judged by privacy.
            _ => return found,
        };
        self.checks.add(Promise::Pages, 1);
        let most = self.length(room).most(seen.epoch);
        let complaint = keep.doubt_page(page, seen, most);
        let broken = self.record(member, room, Some(seen), None, complaint);
        found.or(broken)
    }

    /// Judges a join by what is kept.
    pub(crate) fn doubt_join(&mut self, member: MemberId, room: RoomId, join: Join) -> Option<Complaint> {
        self.reaches(room, Some(join.head));
        let keep = self.keep?;
        let is_first = self.reader(member, room).is_none();
        let head = join.head.seq;
        match join.verdict? {
            Verdict::Gap { to, .. } => {
                self.checks.add(Promise::Retention, 1);
                keep.doubt_gap(to, head)
            }
            verdict if is_first || verdict == Verdict::Reset => {
                self.checks.add(Promise::Retention, 1);
                keep.doubt_history(join.next?, head)
            }
            _ => None,
        }
    }

    /// Judges a gap that opened while catching up: the log is as long as it can be.
    pub(crate) fn doubt_gap(&mut self, room: RoomId, from: Position, to: Seq) -> Option<Complaint> {
        let keep = self.keep?;
        self.checks.add(Promise::Retention, 1);
        let most = self.length(room).most(from.epoch);
        keep.doubt_gap(to, most)
    }

    /// Changes what is known of a message.
    pub(crate) fn settle(&mut self, send: SendId, change: impl FnOnce(&mut Send)) {
        let known = self.send(send);
        let was_open = known.is_open();
        change(known);
        let (is_open, planned) = (known.is_open(), known.planned);
        let Some((room, _)) = planned.filter(|_| self.keep.is_some()) else { return };
        if is_open && !was_open {
            self.length(room).unknown += 1;
        }
        self.close(room, was_open && !is_open);
    }

    /// A message that was on its way into a room is so no more.
    pub(crate) fn close(&mut self, room: RoomId, was_open: bool) {
        if self.keep.is_some() {
            self.length(room).unknown -= u64::from(was_open);
        }
    }

    /// A place is known to be taken.
    pub(crate) fn reaches(&mut self, room: RoomId, position: Option<Position>) {
        if let Some(position) = position
            && self.keep.is_some()
        {
            self.length(room).reaches(position);
        }
    }

    fn length(&mut self, room: RoomId) -> &mut Length {
        let room = index(room.0);
        if self.lengths.len() <= room {
            self.lengths.resize_with(room + 1, Length::default);
        }
        &mut self.lengths[room]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EPOCH: Epoch = Epoch(1);
    const KEEP: Keep = Keep { history_max: 5, history_on_join: 3, page_max: 4 };

    #[test]
    fn only_what_is_not_kept_is_gone() {
        for (to, head, is_true) in [(1, 6, true), (2, 6, false), (4, 9, true), (1, 5, false)] {
            assert_eq!(KEEP.doubt_gap(Seq(to), Seq(head)).is_none(), is_true, "{to} of {head}");
        }
    }

    #[test]
    fn newcomers_are_shown_the_newest() {
        for (head, next) in [(0, 1), (2, 1), (3, 1), (4, 2), (9, 7)] {
            assert!(KEEP.doubt_history(Seq(next), Seq(head)).is_none(), "{next} of {head}");
            assert!(KEEP.doubt_history(Seq(next + 1), Seq(head)).is_some(), "{next} of {head}");
        }
        let short = Keep { history_max: 2, ..KEEP };
        assert!(short.doubt_history(Seq(8), Seq(9)).is_none());
        assert!(short.doubt_history(Seq(7), Seq(9)).is_some());
    }

    #[test]
    fn a_log_is_as_long_as_is_known_and_what_is_on_its_way() {
        let mut length = Length { unknown: 2, ..Length::default() };
        length.reaches(Position::new(EPOCH, Seq(4)));
        length.reaches(Position::new(EPOCH, Seq(3)));
        assert_eq!((length.most(EPOCH), length.most(Epoch(2))), (Seq(6), Seq(2)));
    }

    /// Judges a page for someone who has seen 7, of a log that may have 8.
    fn page(before: Option<u64>, limit: u64, seqs: &[u64], more: bool) -> bool {
        let messages: Vec<_> = seqs.iter().map(|&seq| (Position::new(EPOCH, Seq(seq)), None)).collect();
        let page = Page { before: before.map(Seq), limit, messages: &messages, more };
        KEEP.doubt_page(&page, Position::new(EPOCH, Seq(7)), Seq(8)).is_none()
    }

    #[test]
    fn pages_are_one_piece_up_to_where_they_were_asked_for() {
        assert!(page(Some(7), 2, &[5, 6], true));
        assert!(!page(Some(7), 2, &[4, 6], true), "a hole");
        assert!(!page(Some(7), 2, &[6, 5], true), "backward");
        assert!(!page(Some(7), 2, &[4, 5], true), "too early");
        assert!(!page(Some(7), 2, &[6, 7], true), "too late");
        assert!(!page(Some(7), 2, &[4, 5, 6], true), "too many");
        assert!(!page(None, 9, &[4, 5, 6, 7, 8], false), "more than a page");
        assert!(page(None, 2, &[6, 7], true) && page(None, 2, &[7, 8], true));
        assert!(!page(None, 2, &[5, 6], true), "without the newest");
    }

    #[test]
    fn pages_end_where_what_is_kept_begins() {
        // 3 is the oldest message kept, or 4 if the log has grown.
        assert!(page(Some(6), 4, &[3, 4, 5], false) && page(Some(6), 4, &[4, 5], false));
        assert!(!page(Some(6), 4, &[5], false), "4 is kept");
        assert!(!page(Some(6), 4, &[3, 4, 5], true), "2 is not kept");
        assert!(!page(Some(6), 4, &[2, 3, 4, 5], false), "2 is not kept");
        assert!(page(Some(6), 4, &[4, 5], true), "3 may be kept");
        assert!(page(Some(3), 4, &[], false) && page(Some(4), 4, &[], false));
        assert!(!page(Some(5), 4, &[], false), "4 is kept");
        assert!(!page(Some(3), 4, &[], true), "nothing, and more");
    }
}
