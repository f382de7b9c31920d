//! The promises of Chinwag, checked from observations.
//!
//! An [`Oracle`] is told what was planned, sent, acknowledged, refused and shown, and says which [`Promise`] was
//! broken. It believes nobody: what each member is owed it works out itself, from the positions at which they joined
//! and left. The same oracle judges a simulation, a load test and a recorded run.
//!
//! - What one member sees is judged at once: order, duplicates, gaps, privacy, continuity.
//! - So is what they say, as soon as its place is known: it comes in the order in which it was said, and while they
//!   were a member. That it comes after what they knew when they said it follows: that place is taken.
//! - What comes over a member's connection can be judged too, before a client that mends it has hidden it from its
//!   user; see [`Observation::Delivered`].
//! - What takes two to see is judged by [`Oracle::finish`]: losses, inventions, refused messages that were shown.
//!   Several oracles that watched parts of a run can be [merged](Oracle::merge) first.
//! - What is said to be gone, what newcomers are shown and what pages hold is judged by what the server keeps, if the
//!   oracle [is told](Oracle::keeping).
//! - Whether limits of rate are kept, an [`Allowance`] says: it needs to be told what was let in and when.
//! - Who may be in a room that has an owner, [`Doors`] say.
//! - What a shard holds more of than it may is an [`Excess`].
//! - A server without positions can be judged too, by identity alone; see [`Observation::Joined`]. If it shows all of
//!   a room one order, they are judged by each other: see [`Agreement`].
//! - The verdict is told as a whole ([`Report`]), and by member and room ([`Account`]).

mod account;
mod agreement;
mod allowance;
mod author;
mod bounds;
mod door;
mod finish;
mod keep;
mod ledger;
mod observation;
mod oracle;
mod reader;
mod report;
mod send;
mod stream;
mod table;
mod tally;
mod violation;

pub use account::{Account, Faults, Whose};
pub use allowance::Allowance;
pub use bounds::Excess;
pub use door::{Deed, Doors, Upshot};
pub use keep::{Keep, Page};
pub use observation::{MemberId, Observation, RoomId, SendId};
pub use oracle::{Agreement, Mode, Oracle};
pub use report::Report;
pub use violation::{Promise, Violation};
