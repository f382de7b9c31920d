//! The screen: rooms and members at the side, messages above, what is typed below.
//!
//! Nothing moves unless something happens, and then what is seen is drawn once: no clock ticks.

mod draw;
mod editor;
mod rows;
mod terminal;
#[cfg(test)]
mod tests;
mod theme;
mod view;

use std::{future::poll_fn, io, task::Poll};

use chinwag_core::RoomName;
use crossterm::event::{Event, EventStream};
use futures_util::{FutureExt as _, Stream, StreamExt as _};

pub use self::{draw::Scene, theme::Theme, view::View};
use self::{
    rows::Bottom,
    terminal::{Screen, ring_bell},
    view::{Wish, Word},
};
use crate::{
    exit::{Exit, Farewell, SIGHUP},
    session::{After, Session},
    signals::{Signal, Signals, stop, tell_to_stop},
    words::Zone,
};

/// Older lines that are asked for at once.
const OLDER: u32 = 100;

/// What has happened already is taken in before the screen is drawn, up to so many events.
const AT_ONCE_MAX: usize = 256;

/// A stay on the screen.
struct Tui {
    session: Session,
    view: View,
    zone: Zone,
    theme: Theme,
    /// The bell is to ring when somebody names the reader.
    bell: bool,
    /// How often that was.
    named: u64,
    exit: Option<Exit>,
    /// The terminal is gone, and not looked at any more.
    is_blind: bool,
    /// Why, if it was not closed.
    trouble: Option<String>,
}

/// What happens next.
enum Next {
    News,
    Ended,
    Terminal(Event),
    Blind(io::Error),
    Signal(Signal),
}

/// Stays until the person leaves or the server ends it.
///
/// # Errors
/// The terminal is none, or signals cannot be caught.
pub(crate) async fn run(session: Session, zone: Zone, bell: bool) -> io::Result<Farewell> {
    let mut signals = Signals::catch()?;
    let mut screen = Screen::take()?;
    let (mut keys, is_hung_up) = (EventStream::new(), signals.hang_up());
    let theme = Theme::from_environment();
    let mut tui = Tui {
        session,
        view: View::default(),
        zone,
        theme,
        bell,
        named: 0,
        exit: None,
        is_blind: false,
        trouble: None,
    };
    loop {
        if !tui.is_blind
            && let Err(error) = tui.draw(&mut screen)
        {
            tui.go_blind(&error, &signals);
        }
        let next = tokio::select! {
            event = tui.session.next() => event.map_or(Next::Ended, |_| Next::News),
            // A terminal that is gone says so again and again.
            key = next_key(&mut keys, &is_hung_up), if !tui.is_blind => key.map_or_else(Next::Blind, Next::Terminal),
            signal = signals.next() => Next::Signal(signal),
        };
        match next {
            Next::News => tui.take_in_the_rest(),
            Next::Ended => return Ok(tui.end()),
            Next::Terminal(event) => tui.terminal(&event, &mut screen),
            Next::Blind(error) => tui.go_blind(&error, &signals),
            Next::Signal(signal) => tui.signal(signal, &mut screen, &signals),
        }
    }
}

/// What happens next at the terminal. Whoever reads from one that is closed reads its end for ever, and never returns.
async fn next_key(
    keys: &mut (impl Stream<Item = io::Result<Event>> + Unpin),
    is_hung_up: &impl Fn() -> bool,
) -> io::Result<Event> {
    let key = poll_fn(|cx| if is_hung_up() { Poll::Ready(None) } else { keys.poll_next_unpin(cx) });
    key.await.unwrap_or_else(|| Err(io::ErrorKind::UnexpectedEof.into()))
}

impl Tui {
    fn draw(&mut self, screen: &mut Screen) -> io::Result<()> {
        let before = std::mem::replace(&mut self.named, self.session.chat.named());
        if self.bell && self.named > before {
            ring_bell()?;
        }
        let connection = self.session.connection();
        let scene =
            Scene { chat: &self.session.chat, connection: &connection, zone: &self.zone, theme: self.theme };
        screen.draw(|frame| scene.draw(frame, &mut self.view))
    }

    /// Takes in what has come at once with something else, so that it is drawn once.
    fn take_in_the_rest(&mut self) {
        for _ in 0..AT_ONCE_MAX {
            // The end comes again.
            if self.session.next().now_or_never().flatten().is_none() {
                return;
            }
        }
    }

