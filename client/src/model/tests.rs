//! Events of a server, and what is to be seen of them.

use std::time::Duration;

use chinwag_core::{
    Epoch, Position, RequestId, RoomName, Seq, SessionId, Time, UserName,
    client::{ClientEvent, Member, Presence, Shown},
    refusal::Refusal,
    shard::Verdict,
};
use proptest::prelude::*;

use super::{Body, Connection, Conversation, Keep, Older, Said, Stay};

fn room(name: &str) -> RoomName {
    RoomName::new(name).unwrap()
}

fn user(name: &str) -> UserName {
    UserName::new(name).unwrap()
}

fn at(epoch: u64, seq: u64) -> Position {
    Position::new(Epoch(epoch), Seq(seq))
}

fn shown(name: &str, epoch: u64, seq: u64, author: &str, content: &str) -> Shown {
    Shown {
        room: room(name),
        position: at(epoch, seq),
        user: user(author),
        content: content.into(),
        timestamp: "2026-11-21T05:03:00.000Z".into(),
        extra: None,
        from_history: false,
    }
}

fn joined(name: &str, epoch: u64, head: u64, next: u64, verdict: Verdict) -> ClientEvent {
    ClientEvent::Joined { room: room(name), head: at(epoch, head), next: Seq(next), verdict }
}

/// Alice's conversation, with nothing in it.
fn conversation() -> Conversation {
    Conversation::new(user("alice"), Keep::default())
}

/// The same, in `general`, which holds nothing.
fn member() -> Conversation {
    let mut chat = conversation();
    chat.apply(Time(1), &ClientEvent::Attached { session: SessionId(1), resumed: false });
    chat.look_at(&room("general"));
    tell(&mut chat, &joined("general", 5, 0, 1, Verdict::Full));
    chat
}

fn tell(chat: &mut Conversation, event: &ClientEvent) {
    chat.apply(Time(1), event);
}

fn say(chat: &mut Conversation, name: &str, seq: u64, author: &str, content: &str) {
    tell(chat, &ClientEvent::Message(shown(name, 5, seq, author, content)));
}

fn bodies(chat: &Conversation, name: &str) -> Vec<String> {
    let lines = chat.rooms[name].lines.iter();
    lines
        .map(|line| match &line.body {
            Body::Said(said) => said.content.to_string(),
            other => format!("{other:?}"),
        })
        .collect()
}

#[test]
fn what_is_said_elsewhere_is_unread_until_it_is_looked_at() {
    let mut chat = member();
    tell(&mut chat, &joined("ops", 5, 2, 1, Verdict::Full));
    for (seq, author, content) in [
        (1, "bob", "old"),
        (2, "bob", "alice: old"),
        (3, "bob", "new"),
        (4, "bob", "hey @Alice"),
        (5, "alice", "mine"),
    ] {
        say(&mut chat, "ops", seq, author, content);
    }
    assert_eq!((chat.rooms["ops"].unread, chat.rooms["ops"].mentions), (2, 1), "the backlog is no news");
    chat.look_at(&room("ops"));
    say(&mut chat, "ops", 6, "bob", "alice!");
    assert_eq!((chat.rooms["ops"].unread, chat.rooms["ops"].mentions), (0, 0));
}

#[test]
fn what_is_missing_is_a_line_and_what_is_not_is_none() {
    let mut chat = member();
    say(&mut chat, "general", 1, "bob", "one");
    tell(&mut chat, &joined("general", 5, 3, 2, Verdict::Full));
    say(&mut chat, "general", 2, "bob", "two");
    tell(&mut chat, &joined("general", 5, 9, 8, Verdict::Gap { from: Seq(3), to: Seq(7) }));
    tell(&mut chat, &ClientEvent::Gap { room: room("general"), from: at(5, 8), to: Seq(9) });
    tell(&mut chat, &joined("general", 6, 0, 1, Verdict::Reset));
    tell(&mut chat, &joined("general", 6, 0, 1, Verdict::Reset));
    let missing = |from, to| format!("{:?}", Body::Missing { from: Seq(from), to: Seq(to) });
    assert_eq!(bodies(&chat, "general"), ["one", "two", &missing(3, 7), &missing(8, 9), "Anew", "Anew"]);
}

