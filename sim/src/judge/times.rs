//! When messages were said: at one time in each life of the server, which everybody is shown in every dialect.
//!
//! That time lies between when its author's client was told to say it and when it is first shown, by the server's clock,
//! and never goes back within a room. All dialects show milliseconds.
//!
//! A room that is left by all keeps its messages for as long as the server's settings say: in one life of the server, two
//! lives of its log are at least so far apart.

use std::collections::BTreeMap;

use chinwag_core::{
    Epoch, Position, Time,
    client::{ClientEvent, Shown},
};
use chinwag_oracle::{Promise, SendId};

use crate::{
    judge::{
        Broken,
        checks::{self, broken},
        content, instant,
    },
    plan::scenario::Setup,
    world::World,
};

/// What is known of one message.
#[derive(Clone, Debug, Default)]
struct Said {
    /// When its author's client was told to say it…
    since: u64,
    /// …and how many lives the server had had by then, the present one among them.
    lives: usize,
    /// When it is shown to have been said, in each life of the server.
    shown: Vec<u64>,
}

/// One life of the server, by its clock, which may be an earlier one than in the life before.
#[derive(Clone, Copy, Debug)]
struct Life {
    begun: u64,
    /// Nothing, if it goes on.
    ended: Option<u64>,
}

/// One life of a room's log.
#[derive(Debug)]
struct Log {
    oldest: u64,
    newest: u64,
    /// When each message was said, by its place; zero where nobody knows.
    times: Vec<u64>,
}

/// When messages were said, in milliseconds by the server's clock.
#[derive(Debug, Default)]
pub(crate) struct Times {
    said: Vec<Said>,
    /// By room: for how long it is kept at least.
    kept: Vec<u64>,
    /// By room, each life of its log.
    logs: Vec<BTreeMap<Epoch, Log>>,
    lives: Vec<Life>,
    /// What was said by then may be in several lives of a log: those that begin after a loss hold what was kept.
    carried: u64,
}

/// No run has so many messages in one room.
const PLACES_MAX: u64 = 1 << 20;

const fn whole(time: Time) -> u64 {
    time.0 / 1_000
}

impl Times {
    /// Nothing was said so far.
    pub(crate) fn new(setup: &Setup) -> Self {
        let kept = (0u32..).take(setup.places()).map(|place| {
            let is_bots = setup.place_name(place).bot().is_some();
            let kept = if is_bots { setup.shard.bot_room_ttl } else { setup.shard.room_ttl };
            u64::try_from(kept.as_millis()).unwrap_or(u64::MAX)
        });
        Self { kept: kept.collect(), ..Self::default() }
    }

    /// The life of the server in which something was said, if it can have been in but one: in the millisecond in which one
    /// begins, and while the clock stands still there, the one before may have ended; and a clock may be set back.
    fn life(&self, at: u64) -> Option<usize> {
        let shows = |life: &Life| (life.begun..=life.ended.unwrap_or(u64::MAX)).contains(&at);
        let mut lives = (0..self.lives.len()).filter(|&life| shows(&self.lives[life]));
        lives.next().filter(|_| lives.next().is_none())
    }

    /// Whether a message may have been taken then, if it is now this late.
    fn may_be(&self, said: &Said, at: u64, now: u64) -> bool {
        let present = said.lives.saturating_sub(1);
        let fits = |(number, life): (usize, &Life)| {
            let since = if number == present { said.since.max(life.begun) } else { life.begun };
            (since..=life.ended.unwrap_or(now)).contains(&at)
        };
        self.lives.iter().enumerate().skip(present).any(fits)
    }

    /// A life of the server begins.
    pub(crate) fn begins(&mut self, shows: Time) {
        self.lives.push(Life { begun: whole(shows), ended: None });
    }

    /// The server goes on with what is left after a loss.
    pub(crate) fn carries(&mut self, shows: Time) {
        self.carried = whole(shows);
    }

    /// It is over.
    pub(crate) fn ends(&mut self, shows: Time) {
        self.lives.last_mut().expect("it has begun").ended = Some(whole(shows));
    }

