//! Connections at work: what a driver does at each end, on lines that have all the faults there are.

use std::time::Duration;

use chinwag_core::{
    ConnectionId, Time,
    client::ClientInput,
    dialect::{Dialect, Opening},
    gateway::{Frame, GatewayInput},
    identity::Token,
};
use chinwag_journal::{NodeInput, NodeOutput};

use crate::{
    judge::{
        Broken,
        checks::{self, broken},
        marks::Mark,
    },
    line::{
        client_frame::ClientFrame,
        flow::Way,
        link::{self, Down, Link, ServerEnd},
        uplink::{Up, Uplink},
        wire::{Decoder, ServerFrame},
    },
    people::{
        intruder::{Credentials, Intruder, Next},
        passes::is_required,
        person::Person,
    },
    plan::{draw::Purpose, scenario::Aim},
    record::{
        describe,
        trace::{Kind, Lane},
    },
    world::{Alarm, Event, World},
};

/// A server writes at most so many bytes at once.
const WRITE_BYTES: usize = 64 * 1_024;
/// Nobody knocks more often than this at once.
const KNOCKS_MAX: u32 = 20;
/// A server that closes a connection lets go of it after this at the latest.
const CLOSE_TIME: Duration = Duration::from_secs(3);
/// Longest message that a server reads, as by default.
const SOCKET_FRAME_BYTES_MAX: usize = 64 * 1_024;

