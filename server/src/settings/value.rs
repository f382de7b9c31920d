//! How one setting is written: the same text on the command line, in the environment and in the file.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use chinwag_core::{
    config::RoomCreation,
    dialect::Dialect,
    limiter::{Action, Quota},
};

use chinwag_journal::store::Durability;

use super::{Bodies, LogFormat};
use crate::{origin::Origins, uploads::FileType};

/// What stands for what is not done.
const OFF: &str = "off";
/// What stands for what is done.
const ON: &str = "on";

/// A setting's value as text.
pub(super) trait Value: Sized {
    /// What help calls it.
    const NAME: &'static str;

    /// What stands for `None`.
    const ABSENT: &'static str = OFF;

    /// Reads what [`write`](Self::write) writes; the error completes "… must be".
    fn read(text: &str) -> Result<Self, String>;

    /// The text for this value.
    fn write(&self) -> String;
}

/// Reads a span as settings are written.
///
/// # Errors
/// What it must be.
pub(crate) fn read_span(text: &str) -> Result<Duration, String> {
    Value::read(text).map_err(|expected| format!("it must be {expected}"))
}

macro_rules! number {
    ($type:ty) => {
        impl Value for $type {
            const NAME: &'static str = "N";

            fn read(text: &str) -> Result<Self, String> {
                text.replace('_', "").parse().map_err(|_| format!("a whole number up to {}", Self::MAX))
            }

            fn write(&self) -> String {
                self.to_string()
            }
        }
    };
}

number!(u32);
number!(usize);

/// Units of spans, the largest first.
const UNITS: [(&str, u64); 5] =
    [("h", 3_600_000_000), ("m", 60_000_000), ("s", 1_000_000), ("ms", 1_000), ("us", 1)];

impl Value for Duration {
    const NAME: &'static str = "SPAN";

    fn read(text: &str) -> Result<Self, String> {
        let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (count, unit) = text.split_at(digits);
        let micros = UNITS.iter().find(|(name, _)| *name == unit).map(|(_, micros)| micros);
        count
            .parse::<u64>()
            .ok()
            .zip(micros)
            .and_then(|(count, micros)| count.checked_mul(*micros))
            .map(Self::from_micros)
            .ok_or_else(|| "a whole number with a unit: us, ms, s, m or h, as in 25s".to_owned())
    }

    fn write(&self) -> String {
        let total = u64::try_from(self.as_micros()).unwrap_or(u64::MAX);
        if total == 0 {
            return "0s".to_owned();
        }
        let (unit, micros) =
            UNITS.into_iter().find(|(_, micros)| total % micros == 0).expect("1 divides all");
        format!("{}{unit}", total / micros)
    }
}

impl<T: Value> Value for Option<T> {
    const NAME: &'static str = T::NAME;

    fn read(text: &str) -> Result<Self, String> {
        if text == T::ABSENT {
            return Ok(None);
        }
        T::read(text).map(Some).map_err(|expected| format!("{expected}, or {}", T::ABSENT))
    }

    fn write(&self) -> String {
        self.as_ref().map_or_else(|| T::ABSENT.to_owned(), T::write)
    }
}

impl Value for Vec<SocketAddr> {
    const NAME: &'static str = "ADDR:PORT";

    fn read(text: &str) -> Result<Self, String> {
        text.split(',')
            .map(|address| address.trim().parse())
            .collect::<Result<_, _>>()
            .map_err(|_| "an IP address and a port, as in 127.0.0.1:8080 or [::1]:8080".to_owned())
    }

    fn write(&self) -> String {
        self.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
    }
}

impl Value for String {
    const NAME: &'static str = "TEXT";

    fn read(text: &str) -> Result<Self, String> {
        Ok(text.to_owned())
    }

    fn write(&self) -> String {
        self.clone()
    }
}

impl Value for PathBuf {
    const NAME: &'static str = "FILE";

