//! The JSON Schema of scenario files, from the very types that read them (feature `schema`).

use schemars::{Schema, generate::SchemaSettings};

use crate::file::File;

/// The schema, of draft 7, which editors know best.
#[must_use]
pub fn of_files() -> Schema {
    SchemaSettings::draft07().into_generator().into_root_schema_for::<File>()
}
