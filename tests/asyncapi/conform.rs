//! Whether a value is what a schema says: as much of JSON Schema, draft 7, as the document uses.

use regex::Regex;
use serde_json::{Map, Value};

/// Keywords that say nothing about values, or nothing that is checked here: every number is of some format.
const REMARKS: [&str; 10] = [
    "$ref",
    "$schema",
    "contentEncoding",
    "default",
    "definitions",
    "description",
    "examples",
    "format",
    "title",
    "x-data",
];

/// Checks a value.
///
/// # Errors
/// The first thing that is wrong, with its place.
///
/// # Panics
/// If the schema has a keyword that is not known here, for it would not be checked.
pub(crate) fn conforms(document: &Value, schema: &Value, value: &Value) -> Result<(), String> {
    let Value::Object(schema) = schema else {
        return if *schema == Value::Bool(true) { Ok(()) } else { Err(format!("nothing fits: {value}")) };
    };
    if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
        let place = reference.trim_start_matches('#');
        // In draft 7 what stands beside a reference is passed over.
        let referred = document.pointer(place).unwrap_or_else(|| panic!("{reference} is not there"));
        return conforms(document, referred, value);
    }
    schema.iter().try_for_each(|(keyword, wanted)| {
        let fits = keyword_fits(document, schema, keyword, wanted, value)?;
        if fits { Ok(()) } else { Err(format!("{value} does not fit {keyword}: {wanted}")) }
    })
}

fn keyword_fits(
    document: &Value,
    schema: &Map<String, Value>,
    keyword: &str,
    wanted: &Value,
    value: &Value,
) -> Result<bool, String> {
    let fitting = |schemas: &Value| {
        let schemas = schemas.as_array().into_iter().flatten();
        schemas.filter(|schema| conforms(document, schema, value).is_ok()).count()
    };
    let number = value.as_f64();
    Ok(match keyword {
        "type" => types(wanted).any(|name| is_of_type(name, value)),
        "const" => wanted == value,
        "enum" => wanted.as_array().is_some_and(|all| all.contains(value)),
        "anyOf" => fitting(wanted) > 0,
        "oneOf" => fitting(wanted) == 1,
        "allOf" => {
            wanted
                .as_array()
                .into_iter()
                .flatten()
                .try_for_each(|schema| conforms(document, schema, value))?;
            true
        }
        "pattern" => value.as_str().is_none_or(|text| {
            Regex::new(wanted.as_str().expect("a pattern")).expect("a fitting pattern").is_match(text)
        }),
        "minimum" => number.is_none_or(|number| number >= wanted.as_f64().expect("a number")),
        "maximum" => number.is_none_or(|number| number <= wanted.as_f64().expect("a number")),
        "maxItems" => {
            value.as_array().is_none_or(|items| items.len() as u64 <= wanted.as_u64().expect("a number"))
        }
        "minItems" => {
            value.as_array().is_none_or(|items| items.len() as u64 >= wanted.as_u64().expect("a number"))
        }
        "required" => {
            let names = wanted.as_array().into_iter().flatten().filter_map(Value::as_str);
            value.as_object().is_none_or(|object| names.into_iter().all(|name| object.contains_key(name)))
        }
        "properties" => {
            for (name, schema) in wanted.as_object().into_iter().flatten() {
                value.get(name).map_or(Ok(()), |value| conforms(document, schema, value))?;
            }
            true
        }
        "items" => {
            value.as_array().into_iter().flatten().try_for_each(|item| conforms(document, wanted, item))?;
            true
        }
        "additionalProperties" => {
            let known =
                |name: &String| schema.get("properties").is_some_and(|known| known.get(name).is_some());
            let mut others = value.as_object().into_iter().flatten().filter(|(name, _)| !known(name));
            others.try_for_each(|(_, value)| conforms(document, wanted, value))?;
            true
        }
        remark if REMARKS.contains(&remark) => true,
        unknown => panic!("the keyword {unknown} is not checked"),
    })
}

fn types(wanted: &Value) -> impl Iterator<Item = &str> {
    wanted.as_str().into_iter().chain(wanted.as_array().into_iter().flatten().filter_map(Value::as_str))
}

fn is_of_type(name: &str, value: &Value) -> bool {
    match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        "integer" => value.is_u64() || value.is_i64(),
        "number" => value.is_number(),
        other => panic!("there is no type {other}"),
    }
}
