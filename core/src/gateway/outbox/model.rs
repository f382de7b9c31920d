//! Outboxes against the plainest model: every byte that waits, one by one.

use std::collections::VecDeque;

use proptest::prelude::*;
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest, prop_state_machine};

use super::{Chunk, Outbox};
use crate::model::histories;

const READERS: usize = 3;
const ROOMS: usize = 2;
/// A chunk that holds as much takes no more.
const FULL: usize = 60;

/// What happens to the outboxes of some readers.
#[derive(Clone, Debug)]
enum Transition {
    /// A room's frame for some of its readers.
    Share { room: usize, readers: [bool; READERS], bytes: usize },
    /// A frame for one reader.
    Own { reader: usize, bytes: usize },
    /// A driver asks for bytes, and writes some of them.
    Write { reader: usize, max: usize, percent: usize },
}

/// A byte that waits, and where it lies.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Place {
    chunk: usize,
    offset: usize,
    byte: u8,
}

/// A chunk's bytes, and whether somebody reads them already.
#[derive(Clone, Debug, Default)]
struct Bytes {
    bytes: usize,
    is_read: bool,
}

/// What waits for whom.
#[derive(Clone, Debug, Default)]
struct Model {
    chunks: Vec<Bytes>,
    /// The chunk each room appends to.
    open: [Option<usize>; ROOMS],
    waiting: [VecDeque<Place>; READERS],
    /// What the last frame is made of, other than the one before.
    byte: u8,
    /// The bytes that were handed out last.
    offered: Vec<u8>,
    /// The last frame did not fit its room's chunk.
    was_full: bool,
}

impl Model {
    fn new_chunk(&mut self) -> usize {
        self.chunks.push(Bytes::default());
        self.chunks.len() - 1
    }

    /// The places of a new frame at a chunk's end.
    fn append(&mut self, chunk: usize, bytes: usize) -> Vec<Place> {
        self.byte = self.byte.wrapping_add(1);
        let (byte, start) = (self.byte, self.chunks[chunk].bytes);
        self.chunks[chunk].bytes += bytes;
        (start..start + bytes).map(|offset| Place { chunk, offset, byte }).collect()
    }

    fn share(&mut self, room: usize, readers: [bool; READERS], bytes: usize) {
        let has_space = |chunk: &Bytes| !chunk.is_read && chunk.bytes < FULL;
        let open = self.open[room].filter(|&chunk| has_space(&self.chunks[chunk]));
        self.was_full = self.open[room].is_some() && open.is_none();
        let chunk = open.unwrap_or_else(|| self.new_chunk());
        self.open[room] = Some(chunk);
        let places = self.append(chunk, bytes);
        for (waiting, _) in self.waiting.iter_mut().zip(readers).filter(|(_, reads)| *reads) {
            waiting.extend(&places);
        }
    }

    /// Few bytes that lie side by side leave with what comes after them, many as they are.
    fn offer(&mut self, reader: usize, max: usize) {
        let waiting = &self.waiting[reader];
        let touches = |(n, place): (usize, &Place)| {
            n == 0 || (place.chunk, place.offset) == (waiting[n - 1].chunk, waiting[n - 1].offset + 1)
        };
        let run = waiting.iter().enumerate().take_while(|&it| touches(it)).count().min(max);
        let count = if run >= max / 2 { run } else { max.min(waiting.len()) };
        self.offered = waiting.iter().take(count).map(|place| place.byte).collect();
        for place in waiting.iter().take(count) {
            self.chunks[place.chunk].is_read = true;
        }
    }

    /// How many of the bytes on offer a driver writes.
    fn written(&self, percent: usize) -> usize {
        self.offered.len() * percent / 100
    }
}

impl ReferenceStateMachine for Model {
    type State = Self;
    type Transition = Transition;

    fn init_state() -> BoxedStrategy<Self> {
        Just(Self::default()).boxed()
    }

