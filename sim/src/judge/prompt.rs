//! What slow readers cost others in delay: nothing. What one reader is shown, all are shown who keep up, as soon as mail
//! can have brought it to their nodes.

use std::collections::BTreeSet;

use chinwag_core::{
    Position, Time,
    client::{ClientEvent, Shown},
};

use crate::{
    judge::{
        Broken,
        checks::{self, broken},
        life::Stay,
        look::Look,
        marks::Mark,
    },
    world::{Event, World},
};

/// The rooms of which a message is looked for: one at a time, as they are many.
#[derive(Debug, Default)]
pub(crate) struct Prompt(BTreeSet<usize>);

impl World<'_> {
    /// A client's user is shown something: if it is a message that was just said, the others soon have it, too.
    pub(crate) fn shown_to_one(&mut self, event: &ClientEvent) {
        let ClientEvent::Message(Shown { room, position, from_history: false, .. }) = event else { return };
        if let Some(room) = self.room_number(room.as_str())
            && self.prompt.0.insert(room)
        {
            let (since, position) = (self.now, *position);
            self.add_after(self.life.delays.since(since), Event::Look(Look::Shown { room, position, since }));
        }
    }

    /// Whether a message that somebody was shown then has come to all who keep up.
    pub(crate) fn look_shown(&mut self, room: usize, position: Position, since: Time) -> Result<(), Broken> {
        self.prompt.0.remove(&room);
        if self.life.upset >= since {
            return Ok(());
        }
        let is_slow = |stay: &Stay| {
            stay.room == room
                && stay.until.is_none()
                && self.links.get(stay.line).is_some_and(|link| link.blocked)
        };
        let is_beside_slow = self.life.stays.iter().any(is_slow);
        for reader in self.readers(room, since).collect::<Vec<_>>() {
            let Some(next) = self.witness.next_live(reader.client, room, position.epoch) else { continue };
            self.checked(checks::PROMPT);
            if is_beside_slow {
                self.marks.hit(Mark::BesideSlow);
            }
            if next <= position.seq {
                let (client, ago) = (reader.client, self.now.since(since).as_millis());
                let sentence = format!(
                    "c{client} keeps up in r{room}, and lacks {position}, which was shown {ago} ms ago"
                );
                return broken(checks::PROMPT, sentence);
            }
        }
        Ok(())
    }
}
