//! Steps carried out: what users do, and what is done to them and the server.

use std::{sync::Arc, time::Duration};

use chinwag_core::{
    ConnectionId, Seq, Time,
    client::Command,
    gateway::{Frame, GatewayInput},
    shard::Status,
};
use chinwag_journal::NodeInput;

use crate::{
    judge::{
        Broken,
        checks::{self, broken},
        marks::Mark,
    },
    line::link::CutLoss,
    people::{doing, person::Trouble},
    plan::{
        draw::{Cause, Purpose},
        nonsense::{PING, Speaker},
        scenario::{Action, Actor, Aim, Nonsense, Step},
    },
    record::{
        describe,
        trace::{Kind, Lane},
    },
    world::{
        Event, World,
        disk::{End, Kept},
    },
};

impl World<'_> {
    /// Carries a step out; one that makes no sense now does nothing, and is not counted.
    pub(crate) fn step(&mut self, place: usize) -> Result<(), Broken> {
        let scenario = self.scenario;
        let step = &scenario.steps[place];
        let lane = match step.actor {
            Actor::Server => Lane::Server,
            Actor::Client(client) if (client as usize) < self.people.len() => Lane::Client(client as usize),
            // What is done to nobody is in no trace: that has a place for each actor that there is.
            Actor::Client(_) => return Ok(()),
        };
        if self.calm_until.is_some() {
            return Ok(());
        }
        self.note(Kind::Step, lane, format_args!("{}", describe::step(step)));
        let is_done = match step.actor {
            Actor::Server => self.happen_to_server(&step.action)?,
            Actor::Client(client) => self.happen_to_client(client as usize, step)?,
        };
        if is_done {
            self.marks.step(&step.action);
        }
        Ok(())
    }

    /// True if something comes of it.
    fn happen_to_client(&mut self, client: usize, step: &Step) -> Result<bool, Broken> {
        if self.people[client].is_over() {
            return Ok(false);
        }
        let is_done = if self.is_player(client) {
            self.player_does(client, step)?
        } else {
            self.user_does(client, &step.action)?
        };
        Ok(self.happen_to_line(client, step.id, &step.action)? || is_done)
    }

    /// The user of core's own client does something; true if it is such a thing, and possible.
    fn user_does(&mut self, client: usize, action: &Action) -> Result<bool, Broken> {
        if let Action::Create { room } = *action {
            // Rooms that nobody enters can be made, too.
            let room = self.scenario.setup.room_name(room);
            self.life.made[client].insert(room.clone());
            self.submit(client, Command::Create { room, private: false })?;
            return Ok(true);
        }
        if let Some(is_done) = self.user_visits(client, action)? {
            return Ok(is_done);
        }
        let room = match *action {
            Action::Join { room }
            | Action::Leave { room }
            | Action::Say { room, .. }
            | Action::Typing { room, .. }
            | Action::History { room, .. }
            | Action::Members { room }
            | Action::Task { room, .. }
            | Action::Status { room } => room as usize,
            _ => 0,
        };
        // In rooms that have owners they can write, too, where they want to be.
        let writes = matches!(action, Action::Typing { .. }) && self.people[client].wanted.contains(&room);
        if room >= self.scenario.setup.rooms as usize && !writes {
            return Ok(false);
        }
        let name = self.judge.room(room).clone();
        let command = match *action {
            Action::Join { .. } => {
                self.people[client].wanted.insert(room);
                Command::Join { room: name }
            }
            Action::Leave { .. } => {
                self.people[client].wanted.remove(&room);
                self.people[client].writers.leaves(&name);
                Command::Leave { room: name }
            }
            Action::Say { times, bytes, .. } => {
                (0..times).try_for_each(|_| self.say(client, room, bytes as usize))?;
                return Ok(true);
            }
            Action::Typing { on, .. } => Command::Typing { room: name, on },
            Action::History { before, limit, .. } => {
                Command::History { room: name, before: before.map(Seq), limit }
            }
            Action::Members { .. } => Command::Members { room: name, after: None },
            Action::Rooms => Command::Rooms { after: None },
            Action::Status { .. } => {
                Command::Status { room: name, status: status(&self.next_status(client, room)) }
            }
            Action::Task { task, .. } => {
                let state = self.standings.next_state(doing::word(false));
                let task = self.standings.next_change(&format!("t{task}"), status(&state));
                Command::Task { room: name, task }
            }
            Action::Quit => {
                self.quit(client)?;
                return Ok(true);
            }
            Action::Crash => {
                self.crash(client)?;
                return Ok(true);
            }
            Action::Renew { .. } => return self.user_renews(client),
            _ => return Ok(false),
        };
        self.submit(client, command)?;
        Ok(true)
    }

    /// Makes a client do something.
    pub(crate) fn submit(&mut self, client: usize, command: Command) -> Result<(), Broken> {
        self.inputs += 1;
        let mut out = Vec::new();
        let page = match command {
            Command::History { before, limit, .. } => Some((before, limit)),
            _ => None,
        };
        let person = &mut self.people[client];
        let id = person.client.submit(person.clock.shows(self.now), command, &mut out);
        let id = id.expect("only publishes wait in a queue");
        if let Some((before, limit)) = page {
            self.judge.asked(client, id, before, limit);
        }
        self.carry_out(client, &mut out)
    }

    pub(crate) fn say(&mut self, client: usize, room: usize, bytes: usize) -> Result<(), Broken> {
        let content = self.judge.next_content(bytes);
        let name = self.judge.room(room).clone();
        let command = Command::Publish { room: name, content: Arc::from(content), extra: None };
        self.inputs += 1;
        let mut out = Vec::new();
        let person = &mut self.people[client];
        let waits = self.judge.unanswered(client);
        match person.client.submit(person.clock.shows(self.now), command, &mut out) {
            Ok(id) => {
                let send = self.judge.said(client, room, bytes, id)?;
                self.times.says(send, self.server.clock.shows(self.now));
                if self.has_owner(room) {
                    self.parlours.says(self.now, send);
                }
            }
            // The queue is full, which is the user's problem: nothing was said.
            Err(_) if waits >= self.scenario.setup.patience.queue_max => {}
            Err(full) => return broken(checks::ANSWERED, format!("c{client} has {waits} sends: {full}")),
        }
        self.carry_out(client, &mut out)
    }

    fn quit(&mut self, client: usize) -> Result<(), Broken> {
        let mut out = Vec::new();
        let person = &mut self.people[client];
        person.wanted.clear();
        person.client.shutdown(person.clock.shows(self.now), &mut out);
        self.carry_out(client, &mut out)
    }

    /// The client's program dies, and is started again.
    fn crash(&mut self, client: usize) -> Result<(), Broken> {
        self.lose_unsent(client);
        self.let_go(client);
        self.user_gives_up_pleas(client);
        self.judge.crashed(client)?;
        self.forgets_its_return(client);
        let person = &mut self.people[client];
        person.crash();
        self.life.crashed(client);
        let wanted = person.wanted.clone();
        self.start_client(client)?;
        for room in wanted {
            let room = self.judge.room(room).clone();
            self.submit(client, Command::Join { room })?;
        }
        Ok(())
    }

    fn start_client(&mut self, client: usize) -> Result<(), Broken> {
        if self.is_player(client) {
            return self.connect(client);
        }
        let mut out = Vec::new();
        let person = &mut self.people[client];
        self.inputs += 1;
        person.client.start(person.clock.shows(self.now), &mut out);
        self.carry_out(client, &mut out)
    }

    /// Something happens to a client's line or clock; true if it is such a thing, and possible.
    fn happen_to_line(&mut self, client: usize, step: u32, action: &Action) -> Result<bool, Broken> {
        let now = self.now;
        let trouble = &mut self.people[client].trouble;
        match *action {
            Action::Stall { up, down, for_us } => {
                let until = now + Duration::from_micros(for_us);
                if up {
                    trouble.up_stalled_until = trouble.up_stalled_until.max(until);
                }
                if down {
                    trouble.down_stalled_until = trouble.down_stalled_until.max(until);
                }
            }
            Action::Slow { rate, for_us } => {
                trouble.slow = Some((rate, now + Duration::from_micros(for_us)));
            }
            Action::Cut => return Ok(self.cut(client, step)),
            Action::Reset => return Ok(self.reset(client)),
            Action::Fin => return self.fin(client),
            Action::Jump { by_us } => {
                self.people[client].clock.jump(now, by_us);
                self.people[client].armed = None;
                self.arm_client(client);
            }
            // Of plain clients some are guests, and of some only one connection is served.
            Action::Intrude { aim: Aim::Visit } if self.is_player(client) => return Ok(false),
            Action::Intrude { aim: Aim::Replay } if self.people[client].credentials.retired().is_none() => {
                return Ok(false);
            }
            Action::Intrude { aim } => self.intrude(client, aim),
            Action::HalfOpen { up, down } => {
                let link = self.people[client].link.and_then(|id| self.links.get_mut(id));
                let Some(link) = link else { return Ok(false) };
                if up {
                    link.up.kill();
                }
                if down {
                    link.down.kill();
                }
            }
            Action::Nonsense { kind, times } => return Ok(self.speak_nonsense(client, step, kind, times)),
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Both ends learn at once that nothing more will come; false if there is no connection.
    fn reset(&mut self, client: usize) -> bool {
        const AT_ONCE: CutLoss = CutLoss {
            keep_up: 0,
            keep_down: 0,
            part: 0,
            client_learns_after: Duration::ZERO,
            server_learns_after: Duration::ZERO,
        };
        let Some(id) = self.people[client].link else { return false };
        let Some(link) = self.links.get_mut(id) else { return false };
        link.cut(self.now, &AT_ONCE);
        self.endings.fails(client);
        self.touch(id);
        true
    }

    /// The client's system closes the connection, if there is one, and the client hears of it.
    fn fin(&mut self, client: usize) -> Result<bool, Broken> {
        let Some(id) = self.people[client].link else { return Ok(false) };
        self.lose_unsent(client);
        self.client_closed(id)?;
        Ok(true)
    }

    /// What travels is lost, and the ends learn of it in their own time; false if there is no connection.
    fn cut(&mut self, client: usize, step: u32) -> bool {
        let mut cause = self.draws.of(Purpose::Cut, u64::from(step));
        let Some(id) = self.people[client].link else { return false };
        let Some(link) = self.links.get_mut(id) else { return false };
        let loss = cut_loss(&mut cause, link.up.flying(), link.down.flying(), 10_000_000);
        link.cut(self.now, &loss);
        self.touch(id);
        true
    }

    /// Sends, on a client's connection, what no client sends; false if there is none.
    fn speak_nonsense(&mut self, client: usize, step: u32, kind: Nonsense, times: u32) -> bool {
        let id = self.people[client].link.filter(|_| !self.is_player(client));
        let opened = id.and_then(|id| self.links.get(id)).is_some_and(|link| link.opened);
        if !opened {
            return false;
        }
        let speaker =
            Speaker { user: self.people[client].user.clone(), gateway: &self.scenario.setup.gateway };
        let mut text = String::new();
        for nth in 0..times {
            match speaker.says(kind, u64::from(step) << 14 | u64::from(nth), &mut text) {
                Ok(Frame::Text(text)) if kind == Nonsense::Amid => self.transmit_around(client, text, PING),
                frame => self.transmit_any(client, &frame),
            }
        }
        true
    }

    /// True if something comes of it.
    fn happen_to_server(&mut self, action: &Action) -> Result<bool, Broken> {
        match *action {
            Action::NodeDies { node } => return self.node_dies(node as usize),
            Action::Restart { drain_us, for_us, back_us } => {
                return self.restart(drain_us, for_us, Duration::from_micros(back_us.unwrap_or(0)));
            }
            Action::PowerCut { for_us } => return self.power_cut(Duration::from_micros(for_us)),
            Action::DiskFull { bytes, for_us } => {
                let Some(storage) = self.storage.as_mut().filter(|_| self.server.is_up()) else {
                    return Ok(false);
                };
                storage.fills_up(bytes, Duration::from_micros(for_us));
            }
            Action::SyncFails { for_us } => {
                let Some(storage) = self.storage.as_mut().filter(|_| self.server.is_up()) else {
                    return Ok(false);
                };
                storage.sync_fails = Some(Duration::from_micros(for_us));
            }
            Action::Pause { node, for_us } => {
                let until = self.now + Duration::from_micros(for_us);
                return Ok(self.pause(node as usize, until));
            }
            Action::Jump { by_us } if self.outruns_keys(by_us) => return Ok(false),
            Action::Jump { by_us } => {
                self.server.clock.jump(self.now, by_us);
                // A clock that stands still is wrong until it goes on.
                self.life.upset(self.server.clock.stands_until().max(self.now));
                self.server.armed.fill(None);
                (0..self.server.nodes.len()).for_each(|node| self.arm_node(node));
            }
            Action::Skew { mail_us_max, for_us } => {
                let until = self.now + Duration::from_micros(for_us);
                self.server.skew = Some((mail_us_max, until));
                self.life.delays.skews(Duration::from_micros(mail_us_max), until);
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// The server dies, perhaps after it has told everybody to go; false if it is about to already.
    fn restart(&mut self, drain_us: Option<u64>, for_us: u64, back: Duration) -> Result<bool, Broken> {
        if !self.server.is_up() || self.server.draining {
            return Ok(false);
        }
        let drain = Duration::from_micros(drain_us.unwrap_or(0));
        let away = Duration::from_micros(for_us);
        let end = if drain_us.is_some() { End::Clean } else { End::Killed };
        self.add_after(drain, Event::Die { incarnation: self.server.incarnation, away, back, end });
        self.server.draining = true;
        if drain_us.is_some() {
            self.resume_all()?;
            self.endings.drains(self.now, self.links.iter().count());
            for node in 0..self.server.nodes.len() {
                self.tell_node(node, NodeInput::Gateway(GatewayInput::Drain))?;
            }
        }
        Ok(true)
    }

    /// The server's machine loses power; false if it does not run.
    fn power_cut(&mut self, away: Duration) -> Result<bool, Broken> {
        if !self.server.is_up() {
            return Ok(false);
        }
        self.die(away, Duration::ZERO, End::PowerCut)?;
        Ok(true)
    }

    /// The server process ends, and with it its end of every connection. Its machine's clock is set back meanwhile.
    pub(crate) fn die(&mut self, away: Duration, back: Duration, end: End) -> Result<(), Broken> {
        if !self.server.is_up() {
            return Ok(());
        }
        self.note(Kind::Stop, Lane::Server, format_args!("dies for {away:?}"));
        self.check_drained()?;
        self.count_counters();
        if self.disk_ends(end)? == Kept::All {
            self.server_is_away();
        } else {
            self.times.ends(self.server.clock.shows(self.now));
            self.life.server_died();
        }
        self.server.stop(self.now, back);
        for (_, link) in self.links.iter_mut() {
            let mut cause = self.draws.of(Purpose::Cut, link.cause() << 1);
            let loss = cut_loss(&mut cause, link.up.flying(), link.down.flying(), 1_000_000);
            link.orphan(self.now, &loss);
        }
        self.links.ids().into_iter().for_each(|id| self.touch(id));
        self.add_after(away, Event::Start);
        Ok(())
    }

    /// The server's process is gone, and what its shards know will be there again: it is as if all its nodes had died, but
    /// for what their connections had used of their limits.
    fn server_is_away(&mut self) {
        self.life.dies(self.now);
        self.judge.rates.are_forgotten();
        self.quotas.are_forgotten();
        let ids: Vec<ConnectionId> = self.life.lines.keys().copied().collect();
        ids.into_iter().for_each(|id| self.line_ends(id));
    }

    /// The server process begins, with what its disk has kept.
    pub(crate) fn start(&mut self) -> Result<(), Broken> {
        if !self.server.is_up() {
            if self.server.was_set_back() {
                self.marks.hit(Mark::SetBack);
            }
            let starts = self.disk_begins()?;
            let (has_disk, kept) = (starts.is_some(), self.storage.as_ref().map(|storage| storage.kept));
            let is_kept = kept == Some(Kept::All);
            self.server.start(self.now, &self.scenario.setup, self.draws, starts, is_kept);
            self.checkups.begin(self.server.clock.shows(self.now), &self.scenario.setup);
            if is_kept {
                self.life.goes_on(self.now);
            } else {
                self.start_over(kept == Some(Kept::Some));
            }
            self.note(Kind::Start, Lane::Server, format_args!("starts"));
            for node in 0..self.server.nodes.len() {
                if has_disk {
                    self.tell_node(node, NodeInput::Timeout)?;
                }
                self.arm_node(node);
            }
            if self.server.incarnation == 1 {
                return self.start_clients();
            }
        }
        Ok(())
    }

    /// Nothing of what the server knew can be relied on; after a loss some of it may be there all the same.
    fn start_over(&mut self, is_loss: bool) {
        let shows = self.server.clock.shows(self.now);
        self.times.begins(shows);
        self.judge.start_over();
        self.parlours.start_over(self.now);
        self.occupancy.start_over();
        if is_loss {
            self.times.carries(shows);
            self.judge.carries();
            self.parlours.cursors.carry();
            self.quotas.are_forgotten();
        } else {
            self.quotas.start_over();
        }
    }

    fn start_clients(&mut self) -> Result<(), Broken> {
        (0..self.people.len()).try_for_each(|client| self.start_client(client))
    }

    /// A node does nothing until then; false if there is no such node.
    fn pause(&mut self, node: usize, until: Time) -> bool {
        if !self.stop_node(node, until) {
            return false;
        }
        // Until it goes on, nothing can be expected.
        self.life.upset(until);
        self.add(until, Event::Resume(node));
        true
    }

    /// A node and its lines do nothing until then; false if there is no such node.
    pub(crate) fn stop_node(&mut self, node: usize, until: Time) -> bool {
        let is_there = self.server.pause(node, until);
        self.links.iter_mut().filter(|(_, link)| link.node == node).for_each(|(_, link)| link.paused = true);
        is_there
    }

    /// A paused node goes on, if it may by now.
    pub(crate) fn resume(&mut self, node: usize) -> Result<(), Broken> {
        let Some(held) = self.server.resume(node, self.now) else { return Ok(()) };
        self.note(Kind::World, Lane::World, format_args!("n{node} {}", describe::GOES_ON));
        self.life.upset(self.now);
        self.links.iter_mut().filter(|(_, link)| link.node == node).for_each(|(_, link)| link.paused = false);
        for input in held {
            self.tell_node(node, input)?;
        }
        let ids: Vec<ConnectionId> =
            self.links.iter().filter(|(_, link)| link.node == node).map(|(id, _)| id).collect();
        for id in ids {
            self.write_on(id)?;
        }
        self.arm_node(node);
        Ok(())
    }

    fn resume_all(&mut self) -> Result<(), Broken> {
        for node in 0..self.server.nodes.len() {
            if self.server.is_paused(node) {
                self.server.unpause(node);
                self.resume(node)?;
            }
        }
        Ok(())
    }

    /// Takes all faults away until then.
    pub(crate) fn calm(&mut self, until: Time) -> Result<(), Broken> {
        self.note(Kind::World, Lane::World, format_args!("{} {:?}", describe::CALM, until.since(self.now)));
        self.marks.hit(Mark::Calm);
        self.calm_until = Some(until);
        self.end_faults()
    }

    /// Takes all faults away for good, but for those who are frozen. What is dead already has to be noticed by those
    /// who use it.
    pub(crate) fn heal(&mut self) -> Result<(), Broken> {
        self.note(Kind::World, Lane::World, format_args!("{}", describe::HEALED));
        self.calm_until = Some(Time(u64::MAX));
        if self.scenario.setup.safety_only {
            return Ok(());
        }
        for &client in &self.scenario.setup.frozen {
            if let Some(person) = self.people.get_mut(client as usize) {
                person.frozen = true;
                self.marks.hit(Mark::Frozen);
            }
        }
        self.end_faults()?;
        if let Some(frozen) = self.scenario.setup.frozen_node {
            self.freeze_node(frozen);
        }
        Ok(())
    }

    fn end_faults(&mut self) -> Result<(), Broken> {
        self.server.skew = None;
        if let Some(storage) = &mut self.storage {
            storage.heals();
        }
        if self.server.draining {
            self.die(Duration::ZERO, Duration::ZERO, End::Clean)?;
        }
        self.start()?;
        self.resume_all()?;
        for person in &mut self.people {
            let stalled_until = if person.frozen { Time(u64::MAX) } else { Time(0) };
            person.trouble =
                Trouble { up_stalled_until: stalled_until, down_stalled_until: stalled_until, slow: None };
        }
        self.links.ids().into_iter().for_each(|id| self.touch(id));
        Ok(())
    }
}

/// What a cut takes away: the ends learn of it within `learn_us_max`.
pub(crate) fn cut_loss(cause: &mut Cause, up: usize, down: usize, learn_us_max: u64) -> CutLoss {
    let keep = |cause: &mut Cause, flying: usize| {
        usize::try_from(cause.within(0..=flying as u64)).expect("no more than there were")
    };
    CutLoss {
        keep_up: keep(cause, up),
        keep_down: keep(cause, down),
        part: keep(cause, 1_460),
        client_learns_after: Duration::from_micros(cause.within(0..=learn_us_max)),
        server_learns_after: Duration::from_micros(cause.within(0..=learn_us_max)),
    }
}

/// A status with all that belongs to its word.
fn status(state: &str) -> Status {
    let (detail, progress) = doing::belongs_to(state).unzip();
    let detail = detail.or_else(|| (state == doing::ERROR).then(|| "it does not go on".to_owned()));
    Status { state: state.into(), detail: detail.map(Arc::from), progress }
}
