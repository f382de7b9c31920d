//! Join, leave, create, rooms and rosters.

use std::time::Duration;

use super::kit::{EAST, Guest, Kit, WEST, joined, left, names, room, user};
use crate::{
    config::{RoomCreation, ShardConfig},
    id::{Generation, Position, Seq},
    refusal::Refusal,
    role::Role,
    shard::{Joined, Keep, MemberView, Op, Peer, Push, Reply, Roster, ShardEvent, Verdict},
    time::Time,
};

/// Attaches and seats several users in one room.
fn crowd<const N: usize>(kit: &mut Kit, names: [&str; N]) -> [Guest; N] {
    names.map(|name| {
        let guest = kit.attach(name);
        kit.join(&guest, "general");
        guest
    })
}

fn changed<const J: usize, const L: usize>(joined: [&str; J], left: [(&str, Time); L], count: u32) -> Push {
    let left = left.map(|(name, seen)| (user(name), seen)).to_vec();
    Push::Changed { joined: joined.map(user).to_vec(), left, count }
}

#[test]
fn the_first_to_join_makes_the_room() {
    let mut kit = Kit::new();
    let ann = kit.attach("ann");
    let answer = kit.join(&ann, "general");
    assert!(answer.head.epoch.0 > 0 && answer.head.epoch.0 < 1 << 53);
    let head = Position::new(answer.head.epoch, Seq(0));
    let expected = Joined {
        head,
        next: Seq(1),
        verdict: Verdict::Full,
        rejoined: false,
        known_since: Generation(1),
        roster: names(["ann"]),
        offline: vec![],
        statuses: vec![],
        tasks: vec![],
    };
    assert_eq!(answer, expected);
}

#[test]
fn a_join_is_answered_first_and_then_announced_once_per_gateway() {
    let mut kit = Kit::new();
    crowd(&mut kit, ["bob", "cat"]);
    let ann = kit.attach_at(EAST, "ann");
    kit.join(&ann, "general");
    assert!(matches!(kit.effects[0].event, ShardEvent::Reply { .. }));
    let push = joined("ann", ["ann", "bob", "cat"]);
    assert_eq!(kit.pushes(), [(WEST, push.clone()), (EAST, push)]);
    assert_eq!(kit.effects.len(), 3);
}

#[test]
fn a_repeated_join_and_a_second_session_are_answered_without_being_announced() {
    let mut kit = Kit::new();
    let [ann] = crowd(&mut kit, ["ann"]);
    assert!(kit.join(&ann, "general").rejoined);
    assert_eq!(kit.pushes(), []);
    let tab = kit.attach_at(EAST, "ann");
    assert!(kit.join(&tab, "general").rejoined);
    assert_eq!(kit.pushes(), []);
}

#[test]
fn a_leave_is_answered_first_and_then_announced_to_those_who_remain() {
    let mut kit = Kit::new();
    let [_bob] = crowd(&mut kit, ["bob"]);
    let ann = kit.attach_at(EAST, "ann");
    let head = kit.join(&ann, "general").head;
    assert_eq!(kit.leave(&ann, "general"), Ok(Reply::Left(head)));
    assert!(matches!(kit.effects[0].event, ShardEvent::Reply { .. }));
    assert_eq!(kit.pushes(), [(WEST, left("ann", kit.now, ["bob"]))]);
    assert_eq!(kit.leave(&ann, "general"), Err(Refusal::NotMember));
    assert_eq!(kit.leave(&ann, "nowhere"), Err(Refusal::UnknownRoom));
}

#[test]
fn a_membership_ends_with_the_last_session_that_leaves() {
    let mut kit = Kit::new();
    let [_bob, ann] = crowd(&mut kit, ["bob", "ann"]);
    let tab = kit.attach("ann");
    kit.join(&tab, "general");
    kit.leave(&ann, "general").expect("a member");
    assert_eq!(kit.pushes(), []);
    kit.leave(&tab, "general").expect("a member");
    assert_eq!(kit.pushes(), [(WEST, left("ann", kit.now, ["bob"]))]);
}

