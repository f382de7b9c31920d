//! All logs of one life of the process, as the thread that serves the disk runs them.

use std::{io, mem, time::Duration};

use chinwag_core::{ShardId, Time};

use super::{Batch, Disk, Durability, Life, Log, OpenError, Opened, Replica, SnapshotJob, Terms, open};

/// All logs of one life of the process: what has to be synced before anybody is told, what by when, and what may be told.
///
/// Its driver has the thread and the clock. It [appends](Self::append) what there is, [syncs](Self::sync) if that
/// [is due now](Self::must_sync), tells nodes [what is stored](Self::take_stored), begins the
/// [snapshots](Self::begin_snapshots) that are due, and syncs at the [deadline](Self::deadline). After a call that
/// failed the process has to end.
#[derive(Debug)]
pub struct Logs<D> {
    logs: Vec<Log<D>>,
    life: Life<D>,
    durability: Durability,
    sync_interval: Duration,
    /// By shard, if something may be lost: what was found. Whoever knows of the loss has synced more.
    untold: Option<Vec<u64>>,
    /// What was written and nobody was told: up to which entry.
    written: Vec<(ShardId, u64)>,
    /// When what was written has to be synced at the latest.
    deadline: Option<Time>,
}

impl<D: Disk> Logs<D> {
    /// Opens a data directory, and makes it if it is empty; with it, what its shards begin with. With
    /// [`Durability::Interval`] what is written is synced that often.
    ///
    /// # Errors
    /// What is wrong with it, in one line. Nothing that was promised has been thrown away then.
    pub fn open<R: Replica>(
        disk: D,
        terms: &Terms,
        sync_interval: Duration,
    ) -> Result<(Self, Vec<R>), OpenError> {
        let durability = terms.durability;
        let Opened { shards, lost, life } = open(disk, terms)?;
        let untold = lost.then(|| shards.iter().map(|shard| shard.last).collect());
        let (logs, replicas) = shards.into_iter().map(|shard| (shard.log, shard.replica)).unzip();
        let logs =
            Self { logs, life, durability, sync_interval, untold, written: Vec::new(), deadline: None };
        Ok((logs, replicas))
    }

    /// Writes a batch of a shard, as [`Log::append`] does.
    ///
    /// # Errors
    /// What the disk says.
    ///
    /// # Panics
    /// If the batch does not begin after the shard's last one.
    pub fn append(&mut self, now: Time, shard: ShardId, mut batch: Batch) -> io::Result<()> {
        let appended = self.logs[shard.0 as usize].append(&mut batch);
        self.unless_in_doubt(appended)?;
        self.written.push((shard, batch.last()));
        if self.durability == Durability::Interval {
            self.deadline.get_or_insert(now + self.sync_interval);
        }
        Ok(())
    }

    /// Whether what was written has to be synced before anybody is told of it: it is promised to be, or says that
    /// something may be lost, which has to be said once only.
    #[must_use]
    pub fn must_sync(&self) -> bool {
        (self.durability == Durability::Commit || !self.is_settled()) && !self.is_synced()
    }

    /// When what was written has to be synced at the latest, if that is later than [now](Self::must_sync).
    #[must_use]
    pub const fn deadline(&self) -> Option<Time> {
        self.deadline
    }

    /// Whether everything that was written is synced.
    #[must_use]
    pub fn is_synced(&self) -> bool {
        self.logs.iter().all(|log| log.synced() == log.last())
    }

    /// Whether nothing is lost, or everybody who has to know of that knows: [`open`](Self::open) says so at first.
    #[must_use]
    pub const fn is_settled(&self) -> bool {
        self.untold.is_none()
    }

    /// Syncs what was written.
    ///
    /// # Errors
    /// What the disk says.
    pub fn sync(&mut self) -> io::Result<()> {
        self.deadline = None;
        let synced = self.logs.iter_mut().try_for_each(Log::sync);
        self.unless_in_doubt(synced)?;
        let knows = |(log, &found): (&Log<D>, &u64)| log.synced() > found;
        if self.untold.as_ref().is_some_and(|found| self.logs.iter().zip(found).all(knows)) {
            self.life.settle()?;
            self.untold = None;
        }
        Ok(())
    }

