//! The command line: what `chat-server` is told, and what it says.

mod check_config;
mod inspect;
mod token;

use std::{
    env,
    ffi::OsString,
    io::{self, Read as _, Write as _},
    path::PathBuf,
    process::{self, ExitCode},
    thread,
};

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use tokio::{runtime::Builder, sync::oneshot};
use tracing::info;

use crate::{
    Server, Settings, files, log,
    settings::{Loaded, PORT, PORT_VARIABLE, Sources, TABLE},
};

const CONFIG: &str = "config";
const CONFIG_VARIABLE: &str = "CHAT_CONFIG";
const PRINT_CONFIG: &str = "print-config";
const EXIT_WITH_STDIN: &str = "exit-with-stdin";

/// Something went wrong while starting or running.
const EXIT_FAILURE: u8 = 1;
/// The command line, the environment or the configuration file holds a mistake.
const EXIT_USAGE: u8 = 2;
/// A second signal: what the shell reports for a program ended by Ctrl-C.
const EXIT_INTERRUPTED: i32 = 130;
/// A panic anywhere: what Rust programs exit with.
const EXIT_PANIC: i32 = 101;

const ABOUT: &str = "A chat server for WebSockets.";

const AFTER_HELP: &str = "\
Every setting can be given as a flag, as an environment variable or as a key in the file of --config; flags win over \
variables, variables over the file. --print-config shows the outcome as such a file. A span is a whole number with a \
unit: us, ms, s, m or h.

On start, standard output holds one line per listener, `listening on http://ADDRESS:PORT`; logs go to standard error. \
Ctrl-C and SIGTERM let connections go in batches, telling each client when to come back; a second one ends at once.

Exit codes: 0 after a shutdown, 1 if the server cannot run (such as a port in use), 2 for a mistake in the command \
line, the environment or the configuration.";

/// The whole `chat-server` program. `args` are those of a process, its own name first.
///
/// Reads the environment, writes to standard output and error, and handles signals: for a process of its own. Exit
/// codes are in the help text.
pub fn main_with(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let matches = match command().try_get_matches_from(args) {
        Ok(matches) => matches,
        Err(message) => {
            // Help is no error and goes to standard output; a terminal that is gone cannot be told.
            let _ = message.print();
            return ExitCode::from(if message.use_stderr() { EXIT_USAGE } else { 0 });
        }
    };
    let environment = |name: &str| env::var_os(name).map(|value| value.to_string_lossy().into_owned());
    if let Some((token::NAME, matches)) = matches.subcommand() {
        return match token::run(matches, &environment) {
            Ok(text) => print(&text),
            Err(problem) => fail(EXIT_USAGE, &problem),
        };
    }
    if let Some((inspect::NAME, matches)) = matches.subcommand() {
        return match inspect::run(matches) {
            Ok((text, true)) => print(&text),
            Ok((text, false)) => {
                print(&text);
                ExitCode::from(EXIT_FAILURE)
            }
            Err(problem) => fail(EXIT_FAILURE, &problem),
        };
    }
    if let Some((check_config::NAME, matches)) = matches.subcommand() {
        let checked = settings(matches, &environment).and_then(|loaded| {
            log::start(&loaded.settings.driver)?;
            check_config::run(&loaded, matches.get_flag(check_config::JSON))
        });
        return checked.map_or_else(|problem| fail(EXIT_USAGE, &problem), |text| print(&text));
    }
    let started = |Loaded { settings, .. }: Loaded| log::start(&settings.driver).map(|()| settings);
    let settings = match settings(&matches, &environment).and_then(started) {
        Ok(settings) => settings,
        Err(problem) => return fail(EXIT_USAGE, &problem),
    };
    if matches.get_flag(PRINT_CONFIG) {
        let _ = io::stdout().write_all(settings.to_toml().as_bytes());
        return ExitCode::SUCCESS;
    }
    if matches.get_flag(EXIT_WITH_STDIN) {
        thread::spawn(exit_with_stdin);
    }
    end_on_panic();
    match serve(settings) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => fail(EXIT_USAGE, &error.to_string()),
        Err(error) => fail(EXIT_FAILURE, &error.to_string()),
    }
}

/// Prints a line that somebody waits for.
fn print(line: &str) -> ExitCode {
    match writeln!(io::stdout(), "{line}") {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(EXIT_FAILURE, &format!("cannot write: {error}")),
    }
}

/// The command line's grammar, from the table of settings.
fn command() -> Command {
    let print_config = Arg::new(PRINT_CONFIG)
        .long(PRINT_CONFIG)
        .action(ArgAction::SetTrue)
        .help("Print the effective configuration as a file for --config, and exit");
    let exit_with_stdin = Arg::new(EXIT_WITH_STDIN)
        .long(EXIT_WITH_STDIN)
        .action(ArgAction::SetTrue)
        .hide_short_help(true)
        .help("End at once when standard input ends, so that a parent that dies leaves no orphan");
    Command::new("chat-server")
        .version(env!("CARGO_PKG_VERSION"))
        .about(ABOUT)
        .after_long_help(AFTER_HELP)
        .args([print_config, exit_with_stdin])
        .args(settings_args())
        .args_conflicts_with_subcommands(true)
        .subcommands([token::command(), inspect::command(), check_config::command().args(settings_args())])
}

