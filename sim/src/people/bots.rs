//! Bots in rooms of their own: where they go on when they come back, and what everybody sees them do.

use std::collections::BTreeMap;

use chinwag_core::{Epoch, Position, Seq, Time};

use crate::{
    judge::{
        Broken,
        checks::{self, broken},
        marks::Mark,
    },
    people::{person::Person, voice::Standing},
    world::World,
};

/// How far bots have come, by room: what they have said of it, as they know it.
#[derive(Debug, Default)]
pub(crate) struct Cursors(BTreeMap<usize, Cursor>);

/// By the room of a bot: the first message before which somebody was shown what that does.
#[derive(Debug, Default)]
pub(crate) struct Sights(BTreeMap<usize, Position>);

/// Which bots were told to stop, by room: what those who have a say in it know.
#[derive(Debug, Default)]
pub(crate) struct Halts(BTreeMap<usize, Halt>);

#[derive(Clone, Copy, Debug, Default)]
struct Halt {
    /// The life of the room in which it was told to, if nobody has asked since that it starts.
    epoch: Option<Epoch>,
    /// Since when that is known.
    since: Time,
    /// How often somebody has asked that it starts, and does not know what came of it.
    open: u32,
    /// When somebody last knew.
    started: Time,
}

/// In one life of its room.
#[derive(Clone, Copy, Debug, Default)]
struct Cursor {
    epoch: Epoch,
    /// So far, as its room has noted.
    noted: Seq,
    /// So far, if all that was said has arrived.
    said: Seq,
    /// So far, if that was kept at a loss.
    carried: Seq,
}

impl Cursors {
    /// After a loss rooms are in other epochs, and what was noted in the old ones may count there.
    pub(crate) fn carry(&mut self) {
        for cursor in self.0.values_mut() {
            *cursor = Cursor { carried: cursor.carried.max(cursor.said), ..Cursor::default() };
        }
    }

    /// A bot says how far it has come.
    pub(crate) fn says(&mut self, room: usize, epoch: Epoch, seq: Seq) {
        let cursor = self.0.entry(room).or_default();
        if cursor.epoch != epoch {
            *cursor = Cursor { epoch, carried: cursor.carried, ..Cursor::default() };
        }
        cursor.said = cursor.said.max(seq);
    }

    /// That was noted.
    pub(crate) fn noted(&mut self, room: usize, epoch: Epoch, seq: Seq) {
        if let Some(cursor) = self.0.get_mut(&room).filter(|cursor| cursor.epoch == epoch) {
            cursor.noted = cursor.noted.max(seq);
        }
    }

    /// The least and the most that a bot has dealt with in a life of its room.
    fn at(&self, room: usize, epoch: Epoch) -> (Seq, Seq) {
        let Some(&Cursor { epoch: its, noted, said, carried }) = self.0.get(&room) else {
            return Default::default();
        };
        if its == epoch { (noted, said.max(carried)) } else { (Seq(0), carried) }
    }
}

impl Halts {
    /// Somebody asks that a room's bot starts.
    pub(crate) fn starts(&mut self, room: usize) {
        let halt = self.0.entry(room).or_default();
        (halt.epoch, halt.open) = (None, halt.open + 1);
    }

    /// Somebody knows what came of that.
    pub(crate) fn has_started(&mut self, now: Time, room: usize) {
        let halt = self.0.entry(room).or_default();
        (halt.open, halt.started) = (halt.open.saturating_sub(1), now);
    }

    /// A bot was told to stop, as was asked for at that time: it stays stopped, unless it may have been told to start since.
    pub(crate) fn has_stopped(&mut self, now: Time, asked: Time, room: usize, epoch: Option<Epoch>) {
        let halt = self.0.entry(room).or_default();
        halt.epoch = epoch.filter(|_| halt.open == 0 && halt.started < asked);
        halt.since = now;
    }

    /// Since when a bot is known to have been told to stop in this life of its room, and not to start again.
    fn halted_since(&self, room: usize, epoch: Option<Epoch>) -> Option<Time> {
        let halt = self.0.get(&room).filter(|halt| epoch.is_some() && halt.epoch == epoch)?;
        Some(halt.since)
    }

    /// The server has begun anew: it knows of none.
    pub(crate) fn start_over(&mut self) {
        self.0.clear();
    }
}

impl Sights {
    /// A message is shown to somebody who knows by then what the room's bot does, or does not. False if others knew it
    /// no later.
    fn fits(&mut self, room: usize, position: Position, knows: bool) -> bool {
        let first = self.0.get(&room).filter(|first| first.epoch == position.epoch).copied();
        if knows && first.is_none_or(|first| position < first) {
            self.0.insert(room, position);
        }
        knows || first.is_none_or(|first| position < first)
    }
}

/// What a bot is shown first that has dealt with so much, and whether it is told of a gap.
fn resumes(standing: &Standing, seen: Seq, history_max: u64) -> (Seq, bool) {
    let kept = Seq(standing.head.seq.next().0.saturating_sub(history_max).max(1));
    (seen.next().max(kept), seen.next() < kept)
}

