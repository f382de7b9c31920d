//! What was promised and cannot be read stops the start; what was not is dropped, and that is said.

use super::*;

/// Puts `bytes` in the place of a file's.
fn rewrite(disk: &MemoryDisk, name: &str, bytes: &[u8]) {
    if disk.bytes(name).is_ok() {
        disk.remove(name).unwrap();
    }
    disk.create(name).unwrap();
    disk.append(name, bytes).unwrap();
    disk.sync(name).unwrap();
    disk.sync_names().unwrap();
}

fn bytes(disk: &MemoryDisk, name: &str) -> Vec<u8> {
    disk::read_all(disk, name).unwrap()
}

/// Turns a bit of the file round.
fn spoil(disk: &MemoryDisk, name: &str, at: usize) {
    let mut spoilt = bytes(disk, name);
    spoilt[at] ^= 4;
    rewrite(disk, name, &spoilt);
}

#[track_caller]
fn damaged(disk: &MemoryDisk, terms: &Terms, file: &str) {
    let error = refused(disk, terms);
    assert!(matches!(&error, OpenError::Damaged { file: found, .. } if found == file), "{error}");
    let seen = describe(disk, &terms.boot).unwrap();
    let said = seen.damage.or_else(|| seen.shards.into_iter().find_map(|shard| shard.damage));
    assert_eq!(said, Some(error.to_string()), "an inspection says the same");
}

/// Where the first batch's entry is, behind its length.
const FIRST_ENTRY: usize = 36 + 32 + 4;

#[test]
fn what_was_synced_cannot_be_spoilt() {
    for words in [&["one"][..], &["one", "two"]] {
        let disk = disk_with(words);
        let name = the_file(&disk, ".log");
        spoil(&disk, &name, FIRST_ENTRY);
        damaged(&disk, &commit(), &name);
        damaged(&disk, &Terms { boot: "boot-2".into(), ..commit() }, &name);
    }
}

#[test]
fn what_was_written_cannot_be_spoilt_without_a_power_cut() {
    let disk = MemoryDisk::new();
    let mut opened = reopen(&disk, &terms(Durability::Interval));
    append(&mut opened.shards[0].log, &["one"]).unwrap();
    append(&mut opened.shards[0].log, &["two"]).unwrap();
    let name = the_file(&disk, ".log");
    spoil(&disk, &name, FIRST_ENTRY);
    damaged(&disk, &terms(Durability::Interval), &name);
    let opened = reopen(&disk, &Terms { boot: "boot-2".into(), ..terms(Durability::Interval) });
    assert_eq!((opened.lost, opened.shards[0].last), (true, 0));
}

#[test]
fn a_segment_that_is_missing_is_damage() {
    let disk = disk_with(&["one"]);
    let mut opened = reopen(&disk, &commit());
    commit_each(&mut opened.shards[0].log, &["two"]);
    for first in [1, 2] {
        let name = names::segment(0, first);
        let removed = bytes(&disk, &name);
        disk.remove(&name).unwrap();
        if first == 1 {
            damaged(&disk, &commit(), &name);
        } else {
            // It was the last, and nothing says that there was another: only a clean end does.
            assert_eq!(reopen(&disk, &commit()).shards[0].last, 1);
        }
        rewrite(&disk, &name, &removed);
    }
    disk.remove(&names::segment(0, 1)).unwrap();
    disk.remove(&names::segment(0, 2)).unwrap();
    damaged(&disk, &commit(), &names::segment(0, 1));
}

#[test]
fn a_gap_between_segments_is_damage() {
    let disk = disk_with(&["one"]);
    for word in ["two", "three"] {
        commit_each(&mut reopen(&disk, &commit()).shards[0].log, &[word]);
    }
    let middle = names::segment(0, 2);
    rewrite(&disk, &middle, &bytes(&disk, &middle)[..36]);
    damaged(&disk, &commit(), &middle);
    disk.remove(&middle).unwrap();
    damaged(&disk, &commit(), &names::segment(0, 1));
}

