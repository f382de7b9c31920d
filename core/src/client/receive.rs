//! What the server says.

use std::{cmp::Ordering, time::Duration};

use super::{
    Client, ClientEvent, ClientOutput, Credentials, HELLO_REFUSED_CODE, Phase, Presence, Shown, incoming::*,
    said::Said, sends::Forgotten,
};
use crate::{
    gateway::Frame,
    id::{Epoch, Position, RequestId, Seq},
    name::RoomName,
    refusal::Refusal,
    secret::parse_session,
    time::Time,
};

/// `None`: a frame without something it must have. It is passed over, for the server may be newer than we are.
type Understood = Option<()>;

impl Client {
    pub(super) fn received(&mut self, now: Time, frame: Frame<'_>, out: &mut Vec<ClientOutput>) {
        let Frame::Text(text) = frame else { return };
        if let Some(said) = Said::live(text) {
            let _ = self.message(now, said, out);
        } else {
            let _ = self.incoming(now, text, out);
        }
    }

    fn incoming(&mut self, now: Time, text: &str, out: &mut Vec<ClientOutput>) -> Understood {
        let frame = Incoming::parse(text)?;
        match &**frame.kind.as_ref()? {
            "message" => self.message(now, Said::parse(text)?, out),
            "history" => self.history(now, &frame, out),
            "ack" => self.acknowledged(now, &frame, out),
            "error" => self.refused(now, &frame, out),
            "welcome" => self.welcomed(now, &frame, out),
            "joined" => self.joined(now, &frame, out),
            "left" => self.left(now, &frame, out),
            "gap" => self.gap(&frame, out),
            "presence" => self.presence(now, &frame, out),
            "warning" => self.warned(now, &frame, out),
            _ => {
                let event = self.plain_event(frame)?;
                tell(out, event);
                Some(())
            }
        }
    }

    /// Frames that are told as they are.
    fn plain_event(&mut self, mut frame: Incoming<'_>) -> Option<ClientEvent> {
        let roster = self.config.rosters;
        let names = |frame: &Incoming<'_>| if roster { frame.member_names() } else { None };
        Some(match &**frame.kind.as_ref()? {
            "lagged" if !planted!(LagNotTold) => ClientEvent::Lagged { room: frame.room()? },
            "user_joined" => {
                ClientEvent::UserJoined { room: frame.room()?, user: frame.user()?, members: names(&frame) }
            }
            "user_left" => {
                let (room, user) = (frame.room()?, frame.user()?);
                self.typing.remove(&(room.clone(), user.clone()));
                ClientEvent::UserLeft { room, user, members: names(&frame) }
            }
            "members_changed" => {
                let (joined, left) = (frame.joined.take()?, frame.left.take()?);
                ClientEvent::MembersChanged { room: frame.room()?, joined, left, count: frame.count? }
            }
            "members" => {
                let (room, members) = (frame.room()?, frame.listed_members()?);
                ClientEvent::Members { room, members, count: frame.count?, more: frame.more? }
            }
            "rooms" => {
                let more = frame.more?;
                ClientEvent::Rooms { rooms: frame.room_views()?, more }
            }
            "created" if !planted!(CreatedNotTold) => ClientEvent::Created { room: frame.room()? },
            "status" => {
                ClientEvent::Status { room: frame.room()?, user: frame.user()?, status: frame.status()? }
            }
            "task" => ClientEvent::Task { room: frame.room()?, user: frame.user(), task: frame.task()? },
            "refreshed" if !planted!(RenewalNotTold) => {
                ClientEvent::Refreshed { id: frame.id()?, expires: frame.expires() }
            }
            "pong" => ClientEvent::Pong { id: frame.id()? },
            _ => return None,
        })
    }

    fn welcomed(&mut self, now: Time, frame: &Incoming<'_>, out: &mut Vec<ClientOutput>) -> Understood {
        let session = parse_session(frame.session.as_deref()?)?;
        let secret = frame.secret.as_deref()?.into();
        let resumed = frame.resumed?;
        let lost = !resumed && self.resume.is_some();
        self.resume = Some(Credentials { session, secret });
        self.phase = Phase::Attached;
        self.generation = frame.generation().unwrap_or(0);
        self.limits = frame.limits();
        self.attempts = 0;
        tell(out, ClientEvent::Attached { session, resumed });
        if lost {
            // Under a new session a repeat would not be recognised.
            self.give_up(Forgotten::All, out);
        }
        self.want_again();
        self.proceed(now, out);
        Some(())
    }

