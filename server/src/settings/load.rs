//! Where settings come from: flags over environment over file over defaults.

use std::{
    collections::BTreeMap,
    fmt::{self, Write as _},
    fs,
    net::{Ipv4Addr, SocketAddr},
    path::Path,
};

use toml::de::{DeTable, DeValue};

use super::{
    SECRET_VARIABLE, Settings, TokenSecret,
    table::{Setting, TABLE},
};

/// The flag, and key in the file, that stands for `listen = "127.0.0.1:PORT"`.
pub(crate) const PORT: &str = "port";
/// The setting that it stands for.
const LISTEN: &str = "listen";
/// The environment variable for [`PORT`]: the one that hosting platforms set.
pub(crate) const PORT_VARIABLE: &str = "PORT";

/// Settings as they were given, not yet read.
pub(crate) struct Sources<'a> {
    /// Values of flags, by the setting's name.
    pub(crate) flags: Vec<(&'a str, String)>,
    /// The environment.
    pub(crate) environment: &'a dyn Fn(&str) -> Option<String>,
    /// The configuration file.
    pub(crate) file: Option<&'a Path>,
}

impl Sources<'_> {
    /// Reads them all, the strongest last.
    ///
    /// # Errors
    /// One line that says where the mistake is (file, line and key; variable; flag) and what to do.
    pub(crate) fn load(&self) -> Result<Loaded, String> {
        let mut loaded = Loaded::default();
        if let Some(path) = self.file {
            let file = path.display();
            let text = fs::read_to_string(path).map_err(|error| format!("cannot read {file}: {error}"))?;
            loaded.read_file(&text).map_err(|(line, problem)| format!("{file}:{line}: {problem}"))?;
        }
        loaded.read_environment(self.environment)?;
        loaded.read_flags(&self.flags)?;
        loaded.settings.check()?;
        Ok(loaded)
    }
}

/// Where a setting was given.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum Source {
    /// Nowhere.
    #[default]
    Default,
    /// In the configuration file.
    File,
    /// In the environment.
    Environment,
    /// On the command line.
    Flag,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Default => "default",
            Self::File => "file",
            Self::Environment => "environment",
            Self::Flag => "flag",
        })
    }
}

/// Settings, and where each of them was given.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Loaded {
    /// The settings.
    pub(crate) settings: Settings,
    /// By name, those that were given: by the strongest.
    given: BTreeMap<String, Source>,
}

impl Loaded {
    /// Where a setting was given.
    pub(crate) fn source(&self, name: &str) -> Source {
        self.given.get(name).copied().unwrap_or_default()
    }

    /// Reads a configuration file's text; the error holds the line.
    fn read_file(&mut self, text: &str) -> Result<(), (usize, String)> {
        let line_of = |offset: usize| text[..offset].matches('\n').count() + 1;
        let table = DeTable::parse(text).map_err(|error| {
            let line = error.span().map_or(1, |span| line_of(span.start));
            (line, error.message().lines().next().unwrap_or("not TOML").to_owned())
        })?;
        let table = table.into_inner();
        for (key, value) in &table {
            let wrong = |problem| (line_of(key.span().start), problem);
            let key = key.get_ref().as_ref();
            let other_address = key == PORT && table.contains_key(LISTEN);
            not_both(other_address, LISTEN, PORT).map_err(wrong)?;
            let value = plain(value.get_ref()).ok_or_else(|| {
                wrong(format!("{key} must be a number, a text, or for listen a list of texts"))
            })?;
            self.set(key, &value, Source::File).map_err(wrong)?;
        }
        Ok(())
    }

    fn read_environment(&mut self, variable: &dyn Fn(&str) -> Option<String>) -> Result<(), String> {
        let listen = Setting::named(LISTEN).expect("it is in the table").variable();
        not_both(variable(PORT_VARIABLE).is_some() && variable(&listen).is_some(), &listen, PORT_VARIABLE)?;
        self.settings.identity.token_secret = variable(SECRET_VARIABLE).map(TokenSecret::new);
        let names = TABLE.iter().map(|setting| (setting.name, setting.variable()));
        for (name, key) in names.chain([(PORT, PORT_VARIABLE.to_owned())]) {
            if let Some(value) = variable(&key) {
                self.set(name, &value, Source::Environment)
                    .map_err(|problem| format!("environment variable {key}: {problem}"))?;
            }
        }
        Ok(())
    }

