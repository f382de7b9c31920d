//! What comes over each client's connection, before the client has put anything right.
//!
//! Clients skip what they are sent twice, ask for what they were not sent and pass over what they do not understand.
//! Here every frame must be one that the protocol allows at this point: of a known type, after the welcome, about a room
//! the connection is in, an answer only to what was asked.

use chinwag_core::{
    Epoch, Refusal, RequestId, Seq, Time, client::ClientEvent, config::ShardConfig, gateway::Frame, limiter,
    name::LOBBY,
};
use chinwag_oracle::{MemberId, Observation, Promise, RoomId};

use crate::{
    judge::{
        Broken,
        asked::Requests,
        checks,
        glance::{Glances, Mood, RoomNumber, UserNumber, Wish},
        pages::ShortPage,
        passed_on::Owed,
        reading::{Fault, Reading},
    },
    line::client_frame::ClientFrame,
    plan::scenario::{Action, ClientSetup, Scenario, Step},
};

/// What is known of a room over one connection.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum Follow {
    /// Nothing may come.
    #[default]
    Outside,
    /// Pages come, and no live messages.
    Behind,
    /// Live messages come, and no pages.
    Live,
}

/// How a user was last shown to be.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum View {
    /// As they said.
    Said(Mood),
    /// Not a member.
    Gone,
}

/// One room over one connection.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seat {
    pub(crate) follow: Follow,
    pub(crate) epoch: Epoch,
    pub(crate) next: Seq,
    /// How users were last shown to be; others are there.
    pub(crate) views: Vec<(UserNumber, View)>,
    /// The room has shrunk to where single presences are told, and a list of all is to come.
    pub(crate) is_list_due: bool,
    /// When it last caught up.
    pub(crate) live_since: Time,
}

impl Seat {
    pub(crate) fn look(&mut self, user: UserNumber, view: View) {
        self.views.retain(|&(seen, _)| seen != user);
        if view != View::Said(Mood::Online) {
            self.views.push((user, view));
        }
    }

    pub(crate) fn view(&self, user: UserNumber) -> View {
        let known = self.views.iter().find(|&&(seen, _)| seen == user);
        known.map_or(View::Said(Mood::Online), |&(_, view)| view)
    }

    /// Nobody is there, of so many users that there are.
    pub(crate) fn empty(&mut self, users: usize) {
        self.views = (0..users).map(|user| (UserNumber(user), View::Gone)).collect();
    }

    /// Whoever was writing is not any more.
    pub(crate) fn stop_typing(&mut self, user: UserNumber) {
        self.views.retain(|&(seen, view)| seen != user || view != View::Said(Mood::Typing));
    }
}

/// One client's connection.
#[derive(Debug)]
pub(crate) struct Watch {
    pub(crate) user: UserNumber,
    pub(crate) welcomed: bool,
    pub(crate) requests: Requests,
    pub(crate) seats: Vec<Seat>,
    /// What its client has to tell its user.
    owed: Owed,
}

/// Watches all connections that clients hold.
#[derive(Debug)]
pub(crate) struct Witness {
    watches: Vec<Watch>,
    glances: Glances,
    limits: Limits,
    tally: Tally,
}

/// How often each check was made.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) protocol: u64,
    pub(crate) answers: u64,
    pub(crate) verdict: u64,
    pub(crate) membership: u64,
    pub(crate) typing_echo: u64,
    pub(crate) typing_over: u64,
    pub(crate) passed_on: u64,
    pub(crate) nothing_lost: u64,
}

/// The limits that show on the wire.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Rooms that have no owner; those that have follow.
    pub(crate) rooms: usize,
    /// Users that there are.
    pub(crate) users: usize,
    pub(crate) page_messages_max: usize,
    pub(crate) list_page_max: usize,
    pub(crate) roster_max: usize,
    pub(crate) history_max: u64,
    pub(crate) history_on_join: u64,
    asks_max: usize,
    unanswered_max: usize,
    /// Clients say again what was refused for now, and their clocks are to be trusted about when.
    pub(crate) waits_its_time: bool,
    /// Limits say no more than that something was too much.
    pub(crate) only_warns: bool,
    /// A room that always fits: the lobby, unless sessions do not.
    pub(crate) always_fits: Option<RoomNumber>,
}

/// What follows from a frame for others than its reader's connection.
#[derive(Clone, Copy, Debug)]
pub(crate) enum News {
    /// Nothing.
    Nothing,
    /// The connection speaks for this session.
    Welcomed { session: u128, resumed: bool, generation: u64 },
    /// It is in a room.
    Joined { room: usize, known_since: u64, epoch: Epoch, asked: Time },
    /// It is not in a room any more.
    Left { room: usize },
    /// It is not, because somebody else wanted it so.
    SentAway { room: usize },
    /// It is not let into a room, and so not in it, whatever it has heard of an earlier leave.
    TurnedAway { room: usize, refusal: Refusal, asked: Time },
    /// A room was made, as it was asked for under this number.
    Created { room: usize, epoch: Epoch, id: RequestId },
    /// Someone says something while they are shown to write.
    Said { room: usize, user: UserNumber },
    /// What was said in a room is there; `fresh` if it was not said before.
    Acknowledged { room: usize, asked: Time, fresh: bool },
    /// Someone is shown to be gone.
    Offline { room: usize, user: UserNumber },
    /// Someone is shown to be there who was shown to have gone, and not to have come.
    Back { room: usize, user: UserNumber },
    /// Something was too fast that had no number.
    Warned { count: u64, retry_after: u64 },
    /// A request was too fast, and may be made again after so many milliseconds.
    PutOff { id: RequestId, retry_after: u64 },
    /// A list came by itself, in place of changes that were left out.
    MadeUp { room: usize },
    /// A page came by itself that holds fewer messages than it may, and is not the last.
    ShortPage { room: usize, page: ShortPage },
}

