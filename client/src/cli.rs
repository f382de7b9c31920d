//! The command line: who one is, where the server is, and in which of its ways `chat` runs.

use std::{
    collections::hash_map::RandomState,
    ffi::OsString,
    hash::{BuildHasher as _, Hasher as _},
    io::{self, IsTerminal as _},
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use chinwag_core::{Client, RoomName, UserName, client::ClientConfig, identity::Token, name::LOBBY};
use clap::Parser;
use tokio::runtime::Builder;
use tokio_tungstenite::tungstenite::http::Uri;

use crate::{
    command::room,
    driver::Driver,
    exit::{EXIT_CODES, Exit, Farewell, tell},
    plain::{self, Format, Input, Options},
    session::Session,
    tui,
    words::Zone,
};

/// How long a pipe waits for a server, unless told otherwise.
const PIPE_GIVES_UP_AFTER: u64 = 30;

const EXAMPLES: &str = "\
On a terminal chat fills the screen; ? shows the keys there, and /help the commands. With --plain, or where standard output \
is no terminal, it reads and prints lines. From a pipe it says each line, waits until all are in the room, and leaves:

    chat --user alice
    chat --user alice --room ops --room general --plain
    df -h / | chat --user host-7 --room ops
    tail -f log | chat --user host-7 --room ops --follow
    chat --user logger --json --follow < /dev/null

Ctrl-C drops what is typed; where nothing is, it leaves, as Ctrl-D and /quit do. Whoever leaves so waits 3 s at most for the \
server to acknowledge what they have said; told again, chat waits no longer. Ctrl-Z stops it, and fg in the shell comes back. \
SIGHUP, SIGINT and SIGTERM leave at once: the server is told, and the terminal is as it was.

Flags win over environment variables. A token is better given in CHINWAG_TOKEN: others may see command lines. NO_COLOR in \
the environment leaves colours out. For wss:// the system's certificates count, or those of SSL_CERT_FILE.";

/// A person's end of a Chinwag chat, in a terminal.
#[derive(Debug, Parser)]
#[command(name = "chat", version, after_long_help = format!("{EXAMPLES}\n\n{EXIT_CODES}\n"))]
struct Args {
    /// Who you are: letters, digits, - _ .
    #[arg(short, long, env = "CHINWAG_USER", value_parser = UserName::new)]
    user: UserName,

    /// Where the server is: ws://HOST:PORT/chat, or wss:// if it is encrypted
    #[arg(long, env = "CHINWAG_URL", default_value = "ws://127.0.0.1:8080/chat", value_parser = url)]
    url: String,

    /// A room to enter, and once more for each further one; the first is looked at
    #[arg(short, long = "room", value_name = "ROOM", default_value = LOBBY, value_parser = room)]
    rooms: Vec<RoomName>,

    /// What shows that you are this user, where the server asks for it
    #[arg(long, env = "CHINWAG_TOKEN", hide_env_values = true)]
    token: Option<String>,

    /// Read and print lines instead of filling the screen
    #[arg(short, long)]
    plain: bool,

    /// Print an event a line, as JSON, for scripts
    #[arg(short, long)]
    json: bool,

    /// Let a pipe's lines that begin with a slash be commands; otherwise they are said as they are
    #[arg(long)]
    commands: bool,

    /// Ring the terminal's bell when somebody names you; on the screen
    #[arg(long)]
    bell: bool,

    /// Stay after the end of the input
    #[arg(short, long)]
    follow: bool,

    /// Give up when the server is out of reach for so many seconds; pipes do after 30, people never
    #[arg(long, value_name = "SECONDS")]
    give_up: Option<u64>,
}

/// Which way it runs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Mode {
    /// It fills the screen.
    Screen,
    /// It reads and prints lines.
    Lines(Format),
}

/// The whole `chat` program. `args` are those of a process, its own name first.
///
/// Reads the environment, the terminal and standard input, and handles signals: for a process of its own.
pub fn main_with(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let args = match Args::try_parse_from(args) {
        Ok(args) => args,
        Err(message) => {
            let printed = message.print();
            return match printed {
                // Nobody can be told.
                _ if message.use_stderr() => Exit::Usage,
                Ok(()) => Exit::Done,
                Err(error) => Exit::of_unprintable(&error),
            }
            .into();
        }
    };
    match run(&args) {
        Ok(Farewell { exit, words }) => {
            words.iter().for_each(tell);
            exit.into()
        }
        Err(error) => {
            tell(error);
            Exit::Failed.into()
        }
    }
}

