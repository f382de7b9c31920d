//! The `lobby` dialect: plain lines and slash commands, for any program that reads and writes WebSocket text (S1).
//!
//! A line is said in the *current* room; lines that begin with `/` are commands. What the server says is for people:
//! messages begin with their instant (S1.13), notices with `*`, refusals with `!`.

use std::{io::Write as _, time::Duration};

use super::{Event, Payloads, Presence};
use crate::{
    name::{RoomName, UserName},
    refusal::Refusal,
    shard::{MemberView, Message, RoomView, Status, Task},
};

mod places;
#[cfg(test)]
mod tests;

pub use places::Lobby;

/// What `/help` says (S1.15 to S1.19), and our own.
const HELP: &str = "* /rooms        list all rooms; /rooms <room> those after this one
* /join <room>  go to a room; it is made if there is none of that name
* /leave        leave the room you are in
* /users        list who is in this room; /users <user> those after this one
* /token <token> show a newer token, before or just after the last one ends
* /help         say this
* Anything else is said in the room you are in.";

/// Writes an event that is the same for all who read it.
pub(super) fn encode(event: &Event<'_>, payloads: &mut Payloads) {
    match event {
        Event::Message { room, message, .. } => say(payloads, room, message),
        Event::History { room, messages, .. } => {
            messages.iter().for_each(|message| say(payloads, room, message));
        }
        Event::UserJoined { room, user, .. } => line(payloads, format_args!("* {user} has joined #{room}.")),
        Event::UserLeft { room, user, .. } => line(payloads, format_args!("* {user} has left #{room}.")),
        Event::MembersChanged { room, joined, left, count } => {
            changed(payloads, room, joined.iter(), "joined");
            changed(payloads, room, left.iter().map(|(user, _)| user), "left");
            line(payloads, format_args!("* #{room} has {count} members now."));
        }
        Event::Status { room, user, status } => {
            line(payloads, format_args!("* {user} in #{room}: {}", Standing(status)));
        }
        Event::Task { room, task, .. } => {
            let Task { task: name, status, assignee, .. } = task;
            let assignee = assignee.as_ref().map_or(String::new(), |assignee| format!(" for {assignee}"));
            let standing = status.as_ref().map_or(String::new(), |status| format!(": {}", Standing(status)));
            line(payloads, format_args!("* Task {}{assignee} in #{room}{standing}", Plain(name)));
        }
        Event::Gap { room, from, to, .. } => {
            line(payloads, format_args!("* Messages {} to {} of #{room} are gone.", from.0, to.0));
        }
        Event::Lagged { room, .. } => {
            line(payloads, format_args!("* You read too slowly: #{room} goes on from its history."));
        }
        Event::Rooms { rooms, more, .. } => list_rooms(payloads, rooms, *more),
        Event::Members { id: Some(_), room, members, count, more } => {
            list_members(payloads, room, members, *count, *more);
        }
        Event::Welcome { user, .. } => {
            line(payloads, format_args!("* Welcome, {user}. /help lists what you can do."));
        }
        Event::Warning { refusal, retry_after, .. } => refuse(payloads, *refusal, None, Some(*retry_after)),
        Event::Refreshed { expires: Some(expires), .. } => {
            line(payloads, format_args!("* Your token is good until {expires}."));
        }
        Event::Refreshed { expires: None, .. } => line(payloads, format_args!("* Your token is good.")),
        Event::Error { refusal: Refusal::TokenExpired, .. } => {
            line(payloads, format_args!("! Your token has expired: show a newer one soon, with /token."));
        }
        Event::Error { refusal, detail, retry_after, .. } => {
            refuse(payloads, *refusal, *detail, *retry_after);
        }
        // Presence is not of this specification, and silence is an answer.
        Event::Presence { presence: Presence::Online | Presence::Offline | Presence::Typing, .. }
        | Event::Members { id: None, .. }
        | Event::Ack { .. }
        | Event::Created { .. }
        | Event::Health { .. }
        | Event::Pong { .. } => {}
        Event::Joined { .. } | Event::Left { .. } => {
            unreachable!("is for one connection, which knows its rooms")
        }
    }
}

/// One frame of text.
fn line(payloads: &mut Payloads, text: std::fmt::Arguments<'_>) {
    payloads.add(|payload| payload.write_fmt(text).expect("memory takes everything"));
}

