//! What is just as much as may be said, and what is a little more: the one is taken, the other is refused.
//!
//! Told again from `docs/protocol.md`. Plain clients of the native dialect try it, in rooms that they are in.

use chinwag_core::dialect::Dialect;
use serde_json::{Value, json};

use crate::plan::{
    draw::{Draws, Purpose},
    generate::{SECOND, client, within},
    scenario::{Action, Actor, Setup, Step},
};

/// A frame without its room and number, and whether it is one that is taken.
pub(crate) type Trial = (Value, bool);

/// One more than the largest number that may be carried.
const NUMBER_END: u64 = 1 << 53;

fn text(bytes: usize) -> Value {
    "x".repeat(bytes).into()
}

/// Objects inside one another.
fn nested(depth: usize) -> Value {
    (1..depth).fold(json!({}), |inside, _| json!({ "a": inside }))
}

/// An object of so many bytes as JSON.
fn object(bytes: usize) -> Value {
    json!({ "a": text(bytes - r#"{"a":""}"#.len()) })
}

/// A request of a type with these fields, of which this one is that.
fn with(kind: &str, rest: Value, field: &str, value: Value) -> Value {
    let mut frame = rest;
    frame["type"] = kind.into();
    frame[field] = value;
    frame
}

/// What can be tried. What is said of a task says how it stands, too: not all dialects show one of which nobody has said so.
pub(crate) fn all() -> Vec<Trial> {
    let status = |field, value, fits| (with("status", json!({"state": "busy"}), field, value), fits);
    let done = || json!({"task": "t0", "state": "done"});
    let task = |field, value, fits| (with("task", done(), field, value), fits);
    let says = |field, value| {
        let rest = json!({"content": "more than may be", "file_url": "a"});
        (with("message", rest, field, value), false)
    };
    let names = |count, bytes| Value::from(vec![text(bytes); count]);
    vec![
        status("state", text(64), true),
        status("state", text(65), false),
        status("state", text(0), false),
        status("detail", text(256), true),
        status("detail", text(257), false),
        status("detail", text(0), false),
        status("progress", json!(0), true),
        status("progress", json!(100), true),
        status("progress", json!(101), false),
        task("task", text(64), true),
        task("task", text(65), false),
        task("task", text(0), false),
        task("state", text(65), false),
        task("detail", text(256), true),
        task("detail", text(257), false),
        task("progress", json!(100), true),
        task("progress", json!(101), false),
        task("priority", json!(0), true),
        task("priority", json!(4), true),
        task("priority", json!(5), false),
        task("metadata", object(1_024), true),
        task("metadata", object(1_025), false),
        task("metadata", nested(32), true),
        task("metadata", nested(33), false),
        task("metadata", json!({"a": [1, {"b": []}], "c": "d"}), true),
        task("metadata", json!(["a"]), false),
        (json!({"type": "task", "task": "t0"}), false),
        task("assignee", "u1".into(), true),
        says("key", text(65)),
        says("key", text(0)),
        says("client_id", NUMBER_END.into()),
        says("reply_to", NUMBER_END.into()),
        says("kind", "song".into()),
        says("file_url", text(1_025)),
        says("file_url", text(0)),
        says("file_name", text(257)),
        says("file_name", text(0)),
        says("mentions", names(33, 1)),
        says("mentions", names(1, 61)),
        says("mentions", names(1, 0)),
        says("priority", json!(5)),
    ]
}

/// Some of it, at any time, in some scenarios.
pub(crate) fn trials(draws: Draws, setup: &Setup, steps: &mut Vec<Step>) {
    let mut c = draws.of(Purpose::Step, 15 << 40);
    let speaks = |client: &u32| setup.clients[*client as usize].voice == Some(Dialect::Chat);
    if !c.chance(60) {
        return;
    }
    let last = all().len() as u64 - 1;
    for number in 0..setup.chaos_us / SECOND {
        let mut c = draws.of(Purpose::Step, 15 << 40 | (number + 1));
        let room = within(&mut c, 0..=u64::from(setup.rooms - 1));
        let action = Action::Try { room, what: within(&mut c, 0..=last) };
        let (at_us, who) = (c.within(SECOND..=setup.chaos_us), client(&mut c, setup));
        // Clients with sessions say no such thing.
        if let Some(who) = (who..).take(4).find(|who| (*who as usize) < setup.clients.len() && speaks(who)) {
            steps.push(Step { id: 0, at_us, actor: Actor::Client(who), action });
        }
    }
}
