//! A JSON object that is read strictly: its fields are taken one by one, and in the end none is left.

use serde_json::{Map, Value};

/// A JSON object, and what of it has not been taken.
#[derive(Debug)]
pub(super) struct Fields(Map<String, Value>);

type Taken<T> = Result<T, String>;

impl Fields {
    /// Reads an object.
    pub(super) fn parse(text: &str) -> Taken<Self> {
        serde_json::from_str(text).map_err(|error| error.to_string()).and_then(Self::of)
    }

    /// An object in an object.
    pub(super) fn of(value: Value) -> Taken<Self> {
        match value {
            Value::Object(map) => Ok(Self(map)),
            other => Err(format!("{other} is no object")),
        }
    }

    fn get<T>(&mut self, name: &str, read: impl FnOnce(&Value) -> Option<T>) -> Taken<Option<T>> {
        let Some(value) = self.0.remove(name) else { return Ok(None) };
        read(&value).map(Some).ok_or_else(|| format!("{name} is {value}"))
    }

    fn need<T>(&mut self, name: &str, read: impl FnOnce(&Value) -> Option<T>) -> Taken<T> {
        self.get(name, read)?.ok_or_else(|| format!("{name} is missing"))
    }

    pub(super) fn maybe_text(&mut self, name: &str) -> Taken<Option<String>> {
        self.get(name, |value| value.as_str().map(str::to_owned))
    }

    pub(super) fn text(&mut self, name: &str) -> Taken<String> {
        self.need(name, |value| value.as_str().map(str::to_owned))
    }

    pub(super) fn maybe_number(&mut self, name: &str) -> Taken<Option<u64>> {
        self.get(name, Value::as_u64)
    }

    pub(super) fn number(&mut self, name: &str) -> Taken<u64> {
        self.need(name, Value::as_u64)
    }

    pub(super) fn truth(&mut self, name: &str) -> Taken<bool> {
        self.need(name, Value::as_bool)
    }

    /// A number, or `null`.
    pub(super) fn number_or_null(&mut self, name: &str) -> Taken<()> {
        self.need(name, |value| (value.is_null() || value.is_u64()).then_some(()))
    }

    /// An instant as RFC 3339 text with milliseconds.
    pub(super) fn instant(&mut self, name: &str) -> Taken<()> {
        self.need(name, |value| value.as_str().filter(|text| is_instant(text)).map(|_| ()))
    }

    pub(super) fn list(&mut self, name: &str) -> Taken<Vec<Value>> {
        self.need(name, |value| value.as_array().cloned())
    }

    pub(super) fn names(&mut self, name: &str) -> Taken<Vec<String>> {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        self.need(name, |value| value.as_array()?.iter().map(text).collect())
    }

    pub(super) fn object(&mut self, name: &str) -> Taken<Self> {
        self.need(name, |value| value.as_object().cloned()).map(Self)
    }

    /// Either all who are there, or how many there are.
    pub(super) fn roster(&mut self) -> Taken<()> {
        match (self.0.remove("members"), self.0.remove("count")) {
            (Some(Value::Array(names)), None) if names.iter().all(Value::is_string) => Ok(()),
            (None, Some(count)) if count.is_u64() => Ok(()),
            (members, count) => Err(format!("the members are {members:?}, of {count:?}")),
        }
    }

    /// Fields that need not be there, and whose content is of no account here.
    pub(super) fn pass(&mut self, names: &[&str]) {
        names.iter().for_each(|name| drop(self.0.remove(*name)));
    }

    /// Nothing else is there.
    pub(super) fn end(self) -> Taken<()> {
        match self.0.keys().next() {
            Some(name) => Err(format!("there is no field {name:?}")),
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
        for text in [r#"{"b":7}"#, r#"{"a":"x","c":1}"#, r#"{"a":1}"#, r#"{"a":"x","b":"7"}"#, "[]", "{"] {
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