    fn read_flags(&mut self, flags: &[(&str, String)]) -> Result<(), String> {
        for (name, value) in flags {
            self.set(name, value, Source::Flag)
                .map_err(|problem| format!("--{}: {problem}", name.replace('_', "-")))?;
        }
        Ok(())
    }

    /// Sets one setting from text.
    fn set(&mut self, name: &str, text: &str, source: Source) -> Result<(), String> {
        let setting = if name == PORT { LISTEN } else { name };
        self.settings.set(name, text)?;
        self.given.insert(setting.to_owned(), source);
        Ok(())
    }
}

impl Settings {
    /// Sets one setting from text.
    fn set(&mut self, name: &str, text: &str) -> Result<(), String> {
        if name == PORT {
            let port =
                text.parse().map_err(|_| format!("{PORT} must be a number up to 65535, not {text:?}"))?;
            self.driver.listen = vec![SocketAddr::from((Ipv4Addr::LOCALHOST, port))];
            return Ok(());
        }
        let setting = Setting::named(name).ok_or_else(|| {
            format!("there is no setting {name}: chat-server --print-config shows all of them")
        })?;
        (setting.set)(self, text).map_err(|expected| format!("{name} must be {expected}, not {text:?}"))
    }

    /// A setting as a line of a configuration file.
    pub(crate) fn line(&self, setting: &Setting) -> String {
        format!("{} = {}", setting.name, literal((setting.get)(self)))
    }

    /// The effective configuration as a file that can be fed back.
    pub(crate) fn to_toml(&self) -> String {
        let mut text = String::new();
        let mut heading = "";
        for setting in TABLE {
            if setting.heading != heading {
                heading = setting.heading;
                let gap = if text.is_empty() { "" } else { "\n" };
                writeln!(text, "{gap}# {heading}").expect("writing to a String");
            }
            writeln!(text, "{} # {}", self.line(setting), setting.help).expect("writing to a String");
        }
        text
    }
}

/// Two ways to say where to listen, at the same level, are one too many.
fn not_both(both: bool, listen: &str, port: &str) -> Result<(), String> {
    if both { Err(format!("give either {listen} or {port}, not both")) } else { Ok(()) }
}

/// A TOML value as the text that a flag would hold.
fn plain(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(number) if number.radix() == 10 => Some(number.as_str().to_owned()),
        DeValue::Array(items) => {
            let texts = items.iter().map(|item| item.get_ref().as_str()).collect::<Option<Vec<_>>>()?;
            Some(texts.join(","))
        }
        _ => None,
    }
}