#[test]
fn after_a_clean_end_everything_is_there() {
    let disk = MemoryDisk::new();
    let mut opened = reopen(&disk, &commit());
    commit_each(&mut opened.shards[0].log, &["one"]);
    opened.shards[0].log.begin_snapshot().unwrap().run::<Words>().unwrap();
    commit_each(&mut opened.shards[0].log, &["two", "three"]);
    opened.life.end(&[3]).unwrap();
    let name = the_file(&disk, ".log");
    let whole = bytes(&disk, &name);
    let (before_last, last) = (36 + 39 + 32, 36 + 39 + 32 + 41 + 32);
    assert_eq!(last, whole.len());
    for cut in [before_last, before_last + 32 + 5, 36] {
        rewrite(&disk, &name, &whole[..cut]);
        damaged(&disk, &commit(), &name);
    }
    // The last mark was not synced: nobody counts on it.
    rewrite(&disk, &name, &whole[..last - 1]);
    assert_eq!(kept(&disk), ["one", "two", "three"]);
}

#[test]
fn more_than_a_clean_end_had_is_from_elsewhere() {
    let disk = MemoryDisk::new();
    let mut opened = reopen(&disk, &commit());
    commit_each(&mut opened.shards[0].log, &["one", "two"]);
    opened.life.end(&[1]).unwrap();
    damaged(&disk, &commit(), &names::segment(0, 1));
}

#[test]
fn a_spoilt_snapshot_is_damage() {
    let disk = disk_with(&["one"]);
    reopen(&disk, &commit()).shards[0].log.begin_snapshot().unwrap().run::<Words>().unwrap();
    let name = the_file(&disk, ".snapshot");
    let whole = bytes(&disk, &name);
    for at in 0..whole.len() {
        rewrite(&disk, &name, &whole);
        spoil(&disk, &name, at);
        damaged(&disk, &terms(Durability::None), &name);
        rewrite(&disk, &name, &whole[..at]);
        damaged(&disk, &terms(Durability::None), &name);
    }
    rewrite(&disk, &name, &[&whole[..], b"more"].concat());
    damaged(&disk, &commit(), &name);
    rewrite(&disk, &name, &whole);
    assert_eq!(kept(&disk), ["one"]);
}

#[test]
fn a_large_snapshot_comes_in_chunks() {
    let disk = MemoryDisk::new();
    let mut opened = reopen(&disk, &commit());
    let large = "large ".repeat(1 << 20);
    commit_each(&mut opened.shards[0].log, &[&large, "small"]);
    opened.shards[0].log.begin_snapshot().unwrap().run::<Words>().unwrap();
    let name = the_file(&disk, ".snapshot");
    assert_eq!(disk.bytes(&name).unwrap(), 36 + (6 << 20) + 7 + 8 * 8);
    assert_eq!(kept(&disk), [&large, "small"]);
    // Two chunks that have changed places are each as they were written.
    let mut swapped = bytes(&disk, &name);
    let chunk = (1 << 20) + 8;
    swapped[36..36 + 2 * chunk].rotate_left(chunk);
    rewrite(&disk, &name, &swapped);
    damaged(&disk, &commit(), &name);
}