    fn joined(&mut self, now: Time, frame: &Incoming<'_>, out: &mut Vec<ClientOutput>) -> Understood {
        let (name, head, next) = (frame.room()?, frame.position()?, frame.next()?);
        let verdict = frame.verdict()?;
        let room = self.rooms.get_mut(&name)?;
        room.enter();
        // What follows begins at `next`; what of it was shown before is passed over.
        let before_next = Position::new(head.epoch, Seq(next.0.saturating_sub(1)));
        room.position = match room.position {
            Some(position) if position.epoch == head.epoch => Some(position.max(before_next)),
            _ => Some(before_next),
        };
        tell(out, ClientEvent::Joined { room: name.clone(), head, next, verdict });
        if let Some(generation) = frame.known_since() {
            self.give_up(Forgotten::Before(&name, generation), out);
        }
        self.proceed(now, out);
        Some(())
    }

    fn left(&mut self, now: Time, frame: &Incoming<'_>, out: &mut Vec<ClientOutput>) -> Understood {
        let (room, head, kicked) = (frame.room()?, frame.position()?, frame.kicked);
        if kicked {
            self.sent_away(&room);
        }
        self.outside(frame.id(), kicked, &room);
        tell(out, ClientEvent::Left { room, head, kicked });
        self.proceed(now, out);
        Some(())
    }

    fn message(&mut self, now: Time, said: Said<'_>, out: &mut Vec<ClientOutput>) -> Understood {
        let (name, room) = self.rooms.get_key_value(&*said.room)?;
        let (name, epoch) = (name.clone(), room.position?.epoch);
        self.show(now, shown(name, epoch, said, false), out);
        Some(())
    }

    fn history(&mut self, now: Time, frame: &Incoming<'_>, out: &mut Vec<ClientOutput>) -> Understood {
        let (room, epoch, more) = (frame.room()?, frame.epoch()?, frame.more?);
        let messages = frame.history()?.into_iter().map(|said| shown(room.clone(), epoch, said, true));
        if let Some(id) = frame.id() {
            let messages = messages.collect();
            tell(out, ClientEvent::History { id, room, messages, more });
        } else {
            messages.for_each(|message| self.show(now, message, out));
        }
        Some(())
    }

    /// Shows a message that is next, passes over what was shown, and joins again if something is missing.
    fn show(&mut self, now: Time, shown: Shown, out: &mut Vec<ClientOutput>) {
        let Some(room) = self.rooms.get_mut(&shown.room) else { return };
        let Some(position) = room.position.filter(|position| position.epoch == shown.position.epoch) else {
            return;
        };
        match shown.position.seq.cmp(&position.seq.next()) {
            Ordering::Equal => {
                room.position = Some(shown.position);
                self.typing.remove(&(shown.room.clone(), shown.user.clone()));
                tell(out, ClientEvent::Message(shown));
            }
            Ordering::Greater if room.can_be_mended() => {
                room.due = Some(self.ids.next());
                self.ask_pending(now, out);
            }
            Ordering::Greater | Ordering::Less => {}
        }
    }

    fn gap(&mut self, frame: &Incoming<'_>, out: &mut Vec<ClientOutput>) -> Understood {
        let (name, epoch, (from, to)) = (frame.room()?, frame.epoch()?, frame.lost()?);
        let room = self.rooms.get_mut(&name)?;
        let position = room.position.filter(|position| position.epoch == epoch)?;
        if to > position.seq {
            room.position = Some(Position::new(epoch, to));
            let from = Position::new(epoch, from.max(position.seq.next()));
            tell(out, ClientEvent::Gap { room: name, from, to });
        }
        Some(())
    }

    fn presence(&mut self, now: Time, frame: &Incoming<'_>, out: &mut Vec<ClientOutput>) -> Understood {
        let (room, user) = (frame.room()?, frame.user()?);
        let presence = Presence::from_word(frame.status.as_deref()?)?;
        let key = (room.clone(), user.clone());
        match presence {
            Presence::Typing => {
                let until = now + self.config.typing_ttl;
                let until = planted!(TypingNeverCleared, now + self.config.typing_ttl * 1_000, until);
                self.typing.insert(key, until);
            }
            Presence::Online | Presence::Offline => {
                let wrote = self.typing.remove(&key).is_some();
                if planted!(TypingEndNotTold, wrote, false) {
                    return None;
                }
            }
        }
        tell(out, ClientEvent::Presence { room, user, presence });
        if self.typing.len() > self.config.typing_max + planted!(OneWriterTooMany, 1, 0) {
            self.forget_typing(out);
        }
        Some(())
    }

