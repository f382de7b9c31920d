//! What the limiter does for a message: a token is taken, or the wait for one worked out.

use std::time::Duration;

use chinwag_core::limiter::{Bucket, Rate};

use crate::{START, Step};

/// A second is 20 messages of one client at a rate of 10: half of them are refused.
const SECOND: u32 = 20;

/// So many seconds in one step, for a message alone is too little to be counted well.
const SECONDS: u32 = 50;

/// Who sends twice as much as they may, for a while. A step comes to the messages that are let in.
pub(crate) fn limiter() -> Step {
    let rate = Rate { per_second: 10, burst: 10 };
    let (mut bucket, mut now) = (Bucket::default(), START);
    let mut step = move || {
        let mut admitted = 0;
        for _ in 0..SECONDS * SECOND {
            now = now + Duration::from_secs(1) / SECOND;
            admitted += usize::from(bucket.take(now, rate).is_ok());
        }
        admitted
    };
    // The burst is spent.
    step();
    Box::new(step)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_is_let_in() {
        assert_eq!(limiter()(), 500);
    }
}
