//! Thresholds: `metric{scenario:name,stage:name}` and expressions such as `p(99)<500ms`, in k6's grammar.

use std::{fmt, time::Duration};

use crate::{
    duration,
    error::unknown,
    metric::{Metric, Unit},
};

/// One number drawn from a metric.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Aggregate {
    /// `p(99.9)`: so many per cent are at most this; above 0, at most 100.
    Percentile(f64),
    /// `avg`.
    Average,
    /// `med`.
    Median,
    /// `min`.
    Min,
    /// `max`.
    Max,
    /// `count`.
    Count,
    /// A count by its name, such as `lost` of [`Metric::Delivery`].
    Named(&'static str),
    /// What the plan foresees: `planned` on the right of an expression. [`Plan::planned`](crate::Plan::planned) knows.
    Planned(&'static str),
}

/// How two numbers must stand to each other.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Comparison {
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `>`
    More,
    /// `>=`
    AtLeast,
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
}

/// What is compared with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Bound {
    /// A number in the metric's unit: microseconds or how many.
    Number(f64),
    /// `planned`: what the plan foresees, so that the threshold holds for any number of clients.
    Planned,
}

/// A condition for success.
#[derive(Clone, Debug, PartialEq)]
pub struct Threshold {
    /// What is measured.
    pub metric: Metric,
    /// Of what only.
    pub tags: Tags,
    /// Which number of it.
    pub aggregate: Aggregate,
    /// How it must stand…
    pub comparison: Comparison,
    /// …to what.
    pub bound: Bound,
    /// The expression as it was written.
    pub expression: String,
    /// The run ends as soon as it does not hold this long after the first stage's start, or later; if `None`, it does not.
    pub abort_after: Option<Duration>,
}

/// What a threshold is about only: `{scenario:name,stage:name}`.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Tags {
    /// The senders' scenario.
    pub scenario: Option<String>,
    /// The stage for which messages were planned.
    pub stage: Option<String>,
}

impl fmt::Display for Tags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.scenario, &self.stage) {
            (None, None) => Ok(()),
            (Some(scenario), None) => write!(f, "{{scenario:{scenario}}}"),
            (None, Some(stage)) => write!(f, "{{stage:{stage}}}"),
            (Some(scenario), Some(stage)) => write!(f, "{{scenario:{scenario},stage:{stage}}}"),
        }
    }
}

/// A question about what was measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Query<'a> {
    /// What.
    pub metric: Metric,
    /// Of which scenario's messages only.
    pub scenario: Option<&'a str>,
    /// Of which stage's only.
    pub stage: Option<&'a str>,
    /// Which number of it.
    pub aggregate: Aggregate,
}

/// How a threshold came out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Outcome {
    /// It held.
    Passed {
        /// What was measured, in the metric's unit.
        value: f64,
    },
    /// It did not.
    Failed {
        /// What was measured, in the metric's unit.
        value: f64,
    },
    /// There was nothing to measure. Not a success.
    NotMeasured,
}

impl Threshold {
    /// Reads a threshold: `metric` is the key it stands under, as in `e2e_latency{stage:rest}`, `expression` one of
    /// its conditions, as in `p(99)<500ms`.
    ///
    /// # Errors
    /// What is wrong, in one sentence.
    pub fn parse(metric: &str, expression: &str) -> Result<Self, String> {
        let (metric, tags) = parse_metric(metric)?;
        let wrong = || format!("`{expression}` is no threshold: write it as in `{}`", example(metric));
        let start = expression.find(['<', '>', '=', '!']).ok_or_else(wrong)?;
        let (left, rest) = expression.split_at(start);
        let operators =
            COMPARISONS.iter().find_map(|(sign, comparison)| Some((*comparison, rest.strip_prefix(sign)?)));
        let (comparison, right) = operators.ok_or_else(wrong)?;
        let aggregate = parse_aggregate(metric, left.trim())?;
        let bound = parse_bound(metric, aggregate, right.trim())?;
        Ok(Self {
            metric,
            tags,
            aggregate,
            comparison,
            bound,
            expression: expression.into(),
            abort_after: None,
        })
    }

