//! Which of their rooms' messages bots were shown before, where nothing but the message itself tells.
//!
//! A bit for each message of a room and each bot: thousands of bots hear thousands of messages.

use chinwag_oracle::{RoomId, SendId};
use chinwag_scenarios::Plan;

/// What some bots have been shown.
#[derive(Debug)]
pub(crate) struct Seen {
    /// By message: how many were planned for its room before it.
    ranks: Box<[u32]>,
    /// By bot: the rooms of which it was shown something, few, and a bit for each of their messages.
    bots: Vec<Vec<(RoomId, Vec<u64>)>>,
}

impl Seen {
    /// So many bots have been shown nothing.
    pub(crate) fn new(plan: &Plan, bots: usize) -> Self {
        let mut planned = vec![0; plan.rooms() as usize];
        let rank = |room: u32| {
            let count: &mut u32 = &mut planned[room as usize];
            *count += 1;
            *count - 1
        };
        let ranks = plan.sends().iter().map(|send| send.room).map(rank).collect();
        Self { ranks, bots: vec![Vec::new(); bots] }
    }

    /// A bot is shown a message in the room that it was planned for. Whether that is the first time.
    pub(crate) fn show(&mut self, slot: usize, room: RoomId, send: SendId) -> bool {
        let rooms = &mut self.bots[slot];
        let at = rooms.iter().position(|(its, _)| *its == room).unwrap_or_else(|| {
            rooms.push((room, Vec::new()));
            rooms.len() - 1
        });
        let bits = &mut rooms[at].1;
        let rank = self.ranks[send.0 as usize];
        let (word, bit) = ((rank / u64::BITS) as usize, 1 << (rank % u64::BITS));
        if bits.len() <= word {
            bits.resize(word + 1, 0);
        }
        let is_new = bits[word] & bit == 0;
        bits[word] |= bit;
        is_new
    }
}

#[cfg(test)]
mod tests {
    use chinwag_scenarios::{Overrides, Scenario};

    use super::*;

    #[test]
    fn only_the_first_time_is_the_first() {
        let text = r#"
            run = { name = "x", seed = 1, clients = 4 }
            rooms = { size = 2 }
            scenario = [{ name = "a", executor = "shared-iterations", iterations = 300, duration = "4s" }]
        "#;
        let plan = Plan::new(&Scenario::parse("x.toml", text).unwrap(), Overrides::default()).unwrap();
        let mut seen = Seen::new(&plan, 2);
        let all = || (0..).map(SendId).zip(plan.sends());
        for slot in [0, 1] {
            assert!(all().all(|(send, planned)| seen.show(slot, RoomId(planned.room), send)), "{slot}");
        }
        assert!(!all().any(|(send, planned)| seen.show(1, RoomId(planned.room), send)));
        let bits: usize = seen.bots[0].iter().map(|(_, bits)| bits.len() * 64).sum();
        assert!(
            bits <= 300 + 2 * 64,
            "a bit for each message, not for each of the plan in each room: {bits}"
        );
    }
}
