//! What a run comes to: one verdict, one exit code of `loadgen`, one line that says why.

use std::fmt;

use chinwag_scenarios::Plan;
use serde::Serialize;

use crate::{
    book::Book,
    judged::{Checked, Counts},
    measure::count_above,
    segment::Segment,
};

/// A send that left later than this, in microseconds, left late: the generator was not there in time.
const SEND_LAG_MAX: u64 = 10_000;
/// A stage is void if at least this share of its sends left late, in per cent: its p99 would be above the limit…
const LATE_PERCENT: u64 = 1;
/// …and at least so many: of a hundred sends, one hiccup of the machine would be one per cent.
const LATE_MIN: u64 = 10;

/// What a run is judged by.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// The user has ended it.
    pub interrupted: bool,
    /// Why it ended too early by itself, if it did.
    pub broken_off: Option<String>,
    /// The threshold that ended it, and what was measured.
    pub aborted: Option<String>,
    /// The generator's own limits that were met, as in "open files".
    pub exhausted: Option<String>,
    /// Planned messages that the generator did not come to hand to their bots.
    pub not_handed: u64,
    /// Planned messages that bots held but never put on the wire.
    pub withheld: u64,
    /// Of these, those whose senders had been told "not yet": the plan wants more than the server's limits allow.
    pub throttled: u64,
    /// How the generator did not keep to the plan's instants, if it did not: see [`fell_behind`].
    pub fell_behind: Option<String>,
    /// Only a part of the run is known: which.
    pub part: Option<String>,
    /// Thresholds that did not hold.
    pub failed: usize,
    /// All thresholds.
    pub thresholds: usize,
    /// What no run may be short of, whatever its thresholds: how much, and of what.
    pub missing: Vec<(u64, &'static str)>,
    /// What no server may do, whatever the thresholds: how often, and what.
    pub broken: Vec<(u64, &'static str)>,
}

impl Facts {
    /// What is known when all is over of those who have played a segment: so many messages were `handed` to bots.
    #[must_use]
    pub fn of(
        plan: &Plan,
        segment: Segment,
        book: &Book,
        handed: u64,
        counts: &Counts<'_>,
        thresholds: &[Checked],
    ) -> Self {
        Self {
            exhausted: book.exhausted.clone(),
            part: (!segment.is_whole()).then(|| segment.to_string()),
            not_handed: segment.sends(plan).saturating_sub(handed),
            withheld: handed.saturating_sub(counts.report.sent),
            throttled: book.throttled,
            failed: thresholds.iter().filter(|threshold| !threshold.passed).count(),
            thresholds: thresholds.len(),
            missing: counts.missing(),
            broken: counts.broken(),
            ..Self::default()
        }
    }

    /// Why a run is invalid, and what its server has broken all the same: no generator makes a server say things twice.
    fn even_so(&self, why: String) -> String {
        let broken: Vec<_> = counted(&self.broken).collect();
        if broken.is_empty() { why } else { format!("{why}; even so: {}", broken.join(", ")) }
    }
}

/// How the generator did not keep to the plan's instants, if it did not: the first judged stage of which too many sends left
/// late, in words.
#[must_use]
pub fn fell_behind(plan: &Plan, book: &Book) -> Option<String> {
    let stages = plan.stages().iter().zip(&book.times.stages).filter(|(planned, _)| planned.judged);
    stages
        .map(|(planned, book)| Punctuality {
            stage: &planned.name,
            sends: book.send_lag.histogram.len(),
            late: count_above(&book.send_lag.histogram, SEND_LAG_MAX),
        })
        .find_map(|stage| stage.complaint())
}

/// How many sends of a stage left late.
#[derive(Clone, Copy, Debug)]
struct Punctuality<'a> {
    /// The stage's name.
    stage: &'a str,
    /// All sends whose lag was measured.
    sends: u64,
    /// Those that left more than [`SEND_LAG_MAX`] after their instant.
    late: u64,
}

impl Punctuality<'_> {
    fn complaint(self) -> Option<String> {
        let Self { stage, sends, late } = self;
        let max = SEND_LAG_MAX / 1_000;
        (late >= LATE_MIN && late * 100 >= sends * LATE_PERCENT).then(|| {
            format!(
                "the generator fell behind: {late} of {sends} sends of stage {stage} left more than {max} ms late"
            )
        })
    }
}

