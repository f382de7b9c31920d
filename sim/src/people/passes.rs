//! Tokens of plain clients: who has some, how they are verified here, and what must come of them when they end.
//!
//! A driver verifies signatures, which is tested elsewhere. Here a token is its own proof: user, role, and when it ends.

use std::time::Duration;

use chinwag_core::{
    ConnectionId, Refusal, Time, UserName,
    client::{ClientEvent, Command},
    config::{GatewayConfig, RoomCreation},
    dialect::Dialect,
    identity::{Claims, Token, TokenFault},
    role::Role,
};

use crate::{
    judge::{
        Broken,
        checks::{self, broken},
        life::Line,
        look::Look,
        marks::Mark,
    },
    line::link::ServerEnd,
    people::{
        parlours::keeper,
        player::{Alarm, Asked, Player},
        visiting::Want,
        voice::Heard,
    },
    plan::{
        draw::{Cause, Draws, Purpose},
        generate::{SECOND, within},
        scenario::{Action, Actor, ClientSetup, Pass, Setup, Step},
    },
    world::{Event, World},
};

/// Longer than any scenario, whose quiet periods add up to hours.
const DAY: u64 = 24 * 3_600 * SECOND;

/// What a server may take to close a connection.
const REACTION: Duration = Duration::from_secs(1);

/// A token that ends then, if ever, and may say whose bot its user is.
fn token(user: &UserName, role: Role, ends: Option<Time>, owner: Option<u32>) -> String {
    let owner = owner.map(|owner| format!(" u{owner}")).unwrap_or_default();
    format!("{user} {} {}{owner}", role.word(), ends.map_or(0, |ends| ends.0))
}

/// One that never ends, of a member.
pub(crate) fn unending(user: &UserName) -> String {
    token(user, Role::Member, None, None)
}

/// What a driver would say of a token.
pub(crate) fn verify(token: &str, now: Time) -> Result<Claims, TokenFault> {
    let mut parts = token.split(' ');
    let mut part = || parts.next().ok_or(TokenFault::Malformed);
    let user = UserName::new(part()?).map_err(|_| TokenFault::BadName)?;
    let role = Role::from_word(part()?).ok_or(TokenFault::Malformed)?;
    let ends = part()?.parse().map(Time).map_err(|_| TokenFault::Malformed)?;
    let expires = (ends > Time(0)).then_some(ends);
    if expires.is_some_and(|ends| ends <= now) {
        return Err(TokenFault::Expired);
    }
    let owner = parts.next().map(UserName::new).transpose().map_err(|_| TokenFault::BadName)?;
    Ok(Claims { user, role, owner, expires })
}

/// Gives clients tokens, in some scenarios.
pub(crate) fn issue(c: &mut Cause, draws: Draws, setup: &mut Setup) {
    // Where rooms have owners, it matters who may have some.
    if !c.chance(if setup.parlours > 0 { 50 } else { 20 }) {
        return;
    }
    (setup.gateway.verify_tokens, setup.gateway.token_dialects) = (true, Some(Vec::new()));
    // Shards know as much.
    setup.shard.verify_tokens = true;
    setup.gateway.token_grace = Duration::from_secs(c.pick(&[1, 3, 6]));
    let users: Vec<u32> = setup.clients.iter().map(|client| client.user).collect();
    let bots = setup.bots.clone();
    let keepers: Vec<Option<u32>> =
        (0..).zip(&bots).map(|(bot, _)| keeper(draws, setup, setup.parlours + bot)).collect();
    for (number, client) in (0..).zip(&mut setup.clients).filter(|(_, client)| client.voice.is_some()) {
        let role = c.pick(&[Role::Member, Role::Member, Role::Guest, Role::Guest, Role::Bot, Role::Admin]);
        let keeper = bots.iter().position(|&bot| bot == number).and_then(|bot| keepers[bot]);
        let owner = keeper.filter(|_| c.chance(80)).map(|keeper| users[keeper as usize]);
        let pass = Pass { role, owner, lasts_us: c.pick(&[3, 8]) * SECOND, keeps: c.chance(80) };
        client.pass = (may_show(&users, client) && c.chance(60)).then_some(pass);
    }
    // Whoever shows core's own client one that has ended is not let in any more.
    let pass = Pass { role: Role::Member, owner: None, lasts_us: DAY, keeps: true };
    for client in setup.clients.iter_mut().filter(|client| client.voice.is_none()) {
        client.pass = c.chance(50).then_some(pass);
    }
}

