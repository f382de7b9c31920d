//! Messages, statuses, tasks.

use super::kit::{EAST, Guest, Kit, WEST, room, user};
use crate::{
    config::ShardConfig,
    id::{GatewayId, RequestId, Seq},
    refusal::Refusal,
    role::Role,
    shard::{Extra, Keep, Kind, Op, Push, Reply, Shard, ShardEvent, Status, Task, TaskChange},
};

fn member(kit: &mut Kit, gateway: GatewayId, name: &str) -> Guest {
    let guest = kit.attach_at(gateway, name);
    kit.join(&guest, "general");
    guest
}

fn status(state: &str) -> Status {
    Status { state: state.into(), detail: None, progress: Some(50) }
}

fn set_status(kit: &mut Kit, guest: &Guest, state: &str) -> Option<Result<Reply, Refusal>> {
    let (peer, id) = (guest.peer.clone(), Some(RequestId(1)));
    kit.apply(Op::SetStatus { peer, id, room: room("general"), status: status(state) });
    kit.reply()
}

fn set_task(kit: &mut Kit, guest: &Guest, task: &str, state: &str) -> Option<Result<Reply, Refusal>> {
    change_task(kit, guest, TaskChange { status: Some(status(state)), ..change(task) })
}

fn change(task: &str) -> TaskChange {
    TaskChange { task: task.into(), status: None, assignee: None, priority: None, metadata: None }
}

fn change_task(kit: &mut Kit, guest: &Guest, task: TaskChange) -> Option<Result<Reply, Refusal>> {
    let peer = guest.peer.clone();
    kit.apply(Op::SetTask { peer, id: Some(RequestId(1)), room: room("general"), task });
    kit.reply()
}

/// The seq a publish was acknowledged with.
fn seq(reply: Option<Result<Reply, Refusal>>) -> u64 {
    match reply {
        Some(Ok(Reply::Published(placed))) => placed.position.seq.0,
        other => panic!("not published: {other:?}"),
    }
}

#[test]
fn a_message_is_acknowledged_first_and_then_pushed_once_per_gateway() {
    let mut kit = Kit::new();
    let ann = member(&mut kit, EAST, "ann");
    member(&mut kit, WEST, "bob");
    member(&mut kit, WEST, "cat");
    assert_eq!(seq(kit.publish(&ann, "general", Some(1), "hello")), 1);
    assert!(matches!(kit.effects[0].event, ShardEvent::Reply { id: Some(RequestId(1)), .. }));
    let [(WEST, Push::Message { epoch, message }), (EAST, Push::Message { message: same, .. })] =
        &kit.pushes()[..]
    else {
        panic!("{:?}", kit.effects)
    };
    assert!(std::sync::Arc::ptr_eq(message, same), "pushes share the message");
    assert_eq!((message.seq, message.at, &*message.content), (Seq(1), kit.now, "hello"));
    assert_eq!(message.user, user("ann"));
    assert_eq!(*epoch, kit.join(&ann, "general").head.epoch);
}

#[test]
fn without_an_id_every_send_counts() {
    let mut kit = Kit::new();
    let ann = member(&mut kit, WEST, "ann");
    assert_eq!(seq(kit.publish(&ann, "general", None, "hello")), 1);
    assert_eq!(kit.pushes().len(), 1);
    assert_eq!(seq(kit.publish(&ann, "general", None, "hello")), 2);
    assert_eq!(kit.publish(&ann, "nowhere", None, "hello"), Some(Err(Refusal::UnknownRoom)));
}

#[test]
fn a_repeated_send_is_answered_and_not_repeated() {
    let mut kit = Kit::new();
    let ann = member(&mut kit, WEST, "ann");
    assert_eq!(seq(kit.publish(&ann, "general", Some(7), "hello")), 1);
    assert_eq!(seq(kit.publish(&ann, "general", Some(7), "hello")), 1);
    assert_eq!(kit.pushes(), []);
    assert_eq!(seq(kit.publish(&ann, "general", Some(8), "again")), 2);
}

