//! What a shard keeps of users: sessions, and seats in rooms. None may outlive what it is kept for.

use super::{Address, State, room::Room, session::Link};
use crate::{
    id::{ConnectionId, GatewayId},
    time::Time,
};

/// What a shard keeps of its users, as tests want to see it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Stays {
    /// The connections that sessions have or wait for.
    pub connections: Vec<(GatewayId, ConnectionId)>,
    /// When those sessions end that have no connection.
    pub ends: Vec<Time>,
    /// Seats of sessions that are over, do not know of them, or have another connection than they.
    pub strays: usize,
}

impl State {
    pub(super) fn stays(&self) -> Stays {
        let mut stays = Stays::default();
        for session in self.sessions.all() {
            let attached = match session.link {
                Link::Attached(address) => Some(address),
                Link::Detached { until } => {
                    stays.ends.push(until);
                    None
                }
            };
            let pending = session.pending().map(|newcomer| newcomer.address);
            for Address { gateway, connection } in attached.into_iter().chain(pending) {
                stays.connections.push((gateway, connection));
            }
        }
        stays.strays = self.rooms.values().map(|room| self.strays_in(room)).sum();
        stays
    }

    fn strays_in(&self, room: &Room) -> usize {
        let belongs = |(session, address): (_, Option<Address>)| {
            self.sessions.get(session).is_some_and(|session| {
                session.rooms.contains(room.name()) && address.is_none_or(|address| session.is_at(address))
            })
        };
        room.seats().filter(|&seat| !belongs(seat)).count()
    }
}
