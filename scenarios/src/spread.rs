//! How a quantity is spread: a fixed number, or drawn anew each time from one of three distributions.

use std::{f64::consts::TAU, fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{
        Error as _, IntoDeserializer as _, MapAccess, Visitor,
        value::{MapAccessDeserializer, StrDeserializer},
    },
};

use crate::{draw::Draw, duration::Span};

/// The 99th percentile of the standard normal distribution.
const Z99: f64 = 2.326_347_874_040_841;

/// How a quantity is spread. Sizes are in bytes, times in microseconds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Spread {
    /// Always the same.
    Fixed(u64),
    /// Any between, with equal chance.
    Uniform {
        /// The smallest.
        min: u64,
        /// The largest.
        max: u64,
    },
    /// Many small and few large ones, without memory.
    Exponential {
        /// The average.
        mean: u64,
    },
    /// Most around the median, and a long tail.
    LogNormal {
        /// Half are smaller.
        median: u64,
        /// One in a hundred is larger.
        p99: u64,
    },
}

impl Spread {
    /// Draw number `index`, within these bounds.
    pub(crate) fn draw(self, draw: Draw, index: u64, least: u64, most: u64) -> u64 {
        let drawn = match self {
            Self::Fixed(value) => value,
            Self::Uniform { min, max } => min + draw.below(index, max - min + 1),
            Self::Exponential { mean } => whole(-(1.0 - draw.unit(index)).ln() * float(mean)),
            Self::LogNormal { median, p99 } => {
                let sigma = (float(p99) / float(median)).ln() / Z99;
                whole(float(median) * (sigma * normal(draw.part(index))).exp())
            }
        };
        drawn.clamp(least, most)
    }

    /// The numbers it is written with, by name; a fixed one has no name.
    pub(crate) fn numbers(self) -> Vec<(&'static str, u64)> {
        match self {
            Self::Fixed(value) => vec![("", value)],
            Self::Uniform { min, max } => vec![("min", min), ("max", max)],
            Self::Exponential { mean } => vec![("mean", mean)],
            Self::LogNormal { median, p99 } => vec![("median", median), ("p99", p99)],
        }
    }
}

/// A number from the standard normal distribution (Box and Muller).
fn normal(draw: Draw) -> f64 {
    (-2.0 * (1.0 - draw.unit(0)).ln()).sqrt() * (TAU * draw.unit(1)).cos()
}

#[expect(clippy::cast_precision_loss, reason = "a day has fewer microseconds than a float has digits")]
fn float(number: u64) -> f64 {
    number as f64
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "what is too large is the largest"
)]
fn whole(number: f64) -> u64 {
    number.round() as u64
}

/// What can be spread.
pub(crate) trait Quantity: for<'de> Deserialize<'de> {
    /// What it is called in errors.
    const WORDS: &'static str;
    /// In bytes or microseconds.
    fn units(self) -> u64;
}

impl Quantity for u32 {
    const WORDS: &'static str = "a number";
    fn units(self) -> u64 {
        self.into()
    }
}

impl Quantity for Span {
    const WORDS: &'static str = "a duration as in \"250ms\"";
    fn units(self) -> u64 {
        u64::try_from(self.0.as_micros()).unwrap_or(u64::MAX)
    }
}

/// A spread as a file holds it: a quantity, or one of `{ min, max }`, `{ mean }` and `{ median, p99 }`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Written<Q> {
    pub(crate) spread: Spread,
    quantity: PhantomData<Q>,
}

/// The table of a spread that is not fixed.
#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "Spread_{Q}"))]
#[serde(deny_unknown_fields, bound = "Q: Quantity")]
pub(crate) struct Table<Q> {
    /// The smallest; with `max`: any between, with equal chance.
    min: Option<Q>,
    /// The largest.
    max: Option<Q>,
    /// The average of an exponential distribution.
    mean: Option<Q>,
    /// Half are smaller; with `p99`: a log-normal distribution.
    median: Option<Q>,
    /// One in a hundred is larger.
    p99: Option<Q>,
}

