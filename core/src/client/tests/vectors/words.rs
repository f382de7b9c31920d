//! Inputs, outputs and settings in the words of the TypeScript client.

use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::{
    client::{ClientConfig, ClientEvent, ClientOutput, Command, Member, Presence, Shown},
    id::Position,
    shard::{Extra, Kind, Status, Verdict},
    time::Time,
};

pub(super) fn millis(time: Time) -> Value {
    span(time.since(Time(0)))
}

#[expect(clippy::cast_precision_loss, reason = "instants of a test are small")]
fn span(span: Duration) -> Value {
    json!(span.as_micros() as f64 / 1_000.0)
}

pub(super) fn settings(config: &ClientConfig) -> Value {
    let backoff = config.backoff;
    lean(json!({
        "backoff": lean(json!({
            "base": span(backoff.base), "max": span(backoff.max),
            "factor": f64::from(backoff.factor_percent) / 100.0, "attemptsMax": backoff.attempts_max,
        })),
        "unansweredMax": config.unanswered_max,
        "asksMax": config.asks_max,
        "queueMax": config.queue_max,
        "silenceTimeout": span(config.silence_timeout),
        "typingTtl": span(config.typing_ttl),
        "typingMax": config.typing_max,
        "retryRateLimited": config.retry_rate_limited,
    }))
}

pub(super) fn command(command: &Command) -> Value {
    lean(match command {
        Command::Join { room } => json!({"type": "join", "room": room}),
        Command::Leave { room } => json!({"type": "leave", "room": room}),
        Command::Publish { room, content, extra } => json!({
            "type": "publish", "room": room, "content": &**content, "extra": extra.as_deref().map(given),
        }),
        Command::Typing { room, on } => json!({"type": "typing", "room": room, "on": on}),
        Command::History { room, before, limit } => {
            json!({"type": "history", "room": room, "before": before, "limit": limit})
        }
        Command::Members { room, after } => json!({"type": "members", "room": room, "after": after}),
        Command::Rooms { after } => json!({"type": "rooms", "after": after}),
        Command::Create { room, private } => json!({"type": "create", "room": room, "private": private}),
        Command::Invite { room, user } => json!({"type": "invite", "room": room, "user": user}),
        Command::Kick { room, user } => json!({"type": "kick", "room": room, "user": user}),
        Command::Run { room, on } => json!({"type": "run", "room": room, "on": on}),
        Command::Seen { room, seq } => json!({"type": "seen", "room": room, "seq": seq}),
        Command::Status { room, status } => json!({"type": "status", "room": room, "status": doing(status)}),
        Command::Task { room, task } => {
            let standing = standing(
                &task.task,
                task.status.as_ref(),
                task.assignee.as_ref(),
                task.priority,
                task.metadata.as_deref(),
            );
            json!({"type": "task", "room": room, "task": standing})
        }
        Command::Refresh { token } => json!({"type": "refresh", "token": token.reveal()}),
        Command::Ping => json!({"type": "ping"}),
    })
}

pub(super) fn output(output: &ClientOutput) -> Value {
    match output {
        ClientOutput::Connect => json!({"type": "connect"}),
        ClientOutput::Transmit(text) => {
            json!({"type": "transmit", "frame": serde_json::from_str::<Value>(text).unwrap()})
        }
        ClientOutput::Close { code } => json!({"type": "close", "code": code}),
        ClientOutput::Event(event) => json!({"type": "event", "event": lean(self::event(event))}),
    }
}

fn event(event: &ClientEvent) -> Value {
    match event {
        ClientEvent::Attached { session, resumed } => {
            json!({"type": "attached", "session": session.to_string(), "resumed": resumed})
        }
        ClientEvent::Joined { room, head, next, verdict } => json!({
            "type": "joined", "room": room, "epoch": head.epoch, "head": head.seq, "next": next,
            "verdict": self::verdict(*verdict),
        }),
        ClientEvent::Left { room, head, kicked } => {
            json!({"type": "left", "room": room, "epoch": head.epoch, "head": head.seq, "kicked": kicked})
        }
        ClientEvent::Message(message) => json!({"type": "message", "message": shown(message)}),
        ClientEvent::History { id, room, messages, more } => {
            let messages: Vec<_> = messages.iter().map(shown).collect();
            json!({"type": "history", "id": id, "room": room, "messages": messages, "more": more})
        }
        ClientEvent::Acknowledged { id, room, position: Position { epoch, seq } } => {
            json!({"type": "acknowledged", "id": id, "room": room, "epoch": epoch, "seq": seq})
        }
        ClientEvent::Noted { id, room } => json!({"type": "noted", "id": id, "room": room}),
        ClientEvent::Unresolved { id, room } => json!({"type": "unresolved", "id": id, "room": room}),
        ClientEvent::Gap { room, from, to } => {
            json!({"type": "gap", "room": room, "epoch": from.epoch, "from": from.seq, "to": to})
        }
        ClientEvent::Refused { id, refusal, retry_after } => {
            json!({"type": "refused", "id": id, "code": refusal.code(), "retryAfter": retry_after.map(span)})
        }
        ClientEvent::Warning { refusal, count } => {
            json!({"type": "warning", "code": refusal.map(|refusal| refusal.code()), "count": count})
        }
        ClientEvent::Disconnected { code, retry_in } => {
            json!({"type": "disconnected", "code": code, "retryIn": span(*retry_in)})
        }
        ClientEvent::Ended { code } => json!({"type": "ended", "code": code}),
        other => notice(other),
    }
}

