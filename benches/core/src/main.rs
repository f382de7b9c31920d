//! Counts the instructions of core's hot paths, and compares them with limits that are committed.
//!
//!     instructions check             fails if a path takes over 5 % more than its limit
//!     instructions write             makes what is counted now the limits
//!     instructions take PATH STEPS   takes a path so many times: what callgrind is shown

use std::{env, hint::black_box, process::ExitCode};

use anyhow::{Context as _, Result, bail};
use chinwag_benches::{HOT_PATHS, HotPath};

use crate::limits::{Limits, TOLERANCE, Verdict};

mod callgrind;
mod limits;

fn main() -> Result<ExitCode> {
    let args: Vec<String> = env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args[..] {
        ["check"] => check(),
        ["write"] => write(),
        ["take", path, steps] => take(path, steps.parse().context("how many steps")?),
        _ => bail!("instructions check | write | take PATH STEPS"),
    }
}

/// Compares what is counted with the limits.
fn check() -> Result<ExitCode> {
    let limits = Limits::read()?;
    let mut is_above = false;
    println!("{:20} {:>12} {:>12}", "path", "limit", "now");
    for &HotPath { name, .. } in HOT_PATHS {
        let (limit, now) = (limits.of(name)?, callgrind::count(name)?);
        let verdict = Verdict::of(limit, now);
        is_above |= verdict == Verdict::Above;
        let percent = 100.0 * (now as f64 / limit as f64 - 1.0);
        println!("{name:20} {limit:12} {now:12}  {percent:+.1} %{}", verdict.words());
    }
    if is_above {
        println!(
            "Some take over {TOLERANCE} % more. If that has to be, `write` makes it the limit, and the commit says why.\n\
             The limits were counted with {}, this with {}.",
            limits.tools,
            callgrind::tools()?
        );
    }
    Ok(if is_above { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Makes what is counted the limits.
fn write() -> Result<ExitCode> {
    let counts = HOT_PATHS.iter().map(|path| Ok((path.name.to_owned(), callgrind::count(path.name)?)));
    Limits { tools: callgrind::tools()?, counts: counts.collect::<Result<_>>()? }.write()?;
    Ok(ExitCode::SUCCESS)
}

/// Takes a path so many times.
fn take(name: &str, steps: u32) -> Result<ExitCode> {
    let path = HOT_PATHS.iter().find(|path| path.name == name).context("there is no such path")?;
    let mut step = (path.prepare)();
    for _ in 0..steps {
        black_box(step());
    }
    Ok(ExitCode::SUCCESS)
}