impl<Q: Quantity> Table<Q> {
    fn spread(self) -> Option<Spread> {
        let units = |quantity: Option<Q>| quantity.map(Quantity::units);
        match (units(self.min), units(self.max), units(self.mean), units(self.median), units(self.p99)) {
            (Some(min), Some(max), None, None, None) => Some(Spread::Uniform { min, max }),
            (None, None, Some(mean), None, None) => Some(Spread::Exponential { mean }),
            (None, None, None, Some(median), Some(p99)) => Some(Spread::LogNormal { median, p99 }),
            _ => None,
        }
    }
}

impl<'de, Q: Quantity> Deserialize<'de> for Written<Q> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spread = deserializer.deserialize_any(SpreadVisitor(PhantomData::<Q>))?;
        Ok(Self { spread, quantity: PhantomData })
    }
}

/// Tells a quantity from a table, with better errors than an untagged enum's.
struct SpreadVisitor<Q>(PhantomData<Q>);

impl<'de, Q: Quantity> Visitor<'de> for SpreadVisitor<Q> {
    type Value = Spread;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {{ min, max }}, {{ mean }} or {{ median, p99 }}", Q::WORDS)
    }

    fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<Spread, E> {
        Q::deserialize(number.into_deserializer()).map(|quantity| Spread::Fixed(quantity.units()))
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Spread, E> {
        Q::deserialize(StrDeserializer::new(text)).map(|quantity| Spread::Fixed(quantity.units()))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Spread, A::Error> {
        let table: Table<Q> = Table::deserialize(MapAccessDeserializer::new(map))?;
        table.spread().ok_or_else(|| A::Error::custom("write { min, max }, { mean } or { median, p99 }"))
    }
}

#[cfg(feature = "schema")]
mod schema {
    use std::borrow::Cow;

    use schemars::{JsonSchema, Schema, SchemaGenerator};

    use super::{Table, Written};

    #[derive(JsonSchema)]
    #[schemars(untagged, rename = "Either_{Q}")]
    #[expect(dead_code, reason = "only its schema is wanted")]
    enum Either<Q> {
        One(Q),
        Spread(Table<Q>),
    }

    impl<Q: JsonSchema> JsonSchema for Written<Q> {
        fn schema_name() -> Cow<'static, str> {
            format!("Written_{}", Q::schema_name()).into()
        }
        fn json_schema(generator: &mut SchemaGenerator) -> Schema {
            Either::<Q>::json_schema(generator)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draw::Purpose;

    fn drawn(spread: Spread) -> Vec<u64> {
        let draw = Draw::new(7, Purpose::Size, "here");
        let mut drawn: Vec<_> = (0..20_000).map(|index| spread.draw(draw, index, 0, u64::MAX)).collect();
        drawn.sort_unstable();
        drawn
    }

    #[test]
    fn a_uniform_spread_has_its_ends() {
        let drawn = drawn(Spread::Uniform { min: 3, max: 6 });
        assert_eq!((drawn[0], drawn[19_999]), (3, 6));
        let threes = drawn.iter().filter(|value| **value == 3).count();
        assert!((4_700..5_300).contains(&threes), "{threes}");
    }

    #[test]
    fn an_exponential_spread_has_its_mean() {
        let drawn = drawn(Spread::Exponential { mean: 2_000_000 });
        let mean = drawn.iter().sum::<u64>() / 20_000;
        assert!((1_950_000..2_050_000).contains(&mean), "{mean}");
        // Its median is ln 2 of its mean.
        assert!((1_340_000..1_430_000).contains(&drawn[10_000]), "{}", drawn[10_000]);
    }

    #[test]
    fn a_log_normal_spread_has_its_percentiles() {
        let drawn = drawn(Spread::LogNormal { median: 1_200, p99: 40_000 });
        assert!((1_150..1_250).contains(&drawn[10_000]), "{}", drawn[10_000]);
        assert!((36_000..44_500).contains(&drawn[19_800]), "{}", drawn[19_800]);
    }

    #[test]
    fn draws_keep_to_the_bounds() {
        let draw = Draw::new(7, Purpose::Size, "here");
        let long = Spread::LogNormal { median: 100, p99: 100_000 };
        assert!((0..5_000).all(|index| (24..=4_096).contains(&long.draw(draw, index, 24, 4_096))));
    }
}
