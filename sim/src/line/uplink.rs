//! A client's half of a connection: frames become bytes, of which its socket takes what there is room for.

use std::{collections::VecDeque, mem, time::Duration};

use bytes::BytesMut;
use chinwag_core::{Time, gateway::Frame, hash::mix};

use crate::{
    line::{
        client_frame::{self, ClientFrame},
        pipe::{Line, PACKET_BYTES, Pipe},
    },
    plan::draw::{Cause, Draws, Purpose},
    record::digest,
};

const HANDSHAKE_BYTES: usize = 200;
/// Of so many frames one leaves in two packets, though it would fit into one.
const WHOLE: u64 = 16;
/// A server reads so many bytes at once at most.
const READ_BYTES: usize = 16 * 1_024;
/// What is sent amid the fragments of a text leaves in two packets once of so many times.
const AMID_WHOLE: u64 = 2;

/// What a client sends.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Up {
    /// The WebSocket handshake.
    Handshake,
    /// Bytes of frames.
    Bytes(BytesMut),
    /// The client has closed its end.
    Fin,
}

/// A client's half of a connection.
#[derive(Debug)]
pub(crate) struct Uplink {
    pipe: Pipe<Up>,
    /// Bytes that the client's socket takes before they have left.
    send_buffer: usize,
    /// What the socket has not taken.
    unsent: BytesMut,
    /// Nothing comes after that.
    ends: bool,
    /// What stands for each frame that was sent and not read, in order.
    unread: VecDeque<u64>,
    /// No server at its other end reads longer messages.
    bytes_max: usize,
    draws: Draws,
    /// What draws about it are keyed by.
    cause: u64,
    /// Frames that were sent.
    sent: u64,
}

impl Uplink {
    /// One on which the handshake is on its way.
    pub(crate) fn open(now: Time, cause: u64, send_buffer: usize, bytes_max: usize, draws: Draws) -> Self {
        let mut pipe = Pipe::default();
        pipe.push(now, Up::Handshake, HANDSHAKE_BYTES);
        Self {
            pipe,
            send_buffer,
            unsent: BytesMut::new(),
            ends: false,
            unread: VecDeque::new(),
            bytes_max,
            draws,
            cause,
            sent: 0,
        }
    }

    /// The client sends a frame, or bytes that are none.
    pub(crate) fn send(&mut self, now: Time, frame: &ClientFrame<'_>) {
        let mut cause = self.next_cause();
        self.unread.push_back(digest::client_frame(frame));
        let bytes = client_frame::write(frame, self.bytes_max, &mut cause);
        self.put_whole_or_not(now, bytes, WHOLE, &mut cause);
    }

    /// The client sends a text in fragments, and a ping between them.
    pub(crate) fn send_around(&mut self, now: Time, text: &str, ping: &[u8]) {
        let mut cause = self.next_cause();
        for frame in [Frame::Ping(ping), Frame::Text(text)] {
            self.unread.push_back(digest::client_frame(&Ok(frame)));
        }
        let bytes = client_frame::write_around(text, ping, &mut cause);
        self.put_whole_or_not(now, bytes, AMID_WHOLE, &mut cause);
    }

    /// What is left to chance of what is sent next.
    fn next_cause(&mut self) -> Cause {
        self.sent += 1;
        self.draws.of(Purpose::Uplink, mix(self.cause, self.sent))
    }

    /// Sends bytes, of so many times once in two packets.
    fn put_whole_or_not(&mut self, now: Time, mut bytes: BytesMut, whole: u64, cause: &mut Cause) {
        if cause.bits().is_multiple_of(whole) {
            let end = usize::try_from(cause.within(1..=bytes.len() as u64)).expect("it lies within");
            let rest = bytes.split_off(end);
            self.put(now, bytes);
            self.put(now, rest);
        } else {
            self.put(now, bytes);
        }
    }

    fn put(&mut self, now: Time, bytes: BytesMut) {
        if self.unsent.is_empty() {
            self.unsent = bytes;
        } else {
            self.unsent.extend_from_slice(&bytes);
        }
        self.fill(now);
    }

    /// The client closes its end: what it has sent goes out before.
    pub(crate) fn finish(&mut self, now: Time) {
        self.ends = true;
        self.fill(now);
    }

