//! How much memory the limits allow, from the same constants that hold it to them.

use chinwag_core::{
    name::{ROOM_NAME_MAX, USER_NAME_MAX},
    shard::{EXTRA_BYTES_MAX, Extra, KEY_BYTES_MAX, Message, TASK_BYTES_MAX, Task},
};

use super::Settings;
use crate::{http, uploads};

/// One part of the memory that the limits allow.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Part {
    /// What it holds.
    pub(crate) what: &'static str,
    /// How it comes about: a number, and what is counted, for each factor.
    pub(crate) factors: Vec<(u64, &'static str)>,
}

impl Part {
    fn new(what: &'static str, factors: &[(usize, &'static str)]) -> Self {
        let factors = factors.iter().map(|&(count, name)| (count as u64, name)).collect();
        Self { what, factors }
    }

    /// In bytes; as many as a number holds, if it is more.
    pub(crate) fn bytes(&self) -> u64 {
        self.factors.iter().fold(1, |bytes, (count, _)| bytes.saturating_mul(*count))
    }
}

/// The most that buffers and texts may take, part by part. The tables that hold them come on top, and so does what the
/// kernel keeps for each socket.
pub(crate) fn memory(settings: &Settings) -> Vec<Part> {
    let Settings { driver, storage, uploads, gateway, shard, .. } = settings;
    let count = |number: u32| number as usize;
    let threads = (count(driver.threads), "threads");
    let connections = (count(gateway.connections_max), "connections_max");
    let shards = (count(gateway.shards), "shards");
    let rooms = (count(shard.rooms_max), "rooms_max");
    let sessions = (count(shard.sessions_max), "sessions_max");
    let reading = driver.read_buffer_bytes + driver.socket_frame_bytes_max;
    let message = size_of::<Message>()
        + USER_NAME_MAX
        + gateway.content_bytes_max
        + size_of::<Extra>()
        + EXTRA_BYTES_MAX;
    let task = size_of::<Task>() + TASK_BYTES_MAX;
    let history =
        [rooms, (count(shard.history_max), "history_max"), (message, "bytes of the longest message")];
    let tasks = [rooms, (count(shard.tasks_max), "tasks_max"), (task, "bytes of the longest task")];
    let invited = [rooms, (count(shard.invited_max), "invited_max"), (USER_NAME_MAX, "bytes of a name")];
    let stays = [
        sessions,
        (count(shard.rooms_per_session_max), "rooms_per_session_max"),
        (ROOM_NAME_MAX + USER_NAME_MAX, "bytes of a room's and a member's name"),
    ];
    let keys = [
        (count(shard.keys_max), "keys_max"),
        (ROOM_NAME_MAX + KEY_BYTES_MAX, "bytes of a room's name and a key"),
    ];
    let of_shards = [
        ("history", &history[..]),
        ("tasks", &tasks),
        ("who is let in", &invited),
        ("who is where", &stays),
        ("keys of messages", &keys),
    ];
    let mut parts = vec![
        Part::new(
            "what waits to be written",
            &[threads, connections, (gateway.outbox_bytes_max, "outbox_bytes_max")],
        ),
        Part::new(
            "frames that have begun, and what was read beside them",
            &[threads, connections, (reading, "bytes: socket_frame_bytes_max and read_buffer_bytes")],
        ),
        Part::new(
            "HTTP",
            &[
                threads,
                (driver.http_connections_max, "http_connections_max"),
                (2 * http::BUFFER_BYTES_MAX, "bytes to read and to write"),
            ],
        ),
    ];
    parts.extend(of_shards.map(|(what, factors)| Part::new(what, &[&[shards], factors].concat())));
    if storage.data_dir.is_some() {
        let of_one = parts[parts.len() - of_shards.len()..].iter().map(|part| part.bytes() / shards.0 as u64);
        let of_one = usize::try_from(of_one.fold(0, u64::saturating_add)).unwrap_or(usize::MAX);
        parts.push(Part::new("a snapshot being made", &[(1, "shard"), (of_one, "bytes of all it may know")]));
        parts.push(Part::new("what waits for the disk", &[(storage.backlog_bytes_max, "backlog_bytes_max")]));
    }
    if uploads.files_dir.is_some() {
        parts.push(Part::new(
            "files on their way",
            &[(uploads.transfers_max, "transfers_max"), (uploads::PIECE_BYTES, "bytes read at once")],
        ));
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(settings: &Settings, what: &str) -> Option<u64> {
        memory(settings).iter().find(|part| part.what == what).map(Part::bytes)
    }

    #[test]
    fn parts_follow_their_limits() {
        let mut settings = Settings::default();
        settings.driver.threads = 3;
        settings.gateway.connections_max = 1_000;
        settings.gateway.outbox_bytes_max = 500_000;
        assert_eq!(bytes(&settings, "what waits to be written"), Some(1_500_000_000));
        let history = bytes(&settings, "history").unwrap();
        settings.shard.history_max *= 2;
        settings.gateway.shards = 4;
        assert_eq!(bytes(&settings, "history"), Some(8 * history));
    }

    #[test]
    fn what_is_not_there_takes_nothing() {
        let mut settings = Settings::default();
        assert_eq!(bytes(&settings, "what waits for the disk"), None);
        settings.storage.data_dir = Some("data".into());
        settings.gateway.shards = 2;
        assert_eq!(bytes(&settings, "what waits for the disk"), Some(64 << 20));
        let shards = ["history", "tasks", "who is let in", "who is where", "keys of messages"];
        let known: u64 = shards.iter().map(|what| bytes(&settings, what).unwrap()).sum();
        assert_eq!(bytes(&settings, "a snapshot being made"), Some(known / 2), "one shard at a time");
    }

    #[test]
    fn too_much_is_all_there_is() {
        let mut settings = Settings::default();
        (settings.shard.rooms_max, settings.shard.history_max) = (u32::MAX, u32::MAX);
        assert_eq!(bytes(&settings, "history"), Some(u64::MAX));
    }
}
