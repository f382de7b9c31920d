//! Which files there are, whose, and how much room they take: the directory's index, in memory.

use std::collections::BTreeMap;

use chinwag_core::{RoomName, UserName};

use super::FileId;

/// What the smallest file takes of a disk, in bytes; others take a multiple.
const BLOCK_BYTES: u64 = 4_096;

/// A file that is there.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Kept {
    /// Where its members are.
    pub(super) room: RoomName,
    /// Whose it counts as.
    pub(super) user: UserName,
    /// What it takes, in whole blocks.
    pub(super) bytes: u64,
    /// When it came, in milliseconds since 1970.
    pub(super) at: u64,
}

/// There is no room for more.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Full {
    /// On this server.
    All,
    /// For this user.
    User,
}

/// The index. What is being uploaded has its room, too.
#[derive(Debug)]
pub(super) struct Shelf {
    files: BTreeMap<FileId, Kept>,
    /// Files of each room that has any.
    rooms: BTreeMap<RoomName, usize>,
    /// What each user's files take.
    users: BTreeMap<UserName, u64>,
    /// What all take.
    bytes: u64,
    bytes_max: u64,
    user_bytes_max: u64,
}

/// What a file of so many bytes takes.
pub(super) const fn blocks(bytes: u64) -> u64 {
    let blocks = bytes.div_ceil(BLOCK_BYTES);
    if blocks == 0 { BLOCK_BYTES } else { blocks.saturating_mul(BLOCK_BYTES) }
}

impl Shelf {
    /// An empty one, with room for so much.
    pub(super) const fn new(bytes_max: u64, user_bytes_max: u64) -> Self {
        Self {
            files: BTreeMap::new(),
            rooms: BTreeMap::new(),
            users: BTreeMap::new(),
            bytes: 0,
            bytes_max,
            user_bytes_max,
        }
    }

    /// Sets so many bytes more aside for a user.
    ///
    /// # Errors
    /// There is no room for them, and nothing has changed.
    pub(super) fn reserve(&mut self, user: &UserName, bytes: u64) -> Result<(), Full> {
        let of_user = self.users.get(user).copied().unwrap_or(0);
        if of_user.saturating_add(bytes) > self.user_bytes_max {
            return Err(Full::User);
        }
        if self.bytes.saturating_add(bytes) > self.bytes_max {
            return Err(Full::All);
        }
        self.take(user, bytes);
        Ok(())
    }

    /// Gives back what was set aside.
    pub(super) fn release(&mut self, user: &UserName, bytes: u64) {
        self.bytes -= bytes;
        let of_user = self.users.get_mut(user).expect("something was set aside for them");
        *of_user -= bytes;
        if *of_user == 0 {
            self.users.remove(user);
        }
    }

    /// A file is there for which room was set aside.
    pub(super) fn put(&mut self, id: FileId, kept: Kept) {
        *self.rooms.entry(kept.room.clone()).or_default() += 1;
        self.files.insert(id, kept);
    }

    /// A file was found there, however full it is.
    pub(super) fn find(&mut self, id: FileId, kept: Kept) {
        self.take(&kept.user, kept.bytes);
        self.put(id, kept);
    }

    fn take(&mut self, user: &UserName, bytes: u64) {
        self.bytes += bytes;
        // Nobody is listed for nothing.
        if bytes > 0 {
            *self.users.entry(user.clone()).or_default() += bytes;
        }
    }

    /// A file is gone.
    pub(super) fn remove(&mut self, id: FileId) {
        let Some(Kept { room, user, bytes, .. }) = self.files.remove(&id) else { return };
        self.release(&user, bytes);
        let of_room = self.rooms.get_mut(&room).expect("the file was one of its");
        *of_room -= 1;
        if *of_room == 0 {
            self.rooms.remove(&room);
        }
    }

    /// The file's room.
    pub(super) fn room(&self, id: FileId) -> Option<&RoomName> {
        self.files.get(&id).map(|kept| &kept.room)
    }

    /// Those of which this is true.
    pub(super) fn those(&self, is: impl Fn(&Kept) -> bool) -> Vec<FileId> {
        self.files.iter().filter(|(_, kept)| is(kept)).map(|(&id, _)| id).collect()
    }

    /// At most so many of the rooms that have files, behind this one.
    pub(super) fn rooms_after(&self, after: Option<&RoomName>, max: usize) -> Vec<RoomName> {
        let behind = self.rooms.keys().skip_while(|room| after.is_some_and(|after| *room <= after));
        behind.take(max).cloned().collect()
    }

    /// How many files there are, and what they and those that are on their way take.
    pub(super) fn totals(&self) -> (usize, u64) {
        (self.files.len(), self.bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(room: &str, user: &UserName, bytes: u64) -> Kept {
        Kept { room: RoomName::new(room).unwrap(), user: user.clone(), bytes, at: 0 }
    }

    #[test]
    fn there_is_so_much_room_for_all_and_for_each() {
        let [ann, bob, cat] = ["ann", "bob", "cat"].map(|name| UserName::new(name).unwrap());
        let mut shelf = Shelf::new(10, 6);
        assert_eq!(shelf.reserve(&ann, 7), Err(Full::User));
        assert_eq!(shelf.reserve(&ann, 4), Ok(()));
        shelf.put(FileId(1), kept("a", &ann, 4));
        assert_eq!(shelf.reserve(&ann, 3), Err(Full::User));
        assert_eq!(shelf.reserve(&bob, 5), Ok(()));
        assert_eq!(shelf.reserve(&cat, 2), Err(Full::All));
        shelf.release(&bob, 5);
        assert_eq!(shelf.totals(), (1, 4));
        shelf.find(FileId(2), kept("b", &bob, 60));
        assert_eq!(shelf.reserve(&cat, 1), Err(Full::All), "what is there is there");
        shelf.remove(FileId(2));
        shelf.remove(FileId(2));
        shelf.remove(FileId(1));
        assert_eq!((shelf.totals(), shelf.users.len(), shelf.rooms.len()), ((0, 0), 0, 0));
        assert_eq!(shelf.reserve(&ann, 6), Ok(()));
    }

    #[test]
    fn rooms_are_gone_through_in_turns() {
        let ann = UserName::new("ann").unwrap();
        let mut shelf = Shelf::new(100, 100);
        for (id, room) in ["b", "a", "c", "a"].into_iter().enumerate() {
            shelf.find(FileId(id as u128), kept(room, &ann, 1));
        }
        let names = |after: Option<&RoomName>| -> Vec<String> {
            shelf.rooms_after(after, 2).iter().map(ToString::to_string).collect()
        };
        assert_eq!(names(None), ["a", "b"]);
        assert_eq!(names(Some(&RoomName::new("b").unwrap())), ["c"]);
        let in_a = shelf.those(|kept| kept.room.as_str() == "a");
        assert_eq!(in_a, [FileId(1), FileId(3)]);
    }

    #[test]
    fn what_lies_on_a_disk_takes_whole_blocks() {
        assert_eq!([0, 1, 4_096, 4_097].map(blocks), [4_096, 4_096, 4_096, 8_192]);
    }
}
