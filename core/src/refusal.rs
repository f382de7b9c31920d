//! Why a request is refused while its connection lives: error codes, defined once.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! refusals {
    ($($(#[$doc:meta])* $variant:ident = $code:literal, $message:literal;)*) => {
        /// Why a request is refused. The connection lives; nobody else notices.
        #[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Refusal {
            $($(#[$doc])* $variant,)*
        }

        impl Refusal {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The code on the wire.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $(Self::$variant => $code,)* }
            }

            /// One sentence for people.
            #[must_use]
            pub const fn message(self) -> &'static str {
                match self { $(Self::$variant => $message,)* }
            }

            /// The refusal with this code.
            #[must_use]
            pub fn from_code(code: &str) -> Option<Self> {
                match code { $($code => Some(Self::$variant),)* _ => None }
            }
        }
    };
}

refusals! {
    /// The text is not JSON.
    BadJson = "bad_json", "The frame is not valid JSON.";
    /// The text is no envelope (S2.2).
    BadEnvelope = "bad_envelope", "The frame is no envelope with a type and a payload.";
    /// A field is missing or has the wrong type.
    BadFrame = "bad_frame", "Something is missing, or is not what it must be.";
    /// No such `type`.
    UnknownType = "unknown_type", "The frame's type is not known.";
    /// A binary frame where text is spoken.
    BinaryFrame = "binary_frame", "Binary frames are not understood here; send text.";
    /// Larger than [`frame_bytes_max`](crate::config::GatewayConfig::frame_bytes_max).
    FrameTooLarge = "frame_too_large", "The frame is too large.";
    /// Content above [`content_bytes_max`](crate::config::GatewayConfig::content_bytes_max) (S0.13).
    ContentTooLarge = "content_too_large", "The content is too large.";
    /// Nothing to say (S1.14).
    ContentEmpty = "content_empty", "The content is empty.";
    /// A room name that cannot be.
    BadRoom = "bad_room", "The room name is not valid.";
    /// A user name that cannot be.
    BadUser = "bad_user", "The user name is not valid.";
    /// `user` is not the one this connection speaks for.
    UserMismatch = "user_mismatch", "This connection speaks for another user.";
    /// The connection has not said who it is.
    NotAttached = "not_attached", "Say who you are first.";
    /// `hello` after the user is known.
    AlreadyAttached = "already_attached", "This connection has already said who it is.";
    /// No such room, and this request does not make one.
    UnknownRoom = "unknown_room", "There is no such room.";
    /// Only members may.
    NotMember = "not_member", "You are not a member of this room.";
    /// `create` of a room that exists.
    RoomExists = "room_exists", "There is a room of that name already.";
    /// Rooms are made by admins only.
    RoomsClosed = "rooms_closed", "Rooms cannot be created here.";
    /// One must be in a room (S1.9).
    LastRoom = "last_room", "You must stay in at least one room.";
    /// `auth` without a `userId` (S4.14).
    MissingUserId = "missing_user_id", "Say who you are: the user id is missing.";
    /// A line that begins with a slash and is no command.
    UnknownCommand = "unknown_command", "There is no such command; /help lists them.";
    /// The user's role does not allow it, and the room is not theirs.
    PermissionDenied = "permission_denied", "You may not do this here.";
    /// The room is none of a bot.
    NoBot = "no_bot", "This room has no bot.";
    /// The room holds as many members as it may (S1.48).
    RoomFull = "room_full", "The room is full.";
    /// A session may be in so many rooms of one shard only, and a user have made so many.
    TooManyRooms = "too_many_rooms", "You have as many rooms as allowed.";
    /// A user may have so many sessions only.
    TooManySessions = "too_many_sessions", "This user has as many sessions as allowed.";
    /// The server holds as many rooms, sessions or tasks as it may.
    Full = "full", "No more of these fit.";
    /// Too fast; the answer says when to try again. Never final.
    RateLimited = "rate_limited", "Too fast; try again later.";
    /// An id older than the answers that are kept.
    StaleId = "stale_id", "The id is too old to be answered exactly once.";
    /// A key under which the user has said something else in this room, not long ago.
    KeyReused = "key_reused", "The key was used for another message.";
    /// A newer connection took the session over.
    Replaced = "replaced", "Another connection took this session over.";
    /// A dialect in which nobody speaks without a token.
    TokenRequired = "token_required", "Show a token that says who you are.";
    /// A token that is not good.
    BadToken = "bad_token", "The token is not valid.";
    /// The token that the connection speaks by has ended.
    TokenExpired = "token_expired", "The token has expired; show a newer one soon.";
    /// A token where none is used.
    TokensOff = "tokens_off", "This server runs in open mode: tokens are not used.";
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_leads_back_to_its_refusal() {
        for &refusal in Refusal::ALL {
            assert_eq!(Refusal::from_code(refusal.code()), Some(refusal));
        }
    }
}
