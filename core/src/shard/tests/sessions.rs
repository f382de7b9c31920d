//! Attach, resume, take-over, detach, expiry.

use std::time::Duration;

use super::kit::{Attach, EAST, Kit, WEST, joined, left, presence, room, visitor};
use crate::{
    config::ShardConfig,
    id::{ConnectionId, GatewayId, Generation},
    limiter::Rate,
    refusal::Refusal,
    secret::Secrets,
    shard::{Effect, Keep, Limiters, Op, Peer, Reply, Resume, ShardEvent},
};

const WINDOW: Duration = Duration::from_secs(120);
const INSTANT: Duration = Duration::from_micros(1);

/// Limiters from which something was taken.
fn used(kit: &Kit) -> Limiters {
    let mut limiters = Limiters::default();
    limiters.message.take(kit.now, Rate { per_second: 1, burst: 9 }).expect("a new bucket is full");
    limiters
}

fn waits(attach: Attach) -> Peer {
    match attach {
        Attach::Waits(waiting) => waiting,
        other => panic!("does not wait: {other:?}"),
    }
}

/// Who is attached by the last entry: gateway, connection, generation, limiters.
fn attached(kit: &Kit) -> Option<(GatewayId, ConnectionId, Generation, Limiters)> {
    kit.effects.iter().find_map(|effect| match &effect.event {
        ShardEvent::Attached { peer, limiters, .. } => {
            Some((effect.to, peer.connection, peer.generation, limiters.clone()))
        }
        _ => None,
    })
}

#[test]
fn a_first_connection_opens_a_session() {
    let mut kit = Kit::new();
    let Attach::Done { guest, resumed, limiters } = kit.try_attach(WEST, "ann", None) else { panic!() };
    assert_eq!((resumed, limiters, guest.peer.generation), (false, Limiters::default(), Generation(1)));
}

#[test]
fn a_session_is_resumed_with_its_secret_and_its_limiters() {
    let mut kit = Kit::new();
    let ann = kit.attach("ann");
    let used = used(&kit);
    kit.detach_with(&ann.peer, Keep::Window, used.clone());
    kit.wait(WINDOW - INSTANT);
    let Attach::Done { guest, resumed, limiters } = kit.try_attach(EAST, "ann", Some(ann.resume)) else {
        panic!()
    };
    assert_eq!((guest.peer.session, guest.peer.generation), (ann.peer.session, Generation(2)));
    assert_eq!((resumed, limiters), (true, used));
}

#[test]
fn a_session_cannot_be_resumed_after_its_window() {
    let mut kit = Kit::new();
    let ann = kit.attach("ann");
    kit.detach(&ann, Keep::Window);
    assert_eq!(kit.shard.poll_timeout(), Some(kit.now + WINDOW));
    kit.wait(WINDOW);
    let Attach::Done { guest, resumed, .. } = kit.try_attach(WEST, "ann", Some(ann.resume)) else { panic!() };
    assert!(!resumed);
    assert_ne!(guest.peer.session, ann.peer.session);
}

#[test]
fn a_session_is_kept_for_the_grace_only_if_its_client_was_never_given_a_secret() {
    let grace = ShardConfig::default().presence_grace;
    let mut kit = Kit::new();
    let ann = kit.attach("ann");
    kit.detach(&ann, Keep::Grace);
    assert_eq!(kit.shard.poll_timeout(), Some(kit.now + grace));
    let ann = kit.resume(&ann);
    kit.detach(&ann, Keep::Grace);
    assert_eq!(
        kit.shard.poll_timeout(),
        Some(kit.now + WINDOW),
        "it has been resumed: the client has a secret"
    );
}

#[test]
fn a_wrong_secret_or_another_users_session_opens_a_new_one() {
    let mut kit = Kit::new();
    let (ann, bob) = (kit.attach("ann"), kit.attach("bob"));
    let guessed =
        Resume { session: ann.peer.session, secret: Secrets::new([1; 32]).secret().hash(), attempt: 0 };
    for (name, resume) in [("ann", guessed), ("bob", ann.resume), ("ann", bob.resume)] {
        let Attach::Done { resumed, .. } = kit.try_attach(WEST, name, Some(resume)) else { panic!() };
        assert!(!resumed);
    }
}

