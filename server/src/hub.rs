//! One thread's node and the table of its sockets: inputs go in with the time, outputs are carried out.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    io, mem,
    net::SocketAddr,
    rc::Rc,
    sync::{Arc, atomic::Ordering, mpsc::Sender},
};

use bytes::Bytes;
use chinwag_core::{
    ConnectionId, RoomName, Shard, ShardId, Time,
    dialect::{Dialect, Opening},
    gateway::{Fault, Frame, GatewayInput, Notice},
    hash::NumberMap,
    identity::{Claims, Token, TokenFault},
};
use chinwag_journal::{Mail, Node, NodeInput, NodeOutput, store::Batch};
use tokio::{
    sync::{Notify, mpsc},
    time::sleep_until,
};
use tracing::{debug, info};

use crate::{
    clock::Clock,
    log::Notices,
    metrics::Snapshot,
    server::Shared,
    slot::{Slot, Writing},
    storage::Job,
};

/// A thread's machines and sockets. Lives in an `Rc`; nothing here waits.
pub(crate) struct Hub {
    /// What all threads share.
    pub(crate) shared: Arc<Shared>,
    index: u32,
    clock: Clock,
    machine: RefCell<Machine>,
    slots: RefCell<NumberMap<ConnectionId, Rc<Slot>>>,
    opened: Cell<u64>,
    /// Those with something to write: see [`flush`](Self::flush).
    unwritten: RefCell<Vec<Rc<Slot>>>,
    /// Empty but for the time of a flush.
    flushed: RefCell<Vec<Rc<Slot>>>,
    flush_wanted: Notify,
    /// What a socket is read into, until it is handed out: within one turn of its task.
    pub(crate) read_buffer: RefCell<Box<[u8]>>,
    /// Sockets that have not become a WebSocket.
    pub(crate) http_connections: Cell<usize>,
    /// One per node, this one's too. Unbounded in type but not in fact: a gateway has at most `unanswered_max`
    /// requests per connection under way, and a shard's events are answers to those or go to members.
    mailboxes: Vec<mpsc::UnboundedSender<(u32, Mail)>>,
    /// To the disk thread, if logs are kept.
    disk: Option<Sender<Job>>,
    /// Bytes that wait for it in this node.
    backlog: Cell<usize>,
    /// The deadline that the timer sleeps towards.
    armed: Cell<Option<Time>>,
    earlier_deadline: Notify,
    emptied: Notify,
    notices: Notices,
}

/// The node and a buffer for its outputs.
struct Machine {
    node: Node,
    outputs: Vec<NodeOutput>,
}

impl Hub {
    /// A hub without sockets.
    pub(crate) fn new(
        shared: Arc<Shared>,
        clock: Clock,
        node: Node,
        mailboxes: Vec<mpsc::UnboundedSender<(u32, Mail)>>,
        disk: Option<Sender<Job>>,
    ) -> Self {
        let index = node.index();
        let read_buffer = vec![0; shared.settings.driver.read_buffer_bytes].into_boxed_slice();
        let armed = Cell::new(node.poll_timeout());
        Self {
            shared,
            index,
            clock,
            machine: RefCell::new(Machine { node, outputs: Vec::new() }),
            slots: RefCell::default(),
            opened: Cell::new(0),
            unwritten: RefCell::default(),
            flushed: RefCell::default(),
            flush_wanted: Notify::new(),
            read_buffer: RefCell::new(read_buffer),
            http_connections: Cell::new(0),
            mailboxes,
            disk,
            backlog: Cell::new(0),
            armed,
            earlier_deadline: Notify::new(),
            emptied: Notify::new(),
            notices: Notices::default(),
        }
    }

    /// Whether another WebSocket would be one too many, or comes too late.
    pub(crate) fn is_full(&self) -> bool {
        let connections_max = self.shared.settings.gateway.connections_max;
        self.shared.draining.load(Ordering::Relaxed)
            || self.shared.backlog.is_full()
            || self.slots.borrow().len() >= connections_max as usize
    }

    /// A WebSocket is open.
    pub(crate) fn connected(&self, peer: SocketAddr, opening: Opening) -> Rc<Slot> {
        let slot = self.seat(false, None);
        info!(connection = slot.id.0, %peer, live = self.live(), "connected");
        self.gateway(GatewayInput::Connected { connection: slot.id, opening });
        slot
    }

