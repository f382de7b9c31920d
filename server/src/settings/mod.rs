//! What an operator can set: the machines' limits and the driver's own.

mod capture;
mod identity;
mod load;
mod memory;
#[cfg(test)]
mod reference;
mod storage;
mod table;
mod uploads;
mod value;

use std::{
    fmt::Display,
    net::{Ipv4Addr, SocketAddr},
    num::NonZero,
    thread,
    time::Duration,
};

use chinwag_core::config::{BadLimit, GatewayConfig, ShardConfig};

pub use self::{
    capture::{Bodies, CaptureConfig},
    identity::{IdentityConfig, TokenSecret},
    storage::StorageConfig,
    uploads::UploadConfig,
};
pub(crate) use self::{
    identity::SECRET_VARIABLE,
    load::{Loaded, PORT, PORT_VARIABLE, Sources},
    memory::{Part, memory},
    table::{Setting, TABLE},
    value::read_span,
};

/// The largest WebSocket frame or message any configuration reads, in bytes.
pub const SOCKET_FRAME_BYTES_HARD_MAX: usize = 64 * 1024;

/// The most threads any configuration may ask for; no machine has use for more.
pub const THREADS_HARD_MAX: u32 = 1024;

/// Most shards a configuration may ask for.
pub const SHARDS_HARD_MAX: u32 = 1024;

/// Most uploads and downloads at once that any configuration may ask for: each is a file that is open.
pub const TRANSFERS_HARD_MAX: usize = 10_000;

/// The port when none is given.
const DEFAULT_PORT: u16 = 8080;

/// Everything a server needs to know to start.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Settings {
    /// Sockets, threads and logs.
    pub driver: DriverConfig,
    /// Tokens, and whose pages may connect.
    pub identity: IdentityConfig,
    /// Where logs are kept.
    pub storage: StorageConfig,
    /// Files that people upload.
    pub uploads: UploadConfig,
    /// Whether all that comes in is written down.
    pub capture: CaptureConfig,
    /// Limits of each thread's gateway.
    pub gateway: GatewayConfig,
    /// Limits of each shard.
    pub shard: ShardConfig,
}

/// What only the process with the sockets knows.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DriverConfig {
    /// Where to listen; port 0 is any free one.
    pub listen: Vec<SocketAddr>,
    /// Threads that hold connections; at most [`THREADS_HARD_MAX`].
    pub threads: u32,
    /// What to log, in `tracing`'s filter language.
    pub log: String,
    /// How log lines look.
    pub log_format: LogFormat,
    /// How long a shutdown waits for connections to end.
    pub drain_timeout: Duration,
    /// Sockets per thread that have not become a WebSocket.
    pub http_connections_max: usize,
    /// An HTTP request's head must arrive within this; also how long a socket may rest between two requests.
    pub header_timeout: Duration,
    /// How long a closed connection may take to read what is left and to hang up.
    pub close_linger: Duration,
    /// Read buffer of a thread, in bytes; as much may be kept of a connection that sends more than it may at the moment.
    pub read_buffer_bytes: usize,
    /// Frames or messages above this many bytes end the connection; at most [`SOCKET_FRAME_BYTES_HARD_MAX`].
    pub socket_frame_bytes_max: usize,
    /// Most bytes handed to a socket at once.
    pub write_bytes_max: usize,
    /// Frames read from one connection before others have their turn.
    pub frames_per_turn: u32,
    /// The kernel's send buffer per socket, in bytes; its own choice when `None`.
    pub send_buffer_bytes: Option<usize>,
    /// Bytes the kernel may hold that it has not sent, where the system can limit them.
    pub notsent_bytes: Option<u32>,
}

impl Default for DriverConfig {
    fn default() -> Self {
        let threads = thread::available_parallelism().map_or(1, NonZero::get);
        Self {
            listen: vec![SocketAddr::from((Ipv4Addr::LOCALHOST, DEFAULT_PORT))],
            threads: u32::try_from(threads).unwrap_or(u32::MAX),
            log: "info".to_owned(),
            log_format: LogFormat::Human,
            drain_timeout: Duration::from_secs(10),
            http_connections_max: 10_000,
            header_timeout: Duration::from_secs(10),
            close_linger: Duration::from_secs(2),
            read_buffer_bytes: 16 * 1024,
            socket_frame_bytes_max: SOCKET_FRAME_BYTES_HARD_MAX,
            write_bytes_max: 64 * 1024,
            frames_per_turn: 32,
            send_buffer_bytes: Some(128 * 1024),
            notsent_bytes: Some(64 * 1024),
        }
    }
}

