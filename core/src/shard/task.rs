//! What members are doing, and the tasks of a room.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::extra::{bounded, check_priority};
use crate::name::{USER_NAME_MAX, UserName};

/// Longest state and longest name of a task, in bytes.
pub const WORD_BYTES_MAX: usize = 64;
/// Longest detail, in bytes.
pub const DETAIL_BYTES_MAX: usize = 256;
/// States in which a task is finished, in whatever case. Any other is one of work to be done.
pub const FINISHED: [&str; 8] =
    ["canceled", "cancelled", "closed", "complete", "completed", "done", "failed", "finished"];
/// Longest metadata of a task, in bytes of JSON text.
pub const METADATA_BYTES_MAX: usize = 1024;
/// Deepest nesting of a task's metadata; 1 is that of an object without others inside.
pub const METADATA_DEPTH_MAX: usize = 32;

/// Longest texts of a task, in bytes, all of them together: its name, state, detail, assignee and metadata.
pub const TASK_BYTES_MAX: usize = 2 * WORD_BYTES_MAX + DETAIL_BYTES_MAX + USER_NAME_MAX + METADATA_BYTES_MAX;

/// What a member is doing, beyond being there.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Status {
    /// One word, such as `working`; at most [`WORD_BYTES_MAX`] bytes.
    pub state: Arc<str>,
    /// What it is about; at most [`DETAIL_BYTES_MAX`] bytes.
    pub detail: Option<Arc<str>>,
    /// Per cent.
    pub progress: Option<u8>,
}

/// A task of a room: all that has been said about it (S2.7, S2.8).
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Task {
    /// Its name, chosen by the client; at most [`WORD_BYTES_MAX`] bytes.
    pub task: Arc<str>,
    /// Where it stands, once somebody has said so.
    pub status: Option<Status>,
    /// Who is to do it. They need not be in the room.
    pub assignee: Option<UserName>,
    /// How urgent it is, as of messages.
    pub priority: Option<u8>,
    /// What else clients want to know: a JSON object as text, of at most [`METADATA_BYTES_MAX`] bytes.
    pub metadata: Option<Arc<str>>,
}

/// What somebody says about a task. What is left out stays as it is.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct TaskChange {
    /// Which; one that is not known begins with this.
    pub task: Arc<str>,
    /// Where it stands now.
    pub status: Option<Status>,
    /// Who is to do it now.
    pub assignee: Option<UserName>,
    /// How urgent it is now.
    pub priority: Option<u8>,
    /// Its metadata from now on, as a whole.
    pub metadata: Option<Arc<str>>,
}

impl Status {
    /// Whether it keeps to its limits.
    ///
    /// # Errors
    /// What is wrong with it, for people.
    pub fn check(&self) -> Result<(), &'static str> {
        bounded(Some(&self.state), WORD_BYTES_MAX, "state is empty or too long")?;
        bounded(self.detail.as_deref(), DETAIL_BYTES_MAX, "detail is empty or too long")?;
        if self.progress.is_some_and(|progress| progress > 100) {
            return Err("progress is more than 100");
        }
        Ok(())
    }
}

impl Task {
    /// A task of which nothing is known but its name.
    pub(super) const fn new(task: Arc<str>) -> Self {
        Self { task, status: None, assignee: None, priority: None, metadata: None }
    }

    /// Whether it needs no more work: see [`FINISHED`].
    #[must_use]
    pub fn is_finished(&self) -> bool {
        let is = |state: &str| FINISHED.iter().any(|finished| finished.eq_ignore_ascii_case(state));
        self.status.as_ref().is_some_and(|status| is(&status.state))
    }

    /// Takes over what is new.
    pub(super) fn merge(&mut self, change: &TaskChange) {
        fn set<T: Clone>(old: &mut Option<T>, new: &Option<T>) {
            if new.is_some() || planted!(TaskChangeClearsRest) {
                old.clone_from(new);
            }
        }
        set(&mut self.status, &change.status);
        set(&mut self.assignee, &change.assignee);
        set(&mut self.priority, &change.priority);
        set(&mut self.metadata, &change.metadata);
    }
}

impl TaskChange {
    /// Whether it keeps to its limits and changes anything.
    ///
    /// # Errors
    /// What is wrong with it, for people.
    pub fn check(&self) -> Result<(), &'static str> {
        bounded(Some(&self.task), WORD_BYTES_MAX, "task is empty or too long")?;
        self.status.as_ref().map_or(Ok(()), Status::check)?;
        check_priority(self.priority)?;
        let says_nothing = self.status.is_none()
            && self.assignee.is_none()
            && self.priority.is_none()
            && self.metadata.is_none();
        if says_nothing {
            return Err("nothing is said about the task");
        }
        self.metadata.as_deref().map_or(Ok(()), check_metadata)
    }
}

