//! Who may have how much let in: for messages, and for all other requests, one allowance for each session, which
//! reconnecting does not refill.

use std::collections::{BTreeMap, BTreeSet};

use chinwag_core::{ConnectionId, Refusal, RequestId, SessionId, Time, gateway::Notice, limiter::Rate};
use chinwag_oracle::Allowance;

mod line;
mod wait;

use self::line::Line;

/// Watches what gateways let in and refuse. Nothing of it outlives a server process.
#[derive(Debug)]
pub(crate) struct Rates {
    messages: Limit,
    requests: Limit,
    /// By client: the user.
    users: Vec<u32>,
    /// By client: the numbers of its messages, rising; what else is refused has another rate.
    said: Vec<Vec<RequestId>>,
    /// By client: the session it knows, if no later one goes on with what that one has left.
    held: Vec<Option<usize>>,
    sessions: Vec<Session>,
    by_id: BTreeMap<SessionId, usize>,
    /// By client: how often its program has died.
    deaths: Vec<u32>,
    /// By number of the connection: its session, and how often its client's program had died by then.
    connections: Vec<Option<(usize, u32)>>,
    /// By number of the connection: what becomes of its requests, if that is judged.
    lines: Vec<Option<Line>>,
    /// Users of whom somebody else has had a session.
    shared: BTreeSet<u32>,
    /// There was a loss: sessions may begin with what others have left.
    carries: bool,
}

/// A rate, and whether what a session has left of it is kept until all of it would be back.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limit {
    pub(crate) rate: Rate,
    pub(crate) is_kept: bool,
}

#[derive(Clone, Copy, Debug)]
struct Session {
    user: u32,
    messages: Allowance,
    requests: Allowance,
}

impl Rates {
    /// Clients of these users, who may send messages and other requests within these limits.
    pub(crate) fn new(users: Vec<u32>, messages: Limit, requests: Limit) -> Self {
        Self {
            messages,
            requests,
            said: vec![Vec::new(); users.len()],
            held: vec![None; users.len()],
            deaths: vec![0; users.len()],
            users,
            sessions: Vec::new(),
            by_id: BTreeMap::new(),
            connections: Vec::new(),
            lines: Vec::new(),
            shared: BTreeSet::new(),
            carries: false,
        }
    }

    /// The server has started with nothing in memory.
    pub(crate) fn start_over(&mut self) {
        self.held.fill(None);
        self.sessions.clear();
        self.by_id.clear();
        self.connections.clear();
        self.lines.clear();
        self.shared.clear();
    }

    /// What ended sessions had left may be known after a loss, or not.
    pub(crate) const fn carry(&mut self) {
        self.carries = true;
    }

    /// All nodes are gone: nobody knows what they had passed on of what sessions had left.
    pub(crate) fn are_forgotten(&mut self) {
        for session in &mut self.sessions {
            session.messages = session.messages.one_of(Allowance::new(self.messages.rate));
            session.requests = session.requests.one_of(Allowance::new(self.requests.rate));
        }
    }

    /// The node that had this connection is gone, and with it what its session had left.
    pub(crate) fn forgotten(&mut self, connection: ConnectionId) {
        if let Some((session, _)) = self.connections.get(slot(connection)).copied().flatten() {
            let session = &mut self.sessions[session];
            session.messages = session.messages.one_of(Allowance::new(self.messages.rate));
            session.requests = session.requests.one_of(Allowance::new(self.requests.rate));
        }
    }

    /// A client has taken in a message.
    pub(crate) fn said(&mut self, client: usize, id: RequestId) {
        self.said[client].push(id);
    }

    /// Whether a client has taken in a message under this number since its program began.
    pub(crate) fn is_message(&self, client: usize, id: RequestId) -> bool {
        self.said[client].binary_search(&id).is_ok()
    }

    /// A client knows nothing any more, and counts its messages from the beginning. Its session may go on for a while.
    pub(crate) fn crashed(&mut self, client: usize) {
        self.said[client].clear();
        self.deaths[client] += 1;
        self.held[client] = None;
    }