#[test]
fn a_resumed_session_may_leave_without_joining_again() {
    let mut kit = Kit::new();
    let [ann] = crowd(&mut kit, ["ann"]);
    kit.detach(&ann, Keep::Window);
    let ann = kit.resume(&ann);
    assert!(kit.leave(&ann, "general").is_ok());
}

#[test]
fn a_full_room_takes_more_sessions_but_no_more_users() {
    let mut kit = Kit::with(ShardConfig { room_members_max: Some(2), ..Default::default() });
    crowd(&mut kit, ["ann", "bob", "ann"]);
    let cat = kit.attach("cat");
    assert_eq!(kit.try_join(&cat.peer, "general", None), Err(Refusal::RoomFull));
}

#[test]
fn a_session_is_in_so_many_rooms_and_a_shard_has_so_many() {
    let mut kit = Kit::with(ShardConfig { rooms_per_session_max: 2, rooms_max: 4, ..Default::default() });
    let (ann, bob) = (kit.attach("ann"), kit.attach("bob"));
    kit.join(&ann, "one");
    kit.join(&ann, "two");
    assert_eq!(kit.try_join(&ann.peer, "three", None), Err(Refusal::TooManyRooms));
    assert!(kit.join(&ann, "two").rejoined);
    kit.join(&bob, "three");
    assert_eq!(kit.try_join(&bob.peer, "four", None), Err(Refusal::Full));
    assert_eq!(kit.create(&bob, "four"), Err(Refusal::Full));
    assert_eq!(kit.shard.rooms(), 3);
}

#[test]
fn the_lobby_has_its_place_in_a_shard_full_of_rooms() {
    let mut kit = Kit::with(ShardConfig { rooms_max: 2, ..Default::default() });
    let (ann, bob) = (kit.attach("ann"), kit.attach("bob"));
    kit.join(&ann, "one");
    assert_eq!(kit.try_join(&ann.peer, "two", None), Err(Refusal::Full), "one place is kept");
    kit.join(&bob, "lobby");
    assert_eq!(kit.create(&bob, "two"), Err(Refusal::Full));
    assert_eq!(kit.shard.rooms(), 2);
}

#[test]
fn a_user_has_made_so_many_rooms_however_they_were_made() {
    let mut kit = Kit::with(ShardConfig { rooms_per_user_max: 3, ..Default::default() });
    let (ann, again) = (kit.attach("ann"), kit.attach("ann"));
    kit.join(&ann, "lobby");
    kit.join(&ann, "one");
    assert!(kit.create(&again, "two").is_ok(), "the lobby is nobody's");
    let visitor = Peer { visitor: true, ..kit.attach("ann").peer };
    let visit = |peer: &Peer, name: &str| Op::Publish {
        peer: peer.clone(),
        id: None,
        room: room(name),
        content: "hello".into(),
        extra: None,
    };
    kit.apply(visit(&visitor, "bot:weather"));
    assert!(kit.reply().is_some_and(|reply| reply.is_ok()), "the bot that ann is the first to meet");
    assert_eq!(kit.try_join(&again.peer, "three", None), Err(Refusal::TooManyRooms));
    assert_eq!(kit.create(&ann, "three"), Err(Refusal::TooManyRooms));
    assert_eq!(kit.try_create(&ann, "three", true), Err(Refusal::TooManyRooms));
    kit.apply(visit(&visitor, "bot:news"));
    assert_eq!(kit.reply(), Some(Err(Refusal::TooManyRooms)));
    let bob = kit.attach("bob");
    kit.join(&bob, "three");
    kit.join(&ann, "three");
    assert_eq!(kit.shard.usage().rooms_of_user, 3);
}

