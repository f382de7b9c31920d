//! How a server is spoken to: protocol, headers and tokens, as the command line and the scenario name them.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use chinwag_core::UserName;
use chinwag_scenarios::{
    Deed, Filling, Plan, Protocol, ProtocolRooms, Scenario, Template, dialects, nearest,
};
use chinwag_server::Minter;
use clap::Args;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use tokio_tungstenite::tungstenite::{
    client::IntoClientRequest as _,
    handshake::client::Request,
    http::{HeaderName, HeaderValue, Uri, header::SEC_WEBSOCKET_PROTOCOL},
};

use crate::{target::Target, wire::Trust};

/// The native dialect, and its path.
pub(crate) const NATIVE: &str = "chat";
const NATIVE_PATH: &str = "/chat";
/// How long a minted token is good beyond the plan's end.
const TOKEN_RESERVE: Duration = Duration::from_secs(3_600);

/// How a server is to be spoken to.
#[derive(Args, Debug, Default)]
pub(crate) struct SpeechArgs {
    /// The dialect to speak: chat, or one of agents, envelope, lobby, socketio and raw, instead of what the scenario says
    #[arg(long, value_name = "NAME", env = "LOADGEN_DIALECT", conflicts_with = "protocol")]
    pub(crate) dialect: Option<String>,

    /// The protocol to speak: a TOML file with a [protocol], see docs/protocols.md
    #[arg(long, value_name = "FILE", env = "LOADGEN_PROTOCOL")]
    pub(crate) protocol: Option<PathBuf>,

    /// Of wss://: the authorities to believe, a PEM file, instead of those that the system knows
    #[arg(long, value_name = "FILE", env = "LOADGEN_CA")]
    pub(crate) ca: Option<PathBuf>,

    /// A header to send on connecting, as 'Name: value'; {user} and {token} may stand in it. May be repeated
    #[arg(long = "header", value_name = "HEADER")]
    pub(crate) headers: Vec<String>,

    /// A file of tokens, one a line: the first is the first bot's, and so on
    #[arg(long, value_name = "FILE", env = "LOADGEN_TOKENS", conflicts_with = "token_secret_file")]
    pub(crate) tokens: Option<PathBuf>,

    /// The key to make a token with for each bot, as `chat-server token --key-file` takes it
    #[arg(long, value_name = "FILE", env = "LOADGEN_TOKEN_SECRET_FILE")]
    pub(crate) token_secret_file: Option<PathBuf>,
}

/// How a server is spoken to.
#[derive(Debug, Default)]
pub(crate) struct Speech {
    /// `chat` if `None`.
    protocol: Option<Arc<Protocol>>,
    headers: Vec<(HeaderName, Template)>,
    /// By client, if there are any.
    tokens: Box<[Box<str>]>,
    /// Whom to believe, if connections are encrypted.
    trust: Option<Trust>,
}

impl SpeechArgs {
    /// The protocol that is named here, or else in the scenario; `None` is `chat`.
    ///
    /// # Errors
    /// One line: there is none of that name, or its file is wrong.
    pub(crate) fn protocol(&self, scenario: &Scenario) -> Result<Option<Protocol>, String> {
        if let Some(path) = &self.protocol {
            return Protocol::load(path).map(Some).map_err(|error| error.to_string());
        }
        match self.dialect.as_deref() {
            None => Ok(scenario.protocol.clone()),
            Some(NATIVE) => Ok(None),
            Some(name) => dialect(name).map(Some),
        }
    }

    /// Whether it says something that the scenario does not.
    pub(crate) const fn is_other(&self) -> bool {
        self.dialect.is_some() || self.protocol.is_some()
    }

    /// All of it, for the bots of a plan.
    ///
    /// # Errors
    /// One line that names what is wrong.
    pub(crate) fn speech(
        &self,
        scenario: &Scenario,
        plan: &Plan,
        target: Option<&Target>,
    ) -> Result<Speech, String> {
        let protocol = scenario.protocol.clone();
        if let Some(protocol) = &protocol {
            check(protocol, plan)?;
        }
        Ok(Speech {
            protocol: protocol.map(Arc::new),
            headers: self.headers.iter().map(|header| read_header(header)).collect::<Result<_, _>>()?,
            tokens: self.tokens(plan)?,
            trust: self.trust(target)?,
        })
    }

    fn trust(&self, target: Option<&Target>) -> Result<Option<Trust>, String> {
        if target.is_some_and(|target| target.is_tls) {
            return Trust::new(self.ca.as_deref()).map(Some);
        }
        match &self.ca {
            Some(_) => Err("--ca: nothing is encrypted: --url is no wss://".into()),
            None => Ok(None),
        }
    }

    fn tokens(&self, plan: &Plan) -> Result<Box<[Box<str>]>, String> {
        if let Some(path) = &self.tokens {
            let text = fs::read_to_string(path);
            let text = text.map_err(|error| format!("--tokens: cannot read {}: {error}", path.display()))?;
            return read_tokens(&text, plan.clients())
                .map_err(|why| format!("--tokens {}: {why}", path.display()));
        }
        let Some(path) = &self.token_secret_file else { return Ok(Box::default()) };
        mint_tokens(path, plan).map_err(|why| format!("--token-secret-file: {why}"))
    }
}

/// A dialect that comes with the program.
fn dialect(name: &str) -> Result<Protocol, String> {
    if let Some(file) = dialects().iter().find(|file| file.name == name) {
        return Ok(Protocol::parse(file.name, file.text).expect("what is shipped is sound"));
    }
    let known: Vec<_> = [NATIVE].into_iter().chain(dialects().iter().map(|file| file.name)).collect();
    let meant = nearest(name, known.iter().copied());
    let meant = meant.map_or_else(String::new, |meant| format!("did you mean `{meant}`? "));
    Err(format!("--dialect {name}: there is none of that name: {meant}known here: {}", known.join(", ")))
}

