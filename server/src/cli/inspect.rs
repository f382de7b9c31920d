//! `chat-server inspect`: says what a data directory holds.

use std::{fmt::Write as _, path::PathBuf};

use chinwag_journal::store::{Directory, Inspection, ShardSeen, describe};
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use serde_json::{Value, json};

use crate::storage::boot;

/// The subcommand's name.
pub(super) const NAME: &str = "inspect";

const AFTER_HELP: &str = "\
Nothing is changed: what a server would repair or remove is only named.

Exit codes: 0 if a server would start with it, 1 if it would not, or if it is none or cannot be read.";

/// The subcommand's grammar.
pub(super) fn command() -> Command {
    Command::new(NAME).about("Say what a data directory holds").after_help(AFTER_HELP).args([
        Arg::new("directory")
            .value_name("DIR")
            .required(true)
            .value_parser(value_parser!(PathBuf))
            .help("The directory of --data-dir"),
        Arg::new("json").long("json").action(ArgAction::SetTrue).help("Print a JSON object"),
    ])
}

/// Looks at the directory; the text to print, and whether a server would start with it.
///
/// # Errors
/// One line: it cannot be read, or is no data directory of this version.
pub(super) fn run(matches: &ArgMatches) -> Result<(String, bool), String> {
    let path: &PathBuf = matches.get_one("directory").expect("it is required");
    if !path.is_dir() {
        return Err(format!("{} is no directory", path.display()));
    }
    let seen = Directory::look(path).and_then(|disk| describe(&disk, &boot()));
    let seen = seen.map_err(|error| format!("{}: {error}", path.display()))?;
    let is_sound = seen.damage.is_none() && seen.shards.iter().all(|shard| shard.damage.is_none());
    let text = if matches.get_flag("json") { as_json(&seen).to_string() } else { as_text(&seen) };
    Ok((text, is_sound))
}

fn as_json(seen: &Inspection) -> Value {
    let shard = |shard: &ShardSeen| {
        json!({
            "shard": shard.shard, "snapshot": shard.snapshot, "first": shard.first, "last": shard.last,
            "entries": shard.entries, "bytes": shard.bytes, "torn": shard.torn, "damage": shard.damage,
        })
    };
    let life = seen.life.as_ref().map(|life| {
        json!({"durability": life.durability.to_string(), "shards": life.shards, "clean": life.clean.is_some()})
    });
    let files: Vec<Value> =
        seen.files.iter().map(|(name, bytes)| json!({"name": name, "bytes": bytes})).collect();
    let shards: Vec<Value> = seen.shards.iter().map(shard).collect();
    json!({"life": life, "shards": shards, "files": files, "damage": seen.damage})
}

fn as_text(seen: &Inspection) -> String {
    let mut text = match &seen.life {
        Some(life) => {
            let end = if life.clean.is_some() { "ended cleanly" } else { "did not end cleanly, or runs" };
            format!("durability {}, shards {}; the last server {end}\n", life.durability, life.shards)
        }
        None if seen.files.is_empty() => "empty: a server would begin anew\n".to_owned(),
        None => String::new(),
    };
    for shard in &seen.shards {
        let ShardSeen { shard, snapshot, last, entries, bytes, torn, damage, .. } = shard;
        let snapshot = snapshot.map_or_else(String::new, |index| format!(", snapshot up to {index}"));
        let _ =
            writeln!(text, "shard {shard}: {last} entries{snapshot}, {entries} in segments; {bytes} bytes");
        for trouble in torn.iter().map(|torn| format!("to be removed: {torn}")).chain(damage.clone()) {
            let _ = writeln!(text, "  {trouble}");
        }
    }
    for (name, bytes) in &seen.files {
        let _ = writeln!(text, "{bytes:>12}  {name}");
    }
    if let Some(damage) = &seen.damage {
        let _ = writeln!(text, "{damage}");
    }
    text.truncate(text.trim_end().len());
    text
}
