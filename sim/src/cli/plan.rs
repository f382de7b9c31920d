//! `sim plan`: the scenario of a seed, as text.

use std::io::Write;

use super::exit::CLEAN;
use crate::{Scenario, out::out, plan::profile::Name};

#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// Which: a seed, as 42, or one of another profile, as net:42
    seed: Name,
}

pub(super) fn main(args: &Args) -> anyhow::Result<u8> {
    write!(out(), "{}", Scenario::of(args.seed.profile, args.seed.seed))?;
    Ok(CLEAN)
}
