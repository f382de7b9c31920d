//! Core's hot paths, and the terminal client's screen, each as a step that can be taken again and again.
//!
//! Criterion times the steps (`benches/hot_paths.rs`) and callgrind counts their instructions (`main.rs`): the same ones,
//! with the limits that users get.

use chinwag_core::{RoomName, Time, UserName, dialect::Dialect, name::LOBBY};

mod dialects;
mod limiter;
mod node;
mod screen;
mod shard;
mod websocket;

/// Takes a path once. What it returns says how much came of that, and is the same every time.
pub type Step = Box<dyn FnMut() -> usize>;

/// Something that core does for every message, delivery or frame.
#[derive(Clone, Copy, Debug)]
pub struct HotPath {
    /// What reports and limits call it.
    pub name: &'static str,
    /// Makes ready what its steps need, so far that they are all alike.
    pub prepare: fn() -> Step,
}

/// All of them.
pub const HOT_PATHS: &[HotPath] = &[
    HotPath { name: "message", prepare: node::message },
    HotPath { name: "publish", prepare: shard::publish },
    HotPath { name: "fan_out/at_rest", prepare: || node::fan_out(1) },
    HotPath { name: "fan_out/under_load", prepare: || node::fan_out(16) },
    HotPath { name: "websocket/whole", prepare: websocket::whole },
    HotPath { name: "websocket/in_pieces", prepare: websocket::in_pieces },
    HotPath { name: "limiter", prepare: limiter::limiter },
    HotPath { name: "decode/chat", prepare: || dialects::decode(Dialect::Chat) },
    HotPath { name: "decode/lobby", prepare: || dialects::decode(Dialect::Lobby) },
    HotPath { name: "decode/envelope", prepare: || dialects::decode(Dialect::Envelope) },
    HotPath { name: "decode/socketio", prepare: || dialects::decode(Dialect::SocketIo) },
    HotPath { name: "decode/agents", prepare: || dialects::decode(Dialect::Agents) },
    HotPath { name: "encode/chat", prepare: || dialects::encode(Dialect::Chat) },
    HotPath { name: "encode/lobby", prepare: || dialects::encode(Dialect::Lobby) },
    HotPath { name: "encode/envelope", prepare: || dialects::encode(Dialect::Envelope) },
    HotPath { name: "encode/socketio", prepare: || dialects::encode(Dialect::SocketIo) },
    HotPath { name: "encode/agents", prepare: || dialects::encode(Dialect::Agents) },
    HotPath { name: "screen/of_100", prepare: || screen::screen(100) },
    HotPath { name: "screen/of_100_000", prepare: || screen::screen(100_000) },
];

/// When it all begins.
const START: Time = Time(1_795_237_380_000_000);

/// What is said: 128 bytes, as in the benchmarks side by side.
const CONTENT: &str = "The quick brown fox jumps over the lazy dog, again and again, until somebody asks whether it \
                       has nothing else to do on a Monday.";

/// The room that every dialect knows.
fn room() -> RoomName {
    RoomName::new(LOBBY).expect("a fitting name")
}

fn user(number: usize) -> UserName {
    UserName::new(&format!("user-{number}")).expect("a fitting name")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_is_like_the_one_before() {
        for HotPath { name, prepare } in HOT_PATHS {
            let mut step = prepare();
            let first = step();
            assert!(first > 0, "{name} does nothing");
            for _ in 0..200 {
                assert_eq!(step(), first, "{name}");
            }
        }
    }

    #[test]
    fn the_content_is_as_long_as_that_of_the_benchmarks_side_by_side() {
        assert_eq!(CONTENT.len(), 128);
    }
}
