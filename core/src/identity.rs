//! Who a token says one is. Drivers verify tokens; core knows what came of it, and when it ends.

use std::fmt;

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

    /// Whether it looks like a token: three parts with dots between (RFC 7515).
    pub(crate) fn has_form(&self) -> bool {
        self.0.split('.').count() == 3
    }

    /// For whoever verifies it.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(hidden)")
    }
}

/// What a good token says.
#[derive(Clone, Debug, Eq, PartialEq)]
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
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
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
