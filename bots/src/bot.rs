//! One bot: who speaks for it, and what is kept in mind about it.

use chinwag_core::{RequestId, Seq, Time};
use chinwag_oracle::{RoomId, SendId};

use crate::{received::Received, speaker::Speaker};

/// A bot. Without its buffers some hundred bytes, for there are thousands.
#[derive(Debug)]
pub(crate) struct Bot {
    /// Its number in the plan.
    pub(crate) number: u32,
    /// Who speaks for it.
    pub(crate) speaker: Speaker,
    /// Its connection, if one is open; while nothing passes over it, the frames that wait for that.
    pub(crate) link: Option<Option<Vec<String>>>,
    /// Counts connections: what an older one still says does not count.
    pub(crate) attempt: u32,
    /// When it was to connect, if it is not in all its rooms since: attempts that fail, and waiting for a turn, count.
    pub(crate) connecting_since: Option<Time>,
    /// Rooms the present connection is not yet in.
    pub(crate) missing: Vec<RoomId>,
    /// Whether it has ever been in all its rooms.
    pub(crate) has_arrived: bool,
    /// Rooms it has left and will enter again.
    pub(crate) outside: Vec<RoomId>,
    /// When it last entered rooms that it had left.
    pub(crate) entered: Vec<(RoomId, Time)>,
    /// The scenario keeps it away until then, or did; what happens later is the server's doing.
    pub(crate) back_at: Time,
    /// Nothing passed over its connection until then.
    pub(crate) cut_off_until: Time,
    /// The server has refused something for its rate, so that messages may have to wait.
    pub(crate) is_throttled: bool,
    /// Planned messages that wait for an answer, with the client's numbers; a few.
    pub(crate) unanswered: Vec<(RequestId, SendId)>,
    /// Rooms of which older messages are coming over the present connection, and up to which place; few.
    pub(crate) behind: Vec<(RoomId, Seq)>,
    /// How many messages it was shown, by room.
    pub(crate) received: Vec<Received>,
    /// Histories that were asked for, with the client's numbers and the instants at which they were meant to be.
    pub(crate) asked: Vec<(RequestId, Time)>,
}

impl Bot {
    /// A bot that has not connected yet.
    pub(crate) const fn new(number: u32, speaker: Speaker) -> Self {
        Self {
            number,
            speaker,
            link: None,
            attempt: 0,
            connecting_since: None,
            missing: Vec::new(),
            has_arrived: false,
            outside: Vec::new(),
            entered: Vec::new(),
            back_at: Time(0),
            cut_off_until: Time(0),
            is_throttled: false,
            unanswered: Vec::new(),
            behind: Vec::new(),
            received: Vec::new(),
            asked: Vec::new(),
        }
    }

    /// Whether the scenario keeps it away at `instant`, or kept it away from something that was to happen then.
    pub(crate) fn is_away(&self, instant: Time) -> bool {
        instant < self.back_at
    }

    /// Whether something that was to happen at `instant` was before its time in a room: it had left, and came later.
    pub(crate) fn was_outside(&self, room: RoomId, instant: Time) -> bool {
        self.entered.iter().any(|&(entered, since)| entered == room && instant < since)
    }

    /// What it was shown in a room, to be counted.
    pub(crate) fn received_in(&mut self, RoomId(room): RoomId) -> &mut Received {
        let at = self.received.iter().position(|received| received.room == room).unwrap_or_else(|| {
            self.received.push(Received { client: self.number, room, ..Received::default() });
            self.received.len() - 1
        });
        &mut self.received[at]
    }

    /// Takes a history off the list of those that were asked for: when it was meant to be.
    pub(crate) fn paged(&mut self, id: RequestId) -> Option<Time> {
        let at = self.asked.iter().position(|&(request, _)| request == id)?;
        Some(self.asked.swap_remove(at).1)
    }

    /// The message that waits for an answer under this number.
    pub(crate) fn awaits(&self, id: RequestId) -> Option<SendId> {
        self.unanswered.iter().find(|&&(request, _)| request == id).map(|&(_, send)| send)
    }

    /// Takes a message off the list of those that wait for an answer.
    pub(crate) fn settle(&mut self, id: RequestId) -> Option<SendId> {
        let at = self.unanswered.iter().position(|&(request, _)| request == id)?;
        Some(self.unanswered.swap_remove(at).1)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use chinwag_core::{Client, UserName, client::ClientConfig};

    use super::*;

    fn bot() -> Bot {
        let user = UserName::new("u").unwrap();
        Bot::new(0, Speaker::Chat(Box::new(Client::new(Arc::new(ClientConfig::default()), user, 1))))
    }

    #[test]
    fn only_an_absence_that_the_scenario_wants_is_an_excuse() {
        let mut bot = bot();
        assert!(!bot.is_away(Time(100)), "never away");
        bot.back_at = Time(500);
        assert!(bot.is_away(Time(499)) && !bot.is_away(Time(500)), "from then on the server is late");
    }

    #[test]
    fn an_answer_settles_one_message_once() {
        let mut bot = bot();
        bot.unanswered = vec![(RequestId(1), SendId(10)), (RequestId(2), SendId(20))];
        assert_eq!(bot.settle(RequestId(1)), Some(SendId(10)));
        assert_eq!(bot.settle(RequestId(1)), None);
        assert_eq!(bot.unanswered, [(RequestId(2), SendId(20))]);
    }
}
