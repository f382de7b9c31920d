//! What only a directory of the file system does.

use std::fs;
#[cfg(unix)]
use std::path::Path;

use super::*;

#[cfg(unix)]
fn mode(path: &Path) -> u32 {
    std::os::unix::fs::PermissionsExt::mode(&fs::metadata(path).unwrap().permissions()) & 0o777
}

#[cfg(unix)]
#[test]
fn only_its_owner_may_read_it() {
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("of/a/new/server");
    let disk = Directory::open(&path).unwrap();
    commit_each(&mut reopen(&disk, &commit()).shards[0].log, &["one"]);
    assert_eq!(mode(&path), 0o700);
    for file in fs::read_dir(&path).unwrap() {
        let file = file.unwrap().path();
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
}

#[test]
fn two_servers_never_share_one() {
    let temp = tempfile::tempdir().unwrap();
    let first = Directory::open(temp.path()).unwrap();
    let refused = Directory::open(temp.path()).unwrap_err();
    assert!(refused.to_string().contains(&*temp.path().to_string_lossy()), "{refused}");
    assert!(matches!(refused, OpenError::Locked { .. }));
    let clone = first.clone();
    drop(first);
    assert!(Directory::open(temp.path()).is_err(), "a snapshot may still be written");
    drop(clone);
    assert!(Directory::open(temp.path()).is_ok());
}

#[test]
fn who_looks_changes_nothing() {
    let temp = tempfile::tempdir().unwrap();
    assert!(matches!(Directory::look(&temp.path().join("nothing")), Err(OpenError::Io { .. })));
    let disk = Directory::open(temp.path()).unwrap();
    let opened = reopen(&disk, &commit());
    let looking = Directory::look(temp.path()).unwrap();
    assert!(describe(&looking, "boot-1").unwrap().life.is_some(), "also while it is in use");
    let denied = |done: io::Result<()>| assert_eq!(done.unwrap_err().kind(), io::ErrorKind::PermissionDenied);
    denied(looking.create("a"));
    denied(looking.append("life", b"a"));
    denied(looking.sync("life"));
    denied(looking.rename("life", "death"));
    denied(looking.remove("life"));
    drop(opened);
}

#[test]
fn folders_in_it_do_not_matter() {
    let temp = tempfile::tempdir().unwrap();
    fs::create_dir(temp.path().join("lost+found")).unwrap();
    let disk = Directory::open(temp.path()).unwrap();
    assert!(disk.list().unwrap().is_empty());
}
