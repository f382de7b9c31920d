//! A capture of a server, led through the same machines again: what was in it, whether it came to the same, and whether
//! that was as it should be.

pub(crate) mod lines;
mod listeners;

use std::{
    fmt,
    io::Read,
    time::{Duration, Instant},
};

use chinwag_core::Time;
use chinwag_journal::capture::{CaptureError, Difference, End, Recorded, Replay};
use serde::Serialize;

use self::listeners::{Judged, Listeners};

/// What came of a capture.
#[derive(Debug, Serialize)]
pub(crate) struct Imported {
    /// The program that wrote it.
    version: String,
    nodes: usize,
    /// Inputs of nodes, of which those are clients' frames of text.
    inputs: u64,
    frames: u64,
    connections: u64,
    /// Bytes that were written to clients.
    written: u64,
    #[serde(serialize_with = "seconds")]
    span: Duration,
    /// Of real time, for all of it.
    #[serde(serialize_with = "seconds")]
    elapsed: Duration,
    end: Ended,
    /// Of all that came of it.
    hash: String,
    /// What clients were sent.
    judged: Judged,
    /// The first input of which something else came.
    pub(crate) difference: Option<Part>,
}

/// How a capture ends.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
enum Ended {
    /// With its server.
    Stopped,
    /// With as many bytes as it may have.
    Full,
    /// With a disk that was too slow.
    Behind,
    /// In the middle: its server did not end as planned, or it was cut short.
    Open,
}

/// Where a replay and its capture part.
#[derive(Debug, Serialize)]
pub(crate) struct Part {
    /// Which input, from 1.
    input: u64,
    node: u32,
    at: Time,
    /// What came in.
    what: String,
    why: String,
}

/// Leads new machines through a capture, up to the first difference.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn import(from: impl Read) -> Result<Imported, CaptureError> {
    let started = Instant::now();
    let mut replay = Replay::open(from)?;
    let head = replay.head();
    let mut imported = Imported {
        version: head.version.clone(),
        nodes: head.seeds.len(),
        inputs: 0,
        frames: 0,
        connections: 0,
        written: 0,
        span: Duration::ZERO,
        elapsed: Duration::ZERO,
        end: Ended::Open,
        hash: String::new(),
        judged: Judged::default(),
        difference: None,
    };
    let mut listeners = Listeners::new();
    let mut began = None;
    while let Some(step) = replay.step()? {
        if let Some(end) = step.end() {
            imported.end = Ended::from(end);
            continue;
        }
        imported.inputs += 1;
        let at = step.record.at;
        match &step.record.input {
            Recorded::Connected { .. } => imported.connections += 1,
            Recorded::Text { .. } => imported.frames += 1,
            _ => {}
        }
        imported.written += step.written.len() as u64;
        let first = *began.get_or_insert(at);
        imported.span = imported.span.max(at.since(first));
        if let Some(difference) = step.difference {
            imported.difference = Some(Part {
                input: imported.inputs,
                node: step.record.node,
                at,
                what: format!("{:?}", step.record.input),
                why: why(difference),
            });
            break;
        }
        listeners.hear(&step);
    }
    imported.judged = listeners.judged();
    imported.hash = format!("{:016x}", replay.hash());
    imported.elapsed = started.elapsed();
    Ok(imported)
}

fn why(difference: Difference) -> String {
    match difference {
        Difference::Output => "something else came of it".to_owned(),
        Difference::Written { recorded, there } => {
            format!("{recorded} bytes were written then, and there are {there} now")
        }
        Difference::NoMail => "no node has sent this mail".to_owned(),
        Difference::NoNode => "the node had not begun, or twice".to_owned(),
    }
}

impl Imported {
    /// Whether a promise was broken.
    pub(crate) const fn is_broken(&self) -> bool {
        self.judged.broken > 0
    }
}

impl From<End> for Ended {
    fn from(end: End) -> Self {
        match end {
            End::Stopped => Self::Stopped,
            End::Full => Self::Full,
            End::Behind => Self::Behind,
        }
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Stopped => "it ends with its server",
            Self::Full => "it ends with as many bytes as it may have",
            Self::Behind => "it ends where the disk was too slow for it",
            Self::Open => "it ends in the middle: its server did not end as planned, or it was cut short",
        })
    }
}

impl fmt::Display for Imported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { version, nodes, inputs, frames, connections, written, .. } = self;
        let (span, elapsed) = (self.span.as_secs_f64(), self.elapsed.as_secs_f64().max(1e-6));
        writeln!(f, "A capture of chinwag {version} with {nodes} nodes; {}.", self.end)?;
        writeln!(
            f,
            "{inputs} inputs, {frames} of them frames of {connections} connections, and {written} bytes for them."
        )?;
        writeln!(
            f,
            "{span:.1} s in {elapsed:.1} s: {:.1} x real time, {:.0} inputs/s.",
            span / elapsed,
            *inputs as f64 / elapsed
        )?;
        write!(f, "{}", self.judged)?;
        match &self.difference {
            None => writeln!(f, "All came to the same: hash {}.", self.hash),
            Some(Part { input, node, at, what, why }) => {
                writeln!(f, "It did not come to the same. Input {input}, of n{node} at {at}: {why}:")?;
                writeln!(f, "  {what}")
            }
        }
    }
}

fn seconds<S: serde::Serializer>(span: &Duration, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_f64(span.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Scenario, capture, plan::profile::Profile};

    #[test]
    fn what_the_simulator_has_judged_is_judged_alike() {
        let mut delivered = 0;
        for (profile, seed) in [(Profile::Default, 7_000), (Profile::Hostile, 7_100), (Profile::Churn, 7_200)]
            .into_iter()
            .flat_map(|(profile, first)| (first..first + 6).map(move |seed| (profile, seed)))
        {
            let (_, files) = capture(&Scenario::of(profile, seed), seed % 2 == 0);
            for file in files {
                let imported = import(&file[..]).unwrap();
                assert!(imported.difference.is_none() && !imported.is_broken(), "seed {seed}: {imported}");
                delivered += imported.judged.delivered();
            }
        }
        assert!(delivered > 1_000, "only {delivered} messages");
    }
}
