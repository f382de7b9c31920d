//! Who a token says one is. Drivers verify tokens; core knows what came of it, and when it ends.

use std::fmt;

use serde::{Deserialize, Serialize, de::IgnoredAny};

use crate::{name::UserName, role::Role, time::Time};

/// A token as a client shows it. Whoever has it can speak for its user, so it is never printed.
#[derive(Clone, Eq, PartialEq)]
pub struct Token(Box<str>);

impl Token {
    /// A token that nobody has looked at.
    #[must_use]
    pub fn new(token: &str) -> Self {
        Self(token.into())
    }

    /// Whether it is one, good or bad: it begins with a header, which is a JSON object in base64url (RFC 7515 §3.1).
    /// What comes behind is not looked at, so that a token that was cut short is still none of a user's names.
    #[must_use]
    pub fn has_header(&self) -> bool {
        let header = self.0.split('.').next().and_then(base64url).unwrap_or_default();
        header.trim_ascii_start().starts_with(b"{") && serde_json::from_slice::<IgnoredAny>(&header).is_ok()
    }

    /// Whom it names, if it is no token but a user's name that stands where a token would.
    #[must_use]
    pub fn name(&self) -> Option<UserName> {
        if self.has_header() { None } else { UserName::new(&self.0).ok() }
    }

    /// For whoever verifies it.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

/// Reads base64 with the alphabet of addresses and without padding (RFC 4648 §5).
fn base64url(text: &str) -> Option<Vec<u8>> {
    let (mut bytes, mut bits, mut count) = (Vec::with_capacity(text.len() * 3 / 4), 0u32, 0);
    for sign in text.bytes() {
        let six = match sign {
            b'A'..=b'Z' => sign - b'A',
            b'a'..=b'z' => sign - b'a' + 26,
            b'0'..=b'9' => sign - b'0' + 52,
            b'-' => 62,
            b'_' => 63,
            _ => return None,
        };
        (bits, count) = (bits << 6 | u32::from(six), count + 6);
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
            bits &= (1 << count) - 1;
        }
    }
    Some(bytes)
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(hidden)")
    }
}

/// What a good token says.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Claims {
    /// Who.
    pub user: UserName,
    /// What they are to the server.
    pub role: Role,
    /// Whose bot they are.
    pub owner: Option<UserName>,
    /// Until when; for ever if `None`.
    pub expires: Option<Time>,
}

/// Why a token is not good.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum TokenFault {
    /// It is no token at all.
    Malformed,
    /// It is signed in a way that is not accepted here, or not at all.
    WrongAlgorithm,
    /// Its signature is another key's.
    BadSignature,
    /// It was good once.
    Expired,
    /// It is not good yet.
    NotYet,
    /// It is meant for somebody else, or comes from somebody else.
    WrongParty,
    /// Something that it says is missing or of the wrong type.
    BadClaim,
    /// Its subject is no user name.
    BadName,
    /// Its owner is no user name.
    BadOwner,
}

impl TokenFault {
    /// What is wrong with it, to be put behind a sentence.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Malformed => "it is not a token",
            Self::WrongAlgorithm => "it is not signed in the way that is accepted here",
            Self::BadSignature => "its signature does not fit",
            Self::Expired => "it has expired",
            Self::NotYet => "it is not valid yet",
            Self::WrongParty => "its issuer or audience is another one",
            Self::BadClaim => "a claim is missing or has the wrong type",
            Self::BadName => "its subject is not a valid user name",
            Self::BadOwner => "its owner is not a valid user name",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_begins_with_a_header_is_a_token_and_no_name() {
        // {"alg":"none"}, {"alg":"HS256"}, {"typ":"JWT","alg":"HS256"}, {} and, behind white space, { "alg" : "HS256" }.
        let header = "eyJhbGciOiJub25lIn0";
        for token in [
            format!("{header}.eyJzdWIiOiJhbm4ifQ."),
            format!("{header}.eyJzdWIi"),
            format!("{header}.a.b.c.d"),
            header.to_owned(),
            "eyJhbGciOiJIUzI1NiJ9.e30.c2ln".to_owned(),
            "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9.e30.c2ln".to_owned(),
            "e30.e30.c2ln".to_owned(),
            "IHsgImFsZyIgOiAiSFMyNTYiIH0.e30.c2ln".to_owned(),
        ] {
            let token = Token::new(&token);
            assert!(token.has_header() && token.name().is_none(), "{}", token.reveal());
        }
        for name in [
            "",
            "ann",
            "j.r.tolkien",
            "a.b.c",
            "..",
            "eyal.d.b",
            "eyJ.a.b",
            "W10.a.b",
            "MTIz.a.b",
            "eyJhbGciOiJI",
        ] {
            assert!(!Token::new(name).has_header(), "{name}");
        }
        assert_eq!(Token::new("j.r.tolkien").name(), Some(UserName::new("j.r.tolkien").unwrap()));
        assert_eq!(Token::new("no name").name(), None);
    }

    #[test]
    fn base64_is_read_as_the_rfc_shows() {
        for (text, bytes) in [
            ("", ""),
            ("Zg", "f"),
            ("Zm8", "fo"),
            ("Zm9v", "foo"),
            ("Zm9vYg", "foob"),
            ("Zm9vYmE", "fooba"),
            ("Zm9vYmFy", "foobar"),
        ] {
            assert_eq!(base64url(text).as_deref(), Some(bytes.as_bytes()));
        }
        assert_eq!(base64url("-_-_"), Some(vec![0xfb, 0xff, 0xbf]));
        for wrong in ["Zg==", "Zm+v", "Zm/v", "Zm 9v", "Zé"] {
            assert_eq!(base64url(wrong), None, "{wrong}");
        }
    }
}
