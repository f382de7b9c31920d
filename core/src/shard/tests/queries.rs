//! Pages, lists, typing.

use super::kit::{EAST, Guest, Kit, WEST, room, user, visitor};
use crate::{
    id::{Epoch, Position, RequestId, Seq},
    refusal::Refusal,
    shard::{Effect, Keep, MemberView, Op, Page, Push, Query, Reply, RoomView, ShardEvent, Signal, Status},
};

/// Ann in a room with so many messages.
fn chat(messages: u64) -> (Kit, Guest, Position) {
    let mut kit = Kit::new();
    let ann = kit.attach("ann");
    kit.join(&ann, "general");
    for seq in 1..=messages {
        kit.publish(&ann, "general", None, &seq.to_string());
    }
    let head = kit.join(&ann, "general").head;
    (kit, ann, head)
}

fn page(kit: &Kit, guest: &Guest, from: Position) -> Option<Page> {
    let (peer, room) = (guest.peer.clone(), room("general"));
    match kit.ask(&Query::Page { peer, room, from, messages_max: 2, bytes_max: 1_000 }) {
        Some(Ok(Reply::Page(page))) => Some(page),
        Some(Ok(Reply::NoPage)) => None,
        other => panic!("no answer to a page: {other:?}"),
    }
}

fn history(kit: &Kit, guest: &Guest, name: &str) -> Result<Reply, Refusal> {
    let (peer, room) = (guest.peer.clone(), room(name));
    let query = Query::History {
        peer,
        id: Some(RequestId(3)),
        room,
        before: None,
        messages_max: 2,
        bytes_max: 1_000,
    };
    kit.ask(&query).expect("an answer")
}

fn members(kit: &Kit, guest: &Guest, after: Option<&str>, limit: u32) -> Result<Reply, Refusal> {
    let (peer, room, after) = (guest.peer.clone(), room("general"), after.map(user));
    kit.ask(&Query::Members { peer, id: None, room, after, limit }).expect("an answer")
}

fn rooms(kit: &Kit, guest: &Guest, after: Option<&str>, limit: u32) -> Reply {
    let (peer, after) = (guest.peer.clone(), after.map(room));
    kit.ask(&Query::Rooms { peer, id: None, after, limit }).expect("an answer").expect("never refused")
}

fn typing(kit: &Kit, guest: &Guest) -> Vec<Effect> {
    signal(kit, guest, true)
}

fn signal(kit: &Kit, guest: &Guest, on: bool) -> Vec<Effect> {
    let mut effects = vec![];
    let (peer, room) = (guest.peer.clone(), room("general"));
    kit.shard.signal(&Signal::Typing { peer, room, on }, &mut effects);
    effects
}

#[test]
fn a_page_begins_where_it_is_wanted_and_names_the_head() {
    let (kit, ann, head) = chat(5);
    let page = page(&kit, &ann, Position::new(head.epoch, Seq(3))).expect("a page");
    assert_eq!(page.head, head);
    let seqs: Vec<_> = page.messages.iter().map(|message| message.seq.0).collect();
    assert_eq!(seqs, [3, 4]);
}

#[test]
fn pages_go_only_to_the_connection_that_has_taken_the_seat() {
    let (mut kit, ann, head) = chat(5);
    let from = Position::new(head.epoch, Seq(1));
    let bob = kit.attach("bob");
    assert_eq!(page(&kit, &bob, from), None);
    assert_eq!(page(&kit, &ann, Position::new(Epoch(1), Seq(1))), None, "another log");
    kit.detach(&ann, Keep::Window);
    assert_eq!(page(&kit, &ann, from), None);
    let ann = kit.resume(&ann);
    assert_eq!(page(&kit, &ann, from), None);
    kit.join(&ann, "general");
    assert!(page(&kit, &ann, from).is_some());
}

