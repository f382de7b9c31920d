//! Whether an event makes sense.

use std::time::Duration;

use super::{Checked, Fault, check_span, fault, find_group, require};
use crate::{
    error::unknown,
    file::{self, InStage, Moment},
    scenario::{Event, EventKind, Group},
};

pub(super) fn check(key: &str, event: file::Event, groups: &[Group]) -> Checked<Event> {
    let at = check_moment(&format!("{key}.at"), &event.at, groups)?;
    if let Some(name) = &event.scenario {
        find_group(name, groups).map_err(|message| Fault { key: format!("{key}.scenario"), message })?;
    }
    let fraction = event.fraction.unwrap_or(1.0);
    let share = format!("must be above 0 and at most 1, not {fraction}");
    require(fraction > 0.0 && fraction <= 1.0, format!("{key}.fraction"), share)?;
    check_span(&format!("{key}.down_for"), event.down_for.0)?;
    let back_over = event.back_over.map_or(Duration::ZERO, |span| span.0);
    match event.kind {
        EventKind::Partition => require(
            back_over.is_zero(),
            format!("{key}.back_over"),
            "nobody comes back from a partition: the same connections go on when it is over",
        )?,
        EventKind::Restart => {
            let all = event.fraction.is_none() && event.scenario.is_none();
            require(all, key, "a restart hits everyone: leave out `fraction` and `scenario`")?;
        }
        EventKind::Disconnect | EventKind::Reset | EventKind::HalfOpen => {}
    }
    Ok(Event { at, kind: event.kind, group: event.scenario, fraction, down_for: event.down_for.0, back_over })
}

/// An instant, after the first stage's start.
fn check_moment(key: &str, moment: &Moment, groups: &[Group]) -> Checked<Duration> {
    let in_stage = match moment {
        Moment::After(after) => {
            let ends = groups.iter().map(|group| {
                group.stages.iter().fold(group.start, |end, stage| end.saturating_add(stage.duration))
            });
            let end = ends.max().unwrap_or_default();
            require(after.0 < end, key, format!("must be before the last stage's end, {end:?}"))?;
            return Ok(after.0);
        }
        Moment::In(in_stage) => in_stage,
    };
    let InStage { stage: name, scenario, offset } = in_stage;
    if let Some(scenario) = scenario {
        find_group(scenario, groups).map_err(|message| Fault { key: format!("{key}.scenario"), message })?;
    }
    let (mut known, mut found) = (Vec::new(), Vec::new());
    for group in groups.iter().filter(|group| scenario.as_ref().is_none_or(|name| *name == group.name)) {
        let mut start = group.start;
        for stage in &group.stages {
            known.push(stage.name.as_str());
            if stage.name == *name {
                found.push((start, stage.duration));
            }
            start += stage.duration;
        }
    }
    let Some(&(start, duration)) = found.first() else {
        known.dedup();
        return fault(format!("{key}.stage"), unknown("stage", name, &known));
    };
    let one = found.iter().all(|stage| *stage == (start, duration));
    require(
        one,
        format!("{key}.stage"),
        format!("several scenarios have a stage `{name}`: say which, with `scenario`"),
    )?;
    let offset = offset.map_or(Duration::ZERO, |offset| offset.0);
    let late = format!("must be less than the stage's duration, {duration:?}");
    require(offset < duration, format!("{key}.offset"), late)?;
    Ok(start + offset)
}