/// The client's end.
impl World<'_> {
    /// Opens a connection, to a node that is left to chance.
    pub(crate) fn connect(&mut self, client: usize) -> Result<(), Broken> {
        self.let_go(client);
        self.check_return(client)?;
        self.renew(client)?;
        self.player_gets_token(client);
        let (id, node) = self.open(client, None);
        self.people[client].link = Some(id);
        self.note(Kind::Connect, Lane::Client(client), format_args!("connects to n{node} as {id}"));
        self.touch(id);
        Ok(())
    }

    fn open(&mut self, client: usize, intruder: Option<Intruder>) -> (ConnectionId, usize) {
        self.opened += 1;
        let id = ConnectionId(self.opened);
        let open = (0..self.scenario.setup.nodes as usize).filter(|&node| self.server.fenced != Some(node));
        let mut cause = self.draws.of(Purpose::Accept, self.now.0 << 16 | client as u64);
        let node = cause.pick(&open.collect::<Vec<_>>());
        self.people[client].opened += 1;
        let nth = self.people[client].opened;
        let send_buffer = self.people[client].own_send_buffer();
        let up = Uplink::open(
            self.now,
            link::cause(client, nth),
            send_buffer,
            self.socket_bytes_max(),
            self.draws,
        );
        let mut link = Link::open(self.now, client, node, up);
        (link.intruder, link.nth) = (intruder, nth);
        link.paused = self.server.is_paused(node);
        self.links.insert(id, link);
        self.trace.sends_up(self.now, client, id, describe::HANDSHAKE);
        (id, node)
    }

    /// Sends a frame, if there is a connection.
    pub(crate) fn transmit(&mut self, client: usize, frame: Frame<'_>) {
        self.transmit_any(client, &Ok(frame));
    }

    /// Sends a frame, or bytes that are none, if there is a connection.
    pub(crate) fn transmit_any(&mut self, client: usize, frame: &ClientFrame<'_>) {
        let Some(id) = self.connected(client) else { return };
        if self.people[client].player.is_none() {
            let wish = self.witness.sends(self.now, client, frame);
            if let Some(wish) = &wish {
                self.check_leave(client, wish);
            }
            self.life.sends(self.now, client, wish);
        }
        self.send_up(client, id, frame);
    }

    /// Core's own client sends a text that is no request, and a ping between its fragments, if there is a connection.
    pub(crate) fn transmit_around(&mut self, client: usize, text: &str, ping: &[u8]) {
        let Some(id) = self.connected(client) else { return };
        for frame in [Ok(Frame::Ping(ping)), Ok(Frame::Text(text))] {
            self.witness.sends(self.now, client, &frame);
            self.trace.sends_up(self.now, client, id, describe::client_frame(&frame));
        }
        if let Some(link) = self.links.get_mut(id) {
            link.up.send_around(self.now, text, ping);
            self.touch(id);
        }
    }

    /// The connection over which a client can send.
    fn connected(&self, client: usize) -> Option<ConnectionId> {
        self.people[client].link.filter(|&id| self.links.get(id).is_some())
    }

    /// A client sends something over a connection, or somebody over its line.
    fn send_up(&mut self, client: usize, id: ConnectionId, frame: &ClientFrame<'_>) {
        self.trace.sends_up(self.now, client, id, describe::client_frame(frame));
        if let Some(link) = self.links.get_mut(id) {
            link.up.send(self.now, frame);
            self.touch(id);
        }
        if self.links.get(id).is_some_and(|link| link.up.is_full()) {
            self.marks.hit(Mark::UplinkFull);
        }
    }

    /// Says goodbye and lets go.
    pub(crate) fn close(&mut self, client: usize, code: u16) {
        self.transmit(client, Frame::Close(Some(code)));
        self.let_go(client);
    }

    pub(crate) fn let_go(&mut self, client: usize) {
        if let Some(id) = self.people[client].link.take()
            && let Some(link) = self.links.get_mut(id)
        {
            if link.client_here {
                self.trace.sends_up(self.now, client, id, describe::FIN);
            }
            link.let_go(self.now);
            self.touch(id);
            self.forgets(id);
        }
    }

    /// A client's socket is taken from it: what that has not taken in is lost.
    pub(crate) fn lose_unsent(&mut self, client: usize) {
        if let Some(link) = self.people[client].link.and_then(|id| self.links.get_mut(id)) {
            link.up.forget_unsent();
        }
    }

    /// The connection is gone.
    pub(crate) fn client_closed(&mut self, id: ConnectionId) -> Result<(), Broken> {
        let Some(link) = self.links.get_mut(id) else { return Ok(()) };
        if !link.client_here {
            return Ok(());
        }
        if link.intruder.is_some() {
            link.let_go(self.now);
            self.touch(id);
            return Ok(());
        }
        let client = link.client;
        self.let_go(client);
        self.client_is_closed(client, None, "")
    }

    /// A client learns that its connection is gone.
    fn client_is_closed(&mut self, client: usize, code: Option<u16>, reason: &str) -> Result<(), Broken> {
        let input = ClientInput::Closed { code, reason };
        if self.is_player(client) {
            self.note_input(client, &input);
            return self.player_lost(client, code);
        }
        self.tell_client(client, input)
    }

    /// Opens connections over a client's line for someone else.
    pub(crate) fn intrude(&mut self, client: usize, aim: Aim) {
        let count = if aim == Aim::Knock { self.scenario.setup.shard.sessions_per_user_max + 2 } else { 1 };
        for _ in 0..count.min(KNOCKS_MAX) {
            self.intrude_once(client, aim);
        }
    }

    fn intrude_once(&mut self, client: usize, aim: Aim) {
        let person = &self.people[client];
        let told = &person.credentials;
        let credentials = if aim == Aim::Replay { told.retired() } else { told.newest() };
        let victim = credentials.cloned().map(|credentials| (credentials, person.user.to_string()));
        let intruder = if aim == Aim::Visit {
            let visit = self.visit(client);
            Intruder::visitor(visit, self.visitor_asks(client, visit))
        } else {
            let lacks_token = is_required(&self.scenario.setup.gateway, Dialect::Chat);
            Intruder::new(aim, victim).lacking_token(lacks_token)
        };
        let (id, node) = self.open(client, Some(intruder));
        self.note(
            Kind::World,
            Lane::World,
            format_args!("someone intrudes over c{client}'s line to n{node} as {id}"),
        );
        self.touch(id);
    }

    /// What arrived at someone who is nobody.
    fn intruder_gets(&mut self, id: ConnectionId, down: Down) -> Result<(), Broken> {
        let Some(link) = self.links.get_mut(id) else { return Ok(()) };
        let Some(intruder) = &mut link.intruder else { return Ok(()) };
        self.checks.add(checks::INTRUDER, 1);
        let (client, mut heard) = (link.client, Vec::new());
        match down {
            Down::Accepted => {
                (link.opened, link.client_gives_up) = (true, None);
                self.trace.arrives(id, Way::Down);
                self.trace.ignores();
                for text in intruder.says() {
                    self.send_up(client, id, &Ok(Frame::Text(&text)));
                }
            }
            Down::Bytes(bytes) => {
                link.decoder.push(&bytes);
                while let Some(frame) =
                    link.decoder.next_frame().map_err(|error| intrusion(error.to_string()))?
                {
                    self.frames += 1;
                    self.trace.arrives(id, Way::Down);
                    self.trace.ignores();
                    if let (Some(visit), ServerFrame::Text(text)) = (intruder.visit(), &frame) {
                        heard.push((visit, (*text).to_owned()));
                    }
                    if intruder.hears(&frame).map_err(intrusion)? == Next::Leave {
                        link.let_go(self.now);
                        break;
                    }
                }
            }
            Down::Fin => link.let_go(self.now),
        }
        self.touch(id);
        heard.into_iter().try_for_each(|(visit, text)| self.visitor_hears(client, visit, &text))
    }

    /// What arrived at the client.
    fn arrive_down(&mut self, id: ConnectionId, down: Down) -> Result<(), Broken> {
        let Some(link) = self.links.get_mut(id) else { return Ok(()) };
        let client = link.client;
        if !link.client_here {
            return Ok(());
        }
        if link.intruder.is_some() {
            return self.intruder_gets(id, down);
        }
        match down {
            Down::Accepted => {
                link.opened = true;
                link.client_gives_up = None;
                self.trace.arrives(id, Way::Down);
                if self.is_player(client) {
                    self.note_input(client, &ClientInput::Opened);
                    self.player_opened(client, id);
                    return Ok(());
                }
                self.tell_client(client, ClientInput::Opened)
            }
            Down::Bytes(bytes) => {
                link.age.read(bytes.len());
                link.decoder.push(&bytes);
                self.read_frames(id, client)
            }
            Down::Fin => self.client_closed(id),
        }
    }

    fn read_frames(&mut self, id: ConnectionId, client: usize) -> Result<(), Broken> {
        let mut decoder = match self.links.get_mut(id) {
            Some(link) => std::mem::take(&mut link.decoder),
            None => return Ok(()),
        };
        while self.read_frame(id, client, &mut decoder)? {}
        if let Some(link) = self.links.get_mut(id) {
            if link.client_here && decoder.is_amid() && link.is_read() {
                let sentence = format!("c{client} reads a part of a frame, and nothing more is on its way");
                return broken(checks::WIRE, sentence);
            }
            link.decoder = decoder;
        }
        Ok(())
    }

    /// Reads the next frame; false if there is none, or if the client has let go of the connection.
    fn read_frame(&mut self, id: ConnectionId, client: usize, decoder: &mut Decoder) -> Result<bool, Broken> {
        let no_frame = |error| Broken { check: checks::WIRE, sentence: format!("c{client} reads {error}") };
        let Some(frame) = decoder.next_frame().map_err(no_frame)? else { return Ok(false) };
        self.frames += 1;
        self.trace.arrives(id, Way::Down);
        if self.saboteur.loses(&frame) {
            self.trace.ignores();
            return Ok(true);
        }
        if self.is_player(client) && !matches!(frame, ServerFrame::Close(_)) {
            match frame {
                ServerFrame::Text(text) => self.player_reads(client, text)?,
                _ => {
                    self.trace.ignores();
                    self.player_lives(client);
                }
            }
            if let ServerFrame::Ping(_) = frame {
                self.transmit(client, Frame::Pong);
            }
            return Ok(self.people[client].link == Some(id));
        }
        match frame {
            ServerFrame::Text(text) => {
                if let Some(credentials) = Credentials::of(text) {
                    self.people[client].credentials.hears(credentials);
                }
                self.glance(client, text)?;
                self.tell_client(client, ClientInput::Received(Frame::Text(text)))?;
                self.has_read(client)?;
            }
            ServerFrame::Pong => {
                self.witness.pong(client)?;
                self.tell_client(client, ClientInput::Received(Frame::Pong))?;
            }
            ServerFrame::Ping(payload) => {
                // WebSocket libraries answer by themselves.
                self.transmit(client, Frame::Pong);
                self.tell_client(client, ClientInput::Received(Frame::Ping(payload)))?;
            }
            ServerFrame::Close(close) => {
                self.reads_close(client, id, close)?;
                self.transmit(client, Frame::Close(close.map(|(code, _)| code)));
                let (code, reason) = close.map_or((None, ""), |(code, reason)| (Some(code), reason));
                self.let_go(client);
                self.client_is_closed(client, code, reason)?;
            }
        }
        Ok(self.people[client].link == Some(id))
    }
}