/// The text of a flag as a TOML value.
fn literal(text: String) -> toml::Value {
    text.parse().map_or(toml::Value::String(text), toml::Value::Integer)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn with_file(text: &str) -> Result<Loaded, (usize, String)> {
        let mut loaded = Loaded::default();
        loaded.read_file(text).map(|()| loaded)
    }

    #[test]
    fn flags_beat_the_environment_which_beats_the_file() {
        let mut loaded = with_file("message_rate = 1\nmessage_burst = 2\ncontrol_rate = 3\n").unwrap();
        let variable = |name: &str| match name {
            "CHAT_MESSAGE_BURST" => Some("20".to_owned()),
            "CHAT_CONTROL_RATE" => Some("30".to_owned()),
            _ => None,
        };
        loaded.read_environment(&variable).unwrap();
        loaded.read_flags(&[("control_rate", "300".to_owned())]).unwrap();
        let sources = ["message_rate", "message_burst", "control_rate", "control_burst"]
            .map(|name| loaded.source(name));
        assert_eq!(sources, [Source::File, Source::Environment, Source::Flag, Source::Default]);
        let gateway = loaded.settings.gateway;
        assert_eq!((gateway.message_rate, gateway.message_burst, gateway.control_rate), (1, 20, 300));
        assert_eq!(gateway.control_burst, 40, "what nobody sets keeps its default");
    }

    #[test]
    fn a_port_is_short_for_an_address_on_loopback() {
        let mut loaded = with_file("listen = [\"0.0.0.0:80\", \"[::]:80\"]").unwrap();
        assert_eq!(loaded.settings.driver.listen.len(), 2);
        loaded.read_environment(&|name| (name == "PORT").then(|| "9000".to_owned())).unwrap();
        assert_eq!(loaded.source("listen"), Source::Environment);
        assert_eq!(loaded.settings.driver.listen, ["127.0.0.1:9000".parse().unwrap()]);
        assert_eq!(
            loaded.read_flags(&[("port", "70000".to_owned())]),
            Err("--port: port must be a number up to 65535, not \"70000\"".to_owned())
        );
        let (line, problem) = with_file("listen = \"127.0.0.1:1\"\nport = 2\n").unwrap_err();
        assert_eq!((line, problem.as_str()), (2, "give either listen or port, not both"));
        assert!(loaded.read_environment(&|_| Some("1".to_owned())).is_err(), "both variables");
    }

    #[test]
    fn a_mistake_in_the_file_is_named_by_line_and_key() {
        let wrong = |text| with_file(text).unwrap_err();
        let (line, problem) = wrong("# rates\n\nmesage_rate = 5\n");
        assert_eq!(line, 3);
        assert!(problem.starts_with("there is no setting mesage_rate"), "{problem}");
        let (line, problem) = wrong("message_burst = 5\nmessage_rate = 0\n");
        assert_eq!((line, problem.as_str()), (2, "message_rate must be above zero, not \"0\""));
        let (line, problem) = wrong("ping_interval = 25\n");
        assert_eq!(line, 1);
        assert!(problem.contains("ping_interval must be a whole number with a unit"), "{problem}");
        let (line, problem) = wrong("threads = 1\nnotsent_bytes = 0\n");
        assert_eq!((line, problem.as_str()), (2, "notsent_bytes must be above zero, not \"0\""));
        assert!(wrong("typing_ttl = \"9000h\"\n").1.starts_with("typing_ttl must be at most 366 days"));
        assert!(wrong("[gateway]\nmessage_rate = 1\n").1.starts_with("gateway must be"));
        assert_eq!(wrong("threads = 1\nthreads = 2\n").0, 2);
        assert_eq!(wrong("threads = 1\n= 2\n").0, 2);
    }

    #[test]
    fn settings_that_cannot_work_together_are_refused() {
        let sources = |flags| Sources { flags, environment: &|_| None, file: None };
        let problem = sources(vec![("frame_bytes_max", "2000".to_owned())]).load().unwrap_err();
        assert!(problem.starts_with("content_bytes_max must not be above frame_bytes_max"), "{problem}");
        let problem = sources(vec![("socket_frame_bytes_max", "65537".to_owned())]).load().unwrap_err();
        assert_eq!(problem, "socket_frame_bytes_max must be at most 65536, not 65537");
    }

    #[test]
    fn the_printed_configuration_can_be_fed_back() {
        let mut settings = Settings::default();
        settings.gateway.idle_timeout = Some(Duration::from_millis(1_500));
        settings.shard.room_members_max = Some(7);
        settings.driver.log = "warn,chinwag_server=\"debug\"".to_owned();
        settings.driver.listen.push("[::1]:0".parse().unwrap());
        assert_eq!(with_file(&settings.to_toml()).unwrap().settings, settings);
    }

    #[test]
    fn a_missing_file_is_one_line() {
        let file = Path::new("no/such/chat.toml");
        let problem = Sources { flags: vec![], environment: &|_| None, file: Some(file) }.load().unwrap_err();
        assert!(problem.starts_with("cannot read no/such/chat.toml: "), "{problem}");
    }
}