#[test]
fn a_room_counts_for_its_maker_until_it_is_dropped_whoever_is_in_it() {
    let mut kit = Kit::with(ShardConfig { rooms_per_user_max: 1, ..Default::default() });
    let (ann, bob) = (kit.attach("ann"), kit.attach("bob"));
    kit.join(&ann, "one");
    kit.join(&bob, "one");
    kit.leave(&ann, "one").expect("it is a member");
    kit.wait(Duration::from_secs(4_000));
    assert_eq!(kit.create(&ann, "two"), Err(Refusal::TooManyRooms), "bob is in it");
    kit.leave(&bob, "one").expect("it is a member");
    kit.wait(Duration::from_secs(3_599));
    assert_eq!(kit.create(&ann, "two"), Err(Refusal::TooManyRooms), "it is kept for a while");
    kit.wait(Duration::from_secs(1));
    assert_eq!(kit.shard.usage().rooms_of_user, 0);
    assert!(kit.create(&ann, "two").is_ok());
}

#[test]
fn the_room_of_a_bot_counts_for_whoever_made_it_and_not_for_its_owner() {
    let mut kit = Kit::with(ShardConfig { rooms_per_user_max: 1, verify_tokens: true, ..Default::default() });
    let (ann, mut bot) = (kit.attach("ann"), kit.attach("weather"));
    (bot.peer.role, bot.peer.owner) = (Role::Bot, Some(user("ann")));
    kit.join(&bot, "bot:weather");
    assert!(kit.create(&ann, "one").is_ok(), "ann owns it, and has not made it");
    assert_eq!(kit.create(&ann, "two"), Err(Refusal::TooManyRooms));
    assert_eq!(kit.try_join(&ann.peer, "bot:other", None), Err(Refusal::TooManyRooms));
}

#[test]
fn only_operators_make_rooms_where_rooms_are_closed() {
    let mut kit = Kit::with(ShardConfig { room_creation: RoomCreation::Admin, ..Default::default() });
    let ann = kit.attach("ann");
    assert_eq!(kit.try_join(&ann.peer, "general", None), Err(Refusal::UnknownRoom));
    assert_eq!(kit.create(&ann, "general"), Err(Refusal::RoomsClosed));
    assert_eq!(kit.shard.rooms(), 0);
}

#[test]
fn a_created_room_waits_for_members() {
    let mut kit = Kit::new();
    let ann = kit.attach("ann");
    let Ok(Reply::Created(head)) = kit.create(&ann, "general") else { panic!() };
    assert_eq!(head.seq, Seq(0));
    assert_eq!(kit.create(&ann, "general"), Err(Refusal::RoomExists));
    assert_eq!(kit.shard.poll_timeout(), Some(kit.now + Duration::from_secs(3_600)));
    assert_eq!(kit.join(&ann, "general").head, head);
    assert_eq!(kit.shard.poll_timeout(), None);
}

#[test]
fn an_abandoned_room_keeps_its_history_for_a_while_and_comes_back_as_another() {
    let ttl = ShardConfig::default().room_ttl;
    let mut kit = Kit::new();
    let [ann] = crowd(&mut kit, ["ann"]);
    kit.publish(&ann, "general", None, "hello");
    kit.leave(&ann, "general").expect("a member");
    kit.wait(ttl - Duration::from_micros(1));
    let kept = kit.join(&ann, "general");
    assert_eq!((kept.head.seq, kept.next), (Seq(1), Seq(1)));
    kit.leave(&ann, "general").expect("a member");
    kit.wait(ttl);
    assert_eq!(kit.shard.rooms(), 0);
    let fresh = kit.join_since(&ann, "general", Some(kept.head));
    assert_eq!((fresh.head.seq, fresh.verdict), (Seq(0), Verdict::Reset));
    assert_ne!(fresh.head.epoch, kept.head.epoch);
}

#[test]
fn a_join_says_what_is_missing() {
    let mut kit = Kit::with(ShardConfig { history_max: 3, ..Default::default() });
    let [ann, _bob] = crowd(&mut kit, ["ann", "bob"]);
    let seen = kit.join(&ann, "general").head;
    for content in ["1", "2", "3"] {
        kit.publish(&ann, "general", None, content);
    }
    let answer = kit.join_since(&ann, "general", Some(seen));
    assert_eq!((answer.verdict, answer.next), (Verdict::Full, Seq(1)));
    kit.publish(&ann, "general", None, "4");
    let answer = kit.join_since(&ann, "general", Some(seen));
    assert_eq!((answer.verdict, answer.next), (Verdict::Gap { from: Seq(1), to: Seq(1) }, Seq(2)));
}

