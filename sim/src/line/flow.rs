//! Numbers the frames of each connection, where they leave and where they arrive.
//!
//! A connection loses nothing in between and keeps the order, so equal numbers are one frame. A server writes bytes,
//! not frames: they are put together again where they are written. Only detailed traces need any of this.

use std::collections::BTreeMap;

use bytes::Bytes;
use chinwag_core::ConnectionId;

use crate::{line::wire::Decoder, record::describe};

/// A direction of a connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Way {
    /// From the client.
    Up,
    /// To the client.
    Down,
}

/// How many frames have been seen on each connection.
#[derive(Debug, Default)]
pub(crate) struct Flows(BTreeMap<ConnectionId, Flow>);

#[derive(Debug, Default)]
struct Flow {
    sent: [u64; 2],
    arrived: [u64; 2],
    written: Decoder,
}

impl Flows {
    /// The number of a frame that leaves.
    pub(crate) fn sent(&mut self, connection: ConnectionId, way: Way) -> u64 {
        count(&mut self.flow(connection).sent[way as usize])
    }

    /// The number of a frame that arrives.
    pub(crate) fn arrived(&mut self, connection: ConnectionId, way: Way) -> u64 {
        count(&mut self.flow(connection).arrived[way as usize])
    }

    /// The frames that end in these bytes of a server: numbers and descriptions.
    pub(crate) fn written(&mut self, connection: ConnectionId, bytes: &Bytes) -> Vec<(u64, String)> {
        let Flow { sent, written, .. } = self.flow(connection);
        written.push(bytes);
        let mut frames = Vec::new();
        // What is no frame is found, and said, where it is read.
        while let Ok(Some(frame)) = written.next_frame() {
            frames.push((count(&mut sent[Way::Down as usize]), describe::server_frame(&frame).to_string()));
        }
        frames
    }

    fn flow(&mut self, connection: ConnectionId) -> &mut Flow {
        self.0.entry(connection).or_default()
    }
}

const fn count(frames: &mut u64) -> u64 {
    *frames += 1;
    *frames
}
