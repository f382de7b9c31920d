//! Random lives with crashes at any instant, against a model of what must be there.

use proptest::prelude::*;

use super::*;

/// What is done to the store, or to it.
#[derive(Clone, Debug)]
enum Step {
    Append {
        shard: usize,
        words: usize,
        bytes: usize,
    },
    Sync {
        shard: usize,
    },
    BeginSnapshot {
        shard: usize,
    },
    RunSnapshot,
    Settle,
    FailSync,
    /// From here on so many bytes fit on the disk.
    Full {
        room: u64,
    },
    /// After so many calls the process is dead.
    Die {
        calls: u64,
        bytes: usize,
    },
    End,
    /// The next life, which may die while it begins.
    Crash {
        power: Option<u64>,
        durability: Durability,
        dies: Option<u64>,
    },
}

const SHARDS: usize = 2;

fn durability() -> impl Strategy<Value = Durability> {
    prop_oneof![2 => Just(Durability::Commit), 1 => Just(Durability::Interval), 1 => Just(Durability::None)]
}

fn step() -> impl Strategy<Value = Step> {
    let shard = 0..SHARDS;
    prop_oneof![
        12 => (shard.clone(), 1usize..4, 0usize..60)
            .prop_map(|(shard, words, bytes)| Step::Append { shard, words, bytes }),
        8 => shard.clone().prop_map(|shard| Step::Sync { shard }),
        2 => shard.prop_map(|shard| Step::BeginSnapshot { shard }),
        2 => Just(Step::RunSnapshot),
        1 => Just(Step::Settle),
        1 => Just(Step::FailSync),
        1 => (0u64..300).prop_map(|room| Step::Full { room }),
        2 => (0u64..12, 0usize..80).prop_map(|(calls, bytes)| Step::Die { calls, bytes }),
        1 => Just(Step::End),
        4 => (proptest::option::of(any::<u64>()), durability(), proptest::option::of(0u64..20))
            .prop_map(|(power, durability, dies)| Step::Crash { power, durability, dies }),
    ]
}

/// A shard as it should be.
#[derive(Debug, Default)]
struct Shard {
    /// Everything that was ever to be appended, also what failed.
    tried: Vec<String>,
    /// How much of it was appended, and how much is synced.
    appended: usize,
    synced: usize,
}

/// What the file `life` may say.
#[derive(Clone, Debug)]
struct Said {
    durability: Durability,
    boot: u64,
    unsettled: bool,
    clean: bool,
}

impl Said {
    fn lost(&self, boot: u64) -> bool {
        let by_its_end = match self.durability {
            Durability::None => true,
            Durability::Interval => self.boot != boot,
            Durability::Commit => false,
        };
        self.unsettled || (by_its_end && !self.clean)
    }
}

struct World {
    disk: MemoryDisk,
    opened: Option<Opened<MemoryDisk, Words>>,
    job: Option<SnapshotJob<MemoryDisk>>,
    shards: [Shard; SHARDS],
    /// One of these: a call that failed may have written or not.
    said: Vec<Said>,
    boot: u64,
    /// Every word is another one.
    words: u64,
}

impl World {
    fn new() -> Self {
        let genesis = Said { durability: Durability::Commit, boot: 0, unsettled: false, clean: true };
        let mut world = Self {
            disk: MemoryDisk::new(),
            opened: None,
            job: None,
            shards: Default::default(),
            said: vec![genesis],
            boot: 0,
            words: 0,
        };
        world.open(Durability::Commit);
        world
    }

    /// Does a step. What fails is followed by a crash.
    fn step(&mut self, step: &Step) {
        let done = match *step {
            Step::Append { shard, words, bytes } => self.append(shard, words, bytes),
            Step::Sync { shard } => self.sync(shard),
            Step::BeginSnapshot { shard } => self.begin_snapshot(shard),
            Step::RunSnapshot => self.run_snapshot(),
            Step::Settle => self.settle(),
            Step::End => self.end(),
            Step::FailSync => {
                self.disk.fail_next_sync();
                Ok(())
            }
            Step::Full { room } => {
                let used =
                    self.disk.list().unwrap().iter().map(|name| self.disk.bytes(name).unwrap()).sum::<u64>();
                self.disk.set_capacity(Some(used + room));
                Ok(())
            }
            Step::Die { calls, bytes } => {
                self.disk.die_after(calls, bytes);
                Ok(())
            }
            Step::Crash { power, durability, dies } => {
                self.crash(power);
                if let Some(calls) = dies {
                    self.disk.die_after(calls, 11);
                }
                self.begin(durability, power)
            }
        };
        if done.is_err() {
            self.crash(self.words.is_multiple_of(2).then_some(self.words));
            self.open(Durability::Commit);
        }
    }

    fn log(&mut self, shard: usize) -> &mut Log<MemoryDisk> {
        &mut self.opened.as_mut().expect("a life").shards[shard].log
    }

    fn append(&mut self, shard: usize, words: usize, bytes: usize) -> io::Result<()> {
        let mut batch = Batch::default();
        for index in (self.log(shard).last() + 1..).take(words) {
            self.words += 1;
            let word = format!("{}-{}", self.words, "x".repeat(bytes));
            batch.push(index, |buffer| buffer.extend_from_slice(word.as_bytes()));
            self.shards[shard].tried.push(word);
        }
        self.log(shard).append(&mut batch)?;
        self.shards[shard].appended += words;
        Ok(())
    }

