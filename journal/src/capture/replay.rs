//! The same inputs, told to the same machines again.

use std::{collections::VecDeque, io::Read};

use bytes::Bytes;
use chinwag_core::{
    ConnectionId, Time,
    gateway::{Frame, GatewayInput},
};

use super::{
    file::{CaptureError, Head, Reader},
    record::{Record, Recorded},
    reel::End,
    tape::{self, Tape},
};
use crate::{Mail, Node, NodeInput, NodeOutput, Start};

/// A capture that is told to nodes, one input at a time.
#[derive(Debug)]
pub struct Replay<R> {
    reader: Reader<R>,
    world: World,
}

/// The nodes, and what is on its way between them.
#[derive(Debug)]
struct World {
    head: Head,
    starts: Vec<Option<Start>>,
    nodes: Vec<Option<Node>>,
    /// By the node that it is for, and the one it is from.
    mail: Vec<Vec<VecDeque<Mail>>>,
    outputs: Vec<NodeOutput>,
    written: Bytes,
}

/// What one input has come to.
#[derive(Debug)]
pub struct Step<'a> {
    /// The input.
    pub record: Record<'a>,
    /// What its node wants done. Mail is on its way already, and stands here without what it says.
    pub outputs: &'a [NodeOutput],
    /// What was written, if the input says that something was.
    pub written: &'a [u8],
    /// Whether it came to the same as when it was recorded.
    pub difference: Option<Difference>,
}

/// How a replay differs from what was recorded.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Difference {
    /// Something else came of an input.
    Output,
    /// So much was written, and there is less to write.
    Written {
        /// Then.
        recorded: u64,
        /// Now.
        there: u64,
    },
    /// A node had mail, and it was not sent.
    NoMail,
    /// Something happened to a node before it had begun, or twice.
    NoNode,
}

impl<R: Read> Replay<R> {
    /// Reads how a capture begins.
    ///
    /// # Errors
    /// A [`CaptureError`].
    pub fn open(from: R) -> Result<Self, CaptureError> {
        let (reader, starts) = Reader::open(from)?;
        let head = reader.head().clone();
        let count = head.seeds.len();
        let world = World {
            head,
            starts: starts.into_iter().map(Some).collect(),
            nodes: (0..count).map(|_| None).collect(),
            mail: (0..count).map(|_| (0..count).map(|_| VecDeque::new()).collect()).collect(),
            outputs: Vec::new(),
            written: Bytes::new(),
        };
        Ok(Self { reader, world })
    }

    /// What nodes are made from.
    #[must_use]
    pub const fn head(&self) -> &Head {
        &self.world.head
    }

    /// Makes nodes from something else.
    #[cfg(test)]
    pub(crate) fn alter(&mut self, change: impl FnOnce(&mut Head)) {
        change(&mut self.world.head);
    }

    /// The nodes, as far as they have begun.
    pub fn nodes(&self) -> impl Iterator<Item = &Node> {
        self.world.nodes.iter().flatten()
    }

    /// What has come of everything so far.
    #[must_use]
    pub fn hash(&self) -> u64 {
        self.nodes().fold(0, |hash, node| chinwag_core::hash::mix(hash, node.tape_hash()))
    }

    /// Tells the next input; nothing where the capture ends.
    ///
    /// # Errors
    /// A [`CaptureError`].
    pub fn step(&mut self) -> Result<Option<Step<'_>>, CaptureError> {
        let Some((record, check)) = self.reader.next()? else { return Ok(None) };
        let difference = self.world.tell(&record, check);
        let World { outputs, written, .. } = &self.world;
        Ok(Some(Step { record, outputs, written, difference }))
    }
}

impl Step<'_> {
    /// How the capture ends, if this is the end.
    #[must_use]
    pub const fn end(&self) -> Option<End> {
        match self.record.input {
            Recorded::Ended(end) => Some(end),
            _ => None,
        }
    }
}