    /// Ends the notice that would end first.
    fn forget_typing(&mut self, out: &mut Vec<ClientOutput>) {
        let earliest = self.typing.iter().min_by_key(|(_, until)| **until).map(|(key, _)| key.clone());
        if let Some((room, user)) = earliest {
            self.typing.remove(&(room.clone(), user.clone()));
            tell(out, ClientEvent::Presence { room, user, presence: Presence::Online });
        }
    }

    fn warned(&mut self, now: Time, frame: &Incoming<'_>, out: &mut Vec<ClientOutput>) -> Understood {
        let refusal = frame.code.as_deref().and_then(Refusal::from_code);
        tell(out, ClientEvent::Warning { refusal, count: frame.count.map_or(1, u64::from) });
        // Nothing but `hello` was sent by then, and it has no number.
        if matches!(self.phase, Phase::Greeting) {
            self.hello_refused(now, frame.retry_after(), out);
        }
        Some(())
    }

    fn acknowledged(&mut self, now: Time, frame: &Incoming<'_>, out: &mut Vec<ClientOutput>) -> Understood {
        let (id, room) = (frame.id()?, frame.room()?);
        let Some(position) = frame.position() else {
            tell(out, ClientEvent::Noted { id, room });
            return Some(());
        };
        if self.sends.settle(id) {
            tell(out, ClientEvent::Acknowledged { id, room, position });
            self.proceed(now, out);
        }
        Some(())
    }

    fn refused(&mut self, now: Time, frame: &Incoming<'_>, out: &mut Vec<ClientOutput>) -> Understood {
        let refusal = Refusal::from_code(frame.code.as_deref()?);
        let (id, retry_after) = (frame.id(), frame.retry_after());
        tell(
            out,
            match refusal {
                Some(refusal) => ClientEvent::Refused { id, refusal, retry_after },
                // The server is newer than we are; refused is refused.
                None => ClientEvent::Warning { refusal, count: 1 },
            },
        );
        if !matches!(self.phase, Phase::Greeting) {
            if let Some(id) = id {
                self.request_refused(id, retry_after.map(|wait| now + wait), out);
                self.proceed(now, out);
            }
        } else if refusal.is_some_and(is_final) {
            out.push(ClientOutput::Close { code: HELLO_REFUSED_CODE });
            self.end(None, out);
        } else {
            self.hello_refused(now, retry_after, out);
        }
        Some(())
    }

    fn request_refused(&mut self, id: RequestId, until: Option<Time>, out: &mut Vec<ClientOutput>) {
        if let Some(room) = self.ask_refused(id, planted!(RefusedJoinGivenUp, None, until)) {
            // Only members are told what became of what they said.
            self.give_up(Forgotten::In(&room), out);
        }
        let until = planted!(RateRefusalDropped, None, until);
        match until {
            Some(until) if self.config.retry_rate_limited && self.sends.hold(id, until) => {}
            _ => drop(self.sends.settle(id)),
        }
    }

    /// Starts over later: on this connection the server waits for nothing but its end.
    fn hello_refused(&mut self, now: Time, retry_after: Option<Duration>, out: &mut Vec<ClientOutput>) {
        out.push(ClientOutput::Close { code: HELLO_REFUSED_CODE });
        self.closed(now, None, retry_after, out);
    }
}

/// Whether the same `hello` would be refused for ever.
const fn is_final(refusal: Refusal) -> bool {
    matches!(
        refusal,
        Refusal::BadUser
            | Refusal::UserMismatch
            | Refusal::BadToken
            | Refusal::TokenRequired
            | Refusal::FrameTooLarge
    )
}

fn tell(out: &mut Vec<ClientOutput>, event: ClientEvent) {
    out.push(ClientOutput::Event(event));
}

fn shown(room: RoomName, epoch: Epoch, said: Said<'_>, from_history: bool) -> Shown {
    Shown {
        room,
        position: Position::new(epoch, said.seq()),
        extra: said.extra(),
        user: said.user,
        content: said.content.0.into_owned().into_boxed_str(),
        timestamp: said.timestamp.0.into_owned().into_boxed_str(),
        from_history,
    }
}