/// In half of those, nobody speaks some dialects without a token, or any: most clients that need one have one.
pub(crate) fn require(c: &mut Cause, setup: &mut Setup) {
    if !setup.gateway.verify_tokens || !c.chance(50) {
        return;
    }
    let some = Dialect::ALL.into_iter().filter(|_| c.chance(50)).collect();
    setup.gateway.token_dialects = c.chance(60).then_some(some);
    let Setup { gateway, clients, .. } = setup;
    let users: Vec<u32> = clients.iter().map(|client| client.user).collect();
    // Some habits are those of the first two.
    for (number, client) in clients.iter_mut().enumerate() {
        let is_spared = number < 2 || may_show(&users, client) && c.chance(80);
        if is_spared && client.pass.is_none() && is_required(gateway, dialect(client)) {
            let lasts_us = if client.voice.is_some() { c.pick(&[8 * SECOND, DAY]) } else { DAY };
            client.pass = Some(Pass { role: Role::Member, owner: None, lasts_us, keeps: true });
        }
    }
}

/// Whether a client can have tokens: they are those of one plain client, or of core's own.
fn may_show(users: &[u32], client: &ClientSetup) -> bool {
    let is_alone = users.iter().filter(|&&user| user == client.user).count() == 1;
    // Before it is known what is spoken, who shows no good token is told so in the native dialect.
    let is_clear = !client.undecided || client.voice == Some(Dialect::Chat);
    client.voice.is_none() || is_alone && is_clear
}

/// Whether nobody speaks a dialect without a token.
pub(crate) fn is_required(gateway: &GatewayConfig, dialect: Dialect) -> bool {
    gateway.verify_tokens && gateway.token_dialects.as_ref().is_none_or(|some| some.contains(&dialect))
}

/// What a client speaks.
fn dialect(client: &ClientSetup) -> Dialect {
    client.voice.unwrap_or(Dialect::Chat)
}

/// Newer tokens, and what is none, at any time.
pub(crate) fn renewals(draws: Draws, setup: &Setup, steps: &mut Vec<Step>) {
    let shows = |client: &ClientSetup| {
        client.pass.is_some() && client.voice.is_none_or(|voice| voice == Dialect::Chat)
    };
    for (number, _) in (0..).zip(&setup.clients).filter(|(_, client)| shows(client)) {
        let mut c = draws.of(Purpose::Step, 14 << 40 | u64::from(number) << 20);
        for _ in 0..within(&mut c, 1..=4) {
            let (at_us, good) = (c.within(SECOND..=setup.chaos_us), c.chance(60));
            steps.push(Step { id: 0, at_us, actor: Actor::Client(number), action: Action::Renew { good } });
        }
    }
}

/// A node sleeps for longer than some tokens last, and those who have such lose their lines: what they show that node has
/// ended when it wakes and looks at it.
pub(crate) fn sleeps_on(draws: Draws, setup: &Setup, steps: &mut Vec<Step>) {
    const SLEEP: u64 = 6 * SECOND;
    let mut c = draws.of(Purpose::Step, 19 << 40);
    if !setup.gateway.verify_tokens || !c.chance(90) {
        return;
    }
    let from_us = c.within(SECOND..=setup.chaos_us.saturating_sub(SLEEP).max(SECOND));
    let mut at = |at_us: u64, actor, action| {
        steps.push(Step { id: 0, at_us: at_us.min(setup.last_us()), actor, action });
    };
    let node = within(&mut c, 0..=u64::from(setup.nodes - 1));
    at(from_us, Actor::Server, Action::Pause { node, for_us: SLEEP });
    let is_short = |client: &ClientSetup| client.pass.is_some_and(|pass| pass.lasts_us < SLEEP);
    for (number, _) in (0..).zip(&setup.clients).filter(|(_, client)| is_short(client)) {
        // Nodes are come to by chance.
        for after_us in [0, SECOND] {
            at(from_us + after_us + c.within(0..=SECOND / 2), Actor::Client(number), Action::Reset);
        }
    }
}

