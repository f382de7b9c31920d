//! Tokens as scripts write them: the name of a user, or a word for what is wrong with one.

use std::time::Duration;

use chinwag_core::{
    Time, UserName,
    identity::{Claims, TokenFault},
    role::Role,
};

use crate::stage::USERS;

/// How long a good token is good.
const TTL: Duration = Duration::from_secs(90);
/// …and one whose user's name begins with `brief`.
const BRIEF_TTL: Duration = Duration::from_secs(3);

/// What a token says. Programs, guests and admins are known by their names.
pub(crate) fn claims(token: &str, now: Time) -> Result<Claims, TokenFault> {
    match token {
        "expired" => return Err(TokenFault::Expired),
        "forged" => return Err(TokenFault::BadSignature),
        "early" => return Err(TokenFault::NotYet),
        _ => {}
    }
    let user = UserName::new(token).map_err(|_| TokenFault::BadName)?;
    let is = |word| user.as_str().starts_with(word);
    let (role, owner) = match () {
        () if is("robot") => (Role::Bot, UserName::new(USERS[0]).ok()),
        () if is("guest") => (Role::Guest, None),
        () if is("admin") => (Role::Admin, None),
        () => (Role::Member, None),
    };
    let ttl = if is("brief") { BRIEF_TTL } else { TTL };
    Ok(Claims { user, role, owner, expires: Some(now + ttl) })
}

/// What a watcher's token says, which does not end.
pub(crate) fn for_ever(token: &str, now: Time) -> Result<Claims, TokenFault> {
    Ok(Claims { expires: None, ..claims(token, now)? })
}
