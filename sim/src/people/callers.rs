//! Core's own clients in rooms that have owners: they ask to be let in, say something, are sent away and told so, and let
//! others in where a room is theirs.

use chinwag_core::{
    Epoch, Refusal, RequestId, RoomName, Time,
    client::{ClientEvent, Command},
};
use chinwag_oracle::{Deed, SendId, Upshot};

use crate::{
    judge::{
        Broken,
        checks::{self, broken},
        content,
        glance::Wish,
        marks::Mark,
        witness::room_id,
    },
    people::{player::Asked, visiting::Want},
    plan::scenario::Action,
    world::World,
};

/// What users want.
impl World<'_> {
    /// The user of a client with a session does something about a room that has an owner, if that is possible; nothing if
    /// it is no such thing.
    pub(crate) fn user_visits(&mut self, client: usize, action: &Action) -> Result<Option<bool>, Broken> {
        let (parlour, want) = match *action {
            Action::Visit { parlour } | Action::Depart { parlour } | Action::Talk { parlour, .. } => {
                (parlour, None)
            }
            Action::Found { parlour, private } => (parlour, Some(Want::Found { private })),
            Action::Invite { parlour, whom } => (parlour, Some(Want::Deed(Deed::Invite, whom as usize))),
            Action::Kick { parlour, whom } => (parlour, Some(Want::Deed(Deed::Kick, whom as usize))),
            _ => return Ok(None),
        };
        let setup = &self.scenario.setup;
        let place = setup.parlour(parlour).filter(|_| parlour < setup.parlours);
        let Some(room) = place else { return Ok(Some(false)) };
        let (name, person) = (self.judge.room(room).clone(), &mut self.people[client]);
        match (action, want) {
            (Action::Visit { .. }, _) => {
                person.wanted.insert(room);
                self.submit(client, Command::Join { room: name })?;
            }
            (Action::Depart { .. }, _) => {
                person.wanted.remove(&room);
                person.writers.leaves(&name);
                self.submit(client, Command::Leave { room: name })?;
            }
            (Action::Talk { times, .. }, _) if person.wanted.contains(&room) => {
                (0..*times).try_for_each(|_| self.say(client, room, 8))?;
            }
            (_, Some(want)) => return self.user_pleads(client, room, name, want).map(Some),
            _ => return Ok(Some(false)),
        }
        Ok(Some(true))
    }

    /// Asks for what is not asked again, and without a connection comes to nothing: false.
    fn user_pleads(
        &mut self,
        client: usize,
        room: usize,
        name: RoomName,
        want: Want,
    ) -> Result<bool, Broken> {
        if !self.people[client].client.is_attached() {
            return Ok(false);
        }
        let command = match want {
            Want::Found { private } => {
                self.life.made[client].insert(name.clone());
                Command::Create { room: name, private }
            }
            Want::Deed(deed, whom) => {
                // Nobody sends themselves away.
                let others = self.people.get(whom).filter(|other| other.user != self.people[client].user);
                let Some(user) = others.map(|other| other.user.clone()) else { return Ok(false) };
                self.parlours.doors.asks(room_id(room), self.user_number(whom), deed);
                match deed {
                    Deed::Invite => Command::Invite { room: name, user },
                    Deed::Kick => Command::Kick { room: name, user },
                }
            }
            _ => return Ok(false),
        };
        self.inputs += 1;
        let (asked, mut out) = (Asked { room, want, at: self.now, era: self.server.era }, Vec::new());
        let person = &mut self.people[client];
        let id = person.client.submit(person.clock.shows(self.now), command, &mut out);
        person.pleas.insert(id.expect("only publishes wait in a queue"), asked);
        self.carry_out(client, &mut out)?;
        Ok(true)
    }

    /// Whether a request of a client is to let somebody in, and judged as such.
    pub(crate) fn is_invitation(&self, client: usize, id: Option<RequestId>) -> bool {
        let asked = id.and_then(|id| self.people[client].pleas.get(&id));
        asked.is_some_and(|asked| matches!(asked.want, Want::Deed(Deed::Invite, _)))
            && self.judges_invitations()
    }

    /// What was asked for on a connection that is gone will not be answered.
    pub(crate) fn user_gives_up_pleas(&mut self, client: usize) {
        for asked in std::mem::take(&mut self.people[client].pleas).into_values() {
            self.comes_to(&asked, Upshot::Unknown);
        }
    }

    /// A client asks to be let into a room. It does so only if its user wants to be there, or to hear what became of what
    /// they have said.
    pub(crate) fn check_knock(&mut self, client: usize, text: &str) -> Result<(), Broken> {
        let room = Wish::at(text).and_then(|wish| wish.room);
        let Some(room) = room.map(|room| room.place(self.scenario.setup.rooms as usize)) else {
            return Ok(());
        };
        let is_called = self.people[client].wanted.contains(&room) || self.judge.waits_in(client, room);
        self.checked(checks::DOOR);
        if !self.has_owner(room) || is_called {
            return Ok(());
        }
        broken(checks::DOOR, format!("c{client} asks for r{room}, and its user does not want to be there"))
    }

    /// Whether a room is one of those that have owners, and are no bot's.
    pub(crate) fn has_owner(&self, room: usize) -> bool {
        self.scenario.setup.owned().contains(&room)
    }
}

