//! Texts with places in them, as in `join {room}`: written when a bot speaks, and read when it is spoken to.

use std::fmt::Write as _;

use crate::error::nearest;

/// What can stand in a place.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Place {
    /// The bot's user name; in a delivery, its author's.
    User,
    /// The bot's token; its user name if it has none.
    Token,
    /// A room's name.
    Room,
    /// What is said.
    Payload,
    /// The number of a request, counted by each bot from 1; only digits are read.
    Id,
    /// Why something was refused.
    Reason,
    /// Anything, which is passed over.
    Any,
}

impl Place {
    /// Every place, with its name.
    pub const ALL: [(&'static str, Self); 7] = [
        ("user", Self::User),
        ("token", Self::Token),
        ("room", Self::Room),
        ("payload", Self::Payload),
        ("id", Self::Id),
        ("reason", Self::Reason),
        ("any", Self::Any),
    ];

    pub(crate) const fn index(self) -> usize {
        self as usize
    }
}

#[derive(Clone, Debug, Eq, PartialEq)]
enum Part {
    Text(Box<str>),
    Place(Place),
}

/// A text with places in it. A brace that does not enclose a name is a brace, so JSON can be written as it is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Template(Box<[Part]>);

/// What was found in the places of a template.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Found<'a>([Option<&'a str>; Place::ALL.len()]);

impl<'a> Found<'a> {
    /// What was found in a place.
    pub(crate) const fn get(&self, place: Place) -> Option<&'a str> {
        self.0[place.index()]
    }

    const fn put(&mut self, place: Place, text: &'a str) {
        self.0[place.index()] = Some(text);
    }
}

/// What a bot puts into places.
#[derive(Clone, Copy, Debug, Default)]
pub struct Filling<'a> {
    /// Its user name.
    pub user: &'a str,
    /// Its token.
    pub token: &'a str,
    /// The room that it is about.
    pub room: &'a str,
    /// What it says.
    pub payload: &'a str,
    /// The request's number.
    pub id: u64,
}

impl Template {
    /// Reads a template in which only these places may stand.
    ///
    /// # Errors
    /// What is wrong, without the key.
    pub(crate) fn parse(text: &str, allowed: &[Place]) -> Result<Self, String> {
        let (mut parts, mut literal, mut rest) = (Vec::new(), String::new(), text);
        while let Some(at) = rest.find('{') {
            literal.push_str(&rest[..at]);
            let inner = &rest[at + 1..];
            let Some((name, after)) = inner.split_once('}').filter(|(name, _)| is_name(name)) else {
                literal.push('{');
                rest = inner;
                continue;
            };
            let place = place(name, allowed)?;
            if !literal.is_empty() {
                parts.push(Part::Text(std::mem::take(&mut literal).into()));
            } else if matches!(parts.last(), Some(Part::Place(_))) {
                return Err(format!("nothing stands between {{{name}}} and the place before it"));
            }
            parts.push(Part::Place(place));
            rest = after;
        }
        literal.push_str(rest);
        if !literal.is_empty() {
            parts.push(Part::Text(literal.into()));
        }
        Ok(Self(parts.into()))
    }

    /// Reads what a bot says before it is let in, such as a path or a header: `{user}`, `{token}` and `{id}`.
    ///
    /// # Errors
    /// What is wrong, in one line.
    pub fn of_greeting(text: &str) -> Result<Self, String> {
        Self::parse(text, &[Place::User, Place::Token, Place::Id])
    }

    /// Whether a place is in it.
    #[must_use]
    pub fn has(&self, place: Place) -> bool {
        self.0.contains(&Part::Place(place))
    }

    /// Whether it ends in a place that takes all that follows.
    pub(crate) fn is_open(&self) -> bool {
        matches!(self.0.last(), Some(Part::Place(place)) if *place != Place::Id)
    }

    /// The text with its places filled in.
    #[must_use]
    pub fn fill(&self, with: Filling<'_>) -> String {
        self.fill_quoted(with, |text| text.to_owned())
    }

    /// The same, with what is filled in changed so that it may stand where it does.
    #[must_use]
    pub fn fill_quoted(&self, with: Filling<'_>, quote: impl Fn(&str) -> String) -> String {
        let mut text = String::with_capacity(with.payload.len() + 64);
        for part in &self.0 {
            match part {
                Part::Text(literal) => text.push_str(literal),
                Part::Place(Place::User) => text.push_str(&quote(with.user)),
                Part::Place(Place::Token) => text.push_str(&quote(with.token)),
                Part::Place(Place::Room) => text.push_str(&quote(with.room)),
                Part::Place(Place::Payload) => text.push_str(&quote(with.payload)),
                Part::Place(Place::Id) => {
                    let _ = write!(text, "{}", with.id);
                }
                // Only read.
                Part::Place(Place::Reason | Place::Any) => {}
            }
        }
        text
    }

