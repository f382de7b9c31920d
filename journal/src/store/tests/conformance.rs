//! What every disk and the store over it must do.

use std::io::ErrorKind;

use tempfile::TempDir;

use super::*;

/// Where a disk can be found again by the next process.
trait Place: Default {
    type Disk: Disk;
    fn disk(&self) -> Self::Disk;
}

impl Place for MemoryDisk {
    type Disk = Self;

    fn disk(&self) -> Self {
        self.clone()
    }
}

struct InTemp(TempDir);

impl Default for InTemp {
    fn default() -> Self {
        Self(tempfile::tempdir().unwrap())
    }
}

impl Place for InTemp {
    type Disk = Directory;

    fn disk(&self) -> Directory {
        Directory::open(&self.0.path().join("data")).unwrap()
    }
}

macro_rules! on_every_disk {
    ($($(#[$about:meta])* fn $name:ident<$place:ident>() $body:block)*) => {
        $(fn $name<$place: Place>() $body)*

        mod in_memory {
            $(#[test] fn $name() { super::$name::<super::MemoryDisk>(); })*
        }

        mod in_a_directory {
            $(#[test] fn $name() { super::$name::<super::InTemp>(); })*
        }
    };
}

fn read<D: Disk>(disk: &D, name: &str) -> Vec<u8> {
    let mut bytes = vec![0; 100];
    let read = disk.read_at(name, 0, &mut bytes).unwrap();
    bytes.truncate(read);
    bytes
}

on_every_disk! {
    fn files_grow_and_are_read_anywhere<P>() {
        let place = P::default();
        let disk = place.disk();
        disk.create("a").unwrap();
        disk.append("a", b"one").unwrap();
        disk.sync("a").unwrap();
        disk.close("a");
        disk.append("a", b"two").unwrap();
        assert_eq!((read(&disk, "a"), disk.bytes("a").unwrap()), (b"onetwo".to_vec(), 6));
        let mut middle = [0; 2];
        assert_eq!(disk.read_at("a", 2, &mut middle).unwrap(), 2);
        assert_eq!(&middle, b"et");
        assert_eq!(disk.read_at("a", 6, &mut middle).unwrap(), 0);
        assert_eq!(disk.read_at("a", 9, &mut middle).unwrap(), 0);
    }

    fn a_name_leads_to_one_file<P>() {
        let place = P::default();
        let disk = place.disk();
        for name in ["a", "b"] {
            disk.create(name).unwrap();
            disk.append(name, name.as_bytes()).unwrap();
            disk.sync(name).unwrap();
        }
        assert_eq!(disk.create("a").unwrap_err().kind(), ErrorKind::AlreadyExists);
        disk.rename("a", "b").unwrap();
        disk.sync_names().unwrap();
        assert_eq!(disk.list().unwrap(), ["b"]);
        disk.append("b", b"!").unwrap();
        assert_eq!(read(&disk, "b"), b"a!");
        disk.remove("b").unwrap();
        disk.create("b").unwrap();
        assert_eq!(read(&disk, "b"), b"");
    }

    fn what_is_not_there_is_not_found<P>() {
        let place = P::default();
        let disk = place.disk();
        let not_found = |done: io::Result<()>| assert_eq!(done.unwrap_err().kind(), ErrorKind::NotFound);
        not_found(disk.read_at("a", 0, &mut [0]).map(drop));
        not_found(disk.bytes("a").map(drop));
        not_found(disk.append("a", b"x"));
        not_found(disk.sync("a"));
        not_found(disk.rename("a", "b"));
        not_found(disk.remove("a"));
        assert!(disk.list().unwrap().is_empty());
    }

    fn what_was_appended_comes_back<P>() {
        let place = P::default();
        {
            let mut opened = reopen(&place.disk(), &commit());
            assert!(!opened.lost);
            let log = &mut opened.shards[0].log;
            append(log, &["one", "two"]).unwrap();
            append(log, &["three"]).unwrap();
            assert_eq!((log.last(), log.synced()), (3, 0));
            log.sync().unwrap();
            assert_eq!((log.last(), log.synced()), (3, 3));
        }
        {
            let mut opened = reopen(&place.disk(), &commit());
            assert_eq!((opened.shards[0].last, opened.lost), (3, false));
            append(&mut opened.shards[0].log, &["four"]).unwrap();
        }
        assert_eq!(kept(&place.disk()), ["one", "two", "three", "four"]);
    }

    fn many_segments_and_lives_are_one_log<P>() {
        let place = P::default();
        let words: Vec<String> = (0..60).map(|n| format!("the word with the number {n}")).collect();
        for words in words.chunks(20) {
            let mut opened = reopen(&place.disk(), &commit());
            commit_each(&mut opened.shards[0].log, &words.iter().map(String::as_str).collect::<Vec<_>>());
        }
        assert!(place.disk().list().unwrap().len() > 10);
        assert_eq!(kept(&place.disk()), words);
    }

    fn shards_are_logs_of_their_own<P>() {
        let place = P::default();
        let terms = Terms { shards: 3, ..commit() };
        {
            let mut opened = reopen(&place.disk(), &terms);
            append(&mut opened.shards[0].log, &["a", "b"]).unwrap();
            append(&mut opened.shards[2].log, &["c"]).unwrap();
        }
        let opened = reopen(&place.disk(), &terms);
        let words: Vec<_> = opened.shards.iter().map(|shard| shard.replica.0.join(" ")).collect();
        assert_eq!(words, ["a b", "", "c"]);
    }

    fn a_snapshot_replaces_what_was_before_it<P>() {
        let place = P::default();
        {
            let disk = place.disk();
            let mut opened = reopen(&disk, &commit());
            let log = &mut opened.shards[0].log;
            while !log.wants_snapshot() {
                commit_each(log, &["as much as it takes"]);
            }
            let taken = log.last();
            let job = log.begin_snapshot().unwrap();
            assert!(!log.wants_snapshot());
            commit_each(log, &["during"]);
            job.run::<Words>().unwrap();
            commit_each(log, &["after"]);
            let mut names = disk.list().unwrap();
            names.sort();
            assert_eq!(names, [names::snapshot(0, taken), names::segment(0, taken + 1), "life".into()]);
        }
        let words = kept(&place.disk());
        assert_eq!(words[words.len() - 3..], ["as much as it takes", "during", "after"]);
    }

    fn snapshots_build_on_each_other<P>() {
        let place = P::default();
        {
            let mut opened = reopen(&place.disk(), &commit());
            let log = &mut opened.shards[0].log;
            for word in ["one", "two", "three"] {
                commit_each(log, &[word]);
                log.begin_snapshot().unwrap().run::<Words>().unwrap();
                // There is nothing new in it.
                log.begin_snapshot().unwrap().run::<Words>().unwrap();
            }
        }
        assert_eq!(kept(&place.disk()), ["one", "two", "three"]);
    }

    fn a_clean_end_is_known<P>() {
        let place = P::default();
        {
            let mut opened = reopen(&place.disk(), &terms(Durability::None));
            commit_each(&mut opened.shards[0].log, &["one"]);
            opened.life.end(&[1]).unwrap();
        }
        let opened = reopen(&place.disk(), &terms(Durability::None));
        assert_eq!((opened.lost, opened.shards[0].last), (false, 1));
    }

    fn an_inspection_says_what_is_there<P>() {
        let place = P::default();
        {
            let disk = place.disk();
            assert!(describe(&disk, "").unwrap().life.is_none());
            let mut opened = reopen(&disk, &Terms { shards: 2, ..commit() });
            let log = &mut opened.shards[1].log;
            commit_each(log, &["one", "two"]);
            log.begin_snapshot().unwrap().run::<Words>().unwrap();
            commit_each(log, &["three", "four", "five"]);
            opened.life.end(&[0, 5]).unwrap();
        }
        let disk = place.disk();
        let names = disk.list().unwrap();
        let seen = describe(&disk, "boot-1").unwrap();
        assert_eq!(seen.files.len(), names.len());
        let life = seen.life.unwrap();
        assert_eq!((life.identity, life.shards, life.durability), (7, 2, Durability::Commit));
        assert_eq!((life.boot.as_str(), life.clean, seen.damage), ("boot-1", Some(vec![0, 5]), None));
        let bytes = seen.files.iter().filter(|(name, _)| name.starts_with("00001")).map(|(_, bytes)| bytes).sum();
        let second = ShardSeen { shard: 1, snapshot: Some(2), first: 3, last: 5, entries: 3, bytes, ..ShardSeen::default() };
        assert_eq!(seen.shards[1], second);
        assert_eq!((seen.shards[0].entries, &seen.shards[0].damage), (0, &None));
        assert_eq!(disk.list().unwrap(), names);
    }
}
