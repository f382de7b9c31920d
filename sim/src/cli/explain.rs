//! `sim explain`: why somebody did or did not get a message, as a capture of a server tells.

use std::path::PathBuf;

use chinwag_core::{Epoch, Seq};

use crate::{
    cli::{
        captured,
        exit::{CLEAN, NOT_DETERMINISTIC},
    },
    explain::{Question, explain},
};

#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  sim explain chat.capture --user bob --room general            what bob was told of general
  sim explain chat.capture --user bob --room general --seq 42   and why he got message 42, or why not")]
pub(super) struct Args {
    /// A file that `chat-server --capture` has written
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Whose connections are looked at
    #[arg(long, value_name = "NAME")]
    user: String,
    /// The room
    #[arg(long, value_name = "NAME")]
    room: String,
    /// The message; if not given, only what the user was told is printed
    #[arg(long, value_name = "NUMBER")]
    seq: Option<u64>,
    /// Only in this life of the room's log; a number may be given to one message in each
    #[arg(long, value_name = "EPOCH", requires = "seq")]
    epoch: Option<u64>,
    /// Print an object instead of sentences
    #[arg(long)]
    json: bool,
}

pub(super) fn main(args: &Args) -> anyhow::Result<u8> {
    let question = Question {
        user: args.user.clone(),
        room: args.room.clone(),
        seq: args.seq.map(Seq),
        epoch: args.epoch.map(Epoch),
    };
    let explained = captured::read(&args.file, |from| explain(from, &question))?;
    captured::print(&explained, args.json)?;
    Ok(if explained.parted.is_some() { NOT_DETERMINISTIC } else { CLEAN })
}
