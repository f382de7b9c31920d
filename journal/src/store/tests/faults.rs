//! Crashes and disks that fail: what was promised is there, and what was not is gone or whole.

use std::sync::atomic::AtomicBool;

use super::*;

/// Does `act`, dead after each number of calls in turn, and then looks with `check`; until it comes to its end.
fn dying(
    disk_before: impl Fn() -> MemoryDisk,
    act: impl Fn(&MemoryDisk) -> bool,
    check: impl Fn(&MemoryDisk),
) {
    for calls in 0.. {
        let mut done = false;
        for seed in 0..20 {
            let disk = disk_before();
            disk.die_after(calls, 5);
            done = act(&disk);
            if seed == 0 {
                disk.kill();
            } else {
                disk.power_cut(draws(seed));
            }
            check(&disk);
        }
        if done {
            assert!(calls > 2, "it has to do something");
            return;
        }
    }
}

#[test]
fn a_torn_tail_is_dropped() {
    let whole = disk_with(&["one", "two"]);
    let name = the_file(&whole, ".log");
    let bytes = whole.bytes(&name).unwrap();
    for kept in 0..40 {
        let disk = disk_with(&["one", "two"]);
        let mut opened = reopen(&disk, &commit());
        let log = &mut opened.shards[0].log;
        disk.die_after(0, kept);
        append(log, &["torn"]).unwrap_err();
        disk.kill();
        let seen = describe(&disk, "boot-1").unwrap().shards.remove(0);
        assert_eq!((seen.torn.is_some(), seen.damage), (kept > 0 && kept < 40, None), "{kept}");
        assert_eq!(kept_words(&disk), if kept < 40 { "one two" } else { "one two torn" });
    }
    assert_eq!(bytes, 36 + 2 * (32 + 4 + 3) + 2 * 32, "a header, two batches, and their marks");
}

fn kept_words(disk: &MemoryDisk) -> String {
    let words = kept(disk).join(" ");
    assert_eq!(kept(disk).join(" "), words, "recovered twice");
    words
}

#[test]
fn the_log_goes_on_behind_a_torn_tail() {
    let disk = disk_with(&["one"]);
    for word in ["two", "three", "four"] {
        let mut opened = reopen(&disk, &commit());
        let log = &mut opened.shards[0].log;
        commit_each(log, &[word]);
        disk.die_after(0, 20);
        append(log, &["torn"]).unwrap_err();
        disk.kill();
    }
    assert_eq!(kept(&disk), ["one", "two", "three", "four"]);
}

#[test]
fn a_write_without_those_before_it_is_dropped() {
    let mut holes = 0;
    for seed in 0..300 {
        let disk = MemoryDisk::new();
        let mut opened = reopen(&disk, &commit());
        let log = &mut opened.shards[0].log;
        commit_each(log, &["one"]);
        for word in ["two", "three", "four"] {
            append(log, &[word]).unwrap();
        }
        disk.power_cut(draws(seed));
        let seen = describe(&disk, "boot-2").unwrap().shards.remove(0);
        assert_eq!(seen.damage, None);
        holes += u32::from(seen.torn.is_some());
        let words = kept_words(&disk);
        assert!("one two three four".starts_with(&words) && words.starts_with("one"), "{words}");
    }
    assert!(holes > 50);
}

#[test]
fn after_a_failure_the_log_refuses_everything() {
    let disk = disk_with(&[]);
    let mut opened = reopen(&disk, &commit());
    let log = &mut opened.shards[0].log;
    append(log, &["one"]).unwrap();
    disk.fail_next_sync();
    log.sync().unwrap_err();
    let refused = log.sync().unwrap_err();
    assert!(refused.to_string().contains("start again"), "{refused}");
    append(log, &["two"]).unwrap_err();
    log.begin_snapshot().unwrap_err();
    assert_eq!((log.synced(), log.wants_snapshot()), (0, false));
}