    /// A request came in that is a connection for as long as it takes to answer.
    pub(crate) fn visited(&self, peer: SocketAddr, opening: Opening) -> Rc<Slot> {
        let slot = self.seat(true, None);
        debug!(connection = slot.id.0, %peer, "visited");
        self.gateway(GatewayInput::Connected { connection: slot.id, opening });
        slot
    }

    /// The program that embeds the server speaks for somebody, and vouches for them.
    pub(crate) fn vouched(&self, claims: Claims) -> Rc<Slot> {
        // Without a key nobody looks for a token; with one, the claims are what is found.
        let token = self.shared.verifier.is_some().then(|| Token::new(""));
        let slot = self.seat(true, Some(claims));
        let opening = Opening { dialect: Some(Dialect::Chat), token, resident: true, ..Opening::default() };
        self.gateway(GatewayInput::Connected { connection: slot.id, opening });
        slot
    }

    fn seat(&self, is_visit: bool, vouched: Option<Claims>) -> Rc<Slot> {
        let opened = self.opened.get();
        self.opened.set(opened + 1);
        let threads = u64::from(self.shared.settings.driver.threads);
        let id = ConnectionId(opened * threads + u64::from(self.index));
        let slot = Rc::new(Slot::new(id, is_visit, vouched));
        self.slots.borrow_mut().insert(id, Rc::clone(&slot));
        self.shared.live.fetch_add(1, Ordering::Relaxed);
        slot
    }

    /// A frame came in.
    pub(crate) fn received(&self, slot: &Slot, frame: Frame<'_>) {
        self.gateway(GatewayInput::Received { connection: slot.id, frame });
    }

    /// Bytes came in that are no frame.
    pub(crate) fn faulted(&self, slot: &Slot, fault: Fault) {
        self.gateway(GatewayInput::Faulted { connection: slot.id, fault });
    }

    /// A WebSocket is gone. `how` is for the log.
    pub(crate) fn disconnected(&self, slot: &Slot, how: &str) {
        self.unseat(slot);
        let live = self.live();
        let connection = slot.id.0;
        match slot.who.get() {
            Some((user, session)) => {
                self.shared.clients.fetch_sub(1, Ordering::Relaxed);
                info!(connection, %user, %session, reason = %how, live, "disconnected");
            }
            None => info!(connection, reason = %how, live, "disconnected"),
        }
    }

    /// A visit is over.
    pub(crate) fn left(&self, slot: &Slot) {
        self.unseat(slot);
        debug!(connection = slot.id.0, "left");
    }

    fn unseat(&self, slot: &Slot) {
        self.gateway(GatewayInput::Disconnected { connection: slot.id });
        let mut slots = self.slots.borrow_mut();
        slots.remove(&slot.id);
        self.shared.live.fetch_sub(1, Ordering::Relaxed);
        if slots.is_empty() {
            self.emptied.notify_one();
        }
    }

    fn live(&self) -> usize {
        self.shared.live.load(Ordering::Relaxed)
    }

    /// Mail from another node.
    pub(crate) fn mail(&self, from: u32, mail: Mail) {
        self.handle(NodeInput::Mail(from, mail));
    }

    /// Stores how its shards' logs begin, or go on.
    pub(crate) fn begin(&self) {
        self.handle(NodeInput::Timeout);
    }

    /// What the disk thread had of a shard is stored, up to this entry.
    pub(crate) fn stored(&self, shard: ShardId, last: u64) {
        self.handle(NodeInput::Stored(shard, last));
    }

    /// Leaves to the disk thread what was gathered and not handed to it: nothing more comes.
    pub(crate) fn store_rest(&self) {
        for (shard, batch) in self.machine.borrow_mut().node.take_rest() {
            self.store(shard, batch);
        }
    }

    /// What its shards know, when nothing more comes.
    pub(crate) fn take_shards(&self) -> BTreeMap<ShardId, Shard> {
        self.machine.borrow_mut().node.take_shards()
    }

