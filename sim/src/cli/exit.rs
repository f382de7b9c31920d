//! What commands exit with, from the reading of their command line to its end.

use std::process::ExitCode;

use clap::Parser;

/// Everything was in order.
pub(crate) const CLEAN: u8 = 0;
/// A promise was broken, runs differ, or a bug was not found well enough.
pub(crate) const BROKEN: u8 = 1;
/// A run did not repeat.
pub(crate) const NOT_DETERMINISTIC: u8 = 3;
/// Nothing was broken, but not everything was put to the test.
pub(crate) const VACUOUS: u8 = 4;
/// The command makes no sense, or cannot be carried out.
const BAD_INPUT: u8 = 104;

/// What a command exits with that has found something, or nothing, and then done the rest: what it cannot do does not hide
/// what was found, and is only told.
pub(crate) fn after(found: u8, program: &str, rest: anyhow::Result<()>) -> anyhow::Result<u8> {
    match rest {
        Err(error) if found != CLEAN => {
            eprintln!("{program}: {error:#}");
            Ok(found)
        }
        rest => rest.map(|()| found),
    }
}

/// Reads the process's command line and carries it out as `program`, which tells of what it cannot do in one line.
pub(crate) fn of<C: Parser>(program: &str, carry_out: impl FnOnce(C) -> anyhow::Result<u8>) -> ExitCode {
    let command = match C::try_parse() {
        Ok(command) => command,
        Err(error) => {
            let is_request = !error.use_stderr();
            return match error.print() {
                Ok(()) if is_request => ExitCode::SUCCESS,
                _ => BAD_INPUT.into(),
            };
        }
    };
    match carry_out(command) {
        Ok(code) => code.into(),
        Err(error) => {
            eprintln!("{program}: {error:#}");
            BAD_INPUT.into()
        }
    }
}
