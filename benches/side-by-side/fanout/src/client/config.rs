//! What a run is told: how to speak, to whom, in which rooms.

#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Adapter {
    /// WebSocket, JSON text: {"type":"join"..}, {"type":"message"..}
    Chat,
    /// Engine.IO v4 / Socket.IO over the websocket transport, events "join" and "message"
    SocketIo,
    /// NATS protocol inside binary WebSocket frames, room = subject
    Nats,
    /// MQTT 3.1.1 QoS 0 inside binary WebSocket frames, room = topic
    Mqtt,
    /// No handshake: tiny binary commands up, prebuilt WebSocket frames down (the raw limit)
    Raw,
}

#[derive(Clone)]
pub struct Cfg {
    pub adapter: Adapter,
    pub host: String,
    pub port: u16,
    pub path: String,
    pub rooms: usize,
    pub members: usize,
    pub conns: usize,
    pub senders: usize,
    pub payload: usize,
    pub pid: i32,
    pub label: String,
    pub workload: String,
    pub connect_rate: f64,
    pub inflight: usize,
    pub settle: f64,
    pub warm: f64,
    pub drain: f64,
    pub max_run: f64,
    pub p99_ms: f64,
    pub echo: bool,
    pub ids: bool, // chat adapter: every send carries an id, 1, 2, 3… per connection
    pub join_ack: Option<String>,
    pub coalesce_us: u64,
}

impl Default for Cfg {
    fn default() -> Self {
        Cfg {
            adapter: Adapter::Chat,
            host: "127.0.0.1".into(),
            port: 9000,
            path: "/".into(),
            rooms: 1,
            members: 10,
            conns: 0,
            senders: 1,
            payload: 128,
            pid: 0,
            label: "?".into(),
            workload: "?".into(),
            connect_rate: 0.0,
            inflight: 64,
            settle: 1.0,
            warm: 0.5,
            drain: 8.0,
            max_run: 300.0,
            p99_ms: 100.0,
            echo: true,
            ids: false,
            join_ack: None,
            coalesce_us: 200,
        }
    }
}

impl Cfg {
    pub fn set_url(&mut self, u: &str) {
        let r = u.split("://").nth(1).unwrap_or(u);
        let (hp, path) = match r.find('/') {
            Some(i) => (&r[..i], &r[i..]),
            None => (r, "/"),
        };
        let (h, p) = hp.split_once(':').unwrap_or((hp, "80"));
        self.host = if h == "localhost" { "127.0.0.1".into() } else { h.into() };
        self.port = p.parse().expect("port");
        self.path = path.into();
        assert!(self.host.starts_with("127."), "loopback addresses only");
    }
}
