//! How busy machines may be: a run that would never end, or for very long, fails instead, and its seed is known.

use chinwag_core::Time;

use crate::judge::{
    Broken,
    checks::{self, broken},
};

// What 500 seeds from 23000000 and 100 of each profile had at most is given with each: none is near.

/// Most timers of one machine that may go off within a second (88).
const TIMERS_PER_SECOND_MAX: u32 = 250;
/// Most inputs of a client within a second, and of a node for each client, while there are faults: a step of a scenario
/// may do what it does 10,000 times (563 and, of a whole node, 1,078).
const INPUTS_PER_SECOND_MAX: u32 = 50_000;
/// The same at rest, when clients are asked who is there, and nobody wants anything but one who is turned away and comes
/// back (7 and, of a whole node, 49; 21 where such a one came into all rooms at once).
const INPUTS_AT_REST_MAX: u32 = 60;
/// Most that may happen without time going on (1,030): scenarios may have thousands of clients; it takes about a second.
const AT_ONCE_MAX: u32 = 1_000_000;
/// Most that may happen in a run (94,306; `.ci/long/flat` has one of 1.4 million events): it takes less than a minute.
const IN_ALL_MAX: u64 = 20_000_000;

/// Counts what happens, and to which machine.
#[derive(Clone, Debug)]
pub(crate) struct Pace {
    clients: usize,
    now: Time,
    at_once: u32,
    in_all: u64,
    second: u64,
    /// By machine, the clients first: inputs of this second…
    inputs: Vec<u32>,
    /// …and timers.
    timers: Vec<u32>,
    is_rest: bool,
    /// What was too much.
    excess: Option<String>,
}

impl Pace {
    /// Of so many machines, of which the first are clients.
    pub(crate) fn new(clients: usize, nodes: usize) -> Self {
        let machines = clients + nodes;
        Self {
            clients,
            now: Time(0),
            at_once: 0,
            in_all: 0,
            second: 0,
            inputs: vec![0; machines],
            timers: vec![0; machines],
            is_rest: false,
            excess: None,
        }
    }

    /// From now on nobody wants anything, or the faults go on.
    pub(crate) fn rests(&mut self, is_rest: bool) {
        self.is_rest = is_rest;
        self.inputs.fill(0);
        self.timers.fill(0);
    }

    /// Something happens.
    ///
    /// # Errors
    /// If too much has happened: now, in all, or to one machine.
    pub(crate) fn happens(&mut self, now: Time) -> Result<(), Broken> {
        if now != self.now {
            (self.now, self.at_once) = (now, 0);
        }
        self.at_once += 1;
        self.in_all += 1;
        if self.at_once > AT_ONCE_MAX || self.in_all > IN_ALL_MAX {
            let sentence = match self.at_once > AT_ONCE_MAX {
                true => format!("{AT_ONCE_MAX} things have happened at one instant, and more are to come"),
                false => format!("{IN_ALL_MAX} things have happened, and more are to come"),
            };
            return broken(checks::BUSY, sentence);
        }
        self.excess.take().map_or(Ok(()), |sentence| broken(checks::BUSY, sentence))
    }

    /// A machine is told something: a client or, after all of those, a node.
    pub(crate) fn input(&mut self, now: Time, machine: usize) {
        self.begin(now);
        self.inputs[machine] += 1;
        let most = self.inputs_max(machine);
        if self.inputs[machine] > most {
            self.exceeds(machine, most, "inputs");
        }
    }

    /// A machine's timer goes off.
    pub(crate) fn timer(&mut self, now: Time, machine: usize) {
        self.begin(now);
        self.timers[machine] += 1;
        if self.timers[machine] > TIMERS_PER_SECOND_MAX {
            self.exceeds(machine, TIMERS_PER_SECOND_MAX, "timers");
        }
    }

    /// A node may be told something of every client, and more.
    fn inputs_max(&self, machine: usize) -> u32 {
        let of_one = if self.is_rest { INPUTS_AT_REST_MAX } else { INPUTS_PER_SECOND_MAX };
        let times = if machine < self.clients { 1 } else { self.clients + 1 };
        of_one.saturating_mul(u32::try_from(times).unwrap_or(u32::MAX))
    }

    /// Another second begins.
    fn begin(&mut self, now: Time) {
        let second = now.0 / 1_000_000;
        if second != self.second {
            self.second = second;
            self.inputs.fill(0);
            self.timers.fill(0);
        }
    }

    #[cold]
    fn exceeds(&mut self, machine: usize, most: u32, what: &str) {
        let name = match machine.checked_sub(self.clients) {
            Some(node) => format!("n{node}"),
            None => format!("c{machine}"),
        };
        let rest = if self.is_rest { " at rest" } else { "" };
        self.excess = Some(format!("{name} has more than {most} {what} within a second{rest}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is said of so many inputs of a machine within a second, where there are two clients and a node.
    fn inputs(machine: usize, count: u32, is_rest: bool) -> Option<String> {
        let mut pace = Pace::new(2, 1);
        pace.rests(is_rest);
        (0..count).for_each(|n| pace.input(Time(5_000_000 + u64::from(n)), machine));
        pace.happens(Time(6_000_000)).err().map(|broken| broken.sentence)
    }

    #[test]
    fn a_machine_may_be_told_so_much_within_a_second_and_less_at_rest() {
        let most = INPUTS_PER_SECOND_MAX;
        assert_eq!(inputs(1, most, false), None);
        let excess = inputs(1, most + 1, false).unwrap();
        assert_eq!(excess, format!("c1 has more than {most} inputs within a second"));
        let most = 3 * INPUTS_AT_REST_MAX;
        assert_eq!(inputs(2, most, true), None);
        let excess = inputs(2, most + 1, true).unwrap();
        assert_eq!(excess, format!("n0 has more than {most} inputs within a second at rest"));
    }

    #[test]
    fn every_second_counts_anew() {
        let mut pace = Pace::new(1, 0);
        for second in 0..3 {
            (0..TIMERS_PER_SECOND_MAX).for_each(|_| pace.timer(Time(second * 1_000_000), 0));
        }
        assert_eq!(pace.happens(Time(2_000_000)), Ok(()));
        pace.timer(Time(2_000_000), 0);
        let excess = pace.happens(Time(2_000_000)).unwrap_err().sentence;
        assert_eq!(excess, format!("c0 has more than {TIMERS_PER_SECOND_MAX} timers within a second"));
    }

    #[test]
    fn time_must_go_on() {
        let mut pace = Pace::new(0, 0);
        for instant in 0..3 {
            (0..AT_ONCE_MAX).for_each(|_| pace.happens(Time(instant)).unwrap());
        }
        let excess = pace.happens(Time(2)).unwrap_err().sentence;
        assert!(excess.contains("at one instant"), "{excess}");
    }
}
