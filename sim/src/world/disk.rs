//! The disk of the server's machine, and what the thread that serves it does, one step at an event.

use std::{io, mem, time::Duration};

use chinwag_core::{Shard, ShardId, Time};
use chinwag_journal::{
    Node, NodeInput, Start,
    store::{
        Batch, Disk as _, Durability, Inspection, Limits, Logs, MemoryDisk, OpenError, SnapshotJob, Terms,
        describe,
    },
};

use crate::{
    judge::{
        Broken,
        checks::{self, broken},
        marks::Mark,
    },
    plan::{
        draw::{Cause, Draws, Purpose},
        scenario::DiskSetup,
    },
    record::trace::{Kind, Lane},
    world::{Event, World},
};

/// How a life of the server's process ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum End {
    /// It stores what is left, and says that this was all.
    Clean,
    /// What it has written stays.
    Killed,
    /// What was not synced may be gone.
    PowerCut,
}

/// What must be there when the server begins again, by what it has promised and how it has ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kept {
    All,
    /// Perhaps all of it: nobody may rely on any of it.
    Some,
    Nothing,
}

/// What the disk's thread does next.
#[derive(Debug)]
pub(crate) enum Task {
    /// Writes what there is.
    Write,
    /// Syncs what was written.
    Sync,
    /// Looks whether what nobody waits for has to be synced by now.
    Look,
    /// Makes a snapshot, on a thread of its own.
    Snapshot(Box<SnapshotJob<MemoryDisk>>),
}

/// The disk of the server's machine.
#[derive(Debug)]
pub(crate) struct Storage {
    setup: DiskSetup,
    disk: MemoryDisk,
    /// How often its machine has been started.
    boots: u64,
    /// What it has been asked for so far.
    draws: u64,
    open: Option<Open>,
    /// By shard: the last entry of which a node was told that it is stored.
    promised: Vec<u64>,
    /// What is there of all that, as soon as the process has ended.
    pub(crate) kept: Kept,
    /// What was on the disk then.
    left: Option<Inspection>,
    /// It has begun again with a loss.
    has_lost: bool,
    /// How long the process is away if a write fails for want of room, or a sync.
    pub(crate) full: Option<Duration>,
    pub(crate) sync_fails: Option<Duration>,
}

/// What one life of the process has of it.
#[derive(Debug)]
struct Open {
    logs: Logs<MemoryDisk>,
    /// What the nodes have for it.
    jobs: Vec<(ShardId, Batch)>,
    is_busy: bool,
    /// It will look at the deadline of what was written.
    looks: bool,
}

impl Storage {
    /// An empty disk.
    pub(crate) fn new(setup: DiskSetup, shards: u32) -> Self {
        Self {
            setup,
            disk: MemoryDisk::new(),
            boots: 1,
            draws: 0,
            open: None,
            promised: vec![0; shards as usize],
            kept: Kept::Nothing,
            left: None,
            has_lost: false,
            full: None,
            sync_fails: None,
        }
    }

    /// A process begins, with what there is.
    fn open(&mut self, draws: Draws) -> Result<Vec<Start>, OpenError> {
        let terms = Terms {
            shards: u32::try_from(self.promised.len()).expect("few shards"),
            durability: self.setup.durability,
            boot: self.boot(),
            identity: draws.of(Purpose::Disk, u64::MAX).bits(),
            limits: Limits {
                segment_bytes_max: self.setup.segment_bytes,
                snapshot_bytes_min: self.setup.snapshot_bytes,
            },
        };
        let sync_interval = Duration::from_micros(self.setup.sync_interval_us);
        let (logs, shards) = Logs::open::<Shard>(self.disk.clone(), &terms, sync_interval)?;
        let lost = !logs.is_settled();
        self.open = Some(Open { logs, jobs: Vec::new(), is_busy: false, looks: false });
        let start = |shard| Start { shard, lost, durability: Some(terms.durability) };
        Ok(shards.into_iter().map(start).collect())
    }

    /// The machine's present boot.
    fn boot(&self) -> String {
        format!("boot-{}", self.boots)
    }

    /// What is there after this end: what `docs/durability.md` says of each promise, if nobody had to be told of a loss any
    /// more.
    fn kept_after(&self, end: End) -> Kept {
        let life = self.left.as_ref().and_then(|left| left.life.as_ref());
        let is_settled = life.is_some_and(|life| !life.unsettled);
        let is_kept = match self.setup.durability {
            Durability::Commit => true,
            Durability::Interval => end != End::PowerCut,
            Durability::None => end == End::Clean,
        };
        if is_settled && is_kept { Kept::All } else { Kept::Some }
    }

    fn cause(&mut self, draws: Draws) -> Cause {
        self.draws += 1;
        draws.of(Purpose::Disk, self.draws)
    }

    /// How long the next thing takes.
    fn takes(&mut self, draws: Draws) -> Duration {
        let most = self.setup.latency_us_max;
        Duration::from_micros(self.cause(draws).within(0..=most))
    }

