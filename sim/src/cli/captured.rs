//! What commands about a capture have in common: how it is read, and how what comes of it is printed.

use std::{
    fmt::Display,
    fs::File,
    io::{self, BufReader, Read, Write},
    path::Path,
};

use anyhow::Context;
use serde::Serialize;

use crate::{cli::bar::bar, out::out};

/// How much is read at once.
const READ_BYTES: usize = 1 << 20;

/// Lets somebody read a file, with a bar for how far they are; what is wrong with it is told with its name.
pub(super) fn read<T>(
    path: &Path,
    reader: impl FnOnce(&mut dyn Read) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let name = || path.display().to_string();
    let file = File::open(path).with_context(name)?;
    let length = file.metadata().map(|metadata| metadata.len()).unwrap_or_default();
    let bar = bar(Some(length), "bytes");
    let read = reader(&mut BufReader::with_capacity(READ_BYTES, bar.wrap_read(file)));
    bar.finish_and_clear();
    read.with_context(name)
}

/// Prints sentences, or an object.
pub(super) fn print(what: &(impl Display + Serialize), json: bool) -> anyhow::Result<()> {
    let mut out = out();
    if json {
        serde_json::to_writer(&mut out, what).map_err(io::Error::from)?;
        writeln!(out)?;
    } else {
        write!(out, "{what}")?;
    }
    Ok(())
}
