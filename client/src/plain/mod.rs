//! Line mode: what is typed goes out line by line, and what comes is printed line by line; for people, pipes and scripts.

mod input;
mod json;
mod printer;
mod transcript;

use std::{io, time::Duration};

use chinwag_core::{RoomName, client::ClientEvent};
use tokio::time::sleep;

use self::{
    printer::Printer,
    transcript::{Transcript, Word},
};
use crate::{
    command::{self, Command, Typed},
    exit::{Exit, Farewell, SIGHUP, tell},
    model::Connection,
    session::{After, Session},
    signals::{Signal, Signals, stop},
    text,
    words::Zone,
};

use input::Line;
pub(crate) use input::{Input, is_dumb};

/// So many lines that a pipe has said may wait for their answers before it says more.
const UNANSWERED_MAX: usize = 64;

/// Columns that are told of a line that was not said.
const TOLD_WIDTH: usize = 160;

/// Whoever leaves waits so long at most for what a line editor, or a terminal, does not let through.
const PRINTS_WITHIN: Duration = Duration::from_secs(1);

/// What is printed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Format {
    /// Lines for people.
    Text,
    /// A JSON object for each event.
    Json,
    /// Nothing but what goes wrong.
    Nothing,
}

/// How line mode is to behave.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// What is printed.
    pub(crate) format: Format,
    /// Slashes begin commands; otherwise all lines are said as they are.
    pub(crate) commands: bool,
    /// Go on after the end of the input.
    pub(crate) follow: bool,
}

/// A stay in line mode.
struct Lines {
    session: Session,
    printer: Printer,
    transcript: Transcript,
    options: Options,
    /// A person types the lines.
    is_typed: bool,
    /// The input has come to its end.
    is_over: bool,
    /// The room that the next line is meant for, if anybody can tell: of a person, the one that stood before it.
    meant: Option<RoomName>,
    /// Lines of a person, and those of them after which the next prompt was shown.
    typed: u64,
    prompted: u64,
    /// Another room was wanted, and it is not told yet which one it is.
    turns: bool,
    exit: Exit,
}

/// What happens next.
enum Next {
    Event(ClientEvent),
    Line(Line),
    NoMoreLines,
    Signal(Signal),
    Printed(io::Result<()>),
    Ended,
}

/// Stays until the input is said, the person leaves or the server ends it.
///
/// # Errors
/// Signals cannot be caught.
pub(crate) async fn run(
    session: Session,
    mut input: Input,
    zone: Zone,
    options: Options,
) -> io::Result<Farewell> {
    let mut signals = Signals::catch()?;
    let printer = Printer::start(input.sink());
    let mut lines = Lines {
        meant: session.chat.current.clone(),
        session,
        printer,
        transcript: Transcript::new(zone),
        options,
        is_typed: input.is_person(),
        is_over: false,
        typed: 0,
        prompted: 0,
        turns: false,
        exit: Exit::Done,
    };
    input.go_on(0, &lines.session);
    while lines.step(&mut input, &mut signals).await {}
    lines.print_the_rest(&mut signals).await;
    Ok(lines.session.farewell(lines.exit))
}

impl Lines {
    /// Waits for the next thing to happen, and handles it. False at the end.
    async fn step(&mut self, input: &mut Input, signals: &mut Signals) -> bool {
        let takes_news = self.printer.has_room() || self.session.is_leaving();
        let takes_lines = !self.is_over && (input.is_person() || takes_news && self.is_ready());
        let next = tokio::select! {
            event = self.session.next(), if takes_news => event.map_or(Next::Ended, Next::Event),
            line = input.next(), if takes_lines => line.map_or(Next::NoMoreLines, Next::Line),
            signal = signals.next() => Next::Signal(signal),
            printed = self.printer.goes_on() => Next::Printed(printed),
        };
        match next {
            Next::Event(event) => {
                self.event(&event);
                if changes_names(&event) {
                    input.know(&self.session);
                }
            }
            Next::Line(line) => {
                if self.is_typed {
                    self.meant = line.room;
                    self.typed += 1;
                }
                self.line(&line.text);
                input.know(&self.session);
            }
            Next::NoMoreLines => {
                self.is_over = true;
                if signals.is_hung_up() {
                    self.end(Exit::Signal(SIGHUP));
                } else if input.is_person() {
                    self.leave();
                }
            }
            Next::Signal(Signal::End(number)) => self.end(Exit::Signal(number)),
            Next::Signal(Signal::Stop) => {
                input.give_back();
                stop();
            }
            Next::Signal(Signal::GoOn) => self.go_on(input),
            Next::Printed(Ok(())) => {}
            Next::Printed(Err(error)) => self.print_no_more(&error, signals),
            Next::Ended => return false,
        }
        self.tell_room();
        self.prompt(input);
        if self.is_over && !self.options.follow && self.session.is_at_rest() {
            self.session.quit();
        }
        true
    }

