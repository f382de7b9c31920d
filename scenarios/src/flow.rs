//! What a client does in one iteration, step by step.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor, value::MapAccessDeserializer, value::StrDeserializer},
};

use crate::{
    duration::Span,
    spread::{Spread, Written},
};

/// The size of a message for which none is named, in bytes.
const SIZE: u64 = 100;
/// The number of messages of a history for which none is named.
const HISTORY: u16 = 50;
/// The size of nonsense for which none is named, in bytes.
const NONSENSE: u16 = 100;

/// A step of an iteration. All steps of one are done in one of the client's rooms.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Step {
    /// Say something, so many bytes long.
    Say(Spread),
    /// Do nothing for so many microseconds.
    Think(Spread),
    /// Show that one writes.
    Typing,
    /// Ask for so many of the room's latest messages.
    History(u16),
    /// Leave the room.
    Leave,
    /// Enter it again.
    Join,
    /// Send a frame of so many bytes that means nothing.
    Nonsense(u16),
}

/// A step as a table of one key.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "StepTable"))]
#[serde(rename_all = "kebab-case")]
enum Table {
    /// Say something of this size, in bytes.
    Say(Written<u32>),
    /// Do nothing for so long.
    Think(Written<Span>),
    /// Ask for so many of the room's latest messages.
    History(u16),
    /// Send a frame of so many bytes that means nothing.
    Nonsense(u16),
}

/// A step in a word.
#[derive(Clone, Copy, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "StepInAWord"))]
#[serde(rename_all = "kebab-case")]
enum Word {
    /// Say a hundred bytes.
    Say,
    /// Show that one writes.
    Typing,
    /// Ask for the room's latest fifty messages.
    History,
    /// Leave the room.
    Leave,
    /// Enter it again.
    Join,
    /// Send a hundred bytes that mean nothing.
    Nonsense,
}

impl Step {
    /// A message of the usual size.
    pub(crate) const SAY: Self = Self::Say(Spread::Fixed(SIZE));
}

impl From<Table> for Step {
    fn from(table: Table) -> Self {
        match table {
            Table::Say(size) => Self::Say(size.spread),
            Table::Think(time) => Self::Think(time.spread),
            Table::History(limit) => Self::History(limit),
            Table::Nonsense(size) => Self::Nonsense(size),
        }
    }
}

impl From<Word> for Step {
    fn from(word: Word) -> Self {
        match word {
            Word::Say => Self::SAY,
            Word::Typing => Self::Typing,
            Word::History => Self::History(HISTORY),
            Word::Leave => Self::Leave,
            Word::Join => Self::Join,
            Word::Nonsense => Self::Nonsense(NONSENSE),
        }
    }
}

impl<'de> Deserialize<'de> for Step {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StepVisitor)
    }
}

struct StepVisitor;

impl<'de> Visitor<'de> for StepVisitor {
    type Value = Step;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a step: \"say\", \"typing\", \"history\", \"leave\", \"join\", \"nonsense\", { say = … } or { think = … }")
    }

    fn visit_str<E: serde::de::Error>(self, word: &str) -> Result<Step, E> {
        Word::deserialize(StrDeserializer::new(word)).map(Step::from)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Step, A::Error> {
        Table::deserialize(MapAccessDeserializer::new(map)).map(Step::from)
    }
}

#[cfg(feature = "schema")]
mod schema {
    use std::borrow::Cow;

    use schemars::{JsonSchema, Schema, SchemaGenerator};

    use super::{Step, Table, Word};

    /// A word or a table.
    #[derive(JsonSchema)]
    #[schemars(untagged)]
    #[expect(dead_code, reason = "only its schema is wanted")]
    enum Either {
        Word(Word),
        Table(Table),
    }

    impl JsonSchema for Step {
        fn schema_name() -> Cow<'static, str> {
            "Step".into()
        }
        fn json_schema(generator: &mut SchemaGenerator) -> Schema {
            Either::json_schema(generator)
        }
    }
}
