//! The tasks of a room. Those that are finished make room for others.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use serde::{Deserialize, Serialize};

use super::task::{Task, TaskChange};
use crate::{config::ShardConfig, name::UserName, refusal::Refusal};

/// A room's tasks, by name.
#[derive(Debug, Default, Deserialize, Serialize)]
pub(super) struct Tasks {
    known: BTreeMap<Arc<str>, Task>,
    /// Those that are finished, in the order in which they came to be.
    finished: VecDeque<Arc<str>>,
}

impl Tasks {
    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.known.len()
    }

    /// All of them, by name.
    pub(super) fn all(&self) -> Vec<Task> {
        self.known.values().cloned().collect()
    }

    /// Who is to do a task.
    pub(super) fn assignee(&self, task: &str) -> Option<&UserName> {
        self.known.get(task)?.assignee.as_ref()
    }

    /// Makes or changes a task, and returns the whole of it.
    ///
    /// # Errors
    /// [`Refusal::Full`] if it is a new one, and as many as fit are there and none of them is finished.
    pub(super) fn change(&mut self, config: &ShardConfig, change: &TaskChange) -> Result<Task, Refusal> {
        let name = &change.task;
        if !self.known.contains_key(name) {
            self.make_room(config.tasks_max as usize)?;
        }
        let task = self.known.entry(Arc::clone(name)).or_insert_with(|| Task::new(Arc::clone(name)));
        let was_finished = task.is_finished();
        task.merge(change);
        let task = task.clone();
        if task.is_finished() != was_finished {
            if was_finished {
                self.finished.retain(|finished| finished != name);
            } else {
                self.finished.push_back(Arc::clone(name));
            }
        }
        while self.finished.len() > config.finished_tasks_max as usize {
            self.forget_finished();
        }
        Ok(task)
    }

    fn make_room(&mut self, max: usize) -> Result<(), Refusal> {
        let max = planted!(TasksOneTooMany, max + 1, max);
        while self.known.len() >= max {
            if !self.forget_finished() {
                return Err(Refusal::Full);
            }
        }
        Ok(())
    }

    /// Forgets the one that was finished first; false if none is.
    fn forget_finished(&mut self) -> bool {
        let oldest = self.finished.pop_front();
        oldest.is_some_and(|oldest| self.known.remove(&oldest).is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shard::Status;

    fn config(tasks_max: u32, finished_tasks_max: u32) -> ShardConfig {
        ShardConfig { tasks_max, finished_tasks_max, ..ShardConfig::default() }
    }

    /// Tasks of which these have been said, in this order.
    fn tasks<const N: usize>(config: &ShardConfig, said: [(&str, &str); N]) -> Tasks {
        let mut tasks = Tasks::default();
        for (name, state) in said {
            say(&mut tasks, config, name, state).expect("it fits");
        }
        tasks
    }

    fn say(tasks: &mut Tasks, config: &ShardConfig, name: &str, state: &str) -> Result<Task, Refusal> {
        let status = Some(Status { state: state.into(), detail: None, progress: None });
        let change = TaskChange { task: name.into(), status, assignee: None, priority: None, metadata: None };
        tasks.change(config, &change)
    }

    fn names(tasks: &Tasks) -> Vec<String> {
        tasks.all().iter().map(|task| task.task.to_string()).collect()
    }

    #[test]
    fn the_one_that_was_finished_first_makes_room() {
        let config = config(3, 3);
        let mut tasks = tasks(&config, [("a", "open"), ("b", "failed"), ("c", "open"), ("a", "completed")]);
        say(&mut tasks, &config, "d", "open").expect("b goes");
        assert_eq!(names(&tasks), ["a", "c", "d"]);
        say(&mut tasks, &config, "e", "open").expect("a goes");
        assert_eq!(names(&tasks), ["c", "d", "e"]);
        assert_eq!(say(&mut tasks, &config, "f", "open"), Err(Refusal::Full), "all are open");
        assert_eq!(names(&tasks), ["c", "d", "e"]);
    }

    #[test]
    fn so_many_finished_ones_are_kept_and_they_are_the_latest() {
        let config = config(10, 2);
        let finished = [("a", "done"), ("b", "open"), ("c", "cancelled"), ("d", "Completed")];
        assert_eq!(names(&tasks(&config, finished)), ["b", "c", "d"]);
    }

    #[test]
    fn whoever_begins_again_is_not_finished() {
        let config = config(10, 1);
        let mut tasks = tasks(&config, [("a", "done"), ("a", "open"), ("b", "done")]);
        assert_eq!(names(&tasks), ["a", "b"]);
        say(&mut tasks, &config, "a", "done").expect("it is known");
        assert_eq!(names(&tasks), ["a"], "b was finished first");
    }

    #[test]
    fn to_say_once_more_that_it_is_finished_changes_no_order() {
        let config = config(10, 2);
        let said = [("a", "done"), ("b", "done"), ("a", "done"), ("c", "done")];
        assert_eq!(names(&tasks(&config, said)), ["b", "c"]);
    }

    #[test]
    fn where_none_is_kept_the_whole_of_it_is_returned_all_the_same() {
        let config = config(10, 0);
        let mut tasks = tasks(&config, [("a", "open")]);
        assert!(say(&mut tasks, &config, "a", "done").is_ok_and(|task| task.is_finished()));
        assert_eq!(tasks.len(), 0);
    }
}
