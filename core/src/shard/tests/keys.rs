//! Messages under keys: in their rooms once, whoever repeats them.

use std::time::Duration;

use super::kit::{Guest, Kit, WEST};
use crate::{
    config::ShardConfig,
    id::RequestId,
    refusal::Refusal,
    shard::{Extra, Keep, Op, Push, Reply, ShardEvent},
};

const WINDOW: Duration = Duration::from_secs(10);

fn kit(keys_per_user_max: u32, keys_max: u32) -> Kit {
    Kit::with(ShardConfig { keys_per_user_max, keys_max, key_window: WINDOW, ..ShardConfig::default() })
}

fn member(kit: &mut Kit, name: &str) -> Guest {
    let guest = kit.attach(name);
    kit.join(&guest, "general");
    guest
}

fn under(key: &str) -> Extra {
    Extra { key: Some(key.into()), ..Extra::default() }
}

/// The seq of a message under a key, and whether it is new.
fn say(kit: &mut Kit, guest: &Guest, room: &str, key: &str) -> Result<(u64, bool), Refusal> {
    say_with(kit, guest, room, under(key))
}

fn say_with(kit: &mut Kit, guest: &Guest, room: &str, extra: Extra) -> Result<(u64, bool), Refusal> {
    let reply = kit.publish_with(guest, room, extra)?;
    let Reply::Published(placed) = reply else { panic!("{reply:?}") };
    let is_new = matches!(&kit.pushes()[..], [(WEST, Push::Message { .. })]);
    assert!(is_new || kit.pushes().is_empty());
    Ok((placed.position.seq.0, is_new))
}

#[test]
fn a_repeat_is_answered_like_the_first_and_names_its_key() {
    let mut kit = kit(10, 10);
    let ann = member(&mut kit, "ann");
    assert_eq!(say(&mut kit, &ann, "general", "k"), Ok((1, true)));
    assert_eq!(say(&mut kit, &ann, "general", "k"), Ok((1, false)));
    assert!(matches!(&kit.effects[0].event, ShardEvent::Reply { key: Some(key), .. } if &**key == "k"));
    assert_eq!(say(&mut kit, &ann, "general", "l"), Ok((2, true)));
}

#[test]
fn a_key_that_was_used_for_something_else_is_refused_and_stays_that_of_the_first() {
    let mut kit = kit(10, 10);
    let ann = member(&mut kit, "ann");
    say(&mut kit, &ann, "general", "k").expect("a member");
    let others = [
        Extra { priority: 0, ..under("k") },
        Extra { reply_to: Some(1), ..under("k") },
        Extra { mentions: vec!["bob".into()], ..under("k") },
    ];
    for other in others {
        assert_eq!(say_with(&mut kit, &ann, "general", other), Err(Refusal::KeyReused));
        let key = kit.effects.iter().find_map(|effect| match &effect.event {
            ShardEvent::Reply { key, .. } => key.clone(),
            _ => None,
        });
        assert_eq!(key.as_deref(), Some("k"), "the refusal names it");
    }
    let (peer, extra) = (ann.peer.clone(), under("k").boxed());
    kit.apply(Op::Publish {
        peer,
        id: None,
        room: super::kit::room("general"),
        content: "bye".into(),
        extra,
    });
    assert_eq!(kit.reply(), Some(Err(Refusal::KeyReused)));
    assert_eq!(say(&mut kit, &ann, "general", "k"), Ok((1, false)));
    kit.wait(WINDOW);
    let other = Extra { priority: 0, ..under("k") };
    assert_eq!(say_with(&mut kit, &ann, "general", other), Ok((2, true)), "it is free again");
}

#[test]
fn a_key_is_of_one_user_and_one_room() {
    let mut kit = kit(10, 10);
    let (ann, bob) = (member(&mut kit, "ann"), member(&mut kit, "bob"));
    kit.join(&ann, "attic");
    assert_eq!(say(&mut kit, &ann, "general", "k"), Ok((1, true)));
    assert_eq!(say(&mut kit, &bob, "general", "k"), Ok((2, true)));
    assert_eq!(say(&mut kit, &ann, "attic", "k"), Ok((1, true)));
    assert_eq!(say(&mut kit, &ann, "general", "k"), Ok((1, false)));
}

#[test]
fn keys_outlive_sessions_and_end_with_their_window() {
    let mut kit = kit(10, 10);
    let ann = member(&mut kit, "ann");
    say(&mut kit, &ann, "general", "k").expect("a member");
    kit.wait(WINDOW / 2);
    say(&mut kit, &ann, "general", "l").expect("a member");
    kit.detach(&ann, Keep::Nothing);
    let ann = member(&mut kit, "ann");
    kit.wait(WINDOW / 2 - Duration::from_micros(1));
    assert_eq!(say(&mut kit, &ann, "general", "k"), Ok((1, false)));
    kit.wait(Duration::from_micros(1));
    assert_eq!(say(&mut kit, &ann, "general", "k"), Ok((3, true)), "its window is over");
    assert_eq!(say(&mut kit, &ann, "general", "l"), Ok((2, false)), "its own is not");
    kit.wait(WINDOW);
    assert_eq!((kit.shard.usage().keys, kit.shard.usage().keys_of_user), (0, 0));
}

#[test]
fn a_full_table_refuses_what_is_new_and_forgets_nothing() {
    let mut kit = kit(2, 3);
    let (ann, bob) = (member(&mut kit, "ann"), member(&mut kit, "bob"));
    for key in ["k", "l"] {
        say(&mut kit, &ann, "general", key).expect("it fits");
    }
    assert_eq!(say(&mut kit, &ann, "general", "m"), Err(Refusal::Full));
    assert_eq!(say(&mut kit, &ann, "general", "k"), Ok((1, false)));
    assert!(kit.publish(&ann, "general", None, "without a key").is_some_and(|reply| reply.is_ok()));
    say(&mut kit, &bob, "general", "k").expect("it fits");
    assert_eq!(say(&mut kit, &bob, "general", "l"), Err(Refusal::Full), "so many of all users");
    kit.wait(WINDOW);
    assert_eq!(say(&mut kit, &ann, "general", "m"), Ok((5, true)));
}

#[test]
fn a_refusal_is_not_kept_under_the_key() {
    let mut kit = kit(10, 10);
    let ann = kit.attach("ann");
    assert_eq!(say(&mut kit, &ann, "general", "k"), Err(Refusal::UnknownRoom));
    kit.join(&ann, "general");
    assert_eq!(say(&mut kit, &ann, "general", "k"), Ok((1, true)));
}

#[test]
fn a_number_and_a_key_agree() {
    let mut kit = kit(10, 10);
    let ann = member(&mut kit, "ann");
    let mut publish = |id: u64, key: &str| {
        let extra = Extra { key: Some(key.into()), ..Extra::default() }.boxed();
        let (peer, id) = (ann.peer.clone(), Some(RequestId(id)));
        kit.apply(Op::Publish {
            peer,
            id,
            room: super::kit::room("general"),
            content: "hello".into(),
            extra,
        });
        match kit.reply() {
            Some(Ok(Reply::Published(placed))) => placed.position.seq.0,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(publish(1, "k"), 1);
    assert_eq!(publish(2, "k"), 1, "the key is known");
    assert_eq!(publish(2, "l"), 1, "the number is, now, too");
    assert_eq!(publish(3, "l"), 2);
}
