//! What RFC 6455 says of frames: a table of cases, each over a socket of its own.
//!
//! `tests/clients/websocket.py` holds the same table to Node's `ws` and Python's `websockets`.

use std::iter;

use serde::Deserialize;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::kit::{Host, PATIENCE, within};

/// Longest case that is also sent byte by byte.
const BYTEWISE_MAX: usize = 1_000;

/// What is said last, where the connection is to live.
const LAST: &str = "that was all";

#[derive(Deserialize)]
struct Table {
    cases: Vec<Case>,
}

/// A row; `about` in the table says what its fields are.
#[derive(Deserialize)]
struct Case {
    name: String,
    send: Vec<String>,
    #[serde(flatten)]
    expected: Heard,
}

/// What a server says to it.
#[derive(Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(default)]
struct Heard {
    texts: Vec<String>,
    binaries: Vec<usize>,
    pongs: Vec<String>,
    close: Option<u16>,
}

#[tokio::test]
async fn frames_are_read_as_the_rfc_says() {
    let server = Host::start(|settings| {
        // What is sent behind a fault is read to its end, or else its close frame could be lost.
        settings.driver.close_linger = PATIENCE;
        settings.gateway.message_burst = 10_000;
        settings.gateway.control_burst = 10_000;
    });
    let table: Table = serde_json::from_str(include_str!("websocket/cases.json")).unwrap();
    assert!(table.cases.len() > 100);
    for (number, case) in table.cases.iter().enumerate() {
        let bytes = case.send.iter().flat_map(|text| frame(text)).collect::<Vec<_>>();
        play(&server, &format!("typist{number}"), case, &[&bytes]).await;
        if bytes.len() <= BYTEWISE_MAX {
            play(&server, &format!("slow{number}"), case, &bytes.chunks(1).collect::<Vec<_>>()).await;
        }
    }
    server.stop().await;
}

/// Sends a case's bytes in these pieces and holds what is heard against it.
async fn play(server: &Host, user: &str, case: &Case, pieces: &[&[u8]]) {
    let mut peer = Peer::connect(server, user).await;
    for piece in pieces {
        peer.send(piece).await;
    }
    if case.expected.close.is_none() {
        peer.send(&frame(&format!("81 '{LAST}'"))).await;
    }
    let heard = within(&case.name, peer.listen(user)).await;
    // What is binary is refused, whatever its length is.
    let binaries = vec![0; case.expected.binaries.len()];
    let Heard { texts, pongs, close, .. } = &case.expected;
    let expected = Heard { texts: texts.clone(), binaries, pongs: pongs.clone(), close: *close };
    assert_eq!(heard, expected, "{} in {} pieces", case.name, pieces.len());
}

/// A socket that speaks `lobby`, where a text is a line that all are shown, its author, too.
struct Peer(TcpStream);

impl Peer {
    async fn connect(server: &Host, user: &str) -> Self {
        let mut tcp = TcpStream::connect(server.address).await.unwrap();
        tcp.set_nodelay(true).unwrap();
        let request = format!(
            "GET /lobby?user={user} HTTP/1.1\r\nHost: chat\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        tcp.write_all(request.as_bytes()).await.unwrap();
        let mut head = vec![];
        while !head.ends_with(b"\r\n\r\n") {
            head.push(tcp.read_u8().await.unwrap());
        }
        assert!(head.starts_with(b"HTTP/1.1 101 "), "{}", String::from_utf8_lossy(&head));
        Self(tcp)
    }

    /// Sends, if the server has not hung up.
    async fn send(&mut self, bytes: &[u8]) {
        let _ = self.0.write_all(bytes).await;
    }

    /// Listens up to a close, or to [`LAST`].
    async fn listen(&mut self, user: &str) -> Heard {
        let mut heard = Heard::default();
        loop {
            let (opcode, payload) = self.frame().await;
            match opcode {
                1 => {
                    let line = String::from_utf8(payload).unwrap();
                    let said = line.split_once(&format!("Z #lobby {user}: ")).map(|(_, said)| said);
                    match said {
                        Some(LAST) => return heard,
                        Some(said) => heard.texts.push(said.to_owned()),
                        None if line.starts_with('!') => heard.binaries.push(0),
                        // Who comes and goes, and what was said before.
                        None => {}
                    }
                }
                8 => {
                    heard.close = Some(payload.first_chunk().map_or(1005, |code| u16::from_be_bytes(*code)));
                    return heard;
                }
                10 => heard.pongs.push(String::from_utf8(payload).unwrap()),
                _ => panic!("a server says nothing with {opcode}"),
            }
        }
    }

    async fn frame(&mut self) -> (u8, Vec<u8>) {
        let first = self.0.read_u8().await.unwrap();
        assert_eq!(first & 0xf0, 0x80, "whole frames without reserved bits");
        let len = match self.0.read_u8().await.unwrap() {
            126 => usize::from(self.0.read_u16().await.unwrap()),
            127 => usize::try_from(self.0.read_u64().await.unwrap()).unwrap(),
            len => usize::from(len),
        };
        let mut payload = vec![0; len];
        self.0.read_exact(&mut payload).await.unwrap();
        (first & 0x0f, payload)
    }
}

/// The bytes that an entry of `send` stands for.
fn frame(text: &str) -> Vec<u8> {
    if let Some(bytes) = text.strip_prefix("raw ") {
        return hex(bytes);
    }
    if let Some(rest) = text.strip_prefix("rest ") {
        return payload(rest);
    }
    let (key, text) = match text.strip_prefix("unmasked ") {
        Some(text) => (None, text),
        None => (Some([0x37, 0xfa, 0x21, 0x3d]), text),
    };
    let (first, rest) = text.split_at(2);
    let payload = payload(rest.trim_start());
    let mask = u8::from(key.is_some()) << 7;
    let mut bytes = hex(first);
    match payload.len() {
        len @ 0..126 => bytes.push(mask | len as u8),
        len @ 126..65_536 => {
            bytes.push(mask | 126);
            bytes.extend((len as u16).to_be_bytes());
        }
        len => {
            bytes.push(mask | 127);
            bytes.extend((len as u64).to_be_bytes());
        }
    }
    bytes.extend(key.iter().flatten());
    let key = key.unwrap_or_default().into_iter().cycle();
    bytes.extend(payload.into_iter().zip(key).map(|(byte, key)| byte ^ key));
    bytes
}

/// `'text'`s and `<hex>`es, each perhaps `*` so many times.
fn payload(mut text: &str) -> Vec<u8> {
    let mut bytes = vec![];
    while let Some(begin) = text.chars().next() {
        let end = if begin == '<' { '>' } else { '\'' };
        let (inner, rest) = text[1..].split_once(end).expect("what begins also ends");
        let part = if begin == '<' { hex(inner) } else { inner.as_bytes().to_vec() };
        let digits = rest.strip_prefix('*').map_or("1", |rest| rest.split(' ').next().unwrap());
        text = rest.strip_prefix('*').map_or(rest, |rest| &rest[digits.len()..]).trim_start();
        bytes.extend(iter::repeat_n(part, digits.parse().unwrap()).flatten());
    }
    bytes
}

fn hex(text: &str) -> Vec<u8> {
    let digits = text.replace(' ', "");
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect()
}