#[test]
fn nothing_is_promised_of_a_spoilt_log_without_durability() {
    let spoilt = || {
        let disk = MemoryDisk::new();
        let mut opened = reopen(&disk, &terms(Durability::None));
        let words: Vec<String> = (0..30).map(|n| format!("word-{n}")).collect();
        commit_each(&mut opened.shards[0].log, &words.iter().map(String::as_str).collect::<Vec<_>>());
        let names: Vec<String> =
            disk.list().unwrap().into_iter().filter(|name| name.ends_with(".log")).collect();
        assert!(names.len() > 4);
        spoil(&disk, &names[1], FIRST_ENTRY + 80);
        disk
    };
    let opened = reopen(&spoilt(), &commit());
    let words = opened.shards[0].replica.clone();
    assert!(opened.lost && words.0.len() > 2 && words.0.len() < 12, "{words:?}");
    // Whoever dies over it has promised nothing.
    for calls in 0..30 {
        let disk = spoilt();
        disk.die_after(calls, 7);
        _ = open::<_, Words>(disk.clone(), &commit());
        disk.power_cut(draws(calls));
        let opened = reopen(&disk, &commit());
        assert_eq!((opened.lost, &opened.shards[0].replica), (true, &words), "{calls}");
    }
}

#[test]
fn a_loss_is_said_until_it_is_settled() {
    let disk = MemoryDisk::new();
    drop(reopen(&disk, &terms(Durability::None)));
    assert!(reopen(&disk, &commit()).lost);
    let opened = reopen(&disk, &commit());
    assert!(opened.lost);
    opened.life.end(&[0]).unwrap();
    let mut opened = reopen(&disk, &commit());
    assert!(opened.lost);
    opened.life.settle().unwrap();
    assert!(!reopen(&disk, &commit()).lost);
}

#[test]
fn a_directory_of_something_else_is_left_alone() {
    let disk = MemoryDisk::new();
    rewrite(&disk, "notes.txt", b"mine");
    rewrite(&disk, "life.tmp", b"ours");
    let error = refused(&disk, &commit());
    assert!(matches!(&error, OpenError::Foreign { file, .. } if file == "notes.txt"), "{error}");
    assert_eq!(disk.list().unwrap(), ["life.tmp", "notes.txt"]);
}

#[test]
fn other_files_in_a_data_directory_are_left_alone() {
    let disk = disk_with(&["one"]);
    rewrite(&disk, "notes.tmp", b"mine");
    rewrite(&disk, "00000-00000000000000000009.log.tmp", b"ours");
    assert_eq!(kept(&disk), ["one"]);
    assert!(disk.bytes("notes.tmp").is_ok());
    assert!(disk.bytes("00000-00000000000000000009.log.tmp").is_err());
}

#[test]
fn files_of_another_data_directory_are_foreign() {
    let (disk, other) = (disk_with(&["one"]), MemoryDisk::new());
    drop(reopen(&other, &Terms { identity: 8, ..commit() }));
    let name = the_file(&disk, ".log");
    rewrite(&disk, &name, &bytes(&other, &name));
    let error = refused(&disk, &commit());
    assert!(matches!(&error, OpenError::Foreign { file, .. } if *file == name), "{error}");
    rewrite(&disk, "life", b"is short\n");
    let error = refused(&disk, &commit());
    assert!(matches!(&error, OpenError::Foreign { file, .. } if file == "life"), "{error}");
}

#[test]
fn a_life_that_is_missing_is_damage() {
    let disk = disk_with(&["one"]);
    disk.remove("life").unwrap();
    damaged(&disk, &commit(), "life");
}

#[test]
fn the_number_of_shards_is_the_first_life_s() {
    let disk = disk_with(&["one"]);
    let error = refused(&disk, &Terms { shards: 2, ..commit() });
    assert!(matches!(error, OpenError::OtherShards { found: 1, wanted: 2 }), "{error}");
    rewrite(&disk, &names::segment(1, 1), b"");
    assert!(matches!(refused(&disk, &commit()), OpenError::Foreign { .. }));
}

#[test]
fn what_a_replica_does_not_understand_is_damage() {
    let disk = MemoryDisk::new();
    let mut opened = reopen(&disk, &terms(Durability::None));
    let mut batch = Batch::default();
    batch.push(1, |buffer| buffer.push(0xff));
    opened.shards[0].log.append(&mut batch).unwrap();
    let error = refused(&disk, &commit());
    assert!(error.to_string().contains("entry 1: invalid utf-8"), "{error}");
}
