//! `sim plan`: the scenario of a seed, as text.

use std::io::{self, Write};

use super::CLEAN;
use crate::{Scenario, profile::Name};

#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// Which: a seed, as 42, or one of another profile, as net:42
    seed: Name,
}

pub(super) fn main(args: &Args) -> anyhow::Result<u8> {
    write!(io::stdout().lock(), "{}", Scenario::of(args.seed.profile, args.seed.seed))?;
    Ok(CLEAN)
}
