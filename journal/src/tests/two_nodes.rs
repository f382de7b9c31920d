//! Two nodes and one shard, the production default: mail between them waits until it is delivered.

use std::collections::VecDeque;

use super::{recorded::Recording, *};
use crate::Mail;

struct Duo {
    nodes: [Node; 2],
    now: Time,
    mail: VecDeque<(usize, Mail)>,
    /// What each connection was sent.
    bytes: BTreeMap<ConnectionId, Vec<u8>>,
    /// Connections whose socket is full.
    stalled: Vec<ConnectionId>,
    closed: BTreeMap<ConnectionId, Disconnect>,
    connected: u64,
    recording: Recording,
}

impl Drop for Duo {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.recording.check(self.nodes.iter().map(Node::tape_hash));
        }
    }
}

impl Duo {
    fn new(gateway: GatewayConfig) -> Self {
        let now = Time(1_795_237_380_000_000);
        let gateway = Arc::new(gateway);
        let config = |index: u8| {
            let (gateway, shard) = (gateway.clone(), ShardConfig::default());
            NodeConfig {
                index: index.into(),
                nodes: 2,
                incarnation: 1,
                gateway,
                shard,
                seed: [7 + index; 32],
                replicated: false,
            }
        };
        let configs = [config(0), config(1)];
        let recording = Recording::new(&configs, false);
        let nodes = configs.map(|config| {
            let mut node = Node::new(config, now);
            recording.record(&mut node, now);
            node
        });
        Self {
            recording,
            nodes,
            now,
            mail: VecDeque::new(),
            bytes: BTreeMap::new(),
            stalled: vec![],
            closed: BTreeMap::new(),
            connected: 0,
        }
    }

    fn node_of(connection: ConnectionId) -> usize {
        usize::from(connection.0 % 2 == 1)
    }

    /// A connection on node 0, where the shard is, or on node 1.
    fn connect(&mut self, node: u64) -> ConnectionId {
        self.connected += 1;
        let connection = ConnectionId(self.connected * 2 + node);
        self.input(connection, GatewayInput::Connected { connection, opening: Opening::default() });
        connection
    }

    fn input(&mut self, connection: ConnectionId, input: GatewayInput<'_>) {
        let mut out = vec![];
        self.nodes[Self::node_of(connection)].handle_input(self.now, NodeInput::Gateway(input), &mut out);
        self.carry_out(out);
    }

    fn send(&mut self, connection: ConnectionId, frame: Value) {
        let text = frame.to_string();
        self.input(connection, GatewayInput::Received { connection, frame: Frame::Text(&text) });
    }

    fn carry_out(&mut self, outputs: Vec<NodeOutput>) {
        for output in outputs {
            match output {
                NodeOutput::Store(..) => panic!("nothing is stored"),
                NodeOutput::Mail(to, mail) => self.mail.push_back((to as usize, mail)),
                NodeOutput::Writable(connection) => self.drain(connection),
                NodeOutput::Close(connection, reason) => {
                    self.drain(connection);
                    self.closed.insert(connection, reason);
                }
                NodeOutput::Reading(..) | NodeOutput::Notice(_) | NodeOutput::Verify(..) => {}
            }
        }
    }

    fn drain(&mut self, connection: ConnectionId) {
        let node = Self::node_of(connection);
        while !self.stalled.contains(&connection)
            && let Some(run) = self.nodes[node].poll_transmit(connection, 1 << 16)
        {
            self.bytes.entry(connection).or_default().extend_from_slice(&run);
            let mut out = vec![];
            self.nodes[node].transmitted(self.now, connection, run.len(), &mut out);
            self.carry_out(out);
        }
    }

    /// Delivers one piece of mail; false if there is none.
    fn deliver(&mut self) -> bool {
        let Some((node, mail)) = self.mail.pop_front() else { return false };
        let mut out = vec![];
        self.nodes[node].handle_input(
            self.now,
            NodeInput::Mail(u32::try_from(1 - node).unwrap(), mail),
            &mut out,
        );
        self.carry_out(out);
        true
    }

    fn settle(&mut self) {
        while self.deliver() {}
    }

