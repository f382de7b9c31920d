//! How fast a slow reader reads: so many bytes a second, with pauses.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use chinwag_scenarios::Read;
use tokio::time::{Instant, Sleep, sleep_until};

/// What may be read at once after a rest, in seconds of its rate.
const BURST_SECONDS: f64 = 0.1;

/// A slow reader's pace.
#[derive(Debug)]
pub(crate) struct Pace {
    read: Read,
    /// Pauses are counted from here.
    start: Instant,
    /// Up to when the bytes that were read are paid for.
    paid_until: Instant,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Pace {
    /// A pace that begins now; `shift`, from 0 to 1, is how much of the first span between two pauses is over.
    pub(crate) fn new(read: Read, shift: f64) -> Self {
        let now = Instant::now();
        let start = now.checked_sub(read.pause_every.mul_f64(shift)).unwrap_or(now);
        Self { read, start, paid_until: now, sleep: None }
    }

    /// Waits until something may be read.
    pub(crate) fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            if let Some(sleep) = &mut self.sleep {
                ready!(sleep.as_mut().poll(cx));
                self.sleep = None;
            }
            match self.next(Instant::now()) {
                Some(instant) => self.sleep = Some(Box::pin(sleep_until(instant))),
                None => return Poll::Ready(()),
            }
        }
    }

    /// So many bytes were read.
    pub(crate) fn took(&mut self, bytes: usize) {
        if let Some(rate) = self.read.rate {
            let earliest = Instant::now().checked_sub(Duration::from_secs_f64(BURST_SECONDS));
            let from = earliest.map_or(self.paid_until, |earliest| self.paid_until.max(earliest));
            self.paid_until = from + Duration::from_secs_f64(bytes as f64 / f64::from(rate));
        }
    }

    /// When to look again; now, if `None`.
    fn next(&self, now: Instant) -> Option<Instant> {
        let reads = self.start + self.read.reads_from(now.duration_since(self.start));
        let next = if reads > now { reads } else { self.paid_until };
        (next > now).then_some(next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn bytes_take_their_time() {
        let mut pace = Pace::new(
            Read { rate: Some(1_000), pause_every: Duration::ZERO, pause_for: Duration::ZERO },
            0.0,
        );
        let now = Instant::now();
        assert_eq!(pace.next(now + SECOND), None);
        pace.took(3_000);
        let next = pace.next(now).unwrap() - now;
        assert!((2_890..=3_010).contains(&next.as_millis()), "less what a rest has saved: {next:?}");
        assert_eq!(pace.next(now + 4 * SECOND), None);
    }

    #[test]
    fn pauses_come_again_and_again() {
        let read = Read { rate: None, pause_every: 4 * SECOND, pause_for: 2 * SECOND };
        let pace = Pace::new(read, 0.5);
        // Half of the first four seconds is over.
        let at = |seconds: u32| pace.next(pace.start + seconds * SECOND).map(|next| next - pace.start);
        assert_eq!((at(3), at(4), at(5)), (None, Some(6 * SECOND), Some(6 * SECOND)));
        assert_eq!((at(6), at(10)), (None, Some(12 * SECOND)));
    }
}