#[test]
fn older_messages_come_before_those_of_their_log_and_keep_the_numbers_of_the_rest() {
    let mut chat = member();
    say(&mut chat, "general", 1, "bob", "of the old log");
    tell(&mut chat, &joined("general", 6, 12, 11, Verdict::Reset));
    for seq in [11, 12] {
        tell(&mut chat, &ClientEvent::Message(shown("general", 6, seq, "bob", &format!("m{seq}"))));
    }
    let last = chat.rooms["general"].lines.last().unwrap();
    let page = |chat: &mut Conversation, id: u64, seqs: &[u64], more| {
        let messages = seqs.iter().map(|&seq| shown("general", 6, seq, "bob", &format!("m{seq}"))).collect();
        let general = chat.rooms.get_mut("general").unwrap();
        general.older = Older::Asked(RequestId(7));
        tell(chat, &ClientEvent::History { id: RequestId(id), room: room("general"), messages, more });
    };
    page(&mut chat, 6, &[1], true);
    assert_eq!(chat.rooms["general"].oldest(), Some(Seq(11)), "nobody asked for that");
    page(&mut chat, 7, &[9, 10, 11], true);
    assert_eq!(bodies(&chat, "general"), ["of the old log", "Anew", "m9", "m10", "m11", "m12"]);
    let lines = &chat.rooms["general"].lines;
    assert_eq!((lines.last(), lines.get(last).cloned()), (Some(last), lines.iter().next_back().cloned()));
    assert_eq!(chat.rooms["general"].older, Older::Unknown);
    page(&mut chat, 7, &[8], false);
    assert_eq!(chat.rooms["general"].older, Older::Nothing);

    chat.rooms.get_mut("general").unwrap().older = Older::Asked(RequestId(9));
    let retry_after = Some(Duration::from_secs(1));
    let refusal = Refusal::RateLimited;
    tell(&mut chat, &ClientEvent::Refused { id: Some(RequestId(9)), refusal, retry_after });
    assert_eq!(chat.rooms["general"].older, Older::Unknown, "it can be asked for again");
}

#[test]
fn what_one_says_is_pending_until_it_is_shown() {
    let mut chat = member();
    let general = room("general");
    for (id, content) in [(1, "shown"), (2, "refused"), (3, "lost")] {
        chat.expect(&general, RequestId(id), content);
    }
    tell(
        &mut chat,
        &ClientEvent::Acknowledged { id: RequestId(1), room: general.clone(), position: at(5, 1) },
    );
    assert_eq!(chat.rooms["general"].pending.len(), 3, "acknowledged, and not shown yet");
    say(&mut chat, "general", 1, "alice", "shown");
    let wait = Some(Duration::from_secs(1));
    for retry_after in [wait, None] {
        let refusal = Refusal::ContentTooLarge;
        tell(&mut chat, &ClientEvent::Refused { id: Some(RequestId(2)), refusal, retry_after });
    }
    tell(&mut chat, &ClientEvent::Unresolved { id: RequestId(3), room: general });
    assert_eq!(chat.rooms["general"].pending, []);
    let problems = bodies(&chat, "general");
    assert!(
        problems.len() == 3 && problems[1].contains("not said") && problems[2].contains("may or may not")
    );
}

#[test]
fn what_is_shown_before_its_author_is_told_is_pending_no_longer() {
    let mut chat = member();
    let general = room("general");
    chat.expect(&general, RequestId(1), "said before the line was lost");
    tell(&mut chat, &ClientEvent::Disconnected { code: None, retry_in: Duration::ZERO });
    tell(&mut chat, &joined("general", 5, 2, 1, Verdict::Full));
    say(&mut chat, "general", 1, "alice", "said before the line was lost");
    say(&mut chat, "general", 2, "bob", "and I after it");
    assert_eq!(chat.rooms["general"].pending.len(), 1, "not acknowledged yet");
    tell(&mut chat, &ClientEvent::Acknowledged { id: RequestId(1), room: general, position: at(5, 1) });
    assert_eq!(chat.rooms["general"].pending, []);
}

