//! Pages of history: what was asked for, in no more bytes than a page may have.

use chinwag_core::{RequestId, RoomName, client::Shown};
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
        let room = room_id(self.index(room)?);
        let Some((before, limit)) = self.asked[member].remove(&id) else {
            let sentence = format!("c{member} is given page {id:?}, for which it has not asked");
            return Err(Broken { check: Promise::Pages.name(), sentence });
        };
        let recognised = shown.iter().map(|shown| Ok((shown.position, self.recognise(shown)?)));
        let messages = recognised.collect::<Result<Vec<_>, Broken>>()?;
        let is_short = more && shown.len() < limit.clamp(1, self.page_max) as usize;
        self.check_page_bytes(member, shown, is_short)?;
        let page = Page { before, limit: limit.into(), messages: &messages, more };
        judged(self.oracle.page(member_id(member), room, &page))
    }

    /// A page is no larger than it may be; one that is shorter than was asked for has no room for another message.
    fn check_page_bytes(&self, member: usize, shown: &[Shown], is_short: bool) -> Result<(), Broken> {
        let bytes: usize = shown.iter().map(page_bytes).sum();
        // Six bytes in a page for each of its own, at most.
        let beside = if self.speaks_plainly { EXTRA_BYTES_MAX } else { 0 };
        let another = BESIDE_BYTES + 6 * self.longest + beside;
        let is_over = bytes > self.page_bytes_max && shown.len() > 1;
        if is_over || is_short && bytes + another <= self.page_bytes_max {
            let (count, most) = (shown.len(), self.page_bytes_max);
            let sentence = format!("c{member} is given {count} messages of {bytes} bytes, where {most} fit");
            return Err(Broken { check: Promise::Pages.name(), sentence });
        }
        Ok(())
    }
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
