//! When messages were said: at one time in each life of the server, which everybody is shown in every dialect.
//!
//! That time lies between when its author's client was told to say it and when it is first shown, by the server's clock,
//! and never goes back within a room. All dialects show milliseconds.

use std::collections::BTreeMap;

use chinwag_core::{
    Epoch, Position, Time,
    client::{ClientEvent, Shown},
};
use chinwag_oracle::SendId;

use crate::{
    judge::{
        Broken,
        checks::{self, broken},
        content, instant,
    },
    world::World,
};

/// What is known of one message.
#[derive(Clone, Debug, Default)]
struct Said {
    /// When its author's client was told to say it.
    since: u64,
    /// When it is shown to have been said, in each life of the server.
    shown: Vec<u64>,
}

/// When messages were said, in milliseconds by the server's clock.
#[derive(Debug, Default)]
pub(crate) struct Times {
    said: Vec<Said>,
    /// By room and life of its log: when each message was said, by its place; zero where nobody knows.
    logs: Vec<BTreeMap<Epoch, Vec<u64>>>,
    /// When the server's lives began.
    lives: Vec<u64>,
}

/// No run has so many messages in one room.
const PLACES_MAX: u64 = 1 << 20;

const fn whole(time: Time) -> u64 {
    time.0 / 1_000
}

impl Times {
    /// A life of the server begins.
    pub(crate) fn begins(&mut self, shows: Time) {
        self.lives.push(whole(shows));
    }

    /// A message is about to be said.
    pub(crate) fn says(&mut self, send: SendId, shows: Time) {
        let place = send.0 as usize;
        if self.said.len() <= place {
            self.said.resize_with(place + 1, Said::default);
        }
        self.said[place].since = whole(shows);
    }

    /// Somebody is shown when a message was said.
    ///
    /// # Errors
    /// Why that cannot be.
    fn shows(&mut self, send: SendId, at: u64, shows: Time) -> Result<(), String> {
        let Some(said) = self.said.get_mut(send.0 as usize) else { return Ok(()) };
        if at < said.since || at > whole(shows) {
            return Err(format!(
                "and the server's clock showed {} to {} meanwhile",
                said.since,
                whole(shows)
            ));
        }
        // Who is not answered in one life says it again in the next.
        let life = |at: u64| self.lives.partition_point(|&begun| begun <= at);
        match said.shown.iter().find(|&&other| life(other) == life(at)) {
            Some(&other) if other != at => Err(format!("and others were shown {other}")),
            Some(_) => Ok(()),
            None => {
                said.shown.push(at);
                Ok(())
            }
        }
    }

    /// The same of its place in a room's log.
    fn placed(&mut self, room: usize, position: Position, at: u64) -> Result<(), String> {
        if self.logs.len() <= room {
            self.logs.resize_with(room + 1, BTreeMap::new);
        }
        let log = self.logs[room].entry(position.epoch).or_default();
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
        times.begins(at(100));
        assert!(times.shows(SEND, 105, at(110)).is_ok() && times.shows(SEND, 20, at(110)).is_ok());
        assert!(times.shows(SEND, 106, at(110)).is_err(), "another time in that life");
    }

    #[test]
    fn times_in_a_room_never_go_back() {
        let mut times = Times::default();
        let mut placed = |seq, at| times.placed(3, Position::new(Epoch(1), Seq(seq)), at).is_ok();
        assert!(placed(4, 50) && placed(5, 50) && placed(4, 50));
        assert!(!placed(6, 49) && !placed(3, 51));
        assert!(placed(8, 70) && !placed(8, 71));
    }
}
