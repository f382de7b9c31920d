//! `[protocol]` as it is written, and whether it makes sense.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::{
    Ask, Hello, Ping, Protocol, Say,
    pattern::{Expected, Pattern},
    template::{Place, Template},
};
use crate::{check::Fault, error::child};

/// Places that may be written when a bot says who it is.
const GREETING: &[Place] = &[Place::User, Place::Token, Place::Id];
/// …when it is about a room…
const ROOM: &[Place] = &[Place::User, Place::Token, Place::Room, Place::Id];
/// …and when it speaks.
const SPEECH: &[Place] = &[Place::User, Place::Token, Place::Room, Place::Payload, Place::Id];
/// Places that may be read in answers and deliveries.
const READ: &[Place] = &[Place::User, Place::Room, Place::Payload, Place::Id, Place::Reason, Place::Any];

/// How a server is spoken to whose protocol is not built in.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "Protocol"))]
#[serde(deny_unknown_fields)]
pub(crate) struct File {
    /// What it is called in summaries.
    name: String,
    /// The address's path and query, unless `--url` has a path; `/` if not named.
    #[serde(default = "root")]
    path: String,
    /// The WebSocket subprotocol to ask for.
    subprotocol: Option<String>,
    /// What rooms it has; `many` if not named.
    #[serde(default)]
    rooms: Rooms,
    /// Who is shown a message; `everyone` in the room if not named.
    #[serde(default)]
    heard_by: HeardBy,
    /// Which messages of a room come in one order to all; each `author`'s if not named.
    #[serde(default)]
    order: Order,
    /// Each line of a frame is one of its own.
    #[serde(default)]
    lines: bool,
    /// How a bot says who it is; if not named it does not.
    #[serde(default)]
    hello: HelloFile,
    /// How a bot enters a room; if not named it is there at once.
    join: Option<AskFile>,
    /// How it leaves.
    leave: Option<AskFile>,
    /// How it shows that it writes.
    typing: Option<SendFile>,
    /// How it says something.
    say: AskFile,
    /// How a message that somebody said is recognised.
    delivery: PatternFile,
    /// How it is told that something was refused.
    #[serde(default)]
    refused: Vec<PatternFile>,
    /// What it must answer to stay connected.
    #[serde(default)]
    ping: Vec<PingFile>,
}

/// What rooms a protocol has.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "ProtocolRooms"))]
#[serde(rename_all = "kebab-case")]
pub enum Rooms {
    /// Rooms with names; one may be in several.
    #[default]
    Many,
    /// Rooms with names; one is in one at a time.
    OneAtATime,
    /// None: everyone hears everyone.
    Shared,
    /// None: everyone hears only themselves, as with an echo.
    Private,
}

/// Who is shown a message.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum HeardBy {
    /// All in the room, and its author.
    #[default]
    Everyone,
    /// All in the room but its author.
    Others,
}

/// Which messages of a room come in one order to all.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "ProtocolOrder"))]
#[serde(rename_all = "kebab-case")]
pub enum Order {
    /// Those of one author, in the order in which they were said.
    #[default]
    Author,
    /// All of the room's.
    Room,
}

#[derive(Debug, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "ProtocolHello"))]
#[serde(deny_unknown_fields)]
struct HelloFile {
    /// What must have come before.
    after: Option<PatternFile>,
    /// The frame; none if not named.
    send: Option<String>,
    /// What says that one is let in; at once if not named.
    until: Option<PatternFile>,
}

#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "ProtocolRequest"))]
#[serde(deny_unknown_fields)]
struct AskFile {
    /// The frame.
    send: String,
    /// What says that it was done. By the `{id}`, `{room}` or `{payload}` in it one request is told from another; if none
    /// is in it, answers come in order.
    until: Option<PatternFile>,
}

#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "ProtocolNotice"))]
#[serde(deny_unknown_fields)]
struct SendFile {
    /// The frame.
    send: String,
}

