//! Names of rooms and users: checked once, where they enter.

use std::{borrow::Borrow, fmt, sync::Arc};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error, Visitor},
};

/// Longest room name, in bytes.
pub const ROOM_NAME_MAX: usize = 64;
/// Longest user name, in bytes: any user may be a bot, which has a room of its name.
pub const USER_NAME_MAX: usize = ROOM_NAME_MAX - BOT_ROOM.len();

/// The room that everybody is in where a specification knows but one (S1.6, S4.21). Whoever comes first makes it.
pub const LOBBY: &str = "lobby";

/// Why a name is refused.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum NameError {
    /// No name at all.
    Empty,
    /// Longer than its kind allows.
    TooLong {
        /// Most bytes it may have.
        max: usize,
    },
    /// Holds something else than ASCII letters, digits, `-`, `_`, `.` (and `:` in room names).
    Character(char),
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("is empty"),
            Self::TooLong { max } => write!(f, "is longer than {max} bytes"),
            Self::Character(c) => {
                write!(f, "holds {c:?}: only letters, digits, - _ . and, in room names, : may be used")
            }
        }
    }
}

impl std::error::Error for NameError {}

fn check(name: &str, max: usize, allowed: fn(char) -> bool) -> Result<(), NameError> {
    if name.is_empty() {
        return Err(NameError::Empty);
    }
    if name.len() > max {
        return Err(NameError::TooLong { max });
    }
    name.chars().find(|&c| !allowed(c)).map_or(Ok(()), |c| Err(NameError::Character(c)))
}

fn in_user_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')
}

fn in_room_name(c: char) -> bool {
    // The colon makes room for names such as `bot:weather`.
    in_user_name(c) || c == ':'
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $max:expr, $allowed:expr) => {
        $(#[$doc])*
        #[derive(Clone, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Checks and copies a name.
            ///
            /// # Errors
            /// [`NameError`] says what is wrong with it.
            pub fn new(name: &str) -> Result<Self, NameError> {
                check(name, $max, $allowed)?;
                Ok(Self(name.into()))
            }

            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Name;

                impl Visitor<'_> for Name {
                    type Value = $name;

                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str("a name")
                    }

                    fn visit_str<E: Error>(self, name: &str) -> Result<$name, E> {
                        $name::new(name).map_err(E::custom)
                    }
                }

                deserializer.deserialize_string(Name)
            }
        }

        #[cfg(feature = "schema")]
        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                // In the order of ASCII the hyphen comes first, where it means itself.
                let allowed: String = (' '..='~').filter(|&c| $allowed(c)).collect();
                schemars::json_schema!({"type": "string", "pattern": format!("^[{allowed}]{{1,{}}}$", $max)})
            }
        }
    };
}

name! {
    /// A room's name: 1 to [`ROOM_NAME_MAX`] ASCII letters, digits, `-`, `_`, `.` or `:`.
    RoomName, ROOM_NAME_MAX, in_room_name
}
name! {
    /// A user's name: 1 to [`USER_NAME_MAX`] ASCII letters, digits, `-`, `_` or `.`.
    UserName, USER_NAME_MAX, in_user_name
}

/// What the rooms of bots begin with.
const BOT_ROOM: &str = "bot:";

impl RoomName {
    /// The bot whose room this is (S3.3).
    #[must_use]
    pub fn bot(&self) -> Option<&str> {
        self.as_str().strip_prefix(BOT_ROOM)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked() {
        assert_eq!(UserName::new("al-ice_9.x").unwrap().as_str(), "al-ice_9.x");
        assert_eq!(RoomName::new("bot:weather").unwrap().as_str(), "bot:weather");
        assert_eq!(RoomName::new("bot:weather").unwrap().bot(), Some("weather"));
        assert_eq!(RoomName::new("weather").unwrap().bot(), None);
        assert_eq!(UserName::new(""), Err(NameError::Empty));
        assert_eq!(UserName::new("a:b"), Err(NameError::Character(':')));
        assert_eq!(UserName::new("a b"), Err(NameError::Character(' ')));
        assert!(UserName::new("0b5c1f5e-6f7a-4e0c-9b53-0d7f3a1c2e4d").is_ok(), "bots are named by such");
        let longest = UserName::new(&"x".repeat(60)).unwrap();
        assert!(RoomName::new(&format!("{BOT_ROOM}{longest}")).is_ok());
        assert_eq!(UserName::new(&"x".repeat(61)), Err(NameError::TooLong { max: 60 }));
        assert_eq!(RoomName::new(&"x".repeat(64)).unwrap().as_str().len(), 64);
    }
}
