//! Specification 1: plain lines. A line is said in the current room, so whoever means another one goes there first, and
//! speaks when they are told that they are there.

use std::collections::VecDeque;

use chinwag_core::Refusal;

use super::{Heard, Hearing, Line, Wish, fields::is_instant};

/// Where a client was last told that it is, and what it will say when it is elsewhere.
#[derive(Debug, Default)]
pub(super) struct Lobby {
    current: Option<String>,
    /// Rooms it is in.
    rooms: Vec<String>,
    /// What waits: the room it is meant for, and the line.
    plans: VecDeque<(String, Line)>,
}

impl Lobby {
    pub(super) fn wants(&mut self, wish: Wish<'_>, out: &mut Vec<Line>) {
        match wish {
            Wish::Join { room } => out.push(Line::new(format!("/join {room}"))),
            Wish::Leave { room } => self.there(room, Line::new("/leave"), out),
            Wish::Say { room, content, number } => {
                self.there(room, Line { text: content.to_owned(), message: Some(number) }, out);
            }
            // There are no words for these.
            Wish::Typing { .. } | Wish::Status { .. } | Wish::Task { .. } => {}
        }
    }

    /// Says something in a room it is in, and goes there first.
    fn there(&mut self, room: &str, line: Line, out: &mut Vec<Line>) {
        if self.current.as_deref() == Some(room) && self.plans.is_empty() {
            // After a leave it is told where it is.
            self.current = self.current.take().filter(|_| line.text != "/leave");
            out.push(line);
        } else if self.rooms.iter().any(|its| its == room) {
            out.extend(self.plans.is_empty().then(|| Line::new(format!("/join {room}"))));
            self.plans.push_back((room.to_owned(), line));
        }
    }

    pub(super) fn reads(&mut self, text: &str, out: &mut Vec<Line>) -> Hearing {
        let heard = match text.split_at_checked(2) {
            Some(("* ", notice)) => self.notice(notice)?,
            Some(("! ", refused)) => {
                // Nobody knows to what: what was planned is given up.
                self.plans.clear();
                vec![refusal(refused)?]
            }
            _ => vec![message(text)?],
        };
        self.go_on(out);
        Ok(heard)
    }

    /// Says what was planned for where it is now, and goes where it has to go next.
    fn go_on(&mut self, out: &mut Vec<Line>) {
        while let Some((_, line)) = self.plans.pop_front_if(|(room, _)| self.current.as_ref() == Some(room)) {
            self.current = self.current.take().filter(|_| line.text != "/leave");
            out.push(line);
            if let Some((room, _)) =
                self.plans.front().filter(|(room, _)| self.current.as_ref() != Some(room))
            {
                out.push(Line::new(format!("/join {room}")));
            }
        }
    }

    fn notice(&mut self, notice: &str) -> Hearing {
        let (what, place) = match notice.split_once("You are in #") {
            Some((what, place)) => (what.trim_end(), Some(place)),
            None => (notice, None),
        };
        if let Some(place) = place {
            let room = place.strip_suffix(" now.").ok_or("it does not say where one is")?;
            self.current = Some(room.to_owned());
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

/// A refusal by its sentence.
fn refusal(text: &str) -> Result<Heard, String> {
    let fits = |refusal: &&Refusal| text.starts_with(refusal.message());
    let refusal = Refusal::ALL.iter().find(fits).ok_or("there is no such refusal")?;
    Ok(Heard::Refused { refusal: *refusal, message: None, for_now: text.ends_with(" s.") })
}

/// `2026-11-21T05:03:00.000Z #rust ann: hello`
fn message(text: &str) -> Result<Heard, String> {
    let parts = || {
        let (at, rest) = text.split_once(" #")?;
        let (room, rest) = rest.split_once(' ')?;
        let (user, content) = rest.split_once(": ")?;
        is_instant(at).then(|| (room.to_owned(), user.to_owned(), content.to_owned()))
    };
    let (room, user, content) = parts().ok_or("there is no such line")?;
    Ok(Heard::Message { room, user, content, seq: None, from_history: false })
}

/// A text on a terminal: what would command it is replaced, and further lines are indented.
pub(super) fn as_shown(content: &str) -> String {
    let shown = |c: char| match c {
        '\n' => "\n    ".to_owned(),
        '\t' => c.to_string(),
        c if c.is_control() => '\u{fffd}'.to_string(),
        c => c.to_string(),
    };
    content.chars().map(shown).collect()
}