impl World {
    fn tell(&mut self, record: &Record<'_>, check: u16) -> Option<Difference> {
        self.outputs.clear();
        self.written = Bytes::new();
        let Record { node, at, input } = record;
        let index = *node as usize;
        let done = match input {
            Recorded::Ended(_) => return None,
            Recorded::Began => self.begin(index, *at),
            input => self.go_on(index, *at, input),
        };
        if let Err(difference) = done {
            return Some(difference);
        }
        self.carry(index);
        let node = self.nodes[index].as_ref().expect("it has begun");
        (tape::check(node.tape_hash()) != check).then_some(Difference::Output)
    }

    fn begin(&mut self, index: usize, at: Time) -> Result<(), Difference> {
        let place = self.nodes.get_mut(index).filter(|place| place.is_none()).ok_or(Difference::NoNode)?;
        let starts = &mut self.starts;
        let start = |shard: chinwag_core::ShardId| {
            starts.get_mut(shard.0 as usize).and_then(Option::take).unwrap_or_else(Start::anew)
        };
        let config = self.head.node(u32::try_from(index).expect("few nodes"));
        let mut node = Node::resume(config, at, start);
        node.record(Tape::silent(), self.head.redactor(), at);
        *place = Some(node);
        Ok(())
    }

    fn go_on(&mut self, index: usize, at: Time, input: &Recorded<'_>) -> Result<(), Difference> {
        let node = self.nodes.get_mut(index).and_then(Option::as_mut).ok_or(Difference::NoNode)?;
        let out = &mut self.outputs;
        let input = match input {
            Recorded::Idle { connection } => {
                node.poll_transmit(*connection, 1);
                return Ok(());
            }
            Recorded::Transmitted { connection, bytes } => {
                self.written = taken(node, *connection, *bytes)?;
                node.transmitted(at, *connection, self.written.len(), out);
                return Ok(());
            }
            Recorded::Mail { from } => {
                let mail = self.mail[index].get_mut(*from as usize).and_then(VecDeque::pop_front);
                NodeInput::Mail(*from, mail.ok_or(Difference::NoMail)?)
            }
            Recorded::Submitted { shard, op } => NodeInput::Mail(0, Mail::Submit(*shard, op.clone())),
            Recorded::Stored { shard, last } => NodeInput::Stored(*shard, *last),
            Recorded::Timeout => NodeInput::Timeout,
            other => NodeInput::Gateway(gateway_input(other)),
        };
        node.handle_input(at, input, out);
        Ok(())
    }

    /// Puts mail where it is taken from.
    fn carry(&mut self, from: usize) {
        for output in &self.outputs {
            if let NodeOutput::Mail(to, mail) = output {
                self.mail[*to as usize][from].push_back(mail.clone());
            }
        }
    }
}

/// What was written: as much of what there is.
fn taken(node: &mut Node, connection: ConnectionId, bytes: u64) -> Result<Bytes, Difference> {
    let wanted = usize::try_from(bytes).unwrap_or(usize::MAX);
    // Of so many at once a half would be handed out as it is.
    let there = node.poll_transmit(connection, wanted.saturating_mul(2)).unwrap_or_default();
    if there.len() < wanted {
        return Err(Difference::Written { recorded: bytes, there: there.len() as u64 });
    }
    Ok(there.slice(..wanted))
}

fn gateway_input<'a>(input: &'a Recorded<'a>) -> GatewayInput<'a> {
    match input {
        Recorded::Connected { connection, opening } => {
            GatewayInput::Connected { connection: *connection, opening: opening.opening() }
        }
        Recorded::Text { connection, text } => {
            GatewayInput::Received { connection: *connection, frame: Frame::Text(text) }
        }
        Recorded::Frame { connection, frame } => {
            GatewayInput::Received { connection: *connection, frame: *frame }
        }
        Recorded::Faulted { connection, fault } => {
            GatewayInput::Faulted { connection: *connection, fault: *fault }
        }
        Recorded::Disconnected { connection } => GatewayInput::Disconnected { connection: *connection },
        Recorded::Verified { connection, outcome } => {
            GatewayInput::Verified { connection: *connection, outcome: outcome.clone() }
        }
        Recorded::Drain => GatewayInput::Drain,
        _ => unreachable!("is no gateway's"),
    }
}
