//! One direction of a connection, as TCP has it: nothing is lost or reordered, only delayed, stalled or cut.
//!
//! What is pushed waits in a send buffer, leaves at the line's rate, travels for the latency and arrives in order. A
//! *dead* pipe takes in and delivers nothing, and nobody is told: that is half of a half-open connection.

use std::{collections::VecDeque, time::Duration};

use chinwag_core::Time;

/// Bytes that fit into one packet.
pub(crate) const PACKET_BYTES: usize = 1_460;

/// How a line is at the moment.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Line {
    /// What a byte needs from end to end.
    pub(crate) latency: Duration,
    /// Bytes per second.
    pub(crate) rate: u64,
    /// Nothing leaves before.
    pub(crate) stalled_until: Time,
}

/// One direction of a connection.
///
/// Nothing need be looked at when an item has left, only when one arrives: what left in between is reckoned then.
#[derive(Debug)]
pub(crate) struct Pipe<T> {
    /// What has not begun to leave.
    waiting: VecDeque<(T, usize)>,
    /// Bytes in the send buffer: of what waits, and of what is leaving.
    buffered: usize,
    /// When what began to leave last has left, and how many bytes it has.
    leaving: (Time, usize),
    /// What is on its way, and when it arrives.
    flying: VecDeque<(Time, T)>,
    last_arrival: Time,
    dead: bool,
}

impl<T> Default for Pipe<T> {
    fn default() -> Self {
        Self {
            waiting: VecDeque::new(),
            buffered: 0,
            leaving: (Time::default(), 0),
            flying: VecDeque::new(),
            last_arrival: Time::default(),
            dead: false,
        }
    }
}

impl<T> Pipe<T> {
    /// Bytes in the send buffer, as of the last [`advance`](Self::advance).
    #[must_use]
    pub(crate) const fn buffered(&self) -> usize {
        self.buffered
    }

    /// Whether it was killed or cut.
    #[must_use]
    pub(crate) const fn is_dead(&self) -> bool {
        self.dead
    }

    /// Whether it works and nothing is in it.
    #[must_use]
    pub(crate) fn is_clear(&self) -> bool {
        !self.dead && self.waiting.is_empty() && self.flying.is_empty()
    }

    /// Whether nothing waits or is leaving, or ever will.
    #[must_use]
    pub(crate) fn is_idle(&self) -> bool {
        self.dead || self.leaving.1 == 0 && self.waiting.is_empty()
    }

    /// Whether something has left by now, or may begin to.
    #[must_use]
    pub(crate) fn is_due(&self, now: Time) -> bool {
        self.leaving.0 <= now && !self.is_idle()
    }

    /// Puts an item of so many bytes into the send buffer.
    pub(crate) fn push(&mut self, now: Time, item: T, bytes: usize) {
        if self.is_idle() {
            self.leaving.0 = self.leaving.0.max(now);
        }
        self.buffered += bytes;
        self.waiting.push_back((item, bytes));
    }

    /// Lets leave what has to leave by now; `jitter` is how much longer than the latency it travels.
    pub(crate) fn advance(&mut self, now: Time, line: &Line, mut jitter: impl FnMut() -> Duration) {
        while !self.dead && self.leaving.0 <= now {
            self.buffered -= std::mem::take(&mut self.leaving.1);
            if line.stalled_until > now {
                break;
            }
            let Some((item, bytes)) = self.waiting.pop_front() else { break };
            let micros = (bytes as u64).saturating_mul(1_000_000).div_ceil(line.rate.max(1));
            let left = self.leaving.0.max(line.stalled_until) + Duration::from_micros(micros);
            self.leaving = (left, bytes);
            self.last_arrival = self.last_arrival.max(left + line.latency + jitter());
            self.flying.push_back((self.last_arrival, item));
        }
    }

    /// The next item that has arrived by now.
    pub(crate) fn arrived(&mut self, now: Time) -> Option<T> {
        self.arrived_if(now, |_| true)
    }

    /// The same, if it is such an item.
    pub(crate) fn arrived_if(&mut self, now: Time, is_such: impl FnOnce(&T) -> bool) -> Option<T> {
        self.flying.pop_front_if(|(at, item)| *at <= now && is_such(item)).map(|(_, item)| item)
    }

    /// When to look again: when the next item arrives, or may begin to leave while none is on its way.
    #[must_use]
    pub(crate) fn next_event(&self, line: &Line) -> Option<Time> {
        match self.flying.front() {
            Some(&(at, _)) => Some(at),
            None => self.next_start(line),
        }
    }

    /// When the next item may begin to leave, if any waits.
    fn next_start(&self, line: &Line) -> Option<Time> {
        (!self.dead && !self.waiting.is_empty()).then(|| self.leaving.0.max(line.stalled_until))
    }

    /// When something has left, or may begin to.
    #[must_use]
    pub(crate) fn next_departure(&self, line: &Line) -> Option<Time> {
        self.next_room().or_else(|| self.next_start(line))
    }

    /// When there is more room in the send buffer, if something is leaving.
    #[must_use]
    pub(crate) fn next_room(&self) -> Option<Time> {
        (!self.dead && self.leaving.1 > 0).then_some(self.leaving.0)
    }

    /// From now on nothing leaves or arrives.
    pub(crate) fn kill(&mut self) {
        self.dead = true;
        self.flying.clear();
    }

