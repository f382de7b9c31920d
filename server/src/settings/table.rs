//! Every setting, once: its name, its help and where it is kept. Flags, environment variables, file keys and the
//! printed configuration all come from this table.

use super::{Settings, value::Value};

/// One setting.
pub(crate) struct Setting {
    /// The key in the file, as in `message_rate`; flag and environment variable derive from it.
    pub(crate) name: &'static str,
    /// Which part of the help it stands in.
    pub(crate) heading: &'static str,
    /// One sentence.
    pub(crate) help: &'static str,
    /// What help calls its value.
    pub(crate) value_name: &'static str,
    /// Reads it; the error says what it must be.
    pub(crate) set: fn(&mut Settings, &str) -> Result<(), String>,
    /// Writes it.
    pub(crate) get: fn(&Settings) -> String,
}

impl Setting {
    /// The flag without its dashes, as in `message-rate`.
    pub(crate) fn flag(&self) -> String {
        self.name.replace('_', "-")
    }

    /// The environment variable, as in `CHAT_MESSAGE_RATE`.
    pub(crate) fn variable(&self) -> String {
        format!("CHAT_{}", self.name.to_uppercase())
    }

    /// The setting with this key in the file.
    pub(crate) fn named(name: &str) -> Option<&'static Self> {
        TABLE.iter().find(|setting| setting.name == name)
    }
}

macro_rules! settings {
    ($($heading:literal: $group:ident { $($field:ident: $help:literal;)* })*) => {
        /// All settings, in the order of the help and of the printed configuration.
        pub(crate) static TABLE: &[Setting] = &[$($(Setting {
            name: stringify!($field),
            heading: $heading,
            help: $help,
            value_name: value_name(|settings| &settings.$group.$field),
            set: |settings, text| {
                settings.$group.$field = Value::read(text)?;
                // The others of its group have been checked, or are defaults.
                settings.$group.check().map_err(|limit| limit.must_be.to_owned())
            },
            get: |settings| settings.$group.$field.write(),
        },)*)*];
    };
}

/// The name of a field's type: the compiler finds the type, so the table need not repeat it.
const fn value_name<T: Value>(_field: fn(&Settings) -> &T) -> &'static str {
    T::NAME
}

