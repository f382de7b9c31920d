//! What of a frame must not be in a capture: tokens never, and what people say only if that is wanted.

use std::{borrow::Cow, ops::Range};

use chinwag_core::{dialect::Dialect, identity::Token, redact::Redactor};

/// Where JSON dialects have what somebody says.
const CONTENTS: [&str; 2] = ["content", "text"];
/// The same in `socketio`, where it is something else in other events than this.
const MESSAGE: (&str, &str) = ("message", "chat:message");
/// Where a token stands, and the event of `socketio` whose argument may be one.
const TOKEN: (&str, &str) = ("token", "token:refresh");
/// What clients keep with a task.
const METADATA: &str = "metadata";

/// A token as it may be kept: what tells a signed one, and a name that stands in its place, but nothing that proves anything.
pub(super) fn token(token: &str) -> Cow<'_, str> {
    let whole = Token::new(token);
    let kept = match token.split_once('.') {
        _ if whole.name().is_some() => return Cow::Borrowed(token),
        Some((header, _)) if whole.has_header() => header.len(),
        _ => 0,
    };
    let hidden = token[kept..].chars().map(|c| if c.is_ascii_alphanumeric() { 'x' } else { c });
    Cow::Owned(token[..kept].chars().chain(hidden).collect())
}

/// The frame as it may be kept, in as many bytes.
pub(super) fn text<'a>(text: &'a str, dialect: Option<Dialect>, redactor: Option<&Redactor>) -> Cow<'a, str> {
    let mut changes: Vec<(Range<usize>, String)> = Vec::new();
    if dialect == Some(Dialect::Lobby) {
        line(text, redactor, &mut changes);
    } else {
        json(text, redactor, &mut changes);
    }
    if changes.is_empty() {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut done = 0;
    for (range, new) in changes {
        out.push_str(&text[done..range.start]);
        out.push_str(&new);
        done = range.end;
    }
    out.push_str(&text[done..]);
    Cow::Owned(out)
}

/// A line that somebody typed.
fn line(text: &str, redactor: Option<&Redactor>, changes: &mut Vec<(Range<usize>, String)>) {
    let Some(command) = text.trim_start().strip_prefix('/') else {
        // The end of the line is not said.
        let said = text.trim_end_matches(['\r', '\n']);
        changes.extend(redactor.map(|redactor| (0..said.len(), redactor.apply(said))));
        return;
    };
    let mut words = command.split_ascii_whitespace();
    if words.next() == Some(TOKEN.0)
        && let Some(word) = words.next()
        && let Some(at) = text.rfind(word)
    {
        changes.push((at..at + word.len(), token(word).into_owned()));
    }
}

/// A frame of JSON, or one that should be.
fn json(text: &str, redactor: Option<&Redactor>, changes: &mut Vec<(Range<usize>, String)>) {
    if redactor.is_none() && !text.contains(TOKEN.0) && !text.contains('\\') {
        // As most frames are.
        return;
    }
    let (mut event, mut key, mut hidden) = (None, None, usize::MAX);
    for (range, depth) in literals(text) {
        if depth > hidden {
            continue;
        }
        hidden = usize::MAX;
        let Some(value) = value(&text[range.clone()]) else { continue };
        if text[range.end..].trim_ascii_start().starts_with(':') {
            // What clients keep there is passed on as it is.
            hidden = if value == METADATA { depth } else { usize::MAX };
            key = Some(value);
            continue;
        }
        let new = match (key.take().as_deref(), event.as_deref()) {
            (Some(key), _) if key == TOKEN.0 => Some(token(&value).into_owned()),
            (None, Some(event)) if event == TOKEN.1 => Some(token(&value).into_owned()),
            (Some(key), event) if CONTENTS.contains(&key) || key == MESSAGE.0 && event == Some(MESSAGE.1) => {
                redactor.map(|redactor| redactor.apply(&value))
            }
            _ => None,
        };
        if event.is_none() && depth == 1 && text[..range.start].trim_ascii_end().ends_with('[') {
            event = Some(value);
        }
        changes.extend(new.and_then(|new| Some((range.clone(), as_long(&new, range.len())?))));
    }
}

/// What a literal says; nothing if it is none.
fn value(literal: &str) -> Option<Cow<'_, str>> {
    if literal.bytes().any(|byte| byte == b'\\' || byte < b' ') {
        serde_json::from_str(literal).ok().map(Cow::Owned)
    } else {
        Some(Cow::Borrowed(&literal[1..literal.len() - 1]))
    }
}

/// A literal of so many bytes, with blanks behind it: nobody can write a value in fewer than we do.
fn as_long(value: &str, bytes: usize) -> Option<String> {
    let mut literal = serde_json::to_string(value).expect("text is JSON");
    let blanks = bytes.checked_sub(literal.len())?;
    literal.extend(std::iter::repeat_n(' ', blanks));
    Some(literal)
}

