//! Bots: what is known of them while they are away, and what waits for them.

use super::kit::{Guest, Kit, WEST, room, user};
use crate::{
    config::ShardConfig,
    id::{Position, Seq},
    refusal::Refusal,
    role::Role,
    shard::{Extra, Keep, Kind, Op, Peer, Push, Query, Reply, Status, Verdict},
};

const HOME: &str = "bot:weather";

fn run(kit: &mut Kit, guest: &Guest, name: &str, on: bool) -> Result<Reply, Refusal> {
    kit.apply(Op::Run { peer: guest.peer.clone(), id: None, room: room(name), on });
    kit.reply().expect("an answer")
}

fn seen(kit: &mut Kit, guest: &Guest, name: &str, seq: u64) -> Result<Reply, Refusal> {
    kit.apply(Op::Seen { peer: guest.peer.clone(), id: None, room: room(name), seq: Seq(seq) });
    kit.reply().expect("an answer")
}

fn say_of_itself(kit: &mut Kit, bot: &Guest, state: &str) {
    let status = Status { state: state.into(), detail: None, progress: None };
    kit.apply(Op::SetStatus { peer: bot.peer.clone(), id: None, room: room(HOME), status });
}

/// The states of the bot that are pushed, in order.
fn pushed(kit: &Kit) -> Vec<String> {
    let states = kit.pushes().into_iter().filter_map(|(to, push)| match push {
        Push::Status { user, status } if to == WEST && user.as_str() == "weather" => {
            Some(status.state.to_string())
        }
        _ => None,
    });
    states.collect()
}

/// The bot's state, as somebody is told who comes in.
fn known(kit: &mut Kit) -> Option<String> {
    let eve = kit.attach("eve");
    let statuses = kit.join(&eve, HOME).statuses;
    kit.detach(&eve, Keep::Nothing);
    let [(name, status)] = &statuses[..] else { return None };
    assert_eq!(*name, user("weather"));
    Some(status.state.to_string())
}

/// A bot's room, whose owner is in it.
fn kit() -> (Kit, Guest) {
    let mut kit = Kit::with(ShardConfig { history_max: 5, ..ShardConfig::default() });
    let ann = kit.attach("ann");
    kit.join(&ann, HOME);
    (kit, ann)
}

fn bot(kit: &mut Kit) -> Guest {
    let Guest { peer, resume } = kit.attach("weather");
    Guest { peer: Peer { role: Role::Bot, ..peer }, resume }
}

#[test]
fn a_bot_runs_while_it_is_there_and_its_state_is_known_when_it_is_not() {
    let (mut kit, _ann) = kit();
    assert_eq!(known(&mut kit), None);
    let weather = bot(&mut kit);
    kit.join(&weather, HOME);
    assert_eq!(pushed(&kit), ["running"]);
    say_of_itself(&mut kit, &weather, "thinking");
    assert_eq!(known(&mut kit).as_deref(), Some("thinking"));
    kit.leave(&weather, HOME).expect("a member");
    assert_eq!(pushed(&kit), ["stopped"]);
    assert_eq!(known(&mut kit).as_deref(), Some("stopped"));
    kit.join(&weather, HOME);
    assert_eq!(pushed(&kit), ["running"]);
    kit.detach(&weather, Keep::Nothing);
    assert_eq!(pushed(&kit), ["stopped"], "a clean close is a leave");
}

#[test]
fn a_bot_whose_connection_is_lost_is_in_error_after_the_grace() {
    let (mut kit, _ann) = kit();
    let config = ShardConfig::default();
    let weather = bot(&mut kit);
    kit.join(&weather, HOME);
    kit.detach(&weather, Keep::Window);
    assert_eq!(pushed(&kit), [] as [&str; 0]);
    kit.wait(config.presence_grace);
    assert_eq!(pushed(&kit), ["error"]);
    let weather = kit.resume(&weather);
    kit.join(&weather, HOME);
    assert_eq!(pushed(&kit), ["running"]);
    kit.detach(&weather, Keep::Window);
    kit.wait(config.resume_window);
    assert_eq!(pushed(&kit), ["error"], "once, though its membership has ended, too");
    let weather = bot(&mut kit);
    kit.join(&weather, HOME);
    kit.detach(&weather, Keep::Grace);
    kit.wait(config.presence_grace);
    assert_eq!(pushed(&kit), ["error"], "its membership ends with the grace");
}

