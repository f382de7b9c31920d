//! What stands for a machine's input in the hash of a run.

use std::fmt;

use chinwag_core::{
    client::ClientInput,
    dialect::Opening,
    gateway::{Frame, GatewayInput},
    hash::mix,
};
use chinwag_journal::{Mail, NodeInput};

use crate::line::client_frame::ClientFrame;

/// Stands for bytes: one multiplication for every eight of them, for this is done with every frame.
pub(crate) fn bytes(bytes: &[u8]) -> u64 {
    let fold = |state: u64, word: u64| {
        let product = u128::from(state ^ word) * 0x9e37_79b9_7f4a_7c15_u128;
        (product as u64).rotate_left(7) ^ (product >> 64) as u64
    };
    let mut words = bytes.chunks_exact(8);
    let state = words.by_ref().fold(bytes.len() as u64, |state, word| {
        fold(state, u64::from_le_bytes(word.try_into().expect("words of eight")))
    });
    let mut last = [0; 8];
    last[..words.remainder().len()].copy_from_slice(words.remainder());
    fold(state, u64::from_le_bytes(last))
}

fn text(text: &str) -> u64 {
    bytes(text.as_bytes())
}

/// Stands for several things in this order.
fn all<const N: usize>(digests: [u64; N]) -> u64 {
    digests.into_iter().fold(N as u64, mix)
}

/// Stands for whatever can be described; that takes longer than all else here.
pub(crate) fn described(value: &impl fmt::Debug) -> u64 {
    text(&format!("{value:?}"))
}

fn frame(frame: &Frame<'_>) -> u64 {
    match frame {
        Frame::Text(text) => mix(1, bytes(text.as_bytes())),
        Frame::Binary(len) => mix(2, *len as u64),
        Frame::Ping(payload) => mix(3, bytes(payload)),
        Frame::Pong => 4,
        Frame::Close(code) => mix(5, code.map_or(0, u64::from)),
    }
}

/// …of what a client sends.
pub(crate) fn client_frame(sent: &ClientFrame<'_>) -> u64 {
    match sent {
        Ok(sent) => mix(1, frame(sent)),
        Err(fault) => mix(2, *fault as u64),
    }
}

/// …of a client.
pub(crate) fn client(input: &ClientInput<'_>) -> u64 {
    match input {
        ClientInput::Opened => 1,
        ClientInput::Received(received) => mix(2, frame(received)),
        ClientInput::Closed { code, reason } => {
            mix(mix(3, code.map_or(0, u64::from)), bytes(reason.as_bytes()))
        }
        ClientInput::Timeout => 4,
    }
}

/// …of a node.
pub(crate) fn node(input: &NodeInput<'_>) -> u64 {
    match input {
        NodeInput::Stored(shard, last) => all([14, shard.0.into(), *last]),
        NodeInput::Gateway(GatewayInput::Connected { connection, opening }) => {
            all([1, connection.0, opened(opening)])
        }
        NodeInput::Gateway(GatewayInput::Received { connection, frame: received }) => {
            mix(mix(2, connection.0), frame(received))
        }
        NodeInput::Gateway(GatewayInput::Faulted { connection, fault }) => {
            mix(mix(3, connection.0), *fault as u64)
        }
        NodeInput::Gateway(GatewayInput::Disconnected { connection }) => mix(4, connection.0),
        NodeInput::Gateway(GatewayInput::Verified { connection, outcome }) => {
            all([11, connection.0, described(outcome)])
        }
        NodeInput::Gateway(GatewayInput::Drain) => 5,
        NodeInput::Gateway(GatewayInput::Shard(_) | GatewayInput::Timeout) | NodeInput::Timeout => 6,
        // What is in them came from inputs that are in the hash, and leads to bytes that will be.
        NodeInput::Mail(_, Mail::Submit(shard, _)) => mix(7, u64::from(shard.0)),
        NodeInput::Mail(_, Mail::Query(shard, _)) => mix(8, u64::from(shard.0)),
        NodeInput::Mail(_, Mail::Signal(shard, _)) => mix(9, u64::from(shard.0)),
        NodeInput::Mail(_, Mail::Event(..)) => 10,
    }
}

/// A token is not described.
fn opened(opening: &Opening) -> u64 {
    mix(described(opening), opening.token.as_ref().map_or(0, |token| text(token.reveal())))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_byte_counts() {
        let text = br#"{"type":"message","room":"r0","user":"u1"}"#;
        let mut digests = BTreeSet::from([bytes(text)]);
        for place in 0..text.len() {
            for bit in 0..8 {
                let mut other = *text;
                other[place] ^= 1 << bit;
                assert!(digests.insert(bytes(&other)), "bit {bit} of byte {place}");
            }
            assert!(digests.insert(bytes(&text[..place])), "{place} bytes");
        }
    }
}
