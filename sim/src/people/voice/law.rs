//! The law of dialects: what is said in one is read in the others, in the same order and under the same limits.
//!
//! A history is played twice, by users who speak all sorts of dialects and by the same users in the native one. Each must
//! see what they see there, as far as their dialect shows such things. `shown_in` says what each does not show.

use std::collections::BTreeSet;

use chinwag_core::{
    Refusal,
    config::{GatewayConfig, ShardConfig},
    dialect::Dialect,
    limiter::{Action, Quota},
    name::LOBBY,
};
use proptest::{prelude::*, test_runner::RngSeed};

use super::{Heard, Mood, Wish, as_shown};
use stage::Stage;

mod stage;

const ROOMS: [&str; 3] = [LOBBY, "r1", "r2"];

/// What somebody does.
#[derive(Clone, Debug)]
struct Deed {
    who: usize,
    act: Act,
}

#[derive(Clone, Debug)]
enum Act {
    Join(usize),
    Leave(usize),
    Say { room: usize, content: String, times: u64 },
    Typing { room: usize, on: bool },
    Status { room: usize },
    Task { room: usize },
    Reconnect { says_goodbye: bool },
    Wait { seconds: u64 },
}

fn act() -> impl Strategy<Value = Act> {
    let room = 0..ROOMS.len();
    // What dialects stumble over: quotes, ends of lines, what commands a terminal, what takes several bytes.
    let content = "[a @/#:\"\\\\\n\r\t\u{0}\u{1b}\u{7f}\u{9b}\u{2028}é🦀]{1,12}";
    prop_oneof![
        3 => room.clone().prop_map(Act::Join),
        2 => room.clone().prop_map(Act::Leave),
        // More than ten at once are too many.
        8 => (room.clone(), content, prop_oneof![4 => Just(1), 1 => 2..14_u64])
            .prop_map(|(room, content, times)| Act::Say { room, content, times }),
        2 => (room.clone(), any::<bool>()).prop_map(|(room, on)| Act::Typing { room, on }),
        1 => room.clone().prop_map(|room| Act::Status { room }),
        1 => room.prop_map(|room| Act::Task { room }),
        1 => any::<bool>().prop_map(|says_goodbye| Act::Reconnect { says_goodbye }),
        1 => (1..20_u64).prop_map(|seconds| Act::Wait { seconds }),
    ]
}

fn dialects() -> impl Strategy<Value = Vec<Dialect>> {
    prop::collection::vec(prop::sample::select(&Dialect::ALL[..]), 2..6)
}

/// What can be done by users of these dialects, and who is where after each deed.
fn plan(dialects: &[Dialect], deeds: Vec<Deed>) -> Vec<(Deed, Vec<BTreeSet<usize>>)> {
    let mut inside = vec![BTreeSet::from([0]); dialects.len()];
    let mut plan = Vec::new();
    for mut deed in deeds {
        deed.who %= dialects.len();
        let (dialect, rooms) = (dialects[deed.who], &mut inside[deed.who]);
        if let (Dialect::Agents, Act::Reconnect { says_goodbye }) = (dialect, &mut deed.act) {
            // They have one session, and others one for each connection, until it is missed: to say goodbye on one of
            // several is to stay.
            *says_goodbye = deed.who % 2 == 0;
        }
        if !has_words(dialect, rooms, &mut deed.act) {
            continue;
        }
        match deed.act {
            Act::Join(room) => drop(rooms.insert(room)),
            Act::Leave(room) => drop(rooms.remove(&room)),
            Act::Reconnect { .. } => *rooms = BTreeSet::from([0]),
            _ => {}
        }
        plan.push((deed, inside.clone()));
    }
    plan
}

/// Whether a dialect has words for this, and takes it to what they can say.
fn has_words(dialect: Dialect, inside: &BTreeSet<usize>, act: &mut Act) -> bool {
    if let Act::Say { content, .. } = act {
        match as_said(dialect, content) {
            Some(said) => *content = said.to_owned(),
            None => return false,
        }
    }
    match (dialect, &*act) {
        (_, Act::Reconnect { .. } | Act::Wait { .. })
        | (Dialect::Chat | Dialect::Envelope | Dialect::SocketIo, _) => true,
        // A line is said where one is, and one is always somewhere.
        (Dialect::Lobby, Act::Join(room)) => !inside.contains(room),
        (Dialect::Lobby, Act::Leave(room)) => inside.contains(room) && inside.len() > 1,
        (Dialect::Lobby, Act::Say { room, .. }) => inside.contains(room),
        (Dialect::Agents, Act::Say { room, .. } | Act::Status { room }) => *room == 0,
        (Dialect::Lobby | Dialect::Agents, _) => false,
    }
}

/// What of a text can be said in a dialect: a line has no end of line, and one that begins with a slash is a command.
fn as_said(dialect: Dialect, content: &str) -> Option<&str> {
    match dialect {
        Dialect::Lobby => {
            Some(content.trim_end_matches(['\r', '\n'])).filter(|line| !line.trim_start().starts_with('/'))
        }
        Dialect::Chat | Dialect::Envelope | Dialect::SocketIo | Dialect::Agents => Some(content),
    }
}