    /// What has become as durable as promised since this was asked last: up to which entry of which shard.
    pub fn take_stored(&mut self) -> Vec<(ShardId, u64)> {
        if self.must_sync() { Vec::new() } else { mem::take(&mut self.written) }
    }

    /// The snapshots that are due: to be made on any thread, beside the logs.
    ///
    /// # Errors
    /// What the disk says.
    pub fn begin_snapshots(&mut self) -> io::Result<Vec<SnapshotJob<D>>> {
        let due = self.logs.iter_mut().filter(|log| log.wants_snapshot());
        let begun = due.map(Log::begin_snapshot).collect();
        self.unless_in_doubt(begun)
    }

    /// If a sync has failed, and what it was for was already answered, the next life has to know: it may find all of it
    /// readable, and the power cut after that may take it.
    fn unless_in_doubt<T>(&mut self, done: io::Result<T>) -> io::Result<T> {
        if self.durability == Durability::Interval && self.logs.iter().any(Log::is_in_doubt) {
            // Where even this cannot be written, nothing can be done any more.
            _ = self.life.doubt();
        }
        done
    }

    /// A clean end: everything is synced, and the next life need not wonder.
    ///
    /// # Errors
    /// What the disk says.
    pub fn end(mut self) -> io::Result<()> {
        self.sync()?;
        let heads: Vec<u64> = self.logs.iter().map(Log::last).collect();
        self.life.end(&heads)
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::tests::{Words, terms},
        *,
    };
    use crate::store::MemoryDisk;

    const INTERVAL: Duration = Duration::from_millis(100);

    fn open(disk: &MemoryDisk, durability: Durability) -> Logs<MemoryDisk> {
        let terms = Terms { shards: 2, ..terms(durability) };
        Logs::open::<Words>(disk.clone(), &terms, INTERVAL).unwrap_or_else(|error| panic!("{error}")).0
    }

    /// Writes the next entry of a shard then.
    fn write(logs: &mut Logs<MemoryDisk>, at: u64, shard: u32) -> io::Result<()> {
        let mut batch = Batch::default();
        batch.push(logs.logs[shard as usize].last() + 1, |bytes| bytes.extend(b"word"));
        logs.append(Time(at), ShardId(shard), batch)
    }

    #[test]
    fn nobody_is_told_before_what_was_promised_is_so() {
        for (durability, waits) in
            [(Durability::Commit, true), (Durability::Interval, false), (Durability::None, false)]
        {
            let mut logs = open(&MemoryDisk::new(), durability);
            assert!(logs.is_settled() && logs.is_synced() && !logs.must_sync());
            write(&mut logs, 0, 0).unwrap();
            write(&mut logs, 1, 1).unwrap();
            write(&mut logs, 2, 0).unwrap();
            let all = vec![(ShardId(0), 1), (ShardId(1), 1), (ShardId(0), 2)];
            assert_eq!(logs.must_sync(), waits, "{durability}");
            assert_eq!(logs.take_stored(), if waits { vec![] } else { all.clone() }, "{durability}");
            logs.sync().unwrap();
            assert!(logs.is_synced() && !logs.must_sync());
            assert_eq!(logs.take_stored(), if waits { all } else { vec![] }, "{durability}");
        }
    }

