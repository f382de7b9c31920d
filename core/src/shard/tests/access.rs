//! Whose rooms are, whom they let in, and who is sent away.

use super::kit::{EAST, Guest, Kit, WEST, left};
use crate::{
    config::ShardConfig,
    id::ConnectionId,
    refusal::Refusal,
    role::Role,
    shard::{Keep, Query, Reply, ShardEvent},
};

const DENIED: Refusal = Refusal::PermissionDenied;

fn member(kit: &mut Kit, name: &str) -> Guest {
    let guest = kit.attach(name);
    kit.join(&guest, "general");
    guest
}

/// The connections that are told of a kick, in order.
fn told(kit: &Kit) -> Vec<ConnectionId> {
    let told = kit.effects.iter().filter_map(|effect| match effect.event {
        ShardEvent::Kicked { connection, .. } => Some(connection),
        _ => None,
    });
    told.collect()
}

#[test]
fn an_owner_sends_a_user_away_from_all_connections() {
    let mut kit = Kit::new();
    let (ann, bob) = (member(&mut kit, "ann"), member(&mut kit, "bob"));
    let tab = kit.attach_at(EAST, "bob");
    kit.join(&tab, "general");
    let gone = member(&mut kit, "bob");
    kit.detach(&gone, Keep::Window);
    assert_eq!(kit.kick(&ann, "general", "bob"), Ok(Reply::Noted));
    assert_eq!(told(&kit), [bob.peer.connection, tab.peer.connection]);
    assert_eq!(kit.pushes(), [(WEST, left("bob", kit.now, ["ann"]))], "nobody reads in the east any more");
    for seat in [&bob, &tab] {
        assert_eq!(kit.publish(seat, "general", None, "still here"), Some(Err(Refusal::NotMember)));
        assert_eq!(kit.leave(seat, "general"), Err(Refusal::NotMember));
    }
    let gone = kit.resume(&gone);
    assert_eq!(kit.publish(&gone, "general", None, "still here"), Some(Err(Refusal::NotMember)));
    assert!(!kit.join(&bob, "general").rejoined, "an open room lets everybody in");
}

#[test]
fn what_a_kicked_session_had_is_forgotten_with_its_seats() {
    let mut kit = Kit::new();
    let (ann, bob) = (member(&mut kit, "ann"), member(&mut kit, "bob"));
    kit.kick(&ann, "general", "bob").expect("the owner");
    kit.detach(&bob, Keep::Nothing);
    assert_eq!(kit.pushes(), [], "it has left already");
    kit.leave(&ann, "general").expect("a member");
    kit.wait(ShardConfig::default().room_ttl);
    assert_eq!(kit.shard.rooms(), 0);
}

#[test]
fn a_kick_during_the_grace_shows_nobody_offline() {
    let mut kit = Kit::new();
    let (ann, bob) = (member(&mut kit, "ann"), member(&mut kit, "bob"));
    kit.detach(&bob, Keep::Window);
    kit.kick(&ann, "general", "bob").expect("the owner");
    assert_eq!((told(&kit), kit.pushes()), (vec![], vec![(WEST, left("bob", kit.now, ["ann"]))]));
    kit.wait(ShardConfig::default().resume_window);
    assert_eq!(kit.pushes(), []);
}

#[test]
fn only_owners_and_admins_send_away_and_to_do_it_twice_is_no_fault() {
    let mut kit = Kit::new();
    let (ann, mut bob) = (member(&mut kit, "ann"), member(&mut kit, "bob"));
    assert_eq!(kit.kick(&bob, "general", "ann"), Err(DENIED));
    assert_eq!(kit.kick(&bob, "attic", "ann"), Err(Refusal::UnknownRoom));
    bob.peer.role = Role::Admin;
    assert_eq!(kit.kick(&bob, "general", "ann"), Ok(Reply::Noted));
    assert_eq!(kit.kick(&bob, "general", "ann"), Ok(Reply::Noted));
    assert_eq!((told(&kit), kit.pushes()), (vec![], vec![]));
    kit.join(&ann, "general");
    assert_eq!(kit.kick(&ann, "general", "bob"), Ok(Reply::Noted), "the room is still hers");
}

