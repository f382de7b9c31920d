//! Whom a connection may speak for: tokens are shown by clients, verified by the driver, and end.
//!
//! A token comes with the address, with `hello`, or, in place of one that ends, with `refresh`. What else comes in
//! waits meanwhile. Without a key nobody can tell a good token from a bad one, and none is looked at.

use std::time::Duration;

use super::{
    Gateway, GatewayOutput, Slot,
    connection::{Connection, NamedBy, Phase},
};
use crate::{
    config::GatewayConfig,
    dialect::{Codec, Dialect, Event, Opening, Resumption, dialect_of},
    disconnect::Disconnect,
    id::{ConnectionId, RequestId},
    identity::{Claims, Token, TokenFault},
    name::UserName,
    refusal::Refusal,
    role::Role,
    time::Time,
};

/// What waits for the driver's word on a token.
#[derive(Debug)]
pub(super) enum Verifying {
    /// A connection whose address has the token.
    Address { named: Option<UserName> },
    /// A `hello`.
    Hello { id: Option<RequestId>, named: Option<UserName>, resume: Option<Resumption> },
    /// A `refresh`.
    Refresh { id: Option<RequestId> },
}

/// What a connection is known by.
#[derive(Debug)]
pub(super) struct Identity {
    claims: Claims,
    /// It has been told that its token has expired.
    told: bool,
}

impl Connection {
    /// What a text would be read as if it came now; `None` if it could be of several dialects, or is of none.
    pub(super) fn reads_as(&self, text: &str, config: &GatewayConfig) -> Option<Dialect> {
        match &self.codec {
            Codec::Undecided(opening) => {
                let is_named = self.claimed().is_some() || opening.named(config).is_ok();
                dialect_of(text, is_named)
            }
            codec => Some(codec.dialect()),
        }
    }

    /// Whom its token speaks for.
    pub(super) fn claimed(&self) -> Option<&UserName> {
        self.identity.as_ref().map(|identity| &identity.claims.user)
    }

    /// Whose bot it is, as its token says.
    pub(super) fn owner(&self) -> Option<UserName> {
        self.identity.as_ref().and_then(|identity| identity.claims.owner.clone())
    }

    /// What its token makes of it; without one it is a member.
    pub(super) fn role(&self) -> Role {
        let role = self.identity.as_ref().map_or_else(Role::default, |identity| identity.claims.role);
        planted!(RoleForgotten, Role::Member, role)
    }

    /// When its token must be looked at.
    pub(super) fn token_due(&self, config: &GatewayConfig) -> Option<Time> {
        let identity = self.identity.as_ref()?;
        let expires = identity.claims.expires?;
        if identity.told && planted!(TokenNeverEnds) {
            return None;
        }
        let grace = planted!(TokenWithoutGrace, Duration::ZERO, config.token_grace);
        Some(if identity.told { expires + grace } else { expires })
    }
}

impl Gateway {
    /// What a connection's address says of it.
    pub(super) fn arrive(&mut self, now: Time, slot: Slot, opening: Opening, out: &mut Vec<GatewayOutput>) {
        match opening.to_verify(&self.config).cloned() {
            Some(token) => self.verify(slot, Verifying::Address { named: opening.user }, token, out),
            None => self.enter(now, slot, opening.named(&self.config), out),
        }
    }

    /// Those whose address says everything are let in at once; others say `hello` first, or what they want.
    pub(super) fn enter(
        &mut self,
        now: Time,
        slot: Slot,
        named: Result<UserName, Refusal>,
        out: &mut Vec<GatewayOutput>,
    ) {
        if !self.connection(slot).codec.dialect().is_named_by_address() {
            return;
        }
        let (named, nobody) = match named {
            Ok(user) => (Some(user), Refusal::TokenRequired),
            Err(refusal) => (None, refusal),
        };
        match self.speaker(slot, named) {
            Ok(Some(user)) => self.attach(slot, None, user, None, NamedBy::Address, out),
            Ok(None) => self.turn_away(now, slot, nobody, out),
            Err(refusal) => self.turn_away(now, slot, refusal, out),
        }
    }

    /// Ends a connection that has no other way to say who it is.
    fn turn_away(&mut self, now: Time, slot: Slot, refusal: Refusal, out: &mut Vec<GatewayOutput>) {
        self.refuse(now, slot, None, refusal, None, None, out);
        self.close(now, slot, Disconnect::BadToken, out);
    }

    /// Asks the driver about a token; frames wait meanwhile.
    pub(super) fn verify(
        &mut self,
        slot: Slot,
        verifying: Verifying,
        token: Token,
        out: &mut Vec<GatewayOutput>,
    ) {
        let connection = self.connection(slot);
        connection.verifying = Some(Box::new(verifying));
        out.push(GatewayOutput::Verify { connection: connection.id, token });
    }