    #[test]
    fn what_nobody_waits_for_is_synced_by_a_deadline_of_its_own() {
        let mut logs = open(&MemoryDisk::new(), Durability::Interval);
        assert_eq!(logs.deadline(), None);
        write(&mut logs, 10, 0).unwrap();
        write(&mut logs, 70, 1).unwrap();
        assert_eq!(logs.deadline(), Some(Time(10) + INTERVAL), "the first one's");
        logs.sync().unwrap();
        assert_eq!(logs.deadline(), None);
        write(&mut logs, 200, 0).unwrap();
        assert_eq!(logs.deadline(), Some(Time(200) + INTERVAL));
        for durability in [Durability::Commit, Durability::None] {
            let mut logs = open(&MemoryDisk::new(), durability);
            write(&mut logs, 10, 0).unwrap();
            assert_eq!(logs.deadline(), None, "{durability}");
        }
    }

    #[test]
    fn a_loss_is_settled_once_every_shard_has_synced_that_it_knows() {
        let disk = MemoryDisk::new();
        let mut logs = open(&disk, Durability::None);
        write(&mut logs, 0, 0).unwrap();
        drop(logs);
        let mut logs = open(&disk, Durability::None);
        assert!(!logs.is_settled(), "its end was not clean");
        for shard in [0, 1] {
            write(&mut logs, 0, shard).unwrap();
            assert!(logs.must_sync() && logs.take_stored().is_empty());
            logs.sync().unwrap();
            assert_eq!(logs.is_settled(), shard == 1);
        }
        assert_eq!(logs.take_stored(), [(ShardId(0), 2), (ShardId(1), 1)]);
        write(&mut logs, 0, 0).unwrap();
        assert!(!logs.must_sync(), "what may be lost is lost only once");
        logs.end().unwrap();
        assert!(
            open(&disk, Durability::None).is_settled(),
            "that end was clean, and nothing is left to be told"
        );
    }

    #[test]
    fn nobody_is_told_of_what_could_not_be_synced() {
        let disk = MemoryDisk::new();
        let mut logs = open(&disk, Durability::Commit);
        write(&mut logs, 0, 0).unwrap();
        disk.fail_next_sync();
        logs.sync().unwrap_err();
        assert!(logs.must_sync() && logs.take_stored().is_empty());
        logs.sync().unwrap_err();
        assert!(logs.take_stored().is_empty(), "no later sync brings it to the disk");
    }

    #[test]
    fn what_was_answered_before_a_sync_that_failed_is_said_to_be_in_doubt() {
        for (durability, is_in_doubt) in [(Durability::Interval, true), (Durability::Commit, false)] {
            let disk = MemoryDisk::new();
            let mut logs = open(&disk, durability);
            write(&mut logs, 0, 0).unwrap();
            disk.fail_next_sync();
            logs.sync().unwrap_err();
            write(&mut logs, 0, 0).unwrap_err();
            assert_eq!(!open(&disk, durability).is_settled(), is_in_doubt, "{durability}");
        }
    }

    #[test]
    fn a_write_that_failed_takes_nothing_from_those_before() {
        let disk = MemoryDisk::new();
        let mut logs = open(&disk, Durability::Interval);
        write(&mut logs, 0, 0).unwrap();
        disk.set_capacity(Some(0));
        write(&mut logs, 0, 0).unwrap_err();
        disk.set_capacity(None);
        let logs = open(&disk, Durability::Interval);
        assert!(logs.is_settled() && logs.logs[0].last() == 1);
    }

    #[test]
    fn snapshots_are_begun_when_they_are_due() {
        let disk = MemoryDisk::new();
        let mut logs = open(&disk, Durability::None);
        assert!(logs.begin_snapshots().unwrap().is_empty());
        while !logs.logs[1].wants_snapshot() {
            write(&mut logs, 0, 1).unwrap();
        }
        let jobs = logs.begin_snapshots().unwrap();
        assert_eq!(jobs.iter().map(SnapshotJob::shard).collect::<Vec<_>>(), [ShardId(1)]);
        assert!(logs.begin_snapshots().unwrap().is_empty(), "one at a time");
        jobs.into_iter().for_each(|job| job.run::<Words>().unwrap());
        let last = logs.logs[1].last();
        logs.end().unwrap();
        assert_eq!(open(&disk, Durability::None).logs[1].last(), last);
    }
}