fn check_metadata(text: &str) -> Result<(), &'static str> {
    if text.len() > METADATA_BYTES_MAX {
        return Err("metadata is too long");
    }
    // It is passed on as it is: what becomes a value has no lone surrogate and no number out of range, so that strict readers
    // can read it, too.
    let value =
        serde_json::from_str(text).map_err(|_| "metadata is not what every reader of JSON can read")?;
    if !matches!(value, Value::Object(_)) {
        return Err("metadata is no JSON object");
    }
    if depth(&value) > METADATA_DEPTH_MAX { Err("metadata is nested too deeply") } else { Ok(()) }
}

/// How many arrays and objects stand inside one another. The parser has bounded it.
fn depth(value: &Value) -> usize {
    let inside = match value {
        Value::Array(values) => values.iter().map(depth).max(),
        Value::Object(fields) => fields.values().map(depth).max(),
        _ => return 0,
    };
    1 + inside.unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(state: &str) -> Status {
        Status { state: state.into(), detail: None, progress: None }
    }

    fn change() -> TaskChange {
        TaskChange { task: "T-1".into(), status: None, assignee: None, priority: None, metadata: None }
    }

    #[test]
    fn what_is_left_out_stays_as_it_is() {
        let mut task = Task::new("T-1".into());
        let ann = UserName::new("ann").unwrap();
        task.merge(&TaskChange { assignee: Some(ann.clone()), priority: Some(1), ..change() });
        task.merge(&TaskChange { status: Some(status("open")), ..change() });
        task.merge(&TaskChange { metadata: Some("{}".into()), priority: Some(3), ..change() });
        let whole = Task {
            task: "T-1".into(),
            status: Some(status("open")),
            assignee: Some(ann),
            priority: Some(3),
            metadata: Some("{}".into()),
        };
        assert_eq!(task, whole);
    }

    #[test]
    fn a_change_is_checked() {
        let open = || TaskChange { status: Some(status("open")), ..change() };
        assert_eq!(open().check(), Ok(()));
        assert_eq!(change().check(), Err("nothing is said about the task"));
        let long = "x".repeat(WORD_BYTES_MAX + 1);
        assert!(TaskChange { task: "".into(), ..open() }.check().is_err());
        assert!(TaskChange { task: long.as_str().into(), ..open() }.check().is_err());
        assert!(TaskChange { status: Some(status(&long)), ..change() }.check().is_err());
        assert!(TaskChange { priority: Some(5), ..change() }.check().is_err());
        for metadata in
            ["", "1", "[]", "{", "{}}", &format!("{{\"a\":\"{}\"}}", "x".repeat(METADATA_BYTES_MAX))]
        {
            let change = TaskChange { metadata: Some(metadata.into()), ..change() };
            assert!(change.check().is_err(), "{metadata}");
        }
        let change = TaskChange { metadata: Some("{\"a\":[1]}".into()), ..change() };
        assert_eq!(change.check(), Ok(()));
    }

    #[test]
    fn metadata_that_a_strict_reader_could_not_read_is_refused() {
        let nested = |depth: usize| format!("{{\"a\":{}{}}}", "[".repeat(depth - 1), "]".repeat(depth - 1));
        let check = |metadata: &str| TaskChange { metadata: Some(metadata.into()), ..change() }.check();
        for metadata in
            [r#"{"a":"\ud83d\ude00","b":[1e308,-0.5,18446744073709551616]}"#, &nested(METADATA_DEPTH_MAX)]
        {
            assert_eq!(check(metadata), Ok(()), "{metadata}");
        }
        for metadata in [
            r#"{"a":"\ud800"}"#,
            r#"{"\udc00":1}"#,
            r#"{"a":1e9999}"#,
            r#"{"a":NaN}"#,
            &nested(METADATA_DEPTH_MAX + 1),
            &nested(450),
        ] {
            assert!(check(metadata).is_err(), "{metadata}");
        }
    }

    #[test]
    fn a_status_is_checked() {
        let progress = |progress| Status { progress: Some(progress), ..status("working") };
        assert_eq!(progress(100).check(), Ok(()));
        assert!(progress(101).check().is_err());
        let detail = |len| Status { detail: Some("x".repeat(len).into()), ..status("working") };
        assert_eq!(detail(DETAIL_BYTES_MAX).check(), Ok(()));
        assert!(detail(DETAIL_BYTES_MAX + 1).check().is_err());
        assert!(detail(0).check().is_err());
    }
}
