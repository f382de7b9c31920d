//! What the server says: events become what they are called, and what they hold.

use super::{
    Answer, Body, Changed, Doing, Gap, History, InRoom, Instant, Lagged, Leaving, Listed, Made, Member,
    Members, Message, MessageId, Present, Refreshed, Refused, Room, Rooms, Sent, Standing, Status, Task,
    Typing, Warning,
};
use crate::{
    dialect::{Event, Presence, chat::millis_up, socketio::bot_of},
    id::Position,
    name::{RoomName, UserName},
    shard::{self, Joined, Placed, Roster, Verdict},
    time::Time,
};

/// Whether somebody writes. Whoever is shown online has stopped.
pub(in crate::dialect::socketio) fn typing<'a>(
    room: &'a RoomName,
    user: &'a UserName,
    is_typing: bool,
    now: Time,
) -> Body<'a> {
    let typing = Typing { user_id: user, is_typing, timestamp: Instant(now) };
    Body::Typing(InRoom::new(room, typing))
}

fn standing(joined: &Joined) -> Standing {
    let (verdict, from, to) = match joined.verdict {
        Verdict::Full => ("full", None, None),
        Verdict::Gap { from, to } => ("gap", Some(from), Some(to)),
        Verdict::Reset => ("reset", None, None),
    };
    let Position { epoch, seq } = joined.head;
    Standing { epoch, seq, verdict, next: joined.next, from, to }
}

fn member<'a>(room: &'a RoomName, user: &'a UserName, roster: &'a Roster) -> Body<'a> {
    let (members, count) = match roster {
        Roster::Names(names) => (Some(&**names), None),
        Roster::Count(count) => (None, Some(*count)),
    };
    Body::Member(InRoom::new(room, Member { user_id: user, members, count }))
}

fn task<'a>(task: &'a shard::Task, user: Option<&'a UserName>, assigned: bool, now: Time) -> Task<'a> {
    let shard::Task { task, status, assignee, priority, metadata } = task;
    Task {
        task_id: task,
        status: status.as_ref().map(Status::from),
        assignee: assignee.as_ref(),
        priority: *priority,
        // It was checked to be an object as it came in.
        metadata: metadata.as_deref().and_then(|metadata| serde_json::from_str(metadata).ok()),
        user_id: user,
        assigned,
        timestamp: Instant(now),
    }
}