#[test]
fn who_is_there_and_who_writes() {
    let mut chat = member();
    let general = room("general");
    let members = Some(vec![user("alice"), user("bob"), user("carol")]);
    tell(&mut chat, &ClientEvent::UserJoined { room: general.clone(), user: user("alice"), members });
    for (author, presence) in
        [("bob", Presence::Typing), ("carol", Presence::Typing), ("carol", Presence::Offline)]
    {
        tell(&mut chat, &ClientEvent::Presence { room: general.clone(), user: user(author), presence });
    }
    let known = &chat.rooms["general"];
    assert!(known.typing.iter().eq([&user("bob")]) && known.members["carol"].away);
    say(&mut chat, "general", 1, "bob", "done");
    assert!(chat.rooms["general"].typing.is_empty(), "who has said it writes no more");
    tell(&mut chat, &ClientEvent::UserLeft { room: general, user: user("carol"), members: None });
    assert_eq!(
        (chat.rooms["general"].count, chat.rooms["general"].members.contains_key("carol")),
        (2, false)
    );
    assert_eq!(bodies(&chat, "general"), ["done", r#"Went("carol")"#], "one does not come to oneself");
}

#[test]
fn a_list_of_members_comes_page_by_page_and_ends_those_who_are_on_none() {
    let mut chat = member();
    let mut page = |names: &[&str], more| {
        let listed = |name: &&str| Member { user: user(name), presence: Presence::Online, status: None };
        let members = names.iter().map(listed).collect();
        tell(&mut chat, &ClientEvent::Members { room: room("general"), members, count: 5, more });
        let general = &chat.rooms["general"];
        let known: Vec<_> = general.members.keys().map(ToString::to_string).collect();
        (known.join(" "), general.unlisted(4).map(ToString::to_string))
    };
    assert_eq!(page(&["a", "b", "c", "d", "e"], false), ("a b c d e".into(), None));
    assert_eq!(page(&["a", "c"], true), ("a c d e".into(), Some("c".into())));
    assert_eq!(page(&["d", "f"], true), ("a c d f".into(), None), "as many as are wanted");
    assert_eq!(page(&["b"], false), ("b".into(), None), "one that begins anew");
}

#[test]
fn lines_are_bounded_by_their_bytes_too() {
    let keep = Keep { bytes_max: 100_000, ..Keep::default() };
    let mut chat = Conversation::new(user("alice"), keep);
    chat.look_at(&room("general"));
    tell(&mut chat, &joined("general", 5, 100, 101, Verdict::Full));
    for seq in 101..=200 {
        say(&mut chat, "general", seq, "bob", &"x".repeat(4_000));
    }
    let lines = &chat.rooms["general"].lines;
    let bytes: usize = lines.iter().map(super::Line::bytes).sum();
    assert!((90_000..=100_000).contains(&bytes) && lines.len() < 25, "{bytes}");
    chat.rooms.get_mut("general").unwrap().older = Older::Asked(RequestId(1));
    let messages = vec![shown("general", 5, 99, "bob", &"x".repeat(4_000))];
    tell(&mut chat, &ClientEvent::History { id: RequestId(1), room: room("general"), messages, more: true });
    let general = &chat.rooms["general"];
    assert_eq!(
        (general.older, general.lines.get(general.begin())),
        (Older::NoRoom, general.lines.iter().next())
    );
}

#[test]
fn what_is_said_while_a_log_begins_anew_is_older_than_what_is_shown_of_it() {
    let mut chat = member();
    say(&mut chat, "general", 1, "bob", "of the old log");
    tell(&mut chat, &joined("general", 6, 200, 201, Verdict::Reset));
    let page = |chat: &mut Conversation, from: u64, to: u64, more| {
        let messages = (from..=to).map(|seq| shown("general", 6, seq, "bob", &format!("m{seq}"))).collect();
        chat.rooms.get_mut("general").unwrap().older = Older::Asked(RequestId(7));
        tell(chat, &ClientEvent::History { id: RequestId(7), room: room("general"), messages, more });
    };
    assert_eq!(chat.rooms["general"].oldest(), Some(Seq(201)), "before this one");
    tell(&mut chat, &ClientEvent::UserJoined { room: room("general"), user: user("bob"), members: None });
    page(&mut chat, 199, 200, true);
    page(&mut chat, 198, 198, false);
    let came = format!("{:?}", Body::Came(user("bob")));
    assert_eq!(bodies(&chat, "general"), ["of the old log", "Anew", "m198", "m199", "m200", &came]);
    let general = &chat.rooms["general"];
    assert_eq!((general.oldest(), general.older), (Some(Seq(198)), Older::Nothing));
    let begin = general.lines.get(general.begin()).unwrap();
    assert!(matches!(&begin.body, Body::Said(said) if said.position == at(6, 198)), "{begin:?}");
}

#[test]
fn what_goes_because_there_is_no_room_is_not_fetched_back() {
    let keep = Keep { lines_max: 3, ..Keep::default() };
    let mut chat = Conversation::new(user("alice"), keep);
    chat.look_at(&room("general"));
    tell(&mut chat, &joined("general", 5, 0, 1, Verdict::Full));
    chat.rooms.get_mut("general").unwrap().older = Older::Nothing;
    for seq in 1..=3 {
        say(&mut chat, "general", seq, "bob", "hi");
        assert_eq!(chat.rooms["general"].older, Older::Nothing);
    }
    say(&mut chat, "general", 4, "bob", "hi");
    assert_eq!(chat.rooms["general"].older, Older::NoRoom);
}

#[test]
fn a_lost_connection_leaves_rooms_and_ends_what_belonged_to_it() {
    let mut chat = member();
    let typing =
        ClientEvent::Presence { room: room("general"), user: user("bob"), presence: Presence::Typing };
    tell(&mut chat, &typing);
    let retry_in = Duration::from_secs(3);
    tell(&mut chat, &ClientEvent::Disconnected { code: Some(4101), retry_in });
    assert_eq!(chat.connection, Connection::Waiting { code: Some(4101), retry_in });
    let general = &chat.rooms["general"];
    assert!(!general.here && general.typing.is_empty());
    tell(&mut chat, &ClientEvent::Left { room: room("general"), head: at(5, 0), kicked: true });
    assert_eq!(bodies(&chat, "general"), [r#"Problem("somebody has sent you away")"#]);
    tell(&mut chat, &ClientEvent::Left { room: room("general"), head: at(5, 0), kicked: false });
    assert_eq!((chat.rooms.len(), chat.current), (0, None));
}

#[test]
fn whoever_asks_to_leave_speaks_elsewhere_at_once_and_may_change_their_mind() {
    let mut chat = member();
    let (general, ops) = (room("general"), room("ops"));
    chat.look_at(&ops);
    tell(&mut chat, &joined("ops", 5, 0, 1, Verdict::Full));
    chat.leave(&ops);
    assert_eq!(chat.current, Some(general.clone()));
    assert!(chat.open_rooms().map(|(name, _)| name).eq([&general]));
    say(&mut chat, "ops", 1, "alice", "said before");
    assert_eq!(bodies(&chat, "ops"), ["said before"]);
    let left = ClientEvent::Left { room: ops.clone(), head: at(5, 1), kicked: false };
    chat.look_at(&ops);
    tell(&mut chat, &left);
    assert_eq!((chat.current.as_ref(), chat.rooms["ops"].here), (Some(&ops), false), "they come back");
    tell(&mut chat, &joined("ops", 5, 1, 2, Verdict::Full));
    assert_eq!((chat.rooms["ops"].stay, bodies(&chat, "ops").len()), (Stay::Wanted, 1));
    tell(&mut chat, &left);
    assert!(!chat.rooms.contains_key("ops") && chat.current == Some(general));
}

#[test]
fn whoever_may_not_enter_stays_where_they_were() {
    let mut chat = member();
    for name in ["aaa", "zzz", "general", "vault"] {
        chat.look_at(&room(name));
    }
    chat.turn_back_from(&room("vault"));
    assert_eq!(chat.current, Some(room("general")));
    // Whoever looks elsewhere by then stays there; whoever came from a room that is gone has a neighbour.
    chat.look_at(&room("vault"));
    chat.look_at(&room("aaa"));
    chat.turn_back_from(&room("vault"));
    assert_eq!(chat.current, Some(room("aaa")));
    chat.look_at(&room("vault"));
    chat.drop_room(&room("aaa"));
    chat.turn_back_from(&room("vault"));
    assert_eq!(chat.current, Some(room("zzz")));
}

/// What a server may do, in the order in which core's client tells it.
#[derive(Clone, Debug)]
enum Step {
    Say,
    Lose(u64),
    Rejoin,
    Reset,
    Older(u64),
    Disconnect,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => Just(Step::Say),
        1 => (1u64..5).prop_map(Step::Lose),
        1 => Just(Step::Rejoin),
        1 => Just(Step::Reset),
        3 => (1u64..30).prop_map(Step::Older),
        1 => Just(Step::Disconnect),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_024))]

    /// Whatever comes in between: no message stands there twice, and those of a log stand in its order.
    #[test]
    fn messages_stand_once_and_in_order(steps in prop::collection::vec(step(), 1..60), lines_max in 5usize..200) {
        let mut chat = Conversation::new(user("alice"), Keep { lines_max, ..Keep::default() });
        let (mut epoch, mut head) = (1, 40);
        tell(&mut chat, &joined("general", epoch, head, head + 1, Verdict::Full));
        for step in steps {
            match step {
                Step::Say => {
                    head += 1;
                    tell(&mut chat, &ClientEvent::Message(shown("general", epoch, head, "bob", "hi")));
                }
                Step::Lose(count) => {
                    let from = at(epoch, head + 1);
                    head += count;
                    tell(&mut chat, &ClientEvent::Gap { room: room("general"), from, to: Seq(head) });
                }
                Step::Rejoin => tell(&mut chat, &joined("general", epoch, head, head + 1, Verdict::Full)),
                Step::Reset => {
                    epoch += 1;
                    tell(&mut chat, &joined("general", epoch, head, head + 1, Verdict::Reset));
                }
                // The server's page may reach into what is shown: the client had not asked for it by a position.
                Step::Older(count) => {
                    chat.rooms.get_mut("general").unwrap().older = Older::Asked(RequestId(1));
                    let to = chat.rooms["general"].oldest().map_or(head, |oldest| oldest.0 + 2).min(head);
                    let messages = (to.saturating_sub(count).max(1)..=to)
                        .map(|seq| shown("general", epoch, seq, "bob", "old"))
                        .collect();
                    tell(&mut chat, &ClientEvent::History { id: RequestId(1), room: room("general"), messages, more: true });
                }
                Step::Disconnect => {
                    let lost = ClientEvent::Disconnected { code: None, retry_in: Duration::ZERO };
                    tell(&mut chat, &lost);
                }
            }
            let general = &chat.rooms["general"];
            let positions: Vec<_> = general.lines.iter().filter_map(|line| match &line.body {
                Body::Said(Said { position, .. }) => Some(*position),
                _ => None,
            }).collect();
            prop_assert!(positions.is_sorted_by(|a, b| a < b), "{positions:?}");
            prop_assert!(general.lines.len() <= lines_max);
        }
    }
}
