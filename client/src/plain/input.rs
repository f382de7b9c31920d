//! Where lines come from: a person at a terminal, whose line editor has a thread to itself, or a pipe.

use std::{
    borrow::Cow,
    env,
    io::{self, BufRead as _, Read as _, Write as _},
    sync::{
        Arc, Mutex,
        mpsc::{self as std_mpsc, RecvTimeoutError},
    },
    thread,
    time::{Duration, Instant},
};

use chinwag_core::RoomName;
use rustyline::{
    Cmd, ColorMode, CompletionType, ConditionalEventHandler, Config, Context, Editor, Event, EventContext,
    EventHandler, Helper, KeyEvent, Movement, RepeatCount,
    completion::Completer,
    error::ReadlineError,
    highlight::{CmdKind, Highlighter},
    hint::Hinter,
    history::MemHistory,
    validate::Validator,
};
use tokio::sync::mpsc;

use super::printer::Sink;
use crate::{
    command::{self, Names},
    session::Session,
    signals::tell_to_stop,
    text,
};

/// The longest line that is read from a pipe, in bytes: what is longer is several. Far above what any server takes.
const LINE_BYTES_MAX: u64 = 256 * 1024;

/// Lines of a pipe that are read ahead.
const LINES_MAX: usize = 1;

/// Lines that a person may have typed ahead. The line editor must not wait for whoever prints above it: that may be waiting for the
/// line editor.
const TYPED_MAX: usize = 1024;

/// The line editor waits so long for what is to stand before the next line; then it takes the last one again, for the same reason.
const PROMPT_TIMEOUT: Duration = Duration::from_millis(100);

/// See the [module](self).
pub(crate) struct Input {
    lines: mpsc::Receiver<Line>,
    sink: Option<Sink>,
    person: Option<Person>,
}

/// What was said.
pub(crate) struct Line {
    /// Without its end.
    pub(crate) text: String,
    /// The room that stood before it, if a person has typed it.
    pub(crate) room: Option<RoomName>,
}

/// A room to stand before what is typed, once so many lines are dealt with.
struct Prompt {
    after: u64,
    room: Option<RoomName>,
}

/// What the thread of the line editor is told.
struct Person {
    /// What is to stand before the next line; it waits a little for this.
    prompts: std_mpsc::Sender<Prompt>,
    names: Arc<Mutex<Names>>,
    /// Puts the terminal in order, when nobody types any more.
    terminal: Edited,
}

impl Input {
    /// What a pipe says.
    pub(crate) fn pipe() -> Self {
        let (say, lines) = mpsc::channel(LINES_MAX);
        thread::spawn(move || read_pipe(&say));
        Self { lines, sink: None, person: None }
    }

    /// What a person types.
    ///
    /// # Errors
    /// The terminal is none.
    pub(crate) fn person() -> io::Result<Self> {
        let names = Arc::new(Mutex::new(Names::default()));
        let terminal = Edited::remember();
        let mut editor = editor(Arc::clone(&names)).map_err(io::Error::other)?;
        let sink = if is_dumb() {
            Sink::Out
        } else {
            Sink::Above(Box::new(editor.create_external_printer().map_err(io::Error::other)?))
        };
        let (say, lines) = mpsc::channel(TYPED_MAX);
        let (prompts, prompt) = std_mpsc::channel();
        thread::spawn(move || read_person(editor, &prompt, &say));
        let sink = Some(sink);
        Ok(Self { lines, sink, person: Some(Person { prompts, names, terminal }) })
    }

    /// Whether a person types.
    pub(crate) const fn is_person(&self) -> bool {
        self.person.is_some()
    }

    /// Where to print without garbling what is typed.
    pub(crate) fn sink(&mut self) -> Sink {
        self.sink.take().unwrap_or(Sink::Out)
    }

    /// Gives the terminal back for a while, if there is one.
    pub(crate) fn give_back(&mut self) {
        if let Some(person) = &mut self.person {
            person.terminal.give_back();
        }
    }

    /// Takes the terminal again after a stop, in which it was somebody else's. Whether there is one.
    pub(crate) fn take_again(&mut self) -> bool {
        self.person.as_mut().is_some_and(|person| {
            person.terminal.take_again();
            true
        })
    }

    /// The next line; nothing at the end.
    pub(crate) async fn next(&mut self) -> Option<Line> {
        self.lines.recv().await
    }

    /// So many lines are dealt with: the next one may be typed.
    pub(crate) fn go_on(&self, after: u64, session: &Session) {
        if let Some(person) = &self.person {
            // A thread that has ended does not want to know.
            let _ = person.prompts.send(Prompt { after, room: session.chat.current.clone() });
        }
    }

    /// Tells the line editor which names there are.
    pub(crate) fn know(&self, session: &Session) {
        if let Some(person) = &self.person {
            *person.names.lock().expect("nobody panics with it") = session.names();
        }
    }
}

/// Whether the terminal obeys nothing, as its name says: lines are typed and printed there, as they are. The names are those for
/// which the line editor does nothing, too.
pub(crate) fn is_dumb() -> bool {
    let name = env::var("TERM").unwrap_or_default();
    ["dumb", "cons25", "emacs"].iter().any(|dumb| name.eq_ignore_ascii_case(dumb))
}

fn read_pipe(say: &mpsc::Sender<Line>) {
    let mut stdin = io::stdin().lock();
    loop {
        let mut line = Vec::new();
        match stdin.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        let line = String::from_utf8_lossy(&line);
        let line = line.strip_suffix('\n').unwrap_or(&line);
        let text = line.strip_suffix('\r').unwrap_or(line).to_owned();
        if say.blocking_send(Line { text, room: None }).is_err() {
            return;
        }
    }
}

