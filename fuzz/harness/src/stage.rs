//! One node with small limits, a clock, and the connections that are played; drives it as a server would.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use chinwag_core::{
    ConnectionId, Disconnect, Time, UserName,
    config::{GatewayConfig, ShardConfig},
    dialect::{Dialect, Opening},
    gateway::{Frame as Sent, GatewayInput, Notice},
    identity::{Claims, TokenFault},
    limiter::{Action, Quota},
};
use chinwag_journal::{Node, NodeConfig, NodeInput, NodeOutput};

use crate::{
    form,
    script::{Script, Step},
    token,
    wire::{self, Frame},
};

/// Who connects. Two are of one user.
pub(crate) const USERS: [&str; 4] = ["ann", "bob", "ann", "robot"];
/// What a step takes.
const STEP: Duration = Duration::from_millis(1);
/// Most deadlines within one step: more, and the node never rests.
const DEADLINES_MAX: u32 = 10_000;

/// What a token says, or what is wrong with it.
pub(crate) type Verify = fn(&str, Time) -> Result<Claims, TokenFault>;

/// Limits that a short script can reach. A page is larger than what an outbox keeps free, and the longest frame is not.
fn gateway_config(script: &Script<'_>) -> GatewayConfig {
    GatewayConfig {
        shards: 2,
        content_bytes_max: 512,
        frame_bytes_max: 2 * 1024,
        history_on_join: 8,
        page_messages_max: 16,
        page_bytes_max: 2 * 1024,
        list_page_max: 4,
        outbox_bytes_max: 6 * 1024,
        chunk_bytes: 1024,
        unanswered_max: 8,
        // More than the watchers say.
        message_quotas: vec![Quota { count: 12, per: Duration::from_secs(60), action: Action::Close }],
        abuse_refusals_min: 10,
        abuse_window: Duration::from_secs(5),
        connections_max: 8,
        verify_tokens: script.keys,
        // With a key, too, who shows no token may say who they are: short scripts get further.
        token_dialects: (!script.tokens).then(Vec::new),
        strict_closes: script.strict,
        ..GatewayConfig::default()
    }
}

/// Limits that a short script can reach.
fn shard_config() -> ShardConfig {
    ShardConfig {
        history_max: 12,
        rooms_max: 8,
        rooms_per_user_max: 4,
        rooms_per_session_max: 5,
        sessions_per_user_max: 2,
        sessions_max: 12,
        spent_max: 3,
        answers_max: 4,
        keys_per_user_max: 4,
        keys_max: 6,
        tasks_max: 3,
        invited_max: 2,
        ..ShardConfig::default()
    }
}

/// A connection as its client has it.
#[derive(Debug)]
pub(crate) struct End {
    /// What it is spoken to in, once that is clear.
    dialect: Option<Dialect>,
    /// For whom it speaks, once it does.
    pub(crate) user: Option<UserName>,
    /// What came in and was not looked at yet.
    pub(crate) frames: Vec<Frame>,
    /// The server has sent its last frame.
    pub(crate) closed: bool,
    /// What its client closed with, if it did.
    goodbye: Option<Option<u16>>,
    /// Its client answers pings.
    is_lively: bool,
    part: Vec<u8>,
    stalled: bool,
    reading: bool,
}

/// One node and its connections.
#[derive(Debug)]
pub(crate) struct Stage {
    node: Node,
    limits: (Arc<GatewayConfig>, ShardConfig),
    verify: Verify,
    now: Time,
    /// How each of [`USERS`] connects.
    openings: [Opening; USERS.len()],
    ends: BTreeMap<ConnectionId, End>,
    /// What the node wants done, first what was said first.
    todo: VecDeque<NodeOutput>,
    /// What it has just said.
    outputs: Vec<NodeOutput>,
    connected: u64,
    /// Which connection each of [`USERS`] has, if one.
    played: [Option<ConnectionId>; USERS.len()],
    /// Whose turn it is.
    turn: usize,
}

