//! `sim plan`: the scenario of a seed, as text.

use std::io::{self, Write};

use super::CLEAN;
use crate::Scenario;

#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// Which
    seed: u64,
}

pub(super) fn main(args: &Args) -> anyhow::Result<u8> {
    write!(io::stdout().lock(), "{}", Scenario::generate(args.seed))?;
    Ok(CLEAN)
}
