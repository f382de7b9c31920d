//! One client's Socket.IO: who it is, and which of its callbacks wait for an answer.

use std::collections::VecDeque;

use serde::Serialize;

use super::{
    frames::{self, Answer, Body, ConnectError},
    incoming::{Auth, Emitted, Fault},
    packet::{self, Packet},
};
use crate::{
    config::GatewayConfig,
    dialect::{Command, Decoded, Event, Payloads, Rejection, Request, Sending},
    disconnect::{Disconnect, may_return},
    id::RequestId,
    identity::Token,
    name::UserName,
    refusal::Refusal,
};

/// What one connection remembers.
#[derive(Clone, Debug)]
pub struct SocketIo {
    /// Who it is, once it is in.
    user: Option<UserName>,
    /// Callbacks that wait: the number of the request, and what its client wants it answered by. As many as a
    /// connection may have unanswered.
    waiting: VecDeque<(RequestId, u64)>,
    waiting_max: usize,
    requests: u64,
}

/// The answer to `CONNECT`, and what a connection begins with: a name for it that opens nothing.
pub(super) fn sid(Sending { gateway, serial, .. }: Sending) -> String {
    format!("{:x}-{serial:x}", gateway.0)
}

#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(super) struct Connected {
    sid: String,
}

impl SocketIo {
    pub(crate) fn new(config: &GatewayConfig) -> Self {
        let waiting_max = config.unanswered_max as usize;
        Self { user: None, waiting: VecDeque::new(), waiting_max, requests: 0 }
    }

    pub(crate) fn decode<'a>(
        &mut self,
        text: &'a str,
        answer: &mut Payloads,
    ) -> Result<Decoded<'a>, Rejection> {
        let packet =
            packet::parse(text).map_err(|(refusal, what)| reject(None, refusal, Some(what.to_owned())))?;
        match packet {
            Packet::Connect(auth) => self.connect(auth),
            Packet::ConnectElsewhere(namespace) => {
                let detail = format!("there is no namespace {namespace}");
                let error = ConnectError::new(Refusal::BadFrame, Some(&detail), None);
                packet::connect_error(answer, Some(namespace), &error);
                Ok(Decoded::Answered)
            }
            Packet::Event { ack, data } => self.event(ack, data, answer),
            Packet::Ping(word) => {
                packet::pong(answer, word);
                Ok(Decoded::Answered)
            }
            Packet::Nothing => Ok(Decoded::Answered),
            Packet::Goodbye => Ok(Decoded::Goodbye),
        }
    }

    /// Who it is: whom its token names, or, where tokens are not looked at, whom it says.
    fn connect<'a>(&mut self, auth: &'a str) -> Result<Decoded<'a>, Rejection> {
        // With a number, so that a refusal is never put off to a warning.
        let id = Some(self.number());
        let auth = if auth.is_empty() { "{}" } else { auth };
        let refused = |fault: Fault| {
            let (refusal, detail) = fault.words();
            reject(id, refusal, detail)
        };
        if !auth.starts_with('{') {
            return Err(refused(Fault::Wrong("auth", "is no object")));
        }
        let Auth { token, user_id } = serde_json::from_str(auth).map_err(|why| refused(Fault::Json(why)))?;
        let token = token.map(|token| Token::new(&token));
        let user = match (&user_id, &token) {
            (Some(name), _) => {
                let user = UserName::new(name).map_err(|why| refused(Fault::User("userId", why)))?;
                Some(user)
            }
            (None, Some(token)) => token.name(),
            (None, None) => None,
        };
        Ok(Decoded::Request(Request { id, user, command: Command::Hello { resume: None, token } }))
    }

    fn event<'a>(
        &mut self,
        ack: Option<u64>,
        data: &'a str,
        answer: &mut Payloads,
    ) -> Result<Decoded<'a>, Rejection> {
        let Some(user) = self.user.clone() else { return Err(reject(None, Refusal::NotAttached, None)) };
        let emitted = Emitted::parse(data);
        let is_fleeting = emitted.as_ref().is_ok_and(Emitted::is_fleeting);
        let command = emitted.and_then(|emitted| emitted.command(&user));
        let id = match (ack, &command) {
            (Some(ack), Ok(_)) if is_fleeting => {
                packet::ack(answer, ack, &Answer::granted(Body::Done {}));
                None
            }
            (Some(ack), _) => Some(self.wait(ack)?),
            (None, _) => None,
        };
        let command = command.map_err(|fault| {
            let (refusal, detail) = fault.words();
            reject(id, refusal, detail)
        })?;
        Ok(Decoded::Request(Request { id, user: None, command }))
    }

    /// Remembers a callback.
    fn wait(&mut self, ack: u64) -> Result<RequestId, Rejection> {
        if self.waiting.len() >= self.waiting_max {
            return Err(reject(None, Refusal::Full, Some("too many callbacks wait".to_owned())));
        }
        let id = self.number();
        self.waiting.push_back((id, ack));
        Ok(id)
    }

    /// The callback that waits for this answer.
    fn answered(&mut self, event: &Event<'_>) -> Option<u64> {
        let id = event.answers()?;
        let at = self.waiting.iter().position(|&(waiting, _)| waiting == id)?;
        self.waiting.remove(at).map(|(_, ack)| ack)
    }

    pub(crate) fn encode(&mut self, event: &Event<'_>, payloads: &mut Payloads) {
        let Sending { now, .. } = payloads.sending;
        match *event {
            Event::Welcome { user, .. } => {
                self.user = Some(user.clone());
                let sid = sid(payloads.sending);
                packet::connected(payloads, &Connected { sid });
            }
            Event::Error { refusal, detail, retry_after, .. } if self.user.is_none() => {
                packet::connect_error(payloads, None, &ConnectError::new(refusal, detail, retry_after));
            }
            _ => match self.answered(event) {
                Some(ack) => packet::ack(payloads, ack, &frames::answer(event, now)),
                None => super::encode(event, payloads),
            },
        }
    }

    /// Clients of this protocol come back after every close, unless they are told that they are out (S3.17).
    pub(crate) fn farewell(&self, reason: Disconnect, payloads: &mut Payloads) {
        if self.user.is_some() && !may_return(Some(reason.code())) {
            packet::disconnect(payloads);
        }
    }

    /// How many callbacks wait.
    #[cfg(test)]
    pub(super) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    const fn number(&mut self) -> RequestId {
        self.requests += 1;
        RequestId(self.requests)
    }
}

const fn reject(id: Option<RequestId>, refusal: Refusal, detail: Option<String>) -> Rejection {
    Rejection { id, key: None, refusal, detail }
}
