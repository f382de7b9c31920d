//! A JSON object that is read strictly: its fields are taken one by one, and in the end none is left.
//!
//! A frame is read once, and texts are borrowed from it: this is done with every frame.

use std::{borrow::Cow, fmt, time::Duration};

use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, SeqAccess, Visitor},
};

use crate::{judge::instant, people::doing};

/// A JSON object, and what of it has not been taken.
#[derive(Debug)]
pub(super) struct Fields<'a>(Vec<(&'a str, Value<'a>)>);

/// A JSON value. Numbers are told apart no further than frames have them.
#[derive(Debug)]
enum Value<'a> {
    Null,
    Truth(bool),
    Number(u64),
    /// Below zero, or no whole number.
    OddNumber,
    Text(Cow<'a, str>),
    List(Vec<Self>),
    Object(Fields<'a>),
}

type Taken<T> = Result<T, String>;

/// No limit here asks anybody to wait for longer: quotas are by the hour at most.
const WAIT_MAX: Duration = Duration::from_secs(3_600);

/// Most objects have no more fields than this.
const FIELDS_FEW: usize = 8;

/// Reads any value.
struct AnyValue;

impl<'de> Visitor<'de> for AnyValue {
    type Value = Value<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, truth: bool) -> Result<Self::Value, E> {
        Ok(Value::Truth(truth))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Value::Number(number))
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Self::Value, E> {
        Ok(Value::OddNumber)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Self::Value, E> {
        Ok(Value::OddNumber)
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Value::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Value::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut list = Vec::new();
        while let Some(value) = seq.next_element()? {
            list.push(value);
        }
        Ok(Value::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut fields = Vec::with_capacity(FIELDS_FEW);
        while let Some(field) = map.next_entry()? {
            fields.push(field);
        }
        Ok(Value::Object(Fields(fields)))
    }
}

impl<'de> Deserialize<'de> for Value<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyValue)
    }
}

/// What a value is taken for, if it is that.
trait Take<'a>: Sized {
    fn take(value: Value<'a>) -> Option<Self>;
}

/// Defines what a kind of value is taken as.
macro_rules! take {
    ($($kind:pat => $taken:expr, $type:ty;)*) => {
        $(impl<'a> Take<'a> for $type {
            fn take(value: Value<'a>) -> Option<Self> {
                if let $kind = value { Some($taken) } else { None }
            }
        })*
    };
}

take! {
    Value::Truth(truth) => truth, bool;
    Value::Number(number) => number, u64;
    Value::Text(text) => text, Cow<'a, str>;
    Value::Text(text) => text.into_owned(), String;
    Value::Object(fields) => fields, Fields<'a>;
}

impl<'a, T: Take<'a>> Take<'a> for Vec<T> {
    fn take(value: Value<'a>) -> Option<Self> {
        let Value::List(list) = value else { return None };
        list.into_iter().map(T::take).collect()
    }
}

/// Reads a JSON text.
fn read(text: &str) -> Taken<Value<'_>> {
    serde_json::from_str(text).map_err(|error| error.to_string())
}

impl<'a> Fields<'a> {
    /// Reads an object.
    pub(super) fn parse(text: &'a str) -> Taken<Self> {
        Self::take(read(text)?).ok_or_else(|| "it is no object".to_owned())
    }

    /// The name of an event and what it is about, as an array of two.
    pub(super) fn event(text: &'a str) -> Taken<(Cow<'a, str>, Self)> {
        match list(text)? {
            [Value::Text(name), Value::Object(body)] => Ok((name, body)),
            _ => Err("it is no event".to_owned()),
        }
    }

    /// An array of one object.
    pub(super) fn sole(text: &'a str) -> Taken<Self> {
        let [value] = list(text)?;
        Self::take(value).ok_or_else(|| "it is no object".to_owned())
    }

