//! What members say: messages, what they are doing, how tasks stand.

use std::sync::Arc;

use super::{
    State,
    effect::{Message, Placed, Push, Reply},
    extra::{Extra, Kind},
    keys::Fingerprint,
    op::Peer,
    room::Room,
    task::{Status, Task, TaskChange},
    turn::{Turn, keyed_answer},
};
use crate::{
    config::ShardConfig,
    id::{RequestId, Seq},
    name::RoomName,
    refusal::Refusal,
    role::{Act, Role, may},
};

/// A message that is in its room.
struct Said {
    placed: Placed,
    /// Nothing, if it was there before.
    news: Option<Arc<Message>>,
}

impl State {
    pub(super) fn publish(
        &mut self,
        turn: &mut Turn<'_>,
        peer: &Peer,
        id: Option<RequestId>,
        name: &RoomName,
        content: &Arc<str>,
        extra: Option<&Extra>,
    ) {
        let key = extra.and_then(|extra| extra.key.as_ref());
        let reply = |result: Result<Placed, Refusal>| {
            keyed_answer(peer, id, key.cloned(), Some(name), result.map(Reply::Published))
        };
        if let Err(refusal) = self.admit(turn, peer) {
            return turn.effects.push(reply(Err(refusal)));
        }
        let answers = &self.sessions.known_mut(peer.session).answers;
        match id.and_then(|id| answers.recall(id)) {
            Some(Ok(_)) if planted!(RepeatRefused) => return turn.effects.push(reply(Err(Refusal::StaleId))),
            Some(answer) => return turn.effects.push(reply(answer)),
            None => {}
        }
        let first = || self.sessions.get(peer.session)?.rooms.iter().next().cloned();
        let elsewhere = planted!(SaidInFirstRoom, first(), None);
        let name = elsewhere.as_ref().unwrap_or(name);
        let said = self.say(turn, peer, name, content, extra);
        let answer = said.as_ref().map(|said| said.placed).map_err(|refusal| *refusal);
        if let Some(id) = id {
            let answers = &mut self.sessions.known_mut(peer.session).answers;
            answers.remember(id, answer, turn.config.answers_max);
        }
        turn.effects.push(reply(answer));
        if let Ok(Said { placed, news: Some(message) }) = said {
            let epoch = placed.position.epoch;
            self.room_mut(name).push(turn.effects, Push::Message { epoch, message });
        }
    }

    /// Puts a message into its room, unless it is there under its key.
    fn say(
        &mut self,
        turn: &mut Turn<'_>,
        peer: &Peer,
        name: &RoomName,
        content: &Arc<str>,
        extra: Option<&Extra>,
    ) -> Result<Said, Refusal> {
        let key = extra.and_then(|extra| extra.key.as_ref());
        let key = key.map(|key| (key, Fingerprint::of(content, extra)));
        if let Some((key, said)) = key
            && let Some(placed) = self.keys.recall(turn.config, &peer.user, name, key, said)?
        {
            let newest = || self.rooms.get(name).map_or(placed.position, |room| room.log.head());
            let position = planted!(RepeatMisplaced, newest(), placed.position);
            return Ok(Said { placed: Placed { position, ..placed }, news: None });
        }
        // First, so that what is refused leaves no room behind that was made for it.
        may_say(turn.config, peer, name, extra)?;
        self.receive_visit(turn, peer, name)?;
        let room = planted!(
            NonMembersSpeak,
            self.rooms.get_mut(name).ok_or(Refusal::UnknownRoom),
            self.writable(peer, name)
        )?;
        let extra = room.carried(peer, extra);
        let history_max = turn.config.history_max;
        let message = room.log.append(turn.at, peer.user.clone(), Arc::clone(content), extra, history_max);
        room.spoken_in(turn);
        let mut position = room.log.head();
        if planted!(AckNamesPlaceBefore) {
            position.seq = Seq(position.seq.0.saturating_sub(1));
        }
        let placed = Placed { position, at: message.at };
        if let Some((key, said)) = key {
            self.keys.remember(turn, &peer.user, name, Arc::clone(key), said, placed);
        }
        Ok(Said { placed, news: Some(message) })
    }

