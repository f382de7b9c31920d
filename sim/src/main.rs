//! The `sim` command: see `sim --help`.

use std::process::ExitCode;

fn main() -> ExitCode {
    chinwag_sim::cli::main()
}
