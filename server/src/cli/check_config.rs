//! `chat-server check-config`: says what a start would make of its settings, without one.

use std::fmt::Write as _;

use clap::{Arg, ArgAction, Command};
use serde_json::{Value, json};

use crate::{
    files,
    settings::{Loaded, Part, SECRET_VARIABLE, Setting, Settings, TABLE, memory},
};

/// The subcommand's name.
pub(super) const NAME: &str = "check-config";

/// Its own flag.
pub(super) const JSON: &str = "json";

const AFTER_HELP: &str = "\
Flags, environment and file are read as a start reads them, and so is the key of tokens. No port is bound, and no directory opened.

Exit codes: 0 if a server would start with these settings, whatever is warned of; 1 if this cannot be written; 2 for a mistake \
in the command line, the environment or the configuration.";

/// The subcommand's grammar, beside the settings.
pub(super) fn command() -> Command {
    Command::new(NAME)
        .about("Say what a start would make of its settings")
        .after_help(AFTER_HELP)
        .arg(Arg::new(JSON).long(JSON).action(ArgAction::SetTrue).help("Print a JSON object"))
}

/// Looks at the settings; the text to print.
///
/// # Errors
/// One line: the key cannot be used.
pub(super) fn run(loaded: &Loaded, as_object: bool) -> Result<String, String> {
    loaded.settings.identity.verifier()?;
    let (parts, warnings) = (memory(&loaded.settings), warnings(&loaded.settings, files::hard_limit()));
    Ok(if as_object {
        as_json(loaded, &parts, &warnings).to_string()
    } else {
        as_text(loaded, &parts, &warnings)
    })
}

/// What is better changed before people come.
fn warnings(settings: &Settings, files_max: Option<u64>) -> Vec<String> {
    let Settings { driver, identity, storage, gateway, .. } = settings;
    let mut warnings = Vec::new();
    if let Some(limit) = files_max
        && let Some(wanted) = files::wanted_above(limit, settings)
    {
        warnings.push(format!("{}: {wanted} are wanted, the limit is {limit}", files::TOO_FEW));
    }
    let public = driver.listen.iter().find(|address| !address.ip().is_loopback());
    if let Some(address) = public {
        if !identity.has_key() {
            warnings.push(format!(
                "whoever reaches {address} can be anybody, for there is no key: give token_secret_file, \
                 token_public_key_file or {SECRET_VARIABLE}"
            ));
        }
        if storage.data_dir.is_none() && storage.state_file.is_none() {
            warnings
                .push("everything is in memory only, and goes with the process: give data_dir".to_owned());
        }
    }
    let seconds = u64::from(gateway.connections_max.div_ceil(gateway.drain_rate));
    let by_default = gateway.connections_max == Settings::default().gateway.connections_max;
    if seconds > driver.drain_timeout.as_secs() && !by_default {
        warnings.push(format!(
            "a planned end lets drain_rate connections go per second and thread: connections_max of them take {seconds} s, \
             longer than drain_timeout"
        ));
    }
    warnings
}

/// A configuration file with remarks.
fn as_text(loaded: &Loaded, parts: &[Part], warnings: &[String]) -> String {
    let mut text = String::new();
    for setting in TABLE {
        let _ = writeln!(text, "{} # {}", loaded.settings.line(setting), loaded.source(setting.name));
    }
    if loaded.settings.identity.token_secret.is_some() {
        let _ = writeln!(text, "# {SECRET_VARIABLE} is given");
    }
    text += "\n# Buffers and texts take so much memory, at most, if every limit is used up at once. The tables that hold them,\n\
             # and what the kernel keeps for each socket, come on top.\n";
    for part in parts {
        let _ = writeln!(text, "# {:>10}  {}: {}", human(part.bytes()), part.what, product(part));
    }
    let _ = writeln!(text, "# {:>10}  together", human(total(parts)));
    for warning in warnings {
        let _ = write!(text, "\n# Warning: {warning}");
    }
    text.truncate(text.trim_end().len());
    text
}

fn as_json(loaded: &Loaded, parts: &[Part], warnings: &[String]) -> Value {
    let setting = |setting: &Setting| {
        let value = (setting.get)(&loaded.settings);
        json!({"name": setting.name, "value": value, "from": loaded.source(setting.name).to_string()})
    };
    let part = |part: &Part| json!({"what": part.what, "how": product(part), "bytes": part.bytes()});
    let settings: Vec<Value> = TABLE.iter().map(setting).collect();
    let lines: Vec<Value> = parts.iter().map(part).collect();
    json!({
        "settings": settings,
        "token_secret": loaded.settings.identity.token_secret.is_some(),
        "memory": {"bytes": total(parts), "parts": lines},
        "warnings": warnings,
    })
}

fn total(parts: &[Part]) -> u64 {
    parts.iter().map(Part::bytes).fold(0, u64::saturating_add)
}

fn product(part: &Part) -> String {
    part.factors.iter().map(|(count, name)| format!("{count} {name}")).collect::<Vec<_>>().join(" × ")
}

/// Bytes in the largest unit of which there is one.
fn human(bytes: u64) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    let unit = (bytes.max(1).ilog2() / 10) as usize;
    #[expect(clippy::cast_precision_loss, reason = "it is shown with one digit")]
    let count = bytes as f64 / 1024_f64.powi(i32::try_from(unit).expect("there are seven units"));
    format!("{count:.1} {}", units[unit])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TokenSecret;

    fn public() -> Settings {
        let mut settings = Settings::default();
        settings.driver.listen = vec!["0.0.0.0:80".parse().unwrap()];
        settings
    }

    #[test]
    fn what_is_as_it_was_made_is_not_warned_of() {
        assert_eq!(warnings(&Settings::default(), Some(1)), Vec::<String>::new());
    }

    #[test]
    fn files_must_do_for_the_connections_that_are_asked_for() {
        let mut settings = Settings::default();
        (settings.driver.threads, settings.gateway.connections_max) = (2, 4_000);
        assert_eq!(warnings(&settings, Some(10_000)), Vec::<String>::new());
        let warned = warnings(&settings, Some(8_000));
        assert!(warned[0].ends_with("8000 are wanted, the limit is 8000") && warned.len() == 1, "{warned:?}");
    }

    #[test]
    fn the_public_is_let_in_with_a_key() {
        let mut settings = public();
        let warned = warnings(&settings, None);
        assert!(warned[0].starts_with("whoever reaches 0.0.0.0:80 can be anybody"), "{warned:?}");
        assert!(warned[1].contains("in memory only") && warned.len() == 2, "{warned:?}");
        settings.identity.token_secret = Some(TokenSecret::new("0123456789abcdef0123456789abcdef"));
        settings.storage.data_dir = Some("data".into());
        assert_eq!(warnings(&settings, None), Vec::<String>::new());
    }

    #[test]
    fn a_planned_end_must_have_its_time() {
        let mut settings = Settings::default();
        settings.gateway.connections_max = 60_000;
        assert!(warnings(&settings, None)[0].contains("take 12 s, longer than drain_timeout"));
        settings.gateway.drain_rate = 6_000;
        assert_eq!(warnings(&settings, None), Vec::<String>::new());
    }

    #[test]
    fn bytes_are_shown_for_people() {
        assert_eq!([0, 1023, 1536, u64::MAX].map(human), ["0.0 B", "1023.0 B", "1.5 KiB", "16.0 EiB"]);
    }
}
