//! One connection's end: which of its frames each answer is to, and which room it means where it names none.

use std::{collections::VecDeque, sync::Arc};

use super::{
    incoming::Frame,
    outgoing::{self, About, serial_name},
};
use crate::{
    dialect::{Command, Decoded, Event, Payloads, Rejection, Request, membership::Memberships},
    id::RequestId,
    name::UserName,
};

/// What one connection has asked for, and where it is.
#[derive(Clone, Debug, Default)]
pub struct Envelope {
    /// Whom it speaks for, once that is known.
    user: Option<UserName>,
    /// The one joined last is the current one.
    rooms: Memberships,
    /// What is not answered, in order; no more than the gateway lets a connection ask for at once.
    pending: VecDeque<Pending>,
    requests: u64,
}

/// A request that will be answered.
#[derive(Clone, Debug)]
struct Pending {
    id: RequestId,
    /// What its sender calls it.
    message_id: Option<Arc<str>>,
    /// Everybody in the room is shown what comes of it, its sender, too.
    is_shown: bool,
}

impl Envelope {
    pub(crate) fn decode<'a>(&mut self, text: &'a str, answer: &Payloads) -> Result<Decoded<'a>, Rejection> {
        let frame = Frame::parse(text)?;
        let reject = |key, (refusal, detail)| Rejection { id: None, key, refusal, detail: Some(detail) };
        let message_id = frame.message_id().map_err(|fault| reject(None, fault))?;
        let key = || message_id.clone().unwrap_or_else(|| serial_name(answer.sending, 0).into());
        let command =
            frame.command(key, self.rooms.current()).map_err(|fault| reject(message_id.clone(), fault))?;
        let id = self.expect_answer(&command, message_id);
        Ok(Decoded::Request(Request { id, user: None, command }))
    }

    /// Numbers a request and remembers it. Messages are answered by their keys, and typing not at all.
    fn expect_answer(&mut self, command: &Command<'_>, message_id: Option<Arc<str>>) -> Option<RequestId> {
        if matches!(command, Command::Publish { .. } | Command::Typing { .. }) {
            return None;
        }
        let is_shown = matches!(command, Command::Task { .. } | Command::Status { .. });
        self.requests += 1;
        let id = RequestId(self.requests);
        match command {
            // Whoever goes on without waiting for the answer means this room, and does not mean one they leave.
            Command::Join { room, .. } => self.rooms.ask_in(id, room),
            Command::Leave { room } => self.rooms.ask_out(id, room),
            _ => {}
        }
        self.pending.push_back(Pending { id, message_id, is_shown });
        Some(id)
    }

    pub(crate) fn encode(&mut self, event: &Event<'_>, payloads: &mut Payloads) {
        let answered = event.answers().and_then(|id| self.answered(id));
        match *event {
            // The room's own frame says that it was heard.
            Event::Ack { .. } if answered.as_ref().is_some_and(|pending| pending.is_shown) => return,
            Event::Welcome { user, .. } => self.user = Some(user.clone()),
            Event::Joined { room, .. } => self.rooms.joined(room),
            Event::Left { room, kicked: true, .. } => self.rooms.kicked(room),
            Event::Left { room, .. } => self.rooms.left(room),
            Event::Error { id: Some(id), .. } => self.rooms.refused(id),
            _ => {}
        }
        let reply_to = answered.as_ref().and_then(|pending| pending.message_id.as_deref());
        outgoing::write(event, About { reply_to, user: self.user.as_ref() }, payloads);
    }

    fn answered(&mut self, id: RequestId) -> Option<Pending> {
        let at = self.pending.iter().position(|pending| pending.id == id)?;
        self.pending.remove(at)
    }

    /// How many requests and rooms it remembers, and how many changes of rooms.
    #[cfg(test)]
    pub(super) fn remembered(&self) -> (usize, (usize, usize)) {
        (self.pending.len(), self.rooms.remembered())
    }
}
