//! What bots do beside speaking, and partitions: what befalls a connection that goes on.

use chinwag_core::{
    Time,
    client::{ClientOutput, Command},
};
use chinwag_oracle::RoomId;
use chinwag_scenarios::{Deed, PlannedDeed};

use super::{Bots, Wish};
use crate::speaker::Speaker;

impl Bots {
    /// Does what the plan foresees beside messages.
    pub(super) fn do_deed(&mut self, number: u32, now: Time, out: &mut Vec<Wish>) {
        let PlannedDeed { at, client, room, deed } = self.script.plan.deeds()[number as usize];
        let slot = self.slot(client);
        let name = self.room_names[room as usize].clone();
        let command = match deed {
            Deed::Typing => Command::Typing { room: name, on: true },
            Deed::History(limit) => Command::History { room: name, before: None, limit: limit.into() },
            Deed::Leave => Command::Leave { room: name },
            Deed::Join => Command::Join { room: name },
            Deed::Nonsense(_) => return self.say_nonsense(slot, number, out),
        };
        self.note_deed(slot, deed, RoomId(room), now);
        let submit =
            |client: &mut Speaker, now, out: &mut Vec<ClientOutput>| client.submit(now, command, out);
        // Only messages have a queue that can be full.
        if let (Ok(id), Deed::History(_)) = (self.drive(slot, now, out, submit), deed) {
            let asked = self.script.instant(at);
            let bot = &mut self.bots[slot];
            // Without a connection it comes to nothing.
            if bot.link.is_some() {
                bot.asked.push((id, asked));
            }
        }
    }

    /// Keeps in mind which rooms a bot is to be in.
    fn note_deed(&mut self, slot: usize, deed: Deed, room: RoomId, now: Time) {
        let bot = &mut self.bots[slot];
        match deed {
            Deed::Leave => {
                bot.outside.push(room);
                bot.entered.retain(|(entered, _)| *entered != room);
                if bot.missing.contains(&room) {
                    self.joined(slot, room, now);
                }
            }
            Deed::Join => {
                bot.outside.retain(|left| *left != room);
                bot.entered.push((room, now));
            }
            Deed::Typing | Deed::History(_) | Deed::Nonsense(_) => {}
        }
    }

    fn say_nonsense(&mut self, slot: usize, deed: u32, out: &mut Vec<Wish>) {
        let text = self.script.plan.nonsense(deed);
        match &mut self.bots[slot].link {
            // Through a partition nothing passes, and nonsense is not said again.
            Some(Some(held)) => held.push(text),
            Some(None) => out.push(Wish::Transmit { slot, text }),
            None => {}
        }
    }

    /// Lets nothing pass over a bot's connection for a while.
    pub(super) fn part(&mut self, slot: usize, until: Time, out: &mut Vec<Wish>) {
        let bot = &mut self.bots[slot];
        bot.cut_off_until = until;
        if let Some(held) = &mut bot.link {
            held.get_or_insert_default();
        }
        out.push(Wish::Part { slot, attempt: bot.attempt, until });
    }

    /// Lets everything pass again over a connection that was parted, first what waited.
    pub fn mend(&mut self, slot: usize, attempt: u32, now: Time, out: &mut Vec<Wish>) {
        let bot = &mut self.bots[slot];
        if bot.attempt != attempt {
            return;
        }
        let Some(held) = &mut bot.link else { return };
        let texts = held.take().unwrap_or_default();
        for text in texts {
            self.departing(&text, now);
            out.push(Wish::Transmit { slot, text });
        }
    }
}
