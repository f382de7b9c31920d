//! The `sim` command: see `sim --help`.

use std::process::ExitCode;

use mimalloc::MiMalloc;

/// A run makes and drops a few small texts per event.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    chinwag_sim::cli::main()
}