#[test]
fn answers_outlive_the_connection() {
    let mut kit = Kit::new();
    let ann = member(&mut kit, WEST, "ann");
    kit.publish(&ann, "general", Some(1), "hello");
    kit.detach(&ann, Keep::Window);
    let ann = kit.resume(&ann);
    kit.join(&ann, "general");
    assert_eq!(seq(kit.publish(&ann, "general", Some(1), "hello")), 1);
    assert_eq!(kit.pushes(), []);
}

#[test]
fn a_refusal_is_an_answer_too() {
    let mut kit = Kit::new();
    let ann = kit.attach("ann");
    assert_eq!(kit.publish(&ann, "general", Some(1), "hello"), Some(Err(Refusal::UnknownRoom)));
    kit.join(&ann, "general");
    assert_eq!(kit.publish(&ann, "general", Some(1), "hello"), Some(Err(Refusal::UnknownRoom)));
    assert_eq!(kit.pushes(), []);
}

#[test]
fn an_id_too_old_to_be_known_is_refused() {
    let mut kit = Kit::with(ShardConfig { answers_max: 2, ..Default::default() });
    let ann = member(&mut kit, WEST, "ann");
    for id in [1, 2, 3] {
        kit.publish(&ann, "general", Some(id), "hello");
    }
    assert_eq!(kit.publish(&ann, "general", Some(1), "hello"), Some(Err(Refusal::StaleId)));
    assert_eq!(seq(kit.publish(&ann, "general", Some(2), "hello")), 2);
}

#[test]
fn only_who_has_taken_a_seat_on_this_connection_may_speak() {
    let mut kit = Kit::new();
    let ann = member(&mut kit, WEST, "ann");
    let tab = kit.attach("ann");
    assert_eq!(kit.publish(&tab, "general", Some(1), "hello"), Some(Err(Refusal::NotMember)));
    kit.detach(&ann, Keep::Window);
    let ann = kit.resume(&ann);
    assert_eq!(kit.publish(&ann, "general", Some(1), "hello"), Some(Err(Refusal::NotMember)));
    assert_eq!(set_status(&mut kit, &ann, "working"), Some(Err(Refusal::NotMember)));
    kit.join(&ann, "general");
    assert_eq!(seq(kit.publish(&ann, "general", Some(2), "hello")), 1);
}

#[test]
fn nothing_is_pushed_to_gateways_without_a_reader() {
    let mut kit = Kit::new();
    let (ann, bob) = (member(&mut kit, WEST, "ann"), member(&mut kit, EAST, "bob"));
    kit.detach(&bob, Keep::Window);
    kit.publish(&ann, "general", None, "hello");
    let to: Vec<_> = kit.pushes().into_iter().map(|(to, _)| to).collect();
    assert_eq!(to, [WEST]);
}

#[test]
fn a_status_is_told_to_all_and_to_those_who_come_later_until_the_membership_ends() {
    let mut kit = Kit::new();
    let ann = member(&mut kit, WEST, "ann");
    assert_eq!(set_status(&mut kit, &ann, "working"), Some(Ok(Reply::Noted)));
    assert_eq!(kit.pushes(), [(WEST, Push::Status { user: user("ann"), status: status("working") })]);
    let bob = kit.attach("bob");
    assert_eq!(kit.join(&bob, "general").statuses, [(user("ann"), status("working"))]);
    kit.leave(&ann, "general").expect("a member");
    assert_eq!(kit.join(&bob, "general").statuses, []);
}

