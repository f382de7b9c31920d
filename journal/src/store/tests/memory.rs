//! What a power cut leaves on the disk in memory.

use std::collections::BTreeSet;

use super::*;

/// What is left of a file, after many different power cuts.
fn leavings(prepare: impl Fn(&MemoryDisk)) -> BTreeSet<Option<Vec<u8>>> {
    let cut = |seed| {
        let disk = MemoryDisk::new();
        prepare(&disk);
        disk.power_cut(draws(seed));
        let bytes = usize::try_from(disk.bytes("a").ok()?).unwrap();
        let mut left = vec![0; bytes];
        disk.read_at("a", 0, &mut left).unwrap();
        Some(left)
    };
    (0..3_000).map(cut).collect()
}

fn durable(disk: &MemoryDisk, bytes: &[u8]) {
    disk.create("a").unwrap();
    disk.append("a", bytes).unwrap();
    disk.sync("a").unwrap();
    disk.sync_names().unwrap();
}

fn left(bytes: &[u8]) -> Option<Vec<u8>> {
    Some(bytes.to_vec())
}

#[test]
fn what_is_synced_stays() {
    let leavings = leavings(|disk| durable(disk, b"kept"));
    assert_eq!(leavings, BTreeSet::from([left(b"kept")]));
}

#[test]
fn a_file_without_a_synced_name_may_be_gone() {
    let leavings = leavings(|disk| {
        disk.create("a").unwrap();
        disk.append("a", b"kept").unwrap();
        disk.sync("a").unwrap();
    });
    assert_eq!(leavings, BTreeSet::from([None, left(b"kept")]));
}

#[test]
fn a_removed_file_may_come_back() {
    let leavings = leavings(|disk| {
        durable(disk, b"kept");
        disk.remove("a").unwrap();
    });
    assert_eq!(leavings, BTreeSet::from([None, left(b"kept")]));
}

#[test]
fn a_name_leads_to_the_old_file_or_to_the_new_one() {
    let leavings = leavings(|disk| {
        durable(disk, b"old");
        disk.create("b").unwrap();
        disk.append("b", b"new").unwrap();
        disk.sync("b").unwrap();
        disk.rename("b", "a").unwrap();
    });
    assert_eq!(leavings, BTreeSet::from([left(b"old"), left(b"new")]));
}

#[test]
fn writes_are_kept_torn_lost_or_reordered() {
    let leavings = leavings(|disk| {
        durable(disk, b"!");
        disk.append("a", b"one").unwrap();
        disk.append("a", b"two").unwrap();
    });
    for possible in
        [&b"!"[..], b"!o", b"!on", b"!one", b"!on\0", b"!onetw", b"!onetwo", b"!\0\0\0two", b"!\0\0\0"]
    {
        assert!(leavings.contains(&left(possible)), "{possible:?} is never left");
    }
    let is_garbage = |left: &Option<Vec<u8>>| {
        left.as_ref().is_some_and(|left| left.iter().any(|byte| !b"!onetw\0".contains(byte)))
    };
    assert!(leavings.iter().any(is_garbage));
    assert!(leavings.iter().flatten().all(|left| left[0] == b'!' && left.len() <= 7));
}

#[test]
fn what_a_failed_sync_was_for_never_becomes_durable() {
    let disk = MemoryDisk::new();
    durable(&disk, b"!");
    disk.append("a", b"doomed").unwrap();
    disk.fail_next_sync();
    assert!(disk.sync("a").is_err());
    disk.append("a", b"later").unwrap();
    disk.sync("a").unwrap();
    let mut seen = [0; 12];
    disk.read_at("a", 0, &mut seen).unwrap();
    assert_eq!(&seen, b"!doomedlater");
    disk.power_cut(draws(1));
    disk.read_at("a", 0, &mut seen).unwrap();
    assert_eq!((seen[0], &seen[7..]), (b'!', &b"later"[..]));
    assert_ne!(&seen[1..7], b"doomed");
}

#[test]
fn a_write_that_does_not_fit_is_written_in_part() {
    let disk = MemoryDisk::new();
    disk.set_capacity(Some(5));
    durable(&disk, b"one");
    let full = disk.append("a", b"two").unwrap_err();
    assert_eq!((full.kind(), disk.bytes("a").unwrap()), (io::ErrorKind::StorageFull, 5));
    disk.set_capacity(None);
    disk.append("a", b"o").unwrap();
}

#[test]
fn the_dead_change_nothing() {
    let disk = MemoryDisk::new();
    durable(&disk, b"one");
    disk.die_after(1, 2);
    disk.sync("a").unwrap();
    assert!(disk.append("a", b"two").is_err());
    assert!(disk.append("a", b"two").is_err());
    assert!(disk.sync("a").is_err() && disk.remove("a").is_err() && disk.create("b").is_err());
    assert_eq!((disk.bytes("a").unwrap(), disk.list().unwrap().len()), (5, 1));
    disk.kill();
    disk.append("a", b"!").unwrap();
}

#[test]
fn only_synced_bits_turn_round() {
    let disk = MemoryDisk::new();
    assert_eq!(disk.flip(draws(1)), None);
    durable(&disk, b"ab");
    disk.append("a", b"unsynced").unwrap();
    let flipped: BTreeSet<_> = (0..100).map(|seed| disk.flip(draws(seed)).unwrap()).collect();
    assert_eq!(flipped, BTreeSet::from([("a".into(), 0), ("a".into(), 1)]));
}