/// Where observations of a room's stream go.
pub(crate) type Stream<'a> = &'a mut dyn FnMut(Observation) -> Result<(), Broken>;

impl Witness {
    /// A witness of the connections of a scenario's clients.
    pub(crate) fn new(scenario: &Scenario) -> Self {
        let setup = &scenario.setup;
        let is_jump = |step: &Step| matches!(step.action, Action::Jump { .. });
        let watch = |client: &ClientSetup| Watch {
            user: UserNumber(client.user as usize),
            welcomed: false,
            requests: Requests::default(),
            seats: vec![Seat::default(); (setup.rooms + setup.parlours) as usize],
            owed: Owed::default(),
        };
        let is_lobby = setup.room_name(0).as_str() == LOBBY;
        let sessions_fit = setup.shard.sessions_max >= ShardConfig::default().sessions_max;
        let limits = Limits {
            rooms: setup.rooms as usize,
            users: setup.clients.iter().map(|client| client.user as usize + 1).max().unwrap_or(0),
            page_messages_max: setup.gateway.page_messages_max as usize,
            list_page_max: setup.gateway.list_page_max as usize,
            roster_max: setup.shard.roster_max as usize,
            history_max: setup.shard.history_max.into(),
            history_on_join: setup.gateway.history_on_join.into(),
            asks_max: setup.patience.asks_max,
            unanswered_max: setup.patience.unanswered_max,
            waits_its_time: setup.patience.retry_rate_limited && !scenario.steps.iter().any(is_jump),
            only_warns: setup.limit_actions().all(|action| action == limiter::Action::Warn),
            always_fits: (is_lobby && sessions_fit).then_some(RoomNumber(0)),
        };
        let watches = setup.clients.iter().map(watch).collect();
        Self { watches, glances: Glances::default(), limits, tally: Tally::default() }
    }

    /// How often each check was made.
    pub(crate) const fn counts(&self) -> [(&'static str, u64); 8] {
        let Tally {
            protocol,
            answers,
            verdict,
            membership,
            typing_echo,
            typing_over,
            passed_on,
            nothing_lost,
        } = self.tally;
        [
            (checks::PROTOCOL, protocol),
            (checks::ANSWERS, answers),
            (checks::VERDICT, verdict),
            (checks::MEMBERSHIP, membership),
            (checks::TYPING_ECHO, typing_echo),
            (checks::TYPING_OVER, typing_over),
            (checks::PASSED_ON, passed_on),
            (Promise::NothingLost.name(), nothing_lost),
        ]
    }

    /// A client opens a connection: what came over its earlier one does not bear on it.
    pub(crate) fn connects(&mut self, client: usize, stream: Stream<'_>) -> Result<(), Broken> {
        let watch = &mut self.watches[client];
        watch.welcomed = false;
        watch.requests.restart();
        for (room, seat) in watch.seats.iter_mut().enumerate() {
            if std::mem::take(seat).follow != Follow::Outside {
                stream(ended(client, room))?;
            }
        }
        Ok(())
    }

    /// A client sends something; what it is, if it is a request.
    pub(crate) fn sends(&mut self, now: Time, client: usize, frame: &ClientFrame<'_>) -> Option<Wish> {
        let (Watch { requests, seats, .. }, rooms) = (&mut self.watches[client], self.limits.rooms);
        match *frame {
            Ok(Frame::Text(text)) => {
                let wish = Wish::at(text);
                let seat = wish.as_ref().and_then(|wish| seats.get(wish.room?.place(rooms)));
                requests.ask(now, wish.as_ref(), seat.is_some_and(|seat| seat.follow != Follow::Outside));
                return wish;
            }
            Ok(Frame::Binary(_)) => requests.ask_unnumbered(),
            Ok(Frame::Ping(_)) => requests.ping(),
            _ => {}
        }
        None
    }

    /// A client reads a text frame.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn text(
        &mut self,
        now: Time,
        client: usize,
        text: &str,
        stream: Stream<'_>,
    ) -> Result<News, Broken> {
        self.tally.protocol += 1;
        let (watch, limits, tally) = (&mut self.watches[client], self.limits, &mut self.tally);
        let judged = match self.glances.at(text) {
            Ok(glance) => {
                tally.passed_on += u64::from(watch.owed.reads(glance));
                let mut reading = Reading { now, client, watch, limits, tally, stream };
                reading.frame(glance)
            }
            Err(why) => Err(Fault::Objection((checks::PROTOCOL, why))),
        };
        judged.map_err(|fault| match fault {
            Fault::Objection((check, why)) => {
                Broken { check, sentence: format!("c{client} reads {text}: {why}") }
            }
            Fault::Broken(broken) => broken,
        })
    }