    /// Whoever was stopped finds their line again, and how things stand.
    fn go_on(&mut self, input: &mut Input) {
        if input.take_again() {
            self.printer.print(&format!("-- {}", text::on_one_line(&self.session.connection())));
        }
    }

    /// What waits is printed, but nobody waits for a line editor, or behind a signal.
    async fn print_the_rest(&mut self, signals: &mut Signals) {
        let is_hasty = self.is_typed || matches!(self.exit, Exit::Signal(_));
        let printed = tokio::select! {
            printed = self.printer.finish() => printed,
            number = ended_by(signals) => return self.exit = Exit::Signal(number),
            () = sleep(PRINTS_WITHIN), if is_hasty => return,
        };
        if let Err(error) = printed {
            self.print_no_more(&error, signals);
        }
    }

    /// Nothing more can be printed.
    fn print_no_more(&mut self, error: &io::Error, signals: &Signals) {
        if signals.is_hung_up() {
            return self.end(Exit::Signal(SIGHUP));
        }
        self.end(Exit::of_unprintable(error));
    }

    /// Shows a person where the next line goes, once it is known what became of the last one.
    fn prompt(&mut self, input: &Input) {
        let is_offline = self.session.chat.connection != Connection::Online;
        let is_dealt_with = self.printer.is_idle() && (is_offline || self.session.has_answers());
        if self.prompted < self.typed && is_dealt_with {
            self.prompted = self.typed;
            input.go_on(self.typed, &self.session);
        }
    }

    /// Whether a pipe may go on: what it has asked for is answered, and so is most of what it has said.
    fn is_ready(&self) -> bool {
        let is_online = self.session.chat.connection == Connection::Online;
        is_online && self.session.has_answers() && self.session.unanswered() < UNANSWERED_MAX
    }

    /// Prints what an event brings.
    fn event(&mut self, event: &ClientEvent) {
        self.keep_score(event);
        match self.options.format {
            Format::Text => {
                let news = self.transcript.news(&self.session, event);
                news.iter().for_each(|line| self.printer.print(line));
            }
            Format::Json => {
                let line = json::line(event);
                line.iter().for_each(|line| self.printer.print(line));
                self.print_words(line.is_none());
            }
            Format::Nothing => {
                let history = self.transcript.history(&self.session, event);
                history.iter().for_each(|line| self.printer.print(line));
                self.print_words(true);
            }
        }
    }

    /// Prints what is word for the reader alone, where nothing else is printed; answers only if there is no event that says so.
    fn print_words(&mut self, answers: bool) {
        for word in self.transcript.words(&self.session) {
            match (word, self.options.format) {
                (Word::Answer(answer), _) if answers => self.print_answer(&answer),
                (Word::Problem(problem), Format::Nothing) => tell(problem),
                _ => {}
            }
        }
    }

    /// Notes what the exit code is to say.
    fn keep_score(&mut self, event: &ClientEvent) {
        match event {
            ClientEvent::Refused { retry_after: None, .. } => self.fail(Exit::Refused),
            // What is given up in the end is told with the farewell.
            ClientEvent::Unresolved { .. } if !self.session.is_ended() => self.fail(Exit::Unresolved),
            ClientEvent::Ended { code } if *code != Some(1000) => self.fail(Exit::TurnedAway),
            _ => {}
        }
    }

    /// The first reason counts, but being turned away explains the others. A person has seen what was refused, and gone on.
    fn fail(&mut self, exit: Exit) {
        if self.is_typed && exit == Exit::Refused {
            return;
        }
        if self.exit == Exit::Done || exit == Exit::TurnedAway {
            self.exit = exit;
        }
    }