    fn store(&self, shard: ShardId, batch: Batch) {
        let disk = self.disk.as_ref().expect("only logs that are kept have something to store");
        // A disk thread that has ended could not write: the process is about to end.
        let _ = disk.send(Job::Store(shard, batch));
    }

    /// Tells all connections to go, and waits until they are gone.
    pub(crate) async fn drain(&self) {
        self.gateway(GatewayInput::Drain);
        while !self.slots.borrow().is_empty() {
            self.emptied.notified().await;
        }
    }

    /// Writes what the thread's turns bring about. Never returns.
    ///
    /// What is read wakes this once, and sockets that were ready before are read first: under load one write then
    /// carries many frames, and at rest a frame leaves at once.
    pub(crate) async fn keep_writing(&self) {
        loop {
            self.flush_wanted.notified().await;
            self.flush();
        }
    }

    /// Lets every socket with something to write take of it.
    fn flush(&self) {
        let (now, bytes_max) = (self.clock.now(), self.shared.settings.driver.write_bytes_max);
        let mut flushed = self.flushed.borrow_mut();
        mem::swap(&mut *flushed, &mut *self.unwritten.borrow_mut());
        self.run(|node, outputs| {
            for slot in flushed.drain(..) {
                let Some(bytes) = node.poll_transmit(slot.id, bytes_max) else {
                    slot.set_writing(Writing::Done);
                    continue;
                };
                match slot.try_write(&bytes) {
                    Ok(written) => {
                        let is_more = node.transmitted(now, slot.id, written, outputs);
                        slot.set_writing(Writing::Done);
                        if is_more {
                            self.mark(&slot);
                        }
                    }
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                        slot.set_writing(Writing::Full);
                    }
                    Err(error) => slot.set_writing(Writing::Failed(error.kind())),
                }
            }
        });
    }

    /// A socket that was full takes more.
    pub(crate) fn has_room(&self, slot: &Rc<Slot>) {
        slot.set_writing(Writing::Done);
        self.mark(slot);
    }

    /// A connection has something to write: the next flush sees to it, or the task of a visit.
    fn mark(&self, slot: &Rc<Slot>) {
        if slot.writing() != Writing::Done {
            return;
        }
        slot.set_writing(Writing::Wanted);
        if !slot.is_visit {
            let mut unwritten = self.unwritten.borrow_mut();
            if unwritten.is_empty() {
                self.flush_wanted.notify_one();
            }
            unwritten.push(Rc::clone(slot));
        }
    }

    /// Bytes for a visit.
    pub(crate) fn poll_transmit(&self, slot: &Slot) -> Option<Bytes> {
        let bytes_max = self.shared.settings.driver.write_bytes_max;
        self.machine.borrow_mut().node.poll_transmit(slot.id, bytes_max)
    }

    /// So many of them were written.
    pub(crate) fn transmitted(&self, slot: &Slot, bytes: usize) {
        let now = self.clock.now();
        self.run(|node, outputs| node.transmitted(now, slot.id, bytes, outputs));
    }

    /// Keeps the node's deadlines. Never returns.
    pub(crate) async fn keep_time(&self) {
        loop {
            let Some(deadline) = self.armed.get() else {
                self.earlier_deadline.notified().await;
                continue;
            };
            tokio::select! {
                () = sleep_until(self.clock.instant(deadline)) => self.timeout(),
                () = self.earlier_deadline.notified() => {}
            }
        }
    }

    /// Has connections read on when the disk has caught up. Never returns.
    pub(crate) async fn keep_reading(&self) {
        loop {
            self.shared.backlog.relief().await;
            self.slots.borrow().values().for_each(|slot| slot.wake());
        }
    }

    /// What metrics show of this thread.
    pub(crate) fn snapshot(&self) -> Snapshot {
        let node = &self.machine.borrow().node;
        Snapshot { counters: node.counters().clone(), rooms: node.rooms() }
    }

    /// Those of these rooms that are there, on this thread.
    pub(crate) fn find(&self, rooms: &[RoomName]) -> Vec<RoomName> {
        let node = &self.machine.borrow().node;
        rooms.iter().filter(|room| node.has_room(room)).cloned().collect()
    }

    /// The armed deadline has come; the node's own may have moved on meanwhile.
    fn timeout(&self) {
        self.armed.set(None);
        let deadline = self.machine.borrow().node.poll_timeout();
        if deadline.is_some_and(|deadline| deadline <= self.clock.now()) {
            self.handle(NodeInput::Timeout);
        } else {
            self.arm(deadline);
        }
    }

    fn gateway(&self, input: GatewayInput<'_>) {
        self.handle(NodeInput::Gateway(input));
    }

    fn handle(&self, input: NodeInput<'_>) {
        let now = self.clock.now();
        let published = self.run(|node, outputs| {
            let encoded = node.counters().frames_encoded;
            node.handle_input(now, input, outputs);
            node.counters().frames_encoded != encoded
        });
        if published {
            self.shared.fan_out.observe(self.clock.now().since(now).as_secs_f64());
        }
    }

    /// Lets the node do something, carries out what it wants done, and sees to its next deadline.
    fn run<T>(&self, act: impl FnOnce(&mut Node, &mut Vec<NodeOutput>) -> T) -> T {
        let mut machine = self.machine.borrow_mut();
        let Machine { node, outputs } = &mut *machine;
        let result = act(node, outputs);
        let slots = self.slots.borrow();
        let mut shown = Vec::new();
        loop {
            for output in outputs.drain(..) {
                self.carry_out(&slots, output, &mut shown);
            }
            // Verified here and now: it takes tens of microseconds, and the connection waits.
            let Some((connection, token)) = shown.pop() else { break };
            let vouched = slots.get(&connection).and_then(|slot| slot.vouched.as_deref().cloned());
            let outcome = vouched.map_or_else(|| self.verify(&token), Ok);
            let verified = NodeInput::Gateway(GatewayInput::Verified { connection, outcome });
            node.handle_input(self.clock.now(), verified, outputs);
        }
        self.arm(node.poll_timeout());
        if self.disk.is_some() {
            let bytes = node.backlog_bytes();
            self.shared.backlog.change(self.backlog.replace(bytes), bytes);
        }
        result
    }

    /// Carries one output out. Tokens are `shown` to whoever verifies them.
    fn carry_out(
        &self,
        slots: &NumberMap<ConnectionId, Rc<Slot>>,
        output: NodeOutput,
        shown: &mut Vec<(ConnectionId, Token)>,
    ) {
        match output {
            NodeOutput::Writable(connection) => with(slots, connection, |slot| self.mark(slot)),
            NodeOutput::Reading(connection, on) => with(slots, connection, |slot| slot.set_reading(on)),
            NodeOutput::Close(connection, reason) => with(slots, connection, |slot| slot.close(reason)),
            NodeOutput::Verify(connection, token) => shown.push((connection, token)),
            NodeOutput::Notice(notice) => {
                if let Notice::Attached { connection, .. } = &notice
                    && slots.get(connection).is_some_and(|slot| !slot.is_visit && slot.who.get().is_none())
                {
                    self.shared.clients.fetch_add(1, Ordering::Relaxed);
                }
                self.notices.write(self.clock.now(), slots, notice);
            }
            NodeOutput::Store(shard, batch) => self.store(shard, batch),
            NodeOutput::Mail(to, mail) => {
                // A node that no longer takes mail has ended: the process is about to.
                let _ = self.mailboxes[to as usize].send((self.index, mail));
            }
        }
    }

    fn verify(&self, token: &Token) -> Result<Claims, TokenFault> {
        let verifier = self.shared.verifier.as_ref().expect("a gateway without a key looks at no token");
        verifier.verify(token.reveal(), self.clock.now())
    }

    /// Wakes the timer if it would sleep too long; one that wakes too early finds out.
    fn arm(&self, deadline: Option<Time>) {
        let Some(deadline) = deadline else { return };
        if self.armed.get().is_none_or(|armed| deadline < armed) {
            self.armed.set(Some(deadline));
            self.earlier_deadline.notify_one();
        }
    }
}

/// A connection may have gone while its node still had something to say to it.
fn with(slots: &NumberMap<ConnectionId, Rc<Slot>>, connection: ConnectionId, act: impl FnOnce(&Rc<Slot>)) {
    if let Some(slot) = slots.get(&connection) {
        act(slot);
    }
}
