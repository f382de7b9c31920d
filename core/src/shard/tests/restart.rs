//! What a shard keeps when its log goes on in another life of the process.

use std::time::Duration;

use super::kit::{Attach, EAST, Guest, Kit, WEST, visitor};
use crate::{
    config::ShardConfig,
    id::Position,
    shard::{Keep, Op, Placed, Reply, Verdict},
};

const WINDOW: Duration = Duration::from_secs(120);
const HOUR: Duration = Duration::from_secs(3_600);
const INSTANT: Duration = Duration::from_micros(1);

/// The process is away for an hour, in which nothing can expire.
fn restart(kit: &mut Kit, lost: bool) {
    kit.now = kit.now + HOUR;
    kit.apply(Op::Restart { config: ShardConfig::default(), incarnation: 43, lost });
}

/// Someone who has said something in a room.
fn speaker(kit: &mut Kit) -> (Guest, Placed) {
    let ann = kit.attach("ann");
    kit.join(&ann, "tea");
    let Some(Ok(Reply::Published(placed))) = kit.publish(&ann, "tea", Some(7), "hello") else { panic!() };
    (ann, placed)
}

fn is_resumed(kit: &mut Kit, guest: &Guest) -> bool {
    match kit.try_attach(EAST, guest.peer.user.as_str(), Some(guest.resume)) {
        Attach::Done { resumed, .. } => resumed,
        other => panic!("{other:?}"),
    }
}

#[test]
fn sessions_rooms_and_answers_outlive_a_process() {
    let mut kit = Kit::new();
    let (ann, placed) = speaker(&mut kit);
    restart(&mut kit, false);
    kit.wait(WINDOW - INSTANT);
    let ann = kit.resume(&ann);
    let joined = kit.join_since(&ann, "tea", Some(placed.position));
    assert_eq!((joined.verdict, joined.head), (Verdict::Full, placed.position));
    let again = kit.publish(&ann, "tea", Some(7), "hello");
    assert_eq!(again, Some(Ok(Reply::Published(placed))), "it is answered, and not said twice");
}

#[test]
fn windows_of_connections_that_went_with_the_process_begin_with_its_next_life() {
    let mut kit = Kit::new();
    let (ann, _) = speaker(&mut kit);
    restart(&mut kit, false);
    assert_eq!(kit.shard.poll_timeout(), Some(kit.now + ShardConfig::default().presence_grace));
    kit.wait(WINDOW);
    assert!(!is_resumed(&mut kit, &ann));
}

#[test]
fn windows_of_connections_that_were_gone_before_begin_anew_in_every_shard() {
    for (waited, is_in_time) in [(WINDOW - INSTANT, true), (WINDOW, false)] {
        let mut kit = Kit::new();
        let ann = kit.attach("ann");
        kit.detach(&ann, Keep::Window);
        kit.wait(WINDOW / 2);
        restart(&mut kit, false);
        kit.wait(waited);
        assert_eq!(is_resumed(&mut kit, &ann), is_in_time, "{waited:?}");
    }
    // A session that is at home elsewhere must not end here before it does there.
    let mut kit = Kit::new();
    let bob = visitor(5, 1, 9, "bob");
    kit.join(&bob, "tea");
    kit.detach(&bob, Keep::Window);
    restart(&mut kit, false);
    kit.wait(WINDOW);
    assert_eq!(kit.shard.usage().sessions, 1);
    kit.wait(Duration::from_secs(10));
    assert_eq!(kit.shard.usage().sessions, 0);
}

#[test]
fn who_waited_for_a_session_waits_no_more() {
    let mut kit = Kit::new();
    let ann = kit.attach("ann");
    let Attach::Waits(_) = kit.try_attach(EAST, "ann", Some(ann.resume)) else { panic!() };
    restart(&mut kit, false);
    assert_eq!(kit.effects, [], "there is nobody to tell");
    assert!(is_resumed(&mut kit, &ann));
}

#[test]
fn where_entries_may_be_lost_rooms_get_new_epochs_and_sessions_end() {
    let mut kit = Kit::new();
    let (ann, placed) = speaker(&mut kit);
    restart(&mut kit, true);
    assert!(!is_resumed(&mut kit, &ann));
    let ann = kit.attach_at(WEST, "ann");
    let joined = kit.join_since(&ann, "tea", Some(placed.position));
    let Position { epoch, seq } = joined.head;
    assert!(epoch != placed.position.epoch && seq == placed.position.seq, "what was said is still there");
    assert_eq!(joined.verdict, Verdict::Reset);
}