    fn read(text: &str) -> Result<Self, String> {
        if text.is_empty() { Err("the path of a file".to_owned()) } else { Ok(text.into()) }
    }

    fn write(&self) -> String {
        // Paths come from text, so nothing is lost.
        self.to_string_lossy().into_owned()
    }
}

impl Value for Durability {
    const NAME: &'static str = "CLASS";
    const ABSENT: &'static str = AUTO;

    fn read(text: &str) -> Result<Self, String> {
        text.parse().map_err(|_| "none, interval or commit".to_owned())
    }

    fn write(&self) -> String {
        self.to_string()
    }
}

impl Value for Bodies {
    const NAME: &'static str = "HOW";

    fn read(text: &str) -> Result<Self, String> {
        text.parse().map_err(|()| "clear or hashed".to_owned())
    }

    fn write(&self) -> String {
        self.to_string()
    }
}

/// What stands for those that other settings tell.
const AUTO: &str = "auto";
/// What stands for all of them, and for none.
const ALL: &str = "all";
const NONE: &str = "none";

impl Value for Vec<Dialect> {
    const NAME: &'static str = "DIALECTS";
    const ABSENT: &'static str = AUTO;

    fn read(text: &str) -> Result<Self, String> {
        match text {
            ALL => Ok(Dialect::ALL.to_vec()),
            NONE => Ok(Self::new()),
            _ => {
                text.split(',').map(|name| Dialect::from_name(name.trim())).collect::<Option<_>>().ok_or_else(
                    || {
                        let names = Dialect::ALL.map(Dialect::name).join(", ");
                        format!("{ALL}, {NONE} or a list of {names}")
                    },
                )
            }
        }
    }

    fn write(&self) -> String {
        if self.is_empty() {
            return NONE.to_owned();
        }
        self.iter().map(|dialect| dialect.name()).collect::<Vec<_>>().join(",")
    }
}

/// What stands for files of every type.
const ANY: &str = "*";

impl Value for Vec<FileType> {
    const NAME: &'static str = "TYPES";

    fn read(text: &str) -> Result<Self, String> {
        let known = || FileType::KNOWN.into_iter();
        if text == ANY {
            return Ok(known().chain([FileType::Other]).collect());
        }
        text.split(',').map(|name| FileType::from_name(name.trim())).collect::<Option<_>>().ok_or_else(|| {
            let names = known().map(FileType::name).collect::<Vec<_>>().join(", ");
            format!("{ANY}, or a list of {names}")
        })
    }

    fn write(&self) -> String {
        if self.contains(&FileType::Other) {
            return ANY.to_owned();
        }
        self.iter().map(|kind| kind.name()).collect::<Vec<_>>().join(",")
    }
}

impl Value for Origins {
    const NAME: &'static str = "ORIGINS";

    fn read(text: &str) -> Result<Self, String> {
        Self::parse(text)
    }

    fn write(&self) -> String {
        self.list()
    }
}

impl Value for Vec<Quota> {
    const NAME: &'static str = "COUNT/SPAN=ACTION";

    fn read(text: &str) -> Result<Self, String> {
        if text == NONE {
            return Ok(Self::new());
        }
        let expected =
            || format!("{NONE}, or a list as in 500/1h=error,1/2s=warn; actions are warn, error, close");
        text.split(',').map(|quota| read_quota(quota.trim())).collect::<Option<_>>().ok_or_else(expected)
    }

    fn write(&self) -> String {
        if self.is_empty() {
            return NONE.to_owned();
        }
        let write = |quota: &Quota| format!("{}/{}={}", quota.count, quota.per.write(), quota.action);
        self.iter().map(write).collect::<Vec<_>>().join(",")
    }
}

fn read_quota(text: &str) -> Option<Quota> {
    let (count, rest) = text.split_once('/')?;
    let (per, action) = rest.split_once('=')?;
    let per = Value::read(per).ok()?;
    Some(Quota { count: count.parse().ok()?, per, action: action.parse().ok()? })
}