/// Limits that only messages come to: how many other requests it takes to be somewhere differs.
fn limits() -> (GatewayConfig, ShardConfig) {
    let gateway = GatewayConfig { control_rate: 1_000, control_burst: 1_000, ..GatewayConfig::default() };
    (gateway, ShardConfig { sessions_per_user_max: 100, ..ShardConfig::default() })
}

/// Plays a history; what everybody sees, deed by deed: at once, and in the second after it.
fn play(dialects: &[Dialect], plan: &[(Deed, Vec<BTreeSet<usize>>)]) -> Vec<[Vec<Vec<Heard>>; 2]> {
    let (gateway, shard) = limits();
    let mut stage = Stage::new(dialects, gateway, shard);
    stage.heard();
    let mut number = 0;
    let mut scenes = Vec::new();
    for (Deed { who, act }, _) in plan {
        match act {
            Act::Join(room) => stage.want(*who, Wish::Join { room: ROOMS[*room] }),
            Act::Leave(room) => stage.want(*who, Wish::Leave { room: ROOMS[*room] }),
            Act::Say { room, content, times } => {
                for _ in 0..*times {
                    number += 1;
                    stage.want(*who, Wish::Say { room: ROOMS[*room], content, number });
                }
            }
            Act::Typing { room, on } => stage.want(*who, Wish::Typing { room: ROOMS[*room], on: *on }),
            Act::Status { room } => stage.want(*who, Wish::Status { room: ROOMS[*room], state: "busy" }),
            Act::Task { room } => {
                stage.want(*who, Wish::Task { room: ROOMS[*room], task: "t1", state: "doing" });
            }
            Act::Reconnect { says_goodbye } => stage.reconnect(*who, *says_goodbye),
            Act::Wait { seconds } => stage.wait(*seconds),
        }
        let at_once = stage.heard();
        // Whoever was too fast may go on, and is told again if they are once more.
        stage.wait(1);
        scenes.push([at_once, stage.heard()]);
    }
    scenes
}

/// What a reader of a dialect sees of what a reader of the native one sees. `comes` if it is what they do themselves: to
/// come in.
fn shown_in(dialect: Dialect, comes: bool, heard: Heard) -> Option<Heard> {
    let heard = match heard {
        // Who comes in is shown no history in specification 1 and 4, and in 2 if they ask for it.
        Heard::Message { from_history: true, .. }
            if matches!(dialect, Dialect::Lobby | Dialect::Envelope | Dialect::Agents) =>
        {
            return None;
        }
        Heard::Message { room, user, content, .. } => {
            let content = as_shown(dialect, &content);
            Heard::Message { room, user, content, seq: None, at: 0, from_history: false, carried: None }
        }
        Heard::Entered { room, .. } => Heard::Entered { room, standing: None },
        Heard::Gone { room, .. } => Heard::Gone { room, position: None },
        Heard::Welcome
        | Heard::Accepted { .. }
        | Heard::Health(_)
        | Heard::Seen { .. }
        | Heard::Given { .. }
        | Heard::Other => return None,
        other => other,
    };
    match (dialect, heard) {
        (Dialect::Lobby, Heard::Mood { .. }) => None,
        // Specification 4 knows one room, and of others whether they are online.
        (Dialect::Agents, Heard::Came { room, user }) if room == LOBBY => {
            Some(Heard::Mood { room, user, mood: Mood::Online })
        }
        (Dialect::Agents, Heard::Went { room, user }) if room == LOBBY => {
            Some(Heard::Mood { room, user, mood: Mood::Offline })
        }
        (Dialect::Agents, Heard::Mood { mood, .. }) if comes || mood == Mood::Typing => None,
        (Dialect::Agents, Heard::Task { .. }) => None,
        (_, heard) => Some(heard),
    }
}

/// What somebody sees, in order.
fn seen(shown: impl Iterator<Item = Heard>) -> Vec<Heard> {
    let mut seen = Vec::new();
    for heard in shown.filter(|heard| !matches!(heard, Heard::Refused { .. })) {
        // Whoever does not write any more is shown so in two ways where there are two.
        if !matches!(heard, Heard::Mood { .. }) || seen.last() != Some(&heard) {
            seen.push(heard);
        }
    }
    seen
}

/// What somebody is refused. Some are told of each message, others at most once a second of all.
fn refused(scenes: &[Vec<Vec<Heard>>; 2], user: usize) -> BTreeSet<(Refusal, bool)> {
    let heard = scenes.iter().flat_map(|scene| &scene[user]);
    let refused = heard.filter_map(|heard| match *heard {
        Heard::Refused { refusal, for_now, .. } => Some((refusal, for_now)),
        _ => None,
    });
    refused.collect()
}

/// Nobody is shown a message of a room they are not in.
fn check_privacy(inside: &BTreeSet<usize>, heard: &[Heard]) -> Result<(), TestCaseError> {
    for heard in heard {
        if let Heard::Message { room, .. } = heard {
            let room = ROOMS.iter().position(|name| name == room);
            prop_assert!(room.is_some_and(|room| inside.contains(&room)), "is shown {heard:?}");
        }
    }
    Ok(())
}

