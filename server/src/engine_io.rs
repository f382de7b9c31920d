//! Whether a handshake is one that Engine.IO 4 knows, and of the one transport that is spoken; what is wrong with it is
//! said in that protocol's own words (S3.1, S3.10).

use hyper::{Method, Request};
use serde::Serialize;

use crate::opening::parameter;

/// What is wrong, as Engine.IO's clients know it: the body of an answer with status 400.
#[derive(Debug, Eq, PartialEq, Serialize)]
pub(crate) struct Fault {
    code: u8,
    message: &'static str,
}

const UNKNOWN_TRANSPORT: Fault = Fault { code: 0, message: "Transport unknown" };
const UNKNOWN_SESSION: Fault = Fault { code: 1, message: "Session ID unknown" };
const BAD_METHOD: Fault = Fault { code: 2, message: "Bad handshake method" };
const BAD_REQUEST: Fault = Fault { code: 3, message: "Bad request" };
const UNSUPPORTED_VERSION: Fault = Fault { code: 5, message: "Unsupported protocol version" };

/// Looks at a request for Engine.IO's path.
///
/// # Errors
/// The [`Fault`], if no WebSocket comes of it.
pub(crate) fn check<B>(request: &Request<B>, is_upgrade: bool) -> Result<(), Fault> {
    let uri = request.uri();
    if parameter(uri, "transport").as_deref() != Some("websocket") {
        return Err(UNKNOWN_TRANSPORT);
    }
    if parameter(uri, "sid").is_some() {
        // It would belong to a session of another transport.
        return Err(UNKNOWN_SESSION);
    }
    if request.method() != Method::GET {
        return Err(BAD_METHOD);
    }
    if !is_upgrade {
        return Err(BAD_REQUEST);
    }
    if parameter(uri, "EIO").as_deref() != Some("4") {
        return Err(UNSUPPORTED_VERSION);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_websockets_of_version_four_pass() {
        let check = |method: Method, query: &str, is_upgrade| {
            let request = Request::builder().method(method).uri(format!("/socket.io/?{query}"));
            check(&request.body(()).unwrap(), is_upgrade)
        };
        assert_eq!(check(Method::GET, "EIO=4&transport=websocket", true), Ok(()));
        assert_eq!(check(Method::GET, "transport=websocket&token=x&EIO=4", true), Ok(()));
        for (method, query, is_upgrade, fault) in [
            (Method::GET, "EIO=4&transport=polling", false, UNKNOWN_TRANSPORT),
            (Method::POST, "EIO=4&transport=polling&sid=x", false, UNKNOWN_TRANSPORT),
            (Method::GET, "EIO=4", true, UNKNOWN_TRANSPORT),
            (Method::GET, "EIO=4&transport=websocket&sid=x", true, UNKNOWN_SESSION),
            (Method::POST, "EIO=4&transport=websocket", false, BAD_METHOD),
            (Method::GET, "EIO=4&transport=websocket", false, BAD_REQUEST),
            (Method::GET, "EIO=3&transport=websocket", true, UNSUPPORTED_VERSION),
            (Method::GET, "transport=websocket", true, UNSUPPORTED_VERSION),
        ] {
            assert_eq!(check(method, query, is_upgrade), Err(fault), "{query}");
        }
    }
}
