//! The head of a client's frame (RFC 6455 §5.2).

use crate::gateway::Fault;

/// The longest head: two bytes, eight of a length, four of a key.
pub(super) const HEAD_MAX: usize = 14;

/// The longest payload of a control frame (§5.5).
pub(super) const CONTROL_PAYLOAD_MAX: usize = 125;

const FINAL: u8 = 0x80;
const RESERVED: u8 = 0x70;
const MASKED: u8 = 0x80;

/// What a frame is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Opcode {
    Continuation,
    Text,
    Binary,
    Close,
    Ping,
    Pong,
}

impl Opcode {
    fn read(bits: u8) -> Option<Self> {
        Some(match bits {
            0 => Self::Continuation,
            1 => Self::Text,
            2 => Self::Binary,
            8 => Self::Close,
            9 => Self::Ping,
            10 => Self::Pong,
            _ => return None,
        })
    }

    /// Whether it may stand between the fragments of a message.
    pub(super) const fn is_control(self) -> bool {
        matches!(self, Self::Close | Self::Ping | Self::Pong)
    }
}

/// A frame's head.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Head {
    pub(super) is_final: bool,
    pub(super) opcode: Opcode,
    pub(super) key: [u8; 4],
    /// Bytes of the head itself.
    pub(super) len: usize,
    /// Bytes of payload behind it.
    pub(super) payload: usize,
}

impl Head {
    /// The head at the front of `bytes`; `None` if it is not all there.
    ///
    /// # Errors
    /// A head that the RFC forbids, however little of it has come: reserved bits and opcodes, no mask, a control frame
    /// that is long or a fragment, a length that is not in its shortest form.
    pub(super) fn read(bytes: &[u8]) -> Result<Option<Self>, Fault> {
        let Some(&first) = bytes.first() else { return Ok(None) };
        let opcode = Opcode::read(first & 0x0f).ok_or(Fault::Protocol)?;
        let is_final = first & FINAL != 0;
        if first & RESERVED != 0 || (opcode.is_control() && !is_final) {
            return Err(Fault::Protocol);
        }
        let Some(&second) = bytes.get(1) else { return Ok(None) };
        let short = usize::from(second & !MASKED);
        if second & MASKED == 0 || (opcode.is_control() && short > CONTROL_PAYLOAD_MAX) {
            return Err(Fault::Protocol);
        }
        let Some((payload, at)) = length(bytes, short)? else { return Ok(None) };
        let Some(key) = bytes[at..].first_chunk() else { return Ok(None) };
        Ok(Some(Self { is_final, opcode, key: *key, len: at + key.len(), payload }))
    }
}

/// The length of the payload, and where the head goes on behind it.
fn length(bytes: &[u8], short: usize) -> Result<Option<(usize, usize)>, Fault> {
    let (length, at, shortest) = match short {
        126 => match bytes[2..].first_chunk() {
            Some(length) => (u64::from(u16::from_be_bytes(*length)), 4, 126),
            None => return Ok(None),
        },
        127 => match bytes[2..].first_chunk() {
            Some(length) => (u64::from_be_bytes(*length), 10, 1 << 16),
            None => return Ok(None),
        },
        short => return Ok(Some((short, 2))),
    };
    if length < shortest || length > i64::MAX as u64 {
        return Err(Fault::Protocol);
    }
    // What no machine could hold is too long for any limit.
    Ok(Some((usize::try_from(length).unwrap_or(usize::MAX), at)))
}