#[test]
fn a_connection_that_was_given_up_does_not_take_the_session_back() {
    let mut kit = Kit::new();
    let first = kit.attach("ann");
    kit.detach(&first, Keep::Window);
    let attempt = |attempt| Some(Resume { attempt, ..first.resume });
    let Attach::Done { guest: newest, .. } = kit.try_attach(EAST, "ann", attempt(3)) else { panic!() };
    let Attach::Refused(refusal) = kit.try_attach(WEST, "ann", attempt(2)) else { panic!() };
    assert_eq!(refusal, Refusal::Replaced, "a gateway was slow to pass it on");
    kit.join(&newest, "general");
    kit.detach(&newest, Keep::Window);
    let Attach::Done { resumed, .. } = kit.try_attach(WEST, "ann", attempt(4)) else { panic!() };
    assert!(resumed);
}

#[test]
fn the_old_secret_is_valid_until_the_new_one_is_used() {
    let mut kit = Kit::new();
    let first = kit.attach("ann");
    kit.detach(&first, Keep::Window);
    let second = kit.resume(&first);
    kit.detach(&second, Keep::Window);
    let third = kit.resume(&first);
    kit.detach(&third, Keep::Window);
    let fourth = kit.resume(&third);
    kit.detach(&fourth, Keep::Window);
    for forgotten in [first, second] {
        let Attach::Done { resumed, .. } = kit.try_attach(WEST, "ann", Some(forgotten.resume)) else {
            panic!()
        };
        assert!(!resumed);
    }
    kit.resume(&third);
}

#[test]
fn a_user_has_so_many_sessions_and_a_shard_so_many_in_all() {
    let mut kit = Kit::with(ShardConfig { sessions_per_user_max: 2, sessions_max: 3, ..Default::default() });
    let ann = kit.attach("ann");
    kit.attach("ann");
    let refused = |attach| matches!(attach, Attach::Refused(Refusal::TooManySessions));
    assert!(refused(kit.try_attach(WEST, "ann", None)));
    kit.attach("bob");
    assert!(matches!(kit.try_attach(WEST, "bob", None), Attach::Refused(Refusal::Full)));
    kit.detach(&ann, Keep::Nothing);
    kit.attach("bob");
}

#[test]
fn limiters_are_kept_of_so_many_users_who_used_something() {
    let mut kit = Kit::with(ShardConfig { spent_max: 2, ..Default::default() });
    for name in ["ann", "bob", "cat"] {
        let guest = kit.attach(name);
        kit.detach(&guest, Keep::Nothing);
    }
    assert_eq!((kit.shard.usage().spent, kit.shard.poll_timeout()), (0, None), "nobody used anything");
    let used = used(&kit);
    for name in ["ann", "bob", "ann", "cat"] {
        let guest = kit.attach(name);
        kit.detach_with(&guest.peer, Keep::Nothing, used.clone());
        assert!(kit.shard.usage().spent <= 2);
        kit.wait(INSTANT);
    }
    for (name, kept) in [("ann", used.clone()), ("bob", Limiters::default()), ("cat", used)] {
        let Attach::Done { limiters, .. } = kit.try_attach(WEST, name, None) else { panic!() };
        assert_eq!(limiters, kept, "of {name}: bob would have been forgotten first");
    }
    kit.wait(ShardConfig::default().limiter_ttl);
    assert_eq!((kit.shard.usage().spent, kit.shard.poll_timeout()), (0, None), "they are full again");
}

#[test]
fn a_connection_attaches_once() {
    let mut kit = Kit::new();
    let ann = kit.attach("ann");
    let again = kit.attach_on(WEST, ann.peer.connection, "ann", Some(ann.resume));
    assert!(matches!(again, Attach::Refused(Refusal::AlreadyAttached)));
    let waiting = waits(kit.try_attach(EAST, "ann", Some(ann.resume)));
    let again = kit.attach_on(EAST, waiting.connection, "ann", Some(ann.resume));
    assert!(matches!(again, Attach::Refused(Refusal::AlreadyAttached)));
}

#[test]
fn a_newcomer_waits_until_the_older_connection_has_handed_over() {
    let mut kit = Kit::new();
    let ann = kit.attach("ann");
    kit.join(&ann, "general");
    let waiting = waits(kit.try_attach(EAST, "ann", Some(ann.resume)));
    let (connection, session) = (ann.peer.connection, ann.peer.session);
    let event = ShardEvent::TakenOver { connection, session, generation: Generation(1) };
    assert_eq!(kit.effects, [Effect { to: WEST, event }]);
    assert!(kit.publish(&ann, "general", Some(1), "still here").expect("an answer").is_ok());

    let used = used(&kit);
    kit.detach_with(&ann.peer, Keep::Window, used.clone());
    assert_eq!(attached(&kit), Some((EAST, waiting.connection, Generation(2), used)));
    assert_eq!(kit.publish(&ann, "general", Some(2), "late"), Some(Err(Refusal::Replaced)));
}

