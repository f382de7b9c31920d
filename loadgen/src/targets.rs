//! The servers of a run, and which of them each bot talks to.

use chinwag_scenarios::Plan;
use clap::ValueEnum;

use crate::target::{Target, TargetError};

/// How bots are dealt out among several servers.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub(crate) enum Deal {
    /// A room's members talk to the same one: servers that know nothing of each other
    #[default]
    Rooms,
    /// They take turns: servers that are one chat
    Clients,
}

/// The servers of a run, one at least.
#[derive(Clone, Debug)]
pub(crate) struct Targets {
    all: Vec<Target>,
    deal: Deal,
}

impl Targets {
    /// Reads and resolves what was named; nothing if nothing was.
    ///
    /// # Errors
    /// One line that says which of them cannot be used.
    pub(crate) fn parse(urls: &[String], deal: Deal) -> Result<Option<Self>, String> {
        let all = urls.iter().map(|url| Target::parse(url)).collect::<Result<Vec<_>, TargetError>>();
        let all = all.map_err(|error| error.to_string())?;
        if all.iter().any(|target| target.is_tls != all[0].is_tls) {
            return Err("--url: some are wss:// and some are ws://: take one kind".into());
        }
        Ok((!all.is_empty()).then_some(Self { all, deal }))
    }

    /// One server, that of the run.
    pub(crate) fn own(target: Target) -> Self {
        Self { all: vec![target], deal: Deal::default() }
    }

    /// The one that was named first: what concerns them all is asked of it.
    pub(crate) fn first(&self) -> &Target {
        &self.all[0]
    }

    /// All of them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Target> {
        self.all.iter()
    }

    /// How many there are.
    pub(crate) fn count(&self) -> u32 {
        u32::try_from(self.all.len()).unwrap_or(u32::MAX)
    }

    /// The one that a client talks to.
    pub(crate) fn of(&self, plan: &Plan, client: u32) -> &Target {
        let turn = match self.deal {
            Deal::Rooms => plan.rooms_of(client).first().copied().unwrap_or(client),
            Deal::Clients => client,
        };
        &self.all[(turn % self.count()) as usize]
    }

    /// Whether the members of each room can meet.
    ///
    /// # Errors
    /// One line that names somebody who is in rooms of several servers.
    pub(crate) fn check(&self, plan: &Plan) -> Result<(), String> {
        let is_torn = |client: &u32| {
            let mut turns = plan.rooms_of(*client).iter().map(|room| room % self.count());
            turns.next().is_some_and(|first| turns.any(|turn| turn != first))
        };
        match (0..plan.clients()).find(is_torn) {
            Some(client) if self.deal == Deal::Rooms => Err(format!(
                "--url: client {client} is in rooms of several servers: if they are one chat, say --deal clients"
            )),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use chinwag_scenarios::{Overrides, Scenario};

    use super::*;

    fn targets(count: u16, deal: Deal) -> Targets {
        let urls: Vec<String> = (1..=count).map(|port| format!("ws://127.0.0.1:{port}")).collect();
        Targets::parse(&urls, deal).unwrap().unwrap()
    }

    fn plan(rooms: &str) -> Plan {
        let text = format!(
            "[run]\nname = \"x\"\nseed = 1\nclients = 12\n[rooms]\n{rooms}\n[[scenario]]\nname = \"people\"\n\
             executor = \"constant-arrival-rate\"\nflow = [{{ say = 64 }}]\n[[scenario.stages]]\nname = \"talk\"\n\
             duration = \"1s\"\nrate = 1\n"
        );
        Plan::new(&Scenario::parse("x.toml", &text).unwrap(), Overrides::default()).unwrap()
    }

    #[test]
    fn who_shares_a_room_shares_a_server() {
        let (targets, plan) = (targets(3, Deal::Rooms), plan("size = 2"));
        targets.check(&plan).unwrap();
        for room in 0..plan.rooms() {
            let ports =
                plan.members_of(room).iter().map(|&client| targets.of(&plan, client).addresses[0].port());
            assert!(
                ports.clone().all(|port| u32::from(port) == 1 + room % 3),
                "{room}: {:?}",
                ports.collect::<Vec<_>>()
            );
        }
    }

    #[test]
    fn of_one_chat_clients_take_turns() {
        let (targets, plan) = (targets(3, Deal::Clients), plan("count = 4\nper_client = 2"));
        targets.check(&plan).unwrap();
        let ports: Vec<u16> = (0..4).map(|client| targets.of(&plan, client).addresses[0].port()).collect();
        assert_eq!(ports, [1, 2, 3, 1]);
    }

    #[test]
    fn rooms_that_cannot_meet_are_a_mistake() {
        let plan = plan("count = 4\nper_client = 2");
        let line = targets(3, Deal::Rooms).check(&plan).unwrap_err();
        assert!(line.contains("--deal clients") && !line.contains('\n'), "{line}");
        targets(1, Deal::Rooms).check(&plan).unwrap();
    }

    #[test]
    fn servers_are_of_one_kind() {
        let urls = ["ws://127.0.0.1:1", "wss://127.0.0.1:2"].map(str::to_owned);
        assert!(Targets::parse(&urls, Deal::Rooms).unwrap_err().contains("take one kind"));
        assert!(Targets::parse(&[], Deal::Rooms).unwrap().is_none());
    }
}
