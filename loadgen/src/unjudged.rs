//! What cannot be judged of a run, because of the protocol that it speaks. It is said, and never passed in silence.

use chinwag_scenarios::{Bound, Metric, Plan, Scenario, Threshold};

/// The thresholds that can be judged, and in words what cannot be.
pub(crate) fn divide<'a>(scenario: &'a Scenario, plan: &Plan) -> (Vec<&'a Threshold>, Vec<String>) {
    let Some(protocol) = &scenario.protocol else {
        return (scenario.thresholds.iter().collect(), Vec::new());
    };
    let cut_off = plan.events().iter().any(|event| event.kind.loses_connections());
    let needs_catching_up = |threshold: &&Threshold| {
        let foreseen = threshold.metric == Metric::Delivery && threshold.bound == Bound::Planned;
        cut_off && (foreseen || threshold.metric == Metric::CaughtUp)
    };
    let (apart, judged): (Vec<_>, Vec<_>) = scenario.thresholds.iter().partition(needs_catching_up);
    let thresholds = apart.iter().map(|threshold| {
        format!(
            "{}{} {}: nothing is given later that was missed",
            threshold.metric, threshold.tags, threshold.expression
        )
    });
    let general = protocol.not_judged().into_iter().map(str::to_owned);
    (judged, general.chain(thresholds).collect())
}

#[cfg(test)]
mod tests {
    use chinwag_scenarios::{Overrides, Protocol, dialects, shipped};

    use super::*;

    #[test]
    fn what_needs_a_history_is_not_judged_where_there_is_none() {
        let smoke = shipped().iter().find(|file| file.name == "smoke").unwrap();
        let mut scenario = Scenario::parse(smoke.name, smoke.text).unwrap();
        let plan = Plan::new(&scenario, Overrides::default()).unwrap();
        let (judged, words) = divide(&scenario, &plan);
        assert_eq!((judged.len(), words.len()), (scenario.thresholds.len(), 0), "in chat all is judged");
        let lobby = dialects().iter().find(|file| file.name == "lobby").unwrap();
        scenario.protocol = Some(Protocol::parse(lobby.name, lobby.text).unwrap());
        let (judged, words) = divide(&scenario, &plan);
        assert_eq!(judged.len(), scenario.thresholds.len() - 2);
        for part in ["delivery received==planned: ", "caught_up count>=planned: ", "places in a room"] {
            assert!(words.iter().any(|word| word.starts_with(part)), "{part} in {words:?}");
        }
        assert!(judged.iter().any(|threshold| threshold.expression == "lost==0"));
    }
}
