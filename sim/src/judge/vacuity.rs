//! What a large batch must have put to the test: a check proves nothing of what never occurs.

use chinwag_oracle::Promise;

use crate::{
    judge::{checks, marks},
    plan::profile::Profile,
    search::batch::Totals,
};

/// From so many scenarios on, a batch must have checked and seen everything that its profile is for.
pub const VACUITY_SEEDS: u64 = 200;

/// What users do whatever goes wrong.
const ALWAYS: &[&str] = &[
    "session new",
    "verdict full",
    "left",
    "shown live",
    "shown from history",
    "page asked for",
    "acknowledged",
    "user joined",
    "user left",
    "presence online",
    "presence offline",
    "presence typing",
    "members listed",
    "rooms listed",
    "room created",
    "status",
    "task",
];

/// What cannot happen here so far: nobody sends binary frames in specification 2, and nobody who knows the lobby wants to
/// leave it for nowhere.
const ELSEWHERE: &[&str] = &["close unsupported_data", "refused last_room"];

/// What must happen in scenarios that are mostly about something.
const fn about(profile: Profile) -> &'static [&'static str] {
    match profile {
        // Everything that is counted.
        Profile::Default => &[],
        Profile::Calm => &["session resumed", "calm", "warning", "refused rate_limited"],
        Profile::Net => &[
            "session resumed",
            "verdict gap",
            "disconnected",
            "unresolved",
            "step cut",
            "step reset",
            "step fin",
            "step half-open",
            "step stall",
            "step slow",
            "close heartbeat_timeout",
            "client's send buffer full",
            "client's frame in pieces",
            "cut inside a client's frame",
        ],
        Profile::Overload => &[
            "warning",
            "refused rate_limited",
            "refused and repeated",
            "refused and given up",
            "lagged",
            "step slow",
            "close slow",
            "close overloaded",
        ],
        Profile::Churn => &[
            "session resumed",
            "verdict gap",
            "verdict reset",
            "unresolved",
            "client ended",
            "step crash",
            "step quit",
            "step drain",
            "step restart",
            "step node-dies",
            "node died alone",
            "node frozen",
            "close shutdown",
            "close replaced",
        ],
        Profile::Clock => &["session resumed", "step jump", "step pause", "step skew"],
        Profile::Hostile => &[
            "step nonsense",
            "step intrude sit",
            "step intrude barge",
            "step intrude guess",
            "step intrude replay",
            "step intrude borrow",
            "step intrude knock",
            "step intrude visit",
            "refused not_attached",
            "refused bad_json",
            "refused bad_frame",
            "refused unknown_type",
            "refused user_mismatch",
            "close attach_timeout",
            "close invalid_text",
            "close frame_too_big",
            "close protocol_error",
        ],
        Profile::Durable => &[
            "session resumed",
            "verdict reset",
            "step restart",
            "step power-cut",
            "step disk-full",
            "step sync-fails",
            "begun again with everything",
            "begun again with a loss",
            "entries found on the disk",
            "begun again with a snapshot",
            "torn end of a log cut off",
            "snapshot made",
            "snapshot failed",
            "write failed",
            "sync failed",
            "power cut took what was not synced",
        ],
        Profile::NoLimits => &[
            "session resumed",
            "verdict gap",
            "verdict reset",
            "disconnected",
            "unresolved",
            "step cut",
            "step stall",
            "step drain",
            "step crash",
            "close heartbeat_timeout",
            "close slow",
            "cut inside a client's frame",
        ],
    }
}

/// Checks that a profile gives no cause for.
const fn idle(profile: Profile) -> &'static [&'static str] {
    match profile {
        // Nobody attacks, and next to nobody reads slowly.
        Profile::Calm => &[checks::INTRUDER, checks::SLOW],
        // A replica would have to begin with what was kept, too.
        Profile::Durable => &[checks::REPLICAS],
        Profile::NoLimits => checks::AT_REST,
        _ => &[],
    }
}

/// Whether a large batch of a profile must have hit a mark.
#[must_use]
pub fn is_due(profile: Profile, mark: &str) -> bool {
    match profile {
        Profile::Default => !marks::is_rare(mark) && !ELSEWHERE.contains(&mark),
        _ => ALWAYS.contains(&mark) || about(profile).contains(&mark),
    }
}

/// Checks that were never made in a batch of this profile, and marks that were never hit, though it is there for them.
#[must_use]
pub fn missing(profile: Profile, totals: &Totals) -> Vec<String> {
    let made = |check: &str| totals.checks.get(check).is_some_and(|&count| count > 0);
    let checks = Promise::ALL.map(Promise::name).into_iter().chain(checks::AT_WORK.iter().copied());
    let checks = checks.filter(|check| !idle(profile).contains(check) && !made(check));
    let marks = totals.marks.iter().filter(|&(mark, &count)| count == 0 && is_due(profile, mark));
    checks.map(|check| format!("check {check}")).chain(marks.map(|(mark, _)| mark.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::marks::Marks;

    #[test]
    fn a_batch_in_which_nothing_happens_lacks_everything_it_is_for() {
        let totals = Totals { marks: Marks::default().by_name(), ..Totals::default() };
        for profile in Profile::ALL {
            let missing = missing(profile, &totals);
            for mark in about(profile).iter().chain(ALWAYS) {
                assert!(
                    missing.iter().any(|name| name == mark),
                    "{profile} lacks no {mark}: is there such a mark?"
                );
            }
            for check in idle(profile) {
                assert!(checks::AT_WORK.contains(check), "{check}");
                assert!(!missing.contains(&format!("check {check}")), "{profile} has cause for {check}");
            }
            assert!(
                missing.contains(&"check order".to_owned()) && missing.contains(&"check wire".to_owned())
            );
        }
        for mark in ELSEWHERE {
            assert!(totals.marks.contains_key(*mark), "there is no {mark}");
        }
        assert!(missing(Profile::Net, &totals).len() < missing(Profile::Default, &totals).len());
    }
}
