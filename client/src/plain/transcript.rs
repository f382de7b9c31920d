//! The conversation as lines of text: each line of each room once, and what becomes of the connection.

use std::collections::BTreeMap;

use chinwag_core::{
    RoomName, Time,
    client::{ClientEvent, Shown},
};

use crate::{
    model::{Body, Line},
    session::Session,
    text::on_one_line,
    words::{self, Zone},
};

/// See the [module](self).
pub(super) struct Transcript {
    zone: Zone,
    /// The last line that was printed of each room, and of what stands in none.
    printed: BTreeMap<Option<RoomName>, i64>,
    connection: String,
}

/// Word for the reader alone, harmless.
pub(super) enum Word {
    /// What was asked for, or what became of it.
    Answer(String),
    /// What went wrong.
    Problem(String),
}

impl Transcript {
    /// Nothing is printed yet.
    pub(super) const fn new(zone: Zone) -> Self {
        Self { zone, printed: BTreeMap::new(), connection: String::new() }
    }

    /// What is to be printed after an event.
    pub(super) fn news(&mut self, session: &Session, event: &ClientEvent) -> Vec<String> {
        let mut news = Vec::new();
        let connection = session.connection();
        if connection != self.connection {
            news.push(format!("-- {}", on_one_line(&connection)));
            self.connection = connection;
        }
        news.extend(self.history(session, event));
        news.extend(self.lines(session));
        news
    }

    /// The older messages that an event brings.
    pub(super) fn history(&self, session: &Session, event: &ClientEvent) -> Vec<String> {
        match event {
            ClientEvent::History { room, messages, .. } => {
                messages.iter().map(|shown| self.older(session, room, shown)).collect()
            }
            _ => Vec::new(),
        }
    }

    /// What is new in all rooms.
    pub(super) fn lines(&mut self, session: &Session) -> Vec<String> {
        let mut news = Vec::new();
        self.each_new(session, |zone, room, line| news.push(text(zone, room, line)));
        news
    }

    /// What of it is word for the reader alone.
    pub(super) fn words(&mut self, session: &Session) -> Vec<Word> {
        let mut words = Vec::new();
        self.each_new(session, |_, room, line| match &line.body {
            Body::Answer(answer) => words.push(Word::Answer(on_one_line(answer).into_owned())),
            Body::Problem(problem) => {
                let room = room.map_or_else(String::new, |room| format!("#{room}: "));
                words.push(Word::Problem(format!("{room}{}", on_one_line(problem))));
            }
            _ => {}
        });
        words
    }

    fn each_new(&mut self, session: &Session, mut show: impl FnMut(&Zone, Option<&RoomName>, &Line)) {
        let chat = &session.chat;
        self.printed.retain(|name, _| name.as_ref().is_none_or(|name| chat.rooms.contains_key(name)));
        let rooms = chat.rooms.iter().map(|(name, room)| (Some(name), &room.lines));
        for (name, lines) in rooms.chain([(None, &chat.aside)]) {
            let Some((first, last)) = lines.first().zip(lines.last()) else { continue };
            let printed = self.printed.insert(name.cloned(), last);
            let begin = printed.map_or(first, |printed| first.max(printed + 1));
            for line in (begin..=last).filter_map(|number| lines.get(number)) {
                show(&self.zone, name, line);
            }
        }
    }

    fn older(&self, session: &Session, room: &RoomName, shown: &Shown) -> String {
        let at = Time::from_rfc3339(&shown.timestamp).unwrap_or_default();
        let body = Body::Said(session.chat.read(shown));
        format!("{} (older)", text(&self.zone, Some(room), &Line { at, body }))
    }
}

fn text(zone: &Zone, room: Option<&RoomName>, line: &Line) -> String {
    let (mark, text) = words::line(&line.body);
    let room = room.map_or_else(String::new, |room| format!("#{room} "));
    format!("{} {room}{mark} {}", zone.minute(line.at), on_one_line(&text))
}