#[test]
fn history_is_for_members() {
    let (mut kit, ann, head) = chat(3);
    let Ok(Reply::History { epoch, messages, more: true }) = history(&kit, &ann, "general") else { panic!() };
    assert_eq!(epoch, head.epoch);
    let seqs: Vec<_> = messages.iter().map(|message| message.seq.0).collect();
    assert_eq!(seqs, [2, 3]);
    assert_eq!(history(&kit, &ann, "nowhere"), Err(Refusal::UnknownRoom));
    let bob = kit.attach("bob");
    assert_eq!(history(&kit, &bob, "general"), Err(Refusal::NotMember));
    kit.leave(&ann, "general").expect("a member");
    assert_eq!(history(&kit, &ann, "general"), Err(Refusal::NotMember));
}

#[test]
fn members_are_listed_by_name_with_presence_and_status() {
    let (mut kit, ann, _) = chat(0);
    for name in ["cat", "bob"] {
        let guest = kit.attach(name);
        kit.join(&guest, "general");
        if name == "bob" {
            kit.detach(&guest, Keep::Window);
        }
    }
    let went = Some(kit.now);
    kit.wait(std::time::Duration::from_secs(15));
    let status = Status { state: "working".into(), detail: None, progress: None };
    let (peer, room) = (ann.peer.clone(), room("general"));
    kit.apply(Op::SetStatus { peer, id: None, room, status: status.clone() });

    let view = |name, away, status| MemberView { user: user(name), away, status };
    let first = vec![view("ann", None, Some(status)), view("bob", went, None)];
    assert_eq!(members(&kit, &ann, None, 2), Ok(Reply::Members { members: first, count: 3, more: true }));
    let last = vec![view("cat", None, None)];
    assert_eq!(
        members(&kit, &ann, Some("bob"), 2),
        Ok(Reply::Members { members: last, count: 3, more: false })
    );
}

#[test]
fn rooms_are_listed_by_name_to_anyone() {
    let (mut kit, _ann, _) = chat(0);
    let bob = kit.attach("bob");
    kit.create(&bob, "attic").expect("a new room");
    let view = |name, members| RoomView { room: room(name), members };
    assert_eq!(rooms(&kit, &bob, None, 1), Reply::Rooms { rooms: vec![view("attic", 0)], more: true });
    let rest = Reply::Rooms { rooms: vec![view("general", 1)], more: false };
    assert_eq!(rooms(&kit, &bob, Some("attic"), 9), rest);
}

#[test]
fn typing_is_passed_on_for_members_only() {
    let (mut kit, ann, _) = chat(0);
    let bob = kit.attach_at(EAST, "bob");
    assert_eq!(typing(&kit, &bob), []);
    kit.join(&bob, "general");
    let push = Push::Typing { user: user("ann"), on: true };
    let event = ShardEvent::Push { room: room("general"), push };
    let expected = [WEST, EAST].map(|to| Effect { to, event: event.clone() });
    assert_eq!(typing(&kit, &ann), expected);
    kit.leave(&ann, "general").expect("a member");
    assert_eq!(typing(&kit, &ann), []);
}

#[test]
fn the_end_of_typing_is_heard_from_the_connection_before() {
    let (mut kit, _, _) = chat(0);
    let [older, newer] = [1, 2].map(|generation| visitor(7, generation, generation.into(), "bob"));
    kit.join(&older, "general");
    kit.apply(Op::Follow { peer: newer.peer.clone() });
    let push = Push::Typing { user: user("bob"), on: false };
    let event = ShardEvent::Push { room: room("general"), push };
    let ended = [Effect { to: WEST, event }];
    assert_eq!(signal(&kit, &older, true), []);
    assert_eq!(signal(&kit, &older, false), ended);
    kit.leave(&newer, "general").expect("a member");
    assert_eq!(signal(&kit, &older, false), []);
}

#[test]
fn questions_change_nothing() {
    let (kit, ann, head) = chat(3);
    let before = (kit.shard.applied(), kit.shard.digest());
    page(&kit, &ann, head).expect("a page");
    typing(&kit, &ann);
    assert_eq!((kit.shard.applied(), kit.shard.digest()), before);
}
