//! Envelopes opened.

use proptest::prelude::*;

use super::*;

#[test]
fn a_message_is_read_as_specified() {
    let mut kit = Kit::new();
    let text = r#"{"type":"message","payload":{"roomId":"general","content":"Hello!","metadata":{"type":"file",
        "fileUrl":"https://files.example/1","fileName":"one.txt"}},"timestamp":1790000000000,"messageId":"m-1",
        "priority":1}"#;
    let request = kit.sends(text);
    assert_eq!(request.id, None, "it is answered by its key");
    let Command::Publish { room, content, extra } = request.command else { panic!("a message") };
    assert_eq!((room, &*content), (self::room("general"), "Hello!"));
    let file = File { url: "https://files.example/1".into(), name: Some("one.txt".into()) };
    let expected = Extra {
        key: Some("m-1".into()),
        kind: Kind::File,
        file: Some(file),
        priority: 1,
        ..Extra::default()
    };
    assert_eq!(*extra.unwrap(), expected);
    for (word, kind) in [("text", Kind::Text), ("system", Kind::System)] {
        let text = format!(
            r#"{{"type":"message","payload":{{"roomId":"general","content":"x","metadata":{{"type":"{word}"}}}},"messageId":"m"}}"#
        );
        let Command::Publish { extra, .. } = kit.command(&text) else { panic!("a message") };
        assert_eq!(*extra.unwrap(), Extra { key: Some("m".into()), kind, ..Extra::default() });
    }
}

#[test]
fn a_message_without_a_name_is_given_one() {
    let mut kit = Kit::new();
    let text =
        r#"{"type":"message","payload":{"roomId":"general","content":"Hello!","metadata":{"type":"text"}}}"#;
    let Command::Publish { extra, .. } = kit.command(text) else { panic!("a message") };
    assert_eq!(*extra.unwrap(), Extra { key: Some("a-7-0".into()), ..Extra::default() });
}

