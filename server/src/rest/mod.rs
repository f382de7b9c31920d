//! REST beside the sockets (S3.19, S3.30): rooms, members, history, saying something, starting and stopping bots, files.
//!
//! A request is one frame of the native dialect, put to this thread's gateway by a [visit](visit): there are no rules here.

mod files;
mod openapi;
mod problem;
mod request;
mod route;
mod types;
mod visit;

use std::{net::SocketAddr, rc::Rc};

use hyper::{
    Request, StatusCode,
    body::Incoming,
    header::{ALLOW, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE},
};
use serde::{Serialize, de::DeserializeOwned};

use self::{
    files::Caller,
    problem::Problem,
    route::{Call, Found, Route},
    types::{Members, Messages, Rooms, Said, Told},
    visit::Visit,
};
use crate::{
    answer::{Answer, With as _, json},
    hub::Hub,
    opening,
};

pub(crate) use self::route::{has, is_under};

/// Answers a request whose path is one of these.
pub(crate) async fn answer(hub: &Rc<Hub>, peer: SocketAddr, request: Request<Incoming>) -> Answer {
    match route::find(request.method(), request.uri().path(), hub.shared.uploads.is_some()) {
        Found::Methods(methods) => {
            let status = StatusCode::METHOD_NOT_ALLOWED;
            let problem = Problem::new(status, "method_not_allowed", format!("Understood here: {methods}."));
            let methods = HeaderValue::from_str(&methods).expect("methods are plain ASCII");
            refuse(&problem).with(ALLOW, methods)
        }
        Found::Route(route, parameter) => {
            let served = serve(hub, peer, route, parameter, request).await;
            served.unwrap_or_else(|problem| refuse(&problem))
        }
    }
}

async fn serve(
    hub: &Rc<Hub>,
    peer: SocketAddr,
    route: &Route,
    parameter: Option<String>,
    request: Request<Incoming>,
) -> Result<Answer, Problem> {
    if route.call == Call::Describe {
        return Ok(json(StatusCode::OK, &openapi::document(hub.shared.uploads.is_some())));
    }
    if let Some(uploads) = &hub.shared.uploads {
        let (caller, name) = (Caller { hub, peer, uploads }, parameter.as_deref().unwrap_or_default());
        match route.call {
            Call::Upload => return caller.upload(name, request).await,
            Call::Download => return caller.download(name, request).await,
            _ => {}
        }
    }
    let settings = &hub.shared.settings;
    // Without a key no token is looked at.
    let token = opening::token(request.uri(), request.headers()).filter(|_| hub.shared.verifier.is_some());
    let is_named = token.is_some();
    let frame = request::frame(route.call, parameter, request, is_named, settings).await?;
    if hub.is_full() {
        return Err(Problem::full(settings.gateway.return_spread));
    }
    let text = Visit::new(Rc::clone(hub), peer, token).ask(frame).await?;
    let status = StatusCode::from_u16(route.status).expect("statuses of the table are such");
    Ok(match route.call {
        Call::Rooms => give::<Rooms>(status, &text),
        Call::Members => give::<Members>(status, &text),
        Call::Messages => give::<Messages>(status, &text),
        Call::Say | Call::Chat => give::<Said>(status, &text),
        Call::Start | Call::Stop => give::<Told>(status, &text),
        Call::Describe | Call::Upload | Call::Download => unreachable!("answered above"),
    })
}

/// An answer from the frame that holds it.
fn give<T: DeserializeOwned + Serialize>(status: StatusCode, frame: &[u8]) -> Answer {
    let fields: T = serde_json::from_slice(frame).expect("the gateway writes the frames of docs/protocol.md");
    json(status, &fields)
}

/// What is said, in JSON as everywhere here, to a request that is for no route.
pub(crate) fn refusal(status: StatusCode, code: &str, sentence: &str) -> Answer {
    refuse(&Problem::new(status, code, sentence))
}

fn refuse(problem: &Problem) -> Answer {
    let mut answer = json(problem.status(), problem);
    if let Some(seconds) = problem.retry_after_seconds() {
        answer = answer.with(RETRY_AFTER, HeaderValue::from(seconds));
    }
    if problem.status() == StatusCode::UNAUTHORIZED {
        answer = answer.with(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    answer
}
