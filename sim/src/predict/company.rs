//! A plan's bots in one world: all of them, or shared out as several processes would.

use std::{sync::Arc, time::Duration};

use chinwag_bots::{Book, Bots, Cue, End, Interval, Script, Segment, Times, Wish};
use chinwag_core::{Time, gateway::Frame};
use chinwag_scenarios::Act;

/// All bots of a plan. Called by their slots, which are the numbers of their clients, whoever has them.
#[derive(Debug)]
pub(super) struct Company {
    script: Arc<Script>,
    /// By segment: what its process knows, and its bots.
    parts: Vec<(Arc<Script>, Bots)>,
    wishes: Vec<Wish>,
}

impl Company {
    /// The bots of a plan that is played as a whole, shared out among so many segments.
    pub(super) fn new(script: &Arc<Script>, segments: u32) -> Self {
        let part = |index| {
            let segment = Segment { index, count: segments };
            let script = match segment {
                Segment::WHOLE => Arc::clone(script),
                part => Arc::new(script.share(part)),
            };
            let bots = Bots::new(Arc::clone(&script), index, segments, |_| None);
            (script, bots)
        };
        Self { script: Arc::clone(script), parts: (0..segments).map(part).collect(), wishes: Vec::new() }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.parts.iter().map(|(_, bots)| bots.len()).sum()
    }

    /// The client that a bot is.
    pub(super) fn client(&self, slot: usize) -> u32 {
        let (part, slot) = self.place(slot);
        self.parts[part].1.client(slot)
    }

    /// Fixes the instant at which the first stage starts.
    pub(super) fn start_stages(&self, at: Time) {
        // What the world knows, and what each process does: the same, if there is one.
        self.script.start_stages(at);
        self.parts.iter().for_each(|(script, _)| script.start_stages(at));
    }

    /// Whether a connection of a bot's is still wanted.
    pub(super) fn wants(&self, slot: usize, attempt: u32) -> bool {
        let (part, slot) = self.place(slot);
        self.parts[part].1.wants(slot, attempt)
    }

    /// When to come back with [`Company::time_out`].
    pub(super) fn poll_timeout(&self) -> Option<Time> {
        self.parts.iter().filter_map(|(_, bots)| bots.poll_timeout()).min()
    }

    /// All that was timed so far.
    pub(super) fn times(&self) -> Times {
        let mut all = Times::new(self.script.plan.stages().len());
        self.parts.iter().for_each(|(_, bots)| all.merge(&bots.book().times));
        all
    }

    /// What came since this was asked for last.
    pub(super) fn take_interval(&mut self) -> Interval {
        let mut all = Interval::default();
        self.parts.iter_mut().for_each(|(_, bots)| all.merge(&bots.book_mut().take_interval()));
        all
    }

    /// What was written down, by segment.
    pub(super) fn into_books(self) -> Vec<Book> {
        let book = |(_, mut bots): (_, Bots)| std::mem::replace(bots.book_mut(), Book::new(0));
        self.parts.into_iter().map(book).collect()
    }

    /// Something is due.
    pub(super) fn cue(&mut self, now: Time, cue: Cue, out: &mut Vec<Wish>) {
        let plan = &self.script.plan;
        let client = match cue {
            Cue::Connect(client) => client,
            Cue::Act(Act::Send(send)) => plan.sends()[send as usize].client,
            Cue::Act(Act::Deed(deed)) => plan.deeds()[deed as usize].client,
            Cue::Act(Act::Event(_)) => return self.each(out, |bots, out| bots.cue(now, cue, out)),
        };
        self.tell(client as usize, out, |bots, _, out| bots.cue(now, cue, out));
    }

    /// A bot's connection is made.
    pub(super) fn opened(&mut self, slot: usize, now: Time, out: &mut Vec<Wish>) {
        self.tell(slot, out, |bots, slot, out| bots.opened(slot, now, out));
    }

    /// A bot's connection could not be made.
    pub(super) fn not_opened(
        &mut self,
        slot: usize,
        attempt: u32,
        now: Time,
        why: String,
        out: &mut Vec<Wish>,
    ) {
        self.tell(slot, out, |bots, slot, out| bots.not_opened(slot, attempt, now, why, None, out));
    }

    /// A frame came over a bot's connection.
    pub(super) fn received(&mut self, slot: usize, frame: Frame<'_>, now: Time, out: &mut Vec<Wish>) {
        self.tell(slot, out, |bots, slot, out| bots.received(slot, frame, Duration::ZERO, now, out));
    }

    /// A bot's connection has ended.
    pub(super) fn ended(&mut self, slot: usize, end: End, now: Time, out: &mut Vec<Wish>) {
        self.tell(slot, out, |bots, slot, out| bots.ended(slot, end, now, out));
    }

    /// Lets everything pass again over a connection that was parted.
    pub(super) fn mend(&mut self, slot: usize, attempt: u32, now: Time, out: &mut Vec<Wish>) {
        self.tell(slot, out, |bots, slot, out| bots.mend(slot, attempt, now, out));
    }

    /// Lets those bots do something whose time has come.
    pub(super) fn time_out(&mut self, now: Time, out: &mut Vec<Wish>) {
        self.each(out, |bots, out| bots.time_out(now, out));
    }

    /// Lets all say goodbye.
    pub(super) fn leave(&mut self, now: Time) {
        self.each(&mut Vec::new(), |bots, out| bots.leave(now, out));
    }

    /// The part that has a bot, and its slot there.
    fn place(&self, slot: usize) -> (usize, usize) {
        (slot % self.parts.len(), slot / self.parts.len())
    }

    fn each(&mut self, out: &mut Vec<Wish>, mut tell: impl FnMut(&mut Bots, &mut Vec<Wish>)) {
        for part in 0..self.parts.len() {
            self.tell(part, out, |bots, _, out| tell(bots, out));
        }
    }

    /// Tells those who have a bot something, and calls their wishes by the slots that all know.
    fn tell(
        &mut self,
        slot: usize,
        out: &mut Vec<Wish>,
        tell: impl FnOnce(&mut Bots, usize, &mut Vec<Wish>),
    ) {
        let (part, slot) = self.place(slot);
        tell(&mut self.parts[part].1, slot, &mut self.wishes);
        let count = self.parts.len();
        out.extend(self.wishes.drain(..).map(|mut wish| {
            let slot = wish.slot_mut();
            *slot = *slot * count + part;
            wish
        }));
    }
}
