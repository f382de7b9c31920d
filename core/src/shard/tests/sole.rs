//! Sessions of which a user has one: whichever connection comes last has it (S4.17).

use super::kit::{Attach, EAST, Guest, Kit, WEST};
use crate::{
    config::ShardConfig,
    id::Generation,
    limiter::Rate,
    refusal::Refusal,
    shard::{Effect, Keep, Limiters, Peer, ShardEvent},
};

fn attach(kit: &mut Kit, name: &str) -> Guest {
    match kit.attach_sole(WEST, name) {
        Attach::Done { guest, .. } => guest,
        other => panic!("{name} is not attached: {other:?}"),
    }
}

fn waits(attach: Attach) -> Peer {
    match attach {
        Attach::Waits(peer) => peer,
        other => panic!("it does not wait: {other:?}"),
    }
}

/// Who was attached by the last entry.
fn attached(kit: &Kit) -> Option<(Peer, Limiters)> {
    kit.effects.iter().find_map(|effect| match &effect.event {
        ShardEvent::Attached { peer, limiters, .. } => Some((peer.clone(), limiters.clone())),
        _ => None,
    })
}

#[test]
fn the_newest_connection_has_the_session_without_a_secret() {
    let mut kit = Kit::new();
    let old = attach(&mut kit, "ann");
    kit.join(&old, "lobby");
    let new = waits(kit.attach_sole(EAST, "ann"));
    let (connection, session) = (old.peer.connection, old.peer.session);
    let event = ShardEvent::TakenOver { connection, session, generation: Generation(1) };
    assert_eq!(kit.effects, [Effect { to: WEST, event }]);

    let mut limiters = Limiters::default();
    limiters.message.take(kit.now, Rate { per_second: 1, burst: 9 }).expect("a new bucket is full");
    kit.detach_with(&old.peer, Keep::Window, limiters.clone());
    let (peer, carried) = attached(&kit).expect("attached");
    assert_eq!((peer.connection, peer.session), (new.connection, session));
    assert_eq!((peer.generation, carried), (Generation(2), limiters), "its limiters came along");
    assert_eq!(kit.publish(&old, "lobby", None, "late"), Some(Err(Refusal::Replaced)));
}

#[test]
fn who_comes_back_in_time_goes_on_with_the_session() {
    let mut kit = Kit::new();
    let old = attach(&mut kit, "ann");
    kit.detach(&old, Keep::Window);
    let new = attach(&mut kit, "ann");
    assert_eq!((new.peer.session, new.peer.generation), (old.peer.session, Generation(2)));
    kit.detach(&new, Keep::Nothing);
    let next = attach(&mut kit, "ann");
    assert_ne!(next.peer.session, old.peer.session, "it had ended");
}

#[test]
fn sessions_of_other_kinds_are_not_touched() {
    let mut kit = Kit::with(ShardConfig { sessions_per_user_max: 2, ..Default::default() });
    let plain = kit.attach("ann");
    let sole = attach(&mut kit, "ann");
    assert_ne!(sole.peer.session, plain.peer.session);
    waits(kit.attach_sole(EAST, "ann"));
    kit.detach(&sole, Keep::Window);
    assert_eq!(attached(&kit).expect("attached").0.session, sole.peer.session, "and it is none too many");
    let other = attach(&mut kit, "bob");
    assert_ne!(other.peer.session, sole.peer.session);
    assert!(matches!(kit.try_attach(WEST, "ann", None), Attach::Refused(Refusal::TooManySessions)));
    kit.join(&plain, "lobby");
}

#[test]
fn of_two_at_once_the_later_one_has_it() {
    let mut kit = Kit::new();
    let old = attach(&mut kit, "ann");
    let earlier = waits(kit.attach_sole(EAST, "ann"));
    let later = waits(kit.attach_sole(WEST, "ann"));
    let event = ShardEvent::AttachRefused { connection: earlier.connection, refusal: Refusal::Replaced };
    assert_eq!(kit.effects, [Effect { to: EAST, event }]);
    kit.detach(&old, Keep::Window);
    assert_eq!(attached(&kit).expect("attached").0.connection, later.connection);
}

#[test]
fn a_gateway_that_dies_hands_the_session_over() {
    let mut kit = Kit::new();
    attach(&mut kit, "ann");
    let new = waits(kit.attach_sole(EAST, "ann"));
    kit.apply(crate::shard::Op::GatewayDown { gateway: WEST });
    assert_eq!(attached(&kit).expect("attached").0.connection, new.connection);
}

/// Who is told that they went for nobody.
fn displaced(kit: &Kit) -> Vec<crate::ConnectionId> {
    let told = kit.effects.iter().filter_map(|effect| match effect.event {
        ShardEvent::Displaced { connection } => Some(connection),
        _ => None,
    });
    told.collect()
}

/// What the gateway sends for a connection that ends before it hears that it is attached.
fn gone_before(peer: &Peer) -> Peer {
    Peer { generation: Generation(0), ..peer.clone() }
}

#[test]
fn who_went_for_a_connection_that_was_never_there_is_told_so() {
    let mut kit = Kit::new();
    let live = attach(&mut kit, "ann");
    // An older one of the same client, which was held up, and was given up meanwhile.
    let late = waits(kit.attach_sole(EAST, "ann"));
    kit.detach(&live, Keep::Window);
    assert_eq!(displaced(&kit), [], "somebody is there");
    kit.detach_with(&gone_before(&late), Keep::Grace, Limiters::default());
    assert_eq!(displaced(&kit), [live.peer.connection]);
    assert_eq!(attach(&mut kit, "ann").peer.session, live.peer.session);

    let mut kit = Kit::new();
    let live = attach(&mut kit, "ann");
    let late = waits(kit.attach_sole(EAST, "ann"));
    kit.detach_with(&gone_before(&late), Keep::Grace, Limiters::default());
    assert_eq!(displaced(&kit), [], "it still hands over");
    kit.detach(&live, Keep::Window);
    assert_eq!(displaced(&kit), [live.peer.connection], "to nobody");
}

#[test]
fn of_those_who_went_all_are_told_who_went_for_nobody() {
    let mut kit = Kit::new();
    let old = attach(&mut kit, "ann");
    let refused = waits(kit.attach_sole(EAST, "ann"));
    let late = waits(kit.attach_sole(WEST, "ann"));
    kit.detach(&old, Keep::Window);
    kit.detach_with(&gone_before(&late), Keep::Grace, Limiters::default());
    assert_eq!(displaced(&kit), [old.peer.connection, refused.connection]);
}

#[test]
fn who_went_for_somebody_is_told_nothing_when_those_go() {
    let mut kit = Kit::new();
    let old = attach(&mut kit, "ann");
    waits(kit.attach_sole(EAST, "ann"));
    kit.detach(&old, Keep::Window);
    let (peer, _) = attached(&kit).expect("attached");
    kit.detach_with(&peer, Keep::Nothing, Limiters::default());
    assert_eq!(displaced(&kit), []);

    let old = attach(&mut kit, "ann");
    waits(kit.attach_sole(EAST, "ann"));
    kit.detach(&old, Keep::Window);
    kit.apply(crate::shard::Op::GatewayDown { gateway: EAST });
    assert_eq!(displaced(&kit), [], "its client comes back by itself");
}
