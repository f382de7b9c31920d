//! What a `welcome` says of the server's limits, as one end writes and the other reads it.

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::frames::millis;
use crate::config::GatewayConfig;

/// What a server allows a connection, in its own words: the client may be slower from the start, and say beforehand
/// what would be refused.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Limits {
    /// Messages a session may send per second (S0.12).
    pub message_rate: u32,
    /// Messages at once after a rest.
    pub message_burst: u32,
    /// Longest content, in bytes of UTF-8 (S0.13).
    pub content_bytes: usize,
    /// Longest text frame that is understood, in bytes.
    pub frame_bytes: usize,
    /// Requests that may wait for an answer; past this the connection is not read.
    pub unanswered: u32,
    /// A WebSocket ping comes after this much silence; on the wire in milliseconds.
    #[serde(rename = "ping_interval_ms", serialize_with = "write_millis", deserialize_with = "read_millis")]
    #[cfg_attr(feature = "schema", schemars(with = "u64"))]
    pub ping_interval: Duration,
}

impl From<&GatewayConfig> for Limits {
    fn from(config: &GatewayConfig) -> Self {
        Self {
            message_rate: config.message_rate,
            message_burst: config.message_burst,
            content_bytes: config.content_bytes_max,
            frame_bytes: config.frame_bytes_max,
            unanswered: config.unanswered_max,
            ping_interval: config.ping_interval,
        }
    }
}

fn write_millis<S: Serializer>(span: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(millis(*span))
}

fn read_millis<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    u64::deserialize(deserializer).map(Duration::from_millis)
}