#[test]
fn a_room_has_so_many_tasks() {
    let mut kit = Kit::with(ShardConfig { tasks_max: 1, ..Default::default() });
    let ann = member(&mut kit, WEST, "ann");
    assert_eq!(set_task(&mut kit, &ann, "build", "open"), Some(Ok(Reply::Noted)));
    assert_eq!(set_task(&mut kit, &ann, "test", "open"), Some(Err(Refusal::Full)));
    assert_eq!(set_task(&mut kit, &ann, "build", "done"), Some(Ok(Reply::Noted)));
    assert_eq!(kit.pushes().len(), 1);
    let tasks = kit.join(&ann, "general").tasks;
    let done = Task {
        task: "build".into(),
        status: Some(status("done")),
        assignee: None,
        priority: None,
        metadata: None,
    };
    assert_eq!(tasks, [done]);
    assert_eq!(set_task(&mut kit, &ann, "test", "open"), Some(Ok(Reply::Noted)), "what is done makes room");
    let names: Vec<_> = kit.join(&ann, "general").tasks.into_iter().map(|task| task.task).collect();
    assert_eq!(names, ["test".into()]);
}

#[test]
fn what_is_said_about_a_task_adds_up() {
    let mut kit = Kit::new();
    let ann = member(&mut kit, WEST, "ann");
    let assigned = TaskChange { assignee: Some(user("nobody")), priority: Some(1), ..change("build") };
    assert_eq!(change_task(&mut kit, &ann, assigned), Some(Ok(Reply::Noted)));
    assert!(matches!(&kit.pushes()[..], [(WEST, Push::Task { assigned: true, .. })]));
    set_task(&mut kit, &ann, "build", "open");
    let whole = Task {
        task: "build".into(),
        status: Some(status("open")),
        assignee: Some(user("nobody")),
        priority: Some(1),
        metadata: None,
    };
    assert_eq!(
        kit.pushes(),
        [(WEST, Push::Task { user: user("ann"), task: whole.clone(), assigned: false })]
    );
    let bob = kit.attach("bob");
    assert_eq!(kit.join(&bob, "general").tasks, [whole]);
}

#[test]
fn a_guest_says_how_a_task_stands_that_is_theirs_and_nothing_else_of_tasks() {
    let mut kit = Kit::new();
    let ann = member(&mut kit, WEST, "ann");
    let mut gus = member(&mut kit, WEST, "gus");
    gus.peer.role = Role::Guest;
    let assigned = |task, whom| TaskChange { assignee: Some(user(whom)), ..change(task) };
    let denied = Some(Err(Refusal::PermissionDenied));
    assert_eq!(set_task(&mut kit, &gus, "build", "open"), denied, "guests make none");
    change_task(&mut kit, &ann, assigned("build", "ann")).unwrap().expect("a member");
    assert_eq!(set_task(&mut kit, &gus, "build", "failed"), denied, "it is ann's");
    assert_eq!(change_task(&mut kit, &gus, assigned("build", "gus")), denied);
    change_task(&mut kit, &ann, assigned("build", "gus")).unwrap().expect("a member");
    assert_eq!(set_task(&mut kit, &gus, "build", "done"), Some(Ok(Reply::Noted)), "it is theirs now");
    for more in [
        assigned("build", "ann"),
        TaskChange { priority: Some(0), ..change("build") },
        TaskChange { metadata: Some("{}".into()), ..change("build") },
    ] {
        assert_eq!(change_task(&mut kit, &gus, more), denied);
    }
}

#[test]
fn where_tokens_are_verified_only_agents_and_admins_say_what_agents_say() {
    for verify_tokens in [false, true] {
        let mut kit = Kit::with(ShardConfig { verify_tokens, ..ShardConfig::default() });
        let mut ann = member(&mut kit, WEST, "ann");
        let answer = || Extra { kind: Kind::Agent, ..Extra::default() };
        for (role, allowed) in
            [(Role::Member, false), (Role::Guest, false), (Role::Bot, true), (Role::Admin, true)]
        {
            ann.peer.role = role;
            let said = kit.publish_with(&ann, "general", answer());
            assert_eq!(said.is_ok(), allowed || !verify_tokens, "{role:?}");
            assert!(said.is_ok() || said == Err(Refusal::PermissionDenied));
        }
        ann.peer.role = Role::Member;
        kit.join(&ann, "bot:ann");
        assert!(kit.publish_with(&ann, "bot:ann", answer()).is_ok(), "in its own room a bot is one");
    }
}

