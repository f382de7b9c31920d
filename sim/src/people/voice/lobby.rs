//! Specification 1: plain lines. A line is said in the current room, so whoever means another one goes there first, and
//! speaks when they are told that they are there.
//!
//! Nothing says which line a refusal is about. Whoever is told that they are too fast while they are on the way does not
//! know where they will be.

use std::collections::VecDeque;

use chinwag_core::Refusal;

use super::{Heard, Hearing, Line, Wish};
use crate::judge::instant;

/// Asks what there is to say.
pub(super) const HELP: &str = "/help";

/// Where a client is, and what it is about to do, one after the other.
#[derive(Debug, Default)]
pub(super) struct Lobby {
    place: Place,
    /// Rooms it is in.
    rooms: Vec<String>,
    plans: VecDeque<Plan>,
}

#[derive(Debug, Eq, PartialEq)]
enum Place {
    /// Here.
    In(String),
    /// On the way from a room, if it has been in one, and will be told where it is.
    Leaving(Option<String>),
    /// Nobody knows.
    Lost,
}

impl Default for Place {
    fn default() -> Self {
        Self::Leaving(None)
    }
}

#[derive(Debug)]
enum Plan {
    Join(String),
    Leave(String),
    Say(String, Line),
}

impl Lobby {
    pub(super) fn wants(&mut self, wish: Wish<'_>, out: &mut Vec<Line>) {
        let plan = match wish {
            Wish::Join { room } => Plan::Join(room.to_owned()),
            Wish::Leave { room } => Plan::Leave(room.to_owned()),
            Wish::Say { room, content, number } => {
                Plan::Say(room.to_owned(), Line { text: content.to_owned(), message: Some(number) })
            }
            // There are no words for these.
            Wish::Typing { .. } | Wish::Status { .. } | Wish::Task { .. } => return,
        };
        self.plans.push_back(plan);
        self.go_on(out);
    }

    /// Whether it cannot say anything any more, for it would be said anywhere.
    pub(super) fn is_lost(&self) -> bool {
        self.place == Place::Lost
    }

    /// Which plan is next: what is to be said here before one goes elsewhere, for to go from room to room for every line
    /// would be faster than one may.
    fn next(&self, here: &str) -> usize {
        let is_here = |plan: &Plan| match plan {
            Plan::Join(room) | Plan::Leave(room) | Plan::Say(room, _) => room == here,
        };
        let first = self.plans.iter().position(is_here);
        first.filter(|&first| matches!(self.plans[first], Plan::Say(..))).unwrap_or_default()
    }

    /// Carries out what it can where it is, and goes where it has to.
    fn go_on(&mut self, out: &mut Vec<Line>) {
        while let Place::In(here) = &self.place {
            let Some(plan) = self.plans.remove(self.next(here)) else { return };
            let (Plan::Join(room) | Plan::Leave(room) | Plan::Say(room, _)) = &plan;
            let (is_here, is_in) = (room == here, self.rooms.contains(room));
            let join = Line::new(format!("/join {room}"));
            let line = match plan {
                Plan::Join(_) => join,
                // Whoever was sent away meanwhile has nothing to do there.
                Plan::Leave(_) | Plan::Say(..) if !is_in => continue,
                Plan::Say(_, line) if is_here => {
                    out.push(line);
                    continue;
                }
                Plan::Leave(_) if is_here => Line::new("/leave"),
                Plan::Leave(_) | Plan::Say(..) => {
                    self.plans.push_front(plan);
                    join
                }
            };
            out.push(line);
            self.place = Place::Leaving(Some(here.clone()));
        }
    }

    pub(super) fn reads(&mut self, text: &str, out: &mut Vec<Line>) -> Hearing {
        let heard = match text.split_at_checked(2) {
            Some(("* ", notice)) => self.notice(notice)?,
            Some(("! ", refused)) => vec![self.refused(refused)?],
            _ => vec![message(text)?],
        };
        self.go_on(out);
        Ok(heard)
    }

    fn refused(&mut self, text: &str) -> Result<Heard, String> {
        if text.starts_with("Your token has expired: ") {
            return Ok(Heard::Refused { refusal: Refusal::TokenExpired, message: None, for_now: false });
        }
        let fits = |refusal: &&Refusal| text.starts_with(refusal.message());
        let refusal = *Refusal::ALL.iter().find(fits).ok_or("there is no such refusal")?;
        if let Place::Leaving(from) = &mut self.place {
            self.place = match (refusal, from.take()) {
                // That cannot be about anything but a room one wants to enter, and so one is where one was.
                (
                    Refusal::RoomFull
                    | Refusal::Full
                    | Refusal::TooManyRooms
                    | Refusal::RoomsClosed
                    | Refusal::UnknownRoom,
                    Some(from),
                ) => Place::In(from),
                _ => Place::Lost,
            };
        }
        let for_now = text.ends_with(" s.");
        if for_now && text.ends_with("Wait 0.0 s.") {
            return Err("nobody has to wait for nothing".to_owned());
        }
        Ok(Heard::Refused { refusal, message: None, for_now })
    }

