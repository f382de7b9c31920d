//! How a frame is recognised: by its text, or by how it begins and what its JSON holds.

use serde_json::Value;

use super::template::{Found, Place, Template};

/// How a frame is recognised, and where in it things are.
#[derive(Clone, Debug, PartialEq)]
pub struct Pattern {
    /// Its start, or all of it if no JSON follows.
    pub(crate) start: Template,
    /// What follows the start is anything.
    pub(crate) is_prefix: bool,
    /// What follows the start is JSON with this in it.
    pub(crate) json: Box<[(Box<str>, Expected)]>,
}

/// What is expected at a place in JSON.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Expected {
    /// Exactly this.
    Value(Value),
    /// A text, or a number as it is written, that reads like this.
    Text(Template),
}

/// A frame, whose JSON is read at most once for each start.
#[derive(Debug)]
pub struct Frame<'a> {
    text: &'a str,
    /// Where JSON was looked for, and what was there.
    read: Vec<(usize, Option<Value>)>,
}

/// A recognised frame: what was found in it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Recognised([Option<Box<str>>; Place::ALL.len()]);

impl Recognised {
    /// What was found in a place.
    #[must_use]
    pub fn get(&self, place: Place) -> Option<&str> {
        self.0[place as usize].as_deref()
    }

    fn take(&mut self, found: &Found<'_>) {
        for (_, place) in Place::ALL {
            if let Some(text) = found.get(place) {
                self.0[place as usize] = Some(text.into());
            }
        }
    }
}

impl<'a> Frame<'a> {
    /// A frame that came in.
    #[must_use]
    pub const fn new(text: &'a str) -> Self {
        Self { text, read: Vec::new() }
    }

    /// Its JSON from an offset on.
    fn json(&mut self, from: usize) -> Option<&Value> {
        let at = self.read.iter().position(|(offset, _)| *offset == from).unwrap_or_else(|| {
            self.read.push((from, serde_json::from_str(&self.text[from..]).ok()));
            self.read.len() - 1
        });
        self.read[at].1.as_ref()
    }
}

impl Pattern {
    /// Whether a place is read.
    #[must_use]
    pub fn has(&self, place: Place) -> bool {
        let text = |(_, expected): &(_, Expected)| match expected {
            Expected::Text(text) => text.has(place),
            Expected::Value(_) => false,
        };
        self.start.has(place) || self.json.iter().any(text)
    }

    /// What is found in a frame, if it is one of these.
    #[must_use]
    pub fn read(&self, frame: &mut Frame<'_>) -> Option<Recognised> {
        let (text, mut recognised) = (frame.text, Recognised::default());
        let mut found = Found::default();
        let rest = self.start.read_start(text, &mut found)?;
        if !self.is_prefix && !rest.is_empty() {
            return None;
        }
        recognised.take(&found);
        if !self.json.is_empty() {
            let json = frame.json(text.len() - rest.len())?;
            for (pointer, expected) in &self.json {
                expected.read(json.pointer(pointer)?, &mut recognised)?;
            }
        }
        Some(recognised)
    }
}

impl Expected {
    fn read(&self, value: &Value, recognised: &mut Recognised) -> Option<()> {
        let template = match self {
            Self::Value(expected) => return (value == expected).then_some(()),
            Self::Text(template) => template,
        };
        let written;
        let text = match value {
            Value::String(text) => text,
            Value::Number(number) => {
                written = number.to_string();
                &written
            }
            _ => return None,
        };
        let mut found = Found::default();
        template.read(text, &mut found).then(|| recognised.take(&found))
    }
}