    fn wait(&mut self, span: Duration) {
        self.now = self.now + span;
        for node in 0..2 {
            let mut out = vec![];
            self.nodes[node].handle_input(self.now, NodeInput::Timeout, &mut out);
            self.carry_out(out);
        }
        self.settle();
    }

    fn take(&mut self, connection: ConnectionId) -> Vec<Value> {
        texts(&self.bytes.remove(&connection).unwrap_or_default())
    }
}

/// Limits that no test of something else meets.
fn loud() -> GatewayConfig {
    GatewayConfig { message_burst: 10_000, control_burst: 10_000, ..GatewayConfig::default() }
}

#[test]
fn a_page_in_flight_does_not_fit_a_later_join() {
    let mut duo = Duo::new(GatewayConfig { page_messages_max: 5, ..loud() });
    let bob = duo.connect(0);
    duo.send(bob, json!({"type": "join", "room": "general", "user": "bob"}));
    duo.settle();
    for n in 0..30 {
        duo.send(bob, json!({"type": "message", "room": "general", "content": format!("m{n}")}));
    }
    duo.settle();
    let alice = duo.connect(1);
    duo.send(alice, json!({"type": "join", "room": "general", "user": "alice"}));
    // attach there and back, join there and back, first page asked for
    for _ in 0..8 {
        duo.deliver();
    }
    duo.send(alice, json!({"type": "join", "room": "general"}));
    duo.settle();
    let frames = duo.take(alice);
    assert!(frames.iter().all(|f| f["type"] != "gap"), "a gap where nothing is missing");
}

#[test]
fn going_before_the_attach_is_answered_mints_no_tokens() {
    let mut duo = Duo::new(GatewayConfig::default());
    let first = duo.connect(1);
    duo.send(first, json!({"type": "hello", "user": "alice"}));
    duo.settle();
    let welcome = duo.take(first).remove(0);
    duo.send(first, json!({"type": "join", "room": "general"}));
    for n in 0..10 {
        duo.send(first, json!({"type": "message", "room": "general", "content": "x", "id": n + 1}));
    }
    duo.send(first, json!({"type": "message", "room": "general", "content": "x", "id": 99}));
    duo.settle();
    assert!(duo.take(first).iter().any(|f| f["code"] == "rate_limited"), "the bucket is empty");
    duo.input(first, GatewayInput::Disconnected { connection: first });
    duo.settle();
    let hello =
        json!({"type": "hello", "user": "alice", "session": welcome["session"], "secret": welcome["secret"]});
    let second = duo.connect(1);
    duo.send(second, hello.clone());
    duo.input(second, GatewayInput::Disconnected { connection: second });
    duo.settle();
    let third = duo.connect(1);
    duo.send(third, hello);
    duo.settle();
    let welcome = duo.take(third).remove(0);
    assert_eq!(welcome["resumed"], true);
    duo.send(third, json!({"type": "join", "room": "general"}));
    for n in 0..10 {
        duo.send(third, json!({"type": "message", "room": "general", "content": "x", "id": 200 + n}));
    }
    duo.settle();
    let acks = duo.take(third).iter().filter(|f| f["type"] == "ack").count();
    assert_eq!(acks, 0, "20 messages in no time at 10 a second, burst 10");
}

#[test]
fn who_reads_at_once_may_ask_for_twenty_pages() {
    let mut duo = Duo::new(GatewayConfig::default());
    let bob = duo.connect(0);
    duo.send(bob, json!({"type": "join", "room": "general", "user": "bob"}));
    duo.settle();
    for _ in 0..20 {
        for _ in 0..10 {
            duo.send(bob, json!({"type": "message", "room": "general", "content": "z".repeat(4096)}));
        }
        duo.settle();
        duo.wait(Duration::from_secs(1));
        duo.input(bob, GatewayInput::Received { connection: bob, frame: Frame::Pong });
    }
    let alice = duo.connect(1);
    duo.send(alice, json!({"type": "hello", "user": "alice"}));
    duo.send(alice, json!({"type": "join", "room": "general"}));
    duo.settle();
    for id in 0..20 {
        duo.send(alice, json!({"type": "history", "room": "general", "limit": 200, "id": id}));
    }
    duo.stalled.push(alice); // the batch of mail is handled before the socket's turn comes
    duo.settle();
    assert!(!duo.closed.contains_key(&alice));
}