impl Stage {
    pub(crate) fn new(openings: [Opening; USERS.len()], script: &Script<'_>, verify: Verify) -> Self {
        let now = Time(1_795_237_380_000_000);
        let limits = (Arc::new(gateway_config(script)), shard_config());
        let config = NodeConfig {
            index: 0,
            nodes: 1,
            incarnation: 1,
            gateway: limits.0.clone(),
            shard: limits.1.clone(),
            seed: [7; 32],
            replicated: false,
        };
        let node = Node::new(config, now);
        let openings = openings.map(|opening| match script.root {
            true => Opening { dialect: None, ..opening },
            false => opening,
        });
        Self {
            node,
            limits,
            verify,
            now,
            openings,
            ends: BTreeMap::new(),
            todo: VecDeque::new(),
            outputs: Vec::new(),
            connected: 0,
            played: [None; USERS.len()],
            turn: 0,
        }
    }

    pub(crate) const fn node(&self) -> &Node {
        &self.node
    }

    pub(crate) const fn now(&self) -> Time {
        self.now
    }

    /// How many transports there are.
    pub(crate) fn connections(&self) -> usize {
        self.ends.len()
    }

    /// Whether a connection is there, and no close was sent to it.
    pub(crate) fn is_open(&self, connection: ConnectionId) -> bool {
        self.ends.get(&connection).is_some_and(|end| !end.closed)
    }

    /// What it may hold.
    pub(crate) const fn limits(&self) -> &(Arc<GatewayConfig>, ShardConfig) {
        &self.limits
    }

    /// The connections there are, with what came in.
    pub(crate) fn ends(&mut self) -> impl Iterator<Item = (ConnectionId, &mut End)> {
        self.ends.iter_mut().map(|(&id, end)| (id, end))
    }

    pub(crate) fn end(&mut self, connection: ConnectionId) -> &mut End {
        self.ends.get_mut(&connection).expect("it is connected")
    }

    /// A new connection, whose client answers pings or leaves that to the script.
    pub(crate) fn open(&mut self, opening: Opening, is_lively: bool) -> ConnectionId {
        self.connected += 1;
        let connection = ConnectionId(self.connected);
        let end = End {
            dialect: opening.dialect,
            user: None,
            frames: Vec::new(),
            closed: false,
            goodbye: None,
            is_lively,
            part: Vec::new(),
            stalled: false,
            reading: true,
        };
        self.ends.insert(connection, end);
        self.input(GatewayInput::Connected { connection, opening });
        connection
    }

    /// Sends a text frame.
    pub(crate) fn text(&mut self, connection: ConnectionId, text: &str) {
        self.input(GatewayInput::Received { connection, frame: Sent::Text(text) });
    }

    /// Plays one step, and lets a moment pass.
    pub(crate) fn play(&mut self, step: &Step<'_>) {
        match *step {
            Step::Wait(span) => self.wait(span),
            Step::As(turn) => self.turn = turn % USERS.len(),
            Step::Cut => self.cut(),
            Step::Stall => self.stall(true),
            Step::Read => self.stall(false),
            Step::Secret => {}
            Step::Fault(fault) => {
                let connection = self.player();
                self.input(GatewayInput::Faulted { connection, fault });
            }
            Step::Text(ref text) => self.frame(Sent::Text(text)),
            Step::Binary(bytes) => self.frame(Sent::Binary(bytes)),
            Step::Ping => self.frame(Sent::Ping(b"there?")),
            Step::Pong => self.frame(Sent::Pong),
            Step::Close(code) => {
                let connection = self.player();
                self.end(connection).goodbye = Some(code);
                self.frame(Sent::Close(code));
            }
        }
        self.wait(STEP);
        for (connection, end) in &self.ends {
            assert!(
                end.reading || end.stalled || end.closed,
                "{connection} takes everything and is not read"
            );
        }
    }

    /// Lets time pass, deadline by deadline.
    pub(crate) fn wait(&mut self, span: Duration) {
        let end = self.now + span;
        for deadlines in 0.. {
            let Some(at) = self.node.poll_timeout().filter(|&at| at <= end) else { break };
            assert!(deadlines < DEADLINES_MAX, "a node rests now and then");
            self.now = self.now.max(at);
            self.tell(NodeInput::Timeout);
        }
        self.now = end;
    }

    /// The connection whose turn it is; a new one, if there is none or its last one was closed.
    fn player(&mut self) -> ConnectionId {
        if let Some(connection) = self.played[self.turn] {
            if !self.end(connection).closed {
                return connection;
            }
            self.cut();
        }
        let connection = self.open(self.openings[self.turn].clone(), false);
        self.played[self.turn] = Some(connection);
        connection
    }

