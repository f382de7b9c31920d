//! Where the server is: a WebSocket address from the command line, resolved once.

use std::{
    fmt, io,
    net::{SocketAddr, ToSocketAddrs as _},
};

use tokio_tungstenite::tungstenite::http::Uri;

/// The path of the native dialect.
const NATIVE_PATH: &str = "/chat";

/// A server's address.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    /// Where to connect.
    pub(crate) address: SocketAddr,
    /// What to ask for, as `ws://host:port/path`.
    pub(crate) uri: Uri,
}

/// Why an address cannot be used.
#[derive(Debug)]
pub(crate) enum TargetError {
    /// It is not written as it must be.
    Malformed(String),
    /// TLS is not spoken.
    Tls,
    /// Its host is not known.
    Unknown(String, io::Error),
}

impl fmt::Display for TargetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(url) => {
                write!(f, "--url {url}: write it as ws://host:port or ws://host:port/path")
            }
            Self::Tls => f.write_str("--url: wss:// is not spoken here; use ws:// to the server itself"),
            Self::Unknown(url, error) => write!(f, "--url {url}: {error}"),
        }
    }
}

impl Target {
    /// Reads and resolves `ws://host[:port][/path]`; without a path, the native dialect's is taken.
    pub(crate) fn parse(url: &str) -> Result<Self, TargetError> {
        let malformed = || TargetError::Malformed(url.into());
        let uri: Uri = url.parse().map_err(|_| malformed())?;
        match uri.scheme_str() {
            Some("ws") => {}
            Some("wss") => return Err(TargetError::Tls),
            _ => return Err(malformed()),
        }
        let authority =
            uri.authority().filter(|authority| !authority.host().is_empty()).ok_or_else(malformed)?;
        let port = authority.port_u16().unwrap_or(80);
        let host = authority.host().trim_start_matches('[').trim_end_matches(']');
        let unknown = |error| TargetError::Unknown(url.into(), error);
        let mut addresses = (host, port).to_socket_addrs().map_err(unknown)?;
        let address = addresses.next().ok_or_else(|| unknown(io::ErrorKind::NotFound.into()))?;
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        let path = if path == "/" { NATIVE_PATH } else { path };
        let uri = format!("ws://{authority}{path}").parse().map_err(|_| malformed())?;
        Ok(Self { address, uri })
    }

    /// A server on this machine.
    pub(crate) fn local(address: SocketAddr) -> Self {
        let uri = format!("ws://{address}{NATIVE_PATH}").parse().expect("an address makes a URI");
        Self { address, uri }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_completed() {
        for (url, address, uri) in [
            ("ws://127.0.0.1:8080", "127.0.0.1:8080", "ws://127.0.0.1:8080/chat"),
            ("ws://127.0.0.1:8080/", "127.0.0.1:8080", "ws://127.0.0.1:8080/chat"),
            ("ws://127.0.0.1", "127.0.0.1:80", "ws://127.0.0.1/chat"),
            ("ws://[::1]:9/a?b=c", "[::1]:9", "ws://[::1]:9/a?b=c"),
        ] {
            let target = Target::parse(url).unwrap();
            assert_eq!(
                (target.address.to_string().as_str(), target.uri.to_string().as_str()),
                (address, uri)
            );
        }
    }

    #[test]
    fn mistakes_are_told_in_one_line() {
        for (url, words) in [
            ("127.0.0.1:8080", "write it as ws://"),
            ("http://x", "write it as ws://"),
            ("ws:///chat", "write it as ws://"),
            ("wss://127.0.0.1", "wss:// is not spoken"),
        ] {
            let line = Target::parse(url).unwrap_err().to_string();
            assert!(line.contains(words) && !line.contains('\n'), "{url}: {line}");
        }
    }
}