    fn transitions(_: &Self) -> BoxedStrategy<Transition> {
        let (reader, bytes) = (0..READERS, 1usize..24);
        let percent = prop_oneof![3 => Just(100), 1 => 0..100usize];
        prop_oneof![
            5 => (0..ROOMS, prop::array::uniform3(prop::bool::weighted(0.8)), bytes.clone())
                .prop_map(|(room, readers, bytes)| Transition::Share { room, readers, bytes }),
            1 => (reader.clone(), bytes).prop_map(|(reader, bytes)| Transition::Own { reader, bytes }),
            3 => (reader, 1usize..120, percent)
                .prop_map(|(reader, max, percent)| Transition::Write { reader, max, percent }),
        ]
        .boxed()
    }

    fn apply(mut model: Self, transition: &Transition) -> Self {
        match *transition {
            Transition::Share { room, readers, bytes } => model.share(room, readers, bytes),
            Transition::Own { reader, bytes } => {
                let chunk = model.new_chunk();
                let places = model.append(chunk, bytes);
                model.waiting[reader].extend(places);
            }
            Transition::Write { reader, max, percent } => {
                model.offer(reader, max);
                let written = model.written(percent);
                model.waiting[reader].drain(..written);
            }
        }
        model
    }
}

/// Outboxes as they are, and the chunk each room appends to.
#[derive(Default)]
struct Outboxes {
    readers: [Outbox; READERS],
    open: [Option<Chunk>; ROOMS],
}

impl Outboxes {
    fn share(&mut self, room: usize, readers: [bool; READERS], frame: &[u8], was_full: bool) {
        let appended = self.open[room].as_ref().and_then(|chunk| chunk.append(frame, FULL));
        assert_eq!(self.open[room].is_some() && appended.is_none(), was_full, "the chunk is full or read");
        let range = appended.unwrap_or_else(|| {
            let chunk = self.open[room].insert(Chunk::of(b"").0);
            chunk.append(frame, FULL).expect("a new chunk is open")
        });
        let chunk = self.open[room].as_ref().expect("just appended to");
        for (outbox, _) in self.readers.iter_mut().zip(readers).filter(|(_, reads)| *reads) {
            outbox.push(chunk, range.clone());
        }
    }
}

impl StateMachineTest for Outboxes {
    type SystemUnderTest = Self;
    type Reference = Model;

    fn init_test(_: &Model) -> Self {
        Self::default()
    }

    fn apply(mut outboxes: Self, model: &Model, transition: Transition) -> Self {
        match transition {
            Transition::Share { room, readers, bytes } => {
                outboxes.share(room, readers, &vec![model.byte; bytes], model.was_full);
            }
            Transition::Own { reader, bytes } => {
                let (chunk, range) = Chunk::of(&vec![model.byte; bytes]);
                outboxes.readers[reader].push(&chunk, range);
            }
            Transition::Write { reader, max, percent } => {
                let outbox = &mut outboxes.readers[reader];
                let offered = outbox.peek(max).unwrap_or_default();
                assert_eq!(offered, model.offered);
                assert_eq!(outbox.peek(max).unwrap_or_default(), offered, "the same until it is written");
                outbox.advance(model.written(percent));
            }
        }
        outboxes
    }

    fn check_invariants(outboxes: &Self, model: &Model) {
        for (outbox, waiting) in outboxes.readers.iter().zip(&model.waiting) {
            assert_eq!(outbox.bytes(), waiting.len());
            assert!(
                !waiting.is_empty() || outbox.behind.capacity() == 0,
                "an idle connection keeps no buffer"
            );
        }
    }

    /// At last everything leaves.
    fn teardown(outboxes: Self, model: Model) {
        for (mut outbox, waiting) in outboxes.readers.into_iter().zip(model.waiting) {
            let mut left = Vec::new();
            while let Some(bytes) = outbox.peek(7) {
                left.extend_from_slice(&bytes);
                outbox.advance(bytes.len());
            }
            assert_eq!(left, waiting.iter().map(|place| place.byte).collect::<Vec<_>>());
        }
    }
}

prop_state_machine! {
    #![proptest_config(histories(256))]

    #[test]
    fn bytes_leave_once_and_in_order(sequential 1..100 => Outboxes);
}
