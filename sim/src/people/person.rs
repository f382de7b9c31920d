//! One client with its user and its line.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use chinwag_core::{
    Client, ConnectionId, RequestId, Time, UserName, client::ClientConfig, hash::mix, identity::Token,
};

use crate::{
    judge::{told::Told, writers::Writers},
    line::pipe::Line,
    people::{
        intruder::Secrets,
        passes::unending,
        player::{Asked, Player},
        voice::Voice,
    },
    plan::scenario::ClientSetup,
    world::clock::Clock,
};

/// One client with its user and its line.
#[derive(Debug)]
pub(crate) struct Person {
    /// The machine; not used if it is a plain client.
    pub(crate) client: Client,
    /// The plain client.
    pub(crate) player: Option<Box<Player>>,
    /// Whom it speaks for.
    pub(crate) user: UserName,
    /// Its connection, if it has one.
    pub(crate) link: Option<ConnectionId>,
    /// Connections over its line so far.
    pub(crate) opened: u64,
    /// Rooms its user wants to be in.
    pub(crate) wanted: BTreeSet<usize>,
    /// When its timer goes off.
    pub(crate) armed: Option<Time>,
    /// What is wrong with its line at the moment.
    pub(crate) trouble: Trouble,
    /// Its clock.
    pub(crate) clock: Clock,
    /// What resumes its session, as it was told.
    pub(crate) credentials: Secrets,
    /// When the tokens end that core's own client was given, the newest last; nothing if it has none.
    pub(crate) tokens: Vec<Option<Time>>,
    /// When those end that it has shown in place of others, by request, until it is answered.
    pub(crate) refreshes: BTreeMap<RequestId, Option<Time>>,
    /// What it has asked for about rooms that have owners and was not answered, if it has sessions.
    pub(crate) pleas: BTreeMap<RequestId, Asked>,
    /// Messages that were refused for now: they go again.
    pub(crate) put_off: BTreeSet<RequestId>,
    /// Rooms that have owners: which it was last not let into, and which it was sent away from and has not entered since.
    pub(crate) barred: BTreeSet<usize>,
    pub(crate) sent_away: BTreeSet<usize>,
    /// The rooms for which it was told that there is none for it, and which it has not entered since.
    pub(crate) turned_away: BTreeSet<usize>,
    /// What its user was told of its connection.
    pub(crate) told: Told,
    /// Whom its user is shown to be writing.
    pub(crate) writers: Writers,
    /// Its line is dead for ever.
    pub(crate) frozen: bool,
    setup: ClientSetup,
    config: Arc<ClientConfig>,
    /// Its program was started so often.
    lives: u64,
    seed: u64,
}

/// What is wrong with a line at the moment.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Trouble {
    /// Nothing leaves the client before.
    pub(crate) up_stalled_until: Time,
    /// Nothing leaves the server before.
    pub(crate) down_stalled_until: Time,
    /// The client reads so many bytes per second until then.
    pub(crate) slow: Option<(u64, Time)>,
}

impl Person {
    /// A client that has not been started.
    #[must_use]
    pub(crate) fn new(
        now: Time,
        setup: &ClientSetup,
        config: Arc<ClientConfig>,
        user: UserName,
        seed: u64,
    ) -> Self {
        Self {
            client: begin(setup, config.clone(), &user, seed),
            player: setup.voice.map(|voice| {
                Box::new(Player::new(Voice::new(voice, user.clone()).undecided(setup.undecided)))
            }),
            clock: Clock::new(now, setup.clock),
            credentials: Secrets::default(),
            tokens: tokens(setup),
            refreshes: BTreeMap::new(),
            pleas: BTreeMap::new(),
            put_off: BTreeSet::new(),
            barred: BTreeSet::new(),
            sent_away: BTreeSet::new(),
            turned_away: BTreeSet::new(),
            told: Told::default(),
            writers: Writers::default(),
            frozen: false,
            config,
            lives: 1,
            seed,
            user,
            link: None,
            opened: 0,
            wanted: BTreeSet::new(),
            armed: None,
            trouble: Trouble::default(),
            setup: setup.clone(),
        }
    }

    /// It does nothing more.
    pub(crate) fn is_over(&self) -> bool {
        self.player.as_ref().map_or_else(|| self.client.is_ended(), |player| player.is_over)
    }

    /// Whether it is a plain client that is to be in a room.
    pub(crate) fn plays_in(&self, room: usize) -> bool {
        let is_there = |player: &Player| !player.is_over && player.seats.contains_key(&room);
        !self.frozen && self.player.as_deref().is_some_and(is_there)
    }

    /// Its program dies: another begins, and knows nothing.
    pub(crate) fn crash(&mut self) {
        let seed = mix(self.seed, self.lives);
        self.client = begin(&self.setup, self.config.clone(), &self.user, seed);
        self.tokens = tokens(&self.setup);
        self.refreshes.clear();
        self.put_off.clear();
        self.barred.clear();
        self.sent_away.clear();
        self.told = Told::default();
        self.writers = Writers::default();
        self.lives += 1;
        self.armed = None;
    }

    /// The line towards the server.
    #[must_use]
    pub(crate) const fn up(&self) -> Line {
        Line {
            latency: Duration::from_micros(self.setup.latency_us),
            rate: self.setup.rate,
            stalled_until: self.trouble.up_stalled_until,
        }
    }

    /// The line towards the client.
    #[must_use]
    pub(crate) fn down(&self, now: Time) -> Line {
        let rate = match self.trouble.slow {
            Some((rate, until)) if now < until => rate.min(self.setup.rate),
            _ => self.setup.rate,
        };
        Line { rate, stalled_until: self.trouble.down_stalled_until, ..self.up() }
    }

    /// Most that a byte may travel longer.
    #[must_use]
    pub(crate) const fn jitter_us(&self) -> u64 {
        self.setup.jitter_us
    }

    /// Bytes the server's socket takes before they have left.
    #[must_use]
    pub(crate) const fn send_buffer(&self) -> usize {
        self.setup.send_buffer
    }

    /// Bytes the client's own socket takes before they have left. It is smaller: clients say little.
    #[must_use]
    pub(crate) const fn own_send_buffer(&self) -> usize {
        self.setup.send_buffer.div_ceil(8)
    }
}

/// A client that knows nothing but its user, and its token, if it has any.
fn begin(setup: &ClientSetup, config: Arc<ClientConfig>, user: &UserName, seed: u64) -> Client {
    let client = Client::new(config, user.clone(), seed);
    if tokens(setup).is_empty() { client } else { client.with_token(Token::new(&unending(user))) }
}

/// When the tokens end that core's own client begins with: never.
fn tokens(setup: &ClientSetup) -> Vec<Option<Time>> {
    setup.pass.filter(|_| setup.voice.is_none()).map(|_| None).into_iter().collect()
}