#[test]
fn tasks_are_read_as_specified() {
    let mut kit = Kit::new();
    let update = r#"{"type":"taskUpdate","payload":{"taskId":"T-1","status":"working","progress":24.6,"metadata":{"a":[1]},"roomId":"dev"}}"#;
    let Command::Task { room, task } = kit.command(update) else { panic!("a task") };
    let status = Status { state: "working".into(), detail: None, progress: Some(25) };
    let change =
        TaskChange { task: "T-1".into(), status: None, assignee: None, priority: None, metadata: None };
    assert_eq!(room, self::room("dev"));
    let metadata = Some(r#"{"a":[1]}"#.into());
    assert_eq!(task, TaskChange { status: Some(status), metadata, ..change.clone() });
    let assign =
        r#"{"type":"taskAssign","payload":{"taskId":"T-1","assigneeId":"bob","priority":1,"roomId":"dev"}}"#;
    let Command::Task { task, .. } = kit.command(assign) else { panic!("a task") };
    assert_eq!(task, TaskChange { assignee: Some(user("bob")), priority: Some(1), ..change });
}

#[test]
fn who_does_not_speak_the_dialect_is_told_so() {
    let mut kit = Kit::new();
    for text in ["", "hello", "{", r#"{"type":"ping","payload":{}"#] {
        assert_eq!(kit.refused(text).0, "bad_json", "{text}");
    }
    for text in [
        "[]",
        "1",
        "{}",
        r#"{"type":"ping"}"#,
        r#"{"payload":{}}"#,
        r#"{"type":1,"payload":{}}"#,
        r#"["ping",{},"m",2]"#,
        r#"{"type":"ping","payload":{},"messageId":7}"#,
    ] {
        assert_eq!(kit.refused(text).0, "bad_envelope", "{text}");
    }
    assert_eq!(
        Dialect::Envelope.closes(Refusal::BadJson, false),
        Some(Disconnect::BadFormat),
        "and that is the end"
    );
    assert_eq!(Dialect::Envelope.closes(Refusal::BadEnvelope, false), Some(Disconnect::BadFormat));
}

#[test]
fn what_is_wrong_with_a_payload_is_no_end() {
    let mut kit = Kit::new();
    let mut refused = |kind: &str, payload: &str| {
        let text = format!(r#"{{"type":"{kind}","payload":{payload},"messageId":"m-1"}}"#);
        let (code, key) = kit.refused(&text);
        assert_eq!(key.as_deref(), Some("m-1"), "{text}");
        let refusal = Refusal::from_code(code).unwrap();
        assert_eq!(Dialect::Envelope.closes(refusal, true), None, "{text}");
        code
    };
    assert_eq!(refused("dance", "{}"), "unknown_type");
    for (kind, payload) in [
        ("joinRoom", "null"),
        ("joinRoom", r#"["general"]"#),
        ("joinRoom", "{}"),
        ("joinRoom", r#"{"roomId":"r","since":1}"#),
        ("message", r#"{"roomId":"r"}"#),
        ("message", r#"{"roomId":"r","content":1}"#),
        ("message", r#"{"roomId":"r","content":"x","metadata":[]}"#),
        ("message", r#"{"roomId":"r","content":"x","metadata":{"type":"agent"}}"#),
        ("message", r#"{"roomId":"r","content":"x","metadata":{"fileName":"f"}}"#),
        ("typing", r#"{"roomId":"r"}"#),
        ("taskUpdate", r#"{"roomId":"r","taskId":"t"}"#),
        ("taskUpdate", r#"{"roomId":"r","taskId":"t","progress":1}"#),
        ("taskUpdate", r#"{"roomId":"r","taskId":"t","status":"s","progress":101}"#),
        ("taskUpdate", r#"{"roomId":"r","status":"s"}"#),
        ("taskAssign", r#"{"roomId":"r","taskId":"t"}"#),
        ("refresh", "{}"),
    ] {
        assert_eq!(refused(kind, payload), "bad_frame", "{kind} {payload}");
    }
    assert_eq!(refused("joinRoom", r#"{"roomId":"no good"}"#), "bad_room");
    assert_eq!(refused("taskAssign", r#"{"roomId":"r","taskId":"t","assigneeId":"no good"}"#), "bad_user");
    for priority in ["-1", "1.5", "1e9", r#""high""#, "[]"] {
        let payload = r#"{"roomId":"r","content":"x"}"#;
        let text =
            format!(r#"{{"type":"message","payload":{payload},"messageId":"m-1","priority":{priority}}}"#);
        assert_eq!(kit.refused(&text), ("bad_frame", Some("m-1".into())), "{text}");
    }
    let long = format!(r#"{{"type":"ping","payload":{{}},"messageId":"{}"}}"#, "x".repeat(65));
    assert_eq!(kit.refused(&long), ("bad_frame", None));
}

/// Frames of which every field has a place.
const GOOD: [&str; 6] = [
    r#"{"type":"joinRoom","payload":{"roomId":"r","limit":5},"timestamp":1,"messageId":"m","priority":2}"#,
    r#"{"type":"message","payload":{"roomId":"r","content":"x","metadata":{"type":"file","fileUrl":"u"}},"messageId":"m"}"#,
    r#"{"type":"taskUpdate","payload":{"taskId":"t","status":"s","progress":5,"metadata":{}},"messageId":"m"}"#,
    r#"{"type":"taskAssign","payload":{"taskId":"t","assigneeId":"u","priority":1,"roomId":"r"},"messageId":"m"}"#,
    r#"{"type":"history","payload":{"roomId":"r","before":9,"limit":5},"messageId":"m"}"#,
    r#"{"type":"leaveRoom","payload":{"roomId":"r"},"messageId":"m"}"#,
];

/// A good frame of which a part is repeated, cut out or replaced.
fn nearly_good() -> impl Strategy<Value = String> {
    let frame = (0..GOOD.len()).prop_map(|index| GOOD[index]);
    (frame, any::<prop::sample::Index>(), 0usize..12, ".{0,6}").prop_map(|(frame, at, cut, put)| {
        let at = at.index(frame.len());
        let end = (at + cut).min(frame.len());
        format!("{}{put}{}", &frame[..at], &frame[end..])
    })
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused_and_nothing_piles_up(
        texts in prop::collection::vec(prop_oneof![".{0,80}", nearly_good()], 0..40),
    ) {
        let mut kit = Kit::new();
        let mut asked = vec![];
        for text in &texts {
            if let Ok(Decoded::Request(request)) = kit.envelope.decode(text, &kit::payloads(SENDING)) {
                asked.extend(request.id);
            }
            prop_assert_eq!(kit.envelope.remembered().0, asked.len());
            let (rooms, changes) = kit.envelope.remembered().1;
            prop_assert!(rooms.max(changes) <= asked.len());
        }
        for id in asked {
            kit.refuses(Some(id), Refusal::RateLimited);
        }
        prop_assert_eq!(kit.envelope.remembered(), (0, (0, 0)));
    }
}
