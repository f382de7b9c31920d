//! What waits to be written to one connection: ranges of shared bytes, and their bound.

use std::{
    collections::VecDeque,
    ops::Range,
    sync::{Arc, Mutex},
};

use bytes::{Buf as _, Bytes, BytesMut};

#[cfg(test)]
mod model;

/// Frames that several readers may share: open for more until the first reader takes bytes from it.
#[derive(Clone, Debug)]
pub(super) struct Chunk(Arc<Mutex<Fill>>);

#[derive(Debug)]
enum Fill {
    Open(Vec<u8>),
    Sealed(Bytes),
}

impl Chunk {
    /// A chunk that holds one frame so far.
    pub(super) fn of(frame: &[u8]) -> (Self, Range<u32>) {
        let end = u32::try_from(frame.len()).expect("chunks are small");
        (Self(Arc::new(Mutex::new(Fill::Open(frame.to_vec())))), 0..end)
    }

    /// Appends a frame and says where it lies, unless the chunk is sealed or holds `full` bytes already.
    pub(super) fn append(&self, frame: &[u8], full: usize) -> Option<Range<u32>> {
        match &mut *self.lock() {
            Fill::Open(bytes) if bytes.len() < full => {
                let start = u32::try_from(bytes.len()).expect("chunks are small");
                bytes.extend_from_slice(frame);
                Some(start..u32::try_from(bytes.len()).expect("chunks are small"))
            }
            Fill::Open(_) | Fill::Sealed(_) => None,
        }
    }

    /// The chunk's bytes, which never change from now on.
    fn seal(&self) -> Bytes {
        let mut fill = self.lock();
        if let Fill::Open(bytes) = &mut *fill {
            *fill = Fill::Sealed(Bytes::from(std::mem::take(bytes)));
        }
        match &*fill {
            Fill::Sealed(bytes) => bytes.clone(),
            Fill::Open(_) => unreachable!("sealed above"),
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Fill> {
        self.0.lock().expect("nothing panics while it holds a chunk")
    }
}

/// Adjacent frames of one chunk.
#[derive(Debug)]
struct Run {
    chunk: Chunk,
    range: Range<u32>,
}

/// What waits to be written to one connection.
///
/// A reader is charged for every byte it has not taken. Chunks hold frames of one room, which nearly all its readers get,
/// so a slow one keeps little more than that in memory.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    /// The first run has its place here, so that a delivery to a reader who has taken everything allocates nothing.
    front: Option<Run>,
    behind: VecDeque<Run>,
    bytes: usize,
    /// The driver knows that there is something to write.
    pub(super) announced: bool,
}

impl Outbox {
    /// Bytes that wait.
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Queues a range of a chunk, joining it to the last one where they touch.
    pub(super) fn push(&mut self, chunk: &Chunk, range: Range<u32>) {
        self.bytes += range.len();
        let run = || Run { chunk: chunk.clone(), range: range.clone() };
        match self.behind.back_mut().or(self.front.as_mut()) {
            Some(last) if last.range.end == range.start && Arc::ptr_eq(&last.chunk.0, &chunk.0) => {
                last.range.end = range.end;
            }
            Some(_) => self.behind.push_back(run()),
            None => self.front = Some(run()),
        }
    }

    /// The next bytes, at most `max`; the same until they are [`advance`](Self::advance)d over.
    ///
    /// A long run is handed out as it is; several short ones are copied together, so that they leave in one write.
    pub(super) fn peek(&self, max: usize) -> Option<Bytes> {
        let front = self.front.as_ref()?;
        let slice = |run: &Run, room: usize| {
            let mut bytes = run.chunk.seal();
            bytes.advance(run.range.start as usize);
            bytes.truncate(run.range.len().min(room));
            bytes
        };
        let first = slice(front, max);
        if self.behind.is_empty() || first.len() >= max / 2 {
            return Some(first);
        }
        let mut gathered = BytesMut::with_capacity(max.min(self.bytes));
        for run in self.front.iter().chain(&self.behind) {
            let room = max - gathered.len();
            if room == 0 {
                break;
            }
            gathered.extend_from_slice(&slice(run, room));
        }
        Some(gathered.freeze())
    }

    /// Drops bytes that were written.
    pub(super) fn advance(&mut self, bytes: usize) {
        assert!(bytes <= self.bytes, "more was written than there was");
        self.bytes -= bytes;
        let mut left = u32::try_from(bytes).expect("writes are small");
        while left > 0 {
            let front = self.front.as_mut().expect("the bytes are there");
            let taken = left.min(front.range.end - front.range.start);
            front.range.start += taken;
            left -= taken;
            if planted!(PartialWriteDropsRest) {
                self.bytes = self.bytes.saturating_sub(front.range.len());
                front.range.start = front.range.end;
            }
            if front.range.is_empty() {
                self.front = self.behind.pop_front();
            }
        }
        if self.front.is_none() && self.behind.capacity() > 0 {
            // An idle connection keeps no buffer.
            self.behind = VecDeque::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_in_a_row_leave_as_one() {
        let (chunk, mut outbox) = (Chunk::of(b"").0, Outbox::default());
        for frame in [b"one".as_slice(), b"two", b"three"] {
            let range = chunk.append(frame, 64).unwrap();
            outbox.push(&chunk, range);
        }
        assert!(outbox.behind.is_empty());
        assert_eq!(outbox.peek(64).unwrap(), "onetwothree");
        assert_eq!(chunk.append(b"four", 64), None, "a chunk someone reads is sealed");
    }
}
