//! Listens in the lobby for the handlers.

use std::{rc::Rc, sync::atomic::Ordering, time::Duration};

use chinwag_core::{UserName, name::LOBBY};
use serde::{Deserialize, de::DeserializeOwned};
use tokio::time::sleep;
use tracing::{info, warn};

use super::{
    embassy::Own,
    handlers::Queue,
    heard::Heard,
    voice::{Label, Place, Silence, Voice},
};
use crate::hub::Hub;

/// How long it waits before it comes back.
const PAUSE: Duration = Duration::from_secs(1);

/// A member of the lobby that says nothing.
pub(super) struct Observer {
    hub: Rc<Hub>,
    user: UserName,
    voice: Voice,
    /// The newest message that was heard.
    place: Place,
    queue: Queue,
    own: Own,
}

#[derive(Deserialize)]
struct Page {
    room: String,
    messages: Vec<Heard>,
}

#[derive(Deserialize)]
struct Live {
    room: String,
    #[serde(flatten)]
    message: Heard,
}

impl Observer {
    /// Joins the lobby; what was said before is not heard.
    pub(super) async fn enter(hub: Rc<Hub>, user: UserName, queue: Queue, own: Own) -> Result<Self, Silence> {
        let (voice, place) = Voice::enter(&hub, &user, None).await?;
        Ok(Self { hub, user, voice, place, queue, own })
    }

    /// Listens until the server goes down. Whatever ends the connection before, what is said meanwhile is heard later, as
    /// far as the room keeps it.
    pub(super) async fn listen(mut self) {
        loop {
            let silence = self.hear().await;
            if self.is_over() {
                return;
            }
            warn!(reason = silence.why(), "the manager has lost its place in the lobby and comes back");
            while let Err(silence) = self.come_back().await {
                if self.is_over() {
                    return;
                }
                info!(reason = silence.why(), "the manager is not in the lobby yet");
            }
        }
    }

    fn is_over(&self) -> bool {
        self.hub.shared.draining.load(Ordering::Relaxed)
    }

    async fn come_back(&mut self) -> Result<(), Silence> {
        sleep(PAUSE).await;
        let (voice, now) = Voice::enter(&self.hub, &self.user, Some(self.place)).await?;
        self.voice = voice;
        if now.epoch != self.place.epoch {
            self.place = Place { seq: 0, ..now };
        }
        Ok(())
    }

    /// Hands on what is said until the connection ends, or somebody sends it away.
    async fn hear(&mut self) -> Silence {
        loop {
            let text = match self.voice.next().await {
                Ok(text) => text,
                Err(silence) => return silence,
            };
            match &*read::<Label>(&text).r#type {
                "message" => {
                    let Live { room, message } = read(&text);
                    self.hand_on(&room, [message]);
                }
                "history" => {
                    let Page { room, messages } = read(&text);
                    self.hand_on(&room, messages);
                }
                "gap" => warn!("the manager read too slowly: messages are gone that no handler was shown"),
                "left" => return Silence::Refused("kicked".to_owned()),
                _ => {}
            }
        }
    }

    /// Lets the handlers have what is new and was not said for this program.
    fn hand_on(&mut self, room: &str, messages: impl IntoIterator<Item = Heard>) {
        for message in messages {
            if room != LOBBY || message.seq <= self.place.seq {
                continue;
            }
            self.place.seq = message.seq;
            let is_agents = message.kind.as_deref() == Some("agent");
            if !(is_agents && self.own.borrow().contains(&message.user)) {
                self.queue.push(message.into());
            }
        }
    }
}

/// Frames come from the gateway of this process.
fn read<T: DeserializeOwned>(frame: &[u8]) -> T {
    serde_json::from_slice(frame).expect("the gateway writes frames of the dialect")
}
