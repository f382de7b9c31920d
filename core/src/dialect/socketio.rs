//! The `socketio` dialect: Socket.IO 5 over Engine.IO 4, on a WebSocket and nothing else (S3.1, S3.10).
//!
//! What a client emits with a callback is answered in it, with `ok`. Without one nothing that went well is answered but
//! by what follows from it, and a refusal comes as the event `error`. `docs/dialects.md` describes every event.

use serde::Serialize;

use super::{Event, Payloads, Presence};
use crate::{
    config::GatewayConfig,
    name::{NameError, RoomName},
};

mod frames;
mod incoming;
mod packet;
mod session;
#[cfg(test)]
mod tests;

pub(super) use packet::{PING, PONG};
pub use session::SocketIo;

/// Where it is spoken: Socket.IO's own path.
pub const PATH: &str = "/socket.io/";

/// What comes before a bot's name in the name of its room (S3.3).
const BOT_PREFIX: &str = "bot:";

/// The bot that a room belongs to.
fn bot_of(room: &RoomName) -> Option<&str> {
    room.as_str().strip_prefix(BOT_PREFIX)
}

/// The room of a bot.
fn bot_room(bot: &str) -> Result<RoomName, NameError> {
    RoomName::new(&format!("{BOT_PREFIX}{bot}"))
}

/// Writes an event that is the same for all who read it.
pub(super) fn encode(event: &Event<'_>, payloads: &mut Payloads) {
    let now = payloads.sending.now;
    if let Event::Presence { room, user, presence: Presence::Online, .. } = *event {
        // Whoever has stopped writing is shown so in the same way as whoever is back.
        packet::event(payloads, "typing", &frames::typing(room, user, false, now));
    }
    if let Some((name, body)) = frames::shown(event, now) {
        packet::event(payloads, name, &body);
    }
}

/// What packets and events hold (see [`super::schema`]): `client` is what a client's events hold.
#[cfg(feature = "schema")]
pub(super) fn schemas() -> Vec<super::schema::Named> {
    use super::schema::{read, written};
    let mut schemas = frames::schemas();
    schemas.extend([
        ("client", read::<incoming::Data<'_>>()),
        ("connect", read::<incoming::Auth<'_>>()),
        ("open", written::<Handshake>()),
        ("connected", written::<session::Connected>()),
        ("connect_error", written::<frames::ConnectError<'_>>()),
        ("ack", written::<frames::Answer<'_>>()),
    ]);
    schemas
}

/// What a connection begins with.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
struct Handshake {
    sid: String,
    upgrades: [&'static str; 0],
    ping_interval: u128,
    ping_timeout: u128,
    max_payload: usize,
}

/// Writes what a connection begins with.
pub(super) fn open(config: &GatewayConfig, payloads: &mut Payloads) {
    let handshake = Handshake {
        sid: session::sid(payloads.sending),
        upgrades: [],
        ping_interval: config.ping_interval.as_millis(),
        ping_timeout: config.pong_timeout.as_millis(),
        max_payload: config.frame_bytes_max,
    };
    packet::open(payloads, &handshake);
}
