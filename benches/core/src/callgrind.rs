//! Counting with callgrind: a path is taken N times and 2 N times, and the difference is what N steps cost.
//!
//! So what comes before the first step and after the last does not count. Callgrind's processor is of its own making and
//! alike on all machines that have AVX2, and it is told no environment: what is counted depends on nothing but the
//! program, compiler and C library.

use std::{
    env,
    process::{Child, Command, Stdio},
};

use anyhow::{Context as _, Result, bail, ensure};

/// Enough for what happens at some steps only, such as a chunk that is full.
const STEPS: u64 = 100;

/// Instructions of one step of a path.
///
/// # Errors
/// Valgrind is not there, or did not come to an end.
pub(crate) fn count(path: &str) -> Result<u64> {
    ensure!(!cfg!(debug_assertions), "what is counted is a release build: cargo run --release");
    // Both at once: it takes half the time.
    let (once, twice) = (start(path, STEPS)?, start(path, 2 * STEPS)?);
    let (once, twice) = (collected(once)?, collected(twice)?);
    Ok((twice - once) / STEPS)
}

/// What the counts depend on.
///
/// # Errors
/// One of them is not there.
pub(crate) fn tools() -> Result<String> {
    Ok(format!("{}, {}", version("rustc")?, version("valgrind")?))
}

fn version(program: &str) -> Result<String> {
    let output = Command::new(program).arg("--version").output().context(program.to_owned())?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn start(path: &str, steps: u64) -> Result<Child> {
    let mut command = Command::new("valgrind");
    command.args(["--tool=callgrind", "--command-line-only=yes", "--callgrind-out-file=/dev/null"]);
    command.arg(env::current_exe()?).args(["take", path, &steps.to_string()]);
    command.env_clear().envs(env::var_os("PATH").map(|path| ("PATH", path)));
    let child = command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn();
    child.context("valgrind does not start: is it installed?")
}

fn collected(child: Child) -> Result<u64> {
    let output = child.wait_with_output()?;
    let told = String::from_utf8_lossy(&output.stderr);
    match parse(&told) {
        Some(count) if output.status.success() => Ok(count),
        _ => bail!("callgrind: {}\n{told}", output.status),
    }
}

/// The total in what callgrind says in the end: `==7== Collected : 123`.
fn parse(told: &str) -> Option<u64> {
    told.lines().find_map(|line| line.split_once("Collected : ")?.1.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_total_is_found() {
        let told = "==7== Events    : Ir\n==7== Collected : 12345\n==7== \n==7== I   refs:      12,345\n";
        assert_eq!(parse(told), Some(12_345));
        assert_eq!(parse("valgrind: no such file"), None);
    }
}