    fn line(&mut self, line: &str) {
        let typed =
            if self.options.commands { command::parse(line) } else { Ok(Typed::Say(line.to_owned())) };
        let turn = Turn::of(line, &typed);
        self.turns |= typed.is_ok() && !matches!(turn, Turn::None);
        let after = match typed {
            Ok(typed) => self.session.typed_for(self.meant.as_ref(), typed),
            Err(mistake) => After::Mistake(mistake),
        };
        self.meant = match turn {
            Turn::None => self.meant.take(),
            Turn::To(room) => Some(room),
            Turn::Away if after == After::Go => self.session.chat.current.clone(),
            Turn::Away => None,
        };
        match after {
            After::Go => {}
            After::Astray(why) => self.astray(&why, line),
            // A pipe's lines are said before it leaves.
            After::Quit if !self.is_typed => (self.is_over, self.options.follow) = (true, false),
            After::Quit => self.leave(),
            After::Mistake(mistake) => {
                self.fail(Exit::Refused);
                self.print_problem(&mistake);
            }
        }
        match self.options.format {
            Format::Text => {
                self.transcript.lines(&self.session).iter().for_each(|line| self.printer.print(line));
            }
            Format::Json | Format::Nothing => self.print_words(true),
        }
    }

    /// Whoever wanted to another room, and sees no prompt, is told where they are when that is known.
    fn tell_room(&mut self) {
        if !self.turns || !self.session.has_answers() {
            return;
        }
        self.turns = false;
        if let Some(room) = self.session.chat.current.clone().filter(|_| !self.is_typed || is_dumb()) {
            self.print_answer(&format!("you are in #{room} now"));
        }
    }

    /// What is meant for a room that one is not in is not said, and of a pipe nothing that comes after it.
    fn astray(&mut self, why: &str, line: &str) {
        self.fail(Exit::Refused);
        if self.is_typed {
            return self.print_problem(&format!("{why}; Up fetches it back"));
        }
        (self.is_over, self.options.follow) = (true, false);
        self.print_problem(&format!("{why}, nor anything after it: {}", text::cut(line, TOLD_WIDTH)));
    }

    /// A person leaves, and is told if there is something to wait for.
    fn leave(&mut self) {
        match self.session.leave() {
            Some(word) if self.options.format == Format::Text => self.printer.print(&format!("-- {word}")),
            _ => {}
        }
    }

    /// Leaves at once.
    fn end(&mut self, exit: Exit) {
        self.exit = exit;
        self.is_over = true;
        self.session.quit();
    }

    fn print_answer(&mut self, answer: &str) {
        match self.options.format {
            Format::Text => self.printer.print(&format!("-- {answer}")),
            Format::Json => self.printer.print(&json::notice(answer)),
            Format::Nothing => self.printer.print(answer),
        }
    }

    fn print_problem(&mut self, problem: &str) {
        let problem = text::on_one_line(problem);
        match self.options.format {
            Format::Text => self.printer.print(&format!("! {problem}")),
            Format::Json => self.printer.print(&json::mistake(&problem)),
            Format::Nothing => tell(problem),
        }
    }
}

/// The number of the signal that ends us.
async fn ended_by(signals: &mut Signals) -> u8 {
    loop {
        if let Signal::End(number) = signals.next().await {
            return number;
        }
    }
}

/// Where a line is to lead whoever types it.
enum Turn {
    /// Nowhere.
    None,
    /// To this room.
    To(RoomName),
    /// To another, if it is done; nobody knows where to, if it is not.
    Away,
}

impl Turn {
    fn of(line: &str, typed: &Result<Typed, String>) -> Self {
        match typed {
            Ok(Typed::Command(Command::Join(room) | Command::Create(room, _))) => Self::To(room.clone()),
            Ok(Typed::Command(Command::Leave(_))) => Self::Away,
            Err(_) if command::may_turn(line) => Self::Away,
            _ => Self::None,
        }
    }
}

/// Whether there may be other names to complete: in a large room they are many, and most events are none of theirs.
const fn changes_names(event: &ClientEvent) -> bool {
    matches!(
        event,
        ClientEvent::Joined { .. }
            | ClientEvent::Left { .. }
            | ClientEvent::UserJoined { .. }
            | ClientEvent::UserLeft { .. }
            | ClientEvent::MembersChanged { .. }
            | ClientEvent::Members { .. }
            | ClientEvent::Rooms { .. }
    )
}