    /// A client tells its user something, which it must have read if it can have it from nowhere else. True if it has just
    /// read it.
    pub(crate) fn tells(&mut self, client: usize, event: &ClientEvent) -> Result<bool, Broken> {
        let told = self.watches[client].owed.tells(event);
        told.or_else(|why| checks::broken(checks::PASSED_ON, format!("c{client} {why}")))
    }

    /// A client has dealt with a text frame.
    pub(crate) fn has_read(&mut self, client: usize) -> Result<(), Broken> {
        let settled = self.watches[client].owed.settle();
        settled.or_else(|why| checks::broken(checks::PASSED_ON, format!("c{client} {why}")))
    }

    /// A client reads a pong.
    pub(crate) fn pong(&mut self, client: usize) -> Result<(), Broken> {
        self.tally.answers += 1;
        if self.watches[client].requests.pong() {
            return Ok(());
        }
        checks::broken(checks::ANSWERS, format!("c{client} reads a pong without having sent a ping"))
    }

    /// Whether a client waits for an answer.
    pub(crate) fn waits(&self, client: usize) -> bool {
        self.watches[client].requests.unanswered().0.is_some()
    }

    /// Whether a client has asked to be in a room, and is not answered.
    pub(crate) fn is_joining(&self, client: usize, room: usize) -> bool {
        self.watches[client].requests.joins().any(|asked| asked.place(self.limits.rooms) == room)
    }

    /// Whether a client's connection is in a room.
    pub(crate) fn is_in(&self, client: usize, room: usize) -> bool {
        self.watches[client].seats[room].follow != Follow::Outside
    }

    /// Whether a client's connection had caught up in a room by then, and has not fallen behind.
    pub(crate) fn is_live_since(&self, client: usize, room: usize, since: Time) -> bool {
        let seat = &self.watches[client].seats[room];
        seat.follow == Follow::Live && seat.live_since <= since
    }

    /// Which message of this epoch comes next over a client's connection that has caught up in a room; nothing if it has not.
    pub(crate) fn next_live(&self, client: usize, room: usize, epoch: Epoch) -> Option<Seq> {
        let seat = &self.watches[client].seats.get(room)?;
        (seat.follow == Follow::Live && seat.epoch == epoch).then_some(seat.next)
    }

    /// How a client's connection last showed a user to be in a room; nothing if it is not in the room.
    pub(crate) fn view(&self, client: usize, room: usize, user: usize) -> Option<View> {
        let seat = &self.watches[client].seats[room];
        (seat.follow != Follow::Outside).then(|| seat.view(UserNumber(user)))
    }

    /// At rest nothing is owed to a connected client, and nobody writes.
    pub(crate) fn check_rest(&mut self, client: usize) -> Result<(), Broken> {
        let watch = &self.watches[client];
        self.tally.answers += 1;
        let (unanswered, is_owed) = watch.requests.unanswered();
        if let Some(id) = unanswered {
            return checks::broken(
                checks::ANSWERS,
                format!("c{client}'s request {id} is not answered at rest"),
            );
        }
        if is_owed {
            let sentence = format!("c{client} sent what is no request and was not told so");
            return checks::broken(checks::ANSWERS, sentence);
        }
        if watch.requests.was_early {
            let sentence = format!("c{client} did not wait as long as it was told to");
            return checks::broken(checks::ANSWERS, sentence);
        }
        let (asks, sends) = watch.requests.most();
        if asks > self.limits.asks_max || sends > self.limits.unanswered_max {
            let sentence =
                format!("c{client} waited for {asks} joins and leaves and {sends} messages at once");
            return checks::broken(checks::ANSWERS, sentence);
        }
        let seats = watch.seats.iter().enumerate();
        for (room, seat) in seats.filter(|(_, seat)| seat.follow != Follow::Outside) {
            self.tally.typing_over += 1;
            let typing = seat.views.iter().find(|&&(_, view)| view == View::Said(Mood::Typing));
            if let Some((user, _)) = typing {
                let sentence =
                    format!("c{client} was told that u{} writes in r{room}, and no end of it", user.0);
                return checks::broken(checks::TYPING_OVER, sentence);
            }
            if seat.is_list_due {
                let sentence = format!("c{client} was not told who is in r{room} since that has shrunk");
                return checks::broken(checks::MEMBERS, sentence);
            }
        }
        Ok(())
    }
}

pub(crate) fn ended(client: usize, room: usize) -> Observation {
    Observation::StreamEnded { member: member_id(client), room: room_id(room) }
}

/// A client, as the oracle knows it.
pub(crate) fn member_id(client: usize) -> MemberId {
    MemberId(u32::try_from(client).expect("scenarios are small"))
}

/// A room, as the oracle knows it.
pub(crate) fn room_id(room: usize) -> RoomId {
    RoomId(u32::try_from(room).expect("scenarios are small"))
}