#[test]
fn an_owner_starts_and_stops_a_bot_which_says_what_comes_of_it() {
    let (mut kit, ann) = kit();
    let weather = bot(&mut kit);
    kit.join(&weather, HOME);
    assert_eq!(run(&mut kit, &ann, HOME, false), Ok(Reply::Noted));
    assert_eq!(pushed(&kit), ["stopping"]);
    say_of_itself(&mut kit, &weather, "stopped");
    kit.detach(&weather, Keep::Window);
    kit.wait(ShardConfig::default().presence_grace);
    assert_eq!(pushed(&kit), [] as [&str; 0], "what was stopped is in no error");
    let weather = kit.resume(&weather);
    kit.join(&weather, HOME);
    assert_eq!(pushed(&kit), [] as [&str; 0], "it is there, and still stopped");
    assert_eq!(run(&mut kit, &ann, HOME, true), Ok(Reply::Noted));
    assert_eq!(pushed(&kit), ["starting"]);
    say_of_itself(&mut kit, &weather, "running");
    kit.leave(&weather, HOME).expect("a member");
    run(&mut kit, &ann, HOME, true).expect("the owner");
    assert_eq!(known(&mut kit).as_deref(), Some("starting"), "until it comes");
    run(&mut kit, &ann, HOME, false).expect("the owner");
    assert_eq!(known(&mut kit).as_deref(), Some("stopped"), "there is nobody to stop");
    kit.join(&weather, HOME);
    assert_eq!(pushed(&kit), ["stopped"], "it is listed with what it does");
}

#[test]
fn only_owners_and_admins_run_a_bot_and_only_a_bot() {
    let (mut kit, ann) = kit();
    let mut bob = kit.attach("bob");
    kit.join(&bob, HOME);
    assert_eq!(run(&mut kit, &bob, HOME, true), Err(Refusal::PermissionDenied));
    kit.join(&ann, "general");
    assert_eq!(run(&mut kit, &ann, "general", true), Err(Refusal::NoBot));
    assert_eq!(run(&mut kit, &ann, "bot:news", true), Err(Refusal::UnknownRoom));
    bob.peer.role = Role::Admin;
    assert_eq!(run(&mut kit, &bob, HOME, true), Ok(Reply::Noted));
}

#[test]
fn what_was_said_while_it_was_away_waits_for_the_bot() {
    let (mut kit, ann) = kit();
    let say = |kit: &mut Kit, count: u32| (0..count).for_each(|_| drop(kit.publish(&ann, HOME, None, "hi")));
    say(&mut kit, 3);
    let weather = bot(&mut kit);
    let joined = kit.join(&weather, HOME);
    assert_eq!((joined.verdict, joined.next), (Verdict::Full, Seq(1)), "also what came before it ever did");
    assert_eq!(seen(&mut kit, &weather, HOME, 2), Ok(Reply::Noted));
    assert_eq!(seen(&mut kit, &weather, HOME, 1), Ok(Reply::Noted), "and nothing goes back");
    kit.leave(&weather, HOME).expect("a member");
    say(&mut kit, 1);
    let joined = kit.join(&weather, HOME);
    assert_eq!((joined.verdict, joined.next), (Verdict::Full, Seq(3)));
    let since = Some(Position::new(joined.head.epoch, Seq(4)));
    assert_eq!(kit.join_since(&weather, HOME, since).next, Seq(5), "it may say itself where it was");
    kit.leave(&weather, HOME).expect("a member");
    say(&mut kit, 5);
    let joined = kit.join(&weather, HOME);
    let gap = Verdict::Gap { from: Seq(3), to: Seq(4) };
    assert_eq!((joined.verdict, joined.next), (gap, Seq(5)), "the room keeps five");
    assert_eq!(seen(&mut kit, &weather, HOME, 1_000), Ok(Reply::Noted));
    assert_eq!(kit.join(&weather, HOME).verdict, Verdict::Full, "it has seen no more than there is");
}

#[test]
fn nobody_else_has_a_cursor() {
    let (mut kit, ann) = kit();
    assert_eq!(seen(&mut kit, &ann, HOME, 1), Err(Refusal::PermissionDenied));
    kit.join(&ann, "general");
    assert_eq!(seen(&mut kit, &ann, "general", 1), Err(Refusal::NoBot));
    let weather = bot(&mut kit);
    assert_eq!(seen(&mut kit, &weather, HOME, 1), Err(Refusal::NotMember));
}