fn say(payloads: &mut Payloads, room: &RoomName, message: &Message) {
    let Message { at, user, content, .. } = message;
    line(payloads, format_args!("{at} #{room} {user}: {}", Plain(content)));
}

fn changed<'a>(
    payloads: &mut Payloads,
    room: &RoomName,
    users: impl Iterator<Item = &'a UserName>,
    how: &str,
) {
    let users: Vec<_> = users.collect();
    if !users.is_empty() {
        let have = if users.len() == 1 { "has" } else { "have" };
        line(payloads, format_args!("* {} {have} {how} #{room}.", List(&users)));
    }
}

fn list_rooms(payloads: &mut Payloads, rooms: &[RoomView], more: bool) {
    let next = rooms
        .last()
        .filter(|_| more)
        .map_or_else(|| ".".to_owned(), |last| format!(", and more: /rooms {}", last.room));
    let rooms: Vec<_> = rooms.iter().map(|view| format!("#{} ({})", view.room, view.members)).collect();
    line(payloads, format_args!("* Rooms: {}{next}", List(&rooms)));
}

fn list_members(payloads: &mut Payloads, room: &RoomName, members: &[MemberView], count: u32, more: bool) {
    let next = members
        .last()
        .filter(|_| more)
        .map_or_else(|| ".".to_owned(), |last| format!(", and more: /users {}", last.user));
    let away = |online: bool| if online { "" } else { " (away)" };
    let members: Vec<_> =
        members.iter().map(|view| format!("{}{}", view.user, away(view.is_online()))).collect();
    line(payloads, format_args!("* In #{room} ({count}): {}{next}", List(&members)));
}

fn refuse(payloads: &mut Payloads, refusal: Refusal, detail: Option<&str>, retry_after: Option<Duration>) {
    let (sentence, detail) =
        (refusal.message(), detail.map_or(String::new(), |detail| format!(" ({detail})")));
    match retry_after {
        Some(wait) => {
            // Rounded up, for whoever comes back sooner is refused again.
            let rounded_up = wait.as_micros().div_ceil(100_000);
            let tenths = planted!(WaitRoundedDown, wait.as_micros() / 100_000, rounded_up);
            let (seconds, tenths) = (tenths / 10, tenths % 10);
            line(payloads, format_args!("! {sentence}{} Wait {seconds}.{tenths} s.", Plain(&detail)));
        }
        None => line(payloads, format_args!("! {sentence}{}", Plain(&detail))),
    }
}

/// Names with commas between, or that there are none.
struct List<'a, T>(&'a [T]);

impl<T: std::fmt::Display> std::fmt::Display for List<'_, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0.is_empty() {
            return f.write_str("none");
        }
        for (index, item) in self.0.iter().enumerate() {
            write!(f, "{}{item}", if index == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

/// Where a line ends: some terminals and all pages know more than one sign for it (Unicode standard annex 14).
const ENDS_OF_LINES: [char; 3] = ['\n', '\u{2028}', '\u{2029}'];

/// Whether a sign would do something to the terminal, or to the order in which the rest of the line is shown (Unicode
/// standard annex 9, explicit directional formatting).
fn commands(c: char) -> bool {
    c.is_control() && c != '\t' || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// What somebody wrote, on a terminal: it cannot pass for a line of its own, nor command the terminal.
struct Plain<'a>(&'a str);

impl std::fmt::Display for Plain<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // As most of what is said is.
        if self.0.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
            return f.write_str(self.0);
        }
        for (index, line) in self.0.split(ENDS_OF_LINES).enumerate() {
            f.write_str(if index == 0 { "" } else { "\n    " })?;
            for part in line.split(commands).enumerate() {
                write!(f, "{}{}", if part.0 == 0 { "" } else { "\u{fffd}" }, part.1)?;
            }
        }
        Ok(())
    }
}

/// How somebody, or a task, stands.
struct Standing<'a>(&'a Status);

impl std::fmt::Display for Standing<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Status { state, detail, progress } = self.0;
        write!(f, "{}", Plain(state))?;
        if let Some(detail) = detail {
            write!(f, ", {}", Plain(detail))?;
        }
        if let Some(progress) = progress {
            write!(f, " ({progress} %)")?;
        }
        Ok(())
    }
}
