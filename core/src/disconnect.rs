//! Why a connection ends: close codes, defined once.

use std::{fmt, time::Duration};

/// The key that carries the planned return inside a close reason.
pub const RETRY_AFTER_KEY: &str = "retry_after_ms=";

/// Why the server ends a connection.
///
/// The code tells the client whether to come back: 4001 and 4100–4499 say yes (with a planned delay in the
/// reason), 4000, 4002–4004 and 4500–4999 say no. Codes 4000–4004 are specification 2's.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Disconnect {
    /// The client closed; its code is answered in kind.
    Requested,
    /// 1009: a frame larger than the socket accepts.
    FrameTooBig,
    /// 1002: the bytes were no WebSocket frames.
    ProtocolError,
    /// 1003: a binary frame, in a dialect that closes for one (S2.13).
    UnsupportedData,
    /// 1007: a text frame that is not UTF-8.
    InvalidText,
    /// 4000: its token is not valid, or it has none where one is needed.
    BadToken,
    /// 4001: refused for its rate for a whole window, and still.
    RateLimited,
    /// 4002: what it sends is not of its dialect (S2.13).
    BadFormat,
    /// 4003: there is no such room, where that is an end (S2.13).
    UnknownRoom,
    /// 4004: it may not do what it asked for, where that is an end (S2.13).
    PermissionDenied,
    /// 4100: did not read what was sent to it.
    Slow,
    /// 4101: the server is going down; come back at the planned instant.
    Shutdown,
    /// 4102: sent nothing, not even a pong.
    HeartbeatTimeout,
    /// 4103: the gateway holds as many connections as it may.
    Overloaded,
    /// 4104: it was silent for a newer connection of its user, which was gone before it was attached.
    Displaced,
    /// 4500: another connection took the session over.
    Replaced,
    /// 4501: said nothing that names a user in time.
    AttachTimeout,
    /// 4502: idle longer than the operator allows.
    Idle,
    /// 4503: the user that its address names cannot have another session.
    AttachRefused,
    /// 4504: its token has expired, and it has shown no other in time.
    TokenExpired,
}

impl Disconnect {
    /// All of them, in the order of their codes.
    pub const ALL: [Self; 20] = [
        Self::Requested,
        Self::ProtocolError,
        Self::UnsupportedData,
        Self::InvalidText,
        Self::FrameTooBig,
        Self::BadToken,
        Self::RateLimited,
        Self::BadFormat,
        Self::UnknownRoom,
        Self::PermissionDenied,
        Self::Slow,
        Self::Shutdown,
        Self::HeartbeatTimeout,
        Self::Overloaded,
        Self::Displaced,
        Self::Replaced,
        Self::AttachTimeout,
        Self::Idle,
        Self::AttachRefused,
        Self::TokenExpired,
    ];

    /// The WebSocket close code (RFC 6455 §7.4).
    #[must_use]
    pub const fn code(self) -> u16 {
        match self {
            Self::Requested => 1000,
            Self::ProtocolError => 1002,
            Self::UnsupportedData => 1003,
            Self::InvalidText => 1007,
            Self::FrameTooBig => 1009,
            Self::BadToken => 4000,
            Self::RateLimited => 4001,
            Self::BadFormat => 4002,
            Self::UnknownRoom => 4003,
            Self::PermissionDenied => 4004,
            Self::Slow => 4100,
            Self::Shutdown => 4101,
            Self::HeartbeatTimeout => 4102,
            Self::Overloaded => 4103,
            Self::Displaced => 4104,
            Self::Replaced => 4500,
            Self::AttachTimeout => 4501,
            Self::Idle => 4502,
            Self::AttachRefused => 4503,
            Self::TokenExpired => 4504,
        }
    }

    /// The name that logs, metrics and close reasons use.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::ProtocolError => "protocol_error",
            Self::UnsupportedData => "unsupported_data",
            Self::InvalidText => "invalid_text",
            Self::FrameTooBig => "frame_too_big",
            Self::BadToken => "bad_token",
            Self::RateLimited => "rate_limited",
            Self::BadFormat => "bad_format",
            Self::UnknownRoom => "unknown_room",
            Self::PermissionDenied => "permission_denied",
            Self::Slow => "slow",
            Self::Shutdown => "shutdown",
            Self::HeartbeatTimeout => "heartbeat_timeout",
            Self::Overloaded => "overloaded",
            Self::Displaced => "displaced",
            Self::Replaced => "replaced",
            Self::AttachTimeout => "attach_timeout",
            Self::Idle => "idle",
            Self::AttachRefused => "attach_refused",
            Self::TokenExpired => "token_expired",
        }
    }

    /// The close reason: the name and, if the client is to come back, when. At most 123 bytes (RFC 6455 §5.5).
    #[must_use]
    pub fn reason(self, retry_after: Option<Duration>) -> String {
        match retry_after {
            Some(after) => format!("{} {RETRY_AFTER_KEY}{}", self.name(), after.as_millis()),
            None => self.name().to_owned(),
        }
    }
}

impl fmt::Display for Disconnect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Whether a client closed with `code` should come back. `None` is a connection that ended without a close frame.
#[must_use]
pub const fn may_return(code: Option<u16>) -> bool {
    match code {
        None => true,
        // 1000 is an end; 1002, 1003, 1007, 1009 would happen again.
        Some(1001 | 1006 | 1011..=1014) => true,
        Some(4001 | 4100..=4499) => true,
        Some(_) => false,
    }
}

/// The planned return inside a close reason, if it holds one.
#[must_use]
pub fn retry_after(reason: &str) -> Option<Duration> {
    let millis = reason.split_ascii_whitespace().find_map(|word| word.strip_prefix(RETRY_AFTER_KEY))?;
    millis.parse().ok().map(Duration::from_millis)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_carries_the_planned_return() {
        for disconnect in Disconnect::ALL {
            let reason = disconnect.reason(Some(Duration::from_millis(u64::MAX / 1_000_000)));
            assert!(reason.len() <= 123, "{reason}");
            assert_eq!(retry_after(&reason), Some(Duration::from_millis(u64::MAX / 1_000_000)));
        }
        assert_eq!(retry_after("slow"), None);
    }

    #[test]
    fn codes_say_whether_to_come_back() {
        use Disconnect::{AttachTimeout, HeartbeatTimeout, RateLimited, Replaced, Shutdown, Slow};
        for disconnect in [RateLimited, Slow, Shutdown, HeartbeatTimeout] {
            assert!(may_return(Some(disconnect.code())), "{disconnect}");
        }
        for disconnect in [Replaced, AttachTimeout] {
            assert!(!may_return(Some(disconnect.code())), "{disconnect}");
        }
        assert!(may_return(None));
        assert!(!may_return(Some(1000)));
    }
}
