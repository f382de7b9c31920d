//! Visitors: they read and speak where their user is a member by another session, and take no seat.

use std::time::Duration;

use super::kit::{Guest, Kit, WEST, room};
use crate::{
    config::ShardConfig,
    id::Seq,
    refusal::Refusal,
    role::Role,
    shard::{Keep, Op, Peer, Push, Query, Reply},
};

/// Another connection of a user, for a request or two.
fn visit(kit: &mut Kit, user: &str) -> Guest {
    let Guest { peer, resume } = kit.attach(user);
    Guest { peer: Peer { visitor: true, ..peer }, resume }
}

/// The contents of a room's history and the number of its members.
fn read(kit: &Kit, guest: &Guest) -> Result<(Vec<String>, u32), Refusal> {
    let (peer, name) = (guest.peer.clone(), room("general"));
    let (messages_max, bytes_max) = (10, 10_000);
    let history = Query::History {
        peer: peer.clone(),
        id: None,
        room: name.clone(),
        before: None,
        messages_max,
        bytes_max,
    };
    let members = Query::Members { peer, id: None, room: name, after: None, limit: 10 };
    match (kit.ask(&history).unwrap()?, kit.ask(&members).unwrap()?) {
        (Reply::History { messages, .. }, Reply::Members { count, .. }) => {
            Ok((messages.iter().map(|message| message.content.to_string()).collect(), count))
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_members_visit_is_served_and_nobody_told_of_it() {
    let mut kit = Kit::new();
    let ann = kit.attach("ann");
    kit.join(&ann, "general");
    let visitor = visit(&mut kit, "ann");
    let said = kit.publish(&visitor, "general", Some(1), "from afar");
    assert!(matches!(said, Some(Ok(Reply::Published(_)))), "{said:?}");
    assert!(matches!(&kit.pushes()[..], [(WEST, Push::Message { .. })]));
    assert_eq!(read(&kit, &visitor), Ok((vec!["from afar".to_owned()], 1)));
    kit.detach(&visitor, Keep::Nothing);
    assert_eq!(kit.pushes(), []);
    assert_eq!(kit.try_join(&visitor.peer, "general", None), Err(Refusal::Replaced), "it has ended");
}

#[test]
fn a_visitor_has_no_more_rights_than_a_member() {
    let mut kit = Kit::new();
    let ann = kit.attach("ann");
    kit.join(&ann, "general");
    let bob = visit(&mut kit, "bob");
    assert_eq!(read(&kit, &bob), Err(Refusal::NotMember));
    assert_eq!(kit.publish(&bob, "general", Some(1), "hi"), Some(Err(Refusal::NotMember)));
    assert_eq!(kit.publish(&bob, "nowhere", Some(2), "hi"), Some(Err(Refusal::UnknownRoom)));
    assert_eq!(kit.try_join(&bob.peer, "general", None), Err(Refusal::PermissionDenied));

    let seated = kit.attach("bob");
    kit.join(&seated, "general");
    assert!(read(&kit, &bob).is_ok());
    // Who has no seat cannot leave one, either.
    assert_eq!(kit.leave(&bob, "general"), Err(Refusal::NotMember));
    kit.leave(&seated, "general").unwrap();
    assert_eq!(read(&kit, &bob), Err(Refusal::NotMember));
}

#[test]
fn whoever_visits_a_bot_that_nobody_has_met_makes_its_room() {
    let mut kit = Kit::new();
    let (ann, mut guest) = (visit(&mut kit, "ann"), visit(&mut kit, "gus"));
    guest.peer.role = Role::Guest;
    assert_eq!(
        kit.publish(&guest, "bot:weather", None, "hi"),
        Some(Err(Refusal::UnknownRoom)),
        "as on joining"
    );
    assert_eq!(
        kit.publish(&ann, "bot:a:b", None, "hi"),
        Some(Err(Refusal::UnknownRoom)),
        "no bot has that name"
    );
    assert!(matches!(kit.publish(&ann, "bot:weather", None, "hi"), Some(Ok(Reply::Published(_)))));
    let (bot, other) = (kit.attach("weather"), visit(&mut kit, "bob"));
    assert_eq!(kit.join(&bot, "bot:weather").next, Seq(1), "what was said waits for it");
    assert!(matches!(kit.publish(&other, "bot:weather", None, "hi"), Some(Ok(Reply::Published(_)))));
    for (guest, answer) in [(&other, Err(Refusal::PermissionDenied)), (&ann, Ok(Reply::Noted))] {
        kit.apply(Op::Run { peer: guest.peer.clone(), id: None, room: room("bot:weather"), on: true });
        assert_eq!(kit.reply(), Some(answer), "it is ann's");
    }
}

#[test]
fn owners_and_admins_visit_and_a_bots_room_takes_visits_from_all_whom_it_lets_in() {
    let mut kit = Kit::new();
    let (owner, mut other) = (visit(&mut kit, "ann"), visit(&mut kit, "bob"));
    for (name, private) in [("general", false), ("bot:weather", false), ("bot:news", true)] {
        kit.try_create(&owner, name, private).expect("a new room");
    }
    let mut said = |guest: &Guest, name: &str| kit.publish(guest, name, None, "hi").expect("an answer").err();
    assert_eq!(said(&owner, "general"), None);
    assert_eq!(said(&other, "general"), Some(Refusal::NotMember));
    assert_eq!(said(&other, "bot:weather"), None);
    assert_eq!(said(&other, "bot:news"), Some(Refusal::NotMember));
    assert_eq!(said(&owner, "bot:news"), None);
    other.peer.role = Role::Admin;
    assert_eq!(said(&other, "general"), None);
    assert_eq!(said(&other, "bot:news"), None);
    assert_eq!(read(&kit, &other), Ok((vec!["hi".to_owned(), "hi".to_owned()], 0)));
    other.peer.visitor = false;
    assert_eq!(kit.publish(&other, "general", None, "hi"), Some(Err(Refusal::NotMember)), "it is no visitor");
}

#[test]
fn what_is_said_in_an_empty_room_is_kept_from_then_on() {
    let span = Duration::from_secs(10);
    let mut kit = Kit::with(ShardConfig { room_ttl: span, bot_room_ttl: span * 2, ..ShardConfig::default() });
    let ann = visit(&mut kit, "ann");
    for (name, ttl) in [("general", span), ("bot:weather", span * 2)] {
        kit.try_create(&ann, name, false).expect("a new room");
        for _ in 0..3 {
            kit.wait(ttl - Duration::from_micros(1));
            let said = kit.publish(&ann, name, None, "hi");
            assert!(matches!(said, Some(Ok(Reply::Published(_)))), "{name}: {said:?}");
        }
        kit.wait(ttl - Duration::from_micros(1));
        assert_eq!(kit.shard.rooms(), 1, "{name}");
        kit.wait(Duration::from_micros(1));
        assert_eq!(kit.shard.rooms(), 0, "{name}");
    }
}

#[test]
fn a_bot_that_comes_back_after_days_finds_all_that_was_said_meanwhile() {
    let mut kit = Kit::new();
    let (ann, bot) = (visit(&mut kit, "ann"), kit.attach("weather"));
    kit.join(&bot, "bot:weather");
    kit.leave(&bot, "bot:weather").expect("a member");
    for _ in 0..9 {
        assert!(matches!(kit.publish(&ann, "bot:weather", None, "hi"), Some(Ok(_))));
        kit.wait(Duration::from_secs(6 * 86_400));
    }
    let joined = kit.join(&bot, "bot:weather");
    assert_eq!((joined.next, joined.head.seq), (Seq(1), Seq(9)));
    assert_eq!(kit.shard.poll_timeout(), None, "whose room has a member waits for nobody");
}
