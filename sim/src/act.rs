//! Steps carried out: what users do, and what is done to them and the server.

use std::{sync::Arc, time::Duration};

use chinwag_core::{
    Seq,
    client::Command,
    gateway::{Fault, GatewayInput},
    shard::Status,
};
use chinwag_journal::NodeInput;

use crate::{
    draw::{Cause, Purpose},
    judge::Broken,
    link::{CutLoss, Up},
    person::Trouble,
    scenario::{Action, Actor, Nonsense},
    trace::{Kind, Lane},
    world::{Event, World},
};

impl World<'_> {
    /// Carries a step out; one that makes no sense now does nothing.
    pub(crate) fn step(&mut self, place: usize) -> Result<(), Broken> {
        if self.healed {
            return Ok(());
        }
        let scenario = self.scenario;
        let step = &scenario.steps[place];
        let lane = match step.actor {
            Actor::Server => Lane::Server,
            Actor::Client(client) => Lane::Client(client as usize),
        };
        self.note(Kind::Step, lane, format_args!("#{} {:?}", step.id, step.action));
        match step.actor {
            Actor::Server => {
                self.happen_to_server(&step.action);
                self.drain_if_told(&step.action)
            }
            Actor::Client(client) => {
                let client = client as usize;
                if self.people.get(client).is_none_or(|person| person.client.is_ended()) {
                    return Ok(());
                }
                self.user_does(client, &step.action)?;
                self.happen_to_line(client, step.id, &step.action);
                Ok(())
            }
        }
    }

    fn user_does(&mut self, client: usize, action: &Action) -> Result<(), Broken> {
        let room = match *action {
            Action::Join { room }
            | Action::Leave { room }
            | Action::Say { room, .. }
            | Action::Typing { room, .. }
            | Action::History { room, .. }
            | Action::Members { room }
            | Action::Status { room } => room as usize,
            _ => 0,
        };
        if room >= self.scenario.setup.rooms as usize {
            return Ok(());
        }
        let name = self.judge.room(room).clone();
        let command = match *action {
            Action::Join { .. } => {
                self.people[client].wanted.insert(room);
                Command::Join { room: name }
            }
            Action::Leave { .. } => {
                self.people[client].wanted.remove(&room);
                Command::Leave { room: name }
            }
            Action::Say { times, bytes, .. } => {
                return (0..times).try_for_each(|_| self.say(client, room, bytes as usize));
            }
            Action::Typing { on, .. } => Command::Typing { room: name, on },
            Action::History { before, limit, .. } => {
                Command::History { room: name, before: before.map(Seq), limit }
            }
            Action::Members { .. } => Command::Members { room: name, after: None },
            Action::Rooms => Command::Rooms { after: None },
            Action::Status { .. } => {
                let status = Status { state: Arc::from("busy"), detail: None, progress: Some(50) };
                Command::Status { room: name, status }
            }
            Action::Quit => return self.quit(client),
            _ => return Ok(()),
        };
        self.submit(client, command)
    }

    /// Makes a client do something.
    pub(crate) fn submit(&mut self, client: usize, command: Command) -> Result<(), Broken> {
        self.inputs += 1;
        let mut out = Vec::new();
        let page = match command {
            Command::History { before, limit, .. } => Some((before, limit)),
            _ => None,
        };
        let id = self.people[client].client.submit(self.now, command, &mut out);
        let id = id.expect("only publishes wait in a queue");
        if let Some((before, limit)) = page {
            self.judge.asked(client, id, before, limit);
        }
        self.carry_out(client, out)
    }

    fn say(&mut self, client: usize, room: usize, bytes: usize) -> Result<(), Broken> {
        let content = self.judge.next_content(bytes);
        let command = Command::Publish { room: self.judge.room(room).clone(), content: Arc::from(content) };
        self.inputs += 1;
        let mut out = Vec::new();
        // A queue that is full is the user's problem: nothing was said.
        if let Ok(id) = self.people[client].client.submit(self.now, command, &mut out) {
            self.judge.said(client, room, bytes, id)?;
        }
        self.carry_out(client, out)
    }

    fn quit(&mut self, client: usize) -> Result<(), Broken> {
        let mut out = Vec::new();
        self.people[client].wanted.clear();
        self.people[client].client.shutdown(self.now, &mut out);
        self.carry_out(client, out)
    }

    fn happen_to_line(&mut self, client: usize, step: u32, action: &Action) {
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
            Action::Cut => self.cut(client, step),
            Action::HalfOpen { up, down } => {
                if let Some(link) = self.people[client].link.and_then(|id| self.links.get_mut(&id)) {
                    if up {
                        link.up.kill();
                    }
                    if down {
                        link.down.kill();
                    }
                }
            }
            Action::Nonsense { kind, times } => self.speak_nonsense(client, kind, times),
            _ => {}
        }
    }

    fn cut(&mut self, client: usize, step: u32) {
        let mut cause = self.draws.of(Purpose::Cut, u64::from(step));
        if let Some(id) = self.people[client].link
            && let Some(link) = self.links.get_mut(&id)
        {
            let loss = cut_loss(&mut cause, link.up.flying(), link.down.flying(), 10_000_000);
            link.cut(self.now, &loss);
            self.touch(id);
        }
    }

    /// Sends, on a client's connection, what no client sends.
    fn speak_nonsense(&mut self, client: usize, kind: Nonsense, times: u32) {
        let Some(id) = self.people[client].link else { return };
        let opened = self.links.get(&id).is_some_and(|link| link.opened);
        if !opened {
            return;
        }
        let long = self.scenario.setup.gateway.frame_bytes_max + 1;
        for _ in 0..times {
            let text = |text: &str| Up::Text(text.to_owned());
            self.transmit(
                client,
                match kind {
                    Nonsense::Garbage => text("{\"type\":"),
                    Nonsense::Shape => text(r#"{"type":"join","room":["r0"]}"#),
                    Nonsense::Unknown => text(r#"{"type":"sing","room":"r0"}"#),
                    Nonsense::Forged => {
                        text(r#"{"type":"message","room":"r0","user":"mallory","content":"forged"}"#)
                    }
                    Nonsense::Hello => text(r#"{"type":"hello","user":"mallory"}"#),
                    Nonsense::Binary => Up::Binary(9),
                    Nonsense::Ping => Up::Ping(vec![7; 9]),
                    Nonsense::Long => Up::Text("x".repeat(long)),
                    Nonsense::Broken => Up::Broken(Fault::Protocol),
                    Nonsense::Utf8 => Up::Broken(Fault::InvalidText),
                },
            );
        }
    }

    fn happen_to_server(&mut self, action: &Action) {
        match *action {
            Action::Restart { drain_us, for_us } if self.server.is_up() && !self.server.draining => {
                let drain = Duration::from_micros(drain_us.unwrap_or(0));
                self.add_after(drain, Event::Die(Duration::from_micros(for_us)));
                self.server.draining = true;
            }
            Action::Skew { mail_us_max, for_us } => {
                self.server.skew = Some((mail_us_max, self.now + Duration::from_micros(for_us)));
            }
            _ => {}
        }
    }

    fn drain_if_told(&mut self, action: &Action) -> Result<(), Broken> {
        if matches!(action, Action::Restart { drain_us: Some(_), .. }) && self.server.is_up() {
            for node in 0..self.server.nodes.len() {
                self.tell_node(node, NodeInput::Gateway(GatewayInput::Drain))?;
            }
        }
        Ok(())
    }

    /// The server process ends, and with it its end of every connection.
    pub(crate) fn die(&mut self, away: Duration) -> Result<(), Broken> {
        if !self.server.is_up() {
            return Ok(());
        }
        self.note(Kind::Stop, Lane::Server, format_args!("dies for {away:?}"));
        self.server.stop();
        self.life.server_died();
        for (id, link) in &mut self.links {
            let mut cause = self.draws.of(Purpose::Cut, id.0 << 32);
            let loss = cut_loss(&mut cause, link.up.flying(), link.down.flying(), 1_000_000);
            link.orphan(self.now, &loss);
        }
        let ids: Vec<_> = self.links.keys().copied().collect();
        ids.into_iter().for_each(|id| self.touch(id));
        self.add_after(away, Event::Start);
        Ok(())
    }

    /// The server process begins, with nothing in memory.
    pub(crate) fn start(&mut self) -> Result<(), Broken> {
        if !self.server.is_up() {
            self.server.start(self.now, &self.scenario.setup, self.draws);
            self.judge.rates.start_over();
            self.note(Kind::Start, Lane::Server, format_args!("starts"));
            (0..self.server.nodes.len()).for_each(|node| self.arm_node(node));
            if self.server.incarnation == 1 {
                return self.start_clients();
            }
        }
        Ok(())
    }

    fn start_clients(&mut self) -> Result<(), Broken> {
        for client in 0..self.people.len() {
            let mut out = Vec::new();
            self.people[client].client.start(self.now, &mut out);
            self.carry_out(client, out)?;
        }
        Ok(())
    }

    /// Takes all faults away. What is dead already has to be noticed by those who use it.
    pub(crate) fn heal(&mut self) -> Result<(), Broken> {
        self.note(Kind::World, Lane::World, format_args!("all faults end"));
        self.healed = true;
        self.server.skew = None;
        if self.server.draining {
            self.die(Duration::ZERO)?;
        }
        self.start()?;
        for person in &mut self.people {
            person.trouble = Trouble::default();
        }
        let ids: Vec<_> = self.links.keys().copied().collect();
        ids.into_iter().for_each(|id| self.touch(id));
        Ok(())
    }
}

/// What a cut takes away: the ends learn of it within `learn_us_max`.
fn cut_loss(cause: &mut Cause, up: usize, down: usize, learn_us_max: u64) -> CutLoss {
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
