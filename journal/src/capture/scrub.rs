//! What of a frame must not be in a capture: tokens never, and what people say only if that is wanted.

use std::{borrow::Cow, ops::Range};

use chinwag_core::{dialect::Dialect, redact::Redactor};

/// Where JSON dialects have what somebody says.
const CONTENTS: [&str; 2] = ["content", "text"];
/// The same in `socketio`, where it is something else in other events than this.
const MESSAGE: (&str, &str) = ("message", "\"chat:message\"");
/// What clients keep with a task.
const METADATA: &str = "metadata";

/// The token as it may be kept: what begins like a signed one without its claims and its signature.
///
/// What is not signed may be a name, which is no secret.
pub(super) fn token(token: &str) -> Cow<'_, str> {
    match token.split_once('.') {
        Some((header, rest)) if header.starts_with('e') => {
            let rest: String = rest.chars().map(|c| if c == '.' { '.' } else { 'x' }).collect();
            Cow::Owned(format!("{header}.{rest}"))
        }
        _ => Cow::Borrowed(token),
    }
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
    if !text.trim_start().starts_with('/') {
        // The end of the line is not said.
        let said = text.trim_end_matches(['\r', '\n']);
        changes.extend(redactor.map(|redactor| (0..said.len(), redactor.apply(said))));
        return;
    }
    let mut from = 0;
    for word in text.split_ascii_whitespace() {
        let at = from + text[from..].find(word).expect("it is a part of it");
        from = at + word.len();
        if let Cow::Owned(new) = token(word) {
            changes.push((at..from, new));
        }
    }
}

/// A frame of JSON, or one that should be.
fn json(text: &str, redactor: Option<&Redactor>, changes: &mut Vec<(Range<usize>, String)>) {
    if redactor.is_none() && !text.contains("\"e") {
        // As most frames are: without a token.
        return;
    }
    let is_message = text.contains(MESSAGE.1);
    let (mut key, mut hidden) = (None, usize::MAX);
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
        let is_said = match key.take().as_deref() {
            Some(key) => CONTENTS.contains(&key) || is_message && key == MESSAGE.0,
            None => is_message && is_argument(text, &range),
        };
        let new = if is_said { redactor.map(|redactor| redactor.apply(&value)) } else { scrubbed(&value) };
        changes.extend(new.map(|new| (range.clone(), as_long(&new, range.len()))));
    }
}

fn scrubbed(value: &str) -> Option<String> {
    match token(value) {
        Cow::Owned(new) => Some(new),
        Cow::Borrowed(_) => None,
    }
}

/// Whether this literal is the only argument of an event, as in `["chat:message","hello"]`.
fn is_argument(text: &str, range: &Range<usize>) -> bool {
    text[..range.start].trim_ascii_end().ends_with(',') && !text.contains('{')
}

/// What a literal says.
fn value(literal: &str) -> Option<Cow<'_, str>> {
    if literal.contains('\\') {
        serde_json::from_str(literal).ok().map(Cow::Owned)
    } else {
        Some(Cow::Borrowed(&literal[1..literal.len() - 1]))
    }
}

/// A literal of so many bytes, with blanks behind it: nobody can write a value in fewer than we do.
fn as_long(value: &str, bytes: usize) -> String {
    let literal = serde_json::to_string(value).expect("text is JSON");
    format!("{literal:<width$}", width = bytes - literal.len() + literal.chars().count())
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
            (Dialect::SocketIo, r#"427["chat:message","SAID"]"#),
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
            r#"42["bot:status",{"status":"busy","message":"kept"}]"#,
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
            (Dialect::Lobby, "/token  TOKEN "),
        ] {
            let frame = frame.replace("TOKEN", SIGNED);
            let kept = text(&frame, Some(dialect), None);
            assert!(kept.contains("eyJhbGciOiJFZERTQSJ9.xxxxxxxxx"), "{kept}");
            assert!(!kept.contains("c2lnbmF0dXJl") && kept.len() == frame.len(), "{kept}");
        }
        assert_eq!(token("alice"), "alice");
    }
}
