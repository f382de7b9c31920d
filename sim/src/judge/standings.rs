//! Where the tasks of rooms stand, as their readers know it: at rest all of them know the same.
//!
//! Told again from `docs/protocol.md`: who comes in is shown every task that is open and the latest of those that are
//! finished, and then every change.

use std::collections::{BTreeMap, VecDeque};

use chinwag_core::client::ClientEvent;

use crate::{
    judge::{
        Broken,
        checks::{self, broken},
        marks::Mark,
    },
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

    /// Forgets the one that was finished first; false if none is.
    fn forget(&mut self, kept: Kept) -> bool {
        // Those that stood already were told by name.
        self.is_partial |= kept.finished > 1 && self.finished.len() > 1;
        self.finished.pop_front().is_some_and(|task| self.states.remove(&task).is_some())
    }
}

impl Standings {
    /// What is said of a task next: now it is finished, and now it is not, and never does it stand as before.
    pub(crate) fn next_state(&mut self) -> String {
        self.said += 1;
        match self.said % 3 {
            0 => FINISHED[self.said / 3 % FINISHED.len()].to_owned(),
            _ => format!("doing-{}", self.said),
        }
    }

    /// A client comes into a room: it will be told where everything stands.
    pub(crate) fn enters(&mut self, client: usize, room: usize) {
        self.known.insert((client, room), Known::default());
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
    pub(crate) fn sees_tasks(&mut self, client: usize, event: &ClientEvent) {
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
                if let (Some(room), Some(status)) = (self.room_number(room.as_str()), &task.status) {
                    self.task_stands(client, room, &task.task, &status.state);
                }
            }
            _ => {}
        }
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
            let readers: Vec<(usize, &Known)> = (0..self.people.len())
                .filter(|&client| is_there(client))
                .filter_map(|client| Some((client, self.standings.known.get(&(client, room))?)))
                .filter(|(_, known)| !known.is_partial)
                .collect();
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
            if readers.len() > 1 && !readers[0].1.states.is_empty() {
                self.marks.hit(Mark::TasksAgree);
            }
        }
        Ok(())
    }
}
