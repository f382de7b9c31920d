//! Visitors: connections for a request or two, such as the server opens for each request over HTTP. They take no seat, and
//! read where their user is a member by another connection.

use chinwag_core::{
    Time,
    dialect::{Dialect, Opening},
    identity::Token,
};
use chinwag_oracle::Promise;
use serde_json::Value;

use crate::{
    judge::{
        Broken,
        checks::{self, broken},
        life::Stay,
        marks::Mark,
    },
    line::link::ServerEnd,
    people::passes,
    world::World,
};

/// What a visitor is after.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Visit {
    /// The room that it asks about.
    room: usize,
    /// When it came.
    since: Time,
}

/// The number of each request.
const HISTORY: u64 = 1;
const MEMBERS: u64 = 2;
const JOIN: u64 = 3;

/// What a visitor asks of a room, who says who they are.
fn requests(user: &str, room: &str) -> Vec<String> {
    let request = |id, kind| format!(r#"{{"type":"{kind}","room":"{room}","user":"{user}","id":{id}}}"#);
    vec![request(HISTORY, "history"), request(MEMBERS, "members"), request(JOIN, "join")]
}

/// Whether any request may be refused with this, whatever it asks for.
fn is_usual(code: &str) -> bool {
    matches!(code, "rate_limited" | "full" | "too_many_sessions" | "replaced")
}

impl World<'_> {
    /// Where a visitor goes who comes now over a client's line.
    pub(crate) fn visit(&self, client: usize) -> Visit {
        let places = u64::from(self.scenario.setup.rooms + self.scenario.setup.parlours);
        let nth = self.people[client].opened + client as u64;
        let room = usize::try_from(nth % places).expect("few rooms");
        Visit { room, since: self.now }
    }

    /// What it asks who has a client's user.
    pub(crate) fn visitor_asks(&self, client: usize, visit: Visit) -> Vec<String> {
        requests(self.people[client].user.as_str(), self.judge.room(visit.room).as_str())
    }

    /// What the server says of a visitor who has a client's user.
    pub(crate) fn visitors_opening(&self, client: usize) -> Opening {
        let user = &self.people[client].user;
        let is_verified = self.scenario.setup.gateway.verify_tokens;
        let token = is_verified.then(|| Token::new(&passes::unending(user)));
        Opening { dialect: Some(Dialect::Chat), token, visitor: true, ..Opening::default() }
    }

    /// A visitor with a client's user reads something.
    pub(crate) fn visitor_hears(&mut self, client: usize, visit: Visit, text: &str) -> Result<(), Broken> {
        self.checked(checks::DOOR);
        let frame: Value = serde_json::from_str(text).unwrap_or_default();
        let (kind, code) = (frame["type"].as_str().unwrap_or_default(), frame["code"].as_str());
        let complain =
            |why: &str| broken(checks::DOOR, format!("a visitor of c{client}'s user, {why}: {text}"));
        match (frame["id"].as_u64(), kind, code) {
            (_, "error" | "warning", Some(code)) if is_usual(code) => Ok(()),
            (Some(JOIN), "error", Some("permission_denied")) => {
                self.marks.hit(Mark::VisitorKeptOut);
                Ok(())
            }
            (Some(HISTORY | MEMBERS), "error", Some("not_member" | "unknown_room")) => {
                self.marks.hit(Mark::VisitorIsNone);
                if self.is_surely_in(client, visit) {
                    return complain("who is in the room, may not read there");
                }
                Ok(())
            }
            (Some(HISTORY), "history", None) | (Some(MEMBERS), "members", None) => {
                self.marks.hit(Mark::VisitorReads);
                if self.is_surely_out(client, visit) {
                    return complain("who is not in the room, reads there");
                }
                self.check_visited(visit, &frame)
            }
            _ => complain("is told what it must not be"),
        }
    }

    /// What a visitor reads was said there.
    fn check_visited(&mut self, visit: Visit, page: &Value) -> Result<(), Broken> {
        for message in page["messages"].as_array().into_iter().flatten() {
            let [user, content] = ["user", "content"].map(|name| message[name].as_str().unwrap_or_default());
            let send = self.judge.recognise_in(Dialect::Chat, user, content)?;
            if self.judge.room_of(send) != Some(visit.room) {
                let sentence = format!("a visitor is shown {content:?} in r{}", visit.room);
                return broken(Promise::NoInvention.name(), sentence);
            }
        }
        Ok(())
    }

    /// Whether a client's user has been in a room without a break since a visitor came, by a connection that is well. From
    /// rooms that have owners they may have been sent away.
    fn is_surely_in(&self, client: usize, Visit { room, since }: Visit) -> bool {
        let life = &self.life;
        let is_well = |id| {
            let is_open = self.links.get(id).is_some_and(|link| link.server_end == ServerEnd::Open);
            is_open && life.lines.get(&id).is_some_and(|line| !line.goodbye)
        };
        let holds = |stay: &Stay| {
            let is_it = life.users[stay.client] == life.users[client] && stay.room == room;
            is_it && stay.since <= since && stay.until.is_none() && is_well(stay.line)
        };
        !self.has_owner(room) && life.stays.iter().any(holds)
    }

    /// Whether a client's user has surely never been in a room, nor made it; or is shut out, if it is private.
    fn is_surely_out(&self, client: usize, Visit { room, since }: Visit) -> bool {
        if self.has_owner(room) {
            return self.is_hidden(client, room, since) == Some(true);
        }
        let name = self.judge.room(room);
        let knows = |it: usize| self.life.asked[it].contains(&room) || self.life.made[it].contains(name);
        !self.life.clients(self.life.users[client]).any(knows)
    }
}