    fn terminal(&mut self, event: &Event, screen: &mut Screen) {
        let before = self.view.editor.text().to_owned();
        match self.view.take_in(event, &self.session.chat, &self.zone) {
            Wish::Nothing => {}
            Wish::Enter(line) => self.enter(&line),
            Wish::Turn(by) => self.turn(by),
            Wish::Choose(nth) => self.look_at(self.room(nth)),
            Wish::Unread => self.look_at(self.unread()),
            Wish::Older => {
                self.session.older(OLDER);
            }
            Wish::Complete => self.view.complete(&self.session.names()),
            Wish::Redraw => screen.begin_anew(),
            Wish::Stop => {
                // Before anybody else may write on it.
                screen.give_back();
                tell_to_stop();
            }
            Wish::Quit => self.leave(),
        }
        let text = self.view.editor.text();
        // Whoever only looks around writes nothing.
        if *text == before {
            return;
        }
        self.session.writes(!text.trim().is_empty() && (!text.starts_with('/') || text.starts_with("//")));
    }

    fn signal(&mut self, signal: Signal, screen: &mut Screen, signals: &Signals) {
        match signal {
            Signal::End(number) => self.leave_at_once(Exit::Signal(number)),
            Signal::Stop => {
                screen.give_back();
                stop();
            }
            Signal::GoOn => {
                if let Err(error) = screen.take_again() {
                    self.go_blind(&error, signals);
                }
            }
        }
    }

    /// Does what is typed. What cannot be done stays, to be mended.
    fn enter(&mut self, line: &str) {
        let room = self.session.chat.current.clone();
        match self.session.typed(line) {
            After::Go => {
                self.view.editor.take();
                // Elsewhere one looks where one did.
                if room == self.session.chat.current {
                    self.view.bottom = Bottom::Latest;
                }
            }
            After::Mistake(why) | After::Astray(why) => self.view.word = Some(Word::Mistake(why)),
            After::Quit => {
                self.view.editor.take();
                self.leave();
            }
        }
    }

    fn turn(&mut self, by: isize) {
        let chat = &self.session.chat;
        let count = isize::try_from(chat.open_rooms().count()).unwrap_or(isize::MAX).max(1);
        let current =
            chat.open_rooms().position(|(name, _)| Some(name) == chat.current.as_ref()).unwrap_or(0);
        let next = (isize::try_from(current).unwrap_or(0) + by).rem_euclid(count);
        self.look_at(self.room(next.unsigned_abs()));
    }

    /// The room in this place of the list.
    fn room(&self, nth: usize) -> Option<RoomName> {
        self.session.chat.open_rooms().nth(nth).map(|(name, _)| name.clone())
    }

    /// The room in which the reader is named, or else one with something unread.
    fn unread(&self) -> Option<RoomName> {
        let rooms = self.session.chat.open_rooms().filter(|(_, room)| room.unread > 0);
        rooms.max_by_key(|(_, room)| room.mentions).map(|(name, _)| name.clone())
    }

    fn look_at(&mut self, room: Option<RoomName>) {
        if let Some(room) = room {
            self.session.writes(false);
            self.session.chat.look_at(&room);
        }
    }

    /// The person leaves, and is told if there is something to wait for.
    fn leave(&mut self) {
        self.exit.get_or_insert(Exit::Done);
        self.view.word = self.session.leave().map(Word::Notice);
    }

    fn leave_at_once(&mut self, exit: Exit) {
        self.exit.get_or_insert(exit);
        self.session.quit();
    }

    /// The terminal is gone: closed, as a rule, whether by now a signal says so or not.
    fn go_blind(&mut self, error: &io::Error, signals: &Signals) {
        self.is_blind = true;
        if signals.is_hung_up() {
            return self.leave_at_once(Exit::Signal(SIGHUP));
        }
        self.trouble = Some(error.to_string());
        self.leave_at_once(Exit::Failed);
    }

    /// Nobody but the server ends what the person has not.
    fn end(self) -> Farewell {
        let mut farewell = self.session.farewell(self.exit.unwrap_or(Exit::TurnedAway));
        farewell.words.extend(self.trouble);
        farewell
    }
}
