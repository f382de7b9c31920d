//! What lines and states say in words, alike in both front ends, and when things happened on the reader's clock.

use chinwag_core::{Disconnect, RoomName, Time};
use jiff::{Timestamp, Zoned, tz::TimeZone};

use crate::model::{Body, Connection, Said};

/// What somebody can do who is in no room.
pub const NO_ROOM: &str = "you are in no room: /join ROOM enters one, /rooms lists them";

/// What somebody reads who wants to see older messages than are kept here.
pub const NO_ROOM_FOR_OLDER: &str = "no older messages are kept here";

/// What becomes of a line that was being typed in a room that is gone.
pub const GONE: &str = "that room is gone: Up fetches back what you were typing there";

/// Why nothing is done that was meant for a room, or for nobody knows which, by somebody who is in another one or in none.
#[must_use]
pub fn astray(meant: Option<&RoomName>, current: Option<&RoomName>) -> String {
    let now = current.map_or_else(|| "no room".to_owned(), |room| format!("#{room}"));
    match meant {
        Some(meant) => format!("not said, for you are not in #{meant}, but in {now}"),
        None => format!("not said, for it may not have been meant for {now}"),
    }
}

/// Whose clock is shown.
#[derive(Clone, Debug)]
pub struct Zone(TimeZone);

impl Zone {
    /// That of this machine, or of `TZ`.
    #[must_use]
    pub fn local() -> Self {
        Self(TimeZone::system())
    }

    /// That of Greenwich.
    #[must_use]
    pub const fn utc() -> Self {
        Self(TimeZone::UTC)
    }

    /// Hours and minutes.
    #[must_use]
    pub fn minute(&self, at: Time) -> String {
        self.on(at).strftime("%H:%M").to_string()
    }

    /// The day.
    #[must_use]
    pub fn day(&self, at: Time) -> String {
        self.on(at).strftime("%a %Y-%m-%d").to_string()
    }

    fn on(&self, at: Time) -> Zoned {
        let at = i64::try_from(at.0).ok().and_then(|micros| Timestamp::from_microsecond(micros).ok());
        // What is out of range was never.
        at.unwrap_or_default().to_zoned(self.0.clone())
    }
}

/// A line without its time: the mark or name that it begins with, and the rest. Nothing of it is harmless yet.
#[must_use]
pub fn line(body: &Body) -> (String, String) {
    let mark = |mark: &str, text: String| (mark.to_owned(), text);
    match body {
        Body::Said(said) => self::said(said),
        Body::Missing { from, to } if from == to => {
            mark("--", format!("message {from} is missing: the server no longer keeps it"))
        }
        Body::Missing { from, to } => {
            mark("--", format!("messages {from} to {to} are missing: the server no longer keeps them"))
        }
        Body::Anew => {
            mark("--", "the room's log began anew: what was not shown of the old one is gone".into())
        }
        Body::Came(user) => mark("->", format!("{user} has come")),
        Body::Went(user) => mark("<-", format!("{user} has left")),
        Body::CameAndWent(came, went) => mark("<>", format!("{came} have come, {went} have left")),
        Body::Notice(text) | Body::Answer(text) => mark("--", text.clone()),
        Body::Problem(text) => mark("!", text.clone()),
    }
}

fn said(said: &Said) -> (String, String) {
    if let Some(action) = said.action() {
        return ("*".into(), format!("{} {action}", said.user));
    }
    let file = said.file.as_ref().map(|file| format!(" <{file}>")).unwrap_or_default();
    (format!("{}:", said.user), format!("{}{file}", said.content))
}

/// How the connection fares; `trouble` is why the last attempt came to nothing.
#[must_use]
pub fn connection(connection: &Connection, trouble: Option<&str>) -> String {
    match (connection, trouble) {
        (Connection::Connecting, _) => "connecting".into(),
        (Connection::Online, _) => "connected".into(),
        (Connection::Waiting { .. }, Some(trouble)) => format!("cannot connect ({trouble}), trying again"),
        (Connection::Waiting { code, .. }, None) => format!("disconnected{}, trying again", reason(*code)),
        (Connection::Ended { code: Some(1000) }, _) => "left".into(),
        (Connection::Ended { code: None }, Some(trouble)) => format!("the server has ended it ({trouble})"),
        (Connection::Ended { code }, _) => format!("the server has ended it{}", reason(*code)),
    }
}

/// A close code in words, if there is one.
fn reason(code: Option<u16>) -> String {
    let Some(code) = code else { return String::new() };
    match Disconnect::ALL.iter().find(|known| known.code() == code) {
        Some(known) => format!(" ({})", known.name().replace('_', " ")),
        None => format!(" ({code})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_name_their_reason() {
        let retry_in = std::time::Duration::ZERO;
        let waiting = |code| Connection::Waiting { code, retry_in };
        assert_eq!(connection(&waiting(Some(4101)), None), "disconnected (shutdown), trying again");
        assert_eq!(connection(&waiting(Some(4321)), None), "disconnected (4321), trying again");
        assert_eq!(connection(&waiting(None), Some("no route")), "cannot connect (no route), trying again");
        let ended = Connection::Ended { code: Some(4500) };
        assert_eq!(connection(&ended, None), "the server has ended it (replaced)");
        let ended = Connection::Ended { code: None };
        assert_eq!(connection(&ended, Some("no token")), "the server has ended it (no token)");
    }

    #[test]
    fn times_are_those_of_the_readers_clock() {
        let at = Time::from_rfc3339("2026-11-21T23:03:00.000Z").unwrap();
        let east = Zone(TimeZone::fixed(jiff::tz::offset(2)));
        assert_eq!((Zone::utc().minute(at), east.minute(at)), ("23:03".into(), "01:03".into()));
        assert_eq!(east.day(at), "Sun 2026-11-22");
        assert_eq!(Zone::utc().minute(Time(u64::MAX)), "00:00");
    }
}
