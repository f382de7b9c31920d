//! Someone who is nobody: opens a connection, tries what they may not, and must get nothing for it.

use serde_json::Value;

use crate::{line::wire::ServerFrame, people::visitor::Visit, plan::scenario::Aim};

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

/// What a client was told resumes its session: the last three times at most, the newest last.
#[derive(Debug, Default)]
pub(crate) struct Secrets(Vec<Credentials>);

impl Secrets {
    /// It is told so again.
    pub(crate) fn hears(&mut self, credentials: Credentials) {
        self.0.retain(|earlier| earlier.session == credentials.session);
        self.0.push(credentials);
        if self.0.len() > 3 {
            self.0.remove(0);
        }
    }

    /// What resumes its session now.
    pub(crate) fn newest(&self) -> Option<&Credentials> {
        self.0.last()
    }

    /// What does so no more: to be told the newest, the client has shown what came after this.
    pub(crate) fn retired(&self) -> Option<&Credentials> {
        match self.0.as_slice() {
            [retired, _, _] => Some(retired),
            _ => None,
        }
    }
}

/// Someone on a connection of their own.
#[derive(Debug)]
pub(crate) struct Intruder {
    aim: Aim,
    /// Whose session they are after, and the user they name.
    victim: Option<(Credentials, String)>,
    /// Requests that are not answered, of so many.
    unanswered: usize,
    asked: usize,
    /// They were not let in.
    turned_away: bool,
    /// Nobody speaks here without a token, and they have none.
    lacks_token: bool,
    /// What they are after who only visit, and what they ask.
    visit: Option<(Visit, Vec<String>)>,
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
        let (turned_away, lacks_token) = (false, false);
        Self { aim, victim, unanswered: 0, asked: 0, turned_away, lacks_token, visit: None }
    }

    /// The same where nobody may speak without a token.
    pub(crate) fn lacking_token(self, lacks_token: bool) -> Self {
        Self { lacks_token, ..self }
    }

    /// A visitor, who asks this.
    pub(crate) fn visitor(visit: Visit, requests: Vec<String>) -> Self {
        Self { visit: Some((visit, requests)), ..Self::new(Aim::Visit, None) }
    }

    /// What they are after if they only visit.
    pub(crate) fn visit(&self) -> Option<Visit> {
        self.visit.as_ref().map(|&(visit, _)| visit)
    }

    /// Whether they will never say anything.
    pub(crate) fn sits(&self) -> bool {
        self.aim == Aim::Sit
    }

    /// Whether they say that they are this user, and may have a session of theirs.
    pub(crate) fn names(&self, name: &str) -> bool {
        self.aim == Aim::Visit
            || matches!(self.aim, Aim::Guess | Aim::Replay)
                && self.victim.as_ref().is_some_and(|(_, user)| user == name)
    }

    /// What they say once they are connected.
    pub(crate) fn says(&mut self) -> Vec<String> {
        let frames = match (self.aim, &self.victim) {
            (Aim::Sit, _) => vec![],
            (Aim::Visit, _) => self.visit.iter().flat_map(|(_, requests)| requests.clone()).collect(),
            (Aim::Knock, _) => [
                r#"{"type":"members","room":"r0","user":"mallory","id":1}"#,
                r#"{"type":"hello","user":"mallory","id":2}"#,
                r#"{"type":"rooms","id":3}"#,
                r#"{"type":"history","room":"r0","id":4}"#,
            ]
            .map(str::to_owned)
            .into(),
            (Aim::Guess, Some((Credentials { session, .. }, user))) => {
                vec![hello(user, session, "00112233445566778899aabbccddeeff")]
            }
            (Aim::Replay, Some((Credentials { session, secret }, user))) => {
                // As if on a connection newer than all others.
                let hello = hello(user, session, secret);
                vec![hello.replace('}', r#","attempt":9007199254740991}"#)]
            }
            (Aim::Borrow, Some((Credentials { session, secret }, _))) => {
                vec![hello("mallory", session, secret)]
            }
            (Aim::Barge | Aim::Guess | Aim::Replay | Aim::Borrow, _) => [
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
        (self.unanswered, self.asked) = (frames.len(), frames.len());
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
        if self.aim == Aim::Visit {
            // What it says is judged by who is where.
            return Ok(self.answered());
        }
        if self.lacks_token {
            return self.hears_at_a_locked_door(&frame, text);
        }
        if self.aim == Aim::Knock {
            return self.hears_at_the_door(&frame, text);
        }
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

    /// Whoever has no token where that is required is told so, whatever they say.
    fn hears_at_a_locked_door(&mut self, frame: &Value, text: &str) -> Result<Next, String> {
        match (frame["type"].as_str(), frame["code"].as_str()) {
            (Some("error"), Some("token_required" | "rate_limited"))
            | (Some("warning"), Some("rate_limited")) => Ok(self.answered()),
            _ => Err(format!("has no token and is told {text}")),
        }
    }

    /// Whoever is let in is answered. Whoever is not hears so first, and then of all they asked for, in order.
    fn hears_at_the_door(&mut self, frame: &Value, text: &str) -> Result<Next, String> {
        let code = frame["code"].as_str();
        match frame["type"].as_str() {
            // Others may have gone in between.
            Some("welcome") if self.turned_away && frame["resumed"] == false => {
                self.turned_away = false;
                Ok(self.answered())
            }
            Some("rooms") if !self.turned_away => Ok(self.answered()),
            Some("error") => {
                self.turned_away |= matches!(code, Some("too_many_sessions" | "full"));
                let next = self.asked - self.unanswered + 1;
                if self.turned_away && frame["id"] != next {
                    return Err(format!("is not let in, and told {text} before {next} is answered"));
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
    fn whoever_lacks_a_token_is_told_nothing_else() {
        let hears = |text: &str| {
            let mut knocker = Intruder::new(Aim::Knock, None).lacking_token(true);
            knocker.says();
            knocker.hears(&ServerFrame::Text(text))
        };
        assert_eq!(hears(r#"{"type":"error","code":"token_required","id":1}"#), Ok(Next::Stay));
        assert_eq!(hears(r#"{"type":"warning","code":"rate_limited"}"#), Ok(Next::Stay));
        assert!(hears(r#"{"type":"error","code":"not_attached","id":1}"#).is_err());
        assert!(hears(r#"{"type":"welcome","session":"abc","resumed":false}"#).is_err());
    }

    #[test]
    fn a_secret_is_retired_when_the_next_one_was_shown() {
        let welcome = |session: &str, secret: &str| {
            let text = format!(r#"{{"type":"welcome","session":"{session}","secret":"{secret}"}}"#);
            Credentials::of(&text).unwrap()
        };
        let mut told = Secrets::default();
        for (secret, retired) in [("a", None), ("b", None), ("c", Some("a")), ("d", Some("b"))] {
            told.hears(welcome("s", secret));
            assert_eq!(told.retired(), retired.map(|secret| welcome("s", secret)).as_ref());
            assert_eq!(told.newest(), Some(&welcome("s", secret)));
        }
        told.hears(welcome("t", "e"));
        assert_eq!((told.retired(), told.newest()), (None, Some(&welcome("t", "e"))));
        let victim = Some((welcome("s", "a"), "u1".to_owned()));
        let mut thief = Intruder::new(Aim::Replay, victim);
        let hello = &thief.says()[0];
        assert!(hello.ends_with(r#""secret":"a","attempt":9007199254740991}"#), "{hello}");
        assert!(thief.names("u1"));
        assert!(
            thief.hears(&ServerFrame::Text(r#"{"type":"welcome","session":"s","resumed":true}"#)).is_err()
        );
    }

    #[test]
    fn whoever_is_not_let_in_hears_of_all_they_asked_for() {
        let hears = |texts: &[&str]| {
            let mut knocker = Intruder::new(Aim::Knock, None);
            assert_eq!(knocker.says().len(), 4);
            texts.iter().map(|text| knocker.hears(&ServerFrame::Text(text))).collect::<Result<Vec<_>, _>>()
        };
        let full = r#"{"type":"error","code":"too_many_sessions","id":1}"#;
        let refused = [2, 3, 4].map(|id| format!(r#"{{"type":"error","code":"not_attached","id":{id}}}"#));
        let heard = hears(&[full, &refused[0], &refused[1], &refused[2]]).unwrap();
        assert_eq!(heard.last(), Some(&Next::Leave));
        assert!(hears(&[full, full]).is_err(), "told so twice");
        assert!(hears(&[full, &refused[1]]).is_err(), "the second was overlooked");
        let member = r#"{"type":"error","code":"not_member","id":1}"#;
        assert!(hears(&[member, &refused[2], r#"{"type":"rooms","rooms":[],"id":3}"#, &refused[0]]).is_ok());
        assert!(hears(&[r#"{"type":"joined","room":"r0","id":2}"#]).is_err());
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