#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "ProtocolPing"))]
#[serde(deny_unknown_fields)]
struct PingFile {
    /// What is to be answered.
    when: PatternFile,
    /// The frame.
    answer: String,
}

/// How a frame is recognised: by its whole `text`, or by its `prefix` and the `json` that follows.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "ProtocolFrame"))]
#[serde(deny_unknown_fields)]
struct PatternFile {
    /// The whole frame, as in `{any} #{room} {user}: {payload}`.
    text: Option<String>,
    /// How it begins, as in `43{id}`.
    prefix: Option<String>,
    /// What its JSON holds, by JSON Pointer (RFC 6901); a text may have places in it.
    #[cfg_attr(feature = "schema", schemars(with = "BTreeMap<String, Scalar>"))]
    json: Option<BTreeMap<String, toml::Value>>,
}

/// What can be asked for in JSON.
#[cfg(feature = "schema")]
#[derive(schemars::JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "only its shape counts")]
enum Scalar {
    Text(String),
    Number(f64),
    Truth(bool),
}

fn root() -> String {
    "/".into()
}

type Checked<T> = Result<T, Fault>;

fn fault<T>(key: &str, message: impl Into<String>) -> Checked<T> {
    Err(Fault { key: key.into(), message: message.into() })
}

/// Checks a table and makes it a protocol.
pub(crate) fn check(file: File) -> Checked<Protocol> {
    check_consistency(&file)?;
    let rooms = file.rooms;
    Ok(Protocol {
        path: write("protocol.path", &file.path, GREETING)?,
        name: file.name,
        subprotocol: file.subprotocol,
        rooms,
        heard_by: file.heard_by,
        order: file.order,
        lines: file.lines,
        hello: hello(file.hello)?,
        join: file.join.map(|join| ask("protocol.join", join, ROOM, Place::Room)).transpose()?,
        leave: file.leave.map(|ask| leave(ask, rooms)).transpose()?,
        typing: file.typing.map(|notice| write("protocol.typing.send", &notice.send, ROOM)).transpose()?,
        say: say(file.say)?,
        delivery: delivery(file.delivery)?,
        refused: list("refused", file.refused, read)?,
        pings: list("ping", file.ping, |key, ping| {
            let when = read(&format!("{key}.when"), ping.when)?;
            Ok(Ping { when, answer: write(&format!("{key}.answer"), &ping.answer, GREETING)? })
        })?,
    })
}

/// Whether what is named goes together.
fn check_consistency(file: &File) -> Checked<()> {
    if file.name.is_empty() || file.name.chars().any(char::is_control) {
        return fault("protocol.name", "must have a letter at least, and none that cannot be printed");
    }
    if !file.path.starts_with('/') {
        return fault("protocol.path", format!("must begin with `/`, not as {:?}", file.path));
    }
    if file.rooms == Rooms::Private && file.heard_by == HeardBy::Others {
        return fault("protocol.heard_by", "nobody is left who could hear anything: rooms are private");
    }
    let has_rooms = matches!(file.rooms, Rooms::Many | Rooms::OneAtATime);
    let needless = [("join", &file.join), ("leave", &file.leave)].into_iter().find(|(_, ask)| ask.is_some());
    match needless {
        Some((name, _)) if !has_rooms => {
            fault(&format!("protocol.{name}"), "there are no rooms to enter or leave: see `rooms`")
        }
        _ if has_rooms && file.join.is_none() => fault(
            "protocol.join",
            "must say how a room is entered; if there are no rooms, say so with `rooms`",
        ),
        _ => Ok(()),
    }
}

fn list<T, U>(name: &str, items: Vec<T>, each: impl Fn(&str, T) -> Checked<U>) -> Checked<Vec<U>> {
    let numbered = items.into_iter().enumerate();
    numbered.map(|(i, item)| each(&format!("protocol.{name}[{i}]"), item)).collect()
}