    /// The socket takes what it has room for.
    fn fill(&mut self, now: Time) {
        while !self.unsent.is_empty() {
            let space = self.send_buffer.saturating_sub(self.pipe.buffered());
            if space == 0 {
                return;
            }
            let len = self.unsent.len().min(space).min(PACKET_BYTES);
            // To split off all of it would cost an allocation.
            let all = len == self.unsent.len();
            let packet = if all { mem::take(&mut self.unsent) } else { self.unsent.split_to(len) };
            self.pipe.push(now, Up::Bytes(packet), len);
        }
        if mem::take(&mut self.ends) {
            self.pipe.push(now, Up::Fin, 0);
        }
    }

    /// What the socket has not taken is lost: whoever would have gone on is not there any more.
    pub(crate) fn forget_unsent(&mut self) {
        self.unsent.clear();
    }

    /// Whether the socket takes no more for the moment, on a line that works.
    pub(crate) fn is_full(&self) -> bool {
        !self.pipe.is_dead() && !self.unsent.is_empty()
    }

    /// Whether something has left by now, or may begin to.
    pub(crate) fn is_due(&self, now: Time) -> bool {
        self.pipe.is_due(now)
    }

    /// Lets leave what has to leave by now; see [`Pipe::advance`].
    pub(crate) fn advance(&mut self, now: Time, line: &Line, mut jitter: impl FnMut() -> Duration) {
        self.pipe.advance(now, line, &mut jitter);
        if !self.unsent.is_empty() {
            self.fill(now);
            self.pipe.advance(now, line, jitter);
        }
    }

    /// When there is more room in the send buffer, if that is waited for.
    pub(crate) fn next_room(&self, line: &Line) -> Option<Time> {
        if self.unsent.is_empty() { None } else { self.pipe.next_departure(line) }
    }

    /// When to look again at what arrives.
    pub(crate) fn next_event(&self, line: &Line) -> Option<Time> {
        self.pipe.next_event(line)
    }

    /// The next that has arrived by now: of bytes all that a server reads at once.
    pub(crate) fn arrived(&mut self, now: Time) -> Option<Up> {
        let mut up = self.pipe.arrived(now)?;
        if let Up::Bytes(read) = &mut up {
            let fits = |len: usize| move |next: &Up| matches!(next, Up::Bytes(more) if len + more.len() <= READ_BYTES);
            while let Some(Up::Bytes(more)) = self.pipe.arrived_if(now, fits(read.len())) {
                read.extend_from_slice(&more);
            }
        }
        Some(up)
    }

    /// The server reads a frame; false if it is not the one that is next.
    pub(crate) fn is_read(&mut self, frame: &ClientFrame<'_>) -> bool {
        self.unread.pop_front() == Some(digest::client_frame(frame))
    }

    /// Whether all has arrived that was sent, on a line that works, and not all frames are read.
    pub(crate) fn is_missed(&self) -> bool {
        !self.unread.is_empty() && self.unsent.is_empty() && self.pipe.is_clear()
    }

    /// From now on nothing leaves or arrives.
    pub(crate) fn kill(&mut self) {
        self.pipe.kill();
    }

    /// The line is cut: of what travels the first `keep` items still arrive, and of the last of them a part.
    pub(crate) fn cut(&mut self, keep: usize, part: usize) {
        if let Some(Up::Bytes(bytes)) = self.pipe.cut(keep) {
            bytes.truncate(part % (bytes.len() + 1));
        }
    }

    /// Items travelling.
    pub(crate) fn flying(&self) -> usize {
        self.pipe.flying()
    }
}

#[cfg(test)]
mod tests {
    use chinwag_core::websocket::Intake;
    use proptest::{
        prelude::*,
        test_runner::{Config, RngSeed},
    };

    use super::*;

    const START: Time = Time(1_000_000);

    /// A client and its server, and the line between them.
    struct Ends {
        now: Time,
        line: Line,
        up: Uplink,
        intake: Intake,
        /// The server has seen the end.
        is_over: bool,
    }

