//! Someone who is nobody: opens a connection, tries what they may not, and must get nothing for it.

use serde_json::Value;

use crate::{scenario::Aim, wire::ServerFrame};

/// What resumes a client's session, as its server told it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Credentials {
    session: String,
    secret: String,
}

impl Credentials {
    /// Those in a `welcome`; nothing in any other frame.
    pub(crate) fn of(text: &str) -> Option<Self> {
        if !text.starts_with(r#"{"type":"welcome""#) {
            return None;
        }
        let frame: Value = serde_json::from_str(text).ok()?;
        let part = |name: &str| frame[name].as_str().map(ToOwned::to_owned);
        Some(Self { session: part("session")?, secret: part("secret")? })
    }
}

/// Someone on a connection of their own.
#[derive(Debug)]
pub(crate) struct Intruder {
    aim: Aim,
    /// Whose session they are after, and the user they name.
    victim: Option<(Credentials, String)>,
    /// Requests that are not answered.
    unanswered: usize,
}

/// What an intruder does next.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Next {
    /// Waits.
    Stay,
    /// Has seen enough.
    Leave,
}

impl Intruder {
    /// Someone who has not said anything; `victim` is who is on the line, with what resumes their session.
    #[must_use]
    pub(crate) fn new(aim: Aim, victim: Option<(Credentials, String)>) -> Self {
        Self { aim, victim, unanswered: 0 }
    }

    /// Whether they will never say anything.
    pub(crate) fn sits(&self) -> bool {
        self.aim == Aim::Sit
    }

    /// What they say once they are connected.
    pub(crate) fn says(&mut self) -> Vec<String> {
        let frames = match (self.aim, &self.victim) {
            (Aim::Sit, _) => vec![],
            (Aim::Guess, Some((Credentials { session, .. }, user))) => {
                vec![hello(user, session, "00112233445566778899aabbccddeeff")]
            }
            (Aim::Borrow, Some((Credentials { session, secret }, _))) => {
                vec![hello("mallory", session, secret)]
            }
            (Aim::Barge | Aim::Guess | Aim::Borrow, _) => [
                r#"{"type":"message","room":"r0","content":"000000 x","id":1}"#,
                r#"{"type":"history","room":"r0","id":2}"#,
                r#"{"type":"members","room":"r0","id":3}"#,
                r#"{"type":"leave","room":"r0","id":4}"#,
                r#"{"type":"typing","room":"r0","typing":true}"#,
                r#"{"type":"join","room":"r0","id":5}"#,
                r#"{"type":"rooms","id":6}"#,
                r#"{"type":"create","room":"r9","id":7}"#,
                r#"{"type":"status","room":"r0","state":"in","id":8}"#,
            ]
            .map(str::to_owned)
            .into(),
        };
        self.unanswered = frames.len();
        frames
    }

    /// Hears something.
    ///
    /// # Errors
    /// Why they should not have heard it.
    pub(crate) fn hears(&mut self, frame: &ServerFrame<'_>) -> Result<Next, String> {
        let ServerFrame::Text(text) = frame else {
            let over = matches!(frame, ServerFrame::Close(_));
            return Ok(if over { Next::Leave } else { Next::Stay });
        };
        let frame: Value = serde_json::from_str(text).map_err(|error| format!("{error}: {text}"))?;
        let is_stranger = self.victim.is_none() || matches!(self.aim, Aim::Sit | Aim::Barge);
        match (frame["type"].as_str(), &self.victim) {
            (Some("error"), _)
                if is_stranger && frame["code"] != "not_attached" && frame["code"] != "rate_limited" =>
            {
                Err(format!("is not told to say who it is first, but {text}"))
            }
            // What has no number is refused like this.
            (Some("warning"), _) if frame["code"] == "rate_limited" => Ok(self.answered()),
            (Some("error"), _) => Ok(self.answered()),
            (Some("welcome"), Some((victim, _))) if !is_stranger => {
                if frame["resumed"] != false || frame["session"] == *victim.session {
                    return Err(format!("has taken over session {} of another", victim.session));
                }
                Ok(self.answered())
            }
            _ => Err(format!("is told {text}")),
        }
    }

    const fn answered(&mut self) -> Next {
        self.unanswered = self.unanswered.saturating_sub(1);
        if self.unanswered == 0 { Next::Leave } else { Next::Stay }
    }
}

fn hello(user: &str, session: &str, secret: &str) -> String {
    format!(r#"{{"type":"hello","user":"{user}","session":"{session}","secret":"{secret}"}}"#)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn victim() -> Option<(Credentials, String)> {
        let welcome = r#"{"type":"welcome","user":"u1","session":"abc","secret":"def","resumed":false}"#;
        Some((Credentials::of(welcome).unwrap(), "u1".to_owned()))
    }

    #[test]
    fn a_thief_gets_a_session_of_its_own_at_most() {
        let hears = |text: &str| {
            let mut thief = Intruder::new(Aim::Borrow, victim());
            assert!(thief.says()[0].contains(r#""secret":"def""#));
            thief.hears(&ServerFrame::Text(text))
        };
        assert_eq!(hears(r#"{"type":"welcome","session":"xyz","resumed":false}"#), Ok(Next::Leave));
        assert_eq!(hears(r#"{"type":"error","code":"too_many_sessions"}"#), Ok(Next::Leave));
        assert!(hears(r#"{"type":"welcome","session":"xyz","resumed":true}"#).is_err());
        assert!(hears(r#"{"type":"welcome","session":"abc","resumed":false}"#).is_err());
        assert!(hears(r#"{"type":"message","room":"r0"}"#).is_err());
    }

    #[test]
    fn strangers_are_told_to_say_who_they_are() {
        let mut barger = Intruder::new(Aim::Barge, victim());
        let count = barger.says().len();
        let refused = ServerFrame::Text(r#"{"type":"error","code":"not_attached"}"#);
        for _ in 1..count {
            assert_eq!(barger.hears(&refused), Ok(Next::Stay));
        }
        assert_eq!(barger.hears(&refused), Ok(Next::Leave));
        assert!(barger.hears(&ServerFrame::Text(r#"{"type":"error","code":"not_member"}"#)).is_err());
        assert!(barger.hears(&ServerFrame::Text(r#"{"type":"joined","room":"r0"}"#)).is_err());
        assert_eq!(barger.hears(&ServerFrame::Close(None)), Ok(Next::Leave));
    }
}
