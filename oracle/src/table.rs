//! Tables by number, which grow with what they hold.

use crate::observation::{MemberId, RoomId};

/// What a member's table holds of a room.
pub(crate) fn room_of<T: Default>(
    table: &mut Vec<Vec<(RoomId, T)>>,
    member: MemberId,
    room: RoomId,
) -> &mut T {
    let rooms = entry(table, index(member.0));
    let at = rooms.iter().position(|(its, _)| *its == room).unwrap_or_else(|| {
        // Most members have one room.
        rooms.reserve_exact(1);
        rooms.push((room, T::default()));
        rooms.len() - 1
    });
    &mut rooms[at].1
}

/// A member's entry in a table that grows with the members.
pub(crate) fn entry<T>(table: &mut Vec<Vec<T>>, member: usize) -> &mut Vec<T> {
    if table.len() <= member {
        table.resize_with(member + 1, Vec::new);
    }
    &mut table[member]
}

/// A number as an index.
pub(crate) fn index(number: u32) -> usize {
    usize::try_from(number).expect("an index fits a usize")
}
