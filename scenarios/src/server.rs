//! `[server]`: limits of the server that is started for the run, in real or virtual time.

use std::{collections::BTreeMap, fmt, time::Duration};

use chinwag_core::config::{GatewayConfig, ShardConfig};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Map, Value, json};

use crate::{duration, error::unknown};

/// A limit's value: a number, or a text that is a span or a word.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(untagged)]
pub(crate) enum Setting {
    /// How many, or how large.
    Number(u32),
    /// A span as in `"30s"`, or a word as in `"error"`.
    Text(String),
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Text(text) => f.write_str(text),
        }
    }
}

/// Limits of the server that is started for the run: `chat-server`'s, by the names that they have in its configuration.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Server {
    /// What differs from the defaults, by name.
    given: BTreeMap<String, Setting>,
    /// The limits of its gateways.
    pub gateway: GatewayConfig,
    /// The limits of its shards.
    pub shard: ShardConfig,
}

impl Server {
    /// The defaults, but for these.
    ///
    /// # Errors
    /// The key that is wrong, and why.
    pub(crate) fn new(given: BTreeMap<String, Setting>) -> Result<Self, (String, String)> {
        let mut server = Self::default();
        for (key, setting) in &given {
            server.set(key, setting).map_err(|why| (key.clone(), why))?;
        }
        server.given = given;
        Ok(server)
    }

    /// Whether nothing differs from the defaults.
    #[must_use]
    pub fn is_default(&self) -> bool {
        self.given.is_empty()
    }

    /// What differs, as `chat-server`'s flags.
    pub fn flags(&self) -> impl Iterator<Item = String> {
        self.given.iter().map(|(key, setting)| format!("--{}={setting}", key.replace('_', "-")))
    }

    /// The same on a machine with these environment variables, which `chat-server` reads: what a file says is stronger.
    ///
    /// # Errors
    /// One line that names the variable, and why it is wrong.
    pub fn with_environment(&self, variable: impl Fn(&str) -> Option<String>) -> Result<Self, String> {
        let mut server = Self::default();
        let keys: Vec<_> = table(&server.gateway).into_iter().chain(table(&server.shard)).collect();
        for (key, default) in keys.into_iter().filter(|(_, default)| !default.is_array()) {
            let name = format!("CHAT_{}", key.to_uppercase());
            let Some(text) = variable(&name) else { continue };
            let setting = match (default, text.parse()) {
                (_, Ok(number)) => Setting::Number(number),
                _ => Setting::Text(text),
            };
            server.set(&key, &setting).map_err(|why| format!("environment variable {name}: {why}"))?;
        }
        for (key, setting) in &self.given {
            server.set(key, setting)?;
        }
        server.given.clone_from(&self.given);
        Ok(server)
    }

    fn set(&mut self, key: &str, setting: &Setting) -> Result<(), String> {
        if let Some(gateway) = changed(&self.gateway, key, setting) {
            self.gateway = gateway?;
            return self.gateway.check().map_err(|limit| format!("must be {}", limit.must_be));
        }
        if let Some(shard) = changed(&self.shard, key, setting) {
            self.shard = shard?;
            return self.shard.check().map_err(|limit| format!("must be {}", limit.must_be));
        }
        let known: Vec<_> = table(&self.gateway).into_iter().chain(table(&self.shard)).collect();
        let known: Vec<_> = known.iter().map(|(name, _)| name.as_str()).collect();
        Err(unknown("limit of a server", key, &known))
    }
}

/// A configuration as names and values.
fn table(config: &impl serde::Serialize) -> Map<String, Value> {
    match serde_json::to_value(config) {
        Ok(Value::Object(table)) => table,
        _ => Map::new(),
    }
}

/// A configuration with another value for a key, if it has that key.
fn changed<T: DeserializeOwned + serde::Serialize>(
    config: &T,
    key: &str,
    setting: &Setting,
) -> Option<Result<T, String>> {
    let mut table = table(config);
    let place = table.get_mut(key)?;
    *place = match value(place, setting) {
        Ok(value) => value,
        Err(why) => return Some(Err(why)),
    };
    let changed = serde_json::from_value(Value::Object(table));
    Some(changed.map_err(|_| format!("cannot be {setting}")))
}

/// A setting in the shape of what stands there.
fn value(default: &Value, setting: &Setting) -> Result<Value, String> {
    match (default, setting) {
        (Value::Array(_), _) => Err("cannot be set here".into()),
        (_, Setting::Number(number)) => Ok(json!(number)),
        (Value::String(_), Setting::Text(text)) => Ok(json!(text)),
        (Value::Bool(_), Setting::Text(text)) => Ok(json!(text == "true")),
        (_, Setting::Text(text)) => {
            let span: Duration = duration::parse(text).map_err(|error| error.to_string())?;
            Ok(json!({ "secs": span.as_secs(), "nanos": span.subsec_nanos() }))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(text: &str) -> Result<Server, (String, String)> {
        Server::new(toml::from_str(text).unwrap())
    }

    #[test]
    fn numbers_spans_and_words_are_set_and_become_flags() {
        let server = server("message_rate = 2\nresume_window = \"1m\"\nrate_action = \"error\"").unwrap();
        assert_eq!((server.gateway.message_rate, server.gateway.message_burst), (2, 10));
        assert_eq!(server.shard.resume_window, Duration::from_secs(60));
        assert_eq!(server.gateway.rate_action, chinwag_core::limiter::Action::Error);
        let flags: Vec<_> = server.flags().collect();
        assert_eq!(flags, ["--message-rate=2", "--rate-action=error", "--resume-window=1m"]);
        assert!(!server.is_default() && Server::default().is_default());
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, key, why) in [
            ("mesage_rate = 2", "mesage_rate", "message_rate"),
            ("message_rate = 0", "message_rate", "above zero"),
            ("resume_window = 5", "resume_window", "cannot be 5"),
            ("resume_window = \"5 moons\"", "resume_window", "is no duration"),
            ("rate_action = \"laugh\"", "rate_action", "cannot be laugh"),
            ("message_quotas = \"1/s\"", "message_quotas", "cannot be set here"),
        ] {
            let (wrong, words) = server(text).unwrap_err();
            assert!(wrong == key && words.contains(why), "{text}: {wrong}: {words}");
        }
    }

    #[test]
    fn what_a_file_says_is_stronger_than_the_environment() {
        let variable = |name: &str| match name {
            "CHAT_MESSAGE_RATE" | "CHAT_MESSAGE_BURST" => Some("7".to_owned()),
            _ => None,
        };
        let server = server("message_rate = 2").unwrap().with_environment(variable).unwrap();
        assert_eq!((server.gateway.message_rate, server.gateway.message_burst), (2, 7));
        let wrong = |name: &str| (name == "CHAT_MESSAGE_RATE").then(|| "x".to_owned());
        let line = Server::default().with_environment(wrong).unwrap_err();
        assert!(line.starts_with("environment variable CHAT_MESSAGE_RATE: "), "{line}");
    }
}
