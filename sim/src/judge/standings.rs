//! Where the tasks of rooms stand, as their readers know it: at rest all of them know the same.
//!
//! Told again from `docs/protocol.md`: who comes in is shown every task that is open and the latest of those that are
//! finished, and then every change.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use chinwag_core::{
    UserName,
    client::ClientEvent,
    dialect::Dialect,
    shard::{Status, Task, TaskChange},
};

use crate::{
    judge::{
        Broken,
        checks::{self, broken},
        marks::Mark,
        statuses::check_told,
    },
    people::doing,
    world::World,
};

/// States in which a task is finished.
const FINISHED: [&str; 8] =
    ["done", "complete", "completed", "finished", "closed", "failed", "cancelled", "canceled"];

/// What all readers know of tasks.
#[derive(Debug, Default)]
pub(crate) struct Standings {
    /// How often anybody said something of a task.
    said: usize,
    /// By client and room.
    known: BTreeMap<(usize, usize), Known>,
}

/// What a reader knows of a room's tasks.
#[derive(Debug, Default)]
struct Known {
    states: BTreeMap<String, String>,
    /// Those that are finished, in the order in which they came to be.
    finished: VecDeque<String>,
    /// What was ever said of a task that is known: whose it is, how urgent, and something else.
    rest: BTreeMap<String, [bool; 3]>,
    /// Whose tasks are, as far as that was said.
    given: BTreeMap<String, String>,
    /// Open ones that were known when a list came in place of changes, and are to be told again.
    untold: BTreeSet<String>,
    /// Something may have been left out, or told in an order that says too little.
    is_partial: bool,
}

/// How many tasks a room keeps.
#[derive(Clone, Copy)]
struct Kept {
    all: usize,
    finished: usize,
}

impl Known {
    /// A reader is told where a task stands; whether others are forgotten for it.
    fn told(&mut self, kept: Kept, task: &str, state: &str) -> bool {
        let before = self.states.len();
        self.untold.remove(task);
        while !self.states.contains_key(task) && self.states.len() >= kept.all && self.forget(kept) {}
        let is_new = self.states.insert(task.to_owned(), state.to_owned()).is_none();
        let was_finished = self.finished.iter().any(|finished| finished == task);
        match (was_finished, FINISHED.contains(&state)) {
            (false, true) => self.finished.push_back(task.to_owned()),
            (true, false) => self.finished.retain(|finished| finished != task),
            (true, true) | (false, false) => {}
        }
        while self.finished.len() > kept.finished && self.forget(kept) {}
        self.states.len() < before + usize::from(is_new)
    }

    /// A reader is told of a task what stands beside its state. False if something was said of it that is not there any more.
    fn told_rest(&mut self, task: &Task) -> bool {
        let Task { assignee, priority, metadata, .. } = task;
        let now = [assignee.is_some(), priority.is_some(), metadata.is_some()];
        self.rest.retain(|task, _| self.states.contains_key(task));
        let before = self.rest.insert(task.task.to_string(), now).unwrap_or_default();
        self.is_partial || before.iter().zip(now).all(|(&before, now)| now || !before)
    }

    /// Forgets the one that was finished first; false if none is.
    fn forget(&mut self, kept: Kept) -> bool {
        // Those that stood already were told by name.
        self.is_partial |= kept.finished > 1 && self.finished.len() > 1;
        self.finished.pop_front().is_some_and(|task| {
            self.given.remove(&task);
            self.states.remove(&task).is_some()
        })
    }

    /// Whose a task is that is known.
    fn owners(&self) -> impl Iterator<Item = (&String, Option<&String>)> {
        self.states.keys().map(|task| (task, self.given.get(task)))
    }
}

impl Standings {
    /// What is said of a task next: now it is finished, and now it is not, and never does it stand as before.
    pub(crate) fn next_state(&mut self, word: &str) -> String {
        self.said += 1;
        // Some dialects say in another way what an error is about.
        if self.said % (3 * FINISHED.len()) == 1 {
            return doing::ERROR.to_owned();
        }
        match self.said % 3 {
            0 => FINISHED[self.said / 3 % FINISHED.len()].to_owned(),
            _ => format!("{word}-{}", self.said),
        }
    }

    /// What is said of a task with its next status: in turn whose it is, how urgent, and something else; mostly none of it.
    pub(crate) fn next_change(&self, task: &str, status: Status) -> TaskChange {
        let said = self.said % 8;
        let user = UserName::new(&format!("u{}", self.said % 5)).expect("a short name");
        TaskChange {
            task: task.into(),
            status: Some(status),
            assignee: matches!(said, 1 | 5).then_some(user),
            priority: (said == 4).then_some(1),
            metadata: (said == 7).then(|| r#"{"a":1}"#.into()),
        }
    }

    /// A client comes into a room: it will be told where everything stands.
    pub(crate) fn enters(&mut self, client: usize, room: usize) {
        self.known.insert((client, room), Known::default());
    }

    /// A client is given a list in place of changes that were left out: what is open is told again.
    pub(crate) fn made_up(&mut self, client: usize, room: usize) {
        let known = self.known.entry((client, room)).or_default();
        let open = known.states.iter().filter(|(_, state)| !FINISHED.contains(&state.as_str()));
        known.untold = open.map(|(task, _)| task.clone()).collect();
    }

    /// A client is told whose a task is.
    pub(crate) fn given(&mut self, client: usize, room: usize, task: &str, user: &str) {
        self.known.entry((client, room)).or_default().given.insert(task.to_owned(), user.to_owned());
    }

    /// A client is told who is in a room, perhaps in place of changes that were left out.
    pub(crate) fn listed(&mut self, client: usize, room: usize) {
        self.known.entry((client, room)).or_default().is_partial = true;
    }
}

impl World<'_> {
    /// A client is told where a task stands.
    pub(crate) fn task_stands(&mut self, client: usize, room: usize, task: &str, state: &str) {
        self.checked(checks::TASKS);
        let shard = &self.scenario.setup.shard;
        let kept = Kept { all: shard.tasks_max as usize, finished: shard.finished_tasks_max as usize };
        let known = self.standings.known.entry((client, room)).or_default();
        if known.told(kept, task, state) {
            self.marks.hit(Mark::TaskForgotten);
        }
    }