/// The server's end.
impl World<'_> {
    /// Writes what a node has for a connection, as far as the socket takes it; `out` is what the node wants then.
    pub(crate) fn write(&mut self, id: ConnectionId, out: &mut Vec<NodeOutput>) {
        self.advance(id);
        let mut heap = 0;
        while let Some(link) = self.links.get_mut(id).filter(|link| link.is_served()) {
            let node = &mut self.server.nodes[link.node];
            let Some(mut bytes) = node.poll_transmit(id, WRITE_BYTES) else {
                self.written(id, out);
                break;
            };
            let space = link.space(self.people[link.client].send_buffer());
            let was_blocked = std::mem::replace(&mut link.blocked, space == 0);
            if link.blocked || was_blocked {
                link.blocked_at = self.now;
            }
            if link.blocked {
                if !was_blocked {
                    link.blocked_since = self.now;
                }
                break;
            }
            bytes.truncate(space);
            let written = bytes.len();
            heap += written;
            if heap > self.scenario.setup.gateway.outbox_bytes_max / 4 {
                (link.heaped_at, link.heap) = (self.now, heap);
            }
            self.trace.writes(self.now, link.node, id, &bytes);
            link.write(self.now, bytes);
            if !node.transmitted(self.server.clock.shows(self.now), id, written, out) {
                self.written(id, out);
                break;
            }
        }
        self.touch(id);
    }

    /// All that a node had for a connection is written.
    fn written(&mut self, id: ConnectionId, out: &mut Vec<NodeOutput>) {
        let Some(link) = self.links.get_mut(id) else { return };
        link.blocked = false;
        link.age.drained(self.now);
        if let ServerEnd::Closing(_) = link.server_end {
            let node = link.node;
            link.hang_up(self.now);
            self.hand_node(node, disconnected(id), out);
        }
    }

    pub(crate) fn reading(&mut self, id: ConnectionId, on: bool) -> Result<(), Broken> {
        if let Some(link) = self.links.get_mut(id) {
            link.reading = on;
            self.touch(id);
        }
        if on { self.is_served(id) } else { Ok(()) }
    }

    pub(crate) fn begin_close(&mut self, id: ConnectionId) {
        if let Some(link) = self.links.get_mut(id)
            && link.server_end == ServerEnd::Open
        {
            link.server_end = ServerEnd::Closing(self.now + CLOSE_TIME);
            self.line_ends(id);
        }
    }

    /// The connection is gone.
    fn server_closed(&mut self, id: ConnectionId) -> Result<(), Broken> {
        let Some(link) = self.links.get_mut(id) else { return Ok(()) };
        let known = link.is_served();
        if link.server_end == ServerEnd::Open && link.intake.is_amid() {
            self.marks.hit(Mark::CutInside);
        }
        link.hang_up(self.now);
        let node = link.node;
        self.line_ends(id);
        if known { self.tell_node(node, disconnected(id)) } else { Ok(()) }
    }

    /// What the address of a connection says.
    fn opening(&self, id: ConnectionId, client: usize) -> Opening {
        let intruder = self.links.get(id).and_then(|link| link.intruder.as_ref());
        match (intruder, &self.people[client].player) {
            (Some(intruder), _) if intruder.visit().is_some() => self.visitors_opening(client),
            (None, Some(player)) => {
                Opening { token: player.pass.as_deref().map(Token::new), ..player.voice.opening() }
            }
            _ => Opening::default(),
        }
    }

    /// What arrived at the server.
    fn arrive_up(&mut self, id: ConnectionId, up: Up) -> Result<(), Broken> {
        let is_up = self.server.is_up();
        let Some(link) = self.links.get_mut(id) else { return Ok(()) };
        let node = link.node;
        match (link.server_end, up) {
            (ServerEnd::Unborn, Up::Handshake) if is_up => {
                link.server_end = ServerEnd::Open;
                link.down.push(self.now, Down::Accepted, 200);
                let client = link.client;
                match &link.intruder {
                    None => self.line_begins(id, client),
                    Some(intruder) if intruder.sits() => {
                        let since = self.server.clock.shows(self.now);
                        self.add_after(self.scenario.setup.gateway.attach_timeout, Event::Sat { id, since });
                    }
                    Some(_) => {}
                }
                self.guest_begins(id);
                let opening = self.opening(id, client);
                self.trace.arrives(id, Way::Up);
                self.trace.accepts(self.now, node, id);
                self.tell_node(node, NodeInput::Gateway(GatewayInput::Connected { connection: id, opening }))
            }
            (ServerEnd::Unborn, _) => {
                link.hang_up(self.now);
                Ok(())
            }
            (ServerEnd::Open | ServerEnd::Closing(_), Up::Fin) => self.server_closed(id),
            (ServerEnd::Open, Up::Bytes(mut bytes)) => self.take_in(id, &mut bytes),
            // Nobody reads any more.
            _ => Ok(()),
        }
    }

    /// The longest message that a server reads. It understands no longer ones.
    fn socket_bytes_max(&self) -> usize {
        SOCKET_FRAME_BYTES_MAX.max(self.scenario.setup.gateway.frame_bytes_max + 1)
    }

    /// A server has read bytes: its node is handed the frames that end there, as long as it takes any.
    fn take_in(&mut self, id: ConnectionId, bytes: &mut [u8]) -> Result<(), Broken> {
        let Some(link) = self.links.get_mut(id) else { return Ok(()) };
        let (node, mut intake) = (link.node, std::mem::take(&mut link.intake));
        let bytes_max = self.socket_bytes_max();
        let mut done = Ok(());
        intake.take_in(bytes, bytes_max, |frame| {
            done = self.receive(node, id, &frame);
            done.is_ok() && self.links.get(id).is_some_and(Link::is_wanted)
        });
        done?;
        if intake.keeps() {
            self.marks.hit(Mark::Kept);
        }
        if intake.is_amid() {
            self.marks.hit(Mark::InPieces);
        }
        let Some(link) = self.links.get_mut(id) else { return Ok(()) };
        let is_missed = link.up.is_missed() && !intake.keeps() && !intake.is_over();
        link.intake = intake;
        if is_missed {
            return broken(
                checks::WIRE,
                format!("n{node} has all that came on {id}, and reads less than was sent"),
            );
        }
        Ok(())
    }

    /// A node reads a frame, or something that is none.
    fn receive(
        &mut self,
        node: usize,
        connection: ConnectionId,
        heard: &ClientFrame<'_>,
    ) -> Result<(), Broken> {
        self.trace.arrives(connection, Way::Up);
        self.check_is_sent(node, connection, heard)?;
        self.line_hears(connection, heard);
        let frame = match *heard {
            Ok(frame) => frame,
            Err(fault) => {
                let input = GatewayInput::Faulted { connection, fault };
                return self.tell_node(node, NodeInput::Gateway(input));
            }
        };
        let clogged = self.clogged(node, connection).filter(|_| self.is_request(connection, frame));
        let is_asked = self.is_asked(connection, frame, clogged.is_some());
        self.tell_node(node, NodeInput::Gateway(GatewayInput::Received { connection, frame }))?;
        if is_asked && clogged.is_none() {
            self.is_served(connection)?;
        }
        self.check_goodbye(connection, frame)?;
        match clogged {
            Some(bytes) => self.check_clogged(node, connection, bytes),
            None => Ok(()),
        }
    }

    /// What a node reads is what was sent, each in its turn.
    fn check_is_sent(
        &mut self,
        node: usize,
        id: ConnectionId,
        heard: &ClientFrame<'_>,
    ) -> Result<(), Broken> {
        self.checked(checks::WIRE);
        if self.links.get_mut(id).is_some_and(|link| link.up.is_read(heard)) {
            return Ok(());
        }
        broken(checks::WIRE, format!("n{node} reads something else on {id} than was sent next"))
    }

    /// Whether a server may have to answer this: a sign of life is no request, also where it is text.
    fn is_request(&self, id: ConnectionId, frame: Frame<'_>) -> bool {
        let Frame::Text(text) = frame else { return false };
        let player = self.links.get(id).and_then(|link| self.people[link.client].player.as_ref());
        player.is_none_or(|player| !player.voice.is_pong(text))
    }
}

