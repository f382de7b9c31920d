//! JSON Schemas of what the dialects read and write, from the very types that do (feature `schema`).

use std::borrow::Cow;

use schemars::{
    JsonSchema, Schema, SchemaGenerator,
    generate::{Contract, SchemaSettings},
    json_schema,
    transform::transform_subschemas,
};
use serde_json::{Value, json};

use super::{Dialect, agents, chat, envelope, socketio};

/// A schema, and what it is of.
pub type Named = (&'static str, Schema);

/// What is said in a dialect, as schemas of draft 7, which AsyncAPI extends.
///
/// Of a dialect of JSON frames, what a `client` may say, all types in one, and what a `server` says, an alternative for
/// each type. Of Socket.IO, what its packets and events hold. Of plain lines, nothing.
#[must_use]
pub fn of(dialect: Dialect) -> Vec<Named> {
    match dialect {
        Dialect::Chat => chat::schemas(),
        Dialect::Lobby => Vec::new(),
        Dialect::Envelope => envelope::schemas(),
        Dialect::SocketIo => socketio::schemas(),
        Dialect::Agents => agents::schemas(),
    }
}

/// What is accepted where this is read.
pub(super) fn read<T: JsonSchema>() -> Schema {
    root::<T>(Contract::Deserialize)
}

/// What comes where this is written.
pub(super) fn written<T: JsonSchema>() -> Schema {
    let mut schema = root::<T>(Contract::Serialize);
    left_out_or_there(&mut schema);
    schema
}

/// What may be left out is left out where there is nothing, and never null: for schemas of what is written.
pub fn left_out_or_there(schema: &mut Schema) {
    let required = schema.get("required").and_then(Value::as_array).cloned().unwrap_or_default();
    let properties = schema.get_mut("properties").and_then(Value::as_object_mut);
    for (name, property) in properties.into_iter().flatten() {
        if !required.iter().any(|required| required == name) {
            never_null(property);
        }
    }
    transform_subschemas(&mut left_out_or_there, schema);
}

fn never_null(property: &mut Value) {
    for (keyword, null) in
        [("type", json!("null")), ("enum", Value::Null), ("anyOf", json!({"type": "null"}))]
    {
        if let Some(alternatives) = property.get_mut(keyword).and_then(Value::as_array_mut) {
            alternatives.retain(|alternative| *alternative != null);
            if keyword == "type" && alternatives.len() == 1 {
                property[keyword] = alternatives.remove(0);
            }
        }
    }
}

fn root<T: JsonSchema>(contract: Contract) -> Schema {
    let settings = SchemaSettings::draft07().with(|settings| {
        settings.contract = contract;
        settings.meta_schema = None;
    });
    settings.into_generator().into_root_schema_for::<T>()
}

/// An instant as RFC 3339 text, for fields that are written so.
pub(super) struct Instant;

impl JsonSchema for Instant {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Instant".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "format": "date-time"})
    }
}

/// Gives a type that writes itself as an [`Instant`] its schema.
macro_rules! instant {
    ($type:ty) => {
        impl schemars::JsonSchema for $type {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> std::borrow::Cow<'static, str> {
                $crate::dialect::schema::Instant::schema_name()
            }

            fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
                $crate::dialect::schema::Instant::json_schema(generator)
            }
        }
    };
}
pub(super) use instant;