/// What clients do.
impl World<'_> {
    /// The tokens that a client shows where they are looked at.
    fn pass(&self, client: usize) -> Option<Pass> {
        let Setup { clients, gateway, .. } = &self.scenario.setup;
        clients[client].pass.filter(|_| gateway.verify_tokens)
    }

    /// Whether a client needs a token, and has none.
    pub(crate) fn lacks_token(&self, client: usize) -> bool {
        let Setup { clients, gateway, .. } = &self.scenario.setup;
        self.pass(client).is_none() && is_required(gateway, dialect(&clients[client]))
    }

    /// Whether a client is closed as soon as its address is read: that has to say who one is, and with a token.
    pub(crate) fn is_shut_out_at_once(&self, client: usize) -> bool {
        let is_named = |player: &Player| player.voice.is_named_by_address();
        let is_decided = !self.scenario.setup.clients[client].undecided;
        is_decided && self.lacks_token(client) && self.people[client].player.as_deref().is_some_and(is_named)
    }

    /// Whoever is told that they need a token has none, and does.
    pub(crate) fn check_required(&mut self, client: usize) -> Result<(), Broken> {
        self.checked(checks::TOKEN);
        if self.lacks_token(client) {
            return Ok(());
        }
        broken(checks::TOKEN, format!("c{client} is told that it needs a token, and has one or needs none"))
    }

    /// A plain client that needs a token and has none hears something: it is told so, and gives up, unless it is closed
    /// for it. Beside that it can only be told that it is too fast, or talks nonsense. Whether that was all.
    pub(crate) fn player_is_locked_out(&mut self, client: usize, heard: &Heard) -> Result<bool, Broken> {
        if !self.lacks_token(client) {
            return Ok(false);
        }
        self.checked(checks::TOKEN);
        match heard {
            Heard::Refused { refusal: Refusal::TokenRequired, .. }
            | Heard::Denied { refusal: Refusal::TokenRequired, .. } => {
                if !self.player(client).voice.is_named_by_address() {
                    self.player_quits(client)?;
                }
                Ok(true)
            }
            Heard::Refused { .. } | Heard::Denied { for_now: true, .. } | Heard::Other => Ok(false),
            heard => {
                broken(checks::TOKEN, format!("c{client} has no token and needs one, and hears {heard:?}"))
            }
        }
    }

    /// What a client's user is to the server.
    pub(crate) fn role(&self, client: usize) -> Role {
        self.pass(client).map_or_else(Role::default, |pass| pass.role)
    }

    /// Whether a client's user may make rooms that are not their own as a bot's.
    pub(crate) fn may_make_rooms(&self, client: usize) -> bool {
        matches!(self.role(client), Role::Admin | Role::Member)
    }

    /// Whose bot a client's user is, by their tokens: nobody is their own.
    pub(crate) fn owner_by_token(&self, client: usize) -> Option<u32> {
        let owner = self.pass(client).and_then(|pass| pass.owner);
        owner.filter(|&owner| owner != self.scenario.setup.clients[client].user)
    }

    /// Whether a client's tokens end.
    pub(crate) fn has_short_pass(&self, client: usize) -> bool {
        self.pass(client).is_some()
    }

    /// A plain client is about to connect: a new token is issued to it, if it has any.
    pub(crate) fn player_gets_token(&mut self, client: usize) {
        if self.pass(client).is_some() && self.is_player(client) {
            let token = self.new_token(client, true);
            self.player(client).pass_ends = None;
            self.player_shows(client, &token);
            self.player(client).pass = Some(token);
        }
    }

    /// A client shows a token, after others perhaps: from when the first of them ends it may be told so.
    pub(crate) fn player_shows(&mut self, client: usize, token: &str) {
        let ends = verify(token, Time(0)).ok().and_then(|claims| claims.expires);
        let player = self.player(client);
        // The later one may end first: it was made by a clock that has jumped back.
        player.pass_ends = [player.pass_ends, ends].into_iter().flatten().min();
    }

    /// A new token of a client, or something that looks like one. In calms, what has ended would not come back.
    pub(crate) fn new_token(&self, client: usize, good: bool) -> String {
        let Some(pass) = self.pass(client).filter(|_| good) else {
            return "no token".to_owned();
        };
        self.token_now(client, pass)
    }

    /// A token that a client is given now.
    fn token_now(&self, client: usize, pass: Pass) -> String {
        let ends = self.server.clock.shows(self.now) + Duration::from_micros(pass.lasts_us);
        token(&self.people[client].user, pass.role, self.calm_until.is_none().then_some(ends), pass.owner)
    }

    /// Shows a newer token, if its dialect has words for it here; false if not.
    pub(crate) fn player_renews(&mut self, client: usize, good: bool) -> bool {
        let may = self.pass(client).is_some() && self.pleads(client);
        if may {
            self.player_pleads(client, 0, Want::Renew { good });
        }
        may
    }

    /// Will show a newer token before the present one ends.
    pub(crate) fn player_renews_later(&mut self, client: usize, connection: ConnectionId) {
        if let Some(Pass { lasts_us, keeps: true, .. }) = self.pass(client) {
            let after = Duration::from_micros(lasts_us * 6 / 10);
            self.add_after(after, Event::Player { client, alarm: Alarm::Renew(connection) });
        }
    }

    /// A newer token was taken.
    pub(crate) fn player_is_renewed(&mut self, client: usize, plea: u64) -> Result<(), Broken> {
        self.checked(checks::TOKEN);
        let asked = self.player_is_told(client, plea)?;
        if !matches!(asked, Asked { want: Want::Renew { good: true }, .. }) {
            return broken(
                checks::TOKEN,
                format!("c{client} has shown no token that could be taken: {asked:?}"),
            );
        }
        self.marks.hit(Mark::Renewed);
        Ok(())
    }

    /// A client is told that its token has ended, or is not good.
    pub(crate) fn player_hears_of_token(&mut self, client: usize, refusal: Refusal) -> Result<(), Broken> {
        self.checked(checks::TOKEN);
        let ends = self.player(client).pass_ends;
        // It may have been told by a life of the server with a later clock.
        if ends.is_none_or(|ends| self.server.latest(self.now) < ends) {
            return broken(
                checks::TOKEN,
                format!("c{client} is told {refusal}, and its token ends at {ends:?}"),
            );
        }
        self.marks.hit(Mark::TokenEnded);
        if self.pass(client).is_some_and(|pass| pass.keeps) {
            self.player_renews(client, true);
        }
        Ok(())
    }
}

