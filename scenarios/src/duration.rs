//! Durations as people write them: `250ms`, `3s`, `1.5s`, `2m`.

use std::{fmt, str::FromStr, time::Duration};

use serde::{Deserialize, Deserializer, de::Error as _};

/// The longest duration a scenario may name: a day.
const MAX: Duration = Duration::from_secs(24 * 3_600);

/// Why a text is no duration.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ParseDurationError(String);

impl fmt::Display for ParseDurationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`{}` is no duration of at most a day: write a number and us, ms, s, m or h, as in \"250ms\"",
            self.0
        )
    }
}

impl std::error::Error for ParseDurationError {}

/// Reads a duration, exact to the microsecond.
///
/// # Errors
/// It is none, or longer than a day.
pub fn parse(text: &str) -> Result<Duration, ParseDurationError> {
    let wrong = || ParseDurationError(text.into());
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(wrong)?;
    let (number, unit) = text.split_at(digits);
    let microseconds: f64 = match unit {
        "us" | "µs" => 1.0,
        "ms" => 1e3,
        "s" => 1e6,
        "m" => 60e6,
        "h" => 3_600e6,
        _ => return Err(wrong()),
    };
    let number = f64::from_str(number).map_err(|_| wrong())?;
    let duration = Duration::try_from_secs_f64((number * microseconds).round() / 1e6).map_err(|_| wrong())?;
    if duration > MAX { Err(wrong()) } else { Ok(duration) }
}

/// A duration as a file holds it.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Span(pub(crate) Duration);

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserialize(deserializer).map(Self)
    }
}

/// For serde.
pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    parse(&text).map_err(D::Error::custom)
}

#[cfg(feature = "schema")]
mod schema {
    use std::borrow::Cow;

    use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

    use super::Span;

    impl JsonSchema for Span {
        fn schema_name() -> Cow<'static, str> {
            "Duration".into()
        }
        fn json_schema(_: &mut SchemaGenerator) -> Schema {
            json_schema!({
                "type": "string",
                "pattern": r"^[0-9]*\.?[0-9]*(us|µs|ms|s|m|h)$",
                "description": "A number and us, ms, s, m or h; at most a day.",
                "examples": ["250ms", "1.5s"],
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_write_durations() {
        for (text, micros) in [
            ("250ms", 250_000),
            ("3s", 3_000_000),
            ("1.5s", 1_500_000),
            ("2m", 120_000_000),
            ("7us", 7),
            ("0s", 0),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_micros(micros)), "{text}");
        }
    }

    #[test]
    fn anything_else_is_an_error() {
        for text in ["", "3", "s", "3 s", "-3s", "3d", "1.2.3s", "inf s", "25h", "3sec", "1e3s"] {
            let error = parse(text).expect_err(text);
            assert!(error.to_string().contains("write a number and us, ms, s, m or h"), "{error}");
        }
    }
}