    fn notice(&mut self, notice: &str) -> Hearing {
        let (what, place) = match notice.split_once("You are in #") {
            Some((what, place)) => (what.trim_end(), Some(place)),
            None => (notice, None),
        };
        if let Some(place) = place {
            let room = place.strip_suffix(" now.").ok_or("it does not say where one is")?;
            self.place = Place::In(room.to_owned());
        }
        if let Some(room) = what.strip_prefix("You have joined #") {
            let room = sentence(room)?;
            self.rooms.push(room.clone());
            return Ok(vec![Heard::Entered { room, standing: None }]);
        }
        let left = what.strip_prefix("You have left #");
        if let Some(room) = left.or_else(|| what.strip_prefix("You have been sent out of #")) {
            let room = sentence(room)?;
            self.rooms.retain(|its| *its != room);
            return Ok(vec![Heard::Gone { room, position: None }]);
        }
        if place.is_some() && what.is_empty() {
            return Ok(vec![Heard::Other]);
        }
        others(notice)
    }
}

/// A notice about others, or about everybody.
fn others(notice: &str) -> Hearing {
    if notice.starts_with("Welcome, ") && notice.ends_with(". /help lists what you can do.") {
        return Ok(vec![Heard::Welcome]);
    }
    // What there is to say.
    if notice.starts_with('/') || notice == "You are in no room now: /join one." {
        return Ok(vec![Heard::Other]);
    }
    if let Some(rest) = notice.strip_prefix("You read too slowly: #") {
        let room = rest.strip_suffix(" goes on from its history.").ok_or("it does not say where from")?;
        return Ok(vec![Heard::Behind { room: room.to_owned() }]);
    }
    if let Some(task) = notice.strip_prefix("Task ") {
        let (task, rest) = task.split_once(" in #").ok_or("the task has no room")?;
        let task = task.split_once(" for ").map_or(task, |(task, _)| task).to_owned();
        let (room, state) =
            rest.split_once(": ").map_or((rest, None), |(room, its)| (room, Some(state(its))));
        return Ok(vec![Heard::Task { room: room.to_owned(), task, state }]);
    }
    if let Some(heard) = gap(notice) {
        return Ok(vec![heard]);
    }
    for (words, came) in
        [("has joined", true), ("have joined", true), ("has left", false), ("have left", false)]
    {
        if let Some((users, room)) = notice.split_once(&format!(" {words} #")) {
            let room = sentence(room)?;
            let heard = |user: &str| match (room.clone(), user.to_owned()) {
                (room, user) if came => Heard::Came { room, user },
                (room, user) => Heard::Went { room, user },
            };
            return Ok(users.split(", ").map(heard).collect());
        }
    }
    if notice.starts_with('#') && notice.ends_with(" members now.") {
        return Ok(vec![Heard::Other]);
    }
    let (user, rest) = notice.split_once(" in #").ok_or("there is no such notice")?;
    let (room, its) = rest.split_once(": ").ok_or("there is no such notice")?;
    Ok(vec![Heard::Status { room: room.to_owned(), user: user.to_owned(), state: state(its) }])
}

fn gap(notice: &str) -> Option<Heard> {
    let (range, room) = notice.strip_prefix("Messages ")?.strip_suffix(" are gone.")?.split_once(" of #")?;
    let (from, to) = range.split_once(" to ")?;
    Some(Heard::Missing { room: room.to_owned(), from: from.parse().ok()?, to: to.parse().ok()? })
}

/// A name at the end of a sentence.
fn sentence(name: &str) -> Result<String, String> {
    name.strip_suffix('.').map(str::to_owned).ok_or_else(|| format!("{name:?} is no end of a sentence"))
}

/// The first word of how somebody stands.
fn state(standing: &str) -> String {
    standing.split([',', ' ']).next().unwrap_or_default().to_owned()
}

/// `2026-11-21T05:03:00.000Z #rust ann: hello`
fn message(text: &str) -> Result<Heard, String> {
    let parts = || {
        let (at, rest) = text.split_once(" #")?;
        let (room, rest) = rest.split_once(' ')?;
        let (user, content) = rest.split_once(": ")?;
        Some((room.to_owned(), user.to_owned(), content.to_owned(), instant::millis(at)?))
    };
    let (room, user, content, at) = parts().ok_or("there is no such line")?;
    Ok(Heard::Message { room, user, content, seq: None, at, from_history: false, carried: None })
}

/// A text on a terminal: what would command it is replaced, and further lines are indented.
pub(super) fn as_shown(content: &str) -> String {
    let mut shown = String::with_capacity(content.len());
    for c in content.chars() {
        match c {
            '\n' | '\u{2028}' | '\u{2029}' => shown.push_str("\n    "),
            '\t' => shown.push(c),
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => shown.push('\u{fffd}'),
            c if c.is_control() => shown.push('\u{fffd}'),
            c => shown.push(c),
        }
    }
    shown
}
