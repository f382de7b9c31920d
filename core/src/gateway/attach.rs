//! Who a connection speaks for: hello, implicit attaching, take-over.

use super::{
    Gateway, GatewayOutput, Notice, Slot,
    connection::{Attaching, NamedBy, Phase},
};
use crate::{
    dialect::{Command, Dialect, Event, Resumption},
    disconnect::Disconnect,
    id::{ConnectionId, Generation, RequestId, SessionId, ShardId},
    name::{RoomName, UserName},
    refusal::Refusal,
    shard::{Keep, Limiters, Op, Peer, Resume},
    time::Time,
};

impl Gateway {
    /// Asks the user's home shard; frames wait meanwhile.
    pub(super) fn attach(
        &mut self,
        slot: Slot,
        id: Option<RequestId>,
        user: UserName,
        resume: Option<Resumption>,
        named_by: NamedBy,
        out: &mut Vec<GatewayOutput>,
    ) {
        let connection = self.connection(slot);
        if !matches!(connection.phase, Phase::Arriving) {
            return;
        }
        // Whoever has said who they are in the native dialect speaks it from now on.
        connection.codec.settle();
        let (fresh, secret) = (self.secrets.session(), self.secrets.secret());
        let shard = self.home_of(&user);
        let gateway = self.id;
        let connection = self.connection(slot);
        let session = resume.as_ref().map_or(fresh, |resume| resume.session);
        connection.phase = Phase::Attaching(Attaching { user: user.clone(), session, secret, id, named_by });
        connection.shards = vec![shard];
        let resume = resume.map(|Resumption { session, secret, attempt }| Resume {
            session,
            secret: secret.hash(),
            attempt,
        });
        let (sole, resident) = (connection.codec.dialect().is_sole(), connection.resident);
        let (connection, secret) = (connection.id, secret.hash());
        let op = Op::Attach { gateway, connection, user, fresh, resume, secret, sole, resident };
        out.push(GatewayOutput::Submit { shard, op });
    }

    pub(super) fn attached(
        &mut self,
        now: Time,
        peer: Peer,
        resumed: bool,
        limiters: Limiters,
        out: &mut Vec<GatewayOutput>,
    ) {
        let slot = self.by_id.get(&peer.connection).copied();
        let peer = match slot.map(|slot| self.connection(slot)) {
            Some(connection) => Peer {
                role: connection.role(),
                owner: connection.owner(),
                visitor: connection.visitor,
                ..peer
            },
            None => peer,
        };
        let attaching = slot.and_then(|slot| match &mut self.connection(slot).phase {
            phase @ Phase::Attaching(_) => match std::mem::replace(phase, Phase::Attached(peer.clone())) {
                Phase::Attaching(attaching) => Some((slot, attaching)),
                _ => unreachable!("matched above"),
            },
            _ => None,
        });
        let Some((slot, attaching)) = attaching else {
            // It went away before the shard had heard of it: what it said then named no session that was attached. Of a new
            // session nobody has the secret, and one that is resumed is kept for longer all the same.
            if planted!(SessionOutlivesConnection) {
                return;
            }
            let shard = self.home_of(&peer.user);
            out.push(GatewayOutput::Submit { shard, op: Op::Detach { peer, keep: Keep::Grace, limiters } });
            return;
        };
        let limiters = planted!(LimiterRefillsOnReconnect, Limiters::default(), limiters);
        self.carry_limiters(slot, &peer.user, limiters);
        let connection = self.connection(slot);
        let dialect = connection.codec.dialect();
        let greeted = attaching.named_by == NamedBy::Hello && dialect.can_resume();
        connection.greeted = greeted;
        // Whom a request named is served without ceremony.
        let is_welcomed = attaching.named_by != NamedBy::Request;
        if resumed {
            self.spread_word(slot, &peer, out);
        }
        let notice = Notice::Attached {
            connection: peer.connection,
            user: peer.user.clone(),
            session: peer.session,
            resumed,
        };
        out.push(GatewayOutput::Notice(notice));
        self.counters.resumed += u64::from(resumed);
        if planted!(ResumeNotWelcomed, greeted && !resumed, is_welcomed) {
            let limits = self.config.clone();
            let event = Event::Welcome {
                user: &peer.user,
                session: peer.session,
                secret: attaching.secret,
                resumed,
                generation: peer.generation,
                limits: &limits,
            };
            self.tell(now, slot, &event, out);
        }
        self.start_telling_health(now, dialect);
        if let Some(home) = dialect.home() {
            self.go_home(now, slot, peer, home, out);
        }
        self.serve(now, slot, out);
    }

