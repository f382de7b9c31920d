//! Why somebody did or did not get a message, as a capture tells: what one user was told in one room, and what became of one
//! message on each of their connections.

mod account;
mod stay;
mod story;

use std::{collections::BTreeSet, fmt, io::Read};

use anyhow::ensure;
use chinwag_core::{Epoch, Seq, Time};
use chinwag_journal::capture::Replay;
use serde::Serialize;

use self::{
    account::{Account, Place},
    stay::Fate,
    story::Moment,
};

/// As many names are told to somebody who has asked for one that is not there.
const NAMES_MAX: usize = 12;

/// What is asked.
#[derive(Clone, Debug)]
pub(crate) struct Question {
    pub(crate) user: String,
    pub(crate) room: String,
    pub(crate) seq: Option<Seq>,
    pub(crate) epoch: Option<Epoch>,
}

/// What a capture answers.
#[derive(Debug, Serialize)]
pub(crate) struct Explained {
    user: String,
    room: String,
    /// By epoch, what became of the message.
    messages: Vec<Message>,
    /// All that the user was told of the room, and what happened to their connections.
    story: Vec<Moment>,
    /// Of the user's connections, those that spoke another dialect than the native one: what they were sent is not read.
    unread: BTreeSet<u64>,
    /// The input of which something else came than in production: what follows it is not looked at.
    pub(crate) parted: Option<u64>,
}

/// One message, and what became of it for the user.
#[derive(Debug, Serialize)]
struct Message {
    epoch: Epoch,
    seq: Seq,
    /// What is known of it.
    #[serde(flatten)]
    place: Place,
    /// Whether it was written to one of the user's connections.
    got: bool,
    /// By connection, why it was or was not.
    fates: Vec<Fate>,
}

/// Names that there are.
#[derive(Debug)]
struct Others<'a>(&'a BTreeSet<String>);

/// Leads new machines through a capture, and listens to what is asked for.
///
/// # Errors
/// If it cannot be read, or nobody and nothing in it has these names.
pub(crate) fn explain(from: impl Read, question: &Question) -> anyhow::Result<Explained> {
    let mut replay = Replay::open(from)?;
    let (mut account, mut inputs, mut parted) = (Account::new(question), 0, None);
    while let Some(step) = replay.step()? {
        if step.end().is_some() {
            break;
        }
        inputs += 1;
        if step.difference.is_some() {
            parted = Some(inputs);
            break;
        }
        account.hear(&step);
    }
    account.explained(parted)
}

impl Account<'_> {
    fn explained(self, parted: Option<u64>) -> anyhow::Result<Explained> {
        let Question { user, room, seq, epoch } = self.question.clone();
        ensure!(self.is_known(&user), "nobody is called {user} in it{}", Others(&self.names()));
        ensure!(self.rooms.contains(&room), "nobody is told of a room {room} in it{}", Others(&self.rooms));
        let epochs = self.epochs().into_iter().filter(|&there| epoch.is_none_or(|epoch| epoch == there));
        let messages = seq.map_or(Vec::new(), |seq| epochs.map(|epoch| self.message(epoch, seq)).collect());
        let unread = self.unread();
        Ok(Explained { user, room, messages, story: self.story.moments, unread, parted })
    }

    fn message(&self, epoch: Epoch, seq: Seq) -> Message {
        let place = self.places.get(&epoch).cloned().unwrap_or_default();
        let stays = self.stays.iter().filter(|stay| stay.epoch == epoch);
        let fates: Vec<Fate> = stays.map(|stay| stay.fate(seq, place.since())).collect();
        Message { epoch, seq, place, got: fates.iter().any(|fate| fate.got.is_some()), fates }
    }
}

impl fmt::Display for Others<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.0.iter().take(NAMES_MAX).map(String::as_str).collect();
        match names[..] {
            [] => Ok(()),
            _ => write!(f, "; there are {}", names.join(", ")),
        }?;
        if self.0.len() > NAMES_MAX { f.write_str(", …") } else { Ok(()) }
    }
}

impl fmt::Display for Explained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { user, room, messages, story, unread, parted } = self;
        for message in messages {
            message.write(f, user, room)?;
        }
        writeln!(f, "What {user} was told of {room}, and what happened to their connections:")?;
        story.iter().try_for_each(|moment| writeln!(f, "  {moment}"))?;
        for connection in unread {
            writeln!(
                f,
                "#{connection} spoke another dialect than the native one: what it was sent is not read here."
            )?;
        }
        match parted {
            Some(input) => writeln!(
                f,
                "From input {input} on it did not come to the same here as in production, and was not looked at: see `sim import`."
            ),
            None => Ok(()),
        }
    }
}

impl Message {
    fn write(&self, f: &mut fmt::Formatter<'_>, user: &str, room: &str) -> fmt::Result {
        let Self { epoch, seq, place, got, fates } = self;
        writeln!(f, "Message {seq} of {room}, epoch {epoch}: {place}.")?;
        match (got, &fates[..]) {
            (_, []) => writeln!(f, "No connection of {user} was in the room in this epoch.")?,
            (true, _) => writeln!(f, "{user} got it:")?,
            (false, _) => writeln!(f, "{user} did not get it:")?,
        }
        fates.iter().try_for_each(|fate| writeln!(f, "  {fate}"))?;
        writeln!(f)
    }
}

/// When something happened, as it is shown beside other times of the day.
fn clock(at: Time) -> String {
    let whole = at.to_string();
    whole.split_once('T').map_or_else(|| whole.clone(), |(_, time)| time.trim_end_matches('Z').to_owned())
}

#[cfg(test)]
mod tests;