#[test]
fn the_lobby_is_nobodys_and_a_bot_does_not_own_itself() {
    let mut kit = Kit::new();
    let (ann, bot) = (kit.attach("ann"), kit.attach("weather"));
    kit.join(&ann, "lobby");
    assert_eq!(kit.kick(&ann, "lobby", "ann"), Err(DENIED));
    kit.join(&bot, "bot:weather");
    assert_eq!(kit.kick(&bot, "bot:weather", "ann"), Err(DENIED));
    kit.join(&ann, "bot:news");
    assert_eq!(kit.kick(&ann, "bot:news", "bob"), Ok(Reply::Noted), "who makes a bot's room owns it");
}

#[test]
fn a_private_room_lets_in_whom_it_is_told_to() {
    let mut kit = Kit::new();
    let (ann, bob, mut cat) = (kit.attach("ann"), kit.attach("bob"), kit.attach("cat"));
    assert!(kit.try_create(&ann, "attic", true).is_ok());
    assert_eq!(kit.try_join(&bob.peer, "attic", None).unwrap_err(), DENIED);
    assert_eq!(kit.invite(&bob, "attic", "bob"), Err(DENIED));
    kit.join(&ann, "attic");
    assert_eq!(kit.invite(&ann, "attic", "bob"), Ok(Reply::Noted));
    kit.join(&bob, "attic");
    assert_eq!(kit.kick(&ann, "attic", "bob"), Ok(Reply::Noted));
    assert_eq!(kit.try_join(&bob.peer, "attic", None).unwrap_err(), DENIED, "a kick takes it back");
    cat.peer.role = Role::Admin;
    kit.join(&cat, "attic");
    kit.leave(&cat, "attic").expect("a member");
    kit.invite(&ann, "attic", "cat").expect("the owner");
    cat.peer.role = Role::Guest;
    assert_eq!(kit.try_join(&cat.peer, "attic", None).unwrap_err(), DENIED, "guests read in open rooms only");
}

#[test]
fn a_private_room_of_a_bot_lets_its_bot_in() {
    let mut kit = Kit::new();
    let (ann, mut bot, mut other) = (kit.attach("ann"), kit.attach("weather"), kit.attach("news"));
    (bot.peer.role, other.peer.role) = (Role::Bot, Role::Bot);
    assert!(kit.try_create(&ann, "bot:weather", true).is_ok());
    kit.join(&bot, "bot:weather");
    assert_eq!(kit.try_join(&other.peer, "bot:weather", None).unwrap_err(), DENIED);
}

#[test]
fn nobody_makes_the_lobby_private() {
    let mut kit = Kit::new();
    let (ann, bob) = (kit.attach("ann"), kit.attach("bob"));
    kit.try_create(&ann, "lobby", true).expect("it is there for everybody");
    assert!(kit.try_join(&bob.peer, "lobby", None).is_ok());
}

#[test]
fn a_private_room_lets_in_so_many() {
    let mut kit = Kit::with(ShardConfig { invited_max: 1, ..ShardConfig::default() });
    let ann = kit.attach("ann");
    kit.try_create(&ann, "attic", true).expect("a new room");
    assert_eq!(kit.invite(&ann, "attic", "bob"), Ok(Reply::Noted));
    assert_eq!(kit.invite(&ann, "attic", "bob"), Ok(Reply::Noted));
    assert_eq!(kit.invite(&ann, "attic", "cat"), Err(Refusal::Full));
    assert_eq!(kit.shard.usage().invited, 1);
    kit.kick(&ann, "attic", "bob").expect("the owner");
    assert_eq!(kit.invite(&ann, "attic", "cat"), Ok(Reply::Noted));
}

#[test]
fn private_rooms_are_listed_for_those_whom_they_let_in() {
    let mut kit = Kit::new();
    let (ann, bob) = (kit.attach("ann"), kit.attach("bob"));
    kit.try_create(&ann, "attic", true).expect("a new room");
    kit.try_create(&ann, "cellar", false).expect("a new room");
    kit.try_create(&ann, "den", true).expect("a new room");
    let listed = |kit: &Kit, guest: &Guest| {
        let query = Query::Rooms { peer: guest.peer.clone(), id: None, after: None, limit: 1 };
        match kit.ask(&query) {
            Some(Ok(Reply::Rooms { rooms, more })) => (rooms[0].room.to_string(), more),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(listed(&kit, &ann), ("attic".to_owned(), true));
    assert_eq!(listed(&kit, &bob), ("cellar".to_owned(), false));
    kit.invite(&ann, "den", "bob").expect("the owner");
    assert_eq!(listed(&kit, &bob), ("cellar".to_owned(), true));
}
