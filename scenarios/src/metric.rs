//! What is measured, and by which names scenarios and reports call it.

use std::fmt;

/// Something that is measured.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Metric {
    /// From the instant at which a message was meant to be sent to each delivery to whoever reads as fast as they can. By
    /// scenario and stage.
    E2eLatency,
    /// From the instant at which it was sent. By scenario and stage.
    E2eLatencyActual,
    /// From the instant at which a message was meant to be sent to that at which it was. By scenario and stage.
    SendLag,
    /// From the instant at which a message was meant to be sent to each delivery to slow readers.
    SlowLatency,
    /// From the instant at which a history was meant to be asked for to its page.
    HistoryTime,
    /// From the beginning of a connection to being in all rooms.
    ConnectTime,
    /// What became of deliveries.
    Delivery,
    /// What became of first connections.
    Connections,
    /// Connections made again after one was lost.
    Reconnects,
    /// Deliveries that were missed while away or behind and came out of the history.
    CaughtUp,
    /// Messages whose final answer was a refusal.
    Refused,
    /// Messages sent and never answered.
    Unanswered,
    /// Messages of which nobody will know what became: their connections ended before an answer.
    Unresolved,
    /// Messages planned and never sent.
    Unsent,
    /// Connections that failed or were lost without the scenario wanting it.
    Errors,
}

/// What a metric's numbers are.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Unit {
    /// Microseconds; written with `us`, `ms` or `s`.
    Time,
    /// How many.
    Count,
}

impl Metric {
    /// All of them.
    pub const ALL: [Self; 15] = [
        Self::E2eLatency,
        Self::E2eLatencyActual,
        Self::SendLag,
        Self::SlowLatency,
        Self::HistoryTime,
        Self::ConnectTime,
        Self::Delivery,
        Self::Connections,
        Self::Reconnects,
        Self::CaughtUp,
        Self::Refused,
        Self::Unanswered,
        Self::Unresolved,
        Self::Unsent,
        Self::Errors,
    ];

    /// Its name in scenarios and reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::E2eLatency => "e2e_latency",
            Self::E2eLatencyActual => "e2e_latency_actual",
            Self::SendLag => "send_lag",
            Self::SlowLatency => "slow_latency",
            Self::HistoryTime => "history_time",
            Self::ConnectTime => "connect_time",
            Self::Delivery => "delivery",
            Self::Connections => "connections",
            Self::Reconnects => "reconnects",
            Self::CaughtUp => "caught_up",
            Self::Refused => "refused",
            Self::Unanswered => "unanswered",
            Self::Unresolved => "unresolved",
            Self::Unsent => "unsent",
            Self::Errors => "errors",
        }
    }

    /// What its numbers are.
    #[must_use]
    pub const fn unit(self) -> Unit {
        match self {
            Self::E2eLatency
            | Self::E2eLatencyActual
            | Self::SendLag
            | Self::SlowLatency
            | Self::HistoryTime
            | Self::ConnectTime => Unit::Time,
            _ => Unit::Count,
        }
    }

    /// Whether it is known while the run goes on, so that it can end one.
    #[must_use]
    pub const fn is_live(self) -> bool {
        matches!(self.unit(), Unit::Time) || matches!(self, Self::Refused | Self::Reconnects | Self::Errors)
    }

    /// Whether a plan foresees it wherever clients go meanwhile.
    #[must_use]
    pub const fn is_certain(self) -> bool {
        matches!(self, Self::Connections | Self::Reconnects)
    }

    /// Whether it is also kept for every stage of every scenario: `metric{scenario:name,stage:name}`.
    #[must_use]
    pub const fn is_by_stage(self) -> bool {
        matches!(self, Self::E2eLatency | Self::E2eLatencyActual | Self::SendLag)
    }

    /// The counts it consists of, by name.
    #[must_use]
    pub const fn counts(self) -> &'static [&'static str] {
        match self {
            Self::Delivery => &[
                "expected",
                "received",
                "lost",
                "announced_lost",
                "duplicated",
                "reordered",
                "skipped",
                "foreign",
                "late",
                "violations",
            ],
            Self::Connections => &["connected", "failed"],
            _ => &["count"],
        }
    }

    /// The counts that [`Plan::planned`](crate::Plan::planned) foresees.
    #[must_use]
    pub const fn planned_counts(self) -> &'static [&'static str] {
        match self {
            Self::Delivery => &["expected", "received"],
            Self::Connections => &["connected"],
            Self::Reconnects | Self::CaughtUp => &["count"],
            _ => &[],
        }
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
