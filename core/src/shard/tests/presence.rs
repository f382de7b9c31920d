//! Who is shown as online, and when.

use std::time::Duration;

use super::kit::{EAST, Guest, Kit, WEST, left, presence};
use crate::{
    config::ShardConfig,
    shard::{Keep, Op},
};

const GRACE: Duration = Duration::from_secs(15);
const INSTANT: Duration = Duration::from_micros(1);

/// Ann and Bob in a room, Bob on the other gateway.
fn pair(config: ShardConfig) -> (Kit, Guest, Guest) {
    let mut kit = Kit::with(config);
    let (ann, bob) = (kit.attach("ann"), kit.attach_at(EAST, "bob"));
    kit.join(&ann, "general");
    kit.join(&bob, "general");
    (kit, ann, bob)
}

#[test]
fn a_short_absence_is_not_seen() {
    let (mut kit, ann, _bob) = pair(ShardConfig::default());
    kit.detach(&ann, Keep::Window);
    assert_eq!(kit.effects, []);
    kit.wait(GRACE - INSTANT);
    assert_eq!(kit.effects, []);
    let ann = kit.resume(&ann);
    kit.join(&ann, "general");
    assert_eq!(kit.pushes(), []);
    kit.wait(2 * GRACE);
    assert_eq!(kit.effects, []);
}

#[test]
fn a_longer_one_is_and_so_is_the_return() {
    let (mut kit, ann, _bob) = pair(ShardConfig::default());
    kit.detach(&ann, Keep::Window);
    assert_eq!(kit.shard.poll_timeout(), Some(kit.now + GRACE));
    let went = Some(kit.now);
    kit.wait(GRACE);
    assert_eq!(kit.pushes(), [(EAST, presence("ann", went))]);
    let ann = kit.resume(&ann);
    assert_eq!(kit.pushes(), [], "a session is back in a room when it joins");
    kit.join(&ann, "general");
    assert_eq!(kit.pushes(), [(WEST, presence("ann", None)), (EAST, presence("ann", None))]);
}

#[test]
fn a_user_is_online_as_long_as_one_session_is() {
    let (mut kit, ann, _bob) = pair(ShardConfig::default());
    let tab = kit.attach("ann");
    kit.join(&tab, "general");
    kit.detach(&ann, Keep::Window);
    kit.wait(GRACE);
    assert_eq!(kit.effects, []);
    kit.leave(&tab, "general").expect("a member");
    assert_eq!(kit.pushes(), [], "the other session is still a member");
    let went = Some(kit.now);
    kit.wait(GRACE);
    assert_eq!(kit.pushes(), [(EAST, presence("ann", went))]);
}

#[test]
fn expiry_ends_the_membership() {
    let (mut kit, ann, _bob) = pair(ShardConfig::default());
    kit.detach(&ann, Keep::Window);
    let went = kit.now;
    kit.wait(Duration::from_secs(120));
    assert_eq!(kit.pushes(), [(EAST, presence("ann", Some(went))), (EAST, left("ann", went, ["bob"]))]);
}

#[test]
fn who_leaves_is_not_shown_offline_too() {
    let (mut kit, ann, bob) = pair(ShardConfig::default());
    kit.detach(&ann, Keep::Grace);
    let went = kit.now;
    kit.wait(GRACE);
    assert_eq!(kit.pushes(), [(EAST, left("ann", went, ["bob"]))], "last seen before the grace");
    kit.detach(&bob, Keep::Nothing);
    kit.wait(GRACE);
    assert_eq!(kit.effects, []);
}

#[test]
fn presence_is_not_pushed_in_large_rooms() {
    let (mut kit, ann, _bob) = pair(ShardConfig { roster_max: 1, ..Default::default() });
    kit.wait(GRACE);
    kit.detach(&ann, Keep::Window);
    kit.wait(GRACE);
    let ann = kit.resume(&ann);
    kit.join(&ann, "general");
    assert_eq!(kit.pushes(), []);
}

#[test]
fn one_expiry_handles_all_that_is_due() {
    let (mut kit, ann, bob) = pair(ShardConfig::default());
    let cat = kit.attach("cat");
    kit.join(&cat, "general");
    kit.detach(&ann, Keep::Window);
    kit.detach(&bob, Keep::Window);
    let went = Some(kit.now);
    kit.now = kit.now + GRACE;
    kit.apply(Op::Expire);
    assert_eq!(kit.pushes(), [(WEST, presence("ann", went)), (WEST, presence("bob", went))]);
}
