//! How far something has come, as clients write it: a number, whole or not (S2.7, S4.11).

use serde::{Deserialize, Deserializer, de::Error as _};

/// Per cent, 0 to 100, rounded to whole ones as it is read. Any other number is refused.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Percent(u8);

impl Percent {
    /// In whole per cent.
    #[must_use]
    pub const fn whole(self) -> u8 {
        self.0
    }
}

impl<'de> Deserialize<'de> for Percent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = f64::deserialize(deserializer)?;
        if !(0.0..=100.0).contains(&number) {
            return Err(D::Error::custom("progress is not between 0 and 100"));
        }
        Ok(Self(number.round() as u8))
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for Percent {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Percent".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({"type": "number", "minimum": 0, "maximum": 100})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Option<u8> {
        serde_json::from_str(json).ok().map(Percent::whole)
    }

    #[test]
    fn a_fraction_is_rounded_and_what_is_out_of_range_refused() {
        for (json, whole) in
            [("0", 0), ("-0.0", 0), ("0.4", 0), ("33.3", 33), ("24.5", 25), ("99.9", 100), ("1e2", 100)]
        {
            assert_eq!(read(json), Some(whole), "{json}");
        }
        for json in ["-1", "-0.1", "100.1", "101", "256", "1e300", "1e999", "\"7\"", "true", "[]"] {
            assert_eq!(read(json), None, "{json}");
        }
    }
}
