//! `sim import`: a capture of a server, led through the same machines again.

use std::path::PathBuf;

use crate::{
    cli::{
        captured,
        exit::{BROKEN, CLEAN, NOT_DETERMINISTIC},
    },
    import::import,
};

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
    let imported = captured::read(&args.file, |from| Ok(import(from)?))?;
    captured::print(&imported, args.json)?;
    Ok(match imported.difference {
        Some(_) => NOT_DETERMINISTIC,
        None if imported.is_broken() => BROKEN,
        None => CLEAN,
    })
}