fn read_person(
    mut editor: Editor<Completing, MemHistory>,
    prompts: &std_mpsc::Receiver<Prompt>,
    say: &mpsc::Sender<Line>,
) {
    // What the first line is for is known at once.
    let Ok(Prompt { mut room, .. }) = prompts.recv() else { return };
    for typed in 1.. {
        let shown = match &room {
            // What comes would stand behind it.
            _ if is_dumb() => String::new(),
            Some(room) => format!("#{room}> "),
            None => "> ".to_owned(),
        };
        // At its end, by Ctrl-C and Ctrl-D, the terminal says no more.
        let Ok(text) = editor.readline(&shown) else { return };
        // A history without this line is one all the same.
        let _ = editor.add_history_entry(&text);
        // Wherever the person looks by now: what they saw is what they meant.
        if say.blocking_send(Line { text, room: room.clone() }).is_err() {
            return;
        }
        match next_prompt(prompts, typed) {
            Ok(next) => room = next,
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

/// What is to stand before the next line, once the ones before are dealt with.
fn next_prompt(
    prompts: &std_mpsc::Receiver<Prompt>,
    typed: u64,
) -> Result<Option<RoomName>, RecvTimeoutError> {
    let until = Instant::now() + PROMPT_TIMEOUT;
    loop {
        // Those that came too late are as good as never.
        let prompt = prompts.recv_timeout(until.saturating_duration_since(Instant::now()))?;
        if prompt.after >= typed {
            return Ok(prompt.room);
        }
    }
}

fn editor(names: Arc<Mutex<Names>>) -> Result<Editor<Completing, MemHistory>, ReadlineError> {
    // While it waits for a second Tab nothing is printed above it.
    let config = Config::builder()
        .completion_type(CompletionType::List)
        .completion_show_all_if_ambiguous(true)
        // For the line as it is shown: there are no colours in it.
        .color_mode(ColorMode::Forced)
        .build();
    let mut editor = Editor::with_history(config, MemHistory::new())?;
    editor.set_helper(Some(Completing { names }));
    editor.bind_sequence(KeyEvent::ctrl('c'), EventHandler::Conditional(Box::new(DropLine)));
    if cfg!(unix) {
        editor.bind_sequence(KeyEvent::ctrl('z'), EventHandler::Conditional(Box::new(Stop)));
    }
    Ok(editor)
}

/// Ctrl-C drops what is typed; where nothing is, it leaves.
struct DropLine;

impl ConditionalEventHandler for DropLine {
    fn handle(&self, _: &Event, _: RepeatCount, _: bool, context: &EventContext<'_>) -> Option<Cmd> {
        Some(if context.line().is_empty() { Cmd::Interrupt } else { Cmd::Kill(Movement::WholeBuffer) })
    }
}

/// Ctrl-Z stops us, but not this thread alone: what it makes of the terminal then is for all of us to see.
struct Stop;

impl ConditionalEventHandler for Stop {
    fn handle(&self, _: &Event, _: RepeatCount, _: bool, _: &EventContext<'_>) -> Option<Cmd> {
        tell_to_stop();
        Some(Cmd::Noop)
    }
}

/// Completes commands and names.
struct Completing {
    names: Arc<Mutex<Names>>,
}

impl Completer for Completing {
    type Candidate = String;

    fn complete(&self, line: &str, at: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<String>)> {
        let found = command::complete(line, at, &self.names.lock().expect("nobody panics with it"));
        Ok((found.start, found.candidates))
    }
}

impl Hinter for Completing {
    type Hint = String;
}

/// What is pasted may be as hostile as what others say.
impl Highlighter for Completing {
    fn highlight<'l>(&self, line: &'l str, _: usize) -> Cow<'l, str> {
        text::in_place(line)
    }

    fn highlight_char(&self, line: &str, _: usize, _: CmdKind) -> bool {
        text::in_place(line) != line
    }
}

impl Validator for Completing {}

impl Helper for Completing {}

/// A terminal with a line editor, which may be in the middle of a line. It is as it was when this is dropped.
struct Edited {
    /// As it was, if the line editor makes anything else of it.
    #[cfg(unix)]
    settings: Option<rustix::termios::Termios>,
    /// It is not ours for a while.
    is_given_back: bool,
}

impl Edited {
    fn remember() -> Self {
        Self {
            #[cfg(unix)]
            settings: rustix::termios::tcgetattr(io::stdin()).ok().filter(|_| !is_dumb()),
            is_given_back: false,
        }
    }

    /// It is as it was, for a while.
    fn give_back(&mut self) {
        if std::mem::replace(&mut self.is_given_back, true) {
            return;
        }
        #[cfg(unix)]
        if let Some(settings) = &self.settings {
            use rustix::termios::{OptionalActions, tcsetattr};
            // A terminal that is gone needs nothing.
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, settings);
            // The line editor has asked for pasted text in brackets.
            let _ = io::stdout().write_all(b"\x1b[?2004l\r\n");
        }
    }

    /// It is as the line editor wants it, whatever somebody else has made of it meanwhile.
    fn take_again(&mut self) {
        #[cfg(unix)]
        if let Some(settings) = &self.settings {
            use rustix::termios::{OptionalActions, tcsetattr};
            let mut raw = settings.clone();
            raw.make_raw();
            raw.output_modes = settings.output_modes;
            // A terminal that is gone says so elsewhere.
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, &raw);
            let _ = io::stdout().write_all(b"\x1b[?2004h").and_then(|()| io::stdout().flush());
        }
        self.is_given_back = false;
    }
}

impl Drop for Edited {
    fn drop(&mut self) {
        self.give_back();
    }
}