    /// The driver's word.
    pub(super) fn verified(
        &mut self,
        now: Time,
        connection: ConnectionId,
        outcome: Result<Claims, TokenFault>,
        out: &mut Vec<GatewayOutput>,
    ) {
        let Some(&slot) = self.by_id.get(&connection) else { return };
        let Some(verifying) = self.connection(slot).verifying.take() else { return };
        if self.connection(slot).is_over() {
            return;
        }
        match *verifying {
            Verifying::Address { named } => {
                if self.accept(now, slot, None, named.as_ref(), outcome, out) {
                    self.enter(now, slot, named.ok_or(Refusal::TokenRequired), out);
                }
            }
            Verifying::Hello { id, named, resume } => {
                if self.accept(now, slot, id, named.as_ref(), outcome, out) {
                    let user = self.connection(slot).claimed().expect("just accepted").clone();
                    self.attach(slot, id, user, resume, NamedBy::Hello, out);
                }
            }
            Verifying::Refresh { id } => self.refresh(now, slot, id, outcome, out),
        }
        self.schedule(slot);
        self.serve(now, slot, out);
    }

    /// Lets a connection in by its token, or sends it away: without a user it has nothing to say here.
    fn accept(
        &mut self,
        now: Time,
        slot: Slot,
        id: Option<RequestId>,
        named: Option<&UserName>,
        outcome: Result<Claims, TokenFault>,
        out: &mut Vec<GatewayOutput>,
    ) -> bool {
        let (refusal, detail) = match outcome {
            Ok(claims) if named.is_none_or(|named| *named == claims.user) => {
                self.connection(slot).identity = Some(Box::new(Identity { claims, told: false }));
                return true;
            }
            Ok(_) => (Refusal::UserMismatch, None),
            Err(fault) => (Refusal::BadToken, Some(fault.words())),
        };
        self.refuse(now, slot, id, refusal, detail, None, out);
        self.close(now, slot, Disconnect::BadToken, out);
        false
    }

    /// A newer token for the same user.
    fn refresh(
        &mut self,
        now: Time,
        slot: Slot,
        id: Option<RequestId>,
        outcome: Result<Claims, TokenFault>,
        out: &mut Vec<GatewayOutput>,
    ) {
        let connection = self.connection(slot);
        let Phase::Attached(peer) = &mut connection.phase else { return };
        match outcome {
            Ok(claims) if claims.user == peer.user => {
                let role = planted!(RenewalKeepsRole, peer.role, claims.role);
                (peer.role, peer.owner) = (role, claims.owner.clone());
                let expires = claims.expires;
                if !planted!(RefreshForgotten) {
                    connection.identity = Some(Box::new(Identity { claims, told: false }));
                }
                self.tell(now, slot, &Event::Refreshed { id, expires }, out);
            }
            Ok(_) => self.refuse(now, slot, id, Refusal::UserMismatch, None, None, out),
            Err(fault) => self.refuse(now, slot, id, Refusal::BadToken, Some(fault.words()), None, out),
        }
    }

    /// Tells a connection that its token has ended, and closes it if it has shown no other in time.
    pub(super) fn expire_token(&mut self, now: Time, slot: Slot, out: &mut Vec<GatewayOutput>) {
        let connection = self.slots[slot].as_mut().expect("it is in the table");
        if connection.token_due(&self.config).is_none_or(|due| now < due) {
            return;
        }
        let identity = connection.identity.as_mut().expect("it is due");
        if identity.told {
            return self.close(now, slot, Disconnect::TokenExpired, out);
        }
        identity.told = true;
        self.refuse(now, slot, None, Refusal::TokenExpired, None, None, out);
    }

    /// Whether nobody speaks on this connection without a token.
    pub(super) fn needs_token(&mut self, slot: Slot) -> bool {
        let dialect = self.connection(slot).codec.dialect();
        self.config.needs_token(dialect)
    }

    /// The user of a request: the one it names, or its token's. `Err` is why there can be none.
    pub(super) fn speaker(
        &mut self,
        slot: Slot,
        named: Option<UserName>,
    ) -> Result<Option<UserName>, Refusal> {
        let needs_token = self.needs_token(slot);
        match (named, self.connection(slot).claimed()) {
            (Some(named), Some(claimed)) if named != *claimed => Err(Refusal::UserMismatch),
            (_, Some(claimed)) => Ok(Some(claimed.clone())),
            (Some(_), None) if needs_token && !planted!(TokenNotRequired) => Err(Refusal::TokenRequired),
            (named, None) => Ok(named),
        }
    }
}
