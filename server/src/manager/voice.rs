//! A member of the lobby without a socket.

use std::{rc::Rc, sync::mpsc::SyncSender};

use chinwag_core::{Disconnect, UserName, identity::Claims, name::LOBBY, role::Role};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{hub::Hub, in_process::InProcess};

/// Something to be said.
pub(super) struct Speech {
    pub(super) sender: UserName,
    pub(super) text: String,
    pub(super) reply_to: Option<u64>,
    /// Whether it was; dropped if not.
    pub(super) said: SyncSender<bool>,
}

/// A connection that is in the lobby.
pub(super) struct Voice {
    line: InProcess,
    /// The number of the newest request.
    id: u64,
}

/// Why somebody is not heard.
pub(super) enum Silence {
    /// The connection has ended.
    Closed(Disconnect),
    /// A request was refused, with this code.
    Refused(String),
}

/// How far a reader of the lobby has come.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(super) struct Place {
    pub(super) epoch: u64,
    pub(super) seq: u64,
}

/// What tells frames apart.
#[derive(Deserialize)]
pub(super) struct Label {
    pub(super) r#type: String,
    id: Option<u64>,
    code: Option<String>,
}

impl Voice {
    /// Joins the lobby, and what was said since. Returns where the lobby was then.
    pub(super) async fn enter(
        hub: &Rc<Hub>,
        user: &UserName,
        since: Option<Place>,
    ) -> Result<(Self, Place), Silence> {
        let claims = Claims { user: user.clone(), role: Role::Bot, owner: None, expires: None };
        let line = InProcess::lasting(Rc::clone(hub), hub.vouched(claims));
        let mut voice = Self { line, id: 0 };
        let mut join = json!({"type": "join", "room": LOBBY, "user": user});
        if let Some(Place { epoch, seq }) = since {
            join["epoch"] = epoch.into();
            join["since"] = seq.into();
        }
        let joined = voice.ask(join, |label, _| label.r#type == "joined").await?;
        let place = serde_json::from_slice(&joined).expect("it says where the room is");
        Ok((voice, place))
    }

    /// Says something, and waits until it is in the room.
    pub(super) async fn say(&mut self, text: &str, reply_to: Option<u64>) -> Result<(), Silence> {
        let frame =
            json!({"type": "message", "room": LOBBY, "content": text, "kind": "agent", "reply_to": reply_to});
        self.ask(frame, |label, id| label.r#type == "ack" && label.id == Some(id)).await.map(drop)
    }

    /// The next frame.
    pub(super) async fn next(&mut self) -> Result<Vec<u8>, Silence> {
        self.line.next().await.map_err(Silence::Closed)
    }

    /// Sends a request and waits for what answers it. Other frames are passed over.
    async fn ask(
        &mut self,
        mut frame: Value,
        is_answer: fn(&Label, u64) -> bool,
    ) -> Result<Vec<u8>, Silence> {
        self.id += 1;
        frame["id"] = self.id.into();
        self.line.send(&frame);
        loop {
            let text = self.next().await?;
            let label: Label =
                serde_json::from_slice(&text).expect("the gateway writes frames of the dialect");
            // One without a number is about the whole connection.
            if label.r#type == "error" && label.id.is_none_or(|id| id == self.id) {
                return Err(Silence::Refused(label.code.unwrap_or_default()));
            }
            if is_answer(&label, self.id) {
                return Ok(text);
            }
        }
    }
}

impl Silence {
    /// For the log.
    pub(super) fn why(&self) -> String {
        match self {
            Self::Closed(reason) => format!("{reason:?}"),
            Self::Refused(code) => code.clone(),
        }
    }
}
