//! What a connection speaks whose address leaves that open: its first frame tells.

use serde::{Deserialize, de::IgnoredAny};

use super::{Dialect, chat::Text};

/// What tells the JSON dialects apart.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Marks<'a> {
    #[serde(borrow, rename = "type")]
    kind: Option<Text<'a>>,
    data: Option<IgnoredAny>,
    payload: Option<IgnoredAny>,
}

/// The dialect of a first frame; `None` if it could be of several, or is of none. Whom the address names may type lines.
#[must_use]
pub fn dialect_of(text: &str, is_named: bool) -> Option<Dialect> {
    let object = text.trim_ascii_start().starts_with('{').then(|| serde_json::from_str(text));
    let Some(Ok(Marks { kind, data, payload })) = object else {
        return is_named.then_some(Dialect::Lobby);
    };
    match (kind.as_deref(), payload, data) {
        (_, Some(_), _) => Some(Dialect::Envelope),
        (_, None, Some(_)) => Some(Dialect::Agents),
        (Some("ping"), None, None) => None,
        _ => Some(Dialect::Chat),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_specification_is_known_by_its_first_frame() {
        let cases = [
            (r#"{"type":"join","room":"general","user":"alice"}"#, Some(Dialect::Chat)),
            (r#" {"content":"no type, and still flat"}"#, Some(Dialect::Chat)),
            (r#"{"type":"auth","data":{"userId":"alice","role":"developer"}}"#, Some(Dialect::Agents)),
            (r#"{"type":"joinRoom","payload":{"roomId":"r"},"messageId":"1"}"#, Some(Dialect::Envelope)),
            (r#"{"data":[],"type":7}"#, None),
            (r#"{"type":"auth","data":null}"#, Some(Dialect::Chat)),
            (r#"{"type":"ping"}"#, None),
            (r#"["type","data"]"#, None),
            (r#"{"type":"join","room":"#, None),
            ("hello", None),
        ];
        for (text, dialect) in cases {
            assert_eq!(dialect_of(text, false), dialect, "{text}");
        }
    }

    #[test]
    fn whoever_has_a_name_may_type_lines() {
        for line in ["hello", "/rooms", "", "{:-)", "[7]", "7"] {
            assert_eq!(dialect_of(line, true), Some(Dialect::Lobby), "{line}");
        }
        assert_eq!(dialect_of(r#"{"type":"hello"}"#, true), Some(Dialect::Chat));
        assert_eq!(dialect_of(r#"{"type":"ping"}"#, true), None);
    }
}
