//! Captures: everything that went into a process's nodes, so that the same machines can be led through it again.
//!
//! A [`Tape`] in every node writes its inputs, in the order in which they came, to the process's [`Reel`]; a driver writes
//! what has gathered there to a file that begins with a [`Head`]. A [`Replay`] makes the nodes anew and tells them the same.
//! Behind every input stands what came of it, as a hash, so that the first difference is found where it is.
//!
//! What people say may be [redacted](chinwag_core::redact): then other texts, as long, stand in its place. Hashes are taken
//! as if it had been, so that both kinds can be compared. Tokens are never in a capture. What resumes sessions is: whoever
//! can read the file may speak for those whose sessions last.

mod file;
mod record;
mod reel;
mod replay;
mod scrub;
mod tape;

pub use file::{CaptureError, Head, Reader, Writer};
pub use record::{Record, Recorded};
pub use reel::{End, Reel};
pub use replay::{Difference, Replay, Step};
pub use tape::Tape;
