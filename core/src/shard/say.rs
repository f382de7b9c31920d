//! What members say: messages, what they are doing, how tasks stand.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    State,
    op::{Peer, Push, Reply, Status, Task},
    room::Room,
    turn::Turn,
};
use crate::{
    id::{RequestId, Seq},
    name::RoomName,
    refusal::Refusal,
};

impl State {
    pub(super) fn publish(
        &mut self,
        turn: &mut Turn<'_>,
        peer: &Peer,
        id: Option<RequestId>,
        name: &RoomName,
        content: &Arc<str>,
    ) {
        if let Err(refusal) = self.admit(turn, peer) {
            return turn.refuse(peer, id, name, refusal);
        }
        let answers = &mut self.sessions.known_mut(peer.session).answers;
        match id.and_then(|id| answers.recall(id)) {
            Some(Ok(_)) if planted!(RepeatRefused) => return turn.refuse(peer, id, name, Refusal::StaleId),
            Some(Ok(position)) => return turn.grant(peer, id, name, Reply::Published(position)),
            Some(Err(refusal)) => return turn.refuse(peer, id, name, refusal),
            None => {}
        }
        let mut remember = |answer| {
            if let Some(id) = id {
                answers.remember(id, answer, turn.config.answers_max);
            }
        };
        let present = planted!(
            NonMembersSpeak,
            self.rooms.get_mut(name).ok_or(Refusal::UnknownRoom),
            attended(&mut self.rooms, peer, name)
        );
        let room = match present {
            Ok(room) => room,
            Err(refusal) => {
                remember(Err(refusal));
                return turn.refuse(peer, id, name, refusal);
            }
        };
        let history_max = turn.config.history_max;
        let message = room.log.append(turn.at, peer.user.clone(), Arc::clone(content), history_max);
        let mut position = room.log.head();
        if planted!(AckNamesPlaceBefore) {
            position.seq = Seq(position.seq.0.saturating_sub(1));
        }
        remember(Ok(position));
        turn.grant(peer, id, name, Reply::Published(position));
        room.push(turn.effects, Push::Message { epoch: position.epoch, message });
    }

    pub(super) fn set_status(
        &mut self,
        turn: &mut Turn<'_>,
        peer: &Peer,
        id: Option<RequestId>,
        name: &RoomName,
        status: &Status,
    ) {
        let noted = self.admit(turn, peer).and_then(|()| attended(&mut self.rooms, peer, name));
        let room = match noted {
            Ok(room) => room,
            Err(refusal) => return turn.refuse(peer, id, name, refusal),
        };
        let member = room.members.get_mut(&peer.user).expect("who attends is a member");
        member.status = Some(Box::new(status.clone()));
        turn.grant(peer, id, name, Reply::Noted);
        room.push(turn.effects, Push::Status { user: peer.user.clone(), status: status.clone() });
    }

    pub(super) fn set_task(
        &mut self,
        turn: &mut Turn<'_>,
        peer: &Peer,
        id: Option<RequestId>,
        name: &RoomName,
        task: &Task,
    ) {
        let tasks_max = turn.config.tasks_max;
        let noted = self
            .admit(turn, peer)
            .and_then(|()| attended(&mut self.rooms, peer, name))
            .and_then(|room| room.put_task(task, tasks_max));
        let room = match noted {
            Ok(room) => room,
            Err(refusal) => return turn.refuse(peer, id, name, refusal),
        };
        turn.grant(peer, id, name, Reply::Noted);
        room.push(turn.effects, Push::Task { user: peer.user.clone(), task: task.clone() });
    }
}

impl Room {
    fn put_task(&mut self, task: &Task, max: u32) -> Result<&mut Self, Refusal> {
        let max = planted!(TasksOneTooMany, max + 1, max);
        if self.tasks.len() >= max as usize && !self.tasks.contains_key(&task.task) {
            return Err(Refusal::Full);
        }
        self.tasks.insert(Arc::clone(&task.task), task.clone());
        Ok(self)
    }
}

/// The room, if the peer has taken its seat there on this connection.
fn attended<'a>(
    rooms: &'a mut BTreeMap<RoomName, Room>,
    peer: &Peer,
    name: &RoomName,
) -> Result<&'a mut Room, Refusal> {
    let room = rooms.get_mut(name).ok_or(Refusal::UnknownRoom)?;
    if room.is_attended_by(peer) { Ok(room) } else { Err(Refusal::NotMember) }
}