    /// What the user of a client with a session sees of tasks.
    pub(crate) fn sees_tasks(&mut self, client: usize, event: &ClientEvent) -> Result<(), Broken> {
        match event {
            ClientEvent::Joined { room, .. } => {
                if let Some(room) = self.room_number(room.as_str()) {
                    self.standings.enters(client, room);
                }
            }
            ClientEvent::Members { room, .. } => {
                // What is asked for at rest is in place of nothing.
                if let Some(room) = self.room_number(room.as_str())
                    && self.judge.view(client, room).survey.is_none()
                {
                    self.standings.listed(client, room);
                }
            }
            ClientEvent::Task { room, user, task } => {
                if user.is_none() {
                    self.marks.hit(Mark::TaskStands);
                }
                let Some(room) = self.room_number(room.as_str()) else { return Ok(()) };
                if let Some(status) = &task.status {
                    check_told(status)?;
                    self.task_stands(client, room, &task.task, &status.state);
                }
                if let Some(user) = &task.assignee {
                    self.standings.given(client, room, &task.task, user.as_str());
                }
                let reads_everything = self.reads_everything(client, room);
                let known = self.standings.known.entry((client, room)).or_default();
                // Else it may have been forgotten, and have begun anew.
                if !known.told_rest(task) && reads_everything {
                    let sentence = format!("c{client} is told {task:?} in r{room}, of which more was said");
                    return broken(checks::TASKS, sentence);
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Whether it is looked at whose tasks a client says are: core's own, and those who are told so in a frame of its own.
    fn is_told_whose(&self, client: usize) -> bool {
        let player = self.people[client].player.as_ref();
        player.is_none_or(|player| player.dialect() == Dialect::Envelope)
    }

    /// At rest everybody in a room knows the same of its tasks, and of no more than it keeps. Before that a change may have
    /// been left out whose list is still to come.
    pub(crate) fn check_tasks(&mut self) -> Result<(), Broken> {
        let seats = self.seats();
        for room in 0..self.scenario.setup.places() {
            let plays = |client: usize| {
                let person = &self.people[client];
                person.plays_in(room)
                    && person.player.as_ref().is_some_and(|it| it.voice.has_places() && !it.silenced)
            };
            let is_there = |client: usize| seats.contains(&(client, room)) || plays(client);
            let (partial, readers): (Vec<_>, Vec<_>) = (0..self.people.len())
                .filter(|&client| is_there(client))
                .filter_map(|client| Some((client, self.standings.known.get(&(client, room))?)))
                .partition(|(_, known): &(usize, &Known)| known.is_partial);
            let is_open = |task: &String| {
                let stands = readers.first().and_then(|(_, known)| known.states.get(task));
                stands.is_some_and(|state| !FINISHED.contains(&state.as_str()))
            };
            if let Some((client, known)) = partial.iter().find(|(_, known)| known.untold.iter().any(is_open))
            {
                let untold = &known.untold;
                let sentence = format!(
                    "c{client} was made up for what was left out in r{room}, and not told of {untold:?}"
                );
                return broken(checks::TASKS, sentence);
            }
            let most = self.scenario.setup.shard.tasks_max as usize;
            if let Some((client, known)) = readers.iter().find(|(_, known)| known.states.len() > most) {
                let sentence =
                    format!("c{client} knows of {} tasks in r{room}, of {most} kept", known.states.len());
                return broken(checks::TASKS, sentence);
            }
            let differs = readers.windows(2).find(|pair| pair[0].1.states != pair[1].1.states);
            if let Some([(one, sees), (other, knows)]) = differs {
                let (sees, knows) = (&sees.states, &knows.states);
                let sentence =
                    format!("in r{room} c{one} knows the tasks {sees:?} at rest, c{other} {knows:?}");
                return broken(checks::TASKS, sentence);
            }
            let told: Vec<_> = readers.iter().filter(|(client, _)| self.is_told_whose(*client)).collect();
            let differs = told.windows(2).find(|pair| pair[0].1.owners().ne(pair[1].1.owners()));
            if let Some([(one, sees), (other, knows)]) = differs {
                let (sees, knows) = (&sees.given, &knows.given);
                let sentence =
                    format!("in r{room} c{one} knows whose tasks are {sees:?} at rest, c{other} {knows:?}");
                return broken(checks::TASKS, sentence);
            }
            if readers.len() > 1 && !readers[0].1.states.is_empty() {
                self.marks.hit(Mark::TasksAgree);
            }
        }
        Ok(())
    }
}