/// Events about who is there and what they do, and plain answers.
fn notice(event: &ClientEvent) -> Value {
    match event {
        ClientEvent::Lagged { room } => json!({"type": "lagged", "room": room}),
        ClientEvent::UserJoined { room, user, members } => {
            json!({"type": "userJoined", "room": room, "user": user, "members": members})
        }
        ClientEvent::UserLeft { room, user, members } => {
            json!({"type": "userLeft", "room": room, "user": user, "members": members})
        }
        ClientEvent::MembersChanged { room, joined, left, count } => {
            json!({"type": "membersChanged", "room": room, "joined": joined, "left": left, "count": count})
        }
        ClientEvent::Presence { room, user, presence } => {
            json!({"type": "presence", "room": room, "user": user, "presence": word(*presence)})
        }
        ClientEvent::Members { room, members, count, more } => {
            let members: Vec<_> = members.iter().map(member).collect();
            json!({"type": "members", "room": room, "members": members, "count": count, "more": more})
        }
        ClientEvent::Rooms { rooms, more } => {
            let rooms: Vec<_> =
                rooms.iter().map(|(room, members)| json!({"room": room, "members": members})).collect();
            json!({"type": "rooms", "rooms": rooms, "more": more})
        }
        ClientEvent::Created { room } => json!({"type": "created", "room": room}),
        ClientEvent::Status { room, user, status } => {
            json!({"type": "status", "room": room, "user": user, "status": doing(status)})
        }
        ClientEvent::Task { room, user, task } => {
            let standing = standing(
                &task.task,
                task.status.as_ref(),
                task.assignee.as_ref(),
                task.priority,
                task.metadata.as_deref(),
            );
            json!({"type": "task", "room": room, "user": user, "task": standing})
        }
        ClientEvent::Refreshed { id, expires } => json!({"type": "refreshed", "id": id, "expires": expires}),
        ClientEvent::Pong { id } => json!({"type": "pong", "id": id}),
        other => unreachable!("described above: {other:?}"),
    }
}

fn verdict(verdict: Verdict) -> Value {
    match verdict {
        Verdict::Full => json!({"kind": "full"}),
        Verdict::Gap { from, to } => json!({"kind": "gap", "from": from, "to": to}),
        Verdict::Reset => json!({"kind": "reset"}),
    }
}

fn shown(message: &Shown) -> Value {
    let Shown { room, position, user, content, timestamp, extra, from_history } = message;
    let mut value = json!({
        "room": room, "epoch": position.epoch, "seq": position.seq, "user": user, "content": content,
        "timestamp": timestamp, "fromHistory": from_history,
    });
    let fields = extra.as_deref().map(carried);
    for (name, field) in fields.iter().filter_map(Value::as_object).flatten() {
        value[name] = field.clone();
    }
    value
}

/// What is usual may be said all the same.
fn given(extra: &Extra) -> Value {
    let mut given = carried(extra);
    given["kind"] = json!(extra.kind.word());
    given["mentions"] = extra.mentions.iter().map(|name| &**name).collect();
    given["priority"] = json!(extra.priority);
    given
}

fn carried(extra: &Extra) -> Value {
    let file = extra.file.as_ref().map(|file| lean(json!({"url": &*file.url, "name": file.name.as_deref()})));
    lean(json!({
        "key": extra.key.as_deref(),
        "clientId": extra.client_id,
        "replyTo": extra.reply_to,
        "kind": (extra.kind != Kind::Text).then(|| extra.kind.word()),
        "file": file,
        "mentions": (!extra.mentions.is_empty()).then(|| extra.mentions.iter().map(|name| &**name).collect::<Vec<_>>()),
        "priority": (extra.priority != 2).then_some(extra.priority),
        "state": extra.state.as_deref(),
    }))
}

fn member(member: &Member) -> Value {
    let status = member.status.as_ref().map(doing);
    lean(json!({"user": member.user, "presence": word(member.presence), "status": status}))
}

fn doing(status: &Status) -> Value {
    lean(json!({"state": &*status.state, "detail": status.detail.as_deref(), "progress": status.progress}))
}

fn standing(
    task: &str,
    status: Option<&Status>,
    assignee: Option<&crate::name::UserName>,
    priority: Option<u8>,
    metadata: Option<&str>,
) -> Value {
    let metadata = metadata.map(|text| serde_json::from_str::<Value>(text).unwrap());
    lean(json!({
        "task": task, "status": status.map(doing), "assignee": assignee, "priority": priority, "metadata": metadata,
    }))
}

const fn word(presence: Presence) -> &'static str {
    match presence {
        Presence::Online => "online",
        Presence::Offline => "offline",
        Presence::Typing => "typing",
    }
}

/// Without what is not there.
fn lean(value: Value) -> Value {
    let Value::Object(fields) = value else { return value };
    Value::Object(fields.into_iter().filter(|(_, field)| !field.is_null()).collect::<Map<_, _>>())
}
