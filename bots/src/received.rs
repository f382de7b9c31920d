//! Who was shown how much in which room and what was wrong with it, so that it can be judged person by person.

use std::{collections::BTreeMap, io};

use chinwag_oracle::{Account, MemberId, RoomId, Whose};
use chinwag_scenarios::Plan;
use serde::{Deserialize, Serialize};

use crate::book::Book;

/// How many of a room's messages a client was shown.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub struct Received {
    /// Whom, by number.
    pub client: u32,
    /// Where, by number.
    pub room: u32,
    /// How many.
    pub received: u64,
    /// Of these, how many were [late](chinwag_scenarios::Plan::late_after), though it was there and read as fast as it can.
    pub late: u64,
}

/// What became of a room's messages at a client.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Deliveries {
    /// What was shown.
    pub shown: Received,
    /// What the oracle says.
    pub account: Account,
}

impl Deliveries {
    /// Everybody's, by client and room, when all have said goodbye and the oracle has settled their accounts.
    #[must_use]
    pub fn of(book: &Book, accounts: BTreeMap<Whose, Account>) -> Vec<Self> {
        let accounts = accounts.into_iter();
        let row =
            |client, room, account| Self { shown: Received { client, room, ..Received::default() }, account };
        let of = |((MemberId(client), RoomId(room)), account)| ((client, room), row(client, room, account));
        let mut all: BTreeMap<_, _> = accounts.map(of).collect();
        for &Received { client, room, received, late } in &book.received {
            let row = all.entry((client, room)).or_insert_with(|| row(client, room, Account::default()));
            row.shown.received += received;
            row.shown.late += late;
        }
        all.into_values().collect()
    }

    /// Writes them as CSV, with names.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write(all: &[Self], plan: &Plan, mut out: impl io::Write) -> io::Result<()> {
        writeln!(
            out,
            "client,user,room,received,lost,announced_lost,duplicated,reordered,skipped,foreign,late"
        )?;
        for Self { shown: Received { client, room, received, late }, account } in all {
            let (user, room, faults) = (plan.user_name(*client), plan.room_name(*room), account.faults);
            write!(out, "{client},{user},{room},{received},{},{},", account.lost(), account.announced_lost)?;
            writeln!(
                out,
                "{},{},{},{},{late}",
                faults.duplicated, faults.reordered, faults.skipped, faults.foreign
            )?;
        }
        out.flush()
    }
}
