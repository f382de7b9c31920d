//! What a user of a conversation may want.

use super::draw::Draw;
use crate::{
    client::Command,
    id::Seq,
    identity::Token,
    name::{RoomName, UserName},
    shard::{Extra, File, Kind, Status, TaskChange},
};

pub(super) const ROOMS: [&str; 3] = ["general", "ops", "random"];

pub(super) fn room(name: &str) -> RoomName {
    RoomName::new(name).unwrap()
}

fn bob() -> UserName {
    UserName::new("bob").unwrap()
}

pub(super) fn draw(draw: &mut Draw) -> Command {
    let room = room(ROOMS[draw.index(ROOMS.len())]);
    match draw.below(100) {
        0..42 => Command::Publish { room, content: content(draw).into(), extra: extra(draw).map(Into::into) },
        42..58 => Command::Join { room },
        58..70 => Command::Leave { room },
        70..73 => Command::Typing { room, on: draw.chance(70) },
        73..76 => Command::History { room, before: draw.chance(50).then_some(Seq(4)), limit: 3 },
        76..79 => Command::Members { room, after: draw.chance(30).then(bob) },
        79..82 => Command::Rooms { after: draw.chance(30).then_some(room) },
        82..85 => Command::Create { room, private: draw.chance(50) },
        85..87 => Command::Invite { room, user: bob() },
        87..89 => Command::Kick { room, user: bob() },
        89..91 => Command::Run { room, on: draw.chance(50) },
        91..93 => Command::Seen { room, seq: Seq(2) },
        93..95 => Command::Status { room, status: working() },
        95..97 => Command::Task { room, task: task(draw) },
        97..99 => Command::Refresh { token: Token::new("newer") },
        _ => Command::Ping,
    }
}

fn content(draw: &mut Draw) -> String {
    match draw.below(20) {
        // Longer than the server understands once it is escaped.
        0..3 => "\u{1}".repeat(50),
        3 => "ü 🦀 \"quoted\" \\ and\na second line".to_owned(),
        _ => format!("said {}", draw.below(1_000)),
    }
}

fn extra(draw: &mut Draw) -> Option<Extra> {
    draw.chance(25).then(|| Extra {
        key: draw.chance(50).then(|| "k1".into()),
        client_id: draw.chance(50).then_some(7),
        reply_to: draw.chance(50).then_some(3),
        kind: if draw.chance(50) { Kind::File } else { Kind::Text },
        file: draw.chance(50).then(|| File { url: "https://a.example/b".into(), name: Some("b".into()) }),
        mentions: if draw.chance(50) { vec!["bob".into()] } else { vec![] },
        priority: if draw.chance(50) { 1 } else { 2 },
        state: None,
    })
}

fn working() -> Status {
    Status { state: "working".into(), detail: Some("on it".into()), progress: Some(40) }
}

fn task(draw: &mut Draw) -> TaskChange {
    TaskChange {
        task: "T-1".into(),
        status: draw.chance(50).then(working),
        assignee: draw.chance(50).then(bob),
        priority: draw.chance(50).then_some(1),
        metadata: draw.chance(50).then(|| "{\"a\":1}".into()),
    }
}
