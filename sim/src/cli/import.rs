//! `sim import`: a capture of a server, led through the same machines again.

use std::{
    fs::File,
    io::{self, BufReader, Write},
    path::PathBuf,
};

use anyhow::Context;

use crate::{
    cli::{
        bar::bar,
        exit::{BROKEN, CLEAN, NOT_DETERMINISTIC},
    },
    import::import,
    out::out,
};

/// How much is read at once.
pub(super) const READ_BYTES: usize = 1 << 20;

#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// A file that `chat-server --capture` has written
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Print an object instead of sentences
    #[arg(long)]
    json: bool,
}

pub(super) fn main(args: &Args) -> anyhow::Result<u8> {
    let name = args.file.display().to_string();
    let file = File::open(&args.file).with_context(|| name.clone())?;
    let length = file.metadata().map(|metadata| metadata.len()).unwrap_or_default();
    let bar = bar(Some(length), "bytes");
    let imported = import(BufReader::with_capacity(READ_BYTES, bar.wrap_read(file)));
    bar.finish_and_clear();
    let imported = imported.with_context(|| name.clone())?;
    let mut out = out();
    if args.json {
        serde_json::to_writer(&mut out, &imported).map_err(io::Error::from)?;
        writeln!(out)?;
    } else {
        write!(out, "{imported}")?;
    }
    Ok(match imported.difference {
        Some(_) => NOT_DETERMINISTIC,
        None if imported.is_broken() => BROKEN,
        None => CLEAN,
    })
}