#[test]
fn only_admins_and_bots_speak_for_the_system() {
    let mut kit = Kit::new();
    let mut ann = member(&mut kit, WEST, "ann");
    let notice = || Extra { kind: Kind::System, ..Extra::default() };
    for (role, allowed) in
        [(Role::Member, false), (Role::Guest, false), (Role::Bot, true), (Role::Admin, true)]
    {
        ann.peer.role = role;
        let said = kit.publish_with(&ann, "general", notice());
        assert_eq!(said.is_ok(), allowed, "{role:?}");
        assert!(allowed || said == Err(Refusal::PermissionDenied));
    }
}

#[test]
fn an_agent_is_shown_with_what_it_was_doing() {
    let mut kit = Kit::new();
    let ann = member(&mut kit, WEST, "ann");
    let answer = || Extra { kind: Kind::Agent, state: Some("lying".into()), ..Extra::default() };
    let state = |kit: &Kit| match &kit.pushes()[..] {
        [(WEST, Push::Message { message, .. })] => message.extra.as_ref().expect("it has one").state.clone(),
        other => panic!("{other:?}"),
    };
    kit.publish_with(&ann, "general", answer()).expect("a member");
    assert_eq!(state(&kit), None, "nobody has said what it was doing");
    set_status(&mut kit, &ann, "working");
    kit.publish_with(&ann, "general", answer()).expect("a member");
    assert_eq!(state(&kit).as_deref(), Some("working"));
    kit.publish_with(&ann, "general", Extra { reply_to: Some(1), ..Extra::default() }).expect("a member");
    assert_eq!(state(&kit), None, "only agents are shown with it");
}

#[test]
fn what_a_bot_just_says_is_what_an_agent_says() {
    let mut kit = Kit::new();
    let mut bot = member(&mut kit, WEST, "weather");
    bot.peer.role = Role::Bot;
    set_status(&mut kit, &bot, "thinking");
    let said = |kit: &Kit| match &kit.pushes()[..] {
        [(WEST, Push::Message { message, .. })] => message.extra.as_deref().cloned(),
        other => panic!("{other:?}"),
    };
    let agent = Extra { kind: Kind::Agent, state: Some("thinking".into()), ..Extra::default() };
    kit.publish(&bot, "general", None, "sunny");
    assert_eq!(said(&kit), Some(agent.clone()));
    kit.publish_with(&bot, "general", Extra { reply_to: Some(1), ..Extra::default() }).expect("a member");
    assert_eq!(said(&kit), Some(Extra { reply_to: Some(1), ..agent }));
    kit.publish_with(&bot, "general", Extra { kind: Kind::System, ..Extra::default() }).expect("a bot");
    assert_eq!(said(&kit).map(|extra| extra.kind), Some(Kind::System), "a notice is one");
    bot.peer.role = Role::Member;
    kit.publish(&bot, "general", None, "rain");
    assert_eq!(said(&kit), None);
}

#[test]
fn bots_and_guests_make_no_rooms_but_the_lobby() {
    let mut kit = Kit::new();
    for role in [Role::Bot, Role::Guest] {
        let mut gus = kit.attach("gus");
        gus.peer.role = role;
        assert_eq!(kit.create(&gus, "hall"), Err(Refusal::PermissionDenied));
        assert_eq!(kit.try_join(&gus.peer, "hall", None), Err(Refusal::UnknownRoom));
        kit.join(&gus, "lobby");
        kit.leave(&gus, "lobby").expect("a member");
        kit.wait(ShardConfig::default().room_ttl);
    }
}

#[test]
fn a_digest_tells_different_outcomes_apart() {
    let digest = |content: &str| {
        let mut kit = Kit::new();
        let ann = member(&mut kit, WEST, "ann");
        kit.publish(&ann, "general", None, content);
        kit.shard.digest()
    };
    assert_eq!(digest("hello"), digest("hello"));
    assert_ne!(digest("hello"), digest("hello, world"));
    assert_eq!(Shard::new().digest(), 0);
}
