//! What a handshake asks for: a dialect, by path or subprotocol or not yet, and who one is, by a name in the address or a token.

use std::borrow::Cow;

use chinwag_core::{
    UserName,
    dialect::{Dialect, Opening},
    identity::Token,
};
use hyper::{
    HeaderMap, Uri,
    header::{AUTHORIZATION, HeaderValue, SEC_WEBSOCKET_PROTOCOL},
};

/// What comes before a dialect's name in a WebSocket subprotocol.
const SUBPROTOCOL_PREFIX: &str = "chinwag.";
/// What comes before a token that is offered as if it were a subprotocol. It is never named in the answer.
const TOKEN_PREFIX: &str = "chinwag.token.";

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

/// Whether a path is one of a dialect, or `/`, where subprotocols choose, or else the first frame.
pub(crate) fn is_chat(path: &str) -> bool {
    path == "/" || Dialect::from_path(path).is_some()
}

/// Reads a handshake's address, subprotocols and authorization. Where tokens count, one of them names the user, too.
///
/// # Errors
/// [`Wrong`], for the client to read.
pub(crate) fn read(uri: &Uri, headers: &HeaderMap, tokens_count: bool) -> Result<Asked, Wrong> {
    let offered = offered(headers);
    let dialect = match uri.path() {
        "/" => offered.first().copied(),
        path => Some(Dialect::from_path(path).ok_or(Wrong::Path)?),
    };
    let token = token(uri, headers);
    let user = match (dialect, parameter(uri, "user")) {
        (Some(dialect), _) if !dialect.is_named_by_address() => None,
        // Of this one, a token says who; what is wrong with it is said with a close code (S2.13).
        (Some(Dialect::Envelope), _) => None,
        (_, Some(name)) => Some(user(&name)?),
        (None, None) => None,
        (Some(_), None) if tokens_count && token.is_some() => None,
        (Some(_), None) => return Err(nobody()),
    };
    let subprotocol = dialect.filter(|dialect| offered.contains(dialect)).map(|dialect| {
        let name = format!("{SUBPROTOCOL_PREFIX}{}", dialect.name());
        HeaderValue::from_str(&name).expect("names are plain ASCII")
    });
    Ok(Asked { opening: Opening { dialect, user, token, ..Opening::default() }, subprotocol })
}

/// The dialects that a client offers to speak, those it likes best first.
fn offered(headers: &HeaderMap) -> Vec<Dialect> {
    let names = subprotocols(headers);
    names.filter_map(|name| Dialect::from_name(name.strip_prefix(SUBPROTOCOL_PREFIX)?)).collect()
}

fn subprotocols(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let lists = headers.get_all(SEC_WEBSOCKET_PROTOCOL).iter().filter_map(|list| list.to_str().ok());
    lists.flat_map(|list| list.split(',')).map(str::trim)
}

/// The token that comes along: of `Authorization`, of a subprotocol, which is where a page can put one, or of the query
/// (S2.1).
pub(crate) fn token(uri: &Uri, headers: &HeaderMap) -> Option<Token> {
    let bearer = headers.get(AUTHORIZATION).and_then(|value| bearer(value.to_str().ok()?));
    let subprotocol = || subprotocols(headers).find_map(|name| name.strip_prefix(TOKEN_PREFIX));
    let token = bearer.or_else(subprotocol).map(Token::new);
    token.or_else(|| parameter(uri, "token").map(|token| Token::new(&token)))
}

/// What stands behind `Bearer` (RFC 6750 §2.1).
fn bearer(authorization: &str) -> Option<&str> {
    let (scheme, token) = authorization.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// A parameter of the query.
pub(crate) fn parameter<'a>(uri: &'a Uri, name: &str) -> Option<Cow<'a, str>> {
    let query = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
    query.into_iter().find(|(key, _)| key == name).map(|(_, value)| value)
}

/// The user that the query names (S1.5).
fn user(name: &str) -> Result<UserName, Wrong> {
    UserName::new(name).map_err(|why| Wrong::Address(format!("The user name {why}.")))
}