/// What says which settings are in force.
fn settings_args() -> Vec<Arg> {
    let config = Arg::new(CONFIG)
        .long(CONFIG)
        .value_name("FILE")
        .value_parser(value_parser!(PathBuf))
        .help(format!("Configuration file (TOML) [env: {CONFIG_VARIABLE}]"));
    let port = Arg::new(PORT)
        .long(PORT)
        .value_name("PORT")
        .conflicts_with("listen")
        .help(format!("Short for --listen 127.0.0.1:PORT; 0 is any free port [env: {PORT_VARIABLE}]"));
    [config, port].into_iter().chain(setting_args()).collect()
}

fn setting_args() -> impl Iterator<Item = Arg> {
    let defaults = Settings::default();
    TABLE.iter().map(move |setting| {
        let default = (setting.get)(&defaults);
        let help = format!("{} [env: {}] [default: {default}]", setting.help, setting.variable());
        Arg::new(setting.name)
            .long(setting.flag())
            .value_name(setting.value_name)
            .help(help)
            .help_heading(setting.heading)
            .hide_short_help(setting.heading != "Server")
            .action(if setting.name == "listen" { ArgAction::Append } else { ArgAction::Set })
    })
}

/// Settings from flags, environment and file.
fn settings(matches: &ArgMatches, environment: &dyn Fn(&str) -> Option<String>) -> Result<Loaded, String> {
    let names = TABLE.iter().map(|setting| setting.name).chain([PORT]);
    let flags = names
        .filter_map(|name| {
            let values: Vec<&str> = matches.get_many::<String>(name)?.map(String::as_str).collect();
            Some((name, values.join(",")))
        })
        .collect();
    let file = matches.get_one(CONFIG).cloned().or_else(|| environment(CONFIG_VARIABLE).map(PathBuf::from));
    Sources { flags, environment, file: file.as_deref() }.load()
}

fn serve(settings: Settings) -> io::Result<()> {
    files::raise_limit(&settings);
    let (threads, shards) = (settings.driver.threads, settings.gateway.shards);
    let server = Server::bind(settings)?;
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let told_to_end = listen_for_signals()?;
    runtime.block_on(async {
        announce(&server);
        info!(threads, shards, "started");
        server.run(async { drop(told_to_end.await) }).await?;
        info!("ended");
        Ok(())
    })
}

/// Says on standard output where the server listens, for people and for programs that start it.
fn announce(server: &Server) {
    let mut out = io::stdout().lock();
    for address in server.local_addrs() {
        // Whoever closed our standard output does not want to know.
        let _ = writeln!(out, "listening on http://{address}");
    }
    let _ = out.flush();
}

/// Tells of the first signal, and ends the process at the second: on a thread of its own, as the others may be waiting for a
/// disk just then.
fn listen_for_signals() -> io::Result<oneshot::Receiver<()>> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let mut signals = runtime.block_on(async { Signals::new() })?;
    let (tell, told) = oneshot::channel();
    let listen = async move {
        signals.next().await;
        // Whoever does not wait for it ends already.
        let _ = tell.send(());
        signals.next().await;
        process::exit(EXIT_INTERRUPTED);
    };
    thread::Builder::new().name("signals".to_owned()).spawn(move || runtime.block_on(listen))?;
    Ok(told)
}

/// The signals that end the server. None is missed between two that are waited for.
struct Signals {
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

#[cfg(not(unix))]
impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self {})
    }

    async fn next(&mut self) {
        let _ = tokio::signal::ctrl_c().await;
    }
}

/// Reads standard input to its end, and ends the process with it.
fn exit_with_stdin() {
    let mut buffer = [0; 256];
    while io::stdin().read(&mut buffer).is_ok_and(|read| read > 0) {}
    process::exit(0);
}

/// A panic is a bug of ours: better a restart, from which clients resume, than a thread that serves half.
fn end_on_panic() {
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        report(panic);
        process::exit(EXIT_PANIC);
    }));
}

fn fail(code: u8, problem: &str) -> ExitCode {
    // A standard error that is gone cannot be told.
    let _ = writeln!(io::stderr(), "chat-server: {problem}");
    ExitCode::from(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_grammar_is_sound() {
        command().debug_assert();
    }

    #[test]
    fn help_tells_flag_variable_and_default_together() {
        let help = command().render_long_help().to_string();
        assert!(help.contains("--message-rate <N>"), "{help}");
        assert!(help.contains("[env: CHAT_MESSAGE_RATE] [default: 10]"), "{help}");
        assert!(help.contains("--exit-with-stdin"), "{help}");
        let short = command().render_help().to_string();
        assert!(short.contains("--listen") && !short.contains("--message-rate"), "{short}");
        assert!(!short.contains("--exit-with-stdin"), "{short}");
    }

    #[test]
    fn repeated_addresses_are_all_listened_on() {
        let args = ["chat-server", "--listen", "127.0.0.1:1", "--listen", "127.0.0.1:2", "--threads", "3"];
        let Loaded { settings, .. } =
            settings(&command().try_get_matches_from(args).unwrap(), &|_| None).unwrap();
        assert_eq!(settings.driver.listen.len(), 2);
        assert_eq!(settings.driver.threads, 3);
        let both = ["chat-server", "--listen", "127.0.0.1:1", "--port", "2"];
        assert!(command().try_get_matches_from(both).is_err());
    }
}