/// Core's own clients.
impl World<'_> {
    /// The user of core's own client has a newer token for it; false if it shows none.
    pub(crate) fn user_renews(&mut self, client: usize) -> Result<bool, Broken> {
        let Some(pass) = self.pass(client) else { return Ok(false) };
        let token = self.next_token(client, pass);
        let ends = verify(&token, Time(0)).ok().and_then(|claims| claims.expires);
        let (mut out, person) = (Vec::new(), &mut self.people[client]);
        self.inputs += 1;
        let refresh = Command::Refresh { token: Token::new(&token) };
        let id = person.client.submit(person.clock.shows(self.now), refresh, &mut out);
        person.refreshes.insert(id.expect("only publishes wait in a queue"), ends);
        person.tokens.push(ends);
        self.carry_out(client, &mut out)?;
        Ok(true)
    }

    /// The next token of one of core's own clients: in turn an admin's and its own, where admins may do no more than members.
    fn next_token(&self, client: usize, pass: Pass) -> String {
        let Setup { parlours, shard, .. } = &self.scenario.setup;
        let may_no_more = *parlours == 0 && shard.room_creation == RoomCreation::Anyone;
        let is_admin = may_no_more && self.people[client].tokens.len() % 2 == 1;
        let role = if is_admin { Role::Admin } else { pass.role };
        self.token_now(client, Pass { role, ..pass })
    }

    /// A client is told that its newer token was taken, and when that ends.
    pub(crate) fn user_is_renewed(&mut self, client: usize, event: &ClientEvent) -> Result<(), Broken> {
        let ClientEvent::Refreshed { id, expires } = event else { return Ok(()) };
        self.checked(checks::TOKEN);
        let shown = self.people[client].refreshes.remove(id);
        if shown.is_some_and(|ends| ends.map(|ends| ends.to_string()).as_deref() == expires.as_deref()) {
            return Ok(());
        }
        broken(checks::TOKEN, format!("c{client} is told that a token ends at {expires:?}: {shown:?}"))
    }

    /// Who is welcome on a connection has shown the newest token there that it had when it began, or a newer one.
    pub(crate) fn check_token_is_shown(&mut self, client: usize, line: ConnectionId) -> Result<(), Broken> {
        if self.lacks_token(client) {
            return broken(checks::TOKEN, format!("c{client} is welcome without the token that it needs"));
        }
        let since = self.life.presents[client].tokens;
        let (Some(line), false) = (self.life.lines.get(&line), self.people[client].tokens.is_empty()) else {
            return Ok(());
        };
        if !self.scenario.setup.gateway.verify_tokens {
            return Ok(());
        }
        self.checks.add(checks::TOKEN, 1);
        let newest = &self.people[client].tokens[since..];
        if line.is_verified && newest.contains(&line.token) {
            return Ok(());
        }
        broken(checks::TOKEN, format!("c{client} is welcome without the token that it has: {line:?}"))
    }
}

