//! Every conversation of these tests is captured, and led through new nodes afterwards: it must come to the same.

use std::{cell::OnceCell, sync::Arc, thread, time::Duration};

use chinwag_core::{ShardId, redact::Redactor, shard::Op};

use super::*;
use crate::capture::{CaptureError, Difference, End, Head, Reel, Replay, Tape, Writer};

const REDACTOR: Redactor = Redactor::new([9; 32]);

/// What is being captured.
pub(super) struct Recording {
    head: Head,
    reel: Arc<Reel>,
    file: OnceCell<Vec<u8>>,
}

impl Recording {
    /// Of nodes that are made like these; contents are redacted in it, or not.
    pub(super) fn new(nodes: &[NodeConfig], redacted: bool) -> Self {
        let first = &nodes[0];
        let head = Head {
            version: "test".to_owned(),
            incarnation: first.incarnation,
            gateway: (*first.gateway).clone(),
            shard: first.shard.clone(),
            seeds: nodes.iter().map(|node| node.seed).collect(),
            key: (!redacted).then_some(REDACTOR.reveal()),
            durability: None,
            lost: false,
            begun: 0,
        };
        Self { head, reel: Arc::new(Reel::new(1 << 24)), file: OnceCell::new() }
    }

    /// Records one of them from its beginning.
    pub(super) fn record(&self, node: &mut Node, now: Time) {
        let scrubs = self.head.key.is_none().then_some(REDACTOR);
        node.record(Tape::new(Arc::clone(&self.reel), scrubs), Some(REDACTOR), now);
    }

    /// The capture as a file; it ends here.
    pub(super) fn file(&self) -> &[u8] {
        self.file.get_or_init(|| self.write())
    }

    fn write(&self) -> Vec<u8> {
        self.reel.stop();
        let mut records = vec![];
        let end = self.reel.take(&mut records, Duration::ZERO).expect("it has stopped");
        let mut writer = Writer::begin(vec![], &self.head, &[], None).unwrap();
        writer.add(&records).unwrap();
        writer.end(end).unwrap()
    }

    /// Leads new nodes through it, to the same end.
    pub(super) fn check(&self, hashes: impl Iterator<Item = u64>) {
        let file = self.file();
        let mut replay = Replay::open(file).unwrap();
        let mut last = None;
        while let Some(step) = replay.step().unwrap() {
            assert_eq!(step.difference, None, "{:?}", step.record);
            last = step.end();
        }
        assert_eq!(last, Some(End::Stopped));
        let found: Vec<_> = replay.nodes().map(Node::tape_hash).collect();
        assert!(hashes.eq(found), "another hash");
    }
}

fn talk(redacted: bool) -> (Kit, Vec<u8>) {
    let mut kit = Kit::recorded(GatewayConfig::default(), ShardConfig::default(), redacted);
    let [alice, bob] = ["alice", "bob"].map(|user| kit.member(user, "general"));
    kit.send(
        alice,
        json!({"type": "message", "room": "general", "user": "alice", "content": "the plan, @bob"}),
    );
    kit.wait(Duration::from_secs(45));
    kit.cut(bob);
    let file = kit.recording.file().to_vec();
    (kit, file)
}

/// Everything up to the first difference.
fn replayed(file: &[u8]) -> Result<(usize, Option<Difference>, Option<End>), CaptureError> {
    let mut replay = Replay::open(file)?;
    let (mut steps, mut end) = (0, None);
    while let Some(step) = replay.step()? {
        steps += 1;
        end = step.end();
        if step.difference.is_some() {
            return Ok((steps, step.difference, end));
        }
    }
    Ok((steps, None, end))
}

fn contains(file: &[u8], text: &str) -> bool {
    file.windows(text.len()).any(|bytes| bytes == text.as_bytes())
}

#[test]
fn what_is_redacted_comes_to_the_same() {
    let [(clear, open), (hidden, hashed)] = [false, true].map(talk);
    assert!(contains(&open, "the plan") && !contains(&hashed, "the plan"));
    assert!(contains(&hashed, "@bob") && !contains(&hashed, std::str::from_utf8(&[9; 32]).unwrap()));
    assert_eq!(clear.node.tape_hash(), hidden.node.tape_hash());
}

#[test]
fn the_first_difference_is_found_where_it_is() {
    let (_kit, file) = talk(true);
    let (steps, none, _) = replayed(&file).unwrap();
    assert_eq!(none, None);
    // Another seed: the first thing that holds a secret is the answer to a join.
    let mut replay = Replay::open(&file[..]).unwrap();
    replay.alter(|head| head.seeds[0] = [1; 32]);
    let mut differs = None;
    for number in 0.. {
        let Some(step) = replay.step().unwrap() else { break };
        if step.difference.is_some() {
            differs = Some((number, step.difference, format!("{:?}", step.record.input)));
            break;
        }
    }
    let (number, difference, input) = differs.expect("secrets differ");
    assert!(difference.is_some() && number < steps, "{number} {input}");
}

#[test]
fn a_file_that_was_cut_short_ends_there() {
    let (_kit, file) = talk(false);
    let (whole, ..) = replayed(&file).unwrap();
    for length in (0..file.len()).step_by(7) {
        match replayed(&file[..length]) {
            Ok((steps, difference, end)) => {
                assert!(steps < whole && difference.is_none() && end.is_none(), "{length}");
            }
            Err(CaptureError::Foreign(_) | CaptureError::Damaged(_)) => {}
            Err(error) => panic!("{length}: {error}"),
        }
    }
}

#[test]
fn damage_is_told() {
    let (_kit, file) = talk(false);
    for byte in (0..file.len()).step_by(11) {
        let mut bad = file.clone();
        bad[byte] ^= 1;
        // A length that became larger looks like a file that was cut short.
        if let Ok((_, difference, end)) = replayed(&bad) {
            assert!(difference.is_none() && end.is_none(), "byte {byte}");
        }
    }
}

#[test]
fn a_capture_ends_when_it_is_full_and_nobody_is_kept_waiting() {
    let mut kit = Kit::new();
    let reel = Arc::new(Reel::new(10_000));
    kit.node = node(kit.now, 2, GatewayConfig::default(), ShardConfig::default());
    kit.node.record(Tape::new(Arc::clone(&reel), None), None, kit.now);
    let alice = kit.member("alice", "general");
    for _ in 0..20 {
        kit.send(alice, json!({"type": "typing", "room": "general", "filler": "x".repeat(1_000)}));
    }
    let mut records = vec![];
    let reader = thread::spawn(move || (reel.take(&mut records, Duration::from_secs(60)), records.len()));
    let (end, bytes) = reader.join().unwrap();
    assert_eq!(end, Some(End::Full));
    assert!((5_000..=10_000).contains(&bytes), "{bytes}");
    assert_eq!(kit.node.tape_hash(), 0, "nobody goes on hashing");
}

#[test]
fn what_the_driver_adds_to_a_log_is_in_it() {
    let mut kit = Kit::new();
    kit.member("alice", "general");
    let mail = crate::Mail::Submit(ShardId(0), Op::GatewayDown { gateway: kit.node.gateway_id() });
    kit.node.handle_input(kit.now, NodeInput::Mail(0, mail), &mut vec![]);
    let bob = kit.connect();
    kit.send(bob, json!({"type": "members", "room": "general", "id": 1}));
}