#[test]
fn new_limits_shorten_what_is_kept() {
    let mut kit = Kit::new();
    let [ann] = crowd(&mut kit, ["ann"]);
    for content in ["1", "2", "3"] {
        kit.publish(&ann, "general", None, content);
    }
    kit.apply(Op::Configure { config: ShardConfig { history_max: 1, ..Default::default() } });
    assert_eq!(kit.join(&ann, "general").next, Seq(3));
}

#[test]
fn large_rooms_gather_who_came_and_went() {
    let mut kit = Kit::with(ShardConfig { roster_max: 2, ..Default::default() });
    let [_ann, _bob] = crowd(&mut kit, ["ann", "bob"]);
    let (cat, dan, eve) = (kit.attach("cat"), kit.attach("dan"), kit.attach("eve"));
    assert_eq!(kit.join(&cat, "general").roster, Roster::Count(3));
    assert_eq!(kit.pushes(), []);
    kit.join(&dan, "general");
    kit.join(&eve, "general");
    kit.leave(&dan, "general").expect("a member");
    assert_eq!(kit.pushes(), [], "it is gathered");
    let went = kit.now;
    kit.wait(Duration::from_secs(1));
    let notice = changed(["cat", "eve"], [("dan", went)], 4);
    assert_eq!(kit.pushes(), [(WEST, notice)], "a list asked for meanwhile may show dan");
    assert_eq!(kit.shard.poll_timeout(), None);
}

#[test]
fn a_notice_names_so_many_and_counts_all() {
    let mut kit = Kit::with(ShardConfig { roster_max: 1, ..Default::default() });
    crowd(&mut kit, ["ann", "bob", "cat", "dan"]);
    kit.wait(Duration::from_secs(1));
    assert_eq!(kit.pushes(), [(WEST, changed(["bob"], [], 4))]);
}

#[test]
fn a_room_that_shrinks_first_reports_what_it_gathered() {
    let mut kit = Kit::with(ShardConfig { roster_max: 2, ..Default::default() });
    let [_ann, _bob, cat] = crowd(&mut kit, ["ann", "bob", "cat"]);
    kit.leave(&cat, "general").expect("a member");
    let view = |name| MemberView { user: user(name), away: None, status: None };
    let listed = Push::Listed { members: vec![view("ann"), view("bob")] };
    let expected =
        [(WEST, changed(["cat"], [], 2)), (WEST, left("cat", kit.now, ["ann", "bob"])), (WEST, listed)];
    assert_eq!(kit.pushes(), expected);
    assert_eq!(kit.shard.poll_timeout(), None);
}

#[test]
fn a_newcomer_is_told_who_is_away() {
    let mut kit = Kit::new();
    let [ann, _bob] = crowd(&mut kit, ["ann", "bob"]);
    kit.detach(&ann, Keep::Window);
    let went = kit.now;
    kit.now = kit.now + Duration::from_secs(15);
    kit.apply(Op::Expire);
    let cat = kit.attach("cat");
    assert_eq!(kit.join(&cat, "general").offline, [(user("ann"), went)]);
}

#[test]
fn an_overdue_notice_is_given_once() {
    let mut kit = Kit::with(ShardConfig { roster_max: 2, ..Default::default() });
    let [_ann, _bob, cat] = crowd(&mut kit, ["ann", "bob", "cat"]);
    kit.now = kit.now + Duration::from_secs(5);
    kit.leave(&cat, "general").expect("a member");
    kit.apply(Op::Expire);
    assert_eq!(kit.effects, []);
}

#[test]
fn an_epoch_belongs_to_its_room() {
    let mut kit = Kit::new();
    let ann = kit.attach("ann");
    let (one, two) = (kit.join(&ann, "one"), kit.join(&ann, "two"));
    assert_ne!(one.head.epoch, two.head.epoch);
}
