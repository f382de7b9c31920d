//! `docs/configuration.md`: the reference of settings, made from their table.

use std::fmt::Write as _;

use super::{
    Settings,
    table::{Setting, TABLE},
};

const COMMITTED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/configuration.md");
/// Set in the environment, it has the file written anew.
const WRITE: &str = "WRITE_CONFIGURATION";

/// What stands above the tables.
const HEAD: &str = "\
# Configuration

<!-- Made from server/src/settings/table.rs: WRITE_CONFIGURATION=1 cargo test -p chinwag-server configuration -->

Every setting of `chat-server` can be given as a flag, as an environment variable or as a key in the file of `--config FILE`
(TOML; `CHAT_CONFIG` names it, too). Flags win over variables, variables over the file. What cannot work is one line on
standard error that says where it is, and exit code 2; nothing is ignored. Beside those below there are

- `--port`, `PORT` or `port`: short for `listen = \"127.0.0.1:PORT\"`;
- `CHAT_TOKEN_SECRET`: the secret of tokens without a file. It has no flag, for flags can be read by everybody on the machine;
- `--print-config`: prints the outcome as a file for `--config`;
- `--exit-with-stdin`: ends when standard input does.

`chat-server check-config`, with the flags, the environment and the file of a start, says what a start would make of them:
each setting and where it was given (`default`, `file`, `environment`, `flag`), how much memory the limits allow, and what is
better changed before people come. With `--json` it is an object. It reads the key of tokens, if there is one, but binds
no port and opens no directory. It exits with 0 if a server would start with these settings, whatever it warns of, with 1 if it
cannot write what it found, and with 2 for what `chat-server` would exit with 2 for, saying the same.

A span is a whole number with a unit: `us`, `ms`, `s`, `m` or `h`. Numbers may hold `_`. *Limits* is what the server says of a
value that it does not take, as far as it depends on that setting alone or on the defaults of others.
";

/// The whole document.
fn document() -> String {
    let mut text = HEAD.to_owned();
    let mut heading = "";
    for setting in TABLE {
        if setting.heading != heading {
            heading = setting.heading;
            let _ =
                write!(text, "\n## {heading}\n| setting | default | takes | meaning |\n|---|---|---|---|\n");
        }
        let names = [format!("--{}", setting.flag()), setting.variable(), setting.name.to_owned()];
        let names = names.map(|name| format!("`{name}`")).join("<br>");
        let cells = [names, default(setting), takes(setting), setting.help.to_owned()];
        let _ = writeln!(text, "| {} |", cells.map(|cell| cell.replace('|', "\\|")).join(" | "));
    }
    text
}

/// What is in force when nobody says anything.
fn default(setting: &Setting) -> String {
    match setting.name {
        // Machines differ.
        "threads" => "as many as cores".to_owned(),
        _ => format!("`{}`", (setting.get)(&Settings::default())),
    }
}

/// What it takes: its unit or its words, and its limits.
fn takes(setting: &Setting) -> String {
    let name = setting.name;
    let unit = match setting.value_name {
        "SPAN" => "a span".to_owned(),
        "N" if name.contains("bytes") => "bytes".to_owned(),
        "N" if name.ends_with("_rate") => "a number per second".to_owned(),
        "N" => "a number".to_owned(),
        "FILE" => "a path".to_owned(),
        "TEXT" => "a text".to_owned(),
        _ => refusal(setting, "?").expect("it takes certain words"),
    };
    let off = Some("or `off`".to_owned()).filter(|_| (setting.set)(&mut Settings::default(), "off").is_ok());
    let most = [u32::MAX.to_string(), usize::MAX.to_string()];
    let probes = match setting.value_name {
        "SPAN" => &["0s", "1000000h"][..],
        "N" => &["0", "1", &most[0], &most[1]],
        _ => &[],
    };
    let mut limits: Vec<String> = probes.iter().filter_map(|probe| refusal(setting, probe)).collect();
    // A number that no 32 bits hold is no limit of the chat's.
    limits.retain(|limit| !limit.starts_with("a whole number"));
    limits.dedup();
    [Some(unit), off].into_iter().flatten().chain(limits).collect::<Vec<_>>().join(", ")
}

/// Why a value is not taken, shortened, if it is not.
fn refusal(setting: &Setting, value: &str) -> Option<String> {
    let mut settings = Settings::default();
    if let Err(expected) = (setting.set)(&mut settings, value) {
        return Some(expected);
    }
    let problem = settings.check().err()?;
    let (problem, _advice) = problem.split_once(": ").unwrap_or((&problem, ""));
    let (problem, _value) = problem.split_once(", not ").unwrap_or((problem, ""));
    let (what, must) = problem.split_once(" must ").unwrap_or(("", problem));
    let is_of_another = what != setting.name;
    Some(if is_of_another { format!("not below {what}") } else { must.replace("be ", "") })
}

#[test]
fn the_committed_configuration_is_the_generated_one() {
    let generated = document();
    if std::env::var_os(WRITE).is_some() {
        std::fs::write(COMMITTED, &generated).unwrap();
    }
    let is_same = std::fs::read_to_string(COMMITTED).is_ok_and(|committed| committed == generated);
    assert!(
        is_same,
        "docs/configuration.md is out of date: {WRITE}=1 cargo test -p chinwag-server configuration writes it"
    );
}
