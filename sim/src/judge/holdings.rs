//! What the server holds at rest: rooms listed with their members, and tables with all that is known to be in them.

use std::collections::BTreeSet;

use chinwag_core::{
    ConnectionId, RoomName, Time,
    client::ClientEvent,
    shard::{Stays, Usage},
};

use crate::{
    judge::{
        Broken,
        checks::{self, SURVEY_INTERVAL, broken},
        life::ELSEWHERE,
        marks::Mark,
    },
    people::person::Person,
    plan::scenario::{Action, Step},
    world::{Event, World},
};

/// A list of all rooms, asked for page by page by one client.
#[derive(Debug, Default)]
pub(crate) struct Inventory {
    client: usize,
    asked: Time,
    pages: Vec<(Vec<(RoomName, u32)>, bool)>,
}

impl World<'_> {
    /// Plans to ask for all rooms, if anybody is there: between two pages of members, for there is a limit to how often
    /// one may ask.
    pub(crate) fn begin_inventory(&mut self) {
        let Some(&(client, _)) = self.seats().first() else { return };
        self.inventory = Some(Inventory { client, asked: self.now, ..Inventory::default() });
        self.add_after(SURVEY_INTERVAL / 2, Event::AskRooms { client, after: None });
    }

    /// Takes in a page, and plans to ask for the next.
    pub(crate) fn take_inventory(&mut self, client: usize, event: &ClientEvent) {
        let ClientEvent::Rooms { rooms, more } = event else { return };
        let Some(inventory) = self.inventory.as_mut().filter(|inventory| inventory.client == client) else {
            return;
        };
        inventory.pages.push((rooms.clone(), *more));
        if let Some((last, _)) = rooms.last().filter(|_| *more) {
            let after = Some(last.clone());
            self.add_after(SURVEY_INTERVAL, Event::AskRooms { client, after });
        }
    }

    /// At rest: rooms are listed as they are, and tables hold what is known to be there.
    pub(crate) fn check_holdings(&mut self) -> Result<(), Broken> {
        let usages = self.server.nodes.iter().flat_map(|node| node.usages());
        if usages.filter(|usage| usage.sessions_of_user > 0).count() > 1 {
            self.marks.hit(Mark::Homes);
        }
        let usages = self.server.nodes.iter().flat_map(|node| node.usages());
        if usages.filter(|usage| usage.rooms > 0).count() > 1 {
            self.marks.hit(Mark::Spread);
        }
        self.check_inventory()?;
        self.check_stays()?;
        self.check_usage()
    }

    /// Shards know the connections of all who are there, and keep nothing that is over.
    fn check_stays(&mut self) -> Result<(), Broken> {
        self.checked(checks::TABLES);
        let stays: Vec<Stays> = self.server.nodes.iter().flat_map(|node| node.stays()).collect();
        let known: BTreeSet<ConnectionId> =
            stays.iter().flat_map(|stays| &stays.connections).map(|&(_, connection)| connection).collect();
        let is_there = |person: &&Person| match &person.player {
            Some(player) => player.known && !player.silenced,
            None => person.client.is_attached(),
        };
        let there = self.people.iter().filter(is_there).filter_map(|person| person.link);
        if let Some(id) = there.into_iter().find(|id| self.life.lines.contains_key(id) && !known.contains(id))
        {
            return broken(checks::TABLES, format!("no shard knows of {id}, which is there at rest"));
        }
        let strays: usize = stays.iter().map(|stays| stays.strays).sum();
        if strays > 0 {
            return broken(checks::TABLES, format!("{strays} seats are nobody's at rest"));
        }
        Ok(())
    }

    fn check_inventory(&mut self) -> Result<(), Broken> {
        let Some(Inventory { client, asked, pages }) = self.inventory.take() else { return Ok(()) };
        self.checked(checks::ROOMS);
        let complain =
            |why: &str| broken(checks::ROOMS, format!("c{client} asked for all rooms, and {why}: {pages:?}"));
        if self.people[client].client.is_ended() {
            return Ok(());
        }
        let Some((last, earlier)) = pages.split_last() else { return complain("was told none") };
        let is_complete = !last.1 && earlier.iter().all(|&(_, more)| more);
        if !is_complete || last.0.is_empty() {
            return complain("the pages do not say rightly whether there are more");
        }
        let listed: Vec<&(RoomName, u32)> = pages.iter().flat_map(|(rooms, _)| rooms).collect();
        if !listed.is_sorted_by(|a, b| a.0 < b.0) {
            return complain("they are not in order");
        }
        for room in 0..self.scenario.setup.rooms as usize {
            let (name, expected, coming) = (self.judge.room(room), self.expected(room), self.on_their_way());
            let counted = listed.iter().find(|(listed, _)| listed == name).map_or(0, |&&(_, count)| count);
            // Who is on their way may have come, or gone, since that page was asked for.
            let surely = expected.iter().filter(|user| !coming.contains(user)).count();
            if !(surely..=expected.len() + coming.len()).contains(&(counted as usize)) {
                return complain(&format!("{name} has {} members", expected.len()));
            }
        }
        for room in self.scenario.setup.rooms as usize..self.scenario.setup.places() {
            let is_listed = listed.iter().any(|(listed, _)| listed == self.judge.room(room));
            let Some(is_hidden) = self.is_hidden(client, room, asked) else { continue };
            self.checked(checks::DOOR);
            if is_hidden {
                self.marks.hit(Mark::Hidden);
            }
            if is_listed == is_hidden {
                let sentence =
                    format!("c{client} asked for all rooms, and {listed:?} are not those it may see");
                return broken(checks::DOOR, sentence);
            }
        }
        Ok(())
    }

    fn check_usage(&self) -> Result<(), Broken> {
        let usages: Vec<Usage> = self.server.nodes.iter().flat_map(|node| node.usages()).collect();
        let rooms: usize = usages.iter().map(|usage| usage.rooms).sum();
        let counted: usize = self.server.nodes.iter().map(chinwag_journal::Node::rooms).sum();
        if rooms != counted {
            return broken(checks::TABLES, format!("the nodes count {counted} rooms of {rooms}"));
        }
        let most = |of: fn(&Usage) -> usize| usages.iter().map(of).max().unwrap_or(0);
        let sessions: usize = usages.iter().map(|usage| usage.sessions).sum();
        let attached = self.people.iter().filter(|person| person.client.is_attached()).count();
        if sessions < attached {
            return broken(
                checks::TABLES,
                format!("{attached} clients are connected, with {sessions} sessions"),
            );
        }
        let digests = self.server.nodes.iter().flat_map(chinwag_journal::Node::digests);
        let mut busy: Vec<u64> =
            digests.zip(&usages).filter(|(_, usage)| usage.sessions > 0).map(|(digest, _)| digest).collect();
        let count = busy.len();
        busy.sort_unstable();
        busy.dedup();
        if busy.len() < count {
            return broken(
                checks::TABLES,
                "two shards that hold different sessions have one digest".to_owned(),
            );
        }
        let lines = self.life.presence.iter().map(|presence| presence.lines as usize).max().unwrap_or(0);
        let of_user = most(|usage| usage.sessions_of_user);
        // Whose connection has just ended has a session still, and nobody counts those of intruders.
        let shard = &self.scenario.setup.shard;
        let kept = self.life.at_most(shard.resume_window.max(shard.presence_grace)) + self.life.delay();
        let goes_on = self.life.presence.iter().any(|presence| presence.ended + kept >= self.now);
        let intrudes = |step: &Step| matches!(step.action, Action::Intrude { .. });
        let is_known = !goes_on && !self.scenario.steps.iter().any(intrudes);
        if is_known && of_user > lines {
            return broken(
                checks::TABLES,
                format!("a user has {of_user} sessions at rest, and nobody more than {lines} connections"),
            );
        }
        let known = self.known_usage();
        let pairs = [
            ("members of a room", known.members, most(|usage| usage.members)),
            ("messages of a room", known.messages, most(|usage| usage.messages)),
            ("rooms of a user", known.rooms_of_user, most(|usage| usage.rooms_of_user)),
            ("sessions of a user", known.sessions_of_user, most(|usage| usage.sessions_of_user)),
            ("answers of a session", known.answers, most(|usage| usage.answers)),
        ];
        if let Some((what, is, held)) = pairs.into_iter().find(|&(_, is, held)| held < is) {
            return broken(
                checks::TABLES,
                format!("there are {is} {what}, and no shard holds more than {held}"),
            );
        }
        let inhabited = (0..self.scenario.setup.places()).filter(|&room| !self.expected(room).is_empty());
        let inhabited = inhabited.count();
        // Nobody has been in the others for a long time.
        let shard = &self.scenario.setup.shard;
        let is_short = shard.room_ttl.max(shard.bot_room_ttl) < shard.resume_window;
        // Who may not enter what they have just made tries again.
        let made = self.scenario.setup.places() - self.scenario.setup.rooms as usize;
        // A room's shard keeps longer whose home is elsewhere.
        let ttl = shard.room_ttl.max(shard.bot_room_ttl);
        let empty = kept + self.life.at_most(ELSEWHERE + ttl);
        let is_left = self.life.presence.iter().any(|presence| presence.ended + empty >= self.now);
        if rooms < inhabited || is_short && !is_left && rooms > inhabited + made {
            return broken(
                checks::TABLES,
                format!("{inhabited} rooms have members, and the server holds {rooms}"),
            );
        }
        Ok(())
    }

    /// What must be there, the most of each kind.
    fn known_usage(&self) -> Usage {
        let shard = &self.scenario.setup.shard;
        let mut usage = Usage::default();
        for (client, room) in self.seats() {
            usage.members = usage.members.max(self.expected(room).len());
            let head =
                self.people[client].client.position(self.judge.room(room)).map_or(0, |head| head.seq.0);
            let kept = usize::try_from(head.min(shard.history_max.into())).expect("few messages");
            usage.messages = usage.messages.max(kept);
            let answered = self.judge.answered(client, room).min(shard.answers_max as usize);
            usage.answers = usage.answers.max(answered);
        }
        for user in 0..self.life.presence.len() {
            let attached = self.life.clients(user).filter(|&client| self.people[client].client.is_attached());
            usage.sessions_of_user = usage.sessions_of_user.max(attached.count());
        }
        let is_owned = (0..self.scenario.setup.places()).any(|room| self.held_since(room).is_some());
        usage.rooms_of_user = usize::from(is_owned);
        usage
    }
}
