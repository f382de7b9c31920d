//! Whose rooms are, whom they let in, and who is sent away.

use super::kit::{EAST, Guest, Kit, WEST, left, room, user};
use crate::{
    config::ShardConfig,
    id::ConnectionId,
    refusal::Refusal,
    role::Role,
    shard::{Keep, Op, Query, Reply, ShardEvent},
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

/// A shard that knows whose tokens are good, and a bot whose token says that it is ann's.
fn verified() -> (Kit, Guest) {
    let mut kit = Kit::with(ShardConfig { verify_tokens: true, ..ShardConfig::default() });
    let mut bot = kit.attach("weather");
    (bot.peer.role, bot.peer.owner) = (Role::Bot, Some(user("ann")));
    (kit, bot)
}

#[test]
fn where_tokens_are_verified_who_comes_first_to_a_bot_does_not_own_it() {
    let (mut kit, bot) = verified();
    let (ann, eve) = (kit.attach("ann"), kit.attach("eve"));
    let mut visitor = kit.attach("eve");
    visitor.peer.visitor = true;
    kit.join(&eve, "bot:joined");
    kit.create(&eve, "bot:made").expect("a new room");
    assert!(matches!(kit.publish(&visitor, "bot:visited", None, "hi"), Some(Ok(_))));
    for name in ["bot:joined", "bot:made", "bot:visited"] {
        assert_eq!(kit.kick(&eve, name, "ann"), Err(DENIED), "{name}");
    }
    kit.join(&eve, "bot:weather");
    assert_eq!(kit.kick(&ann, "bot:weather", "eve"), Err(DENIED), "nobody has said that it is hers");
    kit.join(&bot, "bot:weather");
    assert_eq!(kit.kick(&eve, "bot:weather", "weather"), Err(DENIED));
    assert_eq!(kit.kick(&ann, "bot:weather", "eve"), Ok(Reply::Noted));
    kit.join(&eve, "attic");
    assert_eq!(kit.kick(&eve, "attic", "ann"), Ok(Reply::Noted), "other rooms are their makers'");
}

#[test]
fn where_tokens_are_verified_nobody_makes_the_room_of_anothers_bot_private() {
    let (mut kit, bot) = verified();
    let (ann, mut eve) = (kit.attach("ann"), kit.attach("eve"));
    assert_eq!(kit.try_create(&eve, "bot:weather", true), Err(DENIED));
    assert!(kit.try_create(&bot, "bot:weather", true).is_ok());
    assert_eq!(kit.try_join(&eve.peer, "bot:weather", None).unwrap_err(), DENIED);
    kit.join(&ann, "bot:weather");
    eve.peer.role = Role::Admin;
    assert!(kit.try_create(&eve, "bot:news", true).is_ok());
}

#[test]
fn who_may_come_in_is_not_said_by_who_owned_a_bot_before() {
    for verify_tokens in [false, true] {
        let (mut kit, mut bot) = verified();
        kit.apply(Op::Configure { config: ShardConfig { verify_tokens, ..ShardConfig::default() } });
        let (eve, cat, dan) = (kit.attach("eve"), kit.attach("cat"), kit.attach("dan"));
        // By its token the bot was eve's; in open mode she came first.
        bot.peer.owner = Some(user("eve"));
        let maker = if verify_tokens { &bot } else { &eve };
        kit.try_create(maker, "bot:weather", true).expect("a new room");
        kit.invite(&eve, "bot:weather", "cat").expect("the owner");
        bot.peer.owner = Some(user("ann"));
        kit.join(&bot, "bot:weather");
        assert_eq!(kit.invite(&eve, "bot:weather", "eve"), Err(DENIED));
        let comes_in = |kit: &mut Kit, guest: &Guest| kit.try_join(&guest.peer, "bot:weather", None).is_ok();
        for guest in [&eve, &cat, &dan] {
            assert_eq!(
                comes_in(&mut kit, guest),
                !verify_tokens,
                "{guest:?}: what the bot closed stays closed"
            );
        }
    }
}

#[test]
fn who_becomes_a_guest_in_a_private_room_stays_until_they_leave() {
    let mut kit = Kit::new();
    let (ann, mut bob) = (kit.attach("ann"), kit.attach("bob"));
    kit.try_create(&ann, "attic", true).expect("it is new");
    kit.invite(&ann, "attic", "bob").expect("it is hers");
    kit.join(&bob, "attic");
    bob.peer.role = Role::Guest;
    assert!(matches!(kit.publish(&bob, "attic", None, "still here"), Some(Ok(_))));
    let history = Query::History {
        peer: bob.peer.clone(),
        id: None,
        room: room("attic"),
        before: None,
        messages_max: 9,
        bytes_max: 999,
    };
    assert!(matches!(kit.ask(&history), Some(Ok(Reply::History { .. }))));
    assert!(kit.join(&bob, "attic").rejoined);
    kit.leave(&bob, "attic").expect("it is a member");
    assert_eq!(kit.try_join(&bob.peer, "attic", None), Err(Refusal::PermissionDenied));
}
