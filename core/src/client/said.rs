//! A message of the `chat` dialect: most of what comes in. Those that are written as our own server writes them are read
//! without looking for fields, which costs less; of all others, and of escapes, serde reads the same.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer, de};

use crate::{
    dialect::chat::Text,
    id::Seq,
    name::UserName,
    shard::{Extra, File, Kind, PRIORITY_NORMAL},
};

/// A message, alone or in a history.
#[derive(Debug, Deserialize)]
pub(super) struct Said<'a> {
    #[serde(borrow)]
    pub(super) room: Text<'a>,
    pub(super) user: UserName,
    #[serde(borrow)]
    pub(super) content: Text<'a>,
    #[serde(borrow)]
    pub(super) timestamp: Text<'a>,
    seq: Exact,
    #[serde(borrow, default)]
    key: Option<Text<'a>>,
    client_id: Option<Exact>,
    reply_to: Option<Exact>,
    #[serde(borrow, default)]
    kind: Option<Text<'a>>,
    #[serde(borrow, default)]
    file_url: Option<Text<'a>>,
    #[serde(borrow, default)]
    file_name: Option<Text<'a>>,
    #[serde(borrow, default)]
    mentions: Vec<Text<'a>>,
    priority: Option<u8>,
    #[serde(borrow, default)]
    state: Option<Text<'a>>,
}

impl<'a> Said<'a> {
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// Nothing if the frame is no message, or does not begin like those of our own server.
    pub(super) fn live(text: &'a str) -> Option<Self> {
        let mut rest = Rest(text);
        rest.skip(r#"{"type":"message","#)?;
        rest.said().or_else(|| Self::parse(text))
    }

    pub(super) const fn seq(&self) -> Seq {
        Seq(self.seq.0)
    }

    /// What it carries beside. A kind that we do not know is something said: the server may be newer.
    pub(super) fn extra(&self) -> Option<Box<Extra>> {
        let shared = |text: &Option<Text<'_>>| text.as_deref().map(Into::into);
        let file = shared(&self.file_url).map(|url| File { url, name: shared(&self.file_name) });
        let extra = Extra {
            key: shared(&self.key),
            client_id: self.client_id.map(|number| number.0),
            reply_to: self.reply_to.map(|number| number.0),
            kind: self.kind.as_deref().and_then(Kind::from_word).unwrap_or_default(),
            file,
            mentions: self.mentions.iter().map(|name| (**name).into()).collect(),
            priority: self.priority.unwrap_or(PRIORITY_NORMAL),
            state: shared(&self.state),
        };
        extra.boxed()
    }
}

/// A number that every JSON reader reads alike: below 2^53. A frame with a larger one is not understood.
#[derive(Clone, Copy, Debug)]
pub(super) struct Exact(pub(super) u64);

impl<'de> Deserialize<'de> for Exact {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = u64::deserialize(deserializer)?;
        if number < 1 << 53 {
            Ok(Self(number))
        } else {
            Err(de::Error::custom("expected a number below 2^53"))
        }
    }
}

/// What of a frame is not read yet.
struct Rest<'a>(&'a str);