#[test]
fn what_a_failed_sync_left_readable_becomes_durable() {
    for seed in 0..50 {
        let disk = disk_with(&["one"]);
        let mut opened = reopen(&disk, &commit());
        let log = &mut opened.shards[0].log;
        append(log, &["two"]).unwrap();
        disk.fail_next_sync();
        log.sync().unwrap_err();
        disk.kill();
        // It is applied now, so it must be there after every power cut from here on.
        let mut opened = reopen(&disk, &commit());
        assert_eq!(opened.shards[0].replica.0, ["one", "two"]);
        commit_each(&mut opened.shards[0].log, &["three"]);
        disk.power_cut(draws(seed));
        assert_eq!(kept_words(&disk), "one two three");
    }
}

#[test]
fn what_recovery_applies_is_durable() {
    for seed in 0..50 {
        let disk = disk_with(&["one"]);
        append(&mut reopen(&disk, &commit()).shards[0].log, &["two"]).unwrap();
        disk.kill();
        assert_eq!(kept(&disk), ["one", "two"]);
        disk.power_cut(draws(seed));
        assert_eq!(kept_words(&disk), "one two");
    }
}

/// Leaves so much room on the disk.
fn fill_up(disk: &MemoryDisk, room: u64) {
    let used: u64 = disk.list().unwrap().iter().map(|name| disk.bytes(name).unwrap()).sum();
    disk.set_capacity(Some(used + room));
}

#[test]
fn a_full_disk_loses_nothing() {
    for room in 0..80 {
        let disk = disk_with(&["one"]);
        let mut opened = reopen(&disk, &commit());
        fill_up(&disk, room);
        let log = &mut opened.shards[0].log;
        let appended = append(log, &["two"]).is_ok();
        let synced = appended && log.sync().is_ok();
        assert_eq!((appended, synced), (room >= 39, room >= 71), "{room}");
        let refused = open::<_, Words>(disk.clone(), &commit());
        assert!(matches!(refused, Err(OpenError::Io { .. })), "there is no room for a new segment");
        disk.set_capacity(None);
        assert_eq!(kept_words(&disk), if appended { "one two" } else { "one" });
    }
}

#[test]
fn a_full_disk_stops_a_snapshot_and_not_the_log() {
    let disk = disk_with(&["one"]);
    let mut opened = reopen(&disk, &commit());
    let log = &mut opened.shards[0].log;
    commit_each(log, &["two"]);
    let job = log.begin_snapshot().unwrap();
    let before = disk.list().unwrap();
    fill_up(&disk, 50);
    assert!(matches!(job.run::<Words>(), Err(OpenError::Io { .. })));
    assert_eq!(disk.list().unwrap(), before, "nothing of it is left");
    fill_up(&disk, 80);
    commit_each(log, &["three"]);
    disk.set_capacity(None);
    log.begin_snapshot().unwrap().run::<Words>().unwrap();
    assert_eq!(kept(&disk), ["one", "two", "three"]);
}

#[test]
fn the_first_start_may_die_anywhere() {
    let act = |disk: &MemoryDisk| open::<_, Words>(disk.clone(), &terms(Durability::None)).is_ok();
    dying(MemoryDisk::new, act, |disk| {
        assert_eq!(kept_words(disk), "");
        assert_eq!(disk.list().unwrap(), [names::segment(0, 1), "life".into()]);
    });
}

#[test]
fn any_start_may_die_anywhere() {
    let before = || {
        let disk = disk_with(&["one", "two"]);
        append(&mut reopen(&disk, &commit()).shards[0].log, &["three"]).unwrap();
        // Without it, a power cut could take the last word.
        assert_eq!(kept(&disk).len(), 3);
        disk
    };
    let act = |disk: &MemoryDisk| open::<_, Words>(disk.clone(), &commit()).is_ok();
    dying(before, act, |disk| assert_eq!(kept_words(disk), "one two three"));
}

