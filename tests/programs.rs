//! Every program of the workspace in one: the tests say in the environment which one a child is to be.
//!
//! The variable is inherited, so a program that executes itself again stays what it is.

use std::{env, process::ExitCode};

fn main() -> ExitCode {
    let program = env::var("CHINWAG_PROGRAM").unwrap_or_default();
    match program.as_str() {
        "chat-server" => chinwag_server::main_with(env::args_os()),
        "chat" => chinwag_client::main_with(env::args_os()),
        "loadgen" => chinwag_loadgen::main_with(env::args_os()),
        _ => {
            eprintln!(
                "chinwag-programs: CHINWAG_PROGRAM must be chat-server, chat or loadgen, not {program:?}"
            );
            ExitCode::from(2)
        }
    }
}