    fn sync(&mut self, shard: usize) -> io::Result<()> {
        self.log(shard).sync()?;
        assert_eq!(self.log(shard).synced(), self.log(shard).last());
        self.shards[shard].synced = self.shards[shard].appended;
        Ok(())
    }

    fn begin_snapshot(&mut self, shard: usize) -> io::Result<()> {
        if self.job.is_some() {
            return Ok(());
        }
        self.job = Some(self.log(shard).begin_snapshot()?);
        self.shards[shard].synced = self.shards[shard].appended;
        Ok(())
    }

    fn run_snapshot(&mut self) -> io::Result<()> {
        let Some(job) = self.job.take() else { return Ok(()) };
        match job.run::<Words>() {
            // Whoever lives on tries again later.
            Err(OpenError::Io { .. }) | Ok(()) => Ok(()),
            Err(error) => panic!("{error}"),
        }
    }

    fn settle(&mut self) -> io::Result<()> {
        let settled = Said { unsettled: false, ..self.said[0].clone() };
        self.said.push(settled.clone());
        self.opened.as_mut().expect("a life").life.settle()?;
        self.said = vec![settled];
        Ok(())
    }

    /// A clean end, and the next life.
    fn end(&mut self) -> io::Result<()> {
        for shard in 0..SHARDS {
            self.sync(shard)?;
        }
        self.job = None;
        let opened = self.opened.take().expect("a life");
        let heads = [opened.shards[0].log.last(), opened.shards[1].log.last()];
        let clean = Said { clean: true, ..self.said[0].clone() };
        self.said.push(clean.clone());
        opened.life.end(&heads)?;
        self.said = vec![clean];
        self.open(Durability::Commit);
        Ok(())
    }

    fn crash(&mut self, power: Option<u64>) {
        (self.opened, self.job) = (None, None);
        match power {
            Some(seed) => {
                self.disk.power_cut(draws(seed));
                self.boot += 1;
                self.shards.iter_mut().for_each(|shard| shard.appended = shard.synced);
            }
            None => self.disk.kill(),
        }
    }

    /// Begins a life that may die of it, and then another one.
    fn begin(&mut self, durability: Durability, power: Option<u64>) -> io::Result<()> {
        match self.try_open(durability) {
            Ok(opened) => self.check(opened, durability),
            Err(OpenError::Io { .. }) => {
                let unsettled = self.said.iter().map(|said| said.lost(self.boot)).collect::<Vec<_>>();
                let said = |unsettled| Said { durability, boot: self.boot, unsettled, clean: false };
                self.said.extend(unsettled.into_iter().map(said).collect::<Vec<_>>());
                self.crash(power.map(|seed| seed ^ 1));
                self.open(Durability::Commit);
            }
            Err(error) => panic!("{error}"),
        }
        Ok(())
    }

    /// Begins a life when nothing fails.
    fn open(&mut self, durability: Durability) {
        self.disk.kill();
        self.disk.set_capacity(None);
        let opened = self.try_open(durability).or_else(|error| match error {
            // A sync that was to fail.
            OpenError::Io { .. } => {
                let unsettled: Vec<bool> = self.said.iter().map(|said| said.lost(self.boot)).collect();
                let said = |unsettled| Said { durability, boot: self.boot, unsettled, clean: false };
                self.said.extend(unsettled.into_iter().map(said).collect::<Vec<_>>());
                self.try_open(durability)
            }
            error => Err(error),
        });
        match opened {
            Ok(opened) => self.check(opened, durability),
            Err(error) => panic!("{error}"),
        }
    }

    fn try_open(&self, durability: Durability) -> Result<Opened<MemoryDisk, Words>, OpenError> {
        let boot = format!("boot-{}", self.boot);
        open(self.disk.clone(), &Terms { shards: SHARDS as u32, boot, ..terms(durability) })
    }

    fn check(&mut self, opened: Opened<MemoryDisk, Words>, durability: Durability) {
        let losses: Vec<bool> = self.said.iter().map(|said| said.lost(self.boot)).collect();
        assert!(losses.contains(&opened.lost), "lost is {} with {:?}", opened.lost, self.said);
        for (shard, recovered) in self.shards.iter_mut().zip(&opened.shards) {
            let words = &recovered.replica.0;
            assert!(shard.tried.starts_with(words), "{words:?} of {:?}", shard.tried);
            assert!(words.len() >= shard.appended, "{words:?} of {shard:?}");
            assert_eq!((recovered.last, recovered.log.last()), (words.len() as u64, words.len() as u64));
            shard.tried.truncate(words.len());
            (shard.appended, shard.synced) = (words.len(), words.len());
        }
        self.said = vec![Said { durability, boot: self.boot, unsettled: opened.lost, clean: false }];
        self.opened = Some(opened);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(3_000) })]

    #[test]
    fn every_life_finds_what_was_promised(steps in proptest::collection::vec(step(), 0..80)) {
        let mut world = World::new();
        for step in &steps {
            world.step(step);
        }
        for power in [None, Some(steps.len() as u64), None] {
            world.crash(power);
            world.open(Durability::Commit);
        }
    }
}