/// How a run came out.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Verdict {
    /// All that was asked for.
    Pass,
    /// The server did not do what was asked for.
    Fail(String),
    /// The generator did not do what was asked for, so nothing is known about the server.
    Invalid(String),
    /// The server's rate limits allow less than the plan asks for, so nothing is known about the rest: invalid, too.
    Throttled(String),
    /// A part of a run that went as it should; the whole is judged when all parts are together.
    Part(String),
    /// The user has ended the run.
    Interrupted,
    /// The run could not be made or finished.
    Broken(String),
}

/// The verdict in a word, as summaries have it.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Word {
    /// See [`Verdict::Pass`].
    Pass,
    /// See [`Verdict::Fail`].
    Fail,
    /// See [`Verdict::Invalid`] and [`Verdict::Throttled`].
    Invalid,
    /// See [`Verdict::Part`].
    Part,
    /// See [`Verdict::Interrupted`].
    Interrupted,
    /// See [`Verdict::Broken`].
    Broken,
}

/// Judges a run. What comes first outweighs what follows: whoever ended a run early, and a generator that fell behind,
/// make everything else meaningless, but what its server has broken is told, too. A server that broke a promise fails without
/// any threshold.
#[must_use]
pub fn judge(facts: &Facts) -> Verdict {
    if facts.interrupted {
        return Verdict::Interrupted;
    }
    if let Some(why) = &facts.broken_off {
        return Verdict::Broken(why.clone());
    }
    if let Some(what) = &facts.exhausted {
        return Verdict::Invalid(facts.even_so(format!("the generator ran out of {what}")));
    }
    if let Some(why) = &facts.fell_behind {
        return Verdict::Invalid(facts.even_so(why.clone()));
    }
    if let Some(threshold) = &facts.aborted {
        return Verdict::Fail(format!("ended early: {threshold}"));
    }
    if facts.not_handed > 0 {
        let why = format!("the generator did not send {} planned messages", facts.not_handed);
        return Verdict::Invalid(facts.even_so(why));
    }
    if facts.throttled > 0 {
        let why = format!(
            "{} planned messages were not sent: the server's rate limits let fewer through than the plan asks for",
            facts.throttled
        );
        return Verdict::Throttled(facts.even_so(why));
    }
    if let Some(part) = &facts.part {
        return Verdict::Part(part.clone());
    }
    let shortfalls = shortfalls(facts);
    if !shortfalls.is_empty() {
        return Verdict::Fail(shortfalls.join(", "));
    }
    Verdict::Pass
}

/// What the server owes and did not give: thresholds that do not hold first.
fn shortfalls(facts: &Facts) -> Vec<String> {
    let thresholds =
        (facts.failed > 0).then(|| format!("{} of {} thresholds", facts.failed, facts.thresholds));
    let withheld = (facts.withheld > 0).then(|| {
        format!("{} messages could not be sent for want of a connection or of answers", facts.withheld)
    });
    let (missing, broken) = (counted(&facts.missing), counted(&facts.broken));
    thresholds.into_iter().chain(withheld).chain(missing).chain(broken).collect()
}