/// The name of an event and what it holds, or nothing if it is not shown here.
pub(in crate::dialect::socketio) fn shown<'a>(
    event: &'a Event<'a>,
    now: Time,
) -> Option<(&'static str, Body<'a>)> {
    Some(match *event {
        Event::Message { room, epoch, message } => {
            ("chat:message", Body::Message(Message::new(room, epoch, message)))
        }
        Event::History { room, epoch, messages, more, .. } => {
            ("chat:history", Body::History(History::new(room, epoch, messages, more)))
        }
        Event::Joined { room, joined, .. } => {
            ("room:joined", Body::Joined(InRoom::new(room, standing(joined))))
        }
        Event::Left { room, position: Position { epoch, seq }, kicked, .. } => {
            ("room:left", Body::Left(InRoom::new(room, Leaving { epoch, seq, kicked })))
        }
        Event::Created { room, position, .. } => {
            ("room:created", Body::Created(InRoom::new(room, Made { epoch: position.epoch })))
        }
        Event::UserJoined { room, user, roster } => ("user:joined", member(room, user, roster)),
        Event::UserLeft { room, user, roster, .. } => ("user:left", member(room, user, roster)),
        Event::MembersChanged { room, joined, left, count } => {
            let left = left.iter().map(|(user, _)| user).collect();
            ("room:changed", Body::Changed(InRoom::new(room, Changed { joined, left, count })))
        }
        Event::Presence { room, user, presence: Presence::Typing, .. } => {
            ("typing", typing(room, user, true, now))
        }
        Event::Presence { room, user, presence, .. } => {
            let present = Present { user_id: user, status: presence.word() };
            ("presence", Body::Presence(InRoom::new(room, present)))
        }
        Event::Status { room, user, status } => {
            let is_bot = bot_of(room) == Some(user.as_str());
            let user_id = (!is_bot).then_some(user);
            let doing = Doing { user_id, status: status.into(), timestamp: Instant(now) };
            (if is_bot { "bot:status" } else { "user:status" }, Body::Status(InRoom::new(room, doing)))
        }
        Event::Task { room, user, task: it, assigned } => {
            ("task", Body::Task(InRoom::new(room, task(it, user, assigned, now))))
        }
        Event::Members { room, members, count, more, .. } => {
            let members = members.iter().map(Listed::from).collect();
            ("room:members", Body::Members(InRoom::new(room, Members { members, count, more })))
        }
        Event::Rooms { rooms, more, .. } => {
            ("room:list", Body::Rooms(Rooms { rooms: rooms.iter().map(Room::from).collect(), more }))
        }
        Event::Gap { room, epoch, from, to } => {
            ("chat:gap", Body::Gap(InRoom::new(room, Gap { epoch, from, to })))
        }
        Event::Lagged { room, next: Position { epoch, seq } } => {
            ("chat:lagged", Body::Lagged(InRoom::new(room, Lagged { epoch, next: seq })))
        }
        Event::Warning { refusal, count, retry_after } => {
            let (code, message) = (refusal.code(), refusal.message());
            let retry_after = millis_up(retry_after);
            ("rate:limited", Body::Warning(Warning { code, message, count, retry_after }))
        }
        Event::Error { key, refusal, detail, retry_after, .. } => {
            ("error", Body::Refused(Refused::new(key, refusal, detail, retry_after)))
        }
        Event::Refreshed { expires, .. } => {
            ("token:refreshed", Body::Refreshed(Refreshed { expires: expires.map(Instant) }))
        }
        // Who wants these has a callback for them; nobody asks for the others here.
        Event::Ack { .. } | Event::Welcome { .. } | Event::Health { .. } | Event::Pong { .. } => return None,
    })
}

/// What each event that is [`shown`] holds.
#[cfg(feature = "schema")]
pub(in crate::dialect::socketio) fn schemas() -> Vec<crate::dialect::schema::Named> {
    use crate::dialect::schema::written;
    vec![
        ("chat:message", written::<Message<'_>>()),
        ("chat:history", written::<History<'_>>()),
        ("room:joined", written::<InRoom<'_, Standing>>()),
        ("room:left", written::<InRoom<'_, Leaving>>()),
        ("room:created", written::<InRoom<'_, Made>>()),
        ("user:joined", written::<InRoom<'_, Member<'_>>>()),
        ("user:left", written::<InRoom<'_, Member<'_>>>()),
        ("room:changed", written::<InRoom<'_, Changed<'_>>>()),
        ("presence", written::<InRoom<'_, Present<'_>>>()),
        ("typing", written::<InRoom<'_, Typing<'_>>>()),
        ("bot:status", written::<InRoom<'_, Doing<'_>>>()),
        ("user:status", written::<InRoom<'_, Doing<'_>>>()),
        ("task", written::<InRoom<'_, Task<'_>>>()),
        ("room:members", written::<InRoom<'_, Members<'_>>>()),
        ("room:list", written::<Rooms<'_>>()),
        ("chat:gap", written::<InRoom<'_, Gap>>()),
        ("chat:lagged", written::<InRoom<'_, Lagged>>()),
        ("rate:limited", written::<Warning>()),
        ("error", written::<Refused<'_>>()),
        ("token:refreshed", written::<Refreshed>()),
    ]
}

/// What a callback is called with.
pub(in crate::dialect::socketio) fn answer<'a>(event: &'a Event<'a>, now: Time) -> Answer<'a> {
    match *event {
        Event::Error { key, refusal, detail, retry_after, .. } => {
            Answer::refused(Refused::new(key, refusal, detail, retry_after))
        }
        Event::Ack { key, placed: Some(Placed { position, at }), .. } => {
            Answer::granted(Body::Sent(Sent { id: MessageId::new(key, position), timestamp: Instant(at) }))
        }
        _ => Answer::granted(shown(event, now).map_or(Body::Done {}, |(_, body)| body)),
    }
}
