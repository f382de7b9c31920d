//! The `chat-server` program: all of it is in the library, so that others can re-execute themselves into it.

fn main() -> std::process::ExitCode {
    chinwag_server::main_with(std::env::args_os())
}