fn run(args: &Args) -> io::Result<Farewell> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let session = session(args);
        match mode(args) {
            Mode::Screen => tui::run(session, Zone::local(), args.bell).await,
            Mode::Lines(format) => {
                let is_typed = io::stdin().is_terminal();
                let input =
                    if is_typed && io::stdout().is_terminal() { Input::person()? } else { Input::pipe() };
                plain::run(session, input, Zone::local(), options(args, format, is_typed)).await
            }
        }
    })
}

fn session(args: &Args) -> Session {
    let seed = RandomState::new().build_hasher().finish();
    let client = Client::new(Arc::new(ClientConfig::default()), args.user.clone(), seed);
    let client = match args.token.as_deref().filter(|token| !token.is_empty()) {
        Some(token) => client.with_token(Token::new(token)),
        None => client,
    };
    let give_up = args.give_up.or_else(|| (!io::stdin().is_terminal()).then_some(PIPE_GIVES_UP_AFTER));
    let mut session = Session::new(Driver::start(client, &args.url), give_up.map(Duration::from_secs));
    // The first one last: whatever is entered is looked at.
    args.rooms.iter().rev().for_each(|room| session.join(room));
    session
}

fn mode(args: &Args) -> Mode {
    match (args.json, args.plain, io::stdin().is_terminal(), io::stdout().is_terminal()) {
        (true, ..) => Mode::Lines(Format::Json),
        (_, true, ..) | (_, _, true, false) => Mode::Lines(Format::Text),
        (_, _, false, _) => Mode::Lines(Format::Nothing),
        (_, _, true, true) if plain::is_dumb() => Mode::Lines(Format::Text),
        (_, _, true, true) => Mode::Screen,
    }
}

fn options(args: &Args, format: Format, is_typed: bool) -> Options {
    Options { format, commands: args.commands || is_typed, follow: args.follow }
}

/// An address that a WebSocket can be opened at, as the library for it wants it: with its scheme in small letters.
fn url(text: &str) -> Result<String, &'static str> {
    const WANTED: &str = "write it as ws://HOST:PORT/chat or wss://HOST/chat";
    let (scheme, rest) = text.split_once("://").ok_or(WANTED)?;
    let scheme = scheme.to_ascii_lowercase();
    let text = format!("{scheme}://{rest}");
    let uri: Uri = text.parse().map_err(|_| WANTED)?;
    let authority = uri.authority().filter(|authority| !authority.host().is_empty()).ok_or(WANTED)?;
    if !matches!(&*scheme, "ws" | "wss") {
        return Err(WANTED);
    }
    let place = authority.as_str().rsplit('@').next().and_then(|place| place.strip_prefix(authority.host()));
    match place.and_then(|place| place.strip_prefix(':')) {
        Some(port) if !port.is_empty() && !port.parse().is_ok_and(|port: u16| port > 0) => {
            Err("its port is none: they go from 1 to 65535")
        }
        _ => Ok(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_one_that_a_websocket_can_be_opened_at() {
        for (text, read) in [
            ("ws://127.0.0.1:8080/chat", "ws://127.0.0.1:8080/chat"),
            ("WS://Chat.example/Chat", "ws://Chat.example/Chat"),
            ("wSs://[::1]:443/chat", "wss://[::1]:443/chat"),
            ("ws://8:8080", "ws://8:8080"),
            ("ws://ann:secret@chat.example:65535/", "ws://ann:secret@chat.example:65535/"),
            ("ws://chat.example:/chat", "ws://chat.example:/chat"),
        ] {
            assert_eq!(url(text).as_deref(), Ok(read));
        }
        for text in
            ["http://chat.example", "chat.example:8080", "ws:///chat", "ws://", "ws://[::1/chat", "ws://a b"]
        {
            assert!(url(text).is_err_and(|why| why.contains("ws://HOST")), "{text}");
        }
        for text in ["ws://chat.example:99999/chat", "ws://[::1]:0/chat", "ws://ann@chat.example:65536"] {
            assert!(url(text).is_err_and(|why| why.contains("port")), "{text}");
        }
    }

    #[test]
    fn rooms_are_named_as_people_name_them() {
        let args = Args::try_parse_from(["chat", "-u", "ann", "--room", "#ops", "-r", "lobby"]).unwrap();
        assert_eq!(args.rooms, ["ops", "lobby"].map(|name| RoomName::new(name).unwrap()));
        assert!(Args::try_parse_from(["chat", "-u", "ann", "--room", "#"]).is_err());
    }
}
