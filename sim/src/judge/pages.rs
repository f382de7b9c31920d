//! Pages of history: what was asked for, in no more bytes than a page may have.

use chinwag_core::{Epoch, Position, RequestId, RoomName, Seq, client::Shown};
use chinwag_oracle::{Page, Promise};

use super::{Broken, Judge, judged};
use crate::judge::witness::{member_id, room_id};

/// What a message counts for in a page beside its text, and once more beside what it carries, as `ARCHITECTURE.md` says.
const BESIDE_BYTES: usize = 256;

/// Most that what a message carries counts for in a page here.
const EXTRA_BYTES_MAX: usize = BESIDE_BYTES + 128;

impl Judge {
    pub(super) fn paged(
        &mut self,
        member: usize,
        id: RequestId,
        room: &RoomName,
        shown: &[Shown],
        more: bool,
    ) -> Result<(), Broken> {
        let place = self.index(room)?;
        let room = room_id(place);
        let Some((before, limit)) = self.asked[member].remove(&id) else {
            let sentence = format!("c{member} is given page {id:?}, for which it has not asked");
            return Err(Broken { check: Promise::Pages.name(), sentence });
        };
        let recognised = shown.iter().map(|shown| Ok((shown.position, self.recognise(shown)?)));
        let messages = recognised.collect::<Result<Vec<_>, Broken>>()?;
        let is_short = more && shown.len() < limit.clamp(1, self.page_max) as usize;
        let older = shown.first().map(|first| first.position);
        let older = older.map(|first| Position::new(first.epoch, Seq(first.seq.0.saturating_sub(1))));
        let another = older.filter(|_| is_short).map(|older| self.most_bytes_at(place, older));
        self.check_page_bytes(member, shown, another)?;
        let page = Page { before, limit: limit.into(), messages: &messages, more };
        let violation = self.oracle.page(member_id(member), room, &page);
        judged(violation.filter(|violation| !self.is_excused(violation)))
    }

    /// A page is no larger than it may be; one that is shorter than was asked for has no room for another message.
    fn check_page_bytes(&self, member: usize, shown: &[Shown], another: Option<usize>) -> Result<(), Broken> {
        let bytes: usize = shown.iter().map(page_bytes).sum();
        let is_over = bytes > self.page_bytes_max && shown.len() > 1;
        if is_over || another.is_some_and(|another| bytes + another <= self.page_bytes_max) {
            return self.complain_of_page(member, shown.len(), bytes, another);
        }
        Ok(())
    }

    /// A page that came by itself, with more to come, and that holds fewer messages than it may: it has no room for
    /// another one.
    pub(crate) fn check_short_page(
        &mut self,
        member: usize,
        room: usize,
        page: ShortPage,
    ) -> Result<(), Broken> {
        let ShortPage { epoch, first, last } = page;
        let places = (first.0..=last.0).map(|seq| Position::new(epoch, Seq(seq)));
        let bytes: usize = places.map(|place| self.most_bytes_at(room, place)).sum();
        let another = self.most_bytes_at(room, Position::new(epoch, last.next()));
        if bytes + another <= self.page_bytes_max {
            let count = usize::try_from(last.0 + 1 - first.0).unwrap_or(usize::MAX);
            return self.complain_of_page(member, count, bytes, Some(another));
        }
        Ok(())
    }

    fn complain_of_page(
        &self,
        member: usize,
        count: usize,
        bytes: usize,
        another: Option<usize>,
    ) -> Result<(), Broken> {
        let most = self.page_bytes_max;
        let next =
            another.map_or_else(String::new, |another| format!(", the next one has {another} at most"));
        let sentence =
            format!("c{member} is given {count} messages of {bytes} bytes, where {most} fit{next}");
        Err(Broken { check: Promise::Pages.name(), sentence })
    }

    /// What the message at a place counts for in a page, at most.
    fn most_bytes_at(&mut self, room: usize, place: Position) -> usize {
        let send = self.sends_at[room].get(&place).copied();
        let known = send.map(|send| (json_bytes(&self.content_of(send)), self.author_of(send)));
        // Six bytes in a page for each of its own, at most.
        let (content, author) = known.unwrap_or((6 * self.longest, None));
        let is_plain = author.map_or_else(|| self.plain.contains(&true), |author| self.plain[author]);
        BESIDE_BYTES + content + if is_plain { EXTRA_BYTES_MAX } else { 0 }
    }
}

/// A page that came by itself and holds fewer messages than it may, though more are to come.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct ShortPage {
    pub(crate) epoch: Epoch,
    pub(crate) first: Seq,
    pub(crate) last: Seq,
}

/// What a message counts for in a page: all its texts as JSON has them, each mention with three bytes, and the rest.
fn page_bytes(shown: &Shown) -> usize {
    let carried = shown.extra.as_deref().map_or(0, |extra| {
        let texts = extra.key.iter().chain(&extra.state).map(|text| json_bytes(text));
        let mentions = extra.mentions.iter().map(|name| json_bytes(name) + 3);
        BESIDE_BYTES + texts.chain(mentions).sum::<usize>()
    });
    BESIDE_BYTES + json_bytes(&shown.content) + carried
}

/// A text as JSON has it, without quotes.
pub(crate) fn json_bytes(text: &str) -> usize {
    let escaped = text.bytes().map(|byte| match byte {
        0..0x20 => 6,
        b'"' | b'\\' => 2,
        _ => 1,
    });
    escaped.sum()
}
