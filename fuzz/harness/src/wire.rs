//! RFC 6455 as a client reads it: frames out of the bytes that a server has written (§5.2).

/// A frame that came in.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Frame {
    Text(String),
    Ping,
    Pong,
    Close(Option<u16>),
}

/// Takes whole frames from the front of `bytes`; a part of one is left.
///
/// # Panics
/// They are not what a server may send.
pub(crate) fn take(bytes: &mut Vec<u8>) -> Vec<Frame> {
    let (mut frames, mut at) = (Vec::new(), 0);
    while let Some((opcode, payload)) = next(&bytes[at..]) {
        frames.push(frame(opcode, &bytes[at..][payload.clone()]));
        at += payload.end;
    }
    bytes.drain(..at);
    frames
}

/// The opcode of the first frame, and where its payload lies, if it is there as a whole.
fn next(bytes: &[u8]) -> Option<(u8, std::ops::Range<usize>)> {
    let (&[head, len], rest) = bytes.split_first_chunk()?;
    assert_eq!(head & 0xf0, 0x80, "a frame is final, and nothing is reserved");
    let (header, len) = match len {
        0..126 => (2, usize::from(len)),
        126 => (4, usize::from(u16::from_be_bytes(*rest.first_chunk()?))),
        127 => (10, usize::try_from(u64::from_be_bytes(*rest.first_chunk()?)).expect("it is no petabyte")),
        128.. => panic!("a server's frame is not masked"),
    };
    let shortest = match len {
        0..126 => 2,
        126..65_536 => 4,
        _ => 10,
    };
    assert_eq!(header, shortest, "a length takes its shortest form");
    (bytes.len() >= header + len).then_some((head & 0x0f, header..header + len))
}

fn frame(opcode: u8, payload: &[u8]) -> Frame {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("text is UTF-8");
    assert!(opcode == 1 || payload.len() <= 125, "a control frame is short");
    match (opcode, payload) {
        (1, payload) => Frame::Text(text(payload)),
        (8, []) => Frame::Close(None),
        (8, [high, low, reason @ ..]) => {
            text(reason);
            let code = u16::from_be_bytes([*high, *low]);
            assert!(matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999), "{code} is not for the wire");
            Frame::Close(Some(code))
        }
        (9, _) => Frame::Ping,
        (10, _) => Frame::Pong,
        _ => panic!("a server does not send opcode {opcode} with {} bytes", payload.len()),
    }
}
