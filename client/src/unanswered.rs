//! What was said and is not acknowledged: whoever leaves before it is, is told so.

use std::{collections::BTreeMap, sync::Arc};

use chinwag_core::{RequestId, RoomName};

use crate::text;

/// Lines that are told; more are only counted.
const TOLD_MAX: usize = 20;

/// Columns of each.
const TOLD_WIDTH: usize = 160;

/// Lines by the numbers of their requests. Bounded: a client takes so many sends at most.
#[derive(Debug, Default)]
pub(crate) struct Unanswered(BTreeMap<RequestId, (RoomName, Arc<str>)>);

impl Unanswered {
    /// Something was said.
    pub(crate) fn insert(&mut self, id: RequestId, room: RoomName, content: Arc<str>) {
        self.0.insert(id, (room, content));
    }

    /// It is known what became of it. Where it was said, and what, if it is one of these.
    pub(crate) fn settle(&mut self, id: RequestId) -> Option<(RoomName, Arc<str>)> {
        self.0.remove(&id)
    }

    /// What of it is to be told in the end, line by line, harmless; nothing if there is nothing.
    pub(crate) fn words(&self) -> Vec<String> {
        let mut words = match self.0.len() {
            0 => return Vec::new(),
            1 => vec!["this was not acknowledged, and may not have been said:".to_owned()],
            count => vec![format!("these {count} were not acknowledged, and may not have been said:")],
        };
        let told = self.0.values().take(TOLD_MAX);
        words.extend(told.map(|(room, content)| format!("  #{room}: {}", text::cut(content, TOLD_WIDTH))));
        if let Some(more) = self.0.len().checked_sub(TOLD_MAX).filter(|more| *more > 0) {
            words.push(format!("  and {more} more"));
        }
        words
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_is_bounded_and_harmless() {
        let mut unanswered = Unanswered::default();
        assert!(unanswered.words().is_empty());
        for id in 1..=25 {
            let content = format!("\x1b[2J{id} {}", "x".repeat(4_000));
            unanswered.insert(RequestId(id), RoomName::new("ops").unwrap(), content.into());
        }
        assert!(unanswered.settle(RequestId(1)).is_some());
        let words = unanswered.words();
        assert_eq!((words.len(), words[0].contains("24")), (TOLD_MAX + 2, true));
        assert!(words[1].starts_with("  #ops: ␛[2J2 x") && words[1].chars().count() < TOLD_WIDTH + 10);
        assert_eq!(words.last().unwrap(), "  and 4 more");
    }
}
