//! A cheap fingerprint of what a shard has done, so that replicas which diverge can be told.

use super::{
    effect::{Effect, Push, Reply, Roster, ShardEvent, Verdict},
    op::{Entry, Op},
};
use crate::{
    hash::{bytes, mix},
    id::Position,
    name::UserName,
    refusal::Refusal,
};

/// Folds an entry and its outcome into the digest of what came before.
pub(super) fn fold(digest: u64, entry: &Entry, effects: &[Effect]) -> u64 {
    let entered = mix(mix(mix(digest, entry.index), entry.at.0), of_op(&entry.op));
    effects.iter().fold(entered, |digest, effect| mix(mix(digest, effect.to.0), of_event(&effect.event)))
}

fn of_op(op: &Op) -> u64 {
    match op {
        Op::Genesis { incarnation, .. } => mix(1, *incarnation),
        Op::Configure { .. } => 2,
        Op::GatewayDown { gateway } => mix(3, gateway.0),
        Op::Attach { connection, .. } => mix(4, connection.0),
        Op::Detach { peer, .. } => mix(5, peer.connection.0),
        Op::Join { peer, .. } => mix(6, peer.connection.0),
        Op::Leave { peer, .. } => mix(7, peer.connection.0),
        Op::Create { peer, .. } => mix(8, peer.connection.0),
        Op::Publish { peer, .. } => mix(9, peer.connection.0),
        Op::SetStatus { peer, .. } => mix(10, peer.connection.0),
        Op::SetTask { peer, .. } => mix(11, peer.connection.0),
        Op::Expire => 12,
        Op::Follow { peer } => mix(13, peer.connection.0),
        Op::Invite { peer, .. } => mix(14, peer.connection.0),
        Op::Kick { peer, .. } => mix(15, peer.connection.0),
        Op::Run { peer, on, .. } => mix(mix(16, peer.connection.0), u64::from(*on)),
        Op::Restart { incarnation, lost, .. } => mix(mix(18, *incarnation), u64::from(*lost)),
        Op::Seen { peer, seq, .. } => mix(mix(17, peer.connection.0), seq.0),
    }
}

fn of_event(event: &ShardEvent) -> u64 {
    match event {
        ShardEvent::Attached { peer, resumed, .. } => {
            mix(mix(1, peer.connection.0), u64::from(peer.generation.0) << 1 | u64::from(*resumed))
        }
        ShardEvent::AttachRefused { connection, refusal } => mix(mix(2, connection.0), of_refusal(*refusal)),
        ShardEvent::TakenOver { connection, generation, .. } => {
            mix(mix(3, connection.0), u64::from(generation.0))
        }
        ShardEvent::Displaced { connection } => mix(7, connection.0),
        ShardEvent::Reply { connection, result, .. } => mix(mix(4, connection.0), of_result(result)),
        ShardEvent::Kicked { connection, position, .. } => mix(mix(6, connection.0), of_position(*position)),
        ShardEvent::Push { room, push } => mix(mix(5, bytes(room.as_str().as_bytes())), of_push(push)),
    }
}

fn of_result(result: &Result<Reply, Refusal>) -> u64 {
    match result {
        Err(refusal) => of_refusal(*refusal),
        Ok(Reply::Joined(joined)) => {
            let verdict = match joined.verdict {
                Verdict::Full => 1,
                Verdict::Gap { from, to } => mix(from.0, to.0),
                Verdict::Reset => 2,
            };
            let known = u64::from(joined.known_since.0);
            let begins = mix(mix(1, of_position(joined.head)), mix(joined.next.0, known));
            mix(begins, mix(verdict, of_roster(&joined.roster)))
        }
        Ok(Reply::Left(head)) => mix(2, of_position(*head)),
        Ok(Reply::Created(head)) => mix(3, of_position(*head)),
        Ok(Reply::Published(placed)) => mix(mix(4, of_position(placed.position)), placed.at.0),
        Ok(Reply::Noted) => 5,
        // Answers to queries are no outcome of an entry.
        Ok(Reply::Page(_) | Reply::NoPage | Reply::History { .. }) => 6,
        Ok(Reply::Roster { .. } | Reply::Members { .. } | Reply::Rooms { .. }) => 7,
    }
}

fn of_push(push: &Push) -> u64 {
    match push {
        Push::Message { epoch, message } => {
            let len = planted!(DigestWithoutContent, 0, message.content.len() as u64);
            let extra = message.extra.as_ref().map_or(0, |extra| extra.json_bytes() as u64);
            mix(mix(1, epoch.0), mix(message.seq.0, mix(len, extra)))
        }
        Push::Joined { user, roster } => mix(mix(2, of_user(user)), of_roster(roster)),
        Push::Left { user, seen, roster } => mix(mix(mix(3, of_user(user)), seen.0), of_roster(roster)),
        Push::Changed { joined, left, count } => {
            let (joined, left) = (joined.len() as u64, left.len() as u64);
            mix(mix(mix(4, joined), left), u64::from(*count))
        }
        Push::Presence { user, away } => mix(mix(5, of_user(user)), away.map_or(0, |since| since.0)),
        Push::Listed { members } => mix(9, members.len() as u64),
        Push::Typing { user, on } => mix(mix(6, of_user(user)), u64::from(*on)),
        Push::Status { user, .. } => mix(7, of_user(user)),
        Push::Task { user, assigned, .. } => mix(mix(8, of_user(user)), u64::from(*assigned)),
    }
}

fn of_roster(roster: &Roster) -> u64 {
    match roster {
        Roster::Names(names) => mix(1, names.len() as u64),
        Roster::Count(count) => mix(2, u64::from(*count)),
    }
}

fn of_position(position: Position) -> u64 {
    mix(position.epoch.0, position.seq.0)
}

fn of_user(user: &UserName) -> u64 {
    bytes(user.as_str().as_bytes())
}

fn of_refusal(refusal: Refusal) -> u64 {
    mix(u64::MAX, refusal as u64)
}
