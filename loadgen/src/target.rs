//! Where the server is: a WebSocket address from the command line, resolved once.

use std::{
    fmt, io,
    net::{SocketAddr, ToSocketAddrs as _},
};

use chinwag_scenarios::Template;
use tokio_tungstenite::tungstenite::http::Uri;

/// A server's address.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    /// Where to connect, one address at least: if one does not serve, the next may.
    pub(crate) addresses: Vec<SocketAddr>,
    /// Encrypted: `wss://`.
    pub(crate) is_tls: bool,
    /// As it stands in the URL: `host` or `host:port`.
    pub(crate) authority: String,
    /// What to ask for, if the URL says so; the protocol says so otherwise.
    pub(crate) path: Option<Template>,
}

/// Why an address cannot be used.
#[derive(Debug)]
pub(crate) enum TargetError {
    /// It is not written as it must be.
    Malformed(String),
    /// Its path is wrong.
    BadPath(String, String),
    /// Its host is not known.
    Unknown(String, io::Error),
}

impl fmt::Display for TargetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(url) => {
                write!(f, "--url {url}: write it as ws://host:port/path or wss://host:port/path")
            }
            Self::BadPath(url, why) => write!(f, "--url {url}: {why}"),
            Self::Unknown(url, error) => write!(f, "--url {url}: {error}"),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.url(""))
    }
}

impl Target {
    /// Reads and resolves `ws://host[:port][/path]`.
    pub(crate) fn parse(url: &str) -> Result<Self, TargetError> {
        let malformed = || TargetError::Malformed(url.into());
        let uri: Uri = url.parse().map_err(|_| malformed())?;
        let is_tls = match uri.scheme_str() {
            Some("ws") => false,
            Some("wss") => true,
            _ => return Err(malformed()),
        };
        let authority =
            uri.authority().filter(|authority| !authority.host().is_empty()).ok_or_else(malformed)?;
        let port = authority.port_u16().unwrap_or(if is_tls { 443 } else { 80 });
        let host = without_brackets(authority.host());
        let unknown = |error| TargetError::Unknown(url.into(), error);
        let addresses: Vec<_> = (host, port).to_socket_addrs().map_err(unknown)?.collect();
        if addresses.is_empty() {
            return Err(unknown(io::ErrorKind::NotFound.into()));
        }
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        let wrong = |why| TargetError::BadPath(url.into(), why);
        let path = (path != "/").then(|| Template::of_greeting(path)).transpose().map_err(wrong)?;
        Ok(Self { addresses, is_tls, authority: authority.to_string(), path })
    }

    /// The whole address.
    pub(crate) fn url(&self, path: &str) -> String {
        let scheme = if self.is_tls { "wss" } else { "ws" };
        format!("{scheme}://{}{path}", self.authority)
    }

    /// The server's name, as certificates have it.
    pub(crate) fn host(&self) -> &str {
        let host = match self.authority.rsplit_once(':') {
            Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => host,
            _ => &self.authority,
        };
        without_brackets(host)
    }

    /// A server on this machine.
    pub(crate) fn local(address: SocketAddr) -> Self {
        Self { addresses: vec![address], is_tls: false, authority: address.to_string(), path: None }
    }
}

/// An IPv6 address stands in brackets.
fn without_brackets(host: &str) -> &str {
    host.trim_start_matches('[').trim_end_matches(']')
}

#[cfg(test)]
mod tests {
    use chinwag_scenarios::Filling;

    use super::*;

    #[test]
    fn addresses_are_completed() {
        for (url, address, authority, path) in [
            ("ws://127.0.0.1:8080", "127.0.0.1:8080", "127.0.0.1:8080", None),
            ("ws://127.0.0.1:8080/", "127.0.0.1:8080", "127.0.0.1:8080", None),
            ("ws://127.0.0.1", "127.0.0.1:80", "127.0.0.1", None),
            ("ws://[::1]:9/a?b=c", "[::1]:9", "[::1]:9", Some("/a?b=c")),
            ("ws://[::1]:9/ws/{user}", "[::1]:9", "[::1]:9", Some("/ws/ann")),
            ("wss://127.0.0.1/x", "127.0.0.1:443", "127.0.0.1", Some("/x")),
        ] {
            let target = Target::parse(url).unwrap();
            let filling = Filling { user: "ann", ..Filling::default() };
            let asked = target.path.as_ref().map(|path| path.fill(filling));
            assert_eq!(
                (&*target.addresses[0].to_string(), &*target.authority, asked.as_deref()),
                (address, authority, path)
            );
        }
    }

    #[test]
    fn a_certificate_is_for_a_name_without_a_port() {
        for (url, host) in [
            ("wss://localhost:1", "localhost"),
            ("wss://127.0.0.1/", "127.0.0.1"),
            ("wss://[::1]:9", "::1"),
            ("wss://[::1]", "::1"),
        ] {
            let target = Target::parse(url).unwrap();
            assert_eq!((target.host(), target.is_tls), (host, true));
            assert_eq!(target.url("/x"), format!("{}/x", url.trim_end_matches('/')));
        }
    }

    #[test]
    fn mistakes_are_told_in_one_line() {
        for (url, words) in [
            ("127.0.0.1:8080", "write it as ws://"),
            ("http://x", "write it as ws://"),
            ("ws:///chat", "write it as ws://"),
            ("ws://127.0.0.1/{usr}", "did you mean {user}?"),
            ("wss:///chat", "write it as ws://"),
        ] {
            let line = Target::parse(url).unwrap_err().to_string();
            assert!(line.contains(words) && !line.contains('\n'), "{url}: {line}");
        }
    }
}