impl<'a> Rest<'a> {
    /// A message with the fields that all have and perhaps its key, in the server's order.
    fn said(&mut self) -> Option<Said<'a>> {
        let room = self.text(r#""room":""#)?;
        let user = self.text(r#","user":""#)?;
        let content = self.text(r#","content":""#)?;
        let timestamp = self.text(r#","timestamp":""#)?;
        let seq = self.number(r#","seq":"#)?;
        let key = self.text(r#","key":""#);
        if self.0 != "}" {
            return None;
        }
        let text = |text| Text(Cow::Borrowed(text));
        Some(Said {
            room: text(room),
            user: UserName::new(user).ok()?,
            content: text(content),
            timestamp: text(timestamp),
            seq: Exact(seq),
            key: key.map(text),
            client_id: None,
            reply_to: None,
            kind: None,
            file_url: None,
            file_name: None,
            mentions: Vec::new(),
            priority: None,
            state: None,
        })
    }

    fn skip(&mut self, literal: &str) -> Option<()> {
        self.0 = self.0.strip_prefix(literal)?;
        Some(())
    }

    /// The text without escapes behind this, and up to its quote.
    fn text(&mut self, name: &str) -> Option<&'a str> {
        self.skip(name)?;
        let (text, rest) = self.0.split_at(tame(self.0.as_bytes()));
        self.0 = rest.strip_prefix('"')?;
        Some(text)
    }

    /// The number behind this, of no more digits than all readers keep.
    fn number(&mut self, name: &str) -> Option<u64> {
        self.skip(name)?;
        let digits = self.0.bytes().take(15).take_while(u8::is_ascii_digit).count();
        let (number, rest) = self.0.split_at(digits);
        self.0 = rest;
        let is_plain = digits == 1 || !number.starts_with('0');
        if is_plain { number.parse().ok() } else { None }
    }
}

/// Bytes before the first that ends a text in JSON, begins an escape, or must not be there.
fn tame(bytes: &[u8]) -> usize {
    // Without a way out in the middle the compiler looks at sixteen at once.
    let ends = |&byte: &u8| byte.is_ascii_control() | (byte == b'"') | (byte == b'\\');
    let (chunks, _) = bytes.as_chunks::<16>();
    let whole = chunks.iter().take_while(|chunk| !chunk.iter().fold(false, |any, byte| any | ends(byte)));
    let start = whole.count() * 16;
    start + bytes[start..].iter().position(ends).unwrap_or(bytes.len() - start)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PLAIN: &str =
        r#"{"type":"message","room":"r","user":"ann","content":"hi","timestamp":"t","seq":7}"#;

    fn quickly(frame: &str) -> Option<Said<'_>> {
        Rest(frame.strip_prefix(r#"{"type":"message","#)?).said()
    }

    #[test]
    fn what_our_server_writes_is_read_quickly() {
        let keyed = PLAIN.replace("7}", r#"7,"key":"m-1"}"#);
        for frame in [PLAIN, &keyed, &PLAIN.replace("hi", "ü 🦀 and much more than sixteen bytes of it")] {
            let said = quickly(frame).unwrap();
            assert_eq!(format!("{said:?}"), format!("{:?}", Said::parse(frame).unwrap()));
        }
        for frame in [
            PLAIN.replace("hi", r"h\u0069"),
            PLAIN.replace(r#""seq":7"#, r#""seq": 7"#),
            PLAIN.replace("7}", r#"7,"kind":"agent"}"#),
            PLAIN.replace("7}", r#"7,"mood":1}"#),
            PLAIN.replace("7}", "7 }"),
        ] {
            assert!(quickly(&frame).is_none() && Said::live(&frame).is_some(), "{frame}");
        }
        for frame in [
            PLAIN.replace('7', "07"),
            PLAIN.replace('7', "9007199254740992"),
            PLAIN.replace('7', ""),
            PLAIN.replace('7', "-7"),
            PLAIN.replace("hi", "h\ni"),
            PLAIN.replace("ann", ""),
            PLAIN.replace("7}", "7}}"),
            PLAIN.replace("hi\"", "hi"),
        ] {
            assert!(Said::live(&frame).is_none(), "{frame}");
        }
    }

    proptest! {
        /// Whatever is read quickly, serde reads alike.
        #[test]
        fn there_is_one_reading(
            content in "[a\"\\\\\u{0}\u{1f}\u{7f}ü🦀]{0,40}",
            seq in prop_oneof![any::<u64>().prop_map(|seq| seq.to_string()), "[0-9.e-]{0,18}"],
            rest in prop_oneof![Just(String::new()), "[,\"key:}]{0,10}", Just(r#","key":"k""#.to_owned())],
            escape in any::<bool>(),
        ) {
            let content = if escape { serde_json::to_string(&content).unwrap() } else { format!("\"{content}\"") };
            let frame = PLAIN.replace("\"hi\"", &content).replace("7}", &format!("{seq}{rest}}}"));
            if let Some(said) = quickly(&frame) {
                prop_assert_eq!(format!("{:?}", Some(said)), format!("{:?}", Said::parse(&frame)));
            }
        }
    }
}