/// What a bot does of which somebody was told in another way.
const UNSEEN: &str = "unseen";

impl World<'_> {
    /// The client of the bot whose room this is, if it is one's.
    pub(crate) fn bot_of(&self, room: usize) -> Option<usize> {
        let setup = &self.scenario.setup;
        let place = room.checked_sub((setup.rooms + setup.parlours) as usize)?;
        let client = *setup.bots.get(place)? as usize;
        self.people.get(client).is_some_and(|person| person.player.is_some()).then_some(client)
    }

    /// A bot comes into its room: it goes on after what it has dealt with, or is told that this is not kept.
    pub(crate) fn check_cursor(
        &mut self,
        client: usize,
        room: usize,
        standing: &Standing,
    ) -> Result<(), Broken> {
        if self.bot_of(room) != Some(client) {
            return Ok(());
        }
        self.checked(checks::BOT);
        let history_max = self.scenario.setup.shard.history_max.into();
        let (noted, said) = self.parlours.cursors.at(room, standing.head.epoch);
        let (least, most) = (resumes(standing, noted, history_max), resumes(standing, said, history_max));
        if noted > Seq(0) && standing.next <= standing.head.seq {
            self.marks.hit(Mark::BotWentOn);
        }
        if standing.has_gap {
            self.marks.hit(Mark::BotMissed);
        }
        let is_due = if standing.has_gap { least.1 } else { !most.1 };
        if (least.0..=most.0).contains(&standing.next) && is_due {
            return Ok(());
        }
        let sentence = format!("c{client} has dealt with {noted} to {said} and comes back to {standing:?}");
        broken(checks::BOT, sentence)
    }

    /// Somebody is told anew who is in a room: what its bot does is listed with them, and not looked at there.
    pub(crate) fn player_is_listed(&mut self, client: usize, room: usize) {
        let player = self.player(client);
        player.bots.insert(room, UNSEEN.to_owned());
        player.missed.remove(&room);
    }

    /// Somebody is shown that a user has gone, or has come.
    pub(crate) fn player_misses(&mut self, client: usize, room: usize, user: &str, is_gone: bool) {
        // What changes in large rooms is told together, and later.
        let is_small = self.scenario.setup.shard.roster_max as usize >= self.people.len();
        if is_small && self.is_bot(room, user) {
            let missed = &mut self.player(client).missed;
            if is_gone {
                missed.insert(room)
            } else {
                missed.remove(&room)
            };
        }
    }

    /// A message is shown to somebody as it is said: what the room's bot did before is known to them.
    pub(crate) fn check_sight(
        &mut self,
        client: usize,
        room: usize,
        position: Position,
    ) -> Result<(), Broken> {
        if self.bot_of(room).is_none() {
            return Ok(());
        }
        self.checked(checks::BOT);
        let reads_everything = self.reads_everything(client, room);
        let player = self.people[client].player.as_ref().expect("it is one");
        let state = player.bots.get(&room).map(String::as_str);
        // Whoever reads slowly is told of it by a list, and later.
        if reads_everything && state == Some("running") && player.missed.contains(&room) {
            let sentence = format!("c{client} saw the bot of r{room} go, and then that it runs");
            return broken(checks::BOT, sentence);
        }
        let fits = state == Some(UNSEEN) || self.parlours.sights.fits(room, position, state.is_some());
        if fits || !reads_everything {
            return Ok(());
        }
        let sentence = format!("c{client} is shown {position} of r{room}, and not what its bot did before");
        broken(checks::BOT, sentence)
    }

    /// Somebody is shown what a user does.
    pub(crate) fn player_sees(
        &mut self,
        client: usize,
        room: usize,
        user: &str,
        state: String,
    ) -> Result<(), Broken> {
        if self.is_bot(room, user) {
            self.check_halted(client, room, &state)?;
            let player = self.player(client);
            player.bots.insert(room, state);
            player.missed.remove(&room);
        }
        Ok(())
    }

    /// A bot that was told to stop does not run, whenever it comes in.
    fn check_halted(&mut self, client: usize, room: usize, state: &str) -> Result<(), Broken> {
        let halted = self.parlours.halts.halted_since(room, self.epoch_at(client, room));
        let link = self.people[client].link.and_then(|link| self.links.get(link));
        let (Some(since), Some(link)) = (halted, link) else { return Ok(()) };
        // What waited for a slow reader, or was on its way for long, may tell of the time before.
        let is_younger = link.blocked_at <= since
            && link.age.written_since() > since + self.life.delays.since(since)
            && self.life.upset < since;
        if link.blocked || !is_younger {
            return Ok(());
        }
        self.checked(checks::BOT);
        if state == "running" {
            let sentence = format!("c{client} is shown that the bot of r{room} runs, which was told to stop");
            return broken(checks::BOT, sentence);
        }
        Ok(())
    }

    /// Whether this is the user of the bot whose room it is.
    pub(crate) fn is_bot(&self, room: usize, user: &str) -> bool {
        self.bot_of(room).is_some_and(|bot| self.people[bot].user.as_str() == user)
    }

    /// At rest everybody in a bot's room sees it do the same, and that is no lie about its being there.
    pub(crate) fn check_bots(&mut self) -> Result<(), Broken> {
        for room in 0..self.scenario.setup.places() {
            let Some(bot) = self.bot_of(room) else { continue };
            if self.people[bot].frozen {
                continue;
            }
            let view = |(client, Person { player, .. }): (usize, &Person)| {
                Some((client, player.as_ref()?.bots.get(&room).cloned()))
            };
            let people = self.people.iter().enumerate().filter(|(_, person)| person.plays_in(room));
            let seen: Vec<(usize, Option<String>)> =
                people.filter_map(view).filter(|(_, state)| state.as_deref() != Some(UNSEEN)).collect();
            let is_there = self.people[bot].plays_in(room);
            let fits = |state: &str| match state {
                "running" | "stopping" => is_there,
                "error" => !is_there,
                "starting" | "stopped" => true,
                _ => false,
            };
            if let Some(pair) = seen.windows(2).find(|pair| pair[0].1 != pair[1].1) {
                let sentence = format!("at rest c{bot} is seen to do different things: {pair:?}");
                return broken(checks::BOT, sentence);
            }
            let Some((client, Some(state))) = seen.first() else { continue };
            self.checked(checks::BOT);
            if !fits(state) {
                let sentence = format!("c{client} sees at rest that c{bot} is {state:?}, there: {is_there}");
                return broken(checks::BOT, sentence);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use chinwag_core::Position;

    use super::*;

    #[test]
    fn a_bot_goes_on_after_what_it_has_dealt_with_or_is_told() {
        let head = Position::new(Epoch(1), Seq(10));
        let standing = Standing { head, next: Seq(1), has_gap: false };
        let resumed = [0, 3, 6, 10].map(|seen| resumes(&standing, Seq(seen), 5));
        assert_eq!(resumed, [(Seq(6), true), (Seq(6), true), (Seq(7), false), (Seq(11), false)]);
        assert_eq!(resumes(&standing, Seq(0), 1_000), (Seq(1), false));
    }

    #[test]
    fn what_one_reader_was_shown_others_are() {
        let at = |epoch, seq| Position::new(Epoch(epoch), Seq(seq));
        let mut sights = Sights::default();
        assert!(sights.fits(3, at(1, 4), false), "nobody was shown anything so far");
        assert!(sights.fits(3, at(1, 6), true) && sights.fits(3, at(1, 5), false));
        assert!(!sights.fits(3, at(1, 6), false) && sights.fits(4, at(1, 6), false));
        assert!(sights.fits(3, at(1, 5), true) && !sights.fits(3, at(1, 5), false));
        assert!(sights.fits(3, at(2, 9), false), "another life of the room");
    }

    #[test]
    fn who_was_told_to_stop_stays_stopped_until_somebody_may_have_said_otherwise() {
        let (mut halts, epoch) = (Halts::default(), Some(Epoch(1)));
        halts.has_stopped(Time(2), Time(1), 3, epoch);
        assert_eq!(halts.halted_since(3, epoch), Some(Time(2)));
        assert_eq!(halts.halted_since(4, epoch), None);
        assert_eq!(halts.halted_since(3, Some(Epoch(2))), None, "another life of the room");
        assert_eq!(halts.halted_since(3, None), None);
        halts.starts(3);
        halts.has_stopped(Time(4), Time(3), 3, epoch);
        assert_eq!(halts.halted_since(3, epoch), None, "nobody knows which came first");
        halts.has_started(Time(6), 3);
        halts.has_stopped(Time(7), Time(5), 3, epoch);
        assert_eq!(halts.halted_since(3, epoch), None, "it was asked before that");
        halts.has_stopped(Time(9), Time(8), 3, epoch);
        assert_eq!(halts.halted_since(3, epoch), Some(Time(9)));
        halts.start_over();
        assert_eq!(halts.halted_since(3, epoch), None);
    }

    #[test]
    fn what_was_not_noted_may_not_have_arrived() {
        let mut cursors = Cursors::default();
        cursors.says(3, Epoch(1), Seq(4));
        cursors.noted(3, Epoch(1), Seq(4));
        cursors.says(3, Epoch(1), Seq(9));
        cursors.noted(3, Epoch(2), Seq(8));
        assert_eq!(cursors.at(3, Epoch(1)), (Seq(4), Seq(9)));
        assert_eq!(cursors.at(3, Epoch(2)), (Seq(0), Seq(0)), "another life of the room");
        cursors.says(3, Epoch(2), Seq(1));
        assert_eq!(cursors.at(3, Epoch(2)), (Seq(0), Seq(1)));
    }
}
