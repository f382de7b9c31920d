//! What reading does for a frame: found, unmasked where it lies, and lent.

use std::hint::black_box;

use chinwag_core::{config::GatewayConfig, websocket::Intake};

use crate::{CONTENT, Step};

/// Frames that come together under load.
const FRAMES: usize = 16;

/// Less than a frame.
const PIECE: usize = 100;

/// Many frames in one read. A step comes to the frames.
pub(crate) fn whole() -> Step {
    in_reads_of(usize::MAX)
}

/// The same frames, none of which comes in one piece.
pub(crate) fn in_pieces() -> Step {
    in_reads_of(PIECE)
}

fn in_reads_of(bytes: usize) -> Step {
    let sent: Vec<u8> = (0..FRAMES).flat_map(|_| masked(CONTENT.as_bytes())).collect();
    let bytes_max = GatewayConfig::default().frame_bytes_max;
    let (mut intake, mut buffer) = (Intake::default(), sent.clone());
    Box::new(move || {
        let mut heard = 0;
        buffer.copy_from_slice(&sent);
        for read in buffer.chunks_mut(bytes) {
            intake.take_in(read, bytes_max, |frame| {
                heard += usize::from(black_box(frame).is_ok());
                true
            });
        }
        heard
    })
}

/// A text frame as clients send it (RFC 6455 §5.2). The text is of 126 bytes or more, and not very long.
fn masked(text: &[u8]) -> Vec<u8> {
    let key = [0x37, 0xfa, 0x21, 0x3d];
    let len = u16::try_from(text.len()).expect("it is not long").to_be_bytes();
    let payload = text.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key);
    [0x81, 0x80 | 126].into_iter().chain(len).chain(key).chain(payload).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_frames_are_read_however_they_come() {
        assert_eq!([whole()(), in_pieces()()], [FRAMES; 2]);
        assert!(PIECE < masked(CONTENT.as_bytes()).len());
    }
}
