//! What bots do beside speaking, and what befalls a connection that goes on: partitions, and being read slowly.

use std::{rc::Rc, time::Duration};

use chinwag_core::client::{ClientOutput, Command};
use chinwag_oracle::RoomId;
use chinwag_scenarios::{Deed, PlannedDeed};
use tokio::{task::spawn_local, time::sleep_until};

use super::Worker;
use crate::{
    bot::{Absence, Bot},
    speaker::Speaker,
};

impl Worker {
    /// Does what the plan foresees beside messages.
    pub(super) fn do_deed(self: &Rc<Self>, number: u32) {
        let PlannedDeed { at, client, room, deed } = self.run.plan.deeds()[number as usize];
        let slot = self.slot(client);
        let name = self.room_names[room as usize].clone();
        let command = match deed {
            Deed::Typing => Command::Typing { room: name, on: true },
            Deed::History(limit) => Command::History { room: name, before: None, limit: limit.into() },
            Deed::Leave => Command::Leave { room: name },
            Deed::Join => Command::Join { room: name },
            Deed::Nonsense(_) => return self.say_nonsense(slot, number),
        };
        self.note_deed(slot, deed, RoomId(room));
        let submit =
            |client: &mut Speaker, now, out: &mut Vec<ClientOutput>| client.submit(now, command, out);
        // Only messages have a queue that can be full.
        if let (Ok(id), Deed::History(_)) = (self.drive(slot, submit), deed) {
            let mut bot = self.bots[slot].borrow_mut();
            // Without a connection it comes to nothing.
            if bot.link.is_some() {
                bot.asked.push((id, self.run.instant(at)));
            }
        }
    }

    /// Keeps in mind which rooms a bot is to be in.
    fn note_deed(&self, slot: usize, deed: Deed, room: RoomId) {
        let bot = &mut *self.bots[slot].borrow_mut();
        match deed {
            Deed::Leave => {
                bot.outside.push(room);
                bot.entered.retain(|(entered, _)| *entered != room);
                if bot.missing.contains(&room) {
                    self.joined(bot, room, self.run.clock.now());
                }
            }
            Deed::Join => {
                bot.outside.retain(|left| *left != room);
                bot.entered.push((room, self.run.clock.now()));
            }
            Deed::Typing | Deed::History(_) | Deed::Nonsense(_) => {}
        }
    }

    fn say_nonsense(&self, slot: usize, deed: u32) {
        let text = self.run.plan.nonsense(deed);
        if let Some(link) = &mut self.bots[slot].borrow_mut().link {
            // Through a partition nothing passes, and nonsense is not said again.
            if let Err(text) = link.hold(text) {
                link.send(text);
            }
        }
    }

    /// Lets nothing pass over a bot's connection for a while.
    pub(super) fn part(self: &Rc<Self>, slot: usize, until: Duration) {
        let until = self.run.instant(until);
        let mut bot = self.bots[slot].borrow_mut();
        bot.cut_off_until = until;
        bot.link.iter_mut().for_each(crate::link::Link::part);
        let attempt = bot.attempt;
        drop(bot);
        let worker = Rc::clone(self);
        spawn_local(async move {
            sleep_until(worker.run.clock.instant(until)).await;
            worker.mend(slot, attempt);
        });
    }

    /// Lets everything pass again, first what waited.
    fn mend(&self, slot: usize, attempt: u32) {
        let now = self.run.clock.now();
        let bot = &mut *self.bots[slot].borrow_mut();
        let Bot { link: Some(link), attempt: current, .. } = bot else { return };
        if *current != attempt {
            return;
        }
        for text in link.mend() {
            self.departing(&text, now);
            link.send(text);
        }
        // Who has to make another connection is away until it is in its rooms.
        bot.absence = Absence::Over(now);
    }

    /// Lets slow readers read as fast as they can from now on.
    pub(super) fn hurry(&self) {
        self.hurries.set(true);
        for bot in &self.bots {
            bot.borrow_mut().link.iter_mut().for_each(crate::link::Link::hurry);
        }
    }
}
