//! What a run comes to: one verdict, one exit code, one line that says why.

use std::fmt;

use serde::Serialize;

/// The largest send lag at the 99th percentile with which a stage counts, in microseconds.
pub(crate) const SEND_LAG_P99_MAX: u64 = 10_000;

/// What a run is judged by.
#[derive(Clone, Debug, Default)]
pub(crate) struct Facts {
    /// The user has ended it.
    pub(crate) interrupted: bool,
    /// Why it ended too early by itself, if it did.
    pub(crate) broken_off: Option<String>,
    /// The generator's own limits that were met, as in "open files".
    pub(crate) exhausted: Option<&'static str>,
    /// Planned messages that the generator did not come to hand to their bots.
    pub(crate) not_handed: u64,
    /// Planned messages that bots held but never put on the wire.
    pub(crate) withheld: u64,
    /// Judged stages and their send lag at the 99th percentile, in microseconds.
    pub(crate) send_lags: Vec<(String, u64)>,
    /// Thresholds that did not hold.
    pub(crate) failed: usize,
    /// All thresholds.
    pub(crate) thresholds: usize,
}

/// How a run came out.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Verdict {
    /// All that was asked for.
    Pass,
    /// The server did not do what was asked for.
    Fail(String),
    /// The generator did not do what was asked for, so nothing is known about the server.
    Invalid(String),
    /// The user has ended the run.
    Interrupted,
    /// The run could not be made or finished.
    Broken(String),
}

/// The verdict in a word, as summaries have it.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Word {
    /// See [`Verdict::Pass`]; so on.
    Pass,
    Fail,
    Invalid,
    Interrupted,
    Broken,
}

/// Judges a run. What comes first outweighs what follows: whoever ended a run early, and a generator that fell behind,
/// make everything else meaningless.
pub(crate) fn judge(facts: &Facts) -> Verdict {
    if facts.interrupted {
        return Verdict::Interrupted;
    }
    if let Some(why) = &facts.broken_off {
        return Verdict::Broken(why.clone());
    }
    if let Some(what) = facts.exhausted {
        return Verdict::Invalid(format!("the generator ran out of {what}"));
    }
    if facts.not_handed > 0 {
        return Verdict::Invalid(format!("the generator did not send {} planned messages", facts.not_handed));
    }
    if let Some((stage, lag)) = facts.send_lags.iter().find(|(_, lag)| *lag > SEND_LAG_P99_MAX) {
        let (lag, max) = (*lag as f64 / 1e3, SEND_LAG_P99_MAX / 1_000);
        return Verdict::Invalid(format!(
            "the generator fell behind: send lag p99 {lag:.1} ms in stage {stage}, at most {max} ms is allowed"
        ));
    }
    if facts.failed > 0 {
        return Verdict::Fail(format!("{} of {} thresholds", facts.failed, facts.thresholds));
    }
    if facts.withheld > 0 {
        return Verdict::Fail(format!(
            "{} messages could not be sent for want of a connection",
            facts.withheld
        ));
    }
    Verdict::Pass
}

impl Verdict {
    /// The process's exit code.
    pub(crate) const fn exit_code(&self) -> u8 {
        match self {
            Self::Pass => 0,
            Self::Broken(_) => 1,
            Self::Invalid(_) => 96,
            Self::Fail(_) => 99,
            Self::Interrupted => 105,
        }
    }

    /// In a word.
    pub(crate) const fn word(&self) -> Word {
        match self {
            Self::Pass => Word::Pass,
            Self::Fail(_) => Word::Fail,
            Self::Invalid(_) => Word::Invalid,
            Self::Interrupted => Word::Interrupted,
            Self::Broken(_) => Word::Broken,
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pass => f.write_str("PASS"),
            Self::Fail(why) => write!(f, "FAIL ({why})"),
            Self::Invalid(why) => write!(f, "INVALID ({why})"),
            Self::Interrupted => f.write_str("INTERRUPTED (what follows is incomplete)"),
            Self::Broken(why) => write!(f, "BROKEN OFF ({why})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lags(lag: u64) -> Vec<(String, u64)> {
        vec![("rest".into(), 40), ("burst".into(), lag)]
    }

    #[test]
    fn every_outcome_has_its_exit_code() {
        let good = || Facts { thresholds: 3, send_lags: lags(SEND_LAG_P99_MAX), ..Facts::default() };
        let table = [
            (good(), 0, "PASS"),
            (Facts { failed: 1, ..good() }, 99, "FAIL (1 of 3 thresholds)"),
            (Facts { withheld: 2, ..good() }, 99, "FAIL (2 messages could not be sent"),
            (Facts { not_handed: 5, ..good() }, 96, "INVALID (the generator did not send 5 planned"),
            (Facts { send_lags: lags(10_001), ..good() }, 96, "send lag p99 10.0 ms in stage burst"),
            (Facts { exhausted: Some("open files"), ..good() }, 96, "ran out of open files"),
            (
                Facts { broken_off: Some("the server ended".into()), ..good() },
                1,
                "BROKEN OFF (the server ended)",
            ),
            (Facts { interrupted: true, ..good() }, 105, "INTERRUPTED"),
        ];
        for (facts, code, words) in table {
            let verdict = judge(&facts);
            assert_eq!(verdict.exit_code(), code, "{facts:?}");
            assert!(verdict.to_string().contains(words), "{verdict}");
            assert!(!verdict.to_string().contains('\n'));
        }
    }

    #[test]
    fn a_generator_that_fell_behind_outweighs_thresholds_and_an_interruption_everything() {
        let behind = Facts { failed: 2, thresholds: 2, not_handed: 1, ..Facts::default() };
        assert_eq!(judge(&behind).exit_code(), 96);
        assert_eq!(judge(&Facts { interrupted: true, ..behind }).exit_code(), 105);
    }
}
