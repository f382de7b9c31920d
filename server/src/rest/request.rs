//! From a request of HTTP to the one frame that says the same.

use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::{HeaderMap, Request, StatusCode, Uri, body::Incoming, header::HeaderName, http::request::Parts};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use tokio::time::timeout;

use super::{
    problem::Problem,
    route::Call,
    types::{Chat, Say},
};
use crate::{Settings, opening};

/// Under one such key something is said once, however often it is sent (IETF draft-ietf-httpapi-idempotency-key-header).
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The frame. `parameter` stands in the path; `is_named` says that a token comes along, so that the address need not name
/// a user.
///
/// # Errors
/// Something is missing or not what it must be.
pub(super) async fn frame(
    call: Call,
    parameter: Option<String>,
    request: Request<Incoming>,
    is_named: bool,
    settings: &Settings,
) -> Result<Map<String, Value>, Problem> {
    let (head, body) = request.into_parts();
    let user = user(&head.uri, is_named)?;
    let Value::Object(mut frame) = command(call, parameter.unwrap_or_default(), body, settings).await? else {
        unreachable!("each is an object")
    };
    let fields = fields(call, &head)?.into_iter().chain([("user", user)]);
    frame.extend(fields.filter_map(|(name, value)| Some((name.to_owned(), value?))));
    Ok(frame)
}

/// What the path and the body say.
async fn command(call: Call, name: String, body: Incoming, settings: &Settings) -> Result<Value, Problem> {
    let bot = format!("bot:{name}");
    Ok(match call {
        Call::Rooms => json!({"type": "rooms"}),
        Call::Members => json!({"type": "members", "room": name}),
        Call::Messages => json!({"type": "history", "room": name}),
        Call::Say => {
            let mut frame = json!(read::<Say>(body, settings).await?);
            frame["type"] = json!("message");
            frame["room"] = json!(name);
            frame
        }
        Call::Chat => {
            let Chat { message } = read(body, settings).await?;
            json!({"type": "message", "room": bot, "content": message})
        }
        Call::Start => json!({"type": "start", "room": bot}),
        Call::Stop => json!({"type": "stop", "room": bot}),
        Call::Describe | Call::Upload | Call::Download => unreachable!("the gateway is not asked"),
    })
}

/// What the query and the headers say.
fn fields(call: Call, head: &Parts) -> Result<Vec<(&'static str, Option<Value>)>, Problem> {
    let number = |name: &str| number(&head.uri, name);
    let after = || opening::parameter(&head.uri, "after").map(|name| json!(name));
    Ok(match call {
        Call::Rooms | Call::Members => vec![("after", after()), ("limit", number("limit")?)],
        Call::Messages => vec![("before", number("before")?), ("limit", number("limit")?)],
        Call::Say | Call::Chat => vec![("key", key(&head.headers)?)],
        Call::Start | Call::Stop | Call::Describe | Call::Upload | Call::Download => Vec::new(),
    })
}

/// Whom the address names; it must, unless a token does.
pub(super) fn user(uri: &Uri, is_named: bool) -> Result<Option<Value>, Problem> {
    let user = opening::parameter(uri, "user").map(|user| json!(user));
    if user.is_none() && !is_named {
        let sentence = "Say who you are: send Authorization: Bearer TOKEN, or add ?user=NAME in open mode.";
        return Err(Problem::new(StatusCode::UNAUTHORIZED, "not_attached", sentence));
    }
    Ok(user)
}

/// Reads a body; it must come as fast as a head.
async fn read<T: DeserializeOwned>(body: Incoming, settings: &Settings) -> Result<T, Problem> {
    let bytes_max = settings.gateway.frame_bytes_max;
    let body = timeout(settings.driver.header_timeout, Limited::new(body, bytes_max).collect()).await;
    let slow = |_| Problem::new(StatusCode::REQUEST_TIMEOUT, "timeout", "The body did not come in time.");
    let bytes = body.map_err(slow)?.map_err(|error| {
        if error.is::<LengthLimitError>() {
            let sentence = format!("The body is larger than {bytes_max} bytes.");
            return Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "frame_too_large", sentence);
        }
        Problem::new(StatusCode::BAD_REQUEST, "bad_json", "The body could not be read.")
    })?;
    let bytes = bytes.to_bytes();
    // Serde would take an array for the fields in order.
    if bytes.trim_ascii_start().starts_with(b"[") {
        return Err(Problem::new(StatusCode::BAD_REQUEST, "bad_frame", "The body is not an object."));
    }
    serde_json::from_slice(&bytes).map_err(|error| {
        let code = if error.is_data() { "bad_frame" } else { "bad_json" };
        Problem::new(StatusCode::BAD_REQUEST, code, format!("The body is not what it must be: {error}."))
    })
}

fn number(uri: &Uri, name: &str) -> Result<Option<Value>, Problem> {
    let Some(text) = opening::parameter(uri, name) else { return Ok(None) };
    let number: u64 = text.parse().map_err(|_| {
        Problem::new(StatusCode::BAD_REQUEST, "bad_frame", format!("{name} must be a whole number."))
    })?;
    Ok(Some(json!(number)))
}

/// The key of the header, which may stand in quotes.
fn key(headers: &HeaderMap) -> Result<Option<Value>, Problem> {
    let Some(key) = headers.get(IDEMPOTENCY_KEY) else { return Ok(None) };
    let wrong =
        |_| Problem::new(StatusCode::BAD_REQUEST, "bad_frame", "The Idempotency-Key is not plain text.");
    Ok(Some(json!(key.to_str().map_err(wrong)?.trim_matches('"'))))
}