    /// A message is about to be said.
    pub(crate) fn says(&mut self, send: SendId, shows: Time) {
        let place = send.0 as usize;
        if self.said.len() <= place {
            self.said.resize_with(place + 1, Said::default);
        }
        (self.said[place].since, self.said[place].lives) = (whole(shows), self.lives.len());
    }

    /// Somebody is shown when a message was said.
    ///
    /// # Errors
    /// Why that cannot be.
    fn shows(&mut self, send: SendId, at: u64, shows: Time) -> Result<(), String> {
        let Some(said) = self.said.get(send.0 as usize) else { return Ok(()) };
        if !self.may_be(said, at, whole(shows)) {
            let (since, now) = (said.since, whole(shows));
            return Err(format!("and the server's clock showed {since} to {now} meanwhile"));
        }
        // Who is not answered in one life says it again in the next.
        let Some(life) = self.life(at) else { return Ok(()) };
        let known = said.shown.iter().copied().find(|&other| self.life(other) == Some(life));
        match known {
            Some(other) if other != at => return Err(format!("and others were shown {other}")),
            Some(_) => {}
            None => self.said[send.0 as usize].shown.push(at),
        }
        Ok(())
    }

    /// The same of its place in a room's log.
    fn placed(&mut self, room: usize, position: Position, at: u64) -> Result<(), String> {
        if self.logs.len() <= room {
            self.logs.resize_with(room + 1, BTreeMap::new);
        }
        let log = self.logs[room].entry(position.epoch);
        let log = log.or_insert_with(|| Log { oldest: at, newest: at, times: Vec::new() });
        (log.oldest, log.newest) = (log.oldest.min(at), log.newest.max(at));
        let log = &mut log.times;
        // What is beyond all messages of a run is judged elsewhere.
        let place = usize::try_from(position.seq.0.min(PLACES_MAX)).expect("few places");
        if log.len() <= place {
            log.resize(place + 1, 0);
        }
        let before = place.checked_sub(1).map_or(0, |before| log[before]);
        let after = log.get(place + 1).copied().filter(|&after| after > 0).unwrap_or(u64::MAX);
        let known = std::mem::replace(&mut log[place], at);
        if known != 0 && known != at {
            return Err(format!("and others were shown {known}"));
        }
        if at < before || at > after {
            return Err(format!("between messages of {before} and {after}"));
        }
        Ok(())
    }

    /// Two lives of a room's log are as far apart as an empty room is kept.
    ///
    /// # Errors
    /// Which other life is too near.
    fn follows(&self, room: usize, position: Position, at: u64) -> Result<(), String> {
        let kept = self.kept.get(room).copied().unwrap_or(0);
        let others = self.logs[room].iter().filter(|&(&epoch, _)| epoch != position.epoch);
        // What is shown is cut to whole milliseconds.
        let is_apart = |log: &Log| at + 1 >= log.newest + kept || at + kept <= log.oldest + 1;
        let Some(life) = self.life(at).filter(|_| at > self.carried) else { return Ok(()) };
        for (epoch, log) in others.filter(|(_, log)| self.life(log.oldest) == Some(life)) {
            if !is_apart(log) {
                let Log { oldest, newest, .. } = log;
                return Err(format!("epoch {:x} at {oldest} to {newest}: {kept} ms are between", epoch.0));
            }
        }
        Ok(())
    }
}

impl World<'_> {
    /// A client with a session shows a message, or messages of a page, with their times.
    pub(crate) fn shows_times(&mut self, event: &ClientEvent) -> Result<(), Broken> {
        match event {
            ClientEvent::Message(shown) => self.check_shown_time(shown),
            ClientEvent::History { messages, .. } => {
                messages.iter().try_for_each(|shown| self.check_shown_time(shown))
            }
            _ => Ok(()),
        }
    }

    fn check_shown_time(&mut self, shown: &Shown) -> Result<(), Broken> {
        let Some(at) = instant::millis(&shown.timestamp) else {
            return broken(checks::TIME, format!("{:?} is no instant", shown.timestamp));
        };
        let room = self.room_number(shown.room.as_str());
        let send = content::number(&shown.content).map(SendId);
        self.check_time(send, room.map(|room| (room, shown.position)), at)
    }

    /// Somebody is shown a message with its time, or told when their own was taken.
    pub(crate) fn check_time(
        &mut self,
        send: Option<SendId>,
        place: Option<(usize, Position)>,
        at: u64,
    ) -> Result<(), Broken> {
        self.checked(checks::TIME);
        let shows = self.server.clock.shows(self.now);
        let shown = send.map_or(Ok(()), |send| self.times.shows(send, at, shows));
        let placed = place.map_or(Ok(()), |(room, position)| self.times.placed(room, position, at));
        if let Some((room, position)) = place
            && let Err(why) = self.times.follows(room, position, at)
        {
            let sentence = format!("{position} of r{room} was said at {at}, {why}");
            return broken(Promise::Retention.name(), sentence);
        }
        let Err(why) = shown.and(placed) else { return Ok(()) };
        broken(checks::TIME, format!("{send:?} at {place:?} is shown to have been said at {at}, {why}"))
    }
}