    /// Reads a text to its end; false if it is another. What was found so far is then worth nothing.
    pub(crate) fn read<'a>(&self, text: &'a str, found: &mut Found<'a>) -> bool {
        self.read_start(text, found).is_some_and(str::is_empty)
    }

    /// Reads the start of a text; what follows, or nothing if it is another.
    pub(crate) fn read_start<'a>(&self, text: &'a str, found: &mut Found<'a>) -> Option<&'a str> {
        let mut rest = text;
        let mut parts = self.0.iter().peekable();
        while let Some(part) = parts.next() {
            let place = match part {
                Part::Text(literal) => {
                    rest = rest.strip_prefix(&**literal)?;
                    continue;
                }
                Part::Place(place) => *place,
            };
            let end = match (place, parts.peek()) {
                (Place::Id, _) => rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len()),
                (_, Some(Part::Text(literal))) => rest.find(&**literal)?,
                _ => rest.len(),
            };
            if end == 0 && place != Place::Any {
                return None;
            }
            if place != Place::Any {
                found.put(place, &rest[..end]);
            }
            rest = &rest[end..];
        }
        Some(rest)
    }
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

fn place(name: &str, allowed: &[Place]) -> Result<Place, String> {
    let known = || Place::ALL.into_iter().filter(|(_, place)| allowed.contains(place));
    if let Some((_, place)) = known().find(|(its, _)| *its == name) {
        return Ok(place);
    }
    let meant = nearest(name, known().map(|(name, _)| name));
    let meant = meant.map_or_else(String::new, |meant| format!("did you mean {{{meant}}}? "));
    let known: Vec<_> = known().map(|(name, _)| format!("{{{name}}}")).collect();
    Err(format!("unknown place {{{name}}}: {meant}known here: {}", known.join(", ")))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn template(text: &str) -> Template {
        Template::parse(text, &Place::ALL.map(|(_, place)| place)).unwrap()
    }

    fn read<'a>(pattern: &str, text: &'a str) -> Option<Found<'a>> {
        let mut found = Found::default();
        template(pattern).read(text, &mut found).then_some(found)
    }

    const FILLING: Filling<'_> = Filling { user: "ann", token: "t", room: "dev", payload: "hello", id: 7 };

    #[test]
    fn json_is_written_as_it_is() {
        let text = r#"42{id}["say",{"room":"{room}","text":"{payload}","more":{}}]"#;
        let filled = r#"427["say",{"room":"dev","text":"hello","more":{}}]"#;
        assert_eq!(template(text).fill(FILLING), filled);
        assert_eq!(template("{user} { not a place } {").fill(FILLING), "ann { not a place } {");
    }

    #[test]
    fn what_stands_between_texts_is_read() {
        let found = read("{any} #{room} {user}: {payload}", "2026 #dev ann: a: b").unwrap();
        let places = [Place::Room, Place::User, Place::Payload, Place::Id];
        assert_eq!(places.map(|place| found.get(place)), [Some("dev"), Some("ann"), Some("a: b"), None]);
        assert_eq!(read("{any} #{room} {user}: {payload}", "* ann has joined"), None);
        assert_eq!(
            read("43{id}[", "4312["),
            read("4{any}3{id}[", "4312["),
            "a number ends where its digits do"
        );
        for (pattern, text) in
            [("a", "ab"), ("ab", "a"), ("{id}", "x"), ("{user}!", "!"), ("x{payload}", "x")]
        {
            assert_eq!(read(pattern, text), None, "{pattern} {text}");
        }
    }

    #[test]
    fn a_place_that_nobody_knows_is_told_with_what_was_meant() {
        let wrong = |text| Template::parse(text, &[Place::User, Place::Room]).unwrap_err();
        assert_eq!(
            wrong("/ws/{usr}"),
            "unknown place {usr}: did you mean {user}? known here: {user}, {room}"
        );
        assert!(wrong("{payload}").starts_with("unknown place {payload}: known here"));
        assert_eq!(wrong("{user}{room}"), "nothing stands between {room} and the place before it");
    }

    proptest! {
        #[test]
        fn what_was_written_is_read_again(user in "[a-z]{1,9}", room in "[a-z]{1,9}", payload in "[ -~]{1,40}", id: u64) {
            let template = template("{id} {user} {room} {payload}");
            let text = template.fill(Filling { user: &user, room: &room, payload: &payload, id, token: "" });
            let mut found = Found::default();
            prop_assert!(template.read(&text, &mut found));
            prop_assert_eq!(found.get(Place::Payload), Some(&*payload));
            prop_assert_eq!(found.get(Place::Id), Some(&*id.to_string()));
        }

        #[test]
        fn anything_may_come_in(pattern: String, text: String) {
            if let Ok(template) = Template::parse(&pattern, &[Place::Any, Place::User]) {
                let _ = template.read(&text, &mut Found::default());
            }
        }
    }
}
