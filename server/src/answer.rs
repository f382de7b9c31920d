//! Answers over HTTP: text, JSON, files, and headers in passing.

use bytes::Bytes;
use http_body_util::{Either, Full};
use hyper::{
    Response, StatusCode,
    header::{CONTENT_TYPE, HeaderName, HeaderValue},
};
use serde::Serialize;
use tokio::time::Instant;

use crate::uploads::Outgoing;

/// An answer.
pub(crate) type Answer = Response<Body>;

/// What is known as a whole, or a file that is read as it is taken.
pub(crate) type Body = Either<Full<Bytes>, Outgoing>;

/// An extension of answers: the connection ends if it has not been taken by then.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TakeBy(pub(crate) Instant);

/// A body that is known.
pub(crate) fn body(bytes: impl Into<Bytes>) -> Body {
    Either::Left(Full::new(bytes.into()))
}

/// One line of text.
pub(crate) fn text(status: StatusCode, line: impl Into<String>) -> Answer {
    let mut line = line.into();
    if !line.ends_with('\n') {
        line.push('\n');
    }
    whole(status, line, "text/plain; charset=utf-8")
}

/// A JSON value.
pub(crate) fn json(status: StatusCode, value: &impl Serialize) -> Answer {
    let text = serde_json::to_string(value).expect("no key is anything but text");
    whole(status, text, "application/json")
}

fn whole(status: StatusCode, body: String, content_type: &'static str) -> Answer {
    let mut answer = Response::new(self::body(body));
    *answer.status_mut() = status;
    answer.with(CONTENT_TYPE, HeaderValue::from_static(content_type))
}

/// Headers in passing.
pub(crate) trait With {
    /// With one more header, or another value for it.
    fn with(self, name: HeaderName, value: HeaderValue) -> Self;
}

impl With for Answer {
    fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers_mut().insert(name, value);
        self
    }
}