#[test]
fn a_clean_close_of_the_older_connection_does_not_end_a_session_that_is_taken_over() {
    let mut kit = Kit::new();
    let ann = kit.attach("ann");
    waits(kit.try_attach(EAST, "ann", Some(ann.resume)));
    kit.detach(&ann, Keep::Nothing);
    assert_eq!(attached(&kit).expect("attached").2, Generation(2));
}

#[test]
fn of_two_newcomers_the_later_one_gets_the_session() {
    let mut kit = Kit::new();
    let ann = kit.attach("ann");
    let earlier = waits(kit.try_attach(EAST, "ann", Some(ann.resume)));
    let later = waits(kit.try_attach(EAST, "ann", Some(ann.resume)));
    let event = ShardEvent::AttachRefused { connection: earlier.connection, refusal: Refusal::Replaced };
    assert_eq!(kit.effects, [Effect { to: EAST, event }], "and the older is told once");
    kit.detach(&ann, Keep::Window);
    assert_eq!(attached(&kit).expect("attached").1, later.connection);
}

#[test]
fn a_newcomer_that_goes_before_its_turn_is_forgotten() {
    let mut kit = Kit::new();
    let ann = kit.attach("ann");
    let gone = waits(kit.try_attach(EAST, "ann", Some(ann.resume)));
    kit.detach_with(&gone, Keep::Grace, Limiters::default());
    kit.detach(&ann, Keep::Window);
    assert_eq!(attached(&kit), None);
    assert_eq!(kit.shard.poll_timeout(), Some(kit.now + WINDOW));
    kit.resume(&ann);
}

#[test]
fn a_connection_that_goes_before_it_is_told_its_session_is_found_by_its_address() {
    let mut kit = Kit::new();
    let ann = kit.attach("ann");
    let mut unaware = ann.peer.clone();
    unaware.generation = Generation(0);
    unaware.session.0 += 1;
    kit.detach_with(&unaware, Keep::Nothing, Limiters::default());
    let Attach::Done { resumed, .. } = kit.try_attach(WEST, "ann", Some(ann.resume)) else { panic!() };
    assert!(!resumed, "the session has ended");
}

#[test]
fn when_a_gateway_goes_its_sessions_can_be_resumed_elsewhere() {
    let mut kit = Kit::new();
    let (ann, bob) = (kit.attach("ann"), kit.attach_at(EAST, "bob"));
    kit.join(&ann, "general");
    kit.join(&bob, "general");
    kit.apply(Op::GatewayDown { gateway: WEST });
    assert_eq!(kit.effects, []);
    let went = Some(kit.now);
    kit.wait(Duration::from_secs(15));
    assert_eq!(kit.pushes(), [(EAST, presence("ann", went))]);
    kit.resume(&ann);
}

#[test]
fn when_a_gateway_goes_those_who_wait_for_its_connections_are_attached() {
    let mut kit = Kit::new();
    let ann = kit.attach("ann");
    let waiting = waits(kit.try_attach(EAST, "ann", Some(ann.resume)));
    kit.apply(Op::GatewayDown { gateway: WEST });
    assert_eq!(attached(&kit).expect("attached").1, waiting.connection);
}

#[test]
fn when_a_gateway_goes_its_waiting_connections_are_forgotten() {
    let mut kit = Kit::new();
    let ann = kit.attach("ann");
    waits(kit.try_attach(EAST, "ann", Some(ann.resume)));
    kit.apply(Op::GatewayDown { gateway: EAST });
    kit.detach(&ann, Keep::Window);
    assert_eq!(kit.effects, []);
    kit.resume(&ann);
}

#[test]
fn a_late_detach_of_an_older_connection_does_not_touch_a_newer_one() {
    let mut kit = Kit::new();
    let old = kit.attach("ann");
    kit.join(&old, "general");
    kit.detach(&old, Keep::Window);
    let new = kit.resume(&old);
    kit.join(&new, "general");
    kit.detach(&old, Keep::Nothing);
    assert_eq!(kit.effects, []);
    assert!(kit.publish(&new, "general", Some(1), "hello").expect("an answer").is_ok());
}

#[test]
fn a_late_request_after_a_detach_is_refused() {
    let mut kit = Kit::new();
    let ann = kit.attach("ann");
    kit.join(&ann, "general");
    kit.detach(&ann, Keep::Window);
    assert_eq!(kit.try_join(&ann.peer, "general", None), Err(Refusal::Replaced));
    assert_eq!(kit.leave(&ann, "general"), Err(Refusal::Replaced));
    let (peer, room) = (ann.peer.clone(), room("other"));
    kit.apply(Op::Create { peer, id: None, room, private: false });
    assert_eq!(kit.reply(), Some(Err(Refusal::Replaced)));
    assert_eq!(kit.shard.rooms(), 1);
}