    pub(super) fn set_status(
        &mut self,
        turn: &mut Turn<'_>,
        peer: &Peer,
        id: Option<RequestId>,
        name: &RoomName,
        status: &Status,
    ) {
        let noted = self.admit(turn, peer).and_then(|()| self.attended_mut(peer, name));
        let room = match noted {
            Ok(room) => room,
            Err(refusal) => return turn.refuse(peer, id, name, refusal),
        };
        turn.grant(peer, id, name, Reply::Noted);
        room.note(turn, &peer.user, status);
    }

    pub(super) fn set_task(
        &mut self,
        turn: &mut Turn<'_>,
        peer: &Peer,
        id: Option<RequestId>,
        name: &RoomName,
        task: &TaskChange,
    ) {
        let noted = self
            .admit(turn, peer)
            .and_then(|()| self.attended_mut(peer, name))
            .and_then(|room| Ok((room.change_task(turn.config, peer, task)?, room)));
        let (whole, room) = match noted {
            Ok(noted) => noted,
            Err(refusal) => return turn.refuse(peer, id, name, refusal),
        };
        turn.grant(peer, id, name, Reply::Noted);
        let push = Push::Task { user: peer.user.clone(), task: whole, assigned: task.assignee.is_some() };
        room.push(turn.effects, push);
    }

    /// The room, if the peer attends it or may visit it.
    fn writable(&mut self, peer: &Peer, name: &RoomName) -> Result<&mut Room, Refusal> {
        let room = self.rooms.get_mut(name).ok_or(Refusal::UnknownRoom)?;
        if room.admits(peer) || room.is_attended_by(peer) { Ok(room) } else { Err(Refusal::NotMember) }
    }

    /// The room, if the peer has taken its seat there on this connection.
    pub(super) fn attended_mut(&mut self, peer: &Peer, name: &RoomName) -> Result<&mut Room, Refusal> {
        let room = self.rooms.get_mut(name).ok_or(Refusal::UnknownRoom)?;
        if room.is_attended_by(peer) { Ok(room) } else { Err(Refusal::NotMember) }
    }
}

/// Whether somebody may say a message of this kind, whoever owns the room. In its own room a bot is one, whatever its role.
fn may_say(config: &ShardConfig, peer: &Peer, name: &RoomName, extra: Option<&Extra>) -> Result<(), Refusal> {
    let is_home = name.bot() == Some(peer.user.as_str());
    let act = match extra.map_or(Kind::Text, |extra| extra.kind) {
        Kind::System => Act::Announce,
        Kind::Agent if config.verify_tokens && !is_home => Act::Answer,
        Kind::Text | Kind::File | Kind::Agent => Act::Speak,
    };
    if may(peer.role, false, act) { Ok(()) } else { Err(Refusal::PermissionDenied) }
}

impl Room {
    /// What a message carries, with what only the room knows. What a bot just says is what an agent says (S4.10).
    fn carried(&self, peer: &Peer, extra: Option<&Extra>) -> Option<Arc<Extra>> {
        let kind = match (extra.map_or(Kind::Text, |extra| extra.kind), peer.role) {
            (Kind::Text, Role::Bot) => Kind::Agent,
            (kind, _) => kind,
        };
        if extra.is_none() && kind == Kind::Text {
            return None;
        }
        let status = self.members.get(&peer.user).and_then(|member| member.status.as_ref());
        let state = status.filter(|_| kind == Kind::Agent).map(|status| Arc::clone(&status.state));
        Some(Arc::new(Extra { kind, state, ..extra.cloned().unwrap_or_default() }))
    }

    /// Makes or changes a task, and returns the whole of it.
    fn change_task(
        &mut self,
        config: &ShardConfig,
        peer: &Peer,
        change: &TaskChange,
    ) -> Result<Task, Refusal> {
        if self.allows(peer, Act::Assign) || self.reports(peer, change) {
            self.tasks.change(config, change)
        } else {
            Err(Refusal::PermissionDenied)
        }
    }

    /// Whether somebody says only how far they have come with a task that they were given.
    fn reports(&self, peer: &Peer, change: &TaskChange) -> bool {
        let is_theirs = self.tasks.assignee(&change.task) == Some(&peer.user);
        is_theirs && change.assignee.is_none() && change.priority.is_none() && change.metadata.is_none()
    }
}
