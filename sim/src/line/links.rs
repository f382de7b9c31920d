//! The connections that there are, by number: numbers rise, and most connections are short.

use std::collections::VecDeque;

use chinwag_core::ConnectionId;

use crate::line::link::Link;

/// The connections that there are. To find one is a step, however many there have been.
#[derive(Debug, Default)]
pub(crate) struct Links {
    /// The number of the first of `links`.
    first: u64,
    /// Those that are over leave a gap, unless nothing is before them.
    links: VecDeque<Option<Box<Link>>>,
}

impl Links {
    fn slot(&self, id: ConnectionId) -> Option<usize> {
        usize::try_from(id.0.checked_sub(self.first)?).ok()
    }

    /// A connection, if it is not over.
    pub(crate) fn get(&self, id: ConnectionId) -> Option<&Link> {
        self.links.get(self.slot(id)?)?.as_deref()
    }

    /// The same, to be changed.
    pub(crate) fn get_mut(&mut self, id: ConnectionId) -> Option<&mut Link> {
        let slot = self.slot(id)?;
        self.links.get_mut(slot)?.as_deref_mut()
    }

    /// Adds a connection, whose number is higher than all before.
    pub(crate) fn insert(&mut self, id: ConnectionId, link: Link) {
        if self.links.is_empty() {
            self.first = id.0;
        }
        let slot = self.slot(id).expect("numbers rise");
        assert!(slot >= self.links.len(), "{id} is not newer than the others");
        self.links.resize_with(slot, || None);
        self.links.push_back(Some(Box::new(link)));
    }

    /// A connection is over.
    pub(crate) fn remove(&mut self, id: ConnectionId) {
        if let Some(link) = self.slot(id).and_then(|slot| self.links.get_mut(slot)) {
            *link = None;
        }
        while let Some(None) = self.links.front() {
            self.links.pop_front();
            self.first += 1;
        }
    }

    /// All of them, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (ConnectionId, &Link)> {
        (self.first..).zip(&self.links).filter_map(|(id, link)| Some((ConnectionId(id), link.as_deref()?)))
    }

    /// The same, to be changed.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (ConnectionId, &mut Link)> {
        let links = (self.first..).zip(&mut self.links);
        links.filter_map(|(id, link)| Some((ConnectionId(id), link.as_deref_mut()?)))
    }

    /// All their numbers.
    pub(crate) fn ids(&self) -> Vec<ConnectionId> {
        self.iter().map(|(id, _)| id).collect()
    }
}

#[cfg(test)]
mod tests {
    use chinwag_core::Time;

    use super::*;
    use crate::{line::uplink::Uplink, plan::draw::Draws};

    fn link(number: u64) -> Link {
        let up = Uplink::open(Time(1), number, 1_000, usize::MAX, Draws::new(1));
        Link::open(Time(1), number as usize, 0, up)
    }

    #[test]
    fn what_is_over_is_gone_and_the_others_stay() {
        let mut links = Links::default();
        let id = ConnectionId;
        for number in [3, 4, 7, 8] {
            links.insert(id(number), link(number));
        }
        links.remove(id(4));
        links.remove(id(99));
        assert_eq!(links.ids(), [3, 7, 8].map(id));
        links.remove(id(3));
        assert_eq!((links.first, links.ids()), (7, vec![id(7), id(8)]));
        assert!(links.get(id(3)).is_none() && links.get(id(5)).is_none() && links.get(id(9)).is_none());
        assert_eq!(links.get_mut(id(8)).map(|link| link.client), Some(8));
        links.remove(id(7));
        links.remove(id(8));
        links.insert(id(20), link(20));
        assert_eq!(links.iter().count(), 1);
    }
}
