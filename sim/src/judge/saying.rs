//! What messages carry, and who may say what they are.
//!
//! Told again from `docs/protocol.md` and `docs/identity.md`.

use chinwag_core::{
    Refusal,
    client::{ClientEvent, Shown},
    dialect::Dialect,
    role::Role,
};
use chinwag_oracle::SendId;

use crate::{
    judge::{
        Broken,
        checks::{self, broken},
        content,
        marks::Mark,
    },
    people::{
        player::Player,
        voice::{Carried, Kind, Wish},
    },
    world::World,
};

impl World<'_> {
    /// A plain client says a message under its key, with what that carries where its dialect is the native one.
    pub(crate) fn player_speaks(&mut self, client: usize, room: usize, content: &str, send: SendId) {
        let (name, number) = (self.judge.room(room).clone(), self.reuses.key(send).0.into());
        let (voice, mut lines) = (&mut self.player(client).voice, Vec::new());
        match voice.carries(name.as_str(), content, number) {
            Some(line) => lines.push(line),
            None => voice.want(Wish::Say { room: name.as_str(), content, number }, &mut lines),
        }
        for message in lines.iter_mut().filter_map(|line| line.message.as_mut()) {
            *message = send.0.into();
        }
        self.player_sends(client, lines);
    }

    /// A reader of a dialect is shown what was said, and what nobody may say is not there.
    pub(crate) fn check_carried(
        &mut self,
        dialect: Dialect,
        send: SendId,
        shown: &Carried,
    ) -> Result<(), Broken> {
        let Some(author) = self.judge.author_of(send) else { return Ok(()) };
        self.check_let_in(author, send)?;
        self.compare_carried(dialect, author, send, shown)
    }

    /// A client with a session shows a message, or messages of a page, with what they carry.
    pub(crate) fn shows_carried(&mut self, event: &ClientEvent) -> Result<(), Broken> {
        match event {
            ClientEvent::Message(shown) => self.check_shown(shown),
            ClientEvent::History { messages, .. } => {
                messages.iter().try_for_each(|shown| self.check_shown(shown))
            }
            _ => Ok(()),
        }
    }

    fn check_shown(&mut self, shown: &Shown) -> Result<(), Broken> {
        let Some(send) = content::number(&shown.content).map(SendId) else { return Ok(()) };
        let Some(author) = self.judge.author_of(send) else { return Ok(()) };
        self.check_key(send)?;
        // Most messages are of such clients, and carry nothing.
        if shown.extra.is_none() && self.people[author].player.is_none() {
            return Ok(());
        }
        let dialect = Dialect::Chat;
        self.compare_carried(
            dialect,
            author,
            send,
            &shown.extra.as_deref().map(Carried::of).unwrap_or_default(),
        )
    }

    /// A message is shown with all of what it carries that a dialect has words for.
    fn compare_carried(
        &mut self,
        dialect: Dialect,
        author: usize,
        send: SendId,
        shown: &Carried,
    ) -> Result<(), Broken> {
        let mut said = match self.people[author].player.as_deref().map(Player::dialect) {
            None => Carried::default(),
            Some(Dialect::Chat) => self.carried_by(send),
            Some(_) => return Ok(()),
        };
        // What a bot just says is an agent's, and with it comes what that was doing.
        if said.kind.is_none() && self.role(author) == Role::Bot {
            said.kind = Some(Kind::Agent);
        }
        // Which is the usual one is not shown.
        said.priority = said.priority.filter(|&priority| priority != 2);
        let mut said = said.seen_in(dialect);
        if said.kind == Some(Kind::Agent) {
            said.state.clone_from(&shown.state);
        }
        if said != *shown {
            return broken(
                checks::CONTENT,
                format!("message {} carries {said:?}, shown is {shown:?}", send.0),
            );
        }
        if shown.is_much() {
            self.marks.hit(Mark::Carried);
        }
        Ok(())
    }

    /// A message is in its room: whoever says such may say it.
    pub(crate) fn check_let_in(&mut self, author: usize, send: SendId) -> Result<(), Broken> {
        self.checked(checks::TOKEN);
        if self.may_say(author, send) {
            return Ok(());
        }
        broken(
            checks::TOKEN,
            format!("message {} of c{author} is let in, who may not say what it is", send.0),
        )
    }

    /// A message is refused because its author may not say what it is.
    pub(crate) fn check_not_let_in(&mut self, author: usize, send: SendId) -> Result<(), Broken> {
        self.checked(checks::TOKEN);
        self.marks.hit(Mark::KindRefused);
        if !self.may_say(author, send) {
            return Ok(());
        }
        let refusal = Refusal::PermissionDenied;
        broken(checks::TOKEN, format!("message {} of c{author} is refused: {refusal}", send.0))
    }

    /// What a message carries: that goes by the key under which it is said.
    fn carried_by(&self, send: SendId) -> Carried {
        Carried::said(self.reuses.key(send).0.into())
    }

    /// Whether somebody may say what a message of theirs is. In its own room, a bot is one.
    fn may_say(&self, author: usize, send: SendId) -> bool {
        let person = &self.people[author];
        let speaks = person.player.as_deref().map(Player::dialect);
        let kind = self.carried_by(send).kind.filter(|_| speaks == Some(Dialect::Chat));
        let is_trusted = matches!(self.role(author), Role::Admin | Role::Bot);
        let is_home =
            |room: usize| self.judge.room(room).as_str().strip_prefix("bot:") == Some(person.user.as_str());
        match kind {
            None => true,
            Some(Kind::System) => is_trusted,
            Some(Kind::Agent) => {
                let is_home = self.judge.room_of(send).is_some_and(is_home);
                is_trusted || is_home || !self.scenario.setup.shard.verify_tokens
            }
        }
    }
}