fn hello(file: HelloFile) -> Checked<Hello> {
    Ok(Hello {
        after: file.after.map(|after| read("protocol.hello.after", after)).transpose()?,
        send: file.send.map(|send| write("protocol.hello.send", &send, GREETING)).transpose()?,
        until: file.until.map(|until| read("protocol.hello.until", until)).transpose()?,
    })
}

fn ask(key: &str, file: AskFile, allowed: &[Place], needed: Place) -> Checked<Ask> {
    let key_of_send = format!("{key}.send");
    let send = write(&key_of_send, &file.send, allowed)?;
    if !send.has(needed) {
        let (name, _) = Place::ALL[needed as usize];
        return fault(&key_of_send, format!("{{{name}}} is nowhere in it"));
    }
    let until = file.until.map(|until| read(&format!("{key}.until"), until)).transpose()?;
    if until.as_ref().is_some_and(|until| until.has(Place::Id)) && !send.has(Place::Id) {
        return fault(&key_of_send, "the answer names an {id}, and no {id} is sent");
    }
    Ok(Ask { send, until })
}

fn leave(file: AskFile, rooms: Rooms) -> Checked<Ask> {
    // Where one is in one room at a time it need not be named.
    if rooms == Rooms::OneAtATime && !file.send.contains("{room}") {
        let send = write("protocol.leave.send", &file.send, ROOM)?;
        let until = file.until.map(|until| read("protocol.leave.until", until)).transpose()?;
        return Ok(Ask { send, until });
    }
    ask("protocol.leave", file, ROOM, Place::Room)
}

fn say(file: AskFile) -> Checked<Say> {
    let Ask { send, until } = ask("protocol.say", file, SPEECH, Place::Payload)?;
    Ok(Say { send, until })
}

fn delivery(file: PatternFile) -> Checked<Pattern> {
    let pattern = read("protocol.delivery", file)?;
    if !pattern.has(Place::Payload) {
        return fault("protocol.delivery", "{payload} is nowhere in it: nobody could tell what was said");
    }
    Ok(pattern)
}

fn write(key: &str, text: &str, allowed: &[Place]) -> Checked<Template> {
    Template::parse(text, allowed).map_err(|message| Fault { key: key.into(), message })
}

fn read(key: &str, file: PatternFile) -> Checked<Pattern> {
    let (start, is_prefix, name) = match (file.text, file.prefix, &file.json) {
        (Some(_), Some(_), _) => {
            return fault(&format!("{key}.prefix"), "`text` is the whole frame: name one of them");
        }
        (Some(_), _, Some(_)) => {
            return fault(&format!("{key}.json"), "`text` is the whole frame: name one of them");
        }
        (Some(text), None, None) => (text, false, "text"),
        (None, Some(prefix), _) => (prefix, true, "prefix"),
        (None, None, Some(_)) => (String::new(), true, "prefix"),
        (None, None, None) => {
            return fault(key, "name `text`, `prefix` or `json`: everything would be meant");
        }
    };
    let key_of_start = format!("{key}.{name}");
    let start = write(&key_of_start, &start, READ)?;
    if is_prefix && start.is_open() {
        return fault(&key_of_start, "must end in a text or in {id}: its end could not be told");
    }
    let json = file.json.unwrap_or_default().into_iter().map(|(pointer, value)| {
        let key = child(&format!("{key}.json"), &pointer);
        if !pointer.is_empty() && !pointer.starts_with('/') {
            return fault(&key, "is no JSON Pointer: it must begin with `/`");
        }
        Ok((pointer.into(), expected(&key, value)?))
    });
    Ok(Pattern { start, is_prefix, json: json.collect::<Checked<_>>()? })
}

fn expected(key: &str, value: toml::Value) -> Checked<Expected> {
    Ok(match value {
        toml::Value::String(text) => Expected::Text(write(key, &text, READ)?),
        toml::Value::Boolean(truth) => Expected::Value(Value::Bool(truth)),
        toml::Value::Integer(number) => Expected::Value(number.into()),
        _ => return fault(key, "must be a text, a whole number, or true or false"),
    })
}
