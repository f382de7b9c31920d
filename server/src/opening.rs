//! What a handshake asks for: a dialect, by path or subprotocol, and whom the address names.

use chinwag_core::{
    UserName,
    dialect::{Dialect, Opening},
};
use hyper::{
    HeaderMap, Uri,
    header::{HeaderValue, SEC_WEBSOCKET_PROTOCOL},
};

/// What comes before a dialect's name in a WebSocket subprotocol.
const SUBPROTOCOL_PREFIX: &str = "chinwag.";

/// A handshake that can be granted.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Asked {
    pub(crate) opening: Opening,
    /// The subprotocol to name in the answer, if the dialect's was offered (RFC 6455 §4.2.2).
    pub(crate) subprotocol: Option<HeaderValue>,
}

/// Why a handshake cannot be granted.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Wrong {
    /// There is nothing at this path.
    Path,
    /// What its address lacks, in a sentence.
    Address(String),
}

/// Whether a path is one of a dialect, or `/`, where subprotocols choose.
pub(crate) fn is_chat(path: &str) -> bool {
    path == "/" || by_path(path).is_some()
}

/// Reads a handshake's address and subprotocols.
///
/// # Errors
/// [`Wrong`], for the client to read.
pub(crate) fn read(uri: &Uri, headers: &HeaderMap) -> Result<Asked, Wrong> {
    let offered = offered(headers);
    let dialect = match uri.path() {
        "/" => offered.first().copied().unwrap_or_default(),
        path => by_path(path).ok_or(Wrong::Path)?,
    };
    let user = match dialect {
        Dialect::Chat => None,
        Dialect::Lobby => Some(user(uri)?),
    };
    let subprotocol = offered.contains(&dialect).then(|| {
        let name = format!("{SUBPROTOCOL_PREFIX}{}", dialect.name());
        HeaderValue::from_str(&name).expect("names are plain ASCII")
    });
    Ok(Asked { opening: Opening { dialect, user, token: None }, subprotocol })
}

fn by_path(path: &str) -> Option<Dialect> {
    Dialect::from_name(path.strip_prefix('/')?)
}

/// The dialects that a client offers to speak, those it likes best first.
fn offered(headers: &HeaderMap) -> Vec<Dialect> {
    let lists = headers.get_all(SEC_WEBSOCKET_PROTOCOL).iter().filter_map(|list| list.to_str().ok());
    let names = lists.flat_map(|list| list.split(',')).map(str::trim);
    names.filter_map(|name| Dialect::from_name(name.strip_prefix(SUBPROTOCOL_PREFIX)?)).collect()
}

/// The user that the query names (S1.5).
fn user(uri: &Uri) -> Result<UserName, Wrong> {
    let query = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
    let name = query.into_iter().find(|(key, _)| key == "user").map(|(_, name)| name);
    let name =
        name.ok_or_else(|| Wrong::Address("Say who you are: add ?user=NAME to the address.".to_owned()))?;
    UserName::new(&name).map_err(|why| Wrong::Address(format!("The user name {why}.")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(uri: &'static str, offer: &'static str) -> Result<Asked, Wrong> {
        let mut headers = HeaderMap::new();
        if !offer.is_empty() {
            headers.insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(offer));
        }
        read(&Uri::from_static(uri), &headers)
    }

    fn dialect(uri: &'static str, offer: &'static str) -> (Dialect, Option<String>) {
        let Asked { opening, subprotocol } = asked(uri, offer).unwrap();
        (opening.dialect, subprotocol.map(|name| name.to_str().unwrap().to_owned()))
    }

    #[test]
    fn the_path_chooses_and_at_the_root_the_subprotocol() {
        assert_eq!(dialect("/", ""), (Dialect::Chat, None));
        assert_eq!(dialect("/chat?token=x", ""), (Dialect::Chat, None));
        assert_eq!(dialect("/lobby?user=ann", "mqtt"), (Dialect::Lobby, None));
        let lobby = || Some("chinwag.lobby".to_owned());
        assert_eq!(dialect("/?user=ann", "mqtt, chinwag.lobby,chinwag.chat"), (Dialect::Lobby, lobby()));
        assert_eq!(dialect("/lobby?user=ann", "chinwag.chat, chinwag.lobby"), (Dialect::Lobby, lobby()));
        assert_eq!(asked("/lobby/", ""), Err(Wrong::Path));
    }

    #[test]
    fn the_lobby_wants_a_name() {
        let name = |uri| asked(uri, "").map(|asked| asked.opening.user.unwrap().to_string());
        assert_eq!(name("/lobby?room=x&user=ann%2E1"), Ok("ann.1".to_owned()));
        let missing = "Say who you are: add ?user=NAME to the address.";
        assert_eq!(name("/lobby"), Err(Wrong::Address(missing.to_owned())));
        assert_eq!(name("/lobby?user="), Err(Wrong::Address("The user name is empty.".to_owned())));
        assert!(matches!(name("/lobby?user=a%20b"), Err(Wrong::Address(_))));
    }
}