impl DriverConfig {
    /// Whether each setting makes sense by itself.
    ///
    /// # Errors
    /// The first that does not.
    pub(crate) fn check(&self) -> Result<(), BadLimit> {
        let is_zero = [
            ("threads", self.threads == 0),
            ("http_connections_max", self.http_connections_max == 0),
            ("header_timeout", self.header_timeout.is_zero()),
            ("close_linger", self.close_linger.is_zero()),
            ("read_buffer_bytes", self.read_buffer_bytes == 0),
            ("socket_frame_bytes_max", self.socket_frame_bytes_max == 0),
            ("write_bytes_max", self.write_bytes_max == 0),
            ("frames_per_turn", self.frames_per_turn == 0),
            ("send_buffer_bytes", self.send_buffer_bytes == Some(0)),
            ("notsent_bytes", self.notsent_bytes == Some(0)),
        ];
        let zero = is_zero.into_iter().find(|&(_, is_zero)| is_zero);
        zero.map_or(Ok(()), |(name, _)| Err(BadLimit { name, must_be: "above zero" }))
    }
}

/// How log lines look.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum LogFormat {
    /// For people.
    Human,
    /// One JSON object a line.
    Json,
}

impl Settings {
    /// The limits of shards: they remember a session's limiters at least as long as its longest quota looks back, and know
    /// whether tokens are verified.
    pub(crate) fn shard_limits(&self) -> ShardConfig {
        let longest = self.gateway.message_quotas.iter().map(|quota| quota.per).max().unwrap_or_default();
        ShardConfig {
            limiter_ttl: self.shard.limiter_ttl.max(longest),
            verify_tokens: self.gateway.verify_tokens,
            ..self.shard.clone()
        }
    }

    /// Whether the settings can work together.
    ///
    /// # Errors
    /// One line that names the settings and says what to do.
    pub fn check(&self) -> Result<(), String> {
        let Self { driver, identity, storage, uploads, capture, gateway, shard } = self;
        let machines = || gateway.check().and_then(|()| shard.check());
        driver
            .check()
            .and_then(|()| identity.check())
            .and_then(|()| storage.check())
            .and_then(|()| uploads.check())
            .and_then(|()| capture.check())
            .and_then(|()| machines())
            .map_err(|limit| limit.to_string())?;
        if gateway.token_dialects.as_ref().is_some_and(|list| !list.is_empty()) && !identity.has_key() {
            return Err("token_dialects need a key: give token_secret_file, token_public_key_file or \
                        CHAT_TOKEN_SECRET"
                .to_owned());
        }
        if storage.data_dir.is_some() && storage.state_file.is_some() {
            return Err(
                "state_file is for servers without data_dir, which keeps everything: leave one of them out"
                    .to_owned(),
            );
        }
        if storage.durability.is_some() && storage.data_dir.is_none() {
            return Err(
                "durability is for servers with data_dir, and without one all is in memory only: give \
                        data_dir, or leave durability out"
                    .to_owned(),
            );
        }
        if uploads.files_dir.is_some() && uploads.files_dir == storage.data_dir {
            return Err("files_dir and data_dir cannot be the same: name two directories".to_owned());
        }
        ordered(
            "file_bytes_max",
            uploads.file_bytes_max,
            "user_files_bytes_max",
            uploads.user_files_bytes_max,
        )?;
        ordered(
            "user_files_bytes_max",
            uploads.user_files_bytes_max,
            "files_bytes_max",
            uploads.files_bytes_max,
        )?;
        at_most("transfers_max", uploads.transfers_max, TRANSFERS_HARD_MAX)?;
        ordered("content_bytes_max", gateway.content_bytes_max, "frame_bytes_max", gateway.frame_bytes_max)?;
        ordered(
            "frame_bytes_max",
            gateway.frame_bytes_max,
            "socket_frame_bytes_max",
            driver.socket_frame_bytes_max,
        )?;
        ordered("page_bytes_max", gateway.page_bytes_max, "outbox_bytes_max", gateway.outbox_bytes_max)?;
        // A message may be six times as long in JSON, and must fit even above what is shed first.
        ordered(
            "eight times content_bytes_max",
            gateway.content_bytes_max.saturating_mul(8),
            "outbox_bytes_max",
            gateway.outbox_bytes_max,
        )?;
        ordered("unanswered_max", gateway.unanswered_max, "answers_max", shard.answers_max)?;
        ordered("presence_grace", shard.presence_grace, "resume_window", shard.resume_window)?;
        at_most("socket_frame_bytes_max", driver.socket_frame_bytes_max, SOCKET_FRAME_BYTES_HARD_MAX)?;
        at_most("shards", gateway.shards, SHARDS_HARD_MAX)?;
        at_most("threads", driver.threads, THREADS_HARD_MAX)
    }
}

/// Refuses a setting above what any configuration allows.
fn at_most<T: PartialOrd + Display>(name: &str, value: T, max: T) -> Result<(), String> {
    if value <= max { Ok(()) } else { Err(format!("{name} must be at most {max}, not {value}")) }
}

/// Refuses a first setting above a second.
fn ordered<T: PartialOrd>(low: &str, low_value: T, high: &str, high_value: T) -> Result<(), String> {
    if low_value <= high_value {
        return Ok(());
    }
    Err(format!("{low} must not be above {high}: lower the first or raise the second"))
}