    /// Asks for the room that everybody is in.
    pub(super) fn go_home(
        &mut self,
        now: Time,
        slot: Slot,
        peer: Peer,
        home: &str,
        out: &mut Vec<GatewayOutput>,
    ) {
        let room = RoomName::new(home).expect("a fitting name");
        let join = Command::Join { room, since: None, history: None };
        self.perform(now, slot, peer, Some(Dialect::HOME), join, out);
    }

    /// Tells the shards other than the home that a session goes on: they may hold rooms and answers of it.
    fn spread_word(&mut self, slot: Slot, peer: &Peer, out: &mut Vec<GatewayOutput>) {
        let home = self.home_of(&peer.user);
        for shard in (0..self.config.shards).map(ShardId).filter(|&shard| shard != home) {
            self.connection(slot).shards.push(shard);
            out.push(GatewayOutput::Submit { shard, op: Op::Follow { peer: peer.clone() } });
        }
    }

    pub(super) fn attach_refused(
        &mut self,
        now: Time,
        connection: ConnectionId,
        refusal: Refusal,
        out: &mut Vec<GatewayOutput>,
    ) {
        let Some(&slot) = self.by_id.get(&connection) else { return };
        let connection = self.connection(slot);
        let Phase::Attaching(attaching) = &connection.phase else { return };
        let Attaching { user, id, named_by, .. } = attaching;
        let (user, id, named_by) = (user.clone(), *id, *named_by);
        connection.phase = Phase::Arriving;
        connection.shards.clear();
        if named_by == NamedBy::Request {
            // The request that named the user is answered by this.
            connection.waiting.pop_front();
        }
        if refusal == Refusal::Replaced {
            return self.replaced(now, slot, user, id, out);
        }
        self.refuse(now, slot, id, refusal, None, None, out);
        if named_by == NamedBy::Address {
            // It has no other way to name anybody.
            return self.close(now, slot, Disconnect::AttachRefused, out);
        }
        self.serve(now, slot, out);
    }

    pub(super) fn taken_over(
        &mut self,
        now: Time,
        id: ConnectionId,
        session: SessionId,
        generation: Generation,
        out: &mut Vec<GatewayOutput>,
    ) {
        // If the connection is gone, its detach is on the way already.
        let Some(&slot) = self.by_id.get(&id) else { return };
        let is_meant = |peer: &&Peer| peer.session == session && peer.generation == generation;
        if let Some(peer) = self.connection(slot).peer().filter(is_meant) {
            let user = peer.user.clone();
            self.replaced(now, slot, user, None, out);
        }
    }

    /// Lets go of a connection whose session has a newer one.
    ///
    /// Clients of a sole dialect connect again after every close, and two of one user would replace each other for
    /// ever. So theirs stays open, and hears nothing more (S4.17); but not more than a few of one user.
    fn replaced(
        &mut self,
        now: Time,
        slot: Slot,
        user: UserName,
        id: Option<RequestId>,
        out: &mut Vec<GatewayOutput>,
    ) {
        if !self.connection(slot).codec.dialect().is_sole() {
            return self.close(now, slot, Disconnect::Replaced, out);
        }
        self.refuse(now, slot, id, Refusal::Replaced, None, None, out);
        self.silence(now, slot, user, out);
    }

    /// Nobody has the session that a silent connection had: its client connects again once it is closed.
    pub(super) fn displaced(&mut self, now: Time, id: ConnectionId, out: &mut Vec<GatewayOutput>) {
        let Some(&slot) = self.by_id.get(&id) else { return };
        if matches!(self.connection(slot).phase, Phase::Silent(_)) {
            self.close(now, slot, Disconnect::Displaced, out);
        }
    }
}
