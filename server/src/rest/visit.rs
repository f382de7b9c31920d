//! A connection to the gateway without a socket, for one request.

use std::{net::SocketAddr, rc::Rc, time::Duration};

use chinwag_core::{
    Disconnect, UserName,
    dialect::{Dialect, Opening},
    identity::Token,
};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::problem::{Details, Problem};
use crate::{hub::Hub, in_process::InProcess};

/// The number of the one request.
const ID: u64 = 1;

/// A visitor at the gateway.
pub(super) struct Visit {
    line: InProcess,
}

/// What tells an answer from what else a connection is sent.
#[derive(Deserialize)]
struct Label {
    r#type: String,
    id: Option<u64>,
}

impl Visit {
    /// Connects, in the native dialect.
    pub(super) fn new(hub: Rc<Hub>, peer: SocketAddr, token: Option<Token>) -> Self {
        let slot = hub.visited(
            peer,
            Opening { dialect: Some(Dialect::Chat), token, visitor: true, ..Opening::default() },
        );
        Self { line: InProcess::brief(hub, slot) }
    }

    /// Puts the request and waits for what answers it, as text. It comes in bounded time, for the gateway closes a
    /// connection that does not answer its pings.
    ///
    /// # Errors
    /// It was refused, or the connection closed.
    pub(super) async fn ask(mut self, frame: Map<String, Value>) -> Result<Vec<u8>, Problem> {
        self.answer(frame).await
    }

    /// The same, for whoever wants to know only that it was not refused, and who asked.
    ///
    /// # Errors
    /// As above.
    pub(super) async fn may(mut self, frame: Map<String, Value>) -> Result<UserName, Problem> {
        self.answer(frame).await?;
        Ok(self.line.user().expect("nobody is answered without a name").clone())
    }

    async fn answer(&mut self, mut frame: Map<String, Value>) -> Result<Vec<u8>, Problem> {
        frame.insert("id".to_owned(), ID.into());
        self.line.send(&Value::Object(frame));
        loop {
            let text = self.line.next().await.map_err(|reason| self.closed(reason))?;
            let label: Label =
                serde_json::from_slice(&text).expect("the gateway writes frames of the dialect");
            match label.r#type.as_str() {
                // One without a number is about the whole connection.
                "error" if label.id.is_none_or(|id| id == ID) => {
                    let error: Details = serde_json::from_slice(&text).expect("it says what is wrong");
                    return Err(Problem::refused(error, self.return_spread()));
                }
                _ if label.id == Some(ID) => return Ok(text),
                _ => {}
            }
        }
    }

    fn return_spread(&self) -> Duration {
        self.line.hub.shared.settings.gateway.return_spread
    }

    fn closed(&self, reason: Disconnect) -> Problem {
        Problem::closed(reason, self.return_spread())
    }
}