    fn get<T: Take<'a>>(&mut self, name: &str) -> Taken<Option<T>> {
        let Some(value) = self.any(name) else { return Ok(None) };
        T::take(value).map(Some).ok_or_else(|| format!("{name} is something else"))
    }

    fn any(&mut self, name: &str) -> Option<Value<'a>> {
        let place = self.0.iter().position(|&(its, _)| its == name)?;
        Some(self.0.swap_remove(place).1)
    }

    fn need<T: Take<'a>>(&mut self, name: &str) -> Taken<T> {
        self.get(name)?.ok_or_else(|| format!("{name} is missing"))
    }

    /// A text to be kept, if it is there.
    pub(super) fn maybe_text(&mut self, name: &str) -> Taken<Option<String>> {
        self.get(name)
    }

    /// A text to be kept.
    pub(super) fn text(&mut self, name: &str) -> Taken<String> {
        self.need(name)
    }

    /// A text to be looked at.
    pub(super) fn word(&mut self, name: &str) -> Taken<Cow<'a, str>> {
        self.need(name)
    }

    pub(super) fn maybe_number(&mut self, name: &str) -> Taken<Option<u64>> {
        self.get(name)
    }

    /// How long to wait, if that is said: a moment at least, and no longer than a limit here may ask for.
    pub(super) fn maybe_wait(&mut self, name: &str, unit: Duration) -> Taken<Option<u64>> {
        let wait = self.maybe_number(name)?;
        match wait.filter(|&wait| wait == 0 || wait > WAIT_MAX.as_millis() as u64 / unit.as_millis() as u64) {
            Some(wait) => Err(format!("nobody has to wait for {wait} times {unit:?}")),
            None => Ok(wait),
        }
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
    pub(super) fn number_or_null(&mut self, name: &str) -> Taken<Option<u64>> {
        match self.any(name) {
            Some(Value::Number(number)) => Ok(Some(number)),
            Some(Value::Null) => Ok(None),
            _ => Err(format!("{name} is no number and not null")),
        }
    }

    /// What is said of a status beside its word, if anything.
    pub(super) fn doing(&mut self, state: Option<&str>, detail: &str, progress: &str) -> Taken<()> {
        let (detail, progress) = (self.maybe_text(detail)?, self.maybe_number(progress)?);
        state.map_or(Ok(()), |state| doing::check(state, detail.as_deref(), progress))
    }

    /// An instant as RFC 3339 text with milliseconds.
    pub(super) fn instant(&mut self, name: &str) -> Taken<u64> {
        let text = self.word(name)?;
        instant::millis(&text).ok_or_else(|| format!("{name} is {text}"))
    }

    pub(super) fn objects(&mut self, name: &str) -> Taken<Vec<Self>> {
        self.need(name)
    }

    pub(super) fn names(&mut self, name: &str) -> Taken<Vec<String>> {
        self.need(name)
    }

    pub(super) fn maybe_names(&mut self, name: &str) -> Taken<Option<Vec<String>>> {
        self.get(name)
    }

    pub(super) fn object(&mut self, name: &str) -> Taken<Self> {
        self.need(name)
    }

    /// Either all who are there, or how many there are.
    pub(super) fn roster(&mut self) -> Taken<()> {
        match (self.get::<Vec<Cow<'a, str>>>("members")?, self.get::<u64>("count")?) {
            (Some(_), None) | (None, Some(_)) => Ok(()),
            (members, count) => {
                Err(format!("the members are {:?}, of {count:?}", members.map(|names| names.len())))
            }
        }
    }

    /// Fields that need not be there, and whose content is of no account here.
    pub(super) fn pass(&mut self, names: &[&str]) {
        for name in names {
            self.any(name);
        }
    }

    /// Nothing else is there.
    pub(super) fn end(self) -> Taken<()> {
        match self.0.first() {
            Some((name, _)) => Err(format!("there is no field {name:?}")),
            None => Ok(()),
        }
    }
}

/// Reads an array of so many values.
fn list<const LENGTH: usize>(text: &str) -> Taken<[Value<'_>; LENGTH]> {
    let list = if let Value::List(list) = read(text)? { list } else { Vec::new() };
    list.try_into().map_err(|_| format!("it is no array of {LENGTH}"))
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
}
