//! Who is at the other end: clients, visitors and intruders, and the dialects they speak.

pub(crate) mod bots;
pub(crate) mod callers;
pub(crate) mod doing;
pub(crate) mod intruder;
pub(crate) mod parlours;
pub(crate) mod passes;
pub(crate) mod person;
pub(crate) mod player;
pub(crate) mod playing;
pub(crate) mod put_off;
pub(crate) mod reuses;
pub(crate) mod visiting;
pub(crate) mod visitor;
pub(crate) mod voice;