/// Where the text has literals, quotes and all, and how deep. One that does not end is none.
fn literals(text: &str) -> impl Iterator<Item = (Range<usize>, usize)> {
    let bytes = text.as_bytes();
    let (mut at, mut depth) = (0, 0usize);
    std::iter::from_fn(move || {
        loop {
            match *bytes.get(at)? {
                b'{' | b'[' => depth += 1,
                b'}' | b']' => depth = depth.saturating_sub(1),
                b'"' => break,
                _ => {}
            }
            at += 1;
        }
        let start = at;
        at += 1;
        while *bytes.get(at)? != b'"' {
            at += if bytes[at] == b'\\' { 2 } else { 1 };
        }
        at += 1;
        Some((start..at, depth))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const REDACTOR: Redactor = Redactor::new([3; 32]);
    const SIGNED: &str = "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJl";

    fn hashed(frame: &str, dialect: Dialect) -> String {
        let hashed = text(frame, Some(dialect), Some(&REDACTOR)).into_owned();
        assert_eq!(hashed.len(), frame.len(), "{hashed}");
        hashed
    }

    #[test]
    fn what_is_said_is_replaced_wherever_it_stands() {
        let said = "see you at noon";
        let other = REDACTOR.apply(said);
        for (dialect, frame) in [
            (Dialect::Chat, r#"{"type":"message","room":"noon","content":"SAID"}"#),
            (Dialect::Envelope, r#"{"type":"sendMessage","payload":{"roomId":"noon","content" : "SAID"}}"#),
            (Dialect::Agents, r#"{"type":"message","data":{"text":"SAID","id":5}}"#),
            (Dialect::SocketIo, r#"42["chat:message",{"botId":"noon","message":"SAID"}]"#),
            (Dialect::SocketIo, r#"427["chat:m\u0065ssage",{"text":"SAID"}]"#),
            (
                Dialect::Lobby,
                "SAID
",
            ),
        ] {
            assert_eq!(hashed(&frame.replace("SAID", said), dialect), frame.replace("SAID", &other));
            assert_eq!(text(frame, Some(dialect), None), frame);
        }
    }

    #[test]
    fn escapes_take_no_more_room_than_before() {
        let frame = r#"{"content":"\u0068\u00e9 \"you\"\n","room":"r"}"#;
        let hashed = hashed(frame, Dialect::Chat);
        let said = serde_json::from_str::<serde_json::Value>(&hashed).unwrap();
        assert_eq!(said["content"], REDACTOR.apply("hé \"you\"\n"));
        assert_eq!(said["room"], "r");
    }

    #[test]
    fn the_rest_stays() {
        for frame in [
            r#"{"type":"task","task":"t","metadata":{"content":"kept","deep":{"text":"kept"}},"room":"r"}"#,
            r#"42["bot:status",{"status":"busy","message":"kept","room":"chat:message"}]"#,
            r#"{"type":"e.x","room":"eu.general","user":"emma.smith","file":"e.csv"}"#,
            r#"{"type":"join","room":"content"}"#,
            r#"{"content":"no end"#,
            r#"{"content":"no end\"#,
            "",
            "/join general",
        ] {
            let dialect = if frame.starts_with('/') { Dialect::Lobby } else { Dialect::Chat };
            assert_eq!(hashed(frame, dialect), frame);
        }
    }

    #[test]
    fn tokens_are_never_kept() {
        for (dialect, frame) in [
            (Dialect::Chat, r#"{"type":"hello","token":"TOKEN"}"#),
            (Dialect::SocketIo, r#"40{"token":"TOKEN"}"#),
            (Dialect::SocketIo, r#"42["token:refresh","TOKEN"]"#),
            (Dialect::Lobby, "/token  TOKEN "),
        ] {
            let frame = frame.replace("TOKEN", SIGNED);
            let kept = text(&frame, Some(dialect), None);
            assert!(kept.contains("eyJhbGciOiJFZERTQSJ9.xxxxxxxxx"), "{kept}");
            assert!(!kept.contains("c2lnbmF0dXJl") && kept.len() == frame.len(), "{kept}");
        }
        assert_eq!([token("alice"), token("emma.smith")], ["alice", "emma.smith"]);
        assert_eq!(
            token(&format!("Bearer {SIGNED}")).matches(|c: char| c.is_alphanumeric() && c != 'x').count(),
            0
        );
    }

    #[test]
    fn nothing_that_is_sent_is_too_much() {
        for frame in [
            format!(r#"{{"token":"e.{}"}}"#, "x".repeat(70_000)),
            format!(r#"{{"content":"{}"}}"#, "é ".repeat(40_000)),
            "{\"content\":\"a\nb\",\"token\":\"e\ty.z\"}".to_owned(),
            r#"["""#.to_owned(),
            r#""token":"\"#.to_owned(),
        ] {
            for redactor in [None, Some(&REDACTOR)] {
                assert_eq!(text(&frame, Some(Dialect::Chat), redactor).len(), frame.len());
                assert_eq!(text(&frame, Some(Dialect::Lobby), redactor).len(), frame.len());
            }
        }
    }
}
