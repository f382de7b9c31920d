//! Who was shown how much in which room, so that two runs of a plan can be compared person by person.

use std::io;

use chinwag_scenarios::Plan;
use serde::{Deserialize, Serialize};

/// How many of a room's messages a client was shown.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub struct Received {
    /// Whom, by number.
    pub client: u32,
    /// Where, by number.
    pub room: u32,
    /// How many.
    pub received: u64,
}

/// Writes them as CSV, with names.
///
/// # Errors
/// It cannot be written.
pub fn write_received(received: &[Received], plan: &Plan, mut out: impl io::Write) -> io::Result<()> {
    writeln!(out, "client,user,room,received")?;
    for &Received { client, room, received } in received {
        writeln!(out, "{client},{},{},{received}", plan.user_name(client), plan.room_name(room))?;
    }
    out.flush()
}
