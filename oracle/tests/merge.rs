//! It does not matter how many oracles watch a run.

use chinwag_core::{Epoch, Position, Seq, shard::Verdict};
use chinwag_oracle::{Agreement, MemberId, Mode, Observation, Oracle, RoomId, SendId};
use proptest::prelude::*;

const MEMBERS: u32 = 5;
const ROOMS: u32 = 2;
const SENDS: u32 = 12;

fn positions() -> impl Strategy<Value = Position> {
    (1u64..=2, 1u64..15).prop_map(|(epoch, seq)| Position::new(Epoch(epoch), Seq(seq)))
}

fn verdicts() -> impl Strategy<Value = Verdict> {
    prop_oneof![
        4 => Just(Verdict::Full),
        1 => Just(Verdict::Reset),
        1 => (1u64..8, 0u64..6).prop_map(|(from, more)| Verdict::Gap { from: Seq(from), to: Seq(from + more) }),
    ]
}

/// Anything at all: most runs made of these break every promise there is.
fn observations() -> impl Strategy<Value = Observation> {
    let member = || (0..MEMBERS).prop_map(MemberId);
    let room = || (0..ROOMS).prop_map(RoomId);
    let send = || (0..SENDS).prop_map(SendId);
    let place = || proptest::option::weighted(0.8, positions());
    prop_oneof![
        2 => send().prop_map(|send| Observation::Sent { send }),
        2 => (send(), place()).prop_map(|(send, position)| Observation::Acknowledged { send, position }),
        1 => send().prop_map(|send| Observation::Deferred { send }),
        1 => send().prop_map(|send| Observation::Refused { send }),
        1 => send().prop_map(|send| Observation::Unresolved { send }),
        1 => (member(), room(), positions(), 1u64..15).prop_map(|(member, room, from, to)| {
            Observation::Gap { member, room, from, to: Seq(to) }
        }),
        4 => (member(), room(), place(), proptest::option::of(1u64..15), proptest::option::of(verdicts())).prop_map(
            |(member, room, position, next, verdict)| {
                Observation::Joined { member, room, position, next: next.map(Seq), verdict }
            }
        ),
        1 => (member(), room(), place()).prop_map(|(member, room, position)| {
            Observation::Left { member, room, position }
        }),
        1 => member().prop_map(|member| Observation::SessionLost { member }),
        12 => (member(), room(), proptest::option::weighted(0.9, send()), place(), any::<bool>()).prop_map(
            |(member, room, send, position, from_history)| {
                Observation::Shown { member, room, send, position, from_history }
            }
        ),
        2 => (member(), room(), 1u64..15).prop_map(|(member, room, next)| {
            Observation::StreamStarted { member, room, next: Seq(next) }
        }),
        6 => (member(), proptest::option::weighted(0.9, room()), 1u64..15).prop_map(|(member, room, seq)| {
            Observation::Delivered { member, room, seq: Seq(seq) }
        }),
        1 => (member(), room()).prop_map(|(member, room)| Observation::StreamEnded { member, room }),
        1 => (member(), room(), 1u64..15).prop_map(|(member, room, head)| {
            Observation::StreamReached { member, room, head: Seq(head) }
        }),
        1 => (member(), room(), proptest::option::of(send()), positions()).prop_map(
            |(member, room, send, position)| Observation::Paged { member, room, send, position }
        ),
    ]
}

/// Most messages are planned, each by one member into one room.
fn plans() -> impl Strategy<Value = Vec<Observation>> {
    let plan = proptest::option::weighted(0.8, (0..ROOMS, 0..MEMBERS));
    proptest::collection::vec(plan, SENDS as usize).prop_map(|plans| {
        let plan = |(send, plan): (u32, Option<(u32, u32)>)| {
            plan.map(|(room, member)| Observation::Planned {
                send: SendId(send),
                room: RoomId(room),
                member: MemberId(member),
            })
        };
        (0..).zip(plans).filter_map(plan).collect()
    })
}

/// Which of the oracles is told: all about one member goes to one, and all about one send, to that of its author.
fn watcher(observation: &Observation, members: &[usize], sends: &[usize]) -> usize {
    match *observation {
        Observation::Planned { send, .. }
        | Observation::Sent { send }
        | Observation::Acknowledged { send, .. }
        | Observation::Deferred { send }
        | Observation::Refused { send }
        | Observation::Unresolved { send } => sends[send.0 as usize],
        Observation::Joined { member, .. }
        | Observation::Left { member, .. }
        | Observation::SessionLost { member }
        | Observation::Gap { member, .. }
        | Observation::Owed { member, .. }
        | Observation::Shown { member, .. }
        | Observation::StreamStarted { member, .. }
        | Observation::Delivered { member, .. }
        | Observation::StreamEnded { member, .. }
        | Observation::StreamReached { member, .. }
        | Observation::Paged { member, .. } => members[member.0 as usize],
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn several_oracles_are_as_good_as_one(
        strict: bool,
        agreement in prop_oneof![Just(Agreement::None), Just(Agreement::All), Just(Agreement::Others)],
        plans in plans(),
        run in proptest::collection::vec(observations(), 0..120),
        members in proptest::collection::vec(0usize..4, MEMBERS as usize),
        mut sends in proptest::collection::vec(0usize..4, SENDS as usize),
        order in Just(vec![0usize, 1, 2, 3]).prop_shuffle(),
    ) {
        for plan in &plans {
            if let Observation::Planned { send, member, .. } = plan {
                sends[send.0 as usize] = members[member.0 as usize];
            }
        }
        let mode = if strict { Mode::Strict } else { Mode::Tolerant };
        let mut alone = Oracle::new(mode).agreeing(agreement);
        let mut several = vec![alone.clone(); 4];
        for observation in plans.into_iter().chain(run) {
            alone.observe(observation);
            several[watcher(&observation, &members, &sends)].observe(observation);
        }
        let expected = alone.finish();
        prop_assert_eq!(
            expected.expected_deliveries,
            expected.received_deliveries + expected.lost + expected.announced_lost
        );

        let one_by_one = order.iter().map(|&i| several[i].clone()).reduce(Oracle::merge).unwrap();
        prop_assert_eq!(&one_by_one.finish(), &expected);
        prop_assert_eq!(one_by_one.judge().1, alone.judge().1);

        let read_again = |oracle: &Oracle| -> Oracle {
            serde_json::from_str(&serde_json::to_string(oracle).unwrap()).unwrap()
        };
        let from_files = order.iter().map(|&i| read_again(&several[i])).reduce(Oracle::merge).unwrap();
        prop_assert_eq!(&from_files.finish(), &expected, "written down and read again");

        let pair = |a: usize, b: usize| several[order[a]].clone().merge(several[order[b]].clone());
        prop_assert_eq!(pair(0, 1).merge(pair(2, 3)).finish(), expected);
    }
}
