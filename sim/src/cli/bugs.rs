//! `sim bugs`: builds the crate that has the bugs, and runs it.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, bail, ensure};

use crate::search::bugs::{command::Args, names};

/// What cargo exits with if a build fails, and a program that panics.
const NOT_BUILT: u8 = 101;

/// Builds the crate with the bugs and runs it with the arguments of this process that follow `bugs`.
///
/// It shares no build with the workspace: there, no crate has the bugs.
pub(super) fn main(args: &Args) -> anyhow::Result<u8> {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR"));
    let manifest = sources.join("planted/Cargo.toml");
    if !manifest.exists() {
        bail!("needs the sources it was built from, and there is no {}", manifest.display());
    }
    // A build takes minutes: whoever mistypes a name or a path is told before it.
    args.chosen(&names(&sources.join(".."))?)?;
    args.open_outputs()?;
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| sources.join("../target"), PathBuf::from);
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["run", "--release", "--quiet", "--locked"]);
    cargo.arg("--manifest-path").arg(&manifest).arg("--target-dir").arg(target.join("planted")).arg("--");
    cargo.args(env::args_os().skip_while(|argument| argument != "bugs").skip(1));
    let status = cargo.status().context("cannot run cargo")?;
    let code = status.code().and_then(|code| u8::try_from(code).ok()).context("was ended by a signal")?;
    ensure!(code != NOT_BUILT, "{} cannot be built or has panicked, as said above", manifest.display());
    Ok(code)
}