    impl Ends {
        fn new(send_buffer: usize) -> Self {
            let line = Line { latency: Duration::from_millis(5), rate: 10_000, stalled_until: Time(0) };
            let up = Uplink::open(START, 1, send_buffer, usize::MAX, Draws::new(1));
            Self { now: START, line, up, intake: Intake::default(), is_over: false }
        }

        fn say(&mut self, len: usize) {
            self.up.send(self.now, &Ok(Frame::Text(&"ü".repeat(len))));
            self.look();
        }

        /// Lets leave and arrive what does by now.
        fn look(&mut self) {
            self.up.advance(self.now, &self.line, || Duration::ZERO);
            while let Some(up) = self.up.arrived(self.now) {
                match up {
                    Up::Handshake => {}
                    Up::Bytes(mut bytes) => self.intake.take_in(&mut bytes, usize::MAX, |frame| {
                        assert!(self.up.is_read(&frame), "{frame:?} is what was sent next");
                        true
                    }),
                    Up::Fin => self.is_over = true,
                }
            }
            assert!(self.is_over || !self.up.is_missed());
        }

        fn wait_until(&mut self, now: Time) {
            while let Some(next) = self.next().filter(|&next| next <= now) {
                self.now = next;
                self.look();
            }
            self.now = now;
        }

        /// When something happens next.
        fn next(&self) -> Option<Time> {
            [self.up.next_room(&self.line), self.up.next_event(&self.line)].into_iter().flatten().min()
        }

        fn wait_for_all(&mut self) {
            while let Some(next) = self.next() {
                self.now = next;
                self.look();
            }
        }
    }

    #[derive(Clone, Copy, Debug)]
    enum Act {
        Say(usize),
        Wait(u64),
        Stall(u64),
    }

    fn acts() -> impl Strategy<Value = Vec<Act>> {
        let act = prop_oneof![
            6 => (0usize..2_000).prop_map(Act::Say),
            8 => (0u64..800_000).prop_map(Act::Wait),
            1 => (0u64..2_000_000).prop_map(Act::Stall),
        ];
        proptest::collection::vec(act, 1..40)
    }

    proptest! {
        #![proptest_config(Config { rng_seed: RngSeed::Fixed(1), failure_persistence: None, ..Config::default() })]

        #[test]
        fn all_that_is_sent_is_read_through_a_small_buffer(acts in acts(), send_buffer in 1usize..3_000) {
            let mut ends = Ends::new(send_buffer);
            for act in acts {
                match act {
                    Act::Say(len) => ends.say(len),
                    Act::Wait(micros) => ends.wait_until(Time(ends.now.0 + micros)),
                    Act::Stall(micros) => ends.line.stalled_until = Time(ends.now.0 + micros),
                }
                prop_assert!(ends.up.pipe.buffered() <= send_buffer.max(HANDSHAKE_BYTES));
            }
            ends.up.finish(ends.now);
            ends.wait_for_all();
            prop_assert!(ends.is_over && ends.up.unread.is_empty() && !ends.intake.is_amid());
        }
    }

    #[test]
    fn what_a_socket_has_not_taken_goes_with_its_client() {
        let mut ends = Ends::new(100);
        ends.wait_for_all();
        ends.say(200);
        assert!(ends.up.is_full());
        ends.up.forget_unsent();
        ends.up.finish(ends.now);
        ends.wait_for_all();
        assert!(ends.is_over && ends.intake.is_amid(), "the frame has begun, and its end is not there");
    }

    #[test]
    fn a_cut_takes_a_part_of_a_frame() {
        let mut ends = Ends::new(1_000);
        ends.wait_for_all();
        ends.say(200);
        ends.up.cut(ends.up.flying(), 50);
        assert!(!ends.up.is_full());
        ends.wait_for_all();
        assert!(!ends.is_over && ends.intake.is_amid());
    }

    #[test]
    fn what_is_sent_and_never_read_is_missed() {
        let mut ends = Ends::new(1_000);
        ends.up.unread.push_back(1);
        assert!(!ends.up.is_missed(), "the handshake is on its way");
        ends.up.advance(Time(2_000_000), &ends.line, || Duration::ZERO);
        assert_eq!(ends.up.arrived(Time(2_000_000)), Some(Up::Handshake));
        assert!(ends.up.is_missed());
    }
}
