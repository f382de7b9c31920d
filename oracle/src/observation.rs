//! What an oracle is told.

use std::fmt;

use chinwag_core::{Position, Seq, shard::Verdict};
use serde::{Deserialize, Serialize};

macro_rules! index {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
        #[serde(transparent)]
        pub struct $name(pub u32);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

index! {
    /// One user's end. Numbered 0, 1, 2… by the caller: tables are as long as the highest number.
    MemberId
}
index! {
    /// A room. Numbered 0, 1, 2… by the caller: tables are as long as the highest number.
    RoomId
}
index! {
    /// A message someone means to send. Numbered 0, 1, 2… by the caller, in the order in which each member sends:
    /// tables are as long as the highest number planned. A number read off the wire may be anything but 2^32 − 1.
    SendId
}

/// Something that was seen from outside.
///
/// All joins, leaves and deliveries of one member go to the same oracle, in the order in which they happened; and so
/// does all that concerns the sends planned for them, their plan first.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Observation {
    /// A message will be sent.
    Planned {
        /// Which.
        send: SendId,
        /// Into which room.
        room: RoomId,
        /// By whom.
        member: MemberId,
    },
    /// A message was put on the wire; again at every retry.
    Sent {
        /// Which.
        send: SendId,
    },
    /// The server says that a message is in its room.
    Acknowledged {
        /// Which.
        send: SendId,
        /// At this place, if the server names one.
        position: Option<Position>,
    },
    /// A message was refused for now: it will be sent again. What was sent after it may have been let in meanwhile.
    Deferred {
        /// Which.
        send: SendId,
    },
    /// The final answer to a message was a refusal; "not yet" is not final.
    Refused {
        /// Which.
        send: SendId,
    },
    /// Nobody will ever know whether a message was accepted: the session it was sent in is lost. It is owed to everyone
    /// if it was shown to anyone.
    Unresolved {
        /// Which.
        send: SendId,
    },
    /// A member entered a room, or took up their membership after a reconnect.
    ///
    /// A member's first join decides how they are judged in that room: by positions if it names one, otherwise by the
    /// identity of what they are shown.
    Joined {
        /// Who.
        member: MemberId,
        /// Where.
        room: RoomId,
        /// The room's newest message. What comes after it is owed from the first join on.
        position: Option<Position>,
        /// The first message that will be shown.
        next: Option<Seq>,
        /// Whether the server says that anything is missing.
        verdict: Option<Verdict>,
    },
    /// A member's leave was acknowledged, or they were told to be gone.
    Left {
        /// Who.
        member: MemberId,
        /// Where.
        room: RoomId,
        /// The room's newest message when they left: nothing newer may have been shown. What was not shown until then
        /// is not owed any more: who leaves while catching up gives up the rest.
        position: Option<Position>,
    },
    /// A new session began for a member: what was said between the old one's last message and the next join is not
    /// owed. Does nothing to a member who is in no room, so every session may be reported.
    SessionLost {
        /// Whose.
        member: MemberId,
    },
    /// A member who knows messages by identity only, and came late to a room or has come back to it, is owed what is said
    /// there from this message on, in the order in which they were planned. Does nothing to who is owed more already.
    Owed {
        /// Whom.
        member: MemberId,
        /// Where.
        room: RoomId,
        /// The first of them.
        from: SendId,
    },
    /// A member who was catching up was told that messages are no longer kept.
    Gap {
        /// Who.
        member: MemberId,
        /// Where.
        room: RoomId,
        /// The first one lost.
        from: Position,
        /// The last one lost.
        to: Seq,
    },
    /// A user was shown a message of the room's stream, whether live or while catching up.
    Shown {
        /// To whom.
        member: MemberId,
        /// Where.
        room: RoomId,
        /// Which; `None` if it is nobody's of this run.
        send: Option<SendId>,
        /// Its place, if the server names one.
        position: Option<Position>,
        /// Whether it came out of the history and not live.
        from_history: bool,
    },
    /// The server said from where on a room's stream comes over a member's connection: after a join, or after naming
    /// what is gone. What came before does not bear on it.
    ///
    /// This and the next three are about the wire, as `Shown` is about the user: a client that skips repeats and asks for
    /// what is missing hides a server's faults from its user, but not from those who watch its connection. Nobody need
    /// watch.
    StreamStarted {
        /// Whose connection.
        member: MemberId,
        /// Of which room.
        room: RoomId,
        /// The first message that must come.
        next: Seq,
    },
    /// The server said how far a room has got, to a member to whom everything is sent at once: it has come, or was passed
    /// over. It says so when a client asks it to begin again, which would hide what was passed over last.
    StreamReached {
        /// Over whose connection.
        member: MemberId,
        /// Of which room.
        room: RoomId,
        /// The room's newest message.
        head: Seq,
    },
    /// A message came over a member's connection, live or while catching up, whatever the client made of it.
    Delivered {
        /// Whose connection.
        member: MemberId,
        /// Of which room; `None` if it is none of this run.
        room: Option<RoomId>,
        /// Its place.
        seq: Seq,
    },
    /// Nothing of a room may come over a member's connection until the next `StreamStarted`: there is a new
    /// connection, or the member has left. Does nothing if there was no stream.
    StreamEnded {
        /// Whose connection.
        member: MemberId,
        /// Of which room.
        room: RoomId,
    },
    /// A user was shown a message of a page of older messages that they had asked for. It may have been seen before.
    Paged {
        /// To whom.
        member: MemberId,
        /// Where.
        room: RoomId,
        /// Which; `None` if it is nobody's of this run.
        send: Option<SendId>,
        /// Its place.
        position: Position,
    },
}
