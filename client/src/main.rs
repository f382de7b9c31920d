//! The `chat` program.

use std::{env, process::ExitCode};

fn main() -> ExitCode {
    chinwag_client::main_with(env::args_os())
}