    /// The line is cut: of what is travelling the first `keep` still arrive. The last of them is returned, so that a
    /// part of it may be lost, too.
    pub(crate) fn cut(&mut self, keep: usize) -> Option<&mut T> {
        self.dead = true;
        self.flying.truncate(keep);
        self.flying.back_mut().map(|(_, item)| item)
    }

    /// Items travelling.
    #[must_use]
    pub(crate) fn flying(&self) -> usize {
        self.flying.len()
    }
}

#[cfg(test)]
mod tests {
    use proptest::{
        prelude::*,
        test_runner::{Config, RngSeed},
    };

    use super::*;

    const START: Time = Time(1_000_000);

    fn line() -> Line {
        Line { latency: Duration::from_millis(5), rate: 1_000, stalled_until: Time(0) }
    }

    #[test]
    fn a_byte_takes_its_time() {
        let mut pipe = Pipe::default();
        pipe.push(START, 'a', 100);
        pipe.push(START, 'b', 50);
        pipe.advance(START, &line(), || Duration::ZERO);
        assert_eq!(pipe.next_room(), Some(Time(1_100_000)), "100 bytes at 1,000 a second");
        assert_eq!((pipe.buffered(), pipe.next_event(&line())), (150, Some(Time(1_105_000))));
        assert_eq!(pipe.arrived(Time(1_104_999)), None);
        pipe.advance(Time(1_105_000), &line(), || Duration::ZERO);
        assert_eq!(pipe.arrived(Time(1_105_000)), Some('a'));
        assert_eq!(
            (pipe.buffered(), pipe.next_event(&line())),
            (50, Some(Time(1_155_000))),
            "it began at 1.1 s"
        );
        pipe.advance(Time(1_155_000), &line(), || Duration::ZERO);
        assert_eq!((pipe.arrived(Time(1_155_000)), pipe.buffered()), (Some('b'), 0));
        assert_eq!((pipe.next_room(), pipe.next_event(&line())), (None, None));
        pipe.push(Time(2_000_000), 'c', 10);
        pipe.advance(Time(2_500_000), &line(), || Duration::ZERO);
        assert_eq!(
            pipe.arrived(Time(2_015_000)),
            Some('c'),
            "it began when it was put there, however late one looks"
        );
    }

    #[test]
    fn a_stall_holds_back_what_has_not_left() {
        let mut pipe = Pipe::default();
        pipe.push(START, 'a', 1);
        let stalled = Line { stalled_until: Time(9_000_000), ..line() };
        pipe.advance(START, &stalled, || Duration::ZERO);
        assert_eq!((pipe.next_event(&stalled), pipe.next_room()), (Some(Time(9_000_000)), None));
        pipe.advance(Time(9_000_000), &stalled, || Duration::ZERO);
        assert_eq!(pipe.next_room(), Some(Time(9_001_000)));
    }

    #[test]
    fn the_dead_say_nothing() {
        let mut pipe = Pipe::default();
        pipe.push(START, 'a', 1);
        pipe.kill();
        pipe.advance(Time(2_000_000), &line(), || Duration::ZERO);
        assert_eq!((pipe.next_event(&line()), pipe.next_room(), pipe.buffered()), (None, None, 1));
    }

    #[derive(Clone, Copy, Debug)]
    enum Act {
        Push(usize),
        Wait(u64),
        Stall(u64),
        Cut(usize),
    }

    fn acts() -> impl Strategy<Value = Vec<Act>> {
        let act = prop_oneof![
            6 => (0usize..2_000).prop_map(Act::Push),
            8 => (0u64..800_000).prop_map(Act::Wait),
            1 => (0u64..2_000_000).prop_map(Act::Stall),
            1 => (0usize..4).prop_map(Act::Cut),
        ];
        proptest::collection::vec(act, 1..80)
    }

    proptest! {
        #![proptest_config(Config { rng_seed: RngSeed::Fixed(1), failure_persistence: None, ..Config::default() })]

        #[test]
        fn what_arrives_is_a_beginning_of_what_was_sent(acts in acts(), jitters in proptest::collection::vec(0u64..50_000, 1..9)) {
            let (mut pipe, mut line) = (Pipe::default(), line());
            let (mut now, mut pushed, mut sent, mut got, mut cut) = (START, 0usize, 0usize, 0usize, false);
            let mut jitters = jitters.iter().cycle().map(|&micros| Duration::from_micros(micros));
            for act in acts {
                match act {
                    Act::Push(bytes) => {
                        pipe.push(now, pushed, bytes);
                        pushed += 1;
                        sent += bytes;
                    }
                    Act::Wait(micros) => now = Time(now.0 + micros),
                    Act::Stall(micros) => line.stalled_until = Time(now.0 + micros),
                    Act::Cut(keep) => {
                        pipe.cut(keep);
                        cut = true;
                    }
                }
                pipe.advance(now, &line, || jitters.next().expect("cycles"));
                while let Some(item) = pipe.arrived(now) {
                    prop_assert_eq!(item, got, "in order, once");
                    got += 1;
                }
                prop_assert!(got <= pushed && pipe.buffered() <= sent);
            }
            if !cut {
                // Enough time for everything: each item leaves and arrives in its turn.
                for _ in 0..=2 * pushed {
                    now = Time(now.0 + 60_000_000);
                    pipe.advance(now, &line, || Duration::ZERO);
                    while let Some(item) = pipe.arrived(now) {
                        prop_assert_eq!(item, got);
                        got += 1;
                    }
                }
                prop_assert_eq!((got, pipe.buffered()), (pushed, 0));
            }
        }
    }
}
