//! Inputs and frames in a few words, for traces.

use std::fmt;

use chinwag_core::{
    client::ClientInput,
    gateway::{Frame, GatewayInput},
};
use chinwag_journal::{Mail, NodeInput};

use crate::{
    line::{client_frame::ClientFrame, wire::ServerFrame},
    plan::scenario::Step,
};

/// A client asks for its connection.
pub(crate) const HANDSHAKE: &str = "handshake";

/// A client lets go of its connection.
pub(crate) const FIN: &str = "fin";
/// Faults end for a while, and then for good.
pub(crate) const CALM: &str = "no faults for";
pub(crate) const HEALED: &str = "all faults end";
/// A node that was paused goes on.
pub(crate) const GOES_ON: &str = "goes on";
/// A node dies, and the others live on.
pub(crate) const DIES_ALONE: &str = "dies alone";
/// A node does nothing more, and is declared dead some time later.
pub(crate) const FREEZES: &str = "does nothing more";
pub(crate) const FENCED: &str = "is declared dead";

/// A step of the scenario, by its number.
pub(crate) fn step(step: &Step) -> impl fmt::Display {
    fmt::from_fn(move |f| write!(f, "#{} {:?}", step.id, step.action))
}

/// What a client is told.
pub(crate) fn client_input(input: &ClientInput<'_>) -> impl fmt::Display {
    fmt::from_fn(move |f| match input {
        ClientInput::Opened => f.write_str("opened"),
        ClientInput::Received(received) => write!(f, "{}", frame(received)),
        ClientInput::Closed { code: Some(code), reason } => write!(f, "closed {code} {reason}"),
        ClientInput::Closed { code: None, .. } => f.write_str("closed"),
        ClientInput::Timeout => f.write_str("timer"),
    })
}

/// What a node is told.
pub(crate) fn node_input(input: &NodeInput<'_>) -> impl fmt::Display {
    fmt::from_fn(move |f| match input {
        NodeInput::Gateway(input) => match input {
            GatewayInput::Connected { .. } => f.write_str("connected"),
            GatewayInput::Received { frame: received, .. } => write!(f, "{}", frame(received)),
            GatewayInput::Faulted { fault, .. } => write!(f, "fault {fault:?}"),
            GatewayInput::Disconnected { .. } => f.write_str("disconnected"),
            GatewayInput::Verified { outcome, .. } => write!(f, "verified {outcome:?}"),
            GatewayInput::Drain => f.write_str("drain"),
            GatewayInput::Shard(event) => write!(f, "{event:?}"),
            GatewayInput::Timeout => f.write_str("timer"),
        },
        NodeInput::Stored(shard, last) => write!(f, "stored s{} up to {last}", shard.0),
        NodeInput::Mail(_, Mail::Submit(shard, op)) => write!(f, "submit s{} {op:?}", shard.0),
        NodeInput::Mail(_, Mail::Query(shard, query)) => write!(f, "query s{} {query:?}", shard.0),
        NodeInput::Mail(_, Mail::Signal(shard, signal)) => write!(f, "signal s{} {signal:?}", shard.0),
        NodeInput::Mail(_, Mail::Event(_, event)) => write!(f, "event {event:?}"),
        NodeInput::Timeout => f.write_str("timer"),
    })
}

/// What a client sends.
pub(crate) fn client_frame(sent: &ClientFrame<'_>) -> impl fmt::Display {
    fmt::from_fn(move |f| match sent {
        Ok(sent) => write!(f, "{}", frame(sent)),
        Err(fault) => write!(f, "fault {fault:?}"),
    })
}

/// What a server sends.
pub(crate) fn server_frame(frame: &ServerFrame<'_>) -> impl fmt::Display {
    fmt::from_fn(move |f| match frame {
        ServerFrame::Text(text) => f.write_str(text),
        ServerFrame::Ping(_) => f.write_str("ping"),
        ServerFrame::Pong => f.write_str("pong"),
        ServerFrame::Close(Some((code, reason))) => close(f, Some(*code), reason),
        ServerFrame::Close(None) => close(f, None, ""),
    })
}

fn frame(frame: &Frame<'_>) -> impl fmt::Display {
    fmt::from_fn(move |f| match frame {
        Frame::Text(text) => f.write_str(text),
        Frame::Binary(len) => write!(f, "binary of {len} bytes"),
        Frame::Ping(_) => f.write_str("ping"),
        Frame::Pong => f.write_str("pong"),
        Frame::Close(code) => close(f, *code, ""),
    })
}

fn close(f: &mut fmt::Formatter<'_>, code: Option<u16>, reason: &str) -> fmt::Result {
    match code {
        Some(code) if reason.is_empty() => write!(f, "close {code}"),
        Some(code) => write!(f, "close {code} {reason}"),
        None => f.write_str("close"),
    }
}