/// What a file says that holds a protocol and no scenario: its name, or what is wrong with it. `None` for any other file.
pub(crate) fn check_file(path: &Path) -> Option<Result<String, String>> {
    let text = fs::read_to_string(path).ok()?;
    let has = |table: &str| text.lines().any(|line| line.trim_start().starts_with(table));
    if has("[run") || !has("[protocol") {
        return None;
    }
    let protocol = Protocol::parse(&path.display().to_string(), &text);
    Some(protocol.map(|protocol| protocol.name).map_err(|error| error.to_string()))
}

/// Whether a plan can be carried out in a protocol.
fn check(protocol: &Protocol, plan: &Plan) -> Result<(), String> {
    let name = &protocol.name;
    let crowded = |client| plan.rooms_of(client).len() > 1;
    if protocol.rooms == ProtocolRooms::OneAtATime && (0..plan.clients()).any(crowded) {
        return Err(format!("protocol {name} has one room at a time, and the plan has clients in several"));
    }
    let says = |deed: Deed| match deed {
        Deed::Typing => protocol.typing.is_some(),
        Deed::Leave => protocol.leave.is_some(),
        Deed::History(_) => false,
        Deed::Join | Deed::Nonsense(_) => true,
    };
    match plan.deeds().iter().find(|planned| !says(planned.deed)) {
        Some(planned) => Err(format!(
            "protocol {name} does not say how this is done, which the plan wants: {:?}",
            planned.deed
        )),
        None => Ok(()),
    }
}

fn read_header(text: &str) -> Result<(HeaderName, Template), String> {
    let wrong = |why: &str| format!("--header {text:?}: {why}");
    let (name, value) = text.split_once(':').ok_or_else(|| wrong("write it as 'Name: value'"))?;
    let name = name.trim().parse().map_err(|_| wrong("this is no header's name"))?;
    let value = Template::of_greeting(value.trim()).map_err(|why| wrong(&why))?;
    // What is filled in later has been looked at by itself.
    HeaderValue::from_str(&value.fill(Filling::default())).map_err(|_| wrong("this is no header's value"))?;
    Ok((name, value))
}

fn read_tokens(text: &str, clients: u32) -> Result<Box<[Box<str>]>, String> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let tokens: Box<[Box<str>]> = lines.take(clients as usize).map(Box::from).collect();
    if tokens.len() < clients as usize {
        return Err(format!("{} tokens are too few for {clients} clients", tokens.len()));
    }
    // Where tokens go, these would end them.
    let is_sound = |token: &str| token.bytes().all(|b| b.is_ascii_graphic() && !matches!(b, b'"' | b'\\'));
    match tokens.iter().position(|token| !is_sound(token)) {
        Some(at) => Err(format!("token {} holds white space, a quote or a backslash", at + 1)),
        None => Ok(tokens),
    }
}

fn mint_tokens(path: &Path, plan: &Plan) -> Result<Box<[Box<str>]>, String> {
    let minter = Minter::from_file(path)?;
    let ttl = plan.stages().iter().map(|stage| stage.end).max().unwrap_or_default() + TOKEN_RESERVE;
    let mint = |client| {
        let user = UserName::new(&plan.user_name(client)).expect("plans make sound names");
        minter.mint(&user, ttl).map(Box::from)
    };
    (0..plan.clients()).map(mint).collect()
}

impl Speech {
    /// The protocol, unless it is `chat`.
    pub(crate) const fn protocol(&self) -> Option<&Arc<Protocol>> {
        self.protocol.as_ref()
    }

    /// Whom to believe, if connections are encrypted.
    pub(crate) const fn trust(&self) -> Option<&Trust> {
        self.trust.as_ref()
    }

    /// A client's token.
    pub(crate) fn token(&self, client: u32) -> Option<&str> {
        self.tokens.get(client as usize).map(|token| &**token)
    }

    /// What a client asks for on connecting.
    pub(crate) fn request(&self, target: &Target, user: &UserName, client: u32) -> Request {
        let filling = self.filling(user, client);
        self.request_at(target, &self.path(target, filling), filling)
    }

    /// What a client asks for on connecting for something else than the run, at this path: with the headers of all others.
    pub(crate) fn aside(&self, target: &Target, path: &str, user: &UserName, client: u32) -> Request {
        self.request_at(target, path, self.filling(user, client))
    }

    fn filling<'a>(&'a self, user: &'a UserName, client: u32) -> Filling<'a> {
        let token = self.token(client).unwrap_or_else(|| user.as_str());
        Filling { user: user.as_str(), token, ..Filling::default() }
    }

    fn request_at(&self, target: &Target, path: &str, filling: Filling<'_>) -> Request {
        let url = target.url(path);
        let uri: Uri = url.parse().expect("its parts were looked at before");
        let mut request = uri.into_client_request().expect("it has a host");
        if let Some(subprotocol) = self.protocol.as_ref().and_then(|protocol| protocol.subprotocol.as_deref())
            && let Ok(value) = HeaderValue::from_str(subprotocol)
        {
            request.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, value);
        }
        for (name, value) in &self.headers {
            let value = HeaderValue::from_str(&value.fill(filling)).expect("it was looked at before");
            request.headers_mut().append(name.clone(), value);
        }
        request
    }

    fn path(&self, target: &Target, filling: Filling<'_>) -> String {
        let quote = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        match (&target.path, &self.protocol) {
            (Some(path), _) => path.fill_quoted(filling, quote),
            (None, Some(protocol)) => protocol.path.fill_quoted(filling, quote),
            (None, None) => NATIVE_PATH.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests;
