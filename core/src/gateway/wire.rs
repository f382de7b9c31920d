//! WebSocket framing of what a server sends (RFC 6455 §5.2): final, unmasked frames.

/// A frame's kind.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Opcode {
    Text = 1,
    Close = 8,
    Ping = 9,
    Pong = 10,
}

/// Longest control frame a server sends: two bytes of header and 125 of payload.
pub(super) const CONTROL_FRAME_MAX: usize = 127;

/// Appends a frame.
pub(super) fn put(opcode: Opcode, payload: &[u8], out: &mut Vec<u8>) {
    const FINAL: u8 = 0x80;
    out.reserve(payload.len() + 10);
    out.push(FINAL | opcode as u8);
    match (u8::try_from(payload.len()), u16::try_from(payload.len())) {
        (Ok(len), _) if len < planted!(FrameLengthBoundary, 127, 126) => out.push(len),
        (_, Ok(len)) => {
            out.push(126);
            out.extend(planted!(FrameLengthReversed, len.to_le_bytes(), len.to_be_bytes()));
        }
        _ => {
            out.push(127);
            out.extend((payload.len() as u64).to_be_bytes());
        }
    }
    out.extend(payload);
}

/// Appends a close frame with a code and a reason of at most 123 bytes.
pub(super) fn put_close(code: u16, reason: &str, out: &mut Vec<u8>) {
    let mut payload = Vec::with_capacity(2 + reason.len());
    payload.extend(code.to_be_bytes());
    payload.extend(reason.as_bytes());
    debug_assert!(payload.len() <= 125, "control frames are short");
    put(Opcode::Close, &payload, out);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_take_the_shortest_form() {
        for (len, header) in [(0, 2), (125, 2), (126, 4), (65_535, 4), (65_536, 10)] {
            let mut out = vec![];
            put(Opcode::Text, &vec![b'x'; len], &mut out);
            assert_eq!(out.len(), header + len);
            assert_eq!(out[0], 0x81);
        }
    }
}
