//! Frames as the gateway writes them, read back: whole, unmasked and well made (RFC 6455 §5.2).

use std::mem;

/// The opcode of text.
const TEXT: u8 = 0x1;
/// The opcode of a ping.
const PING: u8 = 0x9;

/// Takes bytes in any pieces and gives text frames, and whether a ping came; others mean nothing without a socket.
#[derive(Debug, Default)]
pub(super) struct Frames {
    bytes: Vec<u8>,
    pinged: bool,
}

impl Frames {
    /// More bytes.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// The next text, once it is complete.
    pub(super) fn next_text(&mut self) -> Option<Vec<u8>> {
        loop {
            let (opcode, head, length) = self.head()?;
            if self.bytes.len() < head + length {
                return None;
            }
            let frame: Vec<u8> = self.bytes.drain(..head + length).collect();
            if opcode == TEXT {
                return Some(frame[head..].to_vec());
            }
            self.pinged |= opcode == PING;
        }
    }

    /// Whether a ping has come since this was last asked.
    pub(super) fn take_ping(&mut self) -> bool {
        mem::take(&mut self.pinged)
    }

    /// Opcode, length of the head and length of the payload of the first frame, once its head is complete.
    fn head(&self) -> Option<(u8, usize, usize)> {
        let (opcode, short) = (self.bytes.first()? & 0x0f, *self.bytes.get(1)?);
        let long = |digits: usize| {
            let digits = self.bytes.get(2..2 + digits)?;
            Some(digits.iter().fold(0, |length, &digit| length << 8 | usize::from(digit)))
        };
        match short {
            126 => Some((opcode, 4, long(2)?)),
            127 => Some((opcode, 10, long(8)?)),
            short => Some((opcode, 2, usize::from(short))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_of_each_length_are_read_in_any_pieces() {
        let texts = [vec![b'a'; 3], vec![b'b'; 300], vec![b'c'; 70_000]];
        let mut wire = vec![0x89, 2, b'h', b'i'];
        for text in &texts {
            wire.push(0x81);
            match text.len() {
                length @ ..126 => wire.push(length as u8),
                length @ ..65_536 => wire.extend([&[126][..], &(length as u16).to_be_bytes()].concat()),
                length => wire.extend([&[127][..], &(length as u64).to_be_bytes()].concat()),
            }
            wire.extend(text);
        }
        wire.extend([0x88, 2, 3, 232]);
        for piece in [1, 7, wire.len()] {
            let mut frames = Frames::default();
            let mut read = Vec::new();
            for bytes in wire.chunks(piece) {
                frames.push(bytes);
                while let Some(text) = frames.next_text() {
                    read.push(text);
                }
            }
            assert_eq!(read, texts, "in pieces of {piece}");
            assert!(frames.take_ping() && !frames.take_ping(), "one ping");
        }
    }
}
