//! What happened, kept and shown: traces, tables, pictures, and what came of a run.

pub(crate) mod describe;
pub(crate) mod digest;
pub(crate) mod outcome;
pub mod table;
pub mod timeline;
pub mod trace;
