//! A JSON object that is read strictly: its fields are taken one by one, and in the end none is left.
//!
//! What is read is borrowed from the frame, and no value is looked at before it is taken: this is done with every frame.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::{Value, value::RawValue};

/// A JSON object, and what of it has not been taken.
#[derive(Debug)]
pub(super) struct Fields<'a>(Vec<(&'a str, &'a RawValue)>);

type Taken<T> = Result<T, String>;

impl<'de> Deserialize<'de> for Fields<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = Fields<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields<'de>, A::Error> {
                let mut fields = Vec::with_capacity(FIELDS_FEW);
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(Fields(fields))
            }
        }

        deserializer.deserialize_map(Object)
    }
}

/// Most objects have no more fields than this.
const FIELDS_FEW: usize = 8;

/// A text in JSON, with or without escapes.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// Reads a JSON text.
pub(super) fn read<'a, T: Deserialize<'a>>(text: &'a str) -> Taken<T> {
    serde_json::from_str(text).map_err(|error| error.to_string())
}

impl<'a> Fields<'a> {
    /// Reads an object.
    pub(super) fn parse(text: &'a str) -> Taken<Self> {
        read(text)
    }

    /// The name of an event and what it is about, as an array of two.
    pub(super) fn event(text: &'a str) -> Taken<(Cow<'a, str>, Self)> {
        read(text).map(|(Text(name), body)| (name, body))
    }

    fn get<T: Deserialize<'a>>(&mut self, name: &str) -> Taken<Option<T>> {
        let Some(place) = self.0.iter().position(|&(its, _)| its == name) else { return Ok(None) };
        let (_, value) = self.0.swap_remove(place);
        match serde_json::from_str(value.get()) {
            Ok(read) => Ok(Some(read)),
            Err(_) => Err(format!("{name} is {value}")),
        }
    }

    fn need<T: Deserialize<'a>>(&mut self, name: &str) -> Taken<T> {
        self.get(name)?.ok_or_else(|| format!("{name} is missing"))
    }

    /// A text to be kept, if it is there.
    pub(super) fn maybe_text(&mut self, name: &str) -> Taken<Option<String>> {
        Ok(self.get::<Text<'a>>(name)?.map(|Text(text)| text.into_owned()))
    }

    /// A text to be kept.
    pub(super) fn text(&mut self, name: &str) -> Taken<String> {
        self.word(name).map(Cow::into_owned)
    }

    /// A text to be looked at.
    pub(super) fn word(&mut self, name: &str) -> Taken<Cow<'a, str>> {
        self.need(name).map(|Text(text)| text)
    }

    pub(super) fn maybe_number(&mut self, name: &str) -> Taken<Option<u64>> {
        self.get(name)
    }

    pub(super) fn number(&mut self, name: &str) -> Taken<u64> {
        self.need(name)
    }

    pub(super) fn truth(&mut self, name: &str) -> Taken<bool> {
        self.need(name)
    }

    pub(super) fn maybe_truth(&mut self, name: &str) -> Taken<Option<bool>> {
        self.get(name)
    }

    /// A number, or `null`.
    pub(super) fn number_or_null(&mut self, name: &str) -> Taken<()> {
        self.need::<Option<u64>>(name).map(drop)
    }

    /// An instant as RFC 3339 text with milliseconds.
    pub(super) fn instant(&mut self, name: &str) -> Taken<()> {
        let text = self.word(name)?;
        if is_instant(&text) { Ok(()) } else { Err(format!("{name} is {text}")) }
    }

    pub(super) fn objects(&mut self, name: &str) -> Taken<Vec<Self>> {
        self.need(name)
    }

    pub(super) fn names(&mut self, name: &str) -> Taken<Vec<String>> {
        self.need(name)
    }

    pub(super) fn object(&mut self, name: &str) -> Taken<Self> {
        self.need(name)
    }

    /// Either all who are there, or how many there are.
    pub(super) fn roster(&mut self) -> Taken<()> {
        match (self.get::<Vec<Text<'a>>>("members")?, self.get::<u64>("count")?) {
            (Some(_), None) | (None, Some(_)) => Ok(()),
            (members, count) => {
                Err(format!("the members are {:?}, of {count:?}", members.map(|names| names.len())))
            }
        }
    }

    /// Fields that need not be there, and whose content is of no account here.
    pub(super) fn pass(&mut self, names: &[&str]) -> Taken<()> {
        names.iter().try_for_each(|name| self.get::<Value>(name).map(drop))
    }

    /// Nothing else is there.
    pub(super) fn end(self) -> Taken<()> {
        match self.0.first() {
            Some((name, _)) => Err(format!("there is no field {name:?}")),
            None => Ok(()),
        }
    }
}

/// Whether a text looks like `2026-11-21T05:03:00.000Z`.
pub(super) fn is_instant(text: &str) -> bool {
    const SHAPE: &[u8] = b"0000-00-00T00:00:00.000Z";
    let fits = |(its, shape): (u8, &u8)| if *shape == b'0' { its.is_ascii_digit() } else { its == *shape };
    text.len() == SHAPE.len() && text.bytes().zip(SHAPE).all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_or_too_much_is_an_error() {
        let read = |text: &str| -> Taken<(String, Option<u64>)> {
            let mut fields = Fields::parse(text)?;
            let read = (fields.text("a")?, fields.maybe_number("b")?);
            fields.end()?;
            Ok(read)
        };
        assert_eq!(read(r#"{"b":7,"a":"x"}"#), Ok(("x".to_owned(), Some(7))));
        assert_eq!(read(r#"{"a":"x"}"#), Ok(("x".to_owned(), None)));
        for text in [
            r#"{"b":7}"#,
            r#"{"a":"x","c":1}"#,
            r#"{"a":1}"#,
            r#"{"a":"x","b":"7"}"#,
            r#"{"a":"x","a":"x"}"#,
            r#"{"a":"x","b":null}"#,
            "[]",
            "{",
        ] {
            assert!(read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn instants_have_one_shape() {
        assert!(is_instant("2026-11-21T05:03:00.000Z"));
        for text in ["2026-11-21T05:03:00Z", "2026-11-21 05:03:00.000Z", "", "2026-11-21T05:03:00.00xZ"] {
            assert!(!is_instant(text), "{text}");
        }
    }
}