#[test]
fn a_bot_makes_its_own_room_and_no_other() {
    let mut kit = Kit::new();
    let weather = bot(&mut kit);
    assert_eq!(kit.try_join(&weather.peer, "bot:news", None).unwrap_err(), Refusal::UnknownRoom);
    kit.join(&weather, HOME);
    assert_eq!(
        run(&mut kit, &weather, HOME, false),
        Err(Refusal::PermissionDenied),
        "it does not own itself"
    );
}

#[test]
fn no_bot_owns_itself_whatever_its_token_says() {
    let mut kit = Kit::new();
    let ann = kit.attach("ann");
    kit.create(&ann, HOME).expect("a new room");
    let mut bot = kit.attach("weather");
    (bot.peer.role, bot.peer.owner) = (Role::Bot, Some(user("weather")));
    kit.join(&bot, HOME);
    assert_eq!(run(&mut kit, &bot, HOME, true), Err(Refusal::PermissionDenied));
    assert_eq!(run(&mut kit, &ann, HOME, true), Ok(Reply::Noted), "it is still ann's");
}

#[test]
fn a_room_that_a_bot_makes_is_its_owners() {
    let (mut kit, ann) = kit();
    let mut news = kit.attach("news");
    (news.peer.role, news.peer.owner) = (Role::Bot, Some(user("ann")));
    kit.join(&news, "bot:news");
    kit.join(&ann, "bot:news");
    assert_eq!(run(&mut kit, &news, "bot:news", false), Err(Refusal::PermissionDenied));
    assert!(run(&mut kit, &ann, "bot:news", false).is_ok());
}

#[test]
fn whoever_made_a_bots_room_its_token_says_whose_it_is() {
    let mut kit = Kit::new();
    let (ann, eve, mut news) = (kit.attach("ann"), kit.attach("eve"), kit.attach("news"));
    kit.join(&eve, "bot:news");
    (news.peer.role, news.peer.owner) = (Role::Bot, Some(user("ann")));
    kit.join(&news, "bot:news");
    kit.join(&ann, "bot:news");
    assert_eq!(run(&mut kit, &eve, "bot:news", false), Err(Refusal::PermissionDenied));
    assert!(run(&mut kit, &ann, "bot:news", false).is_ok());
}

#[test]
fn a_list_that_makes_up_for_changes_holds_the_bot_that_is_away() {
    let (mut kit, ann) = kit();
    let weather = bot(&mut kit);
    let listed = |kit: &Kit| match kit.ask(&Query::Roster { peer: ann.peer.clone(), room: room(HOME) }) {
        Some(Ok(Reply::Roster { bot, .. })) => bot.map(|(_, status)| status.state.to_string()),
        other => panic!("{other:?}"),
    };
    kit.join(&weather, HOME);
    assert_eq!(listed(&kit), None, "it is among the members");
    kit.leave(&weather, HOME).expect("a member");
    assert_eq!(listed(&kit).as_deref(), Some("stopped"));
}

#[test]
fn who_wants_no_history_is_shown_none_in_the_room_of_their_own_name() {
    let (mut kit, ann) = kit();
    let weather = bot(&mut kit);
    kit.publish(&ann, HOME, None, "one");
    let (peer, room) = (weather.peer.clone(), room(HOME));
    kit.apply(Op::Join { peer, id: None, room, since: None, history: 0, backlog: false });
    let Some(Ok(Reply::Joined(joined))) = kit.reply() else { panic!("{:?}", kit.effects) };
    assert_eq!((joined.verdict, joined.next), (Verdict::Full, Seq(2)));
    let joined = kit.join(&weather, HOME);
    assert_eq!(joined.next, Seq(1), "it has not seen it for that");
}

#[test]
fn what_may_not_be_said_to_a_bot_makes_no_room_for_it() {
    let mut kit = Kit::new();
    let ann = kit.attach("ann");
    let visitor = Guest { peer: Peer { visitor: true, ..ann.peer.clone() }, ..ann };
    let notice = Extra { kind: Kind::System, ..Extra::default() };
    assert_eq!(kit.publish_with(&visitor, "bot:weather", notice), Err(Refusal::PermissionDenied));
    assert_eq!(kit.shard.rooms(), 0);
    assert!(kit.publish_with(&visitor, "bot:weather", Extra::default()).is_ok());
}