/// Alice, on the other node, reads nothing and asks for more than fits; she joins `general`, in which bob and carol are.
fn overfull(outbox_bytes_max: usize) -> (Duo, ConnectionId, ConnectionId) {
    let mut duo = Duo::new(GatewayConfig { outbox_bytes_max, ..loud() });
    let (alice, bob, carol) = (duo.connect(1), duo.connect(0), duo.connect(1));
    for (connection, user, room) in
        [(alice, "alice", "other"), (bob, "bob", "general"), (carol, "carol", "general")]
    {
        duo.send(connection, json!({"type": "join", "room": room, "user": user}));
    }
    duo.settle();
    duo.stalled.push(alice);
    for id in 0..60 {
        duo.send(alice, json!({"type": "ping", "id": 100 + id}));
    }
    for id in 0..20 {
        duo.send(alice, json!({"type": "members", "room": "other", "id": 100 + id}));
    }
    for room in ["other", "general"] {
        duo.send(alice, json!({"type": "join", "room": room}));
    }
    duo.settle();
    (duo, alice, bob)
}

#[test]
fn an_answer_that_does_not_fit_is_a_close_and_the_last_thing_said() {
    let mut closed = 0;
    // Somewhere among these limits each of the answers is the first that does not fit.
    for outbox_bytes_max in (3_000..8_000).step_by(20) {
        let (mut duo, alice, bob) = overfull(outbox_bytes_max);
        if duo.closed.get(&alice) != Some(&Disconnect::Slow) {
            continue;
        }
        closed += 1;
        assert!(duo.nodes[1].counters().outbox_bytes <= outbox_bytes_max as u64);
        // Her socket takes some of it before its end, and there would be room for what is said now.
        let run = duo.nodes[1].poll_transmit(alice, outbox_bytes_max * 9 / 10).unwrap();
        duo.bytes.entry(alice).or_default().extend_from_slice(&run);
        duo.nodes[1].transmitted(duo.now, alice, run.len(), &mut vec![]);
        duo.send(bob, json!({"type": "status", "room": "general", "state": "late"}));
        duo.settle();
        duo.stalled.clear();
        duo.drain(alice);
        let bytes = duo.bytes.remove(&alice).unwrap();
        let close = b"slow retry_after_ms=";
        let at = bytes.windows(close.len()).rposition(|window| window == close).expect("a close frame");
        assert!(
            bytes[at + close.len()..].iter().all(u8::is_ascii_digit),
            "something follows the close frame"
        );
    }
    assert!(closed > 10, "{closed} of them did not fit");
}

#[test]
fn of_all_connections_of_an_agent_wherever_they_are_the_newest_is_heard() {
    let mut duo = Duo::new(loud());
    let auth = || json!({"type": "auth", "data": {"userId": "alice"}});
    let says = |text: &str| json!({"type": "message", "data": {"text": text}});
    let first = duo.connect(1);
    duo.send(first, auth());
    duo.settle();
    // Two more at once: the one whose mail is slower comes later.
    let (near, far) = (duo.connect(0), duo.connect(1));
    duo.send(far, auth());
    duo.send(near, auth());
    duo.send(first, says("before I heard of it"));
    duo.settle();
    for (connection, text) in [(first, "one"), (near, "two"), (far, "three")] {
        duo.send(connection, says(text));
        duo.settle();
    }
    let told = [first, near, far].map(|connection| duo.take(connection));
    let is_replaced = |frames: &[Value]| frames.iter().any(|frame| frame["data"]["code"] == "REPLACED");
    let heard: Vec<_> = told.iter().filter(|frames| !is_replaced(frames)).collect();
    assert_eq!(heard.len(), 1, "{told:?}");
    let texts = heard[0].iter().filter(|frame| frame["type"] == "message");
    assert_eq!(texts.count(), 1, "it hears itself, and no other of them: {heard:?}");
    assert!(duo.closed.is_empty());
}