    /// Someone else has said to be a client's user: it is their session, perhaps, that has what an earlier one left.
    pub(crate) fn impersonated(&mut self, client: usize) {
        for (held, user) in self.held.iter_mut().zip(&self.users) {
            held.take_if(|_| *user == self.users[client]);
        }
    }

    /// A client has learned its session.
    pub(crate) fn learned(&mut self, client: usize, session: SessionId) {
        self.held[client] = self.by_id.get(&session).copied();
    }

    /// A gateway says what became of a request of a client, who may be above a quota. True if that was judged.
    ///
    /// # Errors
    /// Why something else should have become of it.
    pub(crate) fn noticed(
        &mut self,
        now: Time,
        client: usize,
        notice: &Notice,
        is_above: bool,
    ) -> Result<bool, String> {
        let (connection, is_in) = match *notice {
            Notice::Attached { connection, session, resumed, .. } => {
                return self.attached(client, connection, session, resumed).map(|()| false);
            }
            Notice::Said { connection, .. }
            // What cannot be said is paid for all the same.
            | Notice::Refused { connection, refusal: Refusal::ContentEmpty | Refusal::ContentTooLarge, .. } => (connection, true),
            Notice::Refused { connection, id: Some(id), refusal: Refusal::RateLimited }
                if self.said[client].binary_search(&id).is_ok() =>
            {
                (connection, false)
            }
            _ => return Ok(false),
        };
        let Some((session, deaths)) = self.connections.get(slot(connection)).copied().flatten() else {
            return Ok(false);
        };
        if !is_in && is_above {
            return Ok(false);
        }
        if !is_in && deaths != self.deaths[client] {
            // Whether that was a message, its sender would have known.
            return Ok(false);
        }
        let allowance = &mut self.sessions[session].messages;
        if is_in { allowance.admitted(now) } else { allowance.refused(now) }?;
        Ok(true)
    }

    /// What the session of a connection has left for messages.
    pub(crate) fn messages_left(&self, connection: ConnectionId) -> Option<Allowance> {
        let (session, _) = self.connections.get(slot(connection)).copied().flatten()?;
        Some(self.sessions[session].messages)
    }

    fn attached(
        &mut self,
        client: usize,
        connection: ConnectionId,
        id: SessionId,
        resumed: bool,
    ) -> Result<(), String> {
        let known = self.by_id.get(&id).copied().filter(|_| resumed);
        let session = known.unwrap_or_else(|| {
            let session = self.begin(client);
            self.sessions.push(session);
            self.by_id.insert(id, self.sessions.len() - 1);
            self.sessions.len() - 1
        });
        let judged = self.goes_on(connection, session);
        put(&mut self.connections, connection, (session, self.deaths[client]));
        judged
    }

    /// What a session that does not go on with an earlier one begins with.
    fn begin(&mut self, client: usize) -> Session {
        let user = self.users[client];
        // Its client would have resumed the one it knows, so that one has ended.
        let ended = self.held[client].take();
        let is_alone = self.users.iter().filter(|&&other| other == user).count() == 1;
        let ended = ended.filter(|_| is_alone);
        // It may be another one's of this user, or none.
        let any = |limit: Limit, left: fn(&Session) -> Allowance| {
            let sessions = self.sessions.iter().filter(|session| session.user == user);
            sessions.fold(Allowance::new(limit.rate), |known, session| known.one_of(left(session)))
        };
        let left = |limit: Limit, left: fn(&Session) -> Allowance| match ended {
            Some(ended) if limit.is_kept => left(&self.sessions[ended]),
            _ if self.carries => Allowance::unknown(limit.rate),
            _ => any(limit, left),
        };
        let messages = left(self.messages, |session| session.messages);
        let requests = if self.shared.contains(&user) {
            Allowance::unknown(self.requests.rate)
        } else {
            left(self.requests, |session| session.requests)
        };
        Session { user, messages, requests }
    }
}

/// Puts something down under a connection's number.
fn put<T>(table: &mut Vec<Option<T>>, connection: ConnectionId, value: T) {
    let slot = slot(connection);
    if table.len() <= slot {
        table.resize_with(slot + 1, || None);
    }
    table[slot] = Some(value);
}

fn slot(connection: ConnectionId) -> usize {
    usize::try_from(connection.0).expect("connections are counted")
}