/// What there is of each, in words.
fn counted(counts: &[(u64, &'static str)]) -> impl Iterator<Item = String> {
    let some = counts.iter().filter(|(count, _)| *count > 0);
    some.map(|(count, what)| format!("{count} {what}"))
}

impl Verdict {
    /// The exit code of `loadgen`.
    #[must_use]
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Pass | Self::Part(_) => 0,
            Self::Broken(_) => 1,
            Self::Invalid(_) | Self::Throttled(_) => 96,
            Self::Fail(_) => 99,
            Self::Interrupted => 105,
        }
    }

    /// In a word.
    #[must_use]
    pub const fn word(&self) -> Word {
        match self {
            Self::Pass => Word::Pass,
            Self::Fail(_) => Word::Fail,
            Self::Invalid(_) | Self::Throttled(_) => Word::Invalid,
            Self::Part(_) => Word::Part,
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
            Self::Invalid(why) | Self::Throttled(why) => write!(f, "INVALID ({why})"),
            Self::Part(which) => write!(f, "PART ({which}: judged by `loadgen merge` with all others)"),
            Self::Interrupted => f.write_str("INTERRUPTED (what follows is incomplete)"),
            Self::Broken(why) => write!(f, "BROKEN OFF ({why})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_outcome_has_its_exit_code() {
        let good = || Facts { thresholds: 3, broken: vec![(0, "deliveries lost")], ..Facts::default() };
        let fault = |broken| Facts { broken, ..good() };
        let table = [
            (good(), 0, "PASS"),
            (Facts { failed: 1, ..good() }, 99, "FAIL (1 of 3 thresholds)"),
            (Facts { withheld: 2, ..good() }, 99, "FAIL (2 messages could not be sent"),
            (Facts { missing: vec![(0, "clients"), (4, "answers")], ..good() }, 99, "FAIL (4 answers)"),
            (fault(vec![(0, "doubled"), (1, "lost")]), 99, "FAIL (1 lost)"),
            (fault(vec![(2, "lost"), (3, "broken promises")]), 99, "FAIL (2 lost, 3 broken promises)"),
            (Facts { failed: 1, ..fault(vec![(2, "lost")]) }, 99, "FAIL (1 of 3 thresholds, 2 lost)"),
            (Facts { not_handed: 5, ..good() }, 96, "INVALID (the generator did not send 5 planned"),
            (Facts { withheld: 7, throttled: 7, ..good() }, 96, "INVALID (7 planned messages were not sent"),
            (Facts { exhausted: Some("open files".into()), ..good() }, 96, "ran out of open files"),
            (
                Facts { exhausted: Some("open files".into()), ..fault(vec![(2, "lost"), (0, "doubled")]) },
                96,
                "INVALID (the generator ran out of open files; even so: 2 lost)",
            ),
            (
                Facts {
                    fell_behind: Some("it fell behind".into()),
                    failed: 1,
                    ..fault(vec![(1, "doubled")])
                },
                96,
                "INVALID (it fell behind; even so: 1 doubled)",
            ),
            (
                Facts { throttled: 7, ..fault(vec![(3, "foreign")]) },
                96,
                "than the plan asks for; even so: 3 foreign)",
            ),
            (
                Facts { aborted: Some("refused count==0".into()), not_handed: 9, ..good() },
                99,
                "FAIL (ended early: refused count==0)",
            ),
            (
                Facts {
                    aborted: Some("p(99)<250ms".into()),
                    fell_behind: Some("it fell behind".into()),
                    ..good()
                },
                96,
                "INVALID (it fell behind)",
            ),
            (
                Facts { broken_off: Some("the server ended".into()), ..good() },
                1,
                "BROKEN OFF (the server ended)",
            ),
            (
                Facts { part: Some("segment 2/4".into()), ..fault(vec![(2, "lost")]) },
                0,
                "PART (segment 2/4: ",
            ),
            (Facts { part: Some("segment 2/4".into()), not_handed: 1, ..good() }, 96, "INVALID"),
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
    fn a_stage_is_void_if_enough_of_its_sends_left_late() {
        let complaint = |sends, late| Punctuality { stage: "burst", sends, late }.complaint();
        for (sends, late, is_void) in [
            (100, 9, false), // many in proportion, but few
            (100, 10, true),
            (5_000, 49, false), // many, but few in proportion
            (5_000, 50, true),
            (10, 10, true),
            (0, 0, false),
        ] {
            assert_eq!(complaint(sends, late).is_some(), is_void, "{late} of {sends}");
        }
        let line = "the generator fell behind: 50 of 5000 sends of stage burst left more than 10 ms late";
        assert_eq!(complaint(5_000, 50).as_deref(), Some(line));
    }

    #[test]
    fn a_generator_that_fell_behind_outweighs_faults_and_an_interruption_everything() {
        let broken = vec![(1, "lost")];
        let behind = Facts { failed: 2, thresholds: 2, not_handed: 1, broken, ..Facts::default() };
        assert_eq!(judge(&behind).exit_code(), 96);
        let why = "INVALID (the generator did not send 1 planned messages; even so: 1 lost)";
        assert_eq!(judge(&behind).to_string(), why);
        assert_eq!(judge(&Facts { interrupted: true, ..behind }).exit_code(), 105);
    }
}
