//! Messages that were refused for now: whether they go again.

use chinwag_core::client::ClientEvent;

use crate::{
    judge::{glance::Wish, marks::Mark},
    world::World,
};

impl World<'_> {
    /// A client is told of a refusal: if it is one of a message, and for now, that goes again where clients do so.
    pub(crate) fn notes_put_off(&mut self, client: usize, event: &ClientEvent) {
        if let ClientEvent::Refused { id: Some(id), retry_after: Some(_), .. } = *event
            && self.scenario.setup.patience.retry_rate_limited
            && self.judge.waits_under(client, id).is_some()
        {
            self.people[client].put_off.insert(id);
        }
    }

    /// A client sends something: one of those messages, perhaps.
    pub(crate) fn marks_repeat(&mut self, client: usize, text: &str) {
        let put_off = &mut self.people[client].put_off;
        if put_off.is_empty() || !text.starts_with(r#"{"type":"message""#) {
            return;
        }
        let id = Wish::at(text).and_then(|wish| wish.id);
        if id.is_some_and(|id| put_off.remove(&id)) {
            self.marks.hit(Mark::Repeated);
        }
    }
}