    /// How it came out. `lookup` tells what was measured, in the metric's unit, and what was
    /// [planned](crate::Plan::planned); `None` for what was not.
    #[must_use]
    pub fn evaluate(&self, lookup: &dyn Fn(Query<'_>) -> Option<f64>) -> Outcome {
        let Tags { scenario, stage } = &self.tags;
        let (scenario, stage) = (scenario.as_deref(), stage.as_deref());
        let query = Query { metric: self.metric, scenario, stage, aggregate: self.aggregate };
        let bound = match (self.bound, self.aggregate) {
            (Bound::Number(number), _) => Some(number),
            (Bound::Planned, Aggregate::Named(name)) => {
                lookup(Query { aggregate: Aggregate::Planned(name), ..query })
            }
            (Bound::Planned, _) => None,
        };
        match (lookup(query), bound) {
            (Some(value), Some(bound)) if self.comparison.holds(value, bound) => Outcome::Passed { value },
            (Some(value), Some(_)) => Outcome::Failed { value },
            _ => Outcome::NotMeasured,
        }
    }
}

/// Longer signs first: `<` begins `<=`.
const COMPARISONS: [(&str, Comparison); 6] = [
    ("<=", Comparison::AtMost),
    (">=", Comparison::AtLeast),
    ("==", Comparison::Equal),
    ("!=", Comparison::NotEqual),
    ("<", Comparison::Less),
    (">", Comparison::More),
];

impl Comparison {
    fn holds(self, value: f64, bound: f64) -> bool {
        match self {
            Self::Less => value < bound,
            Self::AtMost => value <= bound,
            Self::More => value > bound,
            Self::AtLeast => value >= bound,
            // Counts are whole numbers, exact in a float.
            Self::Equal => (value - bound).abs() < 0.5,
            Self::NotEqual => (value - bound).abs() >= 0.5,
        }
    }
}

fn example(metric: Metric) -> String {
    match metric.unit() {
        Unit::Time => "p(99)<500ms".to_owned(),
        Unit::Count => format!("{}==0", metric.counts()[0]),
    }
}

fn parse_metric(text: &str) -> Result<(Metric, Tags), String> {
    let (name, tags) = match text.split_once('{') {
        Some((name, tags)) => (name, Some(tags)),
        None => (text, None),
    };
    let known: Vec<_> = Metric::ALL.into_iter().map(Metric::name).collect();
    let metric = Metric::ALL.into_iter().find(|metric| metric.name() == name.trim());
    let metric = metric.ok_or_else(|| unknown("metric", name.trim(), &known))?;
    let mut parsed = Tags::default();
    let Some(tags) = tags else { return Ok((metric, parsed)) };
    if !metric.is_by_stage() {
        return Err(format!("`{metric}` is not kept by stage: leave out the braces"));
    }
    let wrong = || format!("`{text}` has a wrong tag: write it as in `{metric}{{scenario:name,stage:name}}`");
    for tag in tags.trim_end().strip_suffix('}').ok_or_else(wrong)?.split(',') {
        let (tag, name) = tag.split_once(':').ok_or_else(wrong)?;
        let tag = match tag.trim() {
            "scenario" => &mut parsed.scenario,
            "stage" => &mut parsed.stage,
            other => return Err(unknown("tag", other, &["scenario", "stage"])),
        };
        if tag.replace(name.trim().to_owned()).is_some() {
            return Err(wrong());
        }
    }
    Ok((metric, parsed))
}

fn parse_aggregate(metric: Metric, text: &str) -> Result<Aggregate, String> {
    if metric.unit() == Unit::Count {
        let named = metric.counts().iter().find(|name| **name == text).map(|name| Aggregate::Named(name));
        return named.ok_or_else(|| unknown("count", text, metric.counts()));
    }
    if let Some(percent) = text.strip_prefix("p(").and_then(|rest| rest.strip_suffix(')')) {
        let percent = percent.trim().parse().ok().filter(|percent| *percent > 0.0 && *percent <= 100.0);
        return percent
            .map(Aggregate::Percentile)
            .ok_or_else(|| format!("`{text}` is no percentile: write p(99)"));
    }
    Ok(match text {
        "avg" => Aggregate::Average,
        "med" => Aggregate::Median,
        "min" => Aggregate::Min,
        "max" => Aggregate::Max,
        "count" => Aggregate::Count,
        _ => return Err(unknown("aggregate", text, &["p(99)", "avg", "med", "min", "max", "count"])),
    })
}

fn parse_bound(metric: Metric, aggregate: Aggregate, text: &str) -> Result<Bound, String> {
    if text == "planned" {
        let planned = matches!(aggregate, Aggregate::Named(name) if metric.planned_counts().contains(&name));
        return if planned {
            Ok(Bound::Planned)
        } else {
            Err(format!("no plan foresees this number of `{metric}`"))
        };
    }
    if metric.unit() == Unit::Time && aggregate != Aggregate::Count {
        let span = duration::parse(text).map_err(|error| error.to_string())?;
        return Ok(Bound::Number(span.as_secs_f64() * 1e6));
    }
    let number =
        text.parse::<u32>().map_err(|_| format!("`{text}` is neither a whole number nor `planned`"))?;
    Ok(Bound::Number(f64::from(number)))
}

impl Outcome {
    /// Whether the threshold held.
    #[must_use]
    pub const fn is_passed(self) -> bool {
        matches!(self, Self::Passed { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(metric: &str, expression: &str, measured: f64) -> Outcome {
        let lookup = |query: Query<'_>| match query.aggregate {
            Aggregate::Planned(_) => Some(100.0),
            _ => Some(measured),
        };
        Threshold::parse(metric, expression).unwrap().evaluate(&lookup)
    }

    #[test]
    fn k6_users_feel_at_home() {
        let threshold = Threshold::parse("e2e_latency{stage:burst-1}", "p(99.9) < 1.5s").unwrap();
        assert_eq!(threshold.metric, Metric::E2eLatency);
        assert_eq!(threshold.tags, Tags { scenario: None, stage: Some("burst-1".into()) });
        assert_eq!(threshold.aggregate, Aggregate::Percentile(99.9));
        assert_eq!((threshold.comparison, threshold.bound), (Comparison::Less, Bound::Number(1_500_000.0)));
        assert_eq!(threshold.expression, "p(99.9) < 1.5s");
        let both = Threshold::parse("send_lag{ scenario:a, stage:b }", "max<1s").unwrap();
        assert_eq!(both.tags.to_string(), "{scenario:a,stage:b}");
    }

    #[test]
    fn thresholds_are_kept_or_not() {
        for (expression, kept, broken) in [
            ("avg<2ms", 1_999.0, 2_000.0),
            ("avg<=2ms", 2_000.0, 2_001.0),
            ("max>2ms", 2_001.0, 2_000.0),
            ("max>=2ms", 2_000.0, 1_999.0),
            ("count>=10", 10.0, 9.0),
        ] {
            assert_eq!(
                outcome("send_lag", expression, kept),
                Outcome::Passed { value: kept },
                "{expression}"
            );
            assert_eq!(
                outcome("send_lag", expression, broken),
                Outcome::Failed { value: broken },
                "{expression}"
            );
        }
        assert!(outcome("delivery", "lost==0", 0.0).is_passed());
        assert!(!outcome("delivery", "lost==0", 1.0).is_passed());
        assert!(outcome("delivery", "lost!=0", 1.0).is_passed());
    }

    #[test]
    fn plans_are_bounds_too() {
        assert!(outcome("reconnects", "count>=planned", 100.0).is_passed());
        assert!(!outcome("reconnects", "count>=planned", 99.0).is_passed());
        let threshold = Threshold::parse("reconnects", "count>=planned").unwrap();
        assert_eq!(threshold.evaluate(&|_| None), Outcome::NotMeasured);
        assert_eq!(Threshold::parse("send_lag", "med<1s").unwrap().evaluate(&|_| None), Outcome::NotMeasured);
    }

    #[test]
    fn mistakes_are_explained() {
        for (metric, expression, message) in [
            (
                "e2e_latancy",
                "avg<1s",
                "unknown metric `e2e_latancy`: did you mean `e2e_latency`? known here: `e2e_",
            ),
            ("e2e_latency{room:1}", "avg<1s", "unknown tag `room`: known here: `scenario`, `stage`"),
            ("e2e_latency{stages:a}", "avg<1s", "unknown tag `stages`: did you mean `stage`?"),
            ("e2e_latency{stage:a", "avg<1s", "write it as in `e2e_latency{scenario:name,stage:name}`"),
            ("e2e_latency{stage:a,stage:b}", "avg<1s", "has a wrong tag"),
            ("slow_latency{stage:a}", "avg<1s", "`slow_latency` is not kept by stage"),
            ("delivery{stage:rest}", "lost==0", "`delivery` is not kept by stage"),
            ("delivery", "lots==0", "unknown count `lots`: did you mean `lost`?"),
            ("delivery", "lost=0", "`lost=0` is no threshold: write it as in `expected==0`"),
            ("delivery", "lost==none", "`none` is neither a whole number nor `planned`"),
            ("delivery", "lost==planned", "no plan foresees this number of `delivery`"),
            ("send_lag", "p(101)<1s", "`p(101)` is no percentile"),
            ("send_lag", "p99<1s", "unknown aggregate `p99`"),
            ("send_lag", "avg<5", "`5` is no duration"),
            ("send_lag", "avg", "`avg` is no threshold: write it as in `p(99)<500ms`"),
        ] {
            let error = Threshold::parse(metric, expression).unwrap_err();
            assert!(error.contains(message), "{metric} {expression}: {error}");
        }
    }
}