#[test]
fn a_session_that_is_over_is_refused_while_its_user_has_others() {
    let mut kit = Kit::new();
    let (gone, _here) = (kit.attach("ann"), kit.attach("ann"));
    kit.detach(&gone, Keep::Nothing);
    assert_eq!(kit.try_join(&gone.peer, "general", None), Err(Refusal::Replaced));
}

#[test]
fn a_session_ends_with_its_memberships() {
    let mut kit = Kit::new();
    let (ann, bob) = (kit.attach("ann"), kit.attach("bob"));
    kit.join(&ann, "general");
    kit.join(&bob, "general");
    kit.detach(&ann, Keep::Nothing);
    assert_eq!(kit.pushes(), [(WEST, left("ann", kit.now, ["bob"]))]);
    kit.now = kit.now + Duration::from_secs(60);
    kit.apply(Op::Expire);
    assert_eq!(kit.shard.poll_timeout(), None, "nothing of it is left");
}

#[test]
fn an_overdue_session_lives_until_it_is_expired() {
    let mut kit = Kit::new();
    let ann = kit.attach("ann");
    kit.join(&ann, "general");
    kit.detach(&ann, Keep::Window);
    kit.now = kit.now + 2 * WINDOW;
    let ann = kit.resume(&ann);
    assert!(kit.join(&ann, "general").rejoined);
    kit.apply(Op::Expire);
    assert_eq!(kit.shard.poll_timeout(), None);
}

#[test]
fn a_visitor_is_known_from_its_first_request_and_followed_to_newer_connections() {
    let mut kit = Kit::new();
    let (first, second) = (visitor(5, 1, 100, "ann"), visitor(5, 2, 101, "ann"));
    let bob = kit.attach("bob");
    kit.join(&bob, "general");
    kit.join(&first, "general");
    assert_eq!(kit.pushes(), [(WEST, joined("ann", ["ann", "bob"])), (EAST, joined("ann", ["ann", "bob"]))]);

    // The newer connection speaks in another room first: its seat in this one is free until it comes back.
    kit.join(&second, "other");
    assert_eq!(kit.publish(&second, "general", Some(1), "hello"), Some(Err(Refusal::NotMember)));
    assert_eq!(kit.publish(&first, "general", Some(2), "late"), Some(Err(Refusal::Replaced)));
    kit.detach(&first, Keep::Nothing);
    assert_eq!(kit.effects, []);
    let went = Some(kit.now);
    kit.wait(Duration::from_secs(15));
    assert_eq!(kit.pushes(), [(WEST, presence("ann", went))]);
    assert!(kit.join(&second, "general").rejoined);
    assert_eq!(kit.pushes(), [(WEST, presence("ann", None)), (EAST, presence("ann", None))]);
}

#[test]
fn a_visitor_that_comes_back_in_time_is_still_a_member() {
    let mut kit = Kit::new();
    let (first, second) = (visitor(5, 1, 100, "ann"), visitor(5, 2, 101, "ann"));
    kit.join(&first, "general");
    kit.detach(&first, Keep::Window);
    kit.wait(WINDOW - INSTANT);
    assert!(kit.join(&second, "general").rejoined);
    kit.wait(2 * WINDOW);
    assert!(matches!(kit.leave(&second, "general"), Ok(Reply::Left(_))));
}

/// Its own clock says that the session is over; the home shard's may not.
#[test]
fn a_visitor_that_was_forgotten_is_told_so() {
    let mut kit = Kit::new();
    let [first, second, third] = [(1, 100), (2, 101), (3, 102)]
        .map(|(generation, connection)| visitor(5, generation, connection, "ann"));
    assert_eq!(kit.join(&first, "general").known_since, Generation(1));
    kit.detach(&first, Keep::Window);
    assert_eq!(kit.join(&second, "general").known_since, Generation(1));
    kit.detach(&second, Keep::Window);
    kit.wait(2 * WINDOW);
    assert_eq!(kit.join(&third, "general").known_since, Generation(3));
    assert_eq!(
        kit.join(&third, "other").known_since,
        Generation(3),
        "that it has spoken since changes nothing"
    );
}

#[test]
fn a_shard_knows_so_many_visitors() {
    let mut kit = Kit::with(ShardConfig { sessions_max: 1, ..Default::default() });
    kit.join(&visitor(1, 1, 100, "ann"), "general");
    assert_eq!(kit.try_join(&visitor(2, 1, 101, "bob").peer, "general", None), Err(Refusal::Full));
}