settings! {
    "Server": driver {
        listen: "Address to listen on; may be given several times";
        threads: "Threads that hold connections; as many as cores if not given";
        log: "What to log, as in info or chinwag_server=debug,warn";
        log_format: "How log lines look";
        drain_timeout: "On Ctrl-C, wait this long for connections to end";
    }
    "Storage": storage {
        data_dir: "Directory that keeps what was said, who is where, and what was answered; off keeps it in memory only";
        state_file: "File in which a planned end leaves everything for the next start, where there is no data_dir";
        durability: "When what was said counts as kept: none, interval (outlives the process), commit (the machine, too), or auto: commit";
        sync_interval: "With interval, what was written is synced this often";
        snapshot_bytes: "A snapshot is made after so many bytes of a shard's log, or as many as the last one has";
        backlog_bytes_max: "Most bytes of log that wait for the disk: while there are more, nobody is read or let in";
    }
    "Files": uploads {
        files_dir: "Directory that keeps the files people upload; off, and nobody can";
        file_bytes_max: "Most bytes of one file";
        user_files_bytes_max: "Most bytes of one user's files, as they lie on a disk";
        files_bytes_max: "Most bytes of all files, as they lie on a disk";
        file_types: "What is taken, told from what comes and not from its name; * is anything";
        file_ttl: "A file is kept this long, if its room is";
        transfers_max: "Uploads and downloads at once";
        user_transfers_max: "Uploads and downloads of one user at once";
        transfer_timeout: "One of those may take so long";
    }
    "Capture": capture {
        capture: "File in which all that comes in is written down, for sim import; what is there is kept with .1 behind its name";
        capture_bytes: "Most bytes of it: then it ends, and the server goes on";
        capture_bodies: "What people say, in it: clear, or hashed (other texts of the same length)";
    }
    "Sockets": driver {
        http_connections_max: "Sockets per thread that have not become a WebSocket";
        header_timeout: "An HTTP request's head must arrive within this";
        close_linger: "A closed connection may take this long to read what is left";
        read_buffer_bytes: "Read buffer per thread; as much is kept of a connection that has to wait, at most";
        socket_frame_bytes_max: "Frames above this end the connection; at most 65536";
        write_bytes_max: "Most bytes handed to a socket at once";
        frames_per_turn: "Frames read from one connection before others have their turn";
        send_buffer_bytes: "Kernel's send buffer per socket; off leaves it to the kernel";
        notsent_bytes: "Unsent bytes the kernel may hold (TCP_NOTSENT_LOWAT, where there is one)";
    }
    "Identity": identity {
        token_secret_file: "Secret that tokens are signed with (HS256); CHAT_TOKEN_SECRET holds one without a file";
        token_public_key_file: "Public key that tokens are verified with, in PEM: RSA (RS256) or Ed25519 (EdDSA)";
        token_issuer: "Tokens must come from this issuer (iss)";
        token_audience: "Tokens must be meant for this audience (aud)";
        origins: "Origins whose pages may connect, as in https://a.example,http://localhost:3000; * is any";
    }
    "Identity": gateway {
        token_dialects: "Dialects in which nobody speaks without a token, as in chat,lobby; all, none, or auto: all if there is a key";
        token_grace: "A connection whose token has expired may show a newer one for this long";
    }
    "Limits of a connection": gateway {
        message_rate: "Messages a session may send per second";
        message_burst: "Messages a session may send at once after a rest";
        rate_action: "What happens to messages above that: a warning, an error, or the end of the connection";
        message_quotas: "Further limits on a user, at most so many in any such span and on each thread: by the hour, or 1 as a least delay";
        control_rate: "Joins, leaves, queries, typing and status per second and session";
        control_burst: "Those at once after a rest";
        content_bytes_max: "Longest content, in bytes of UTF-8";
        frame_bytes_max: "Longest text frame that is understood, in bytes";
        history_on_join: "Messages shown when a room is joined afresh";
        page_messages_max: "Most messages in one page of history";
        page_bytes_max: "Most bytes of content in one page of history";
        list_page_max: "Most names in one page of members or rooms";
        typing_ttl: "A typing notice ends by itself after this";
        ping_interval: "A WebSocket ping goes out after this much silence";
        pong_timeout: "A connection that shows no life this long after a ping is closed";
        attach_timeout: "A connection must say who it is within this";
        idle_timeout: "A connection that sends no frame for this long is closed";
        outbox_bytes_max: "Most bytes waiting to be written to one connection";
        chunk_bytes: "Fan-out is gathered in chunks of about this many bytes";
        unanswered_max: "Requests of one connection that may wait for an answer; past this it is not read";
        abuse_window: "Who has half of what it sent during this span refused is closed";
        abuse_refusals_min: "But not for fewer refusals than this";
        warning_interval: "At most one rate warning per connection in this span";
        connections_max: "Connections one thread holds at once";
        silent_per_user_max: "Replaced connections of one user of agents that one thread leaves open";
        return_spread: "Connections closed with \"come back\" return spread over this span";
        drain_rate: "Connections told to go per second and thread while draining";
        health_interval: "Who speaks envelope is told this often how the server fares";
        strict_closes: "Who speaks envelope is closed for rooms that are not there and for what they may not do";
    }
    "Limits of rooms and users": gateway {
        shards: "Shards that rooms and users are spread over";
    }
    "Limits of rooms and users": shard {
        history_max: "Messages kept per room";
        roster_max: "Rooms up to this size carry their member list in events";
        roster_interval: "Larger rooms report joins and leaves this often";
        room_members_max: "Members a room may hold";
        rooms_max: "Rooms a shard may hold; one place is kept for the lobby";
        rooms_per_user_max: "Rooms of one shard that a user may have made, of those that are there";
        room_ttl: "An empty room is kept this long after the last member went and the last word was said";
        bot_room_ttl: "The same of the room of a bot: what is said to it while it is away waits for it";
        rooms_per_session_max: "Rooms of one shard a session may be in";
        sessions_per_user_max: "Sessions a user may have";
        sessions_max: "Sessions a shard may know";
        presence_grace: "A member whose connection is gone is shown offline after this";
        resume_window: "A session can be resumed this long after its connection is gone";
        limiter_ttl: "The next session of a user goes on with the limiters of the last for this long, or the longest quota";
        spent_max: "Users whose limiters and quotas a shard keeps for their next session; beyond them the oldest go";
        answers_max: "Answers kept per session, so that a repeated send is answered and not repeated";
        keys_per_user_max: "Keys remembered of one user's messages; while so many are, those with a new key are refused";
        keys_max: "Keys a shard remembers, of all users";
        key_window: "A message's key is remembered this long: repeats are answered, not repeated";
        tasks_max: "Tasks a room may hold; finished ones make room for others";
        finished_tasks_max: "Finished tasks a room keeps: the latest";
        invited_max: "Users that a private room may let in, beside its owner, its bot and admins";
        room_creation: "Who may make rooms";
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// A limit added to the core and forgotten here fails this test.
    #[test]
    fn every_limit_of_the_core_is_in_the_table() {
        let defaults = Settings::default();
        let gateway = serde_json::to_value(&defaults.gateway).unwrap();
        let shard = serde_json::to_value(&defaults.shard).unwrap();
        let limits = [gateway, shard].into_iter().flat_map(|limits| limits.as_object().unwrap().clone());
        // Whether there is a key says the key itself.
        for (name, _) in limits.filter(|(name, _)| name != "verify_tokens") {
            assert!(Setting::named(&name).is_some(), "{name} is not in the table");
        }
    }

    #[test]
    fn names_are_unique_and_values_survive_being_written() {
        let defaults = Settings::default();
        let names = TABLE.iter().map(|setting| setting.name).collect::<BTreeSet<_>>();
        assert_eq!(names.len(), TABLE.len());
        for setting in TABLE {
            let mut copy = defaults.clone();
            let text = (setting.get)(&defaults);
            assert_eq!((setting.set)(&mut copy, &text), Ok(()), "{}", setting.name);
            assert_eq!(copy, defaults, "{}", setting.name);
        }
    }
}
