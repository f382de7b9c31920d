//! The `loadgen` program.

use std::{env, process::ExitCode};

fn main() -> ExitCode {
    chinwag_loadgen::main_with(env::args_os())
}
