//! A connection as its driver reads it: what was read becomes frames, as long as somebody wants them.

use std::mem;

use super::Reader;
use crate::gateway::{Fault, Frame};

/// Where the bytes of one connection come in.
#[derive(Debug, Default)]
pub struct Intake {
    reader: Reader,
    /// What was taken in and is not handed out, for nobody wanted it: no more than one read brings.
    kept: Box<[u8]>,
    is_over: bool,
}

impl Intake {
    /// The intake of a connection of which this was read already, right behind its handshake.
    #[must_use]
    pub fn new(head: &[u8]) -> Self {
        Self { kept: head.into(), ..Self::default() }
    }

    /// Nothing more is to be read: the peer has said goodbye, or something that is no frame.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        self.is_over
    }

    /// It keeps what nobody wanted: as soon as somebody does, it is to take in nothing, and only then what is read next.
    #[must_use]
    pub const fn keeps(&self) -> bool {
        !self.kept.is_empty()
    }

    /// All there was is handed out but for a frame or message that has only begun. If the connection ends, that is lost.
    #[must_use]
    pub const fn is_amid(&self) -> bool {
        !self.is_over && !self.keeps() && !self.reader.is_at_rest()
    }

    /// Takes in what was read, and hands the frames that end there to `hear`, or what is wrong with them, until that is
    /// `false` and wants no more; the rest is kept. What was kept before comes first.
    ///
    /// A message may be `bytes_max` bytes long, as for [`Reader::next`].
    pub fn take_in(
        &mut self,
        input: &mut [u8],
        bytes_max: usize,
        hear: impl FnMut(Result<Frame<'_>, Fault>) -> bool,
    ) {
        if self.kept.is_empty() {
            return self.hand_out(input, bytes_max, hear);
        }
        let mut all = mem::take(&mut self.kept).into_vec();
        all.extend_from_slice(input);
        self.hand_out(&mut all, bytes_max, hear);
    }

    fn hand_out(
        &mut self,
        mut input: &mut [u8],
        bytes_max: usize,
        mut hear: impl FnMut(Result<Frame<'_>, Fault>) -> bool,
    ) {
        let mut is_wanted = true;
        while !self.is_over {
            // When all is handed out the reader is asked once more, so that it lets go of the last.
            if !is_wanted && !input.is_empty() {
                self.kept = planted!(KeptForgotten, Box::default(), (&*input).into());
                return;
            }
            match self.reader.next(&mut input, bytes_max) {
                Ok(None) => return,
                Ok(Some(frame)) => {
                    self.is_over = matches!(frame, Frame::Close(_));
                    is_wanted = hear(Ok(frame));
                }
                Err(fault) => {
                    self.is_over = true;
                    hear(Err(fault));
                }
            }
        }
    }
}