#[test]
fn a_snapshot_may_die_anywhere() {
    let before = || {
        let disk = disk_with(&["one", "two"]);
        let mut opened = reopen(&disk, &commit());
        opened.shards[0].log.begin_snapshot().unwrap().run::<Words>().unwrap();
        commit_each(&mut opened.shards[0].log, &["three"]);
        disk
    };
    let act = |disk: &MemoryDisk| {
        let Ok(mut opened) = open::<_, Words>(disk.clone(), &commit()) else { return false };
        let log = &mut opened.shards[0].log;
        append(log, &["four"]).and_then(|()| log.begin_snapshot()).is_ok_and(|job| job.run::<Words>().is_ok())
    };
    dying(before, act, |disk| {
        let words = kept_words(disk);
        assert!("one two three four".starts_with(&words) && words.len() > 12, "{words}");
        let is_rubbish = |name: &String| name.ends_with(".tmp");
        assert!(!disk.list().unwrap().iter().any(is_rubbish));
    });
}

/// Writes what it cannot read.
#[derive(Default)]
struct Scribble;

impl Replica for Scribble {
    fn restore(&mut self, _: &mut dyn Read) -> Result<(), Damage> {
        Err(Damage("nobody can read this".into()))
    }

    fn apply(&mut self, _: u64, _: &[u8]) -> Result<(), Damage> {
        Ok(())
    }

    fn save(&self, to: &mut dyn Write) -> io::Result<()> {
        to.write_all(b"~~")
    }
}

#[test]
fn a_snapshot_replaces_nothing_before_it_was_read_back() {
    let disk = disk_with(&["one"]);
    let mut opened = reopen(&disk, &commit());
    let log = &mut opened.shards[0].log;
    commit_each(log, &["two"]);
    let job = log.begin_snapshot().unwrap();
    let before = disk.list().unwrap();
    let error = job.run::<Scribble>().unwrap_err().to_string();
    assert!(error.ends_with("nobody can read this"), "{error}");
    assert_eq!(disk.list().unwrap(), before, "nothing of it is left, and all else is");
    assert_eq!(kept(&disk), ["one", "two"]);
}

#[test]
fn a_snapshot_that_is_not_wanted_any_more_replaces_nothing() {
    let disk = disk_with(&["one"]);
    let mut opened = reopen(&disk, &commit());
    let log = &mut opened.shards[0].log;
    commit_each(log, &["two"]);
    let job = log.begin_snapshot().unwrap();
    let before = disk.list().unwrap();
    assert!(job.run_unless::<Words>(&AtomicBool::new(true)).is_err());
    assert_eq!(disk.list().unwrap(), before);
    assert_eq!(kept(&disk), ["one", "two"]);
}

#[test]
fn a_snapshot_that_is_dropped_is_asked_for_again() {
    let disk = disk_with(&[]);
    let mut opened = reopen(&disk, &commit());
    let log = &mut opened.shards[0].log;
    let until_wanted = |log: &mut Log<MemoryDisk>| {
        let before = log.last();
        while !log.wants_snapshot() {
            commit_each(log, &["a word that takes its place"]);
        }
        log.last() - before
    };
    let first = until_wanted(log);
    drop(log.begin_snapshot().unwrap());
    assert_eq!(until_wanted(log), first);
}

#[test]
fn a_larger_snapshot_is_made_less_often() {
    let disk = disk_with(&[]);
    let mut opened = reopen(&disk, &commit());
    let word = "w".repeat(2_000);
    commit_each(&mut opened.shards[0].log, &[&word]);
    opened.shards[0].log.begin_snapshot().unwrap().run::<Words>().unwrap();
    drop(opened);
    let mut opened = reopen(&disk, &commit());
    let log = &mut opened.shards[0].log;
    commit_each(log, &[&word[..1_900]]);
    assert!(!log.wants_snapshot());
    commit_each(log, &[&word[..200]]);
    assert!(log.wants_snapshot());
    drop(opened);
    assert!(reopen(&disk, &commit()).shards[0].log.wants_snapshot(), "also in the next life");
}