/// What happens at the server's end.
impl World<'_> {
    /// A line's token was looked at.
    pub(crate) fn line_is_verified(&mut self, id: ConnectionId, outcome: &Result<Claims, TokenFault>) {
        let Some(line) = self.life.lines.get_mut(&id) else { return };
        match outcome {
            Ok(claims) => {
                (line.token, line.role, line.is_verified) = (claims.expires, Some(claims.role), true);
            }
            Err(_) => line.has_bad_token = true,
        }
        // Who was replaced is known by nothing any more, and goes on.
        let Line { client, token: Some(ends), .. } = *line else { return };
        let is_sole = self.scenario.setup.clients[client].voice == Some(Dialect::Agents);
        if outcome.is_ok() && !is_sole {
            self.add(self.token_is_over(ends), Event::Look(Look::Token { line: id, ends }));
        }
    }

    /// When nobody may go on by a token that ends then.
    fn token_is_over(&self, ends: Time) -> Time {
        let due = self.server.clock.when(ends + self.scenario.setup.gateway.token_grace) + REACTION;
        due.max(self.now + REACTION)
    }

    /// Nobody goes on by a token that has ended, after the grace.
    pub(crate) fn look_token(&mut self, id: ConnectionId, ends: Time) -> Result<(), Broken> {
        let Some(line) = self.life.lines.get(&id).filter(|line| line.token == Some(ends)) else {
            return Ok(());
        };
        let Some(link) = self.links.get(id).filter(|link| link.server_end == ServerEnd::Open) else {
            return Ok(());
        };
        self.checks.add(checks::TOKEN, 1);
        let over = self.server.clock.when(ends + self.scenario.setup.gateway.token_grace);
        if link.paused || over.max(self.life.upset) + REACTION > self.now {
            self.add(self.token_is_over(ends), Event::Look(Look::Token { line: id, ends }));
            return Ok(());
        }
        let since = self.now.since(over).as_millis();
        broken(
            checks::TOKEN,
            format!("{id} of c{} goes on, {since} ms after the grace of its token", line.client),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_says_what_was_put_into_it_until_it_ends() {
        let user = UserName::new("u7").unwrap();
        let text = token(&user, Role::Guest, Some(Time(9)), Some(3));
        let owner = Some(UserName::new("u3").unwrap());
        let claims = Claims { user: user.clone(), role: Role::Guest, owner, expires: Some(Time(9)) };
        assert_eq!(verify(&text, Time(8)), Ok(claims));
        assert_eq!(verify(&text, Time(9)), Err(TokenFault::Expired));
        assert!(
            verify(&token(&user, Role::Member, None, None), Time(9))
                .is_ok_and(|claims| claims.expires.is_none())
        );
        for text in ["", "no token", "u7 king 0", "u7 member soon"] {
            assert!(verify(text, Time(0)).is_err(), "{text}");
        }
    }
}