    /// Whether the server has ever begun again with a loss.
    pub(crate) const fn has_lost(&self) -> bool {
        self.has_lost
    }

    /// So much more can be written.
    pub(crate) fn fills_up(&mut self, bytes: u64, away: Duration) {
        let used = self.disk.list().unwrap_or_default();
        let used: u64 = used.iter().filter_map(|name| self.disk.bytes(name).ok()).sum();
        self.disk.set_capacity(Some(used + bytes));
        self.full = Some(away);
    }

    /// There is room again, and no sync fails.
    pub(crate) fn heals(&mut self) {
        self.disk.set_capacity(None);
        (self.full, self.sync_fails) = (None, None);
    }
}

impl Open {
    fn write(&mut self, now: Time) -> io::Result<()> {
        mem::take(&mut self.jobs)
            .into_iter()
            .try_for_each(|(shard, batch)| self.logs.append(now, shard, batch))
    }

    /// What is left is stored, and that this is all.
    fn end(mut self, now: Time) -> io::Result<()> {
        self.write(now)?;
        self.logs.end()
    }
}

impl World<'_> {
    /// A node has something for a shard's log.
    pub(crate) fn stores(&mut self, shard: ShardId, batch: Batch) -> Result<(), Broken> {
        self.check_applied(shard)?;
        let storage = self.storage.as_mut().expect("only what is kept on a disk is stored");
        let Some(open) = &mut storage.open else { return Ok(()) };
        open.jobs.push((shard, batch));
        if !open.is_busy {
            self.disk_goes_on();
        }
        Ok(())
    }

    /// Nothing is applied, and so answered, before the shard's node was told that it is as durable as promised.
    fn check_applied(&mut self, shard: ShardId) -> Result<(), Broken> {
        self.checked(checks::DURABLE);
        let storage = self.storage.as_ref().expect("only what is kept on a disk is stored");
        let (index, nodes) = (shard.0 as usize, &self.server.nodes);
        let applied = nodes[index % nodes.len()].applied(shard).unwrap_or_default();
        let stored = storage.promised[index];
        if storage.setup.durability == Durability::None || applied <= stored {
            return Ok(());
        }
        let sentence =
            format!("shard {index} has applied entry {applied}, and {stored} is the last that is stored");
        broken(checks::DURABLE, sentence)
    }

    /// The disk's thread begins with what is next, or waits.
    fn disk_goes_on(&mut self) {
        let Some(open) = self.storage.as_mut().and_then(|storage| storage.open.as_mut()) else { return };
        let deadline = open.logs.deadline();
        let task = if open.logs.must_sync() || deadline.is_some_and(|at| at <= self.now) {
            Some(Task::Sync)
        } else {
            (!open.jobs.is_empty()).then_some(Task::Write)
        };
        open.is_busy = task.is_some();
        let looks_at = deadline.filter(|_| task.is_none() && !mem::replace(&mut open.looks, true));
        task.into_iter().for_each(|task| self.disk_does(task));
        if let Some(at) = looks_at {
            let incarnation = self.server.incarnation;
            self.add_after(at.since(self.now), Event::Disk { incarnation, task: Task::Look });
        }
    }

    /// Something begins that takes its time.
    fn disk_does(&mut self, task: Task) {
        let Some(storage) = &mut self.storage else { return };
        let takes = storage.takes(self.draws);
        self.add_after(takes, Event::Disk { incarnation: self.server.incarnation, task });
    }

    /// The disk's thread is done with something, or fails.
    pub(crate) fn disk_has_done(&mut self, task: Task) -> Result<(), Broken> {
        let Some(storage) = &mut self.storage else { return Ok(()) };
        let Some(open) = &mut storage.open else { return Ok(()) };
        let done = match task {
            Task::Snapshot(job) => {
                let made = job.run::<Shard>().is_ok();
                self.marks.hit(if made { Mark::Snapshot } else { Mark::NoSnapshot });
                return Ok(());
            }
            Task::Look => {
                open.looks = false;
                if !open.is_busy {
                    self.disk_goes_on();
                }
                return Ok(());
            }
            Task::Write => open.write(self.now),
            Task::Sync => {
                if storage.sync_fails.is_some() && !open.logs.is_synced() {
                    storage.disk.fail_next_sync();
                }
                open.logs.sync()
            }
        };
        match done.and_then(|()| self.begin_snapshots()) {
            Ok(()) => self.tell_stored(),
            Err(error) => self.disk_fails(&error),
        }
    }

    /// Begins the snapshots that are due, as soon as nobody has to wait for a sync.
    fn begin_snapshots(&mut self) -> io::Result<()> {
        let Some(open) = self.storage.as_mut().and_then(|storage| storage.open.as_mut()) else {
            return Ok(());
        };
        if !open.logs.must_sync() {
            let jobs = open.logs.begin_snapshots()?;
            jobs.into_iter().for_each(|job| self.disk_does(Task::Snapshot(Box::new(job))));
        }
        Ok(())
    }

    /// Nodes are told what is stored, and the next may come.
    fn tell_stored(&mut self) -> Result<(), Broken> {
        let Some(storage) = &mut self.storage else { return Ok(()) };
        let Some(open) = &mut storage.open else { return Ok(()) };
        let stored = open.logs.take_stored();
        stored.iter().for_each(|&(shard, last)| storage.promised[shard.0 as usize] = last);
        self.disk_goes_on();
        for (shard, last) in stored {
            let node = shard.0 as usize % self.server.nodes.len();
            if let Some(input) = self.server.hold(node, NodeInput::Stored(shard, last)) {
                self.tell_node(node, input)?;
            }
        }
        Ok(())
    }

    /// The process cannot go on without its disk.
    fn disk_fails(&mut self, error: &io::Error) -> Result<(), Broken> {
        self.note(Kind::World, Lane::Server, format_args!("cannot write: {error}"));
        let Some(storage) = &mut self.storage else { return Ok(()) };
        let is_full = error.kind() == io::ErrorKind::StorageFull;
        let (away, mark) =
            if is_full { (storage.full, Mark::WriteFailed) } else { (storage.sync_fails, Mark::SyncFailed) };
        self.marks.hit(mark);
        match away {
            Some(away) => self.die(away, Duration::ZERO, End::Killed),
            None => broken(checks::DURABLE, format!("a disk in order fails: {error}")),
        }
    }

    /// The process ends: what its nodes have left, and what becomes of the disk. Says what must be there later.
    pub(crate) fn disk_ends(&mut self, end: End) -> Result<Kept, Broken> {
        let Some(storage) = &mut self.storage else { return Ok(Kept::Nothing) };
        let Some(mut open) = storage.open.take() else { return Ok(storage.kept) };
        let mut end = end;
        if end == End::Clean {
            open.jobs.extend(self.server.nodes.iter_mut().flat_map(Node::take_rest));
            if let Err(error) = open.end(self.now) {
                if storage.full.is_none() {
                    return broken(checks::DURABLE, format!("a clean end fails: {error}"));
                }
                end = End::Killed;
            }
        }
        if end == End::PowerCut {
            storage.boots += 1;
            let mut cause = storage.cause(self.draws);
            storage.disk.power_cut(|range| cause.within(range.start..=range.end - 1));
        } else {
            storage.disk.kill();
        }
        storage.heals();
        storage.left = describe(&storage.disk, &storage.boot()).ok();
        storage.kept = storage.kept_after(end);
        Ok(storage.kept)
    }

    /// The process begins, and its shards with what there is.
    pub(crate) fn disk_begins(&mut self) -> Result<Option<Vec<Start>>, Broken> {
        let Some(storage) = &mut self.storage else { return Ok(None) };
        let starts = match storage.open(self.draws) {
            Ok(starts) => starts,
            Err(error) => return broken(checks::DURABLE, format!("what was kept cannot be read: {error}")),
        };
        if self.server.incarnation > 0 {
            self.count_left();
            self.check_found(&starts)?;
        }
        Ok(Some(starts))
    }

    /// Counts what the process has begun again with.
    fn count_left(&mut self) {
        let Some(left) = self.storage.as_mut().and_then(|storage| storage.left.take()) else { return };
        if left.shards.iter().any(|shard| shard.snapshot.is_some()) {
            self.marks.hit(Mark::FromSnapshot);
        }
        if left.shards.iter().any(|shard| shard.torn.is_some()) {
            self.marks.hit(Mark::TornTail);
        }
        if left.shards.iter().any(|shard| shard.last > 0) {
            self.marks.hit(Mark::FoundEntries);
        }
    }

    /// Nothing that was promised is missing, and a loss is said to be one.
    fn check_found(&mut self, starts: &[Start]) -> Result<(), Broken> {
        self.checked(checks::DURABLE);
        let Some(storage) = &mut self.storage else { return Ok(()) };
        let kept = storage.kept;
        storage.has_lost |= kept == Kept::Some;
        self.marks.hit(if kept == Kept::All { Mark::KeptAll } else { Mark::KeptSome });
        let found: Vec<u64> = starts.iter().map(|start| start.shard.applied()).collect();
        let promised = mem::replace(&mut storage.promised, found.clone());
        if found.iter().zip(&promised).any(|(found, promised)| found < promised) {
            if kept == Kept::All {
                let sentence = format!("entries up to {promised:?} were promised, and {found:?} are there");
                return broken(checks::DURABLE, sentence);
            }
            self.marks.hit(Mark::LostUnsynced);
        }
        let lost = starts.iter().any(|start| start.lost);
        if lost != (kept == Kept::Some) {
            return broken(checks::DURABLE, format!("it says {lost} of a loss, and {kept:?} must be there"));
        }
        Ok(())
    }
}
