//! Who speaks for a bot: core's client in `chat`, or a protocol's templates in anything else.

use chinwag_core::{
    Client, RequestId, Time,
    client::{ClientInput, ClientOutput, Command, QueueFull},
};

use crate::interpreter::{Heard, Interpreter};

/// Who speaks for a bot.
#[derive(Debug)]
pub(crate) enum Speaker {
    /// Core's machine.
    Chat(Box<Client>),
    /// One that speaks by templates.
    Templates(Box<Interpreter>),
}

impl Speaker {
    /// Connects, and keeps connected.
    pub(crate) fn start(&mut self, now: Time, out: &mut Vec<ClientOutput>) {
        match self {
            Self::Chat(client) => client.start(now, out),
            Self::Templates(interpreter) => interpreter.start(out),
        }
    }

    /// Says goodbye and ends.
    pub(crate) fn shutdown(&mut self, now: Time, out: &mut Vec<ClientOutput>) {
        match self {
            Self::Chat(client) => client.shutdown(now, out),
            Self::Templates(interpreter) => interpreter.shutdown(out),
        }
    }

    /// Does something, now or as soon as possible.
    ///
    /// # Errors
    /// [`QueueFull`] if too many messages wait already.
    pub(crate) fn submit(
        &mut self,
        now: Time,
        command: Command,
        out: &mut Vec<ClientOutput>,
    ) -> Result<RequestId, QueueFull> {
        match self {
            Self::Chat(client) => client.submit(now, command, out),
            Self::Templates(interpreter) => interpreter.submit(now, command, out),
        }
    }

    /// Handles one input.
    pub(crate) fn handle_input(&mut self, now: Time, input: ClientInput<'_>, out: &mut Vec<ClientOutput>) {
        match self {
            Self::Chat(client) => client.handle_input(now, input, out),
            Self::Templates(interpreter) => interpreter.handle_input(now, input, out),
        }
    }

    /// When to come back with [`ClientInput::Timeout`].
    pub(crate) fn poll_timeout(&self) -> Option<Time> {
        match self {
            Self::Chat(client) => client.poll_timeout(),
            Self::Templates(interpreter) => interpreter.poll_timeout(),
        }
    }

    /// What was heard since the last time that is no event of core's client.
    pub(crate) fn take_heard(&mut self) -> Vec<Heard> {
        match self {
            Self::Chat(_) => Vec::new(),
            Self::Templates(interpreter) => interpreter.take_heard(),
        }
    }

    /// Whether answers come under the numbers that requests were given.
    pub(crate) const fn answers_by_number(&self) -> bool {
        matches!(self, Self::Chat(_))
    }
}