macro_rules! choice {
    ($type:ty { $first:literal = $first_value:path $(, $text:literal = $value:path)* }) => {
        impl Value for $type {
            const NAME: &'static str = concat!($first $(, "|", $text)*);

            fn read(text: &str) -> Result<Self, String> {
                match text {
                    $first => Ok($first_value),
                    $($text => Ok($value),)*
                    _ => Err(concat!($first $(, " or ", $text)*).to_owned()),
                }
            }

            fn write(&self) -> String {
                match self {
                    $first_value => $first.to_owned(),
                    $($value => $text.to_owned(),)*
                }
            }
        }
    };
}

impl Value for bool {
    const NAME: &'static str = "on|off";

    fn read(text: &str) -> Result<Self, String> {
        match text {
            ON => Ok(true),
            OFF => Ok(false),
            _ => Err(format!("{ON} or {OFF}")),
        }
    }

    fn write(&self) -> String {
        if *self { ON.to_owned() } else { OFF.to_owned() }
    }
}

choice!(LogFormat { "human" = LogFormat::Human, "json" = LogFormat::Json });
choice!(Action { "warn" = Action::Warn, "error" = Action::Error, "close" = Action::Close });
choice!(RoomCreation { "anyone" = RoomCreation::Anyone, "admin" = RoomCreation::Admin });

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotas_are_written_as_they_are_read() {
        for text in ["none", "500/1h=error", "1/2s=warn,100/10m=close"] {
            assert_eq!(Vec::<Quota>::read(text).unwrap().write(), text);
        }
        for text in ["", "500", "500/1h", "500/1h=maybe", "x/1h=warn", "1/0=warn"] {
            assert!(Vec::<Quota>::read(text).unwrap_err().contains("500/1h=error"), "{text}");
        }
    }

    #[test]
    fn spans_are_written_in_their_largest_unit() {
        for text in ["1us", "1500us", "250ms", "90s", "2m", "1h", "0s"] {
            assert_eq!(Duration::read(text).unwrap().write(), text);
        }
        assert_eq!(Duration::read("120s").unwrap().write(), "2m");
        for text in ["", "5", "s", "-1s", "1.5s", "5 s", "99999999999999h"] {
            assert!(Duration::read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_can_be_off_says_so() {
        assert_eq!(<Option<u32>>::read("off"), Ok(None));
        assert_eq!(<Option<u32>>::read("1_000"), Ok(Some(1_000)));
        assert!(<Option<u32>>::read("none").unwrap_err().ends_with(", or off"));
    }

    #[test]
    fn dialects_that_want_tokens_follow_the_key_unless_they_are_listed() {
        type Dialects = Option<Vec<Dialect>>;
        for text in ["auto", "none", "chat,agents"] {
            assert_eq!(Dialects::read(text).unwrap().write(), text);
        }
        assert_eq!(Dialects::read("auto"), Ok(None));
        assert_eq!(Dialects::read("all"), Ok(Some(Dialect::ALL.to_vec())));
        assert!(Dialects::read("off").unwrap_err().ends_with(", or auto"));
    }

    #[test]
    fn types_of_files_are_a_list_or_any() {
        for text in ["*", "image/png,text/plain"] {
            assert_eq!(Vec::<FileType>::read(text).unwrap().write(), text);
        }
        assert!(!Vec::<FileType>::read("image/png").unwrap().contains(&FileType::Other));
        for text in ["", "image/svg+xml", "png"] {
            assert!(
                Vec::<FileType>::read(text).unwrap_err().starts_with("*, or a list of image/png, "),
                "{text}"
            );
        }
    }

    #[test]
    fn several_addresses_are_one_value() {
        let text = "127.0.0.1:8080,[::1]:0";
        assert_eq!(<Vec<SocketAddr>>::read(text).unwrap().write(), text);
        assert!(<Vec<SocketAddr>>::read("localhost").is_err());
    }
}