proptest! {
    // `PROPTEST_CASES` and `PROPTEST_RNG_SEED` look further.
    #![proptest_config(ProptestConfig { rng_seed: RngSeed::Fixed(1), failure_persistence: None, ..ProptestConfig::with_cases(100) })]

    #[test]
    fn whatever_they_speak_all_see_the_same(
        dialects in dialects(),
        deeds in prop::collection::vec((0..6_usize, act()).prop_map(|(who, act)| Deed { who, act }), 1..40),
    ) {
        let plan = plan(&dialects, deeds);
        let native = play(&vec![Dialect::Chat; dialects.len()], &plan);
        let mixed = play(&dialects, &plan);
        for (((deed, inside), native), mixed) in plan.iter().zip(native).zip(mixed) {
            for (user, &dialect) in dialects.iter().enumerate() {
                let who = format!("u{user} in {} sees of {deed:?}", dialect.name());
                prop_assert_eq!(refused(&mixed, user), refused(&native, user), "{}", who);
                for scene in 0..2 {
                    let (native, mixed) = (native[scene][user].clone(), mixed[scene][user].clone());
                    check_privacy(&inside[user], &mixed)?;
                    let comes = scene == 0 && deed.who == user && matches!(deed.act, Act::Reconnect { .. });
                    let expected = native.into_iter().filter_map(|heard| shown_in(dialect, comes, heard));
                    let mixed = mixed.into_iter().filter_map(|heard| shown_in(Dialect::Chat, comes, heard));
                    prop_assert_eq!(seen(mixed), seen(expected), "{}", who);
                }
            }
        }
    }
}

#[test]
fn a_text_reads_the_same_in_whatever_dialect_it_was_said() {
    let texts = [
        "\"quoted\\\"",
        "two\nlines",
        "\u{1b}[31mred\u{7}",
        "crab 🦀, é, \u{2028}",
        "  spaces  ",
        "@u1 hi",
        "42[]",
    ];
    for author in Dialect::ALL {
        let speakers: Vec<Dialect> = [author].into_iter().chain(Dialect::ALL).collect();
        let (gateway, shard) = limits();
        let mut stage = Stage::new(&speakers, gateway, shard);
        for (number, text) in (1..).zip(texts) {
            stage.heard();
            stage.want(0, Wish::Say { room: LOBBY, content: text, number });
            for (reader, heard) in speakers.iter().zip(stage.heard()) {
                let said: Vec<Heard> =
                    heard.into_iter().filter(|heard| matches!(heard, Heard::Message { .. })).collect();
                let [Heard::Message { user, content, .. }] = &said[..] else {
                    panic!("one message: {said:?}")
                };
                let expected = as_shown(*reader, text);
                assert_eq!((user.as_str(), content), ("u0", &expected), "{author:?} read in {reader:?}");
            }
            stage.wait(1);
        }
    }
}

#[test]
fn limits_hold_alike_and_coming_back_does_not_refill_them() {
    let (gateway, shard) = limits();
    let quota = Quota { count: 3, per: std::time::Duration::from_secs(3_600), action: Action::Error };
    let gateway = GatewayConfig { message_quotas: vec![quota], ..gateway };
    let shard = ShardConfig { limiter_ttl: quota.per, ..shard };
    for author in Dialect::ALL {
        let mut stage = Stage::new(&[author, Dialect::Chat], gateway.clone(), shard.clone());
        let said = |stage: &mut Stage, numbers: std::ops::Range<u64>| {
            stage.heard();
            for number in numbers {
                stage.want(0, Wish::Say { room: LOBBY, content: "hello", number });
            }
            let heard = stage.heard();
            let count =
                |heard: &[Heard], what: fn(&Heard) -> bool| heard.iter().filter(|it| what(it)).count();
            let refused =
                count(&heard[0], |it| matches!(it, Heard::Refused { refusal: Refusal::RateLimited, .. }));
            (count(&heard[1], |it| matches!(it, Heard::Message { .. })), refused)
        };
        assert_eq!(said(&mut stage, 1..6), (3, 2), "{author:?}");
        stage.reconnect(0, true);
        assert_eq!(said(&mut stage, 6..8), (0, 2), "{author:?} comes back");
    }
}

#[test]
fn a_message_to_a_mixed_room_is_encoded_once_for_each_dialect_in_use() {
    for count in 1..=Dialect::ALL.len() {
        let readers: Vec<Dialect> = Dialect::ALL[..count].iter().copied().cycle().take(40).collect();
        let (gateway, shard) = limits();
        let mut stage = Stage::new(&readers, gateway, shard);
        stage.heard();
        let before = stage.frames_encoded();
        stage.want(0, Wish::Say { room: LOBBY, content: "hello, everybody", number: 1 });
        assert_eq!(stage.frames_encoded() - before, count as u64);
        let shown =
            stage.heard().into_iter().flatten().filter(|heard| matches!(heard, Heard::Message { .. }));
        assert_eq!(shown.count(), readers.len(), "and every reader is shown it");
    }
}