    /// The transport of the one whose turn it is is gone.
    fn cut(&mut self) {
        if let Some(connection) = self.played[self.turn].take() {
            self.ends.remove(&connection);
            self.input(GatewayInput::Disconnected { connection });
        }
    }

    fn stall(&mut self, stalled: bool) {
        let connection = self.player();
        self.end(connection).stalled = stalled;
        self.drain(connection);
        self.settle();
    }

    /// A frame comes in, if the socket is read.
    fn frame(&mut self, frame: Sent<'_>) {
        let connection = self.player();
        if self.end(connection).reading {
            self.input(GatewayInput::Received { connection, frame });
        }
    }

    fn input(&mut self, input: GatewayInput<'_>) {
        self.tell(NodeInput::Gateway(input));
    }

    fn tell(&mut self, input: NodeInput<'_>) {
        self.node.handle_input(self.now, input, &mut self.outputs);
        self.settle();
    }

    /// Does what the node wants done, in its order.
    fn settle(&mut self) {
        self.todo.extend(self.outputs.drain(..));
        while let Some(output) = self.todo.pop_front() {
            self.carry_out(output);
        }
    }

    fn carry_out(&mut self, output: NodeOutput) {
        match output {
            NodeOutput::Store(..) => unreachable!("everything is in memory"),
            NodeOutput::Writable(connection) => self.drain(connection),
            NodeOutput::Reading(connection, on) => {
                if let Some(end) = self.ends.get_mut(&connection) {
                    end.reading = on;
                }
            }
            NodeOutput::Close(connection, reason) => self.close(connection, reason),
            NodeOutput::Verify(connection, token) => {
                let is_lively = self.ends.get(&connection).is_some_and(|end| end.is_lively);
                let verify = if is_lively { token::for_ever } else { self.verify };
                let outcome = verify(token.reveal(), self.now);
                self.input(GatewayInput::Verified { connection, outcome });
            }
            NodeOutput::Notice(Notice::Attached { connection, user, .. }) => {
                if let Some(end) = self.ends.get_mut(&connection) {
                    end.user = Some(user);
                }
            }
            NodeOutput::Notice(_) => {}
            NodeOutput::Mail(to, mail) => panic!("one node has no mail: {to} {mail:?}"),
        }
    }

    /// A server ends a connection: what waits is written, and the last of it is a close frame that says why.
    fn close(&mut self, connection: ConnectionId, reason: Disconnect) {
        let Some(end) = self.ends.get_mut(&connection) else { return };
        assert!(!end.closed, "a connection is closed once");
        end.stalled = false;
        self.drain(connection);
        let end = self.end(connection);
        end.closed = true;
        let codes = match (reason, end.goodbye) {
            (Disconnect::Requested, Some(code)) => vec![code],
            (reason, _) => Dialect::ALL.map(|dialect| Some(dialect.close_code(reason))).to_vec(),
        };
        let Some(Frame::Close(code)) = end.frames.last() else { panic!("the last frame is a close") };
        assert!(codes.contains(code), "{reason} is no close with {code:?}");
    }

    /// Takes what waits for a connection.
    fn drain(&mut self, connection: ConnectionId) {
        if self.ends.get(&connection).is_none_or(|end| end.stalled) {
            return;
        }
        while let Some(run) = self.node.poll_transmit(connection, 1 << 12) {
            self.node.transmitted(self.now, connection, run.len(), &mut self.outputs);
            self.todo.extend(self.outputs.drain(..));
            let end = self.end(connection);
            end.part.extend_from_slice(&run);
            let frames = wire::take(&mut end.part);
            let is_pinged = end.is_lively && frames.contains(&Frame::Ping);
            for frame in frames {
                end.take(frame);
            }
            if is_pinged {
                self.input(GatewayInput::Received { connection, frame: Sent::Pong });
            }
        }
        assert!(self.end(connection).part.is_empty(), "all of a frame comes");
    }
}

impl End {
    fn take(&mut self, frame: Frame) {
        assert!(!matches!(self.frames.last(), Some(Frame::Close(_))), "nothing follows a close frame");
        if let Frame::Text(text) = &frame {
            match self.dialect {
                Some(dialect) => assert!(form::is_of(dialect, text), "no frame of {dialect:?}: {text}"),
                None if form::is_undecided(text) => {}
                None => self.dialect = Some(form::dialect_of(text).expect("it is of a dialect")),
            }
        }
        self.frames.push(frame);
    }
}