#[cfg(test)]
mod tests {
    use chinwag_core::Seq;

    use super::*;

    const SEND: SendId = SendId(2);

    fn at(millis: u64) -> Time {
        Time(millis * 1_000 + 999)
    }

    #[test]
    fn a_message_has_one_time_in_each_life_of_the_server() {
        let mut times = Times::default();
        times.begins(at(10));
        times.says(SEND, at(20));
        assert!(times.shows(SEND, 19, at(40)).is_err(), "before it was said");
        assert!(times.shows(SEND, 41, at(40)).is_err(), "before that time has come");
        assert!(times.shows(SEND, 20, at(20)).is_ok() && times.shows(SEND, 20, at(90)).is_ok());
        assert!(times.shows(SEND, 21, at(90)).is_err(), "another time");
        times.ends(at(95));
        times.begins(at(100));
        assert!(times.shows(SEND, 97, at(110)).is_err(), "nobody was there");
        assert!(times.shows(SEND, 105, at(110)).is_ok() && times.shows(SEND, 20, at(110)).is_ok());
        assert!(times.shows(SEND, 106, at(110)).is_err(), "another time in that life");
    }

    #[test]
    fn a_life_may_begin_with_an_earlier_clock() {
        let mut times = Times::default();
        times.begins(at(100));
        times.says(SEND, at(110));
        times.ends(at(120));
        times.begins(at(50));
        assert!(times.shows(SEND, 49, at(70)).is_err(), "in neither life");
        assert!(times.shows(SEND, 105, at(70)).is_err(), "before it was said");
        assert!(times.shows(SEND, 121, at(70)).is_err(), "after that life");
        assert!(times.shows(SEND, 115, at(70)).is_ok() && times.shows(SEND, 60, at(70)).is_ok());
        assert!(times.shows(SEND, 61, at(70)).is_err(), "another time in the second life");
    }

    #[test]
    fn times_in_a_room_never_go_back() {
        let mut times = Times::default();
        let mut placed = |seq, at| times.placed(3, Position::new(Epoch(1), Seq(seq)), at).is_ok();
        assert!(placed(4, 50) && placed(5, 50) && placed(4, 50));
        assert!(!placed(6, 49) && !placed(3, 51));
        assert!(placed(8, 70) && !placed(8, 71));
    }

    #[test]
    fn a_room_that_is_left_is_kept_for_a_while() {
        let mut times = Times { kept: vec![30], ..Times::default() };
        times.begins(at(10));
        let at_place = |epoch| Position::new(Epoch(epoch), Seq(1));
        times.placed(0, at_place(1), 50).unwrap();
        assert!(times.follows(0, at_place(1), 51).is_ok(), "the same one");
        assert!(times.follows(0, at_place(2), 60).is_err() && times.follows(0, at_place(2), 30).is_err());
        assert!(times.follows(0, at_place(2), 80).is_ok());
        times.ends(at(52));
        times.begins(at(55));
        assert!(times.follows(0, at_place(2), 60).is_ok(), "the server has begun anew");
        let mut times = Times { kept: vec![30], ..Times::default() };
        for life in [10..50, 50..70] {
            times.begins(at(life.start));
            times.ends(at(life.end));
        }
        times.placed(0, at_place(1), 50).unwrap();
        assert!(times.follows(0, at_place(2), 60).is_ok(), "it was said just before, or just after");
    }
}