fn nobody() -> Wrong {
    Wrong::Address("Say who you are: add ?user=NAME to the address.".to_owned())
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderName;

    use super::*;

    fn asked(uri: &'static str, offer: &'static str) -> Result<Asked, Wrong> {
        let mut headers = HeaderMap::new();
        if !offer.is_empty() {
            headers.insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(offer));
        }
        read(&Uri::from_static(uri), &headers, false)
    }

    fn dialect(uri: &'static str, offer: &'static str) -> (Option<Dialect>, Option<String>) {
        let Asked { opening, subprotocol } = asked(uri, offer).unwrap();
        (opening.dialect, subprotocol.map(|name| name.to_str().unwrap().to_owned()))
    }

    #[test]
    fn the_path_chooses_and_at_the_root_the_subprotocol() {
        let lobby = || Some("chinwag.lobby".to_owned());
        assert_eq!(dialect("/", ""), (None, None), "the first frame chooses");
        assert_eq!(dialect("/", "mqtt"), (None, None));
        assert_eq!(dialect("/chat?token=x", ""), (Some(Dialect::Chat), None));
        assert_eq!(dialect("/lobby?user=ann", "mqtt"), (Some(Dialect::Lobby), None));
        assert_eq!(dialect("/ws", ""), (Some(Dialect::Agents), None));
        let offer = "mqtt, chinwag.lobby,chinwag.chat";
        assert_eq!(dialect("/?user=ann", offer), (Some(Dialect::Lobby), lobby()));
        let offer = "chinwag.chat, chinwag.lobby";
        assert_eq!(dialect("/lobby?user=ann", offer), (Some(Dialect::Lobby), lobby()));
        assert_eq!(asked("/lobby/", ""), Err(Wrong::Path));
        assert_eq!(dialect("/socket.io/?EIO=4&transport=websocket", ""), (Some(Dialect::SocketIo), None));
        assert_eq!(asked("/socketio", ""), Err(Wrong::Path));
    }

    #[test]
    fn the_lobby_wants_a_name() {
        let name = |uri| asked(uri, "").map(|asked| asked.opening.user.unwrap().to_string());
        assert_eq!(name("/?user=ann"), Ok("ann".to_owned()), "for whoever then types lines");
        assert_eq!(name("/lobby?room=x&user=ann%2E1"), Ok("ann.1".to_owned()));
        let missing = "Say who you are: add ?user=NAME to the address.";
        assert_eq!(name("/lobby"), Err(Wrong::Address(missing.to_owned())));
        assert_eq!(name("/lobby?user="), Err(Wrong::Address("The user name is empty.".to_owned())));
        assert!(matches!(name("/lobby?user=a%20b"), Err(Wrong::Address(_))));
    }

    #[test]
    fn an_envelope_wants_a_token_and_is_opened_without_one() {
        for uri in ["/api/ws", "/api/ws?user=ann", "/api/ws?token="] {
            assert_eq!(dialect(uri, ""), (Some(Dialect::Envelope), None));
            assert_eq!(asked(uri, "").unwrap().opening.user, None, "{uri}");
        }
        assert_eq!(asked("/api/ws?token=t", "").unwrap().opening.token, Some(Token::new("t")));
        assert_eq!(asked("/envelope", ""), Err(Wrong::Path));
    }

    #[test]
    fn a_token_may_stand_in_three_places() {
        let shown = |uri: &'static str, header: Option<(HeaderName, &'static str)>| {
            let header = header.map(|(name, value)| (name, HeaderValue::from_static(value)));
            token(&Uri::from_static(uri), &header.into_iter().collect())
                .map(|token| token.reveal().to_owned())
        };
        let some = |token: &str| Some(token.to_owned());
        assert_eq!(shown("/chat", None), None);
        assert_eq!(shown("/chat?user=ann&token=a.b%2Dc", None), some("a.b-c"));
        assert_eq!(shown("/chat?token=query", Some((AUTHORIZATION, "bearer  a.b.c"))), some("a.b.c"));
        assert_eq!(shown("/chat", Some((AUTHORIZATION, "Basic YTpi"))), None);
        let offer = "chinwag.chat, chinwag.token.a.b.c";
        assert_eq!(shown("/chat", Some((SEC_WEBSOCKET_PROTOCOL, offer))), some("a.b.c"));
        let asked = asked("/chat", offer).unwrap();
        assert_eq!(
            asked.subprotocol,
            Some(HeaderValue::from_static("chinwag.chat")),
            "and nothing of the token"
        );
    }

    #[test]
    fn a_token_names_the_user_where_tokens_count() {
        let read = |uri, tokens_count| read(&Uri::from_static(uri), &HeaderMap::new(), tokens_count);
        assert_eq!(read("/lobby?token=t", true).map(|asked| asked.opening.user), Ok(None));
        assert_eq!(read("/lobby?token=t", false), Err(nobody()));
        assert_eq!(read("/lobby", true), Err(nobody()));
        let named = read("/lobby?token=t&user=ann", true).unwrap().opening.user;
        assert_eq!(named, Some(UserName::new("ann").unwrap()), "the token must be hers, then");
    }
}