/// What clients are told.
impl World<'_> {
    /// A client is in a room. Nobody comes in who is shut out.
    pub(crate) fn user_enters(
        &mut self,
        client: usize,
        room: usize,
        epoch: Epoch,
        asked: Time,
    ) -> Result<(), Broken> {
        if !self.has_owner(room) {
            return Ok(());
        }
        self.checked(checks::DOOR);
        let person = &mut self.people[client];
        person.barred.remove(&room);
        let mark = if person.sent_away.remove(&room) { Mark::CalledAgain } else { Mark::Called };
        self.marks.hit(mark);
        self.parlours.calls.insert((client, room), asked);
        if self.shuts_out(client, room, epoch, asked) {
            return broken(checks::DOOR, format!("c{client} enters r{room}, which is private, uninvited"));
        }
        Ok(())
    }

    /// A client is not let into a room.
    pub(crate) fn user_is_shut_out(
        &mut self,
        client: usize,
        room: usize,
        refusal: Refusal,
        asked: Time,
    ) -> Result<(), Broken> {
        if !self.has_owner(room) {
            return Ok(());
        }
        self.checked(checks::DOOR);
        self.people[client].barred.insert(room);
        self.parlours.calls.remove(&(client, room));
        if refusal != Refusal::PermissionDenied {
            return Ok(());
        }
        self.marks.hit(Mark::CallerShutOut);
        if self.is_welcome(client, room, asked) {
            return broken(checks::DOOR, format!("c{client} is not let into r{room}, where it is welcome"));
        }
        Ok(())
    }

    /// A client reads that it was sent away: somebody must have asked for that since it came in.
    pub(crate) fn user_is_sent_away(&mut self, client: usize, room: usize) -> Result<(), Broken> {
        self.checked(checks::DOOR);
        let (now, user) = (self.now, self.user_number(client));
        let entered = self.parlours.calls.remove(&(client, room));
        self.life.end_stays(now, |stay| stay.client == client && stay.room == room, true);
        self.life.is_sent_away(client, room);
        let is_asked_anew = self.witness.is_joining(client, room);
        let person = &mut self.people[client];
        if !is_asked_anew {
            person.wanted.remove(&room);
        }
        person.sent_away.insert(room);
        self.marks.hit(Mark::CallerSentAway);
        let lives = self.life.speaks_to(client, self.server.incarnation);
        let since = entered.filter(|_| lives).unwrap_or_default();
        if self.parlours.doors.may_be_sent_away(room_id(room), user, since) {
            return Ok(());
        }
        broken(checks::DOOR, format!("c{client} is sent away from r{room}, and nobody asked for it"))
    }

    /// A client has made a room, if it was one of those that have owners.
    pub(crate) fn user_has_made(
        &mut self,
        client: usize,
        room: usize,
        epoch: Epoch,
        id: RequestId,
    ) -> Result<(), Broken> {
        if let Some(Asked { want: Want::Found { private }, .. }) = self.people[client].pleas.remove(&id) {
            self.marks.hit(Mark::CallerMade);
            let owner = self.user_number(client);
            self.parlours.doors.made(room_id(room), epoch, owner, private);
        }
        Ok(())
    }

    /// A client tells its user something that may be about such a room.
    pub(crate) fn tells_of_rooms(&mut self, client: usize, event: &ClientEvent) -> Result<(), Broken> {
        match event {
            ClientEvent::Left { room, kicked, .. } => {
                let room = self.room_number(room.as_str());
                let is_sent_away = room.is_some_and(|room| self.life.tells_sent_away(client, room));
                if *kicked != is_sent_away {
                    return broken(
                        checks::DOOR,
                        format!("c{client} tells {event:?}, which is not what it read"),
                    );
                }
            }
            ClientEvent::Message(shown) => {
                let room = self.room_number(shown.room.as_str()).filter(|&room| self.has_owner(room));
                if let (Some(room), Some(send)) = (room, content::number(&shown.content)) {
                    self.check_hearing(client, room, shown.position.epoch, SendId(send))?;
                }
            }
            ClientEvent::Noted { id, .. } => {
                if let Some(asked) = self.people[client].pleas.remove(id) {
                    self.marks.hit(Mark::CallerRules);
                    self.comes_to(&asked, Upshot::Granted);
                    return self.check_rules(client, &asked);
                }
            }
            ClientEvent::Refused { id: Some(id), refusal, .. } => {
                return self.user_is_refused(client, *id, *refusal);
            }
            ClientEvent::Disconnected { .. } | ClientEvent::Ended { .. } => self.user_gives_up_pleas(client),
            _ => {}
        }
        Ok(())
    }

    fn user_is_refused(&mut self, client: usize, id: RequestId, refusal: Refusal) -> Result<(), Broken> {
        let said_in = self.judge.waits_under(client, id).filter(|&room| self.has_owner(room));
        if said_in.is_some_and(|room| self.people[client].sent_away.contains(&room)) {
            self.marks.hit(Mark::UnsentRefused);
        }
        let Some(asked) = self.people[client].pleas.remove(&id) else { return Ok(()) };
        self.comes_to(&asked, Upshot::Refused);
        self.checked(checks::DOOR);
        let Asked { room, want, at, .. } = asked;
        let held = self.held_since(room).filter(|&(_, _, since)| since < at);
        let is_wrong = match (refusal, want) {
            (Refusal::PermissionDenied, Want::Deed(..)) => {
                held.is_some_and(|(_, owner, _)| owner == self.user_number(client))
            }
            (Refusal::PermissionDenied, _) => self.may_make_rooms(client),
            (Refusal::UnknownRoom, Want::Deed(..)) => held.is_some(),
            (Refusal::Full, Want::Deed(Deed::Invite, whom)) if self.judges_invitations() => {
                !self.lets_in_enough(&asked, whom)
            }
            _ => false,
        };
        if is_wrong {
            return broken(checks::DOOR, format!("c{client} is refused {asked:?}: {refusal}"));
        }
        Ok(())
    }
}

/// At rest.
impl World<'_> {
    /// Who was sent away is not there, and whatever was asked for is answered.
    pub(crate) fn check_caller(&mut self, client: usize) -> Result<(), Broken> {
        let person = &self.people[client];
        if let Some((id, asked)) = person.pleas.first_key_value() {
            return broken(
                checks::ANSWERED,
                format!("c{client} asked for {asked:?} as {id} and was told nothing"),
            );
        }
        let is_stray =
            |room: &usize| person.client.is_joined(self.judge.room(*room)) && !person.wanted.contains(room);
        if let Some(room) = self.scenario.setup.owned().find(is_stray) {
            let sentence = format!("c{client} is in r{room} at rest, and its user does not want to be there");
            return broken(checks::CONNECTED, sentence);
        }
        if !person.sent_away.is_empty() {
            self.checked(checks::DOOR);
        }
        Ok(())
    }
}
