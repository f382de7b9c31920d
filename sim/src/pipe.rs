//! One direction of a connection, as TCP has it: nothing is lost or reordered, only delayed, stalled or cut.
//!
//! What is pushed waits in a send buffer, leaves at the line's rate, travels for the latency and arrives in order. A
//! *dead* pipe takes in and delivers nothing, and nobody is told: that is half of a half-open connection.

use std::{collections::VecDeque, time::Duration};

use chinwag_core::Time;

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
#[derive(Debug)]
pub(crate) struct Pipe<T> {
    /// The send buffer.
    waiting: VecDeque<(T, usize)>,
    waiting_bytes: usize,
    /// When the first of `waiting` has left, if it is on its way out.
    leaves_at: Option<Time>,
    /// What has left, and when it arrives.
    flying: VecDeque<(Time, T)>,
    last_arrival: Time,
    dead: bool,
}

impl<T> Default for Pipe<T> {
    fn default() -> Self {
        Self {
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            leaves_at: None,
            flying: VecDeque::new(),
            last_arrival: Time::default(),
            dead: false,
        }
    }
}

impl<T> Pipe<T> {
    /// Bytes in the send buffer.
    #[must_use]
    pub(crate) const fn waiting_bytes(&self) -> usize {
        self.waiting_bytes
    }

    /// Whether it works and nothing is in it.
    #[must_use]
    pub(crate) fn is_clear(&self) -> bool {
        !self.dead && self.waiting.is_empty() && self.flying.is_empty()
    }

    /// Whether there is nothing that could leave.
    #[must_use]
    pub(crate) fn is_idle(&self) -> bool {
        self.dead || self.waiting.is_empty()
    }

    /// Puts an item of so many bytes into the send buffer.
    pub(crate) fn push(&mut self, item: T, bytes: usize) {
        self.waiting_bytes += bytes;
        self.waiting.push_back((item, bytes));
    }

    /// Lets leave what has to leave by now; `jitter` is how much longer than the latency it travels.
    pub(crate) fn advance(&mut self, now: Time, line: &Line, mut jitter: impl FnMut() -> Duration) {
        while !self.dead {
            match self.leaves_at {
                Some(at) if at <= now => {
                    let (item, bytes) = self.waiting.pop_front().expect("something is leaving");
                    self.leaves_at = None;
                    self.waiting_bytes -= bytes;
                    self.last_arrival = self.last_arrival.max(at + line.latency + jitter());
                    self.flying.push_back((self.last_arrival, item));
                }
                Some(_) => break,
                None => {
                    let Some(&(_, bytes)) = self.waiting.front() else { break };
                    if line.stalled_until > now {
                        break;
                    }
                    let micros = (bytes as u64).saturating_mul(1_000_000).div_ceil(line.rate.max(1));
                    self.leaves_at = Some(now + Duration::from_micros(micros));
                }
            }
        }
    }

    /// The next item that has arrived by now.
    pub(crate) fn arrived(&mut self, now: Time) -> Option<T> {
        self.flying.pop_front_if(|&mut (at, _)| at <= now).map(|(_, item)| item)
    }

    /// When the next item arrives.
    #[must_use]
    pub(crate) fn next_arrival(&self) -> Option<Time> {
        self.flying.front().map(|&(at, _)| at)
    }

    /// When the next item leaves, or may begin to.
    #[must_use]
    pub(crate) fn next_departure(&self, line: &Line) -> Option<Time> {
        if self.dead || self.waiting.is_empty() {
            return None;
        }
        Some(self.leaves_at.unwrap_or(line.stalled_until))
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
        pipe.push('a', 100);
        pipe.advance(START, &line(), || Duration::ZERO);
        assert_eq!(pipe.next_departure(&line()), Some(Time(1_100_000)), "100 bytes at 1,000 a second");
        pipe.advance(Time(1_100_000), &line(), || Duration::ZERO);
        assert_eq!((pipe.waiting_bytes(), pipe.next_arrival()), (0, Some(Time(1_105_000))));
        assert_eq!(pipe.arrived(Time(1_104_999)), None);
        assert_eq!(pipe.arrived(Time(1_105_000)), Some('a'));
    }

    #[test]
    fn a_stall_holds_back_what_has_not_left() {
        let mut pipe = Pipe::default();
        pipe.push('a', 1);
        let stalled = Line { stalled_until: Time(9_000_000), ..line() };
        pipe.advance(START, &stalled, || Duration::ZERO);
        assert_eq!(pipe.next_departure(&stalled), Some(Time(9_000_000)));
        pipe.advance(Time(9_000_000), &stalled, || Duration::ZERO);
        assert_eq!(pipe.next_departure(&stalled), Some(Time(9_001_000)));
    }

    #[test]
    fn the_dead_say_nothing() {
        let mut pipe = Pipe::default();
        pipe.push('a', 1);
        pipe.kill();
        pipe.advance(Time(2_000_000), &line(), || Duration::ZERO);
        assert_eq!((pipe.next_departure(&line()), pipe.waiting_bytes()), (None, 1));
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
                        pipe.push(pushed, bytes);
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
                prop_assert!(got <= pushed && pipe.waiting_bytes() <= sent);
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
                prop_assert_eq!((got, pipe.waiting_bytes()), (pushed, 0));
            }
        }
    }
}