/// The line between them.
impl World<'_> {
    /// Something is due on a connection.
    pub(crate) fn link_due(&mut self, id: ConnectionId) -> Result<(), Broken> {
        let now = self.now;
        match self.links.get_mut(id) {
            Some(link) if link.armed == Some(now) => link.armed = None,
            _ => return Ok(()),
        }
        self.advance(id);
        while let Some(up) = self.links.get_mut(id).and_then(|link| link.next_up(now)) {
            self.arrive_up(id, up)?;
        }
        while let Some(down) = self.links.get_mut(id).and_then(|link| link.down.arrived(now)) {
            self.arrive_down(id, down)?;
        }
        self.learn(id)?;
        self.write_on(id)
    }

    /// Goes on writing, if the socket takes something again.
    pub(crate) fn write_on(&mut self, id: ConnectionId) -> Result<(), Broken> {
        if let Some(link) = self.links.get(id)
            && link.is_served()
            && link.blocked
            && !link.paused
            && link.space(self.people[link.client].send_buffer()) > 0
        {
            let (node, mut out) = (link.node, Vec::new());
            self.write(id, &mut out);
            self.serve(node, &mut out)?;
        }
        self.touch(id);
        Ok(())
    }

    /// Someone has said nothing for as long as they may: the server must let go of them.
    pub(crate) fn sat(&mut self, id: ConnectionId, since: Time) -> Result<(), Broken> {
        const REACTION: Duration = Duration::from_secs(1);
        let Some(link) = self.links.get(id).filter(|link| link.server_end == ServerEnd::Open) else {
            return Ok(());
        };
        let due = self.server.clock.when(since + self.scenario.setup.gateway.attach_timeout) + REACTION;
        if link.paused || due > self.now {
            self.add(due.max(self.now + REACTION), Event::Sat { id, since });
            return Ok(());
        }
        let node = link.node;
        Err(intrusion(format!("holds {id} of n{node} without ever having said who it is")))
    }

    /// The ends learn what they can no longer overlook.
    fn learn(&mut self, id: ConnectionId) -> Result<(), Broken> {
        let now = self.now;
        let due = |at: &mut Option<Time>| at.take_if(|at| *at <= now).is_some();
        let Some(link) = self.links.get_mut(id) else { return Ok(()) };
        if !link.paused && due(&mut link.server_learns) {
            self.server_closed(id)?;
        }
        let Some(link) = self.links.get_mut(id) else { return Ok(()) };
        if link.lets_go().is_some_and(|at| at <= now) {
            self.server_closed(id)?;
        }
        let Some(link) = self.links.get_mut(id) else { return Ok(()) };
        if due(&mut link.client_learns) | due(&mut link.client_gives_up) {
            self.client_closed(id)?;
        }
        Ok(())
    }

    /// Lets leave what has to leave by now.
    fn advance(&mut self, id: ConnectionId) -> Option<(&mut Link, &Person)> {
        let (now, draws) = (self.now, self.draws);
        let link = self.links.get_mut(id)?;
        let person = &self.people[link.client];
        let (most, cause) = (person.jitter_us(), (now.0 << 16) | (link.client as u64) << 1);
        let jitter = |way: u64| {
            let mut cause = draws.of(Purpose::Jitter, cause | way);
            move || Duration::from_micros(cause.within(0..=most))
        };
        if link.up.is_due(now) {
            link.up.advance(now, &person.up(), jitter(0));
        }
        if link.down.is_due(now) {
            link.down.advance(now, &person.down(now), jitter(1));
        }
        Some((link, person))
    }

    /// Something about a connection has changed: sets its timer, or forgets it if both ends have.
    pub(crate) fn touch(&mut self, id: ConnectionId) {
        let now = self.now;
        let Some((link, person)) = self.advance(id) else { return };
        if link.is_over() {
            self.links.remove(id);
            return;
        }
        let Some(next) = link.poll_timeout(&person.up(), &person.down(now)) else { return };
        let next = next.max(now);
        if link.armed.is_none_or(|armed| next < armed) {
            link.armed = Some(next);
            self.add(next, Event::Timer(Alarm::Link(id)));
        }
    }
}

fn intrusion(sentence: String) -> Broken {
    Broken { check: checks::INTRUDER, sentence: format!("someone who is nobody {sentence}") }
}

fn disconnected(connection: ConnectionId) -> NodeInput<'static> {
    NodeInput::Gateway(GatewayInput::Disconnected { connection })
}
