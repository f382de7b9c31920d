//! How somebody, or a task, stands, as fields of a flat frame, in wire order: by the same ones it is said and told.

use serde::Serialize;
use serde_json::value::RawValue;

use crate::{
    name::UserName,
    shard::{Status, Task, TaskChange},
};

#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(crate) struct StatusFields<'a> {
    state: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    progress: Option<u8>,
}

#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(crate) struct TaskFields<'a> {
    task: &'a str,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    status: Option<StatusFields<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    assignee: Option<&'a UserName>,
    #[serde(skip_serializing_if = "Option::is_none")]
    priority: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<&'a RawValue>,
}

impl<'a> From<&'a Status> for StatusFields<'a> {
    fn from(Status { state, detail, progress }: &'a Status) -> Self {
        Self { state, detail: detail.as_deref(), progress: planted!(ProgressOmitted, None, *progress) }
    }
}

/// Both hold the same.
macro_rules! task_fields {
    ($($source:ident)*) => {
        $(impl<'a> From<&'a $source> for TaskFields<'a> {
            fn from($source { task, status, assignee, priority, metadata }: &'a $source) -> Self {
                Self {
                    task,
                    status: status.as_ref().map(StatusFields::from),
                    assignee: assignee.as_ref(),
                    priority: *priority,
                    metadata: metadata.as_deref().and_then(|text| serde_json::from_str(text).ok()),
                }
            }
        })*
    };
}

task_fields!(Task TaskChange);
