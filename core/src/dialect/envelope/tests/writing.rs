//! Frames written, for all who read them.

use super::*;

#[test]
fn a_message_is_written_as_specified() {
    let general = room("general");
    let file = File { url: "https://files.example/1".into(), name: None };
    let extra = Extra {
        key: Some("m-1".into()),
        kind: Kind::File,
        file: Some(file),
        priority: 0,
        ..Extra::default()
    };
    let urgent = message(Some(extra));
    let live = r#"{"type":"message","payload":{"roomId":"general","content":"Hello!","metadata":{"type":"file","fileUrl":"https://files.example/1"},"senderId":"bob","seq":12},"timestamp":1790000001000,"messageId":"m-1","priority":0}"#;
    assert_eq!(shared(&Event::Message { room: &general, epoch: Epoch(5), message: &urgent }), [live]);
    let plain = message(None);
    let stored = r#"{"type":"message","payload":{"roomId":"general","content":"Hello!","metadata":{"type":"text"},"senderId":"bob","seq":12},"timestamp":1790000001000,"messageId":"12@5"}"#;
    assert_eq!(shared(&Event::Message { room: &general, epoch: Epoch(5), message: &plain }), [stored]);

    let messages = [Arc::new(urgent), Arc::new(plain)];
    let page = |id| Event::History { id, room: &general, epoch: Epoch(5), messages: &messages, more: true };
    assert_eq!(shared(&page(None)), [live, stored], "what was missed comes like what is said now");
    let payload = format!(
        r#"{{"roomId":"general","messages":[{live},{stored}],"epoch":5,"more":true,"replyTo":"h-1"}}"#
    );
    let mut kit = Kit::new();
    let text = r#"{"type":"history","payload":{"roomId":"general","before":13,"limit":2},"messageId":"h-1"}"#;
    let request = kit.sends(text);
    assert!(matches!(request.command, Command::History { before: Some(Seq(13)), limit: Some(2), .. }));
    assert_eq!(kit.hears(&page(request.id)), [frame("history", &payload)]);
}

#[test]
fn tasks_are_written_as_specified() {
    let (dev, ann) = (room("dev"), user("ann"));
    let status = Status { state: "working".into(), detail: None, progress: Some(25) };
    let mut task = Task {
        task: "T-1".into(),
        status: Some(status),
        assignee: None,
        priority: None,
        metadata: Some(r#"{"a":[1]}"#.into()),
    };
    let update = |user: &str| {
        let payload = format!(
            r#"{{"taskId":"T-1","status":"working","progress":25,"metadata":{{"a":[1]}},"roomId":"dev"{user}}}"#
        );
        frame("taskUpdate", &payload)
    };
    let by_ann = r#","userId":"ann""#;
    let event = Event::Task { room: &dev, user: Some(&ann), task: &task, assigned: false };
    assert_eq!(shared(&event), [update(by_ann)]);

    (task.assignee, task.priority) = (Some(user("bob")), Some(1));
    let assign = |user: &str| {
        let payload = format!(r#"{{"taskId":"T-1","assigneeId":"bob","priority":1,"roomId":"dev"{user}}}"#);
        frame("taskAssign", &payload)
    };
    let second = |text: String| text.replace("a-7-0", "a-7-1");
    let event = Event::Task { room: &dev, user: None, task: &task, assigned: false };
    assert_eq!(shared(&event), [assign(""), second(update(""))], "newcomers are shown both");
    let event = Event::Task { room: &dev, user: Some(&ann), task: &task, assigned: false };
    assert_eq!(shared(&event), [update(by_ann)], "nobody was told to do it just now");
    (task.status, task.metadata) = (None, None);
    let event = Event::Task { room: &dev, user: Some(&ann), task: &task, assigned: true };
    assert_eq!(shared(&event), [assign(by_ann)]);
}

#[test]
fn health_is_numbers_and_a_word() {
    let counters = Counters {
        connections: 1,
        rooms: 2,
        frames_in: 3,
        messages_in: 4,
        deliveries_out: 5,
        outbox_bytes: 6,
        lagged: 7,
        slow_closed: 8,
        ..Counters::default()
    };
    let uptime = Duration::from_millis(9_999);
    let event = Event::Health { condition: Condition::Healthy, counters: &counters, uptime };
    let payload = r#"{"status":"healthy","metrics":{"connections":1,"rooms":2,"framesIn":3,"messagesIn":4,"deliveriesOut":5,"outboxBytes":6,"lagged":7,"slowClosed":8,"uptimeSeconds":9}}"#;
    assert_eq!(shared(&event), [frame("healthUpdate", payload)]);
}

#[test]
fn what_others_do_is_told() {
    let (general, ann) = (room("general"), user("ann"));
    let names = Roster::Names([ann.clone()].into());
    let event = Event::UserJoined { room: &general, user: &ann, roster: &names };
    assert_eq!(
        shared(&event),
        [frame("userJoined", r#"{"roomId":"general","userId":"ann","members":["ann"]}"#)]
    );
    let event = Event::UserLeft { room: &general, user: &ann, seen: Time(0), roster: &Roster::Count(101) };
    assert_eq!(shared(&event), [frame("userLeft", r#"{"roomId":"general","userId":"ann","count":101}"#)]);
    let event =
        Event::MembersChanged { room: &general, joined: std::slice::from_ref(&ann), left: &[], count: 101 };
    assert_eq!(
        shared(&event),
        [frame("membersChanged", r#"{"roomId":"general","joined":["ann"],"left":[],"count":101}"#)]
    );
    for presence in [Presence::Online, Presence::Offline, Presence::Typing] {
        let event = Event::Presence { room: &general, user: &ann, presence, away: None };
        let payload = format!(r#"{{"roomId":"general","userId":"ann","status":"{}"}}"#, presence.word());
        assert_eq!(shared(&event), [frame("presence", &payload)]);
    }
    let status = Status { state: "busy".into(), detail: Some("lunch".into()), progress: None };
    let event = Event::Status { room: &general, user: &ann, status: &status };
    let payload = r#"{"roomId":"general","userId":"ann","status":"busy","detail":"lunch"}"#;
    assert_eq!(shared(&event), [frame("status", payload)]);
    let next = Position::new(Epoch(5), Seq(9));
    let event = Event::Lagged { room: &general, next };
    assert_eq!(shared(&event), [frame("lagged", r#"{"roomId":"general","epoch":5,"next":9}"#)]);
    let event = Event::Gap { room: &general, epoch: Epoch(5), from: Seq(1), to: Seq(8) };
    assert_eq!(shared(&event), [frame("gap", r#"{"roomId":"general","epoch":5,"from":1,"to":8}"#)]);
}
