//! What is wrong with a request, in JSON and as a status of HTTP.

use std::time::Duration;

use chinwag_core::{Disconnect, Refusal};
use hyper::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The answer to a request that is refused.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub(crate) struct Problem {
    /// What is wrong.
    pub(crate) error: Details,
    #[serde(skip)]
    status: StatusCode,
}

/// What is wrong, as in an `error` frame.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub(crate) struct Details {
    /// For programs: an error code of the chat, or the name of a close.
    pub(crate) code: String,
    /// For people.
    pub(crate) message: String,
    /// The same may be accepted after so many milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) retry_after_ms: Option<u64>,
}

impl Problem {
    /// A problem that the gateway knows nothing of.
    pub(super) fn new(status: StatusCode, code: &str, message: impl Into<String>) -> Self {
        let error = Details { code: code.to_owned(), message: message.into(), retry_after_ms: None };
        Self { error, status }
    }

    /// What an `error` frame says.
    pub(super) fn refused(error: Details, return_spread: Duration) -> Self {
        let status = Refusal::from_code(&error.code).map_or(StatusCode::BAD_REQUEST, status);
        let problem = Self { error, status };
        // Nobody knows when there will be room.
        if status == StatusCode::SERVICE_UNAVAILABLE { problem.again_after(return_spread) } else { problem }
    }

    fn again_after(mut self, span: Duration) -> Self {
        self.error.retry_after_ms = u64::try_from(span.as_millis()).ok();
        self
    }

    /// The connection was closed before it was answered.
    pub(super) fn closed(reason: Disconnect, return_spread: Duration) -> Self {
        let (status, sentence) = match reason {
            Disconnect::BadToken | Disconnect::TokenExpired => {
                return Self::new(StatusCode::UNAUTHORIZED, reason.name(), "The token is not valid.");
            }
            Disconnect::RateLimited => (StatusCode::TOO_MANY_REQUESTS, "Too fast; try again later."),
            _ => (StatusCode::SERVICE_UNAVAILABLE, "The server could not answer; try again later."),
        };
        Self::new(status, reason.name(), sentence).again_after(return_spread)
    }

    /// There is no room for another connection.
    pub(super) fn full(return_spread: Duration) -> Self {
        Self::closed(Disconnect::Overloaded, return_spread)
    }

    /// The status to answer with.
    pub(crate) const fn status(&self) -> StatusCode {
        self.status
    }

    /// For `Retry-After`: whole seconds, one at least.
    pub(crate) fn retry_after_seconds(&self) -> Option<u64> {
        self.error.retry_after_ms.map(|millis| millis.div_ceil(1_000).max(1))
    }
}

/// The status that fits a refusal.
fn status(refusal: Refusal) -> StatusCode {
    use Refusal as R;
    match refusal {
        R::NotAttached | R::TokenRequired | R::BadToken | R::TokenExpired => StatusCode::UNAUTHORIZED,
        R::UserMismatch | R::NotMember | R::PermissionDenied | R::RoomsClosed => StatusCode::FORBIDDEN,
        R::UnknownRoom | R::NoBot => StatusCode::NOT_FOUND,
        R::RoomExists | R::StaleId | R::RoomFull | R::Replaced => StatusCode::CONFLICT,
        // As draft-ietf-httpapi-idempotency-key-header says.
        R::KeyReused => StatusCode::UNPROCESSABLE_ENTITY,
        R::FrameTooLarge | R::ContentTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        R::RateLimited => StatusCode::TOO_MANY_REQUESTS,
        R::Full | R::TooManySessions | R::TooManyRooms => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::BAD_REQUEST,
    }
}
