//! Cross-origin requests: which are refused, and what a browser must read before it lets a page see an answer (the Fetch
//! standard's CORS protocol; S3.1).

use hyper::{
    HeaderMap,
    header::{
        ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
        ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, HeaderValue, ORIGIN, VARY,
    },
};

use crate::origin::Origins;

/// How long a browser may remember a preflight's answer, in seconds.
const REMEMBER_SECONDS: &str = "600";

/// The page's origin, if a page sent the request.
///
/// # Errors
/// The origin is not on the list.
pub(crate) fn origin(origins: &Origins, request: &HeaderMap) -> Result<Option<HeaderValue>, Foreign> {
    match request.get(ORIGIN) {
        Some(origin) if !origins.allow(origin) => Err(Foreign),
        origin => Ok(origin.cloned()),
    }
}

/// A page of an origin that is not on the list.
#[derive(Debug)]
pub(crate) struct Foreign;

/// Lets a page of this origin read an answer.
pub(crate) fn grant(answer: &mut HeaderMap, origin: Option<HeaderValue>) {
    // Also without an origin: caches must not give such an answer to a page.
    answer.append(VARY, HeaderValue::from_static("origin"));
    if let Some(origin) = origin {
        answer.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        answer.insert(
            ACCESS_CONTROL_EXPOSE_HEADERS,
            HeaderValue::from_static("content-disposition, retry-after"),
        );
    }
}

/// What the answer to a preflight says on top.
pub(crate) fn preflight(answer: &mut HeaderMap) {
    let allowed = [
        (ACCESS_CONTROL_ALLOW_METHODS, "GET, HEAD, POST"),
        (ACCESS_CONTROL_ALLOW_HEADERS, "authorization, content-type, idempotency-key"),
        (ACCESS_CONTROL_MAX_AGE, REMEMBER_SECONDS),
    ];
    for (name, value) in allowed {
        answer.insert(name, HeaderValue::from_static(value));
    }
}
