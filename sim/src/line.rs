//! Connections as the network has them: two pipes each, delayed, stalled, split and cut.

pub(crate) mod client_frame;
pub(crate) mod flow;
pub(crate) mod link;
pub(crate) mod links;
pub(crate) mod pipe;
pub(crate) mod uplink;
pub(crate) mod wire;
