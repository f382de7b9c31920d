//! The HTTP side of a socket: a few routes, and the handshake that turns it into a WebSocket.

use std::{cell::Cell, convert::Infallible, net::SocketAddr, pin::pin, rc::Rc, sync::atomic::Ordering};

use chinwag_core::dialect::{Dialect, Opening};
use hyper::{
    Method, Request, Response, StatusCode,
    body::Incoming,
    header::{
        ALLOW, CONTENT_TYPE, HeaderValue, REFERRER_POLICY, RETRY_AFTER, SEC_WEBSOCKET_PROTOCOL,
        SEC_WEBSOCKET_VERSION, UPGRADE, X_CONTENT_TYPE_OPTIONS,
    },
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::TcpStream,
    sync::Notify,
    task::spawn_local,
    time::{Instant, sleep_until},
};
use tokio_tungstenite::tungstenite::{
    Error, error::ProtocolError, handshake::server::create_response_with_body,
};
use tracing::debug;

use crate::{
    answer::{Answer, TakeBy, With as _, body, json, text},
    connection::Connection,
    cors::{self, Foreign},
    engine_io,
    hub::Hub,
    metrics,
    opening::{self, Asked, Wrong},
    page, rest,
    server::Shared,
};

/// Where operators and their programs read how the server fares.
const METRICS: &str = "/metrics";

/// Hyper's buffers per socket, in bytes; they are gone once it is a WebSocket.
pub(crate) const BUFFER_BYTES_MAX: usize = 16 * 1024;

/// Serves HTTP on a socket until it ends or becomes a WebSocket, which then is a task of its own: a much smaller one.
pub(crate) async fn serve(hub: Rc<Hub>, tcp: TcpStream, peer: SocketAddr) {
    let counted = Counted::new(Rc::clone(&hub));
    let asked = Cell::new(None);
    let deadline = Deadline::default();
    let service = service_fn(|request| async {
        // It was for the answer before.
        deadline.set(None);
        let answer = secured(answer(&hub, peer, request, &asked).await);
        deadline.set(answer.extensions().get().map(|&TakeBy(at)| at));
        Ok::<_, Infallible>(answer)
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(hub.shared.settings.driver.header_timeout)
        .max_buf_size(BUFFER_BYTES_MAX)
        .serve_connection(TokioIo::new(tcp), service)
        .without_shutdown();
    let served = tokio::select! {
        served = pin!(served) => served,
        () = deadline.passed() => return debug!(%peer, "too slow for what it asked for"),
    };
    drop(counted);
    match (served, asked.take()) {
        (Ok(parts), Some(opening)) => {
            let slot = hub.connected(peer, opening);
            let tcp = parts.io.into_inner();
            spawn_local(Connection::new(Rc::clone(&hub), slot, tcp, &parts.read_buf).run());
        }
        (Ok(_), None) => {}
        (Err(error), _) => debug!(%peer, %error, "no HTTP"),
    }
}

/// Until when the last answer must have been taken: Hyper itself waits for ever.
#[derive(Default)]
struct Deadline {
    at: Cell<Option<Instant>>,
    changed: Notify,
}

impl Deadline {
    fn set(&self, at: Option<Instant>) {
        if self.at.replace(at) != at {
            self.changed.notify_one();
        }
    }

    async fn passed(&self) {
        loop {
            let Some(at) = self.at.get() else {
                self.changed.notified().await;
                continue;
            };
            tokio::select! {
                () = sleep_until(at) => return,
                () = self.changed.notified() => {}
            }
        }
    }
}

/// Counts a socket while it speaks HTTP.
struct Counted(Rc<Hub>);

impl Counted {
    fn new(hub: Rc<Hub>) -> Self {
        hub.http_connections.set(hub.http_connections.get() + 1);
        Self(hub)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.http_connections.set(self.0.http_connections.get() - 1);
    }
}

/// An answer that is taken for nothing else than it says, and whose address, which may hold a token, is told to nobody.
fn secured(answer: Answer) -> Answer {
    answer
        .with(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"))
        .with(REFERRER_POLICY, HeaderValue::from_static("no-referrer"))
}

/// Answers one request. The query is not looked at and not logged: it may hold a token.
async fn answer(
    hub: &Rc<Hub>,
    peer: SocketAddr,
    request: Request<Incoming>,
    asked: &Cell<Option<Opening>>,
) -> Answer {
    let origins = &hub.shared.settings.identity.origins;
    let origin = match cors::origin(origins, request.headers()) {
        Ok(origin) => origin,
        Err(Foreign) => {
            let sentence = "Pages of this origin may not talk to this server.";
            return refuse(request.uri().path(), StatusCode::FORBIDDEN, "foreign_origin", sentence);
        }
    };
    // What is for operators is for pages of this server, unless the operator has named another.
    let is_private = request.uri().path() == METRICS;
    let origin = origin.filter(|origin| !is_private || origins.name(origin));
    let mut answer = if request.method() == Method::OPTIONS {
        preflight()
    } else {
        route(hub, peer, request, asked).await
    };
    cors::grant(answer.headers_mut(), origin);
    answer
}

/// What a browser asks before it sends what a page could not have sent by itself.
fn preflight() -> Answer {
    let mut answer = Response::new(body(""));
    *answer.status_mut() = StatusCode::NO_CONTENT;
    cors::preflight(answer.headers_mut());
    answer
}

async fn route(
    hub: &Rc<Hub>,
    peer: SocketAddr,
    request: Request<Incoming>,
    asked: &Cell<Option<Opening>>,
) -> Answer {
    let shared = &hub.shared;
    if let Some(answer) =
        page::answer(&request, shared.uploads.as_deref().map(|uploads| uploads.config.file_bytes_max))
    {
        return answer;
    }
    let path = request.uri().path();
    if rest::has(path, shared.uploads.is_some()) {
        return rest::answer(hub, peer, request).await;
    }
    if !matches!(path, "/healthz" | "/readyz" | METRICS) && !opening::is_chat(path) {
        let sentence = "There is nothing here; the chat is at /chat.";
        return refuse(path, StatusCode::NOT_FOUND, "not_found", sentence);
    }
    if path == Dialect::SocketIo.path()
        && let Err(fault) = engine_io::check(&request, request.headers().contains_key(UPGRADE))
    {
        return json(StatusCode::BAD_REQUEST, &fault);
    }
    if request.method() != Method::GET && request.method() != Method::HEAD {
        let allowed = HeaderValue::from_static("GET, HEAD");
        return text(StatusCode::METHOD_NOT_ALLOWED, "Only GET is understood here.").with(ALLOW, allowed);
    }
    match path {
        "/healthz" => text(StatusCode::OK, "ok"),
        "/readyz" if shared.draining.load(Ordering::Relaxed) => going(shared, "The server is going down."),
        "/readyz" if shared.backlog.is_full() => going(shared, "The disk does not keep up."),
        "/readyz" => text(StatusCode::OK, "ok"),
        METRICS => {
            let content_type = HeaderValue::from_static(metrics::CONTENT_TYPE);
            text(StatusCode::OK, shared.metrics().await).with(CONTENT_TYPE, content_type)
        }
        _ => upgrade(hub, &request, asked),
    }
}

/// Says what is wrong with a request that no route has seen, as is usual where it asks.
fn refuse(path: &str, status: StatusCode, code: &str, sentence: &str) -> Answer {
    if rest::is_under(path) { rest::refusal(status, code, sentence) } else { text(status, sentence) }
}

/// The handshake (RFC 6455 §4.2). What it asks for is left in `asked` if it is granted.
fn upgrade(hub: &Hub, request: &Request<Incoming>, asked: &Cell<Option<Opening>>) -> Answer {
    let response = create_response_with_body(request, || body(""));
    let Asked { opening, subprotocol } =
        match opening::read(request.uri(), request.headers(), hub.shared.verifier.is_some()) {
            Ok(asked) => asked,
            Err(Wrong::Address(sentence)) if response.is_ok() => {
                return text(StatusCode::BAD_REQUEST, sentence);
            }
            Err(_) => Asked { opening: Opening::default(), subprotocol: None },
        };
    match response {
        Ok(_) if hub.is_full() => going(&hub.shared, "No more connections at the moment; come back later."),
        Ok(response) => {
            asked.set(Some(opening));
            match subprotocol {
                Some(name) => response.with(SEC_WEBSOCKET_PROTOCOL, name),
                None => response,
            }
        }
        Err(Error::Protocol(
            ProtocolError::MissingConnectionUpgradeHeader | ProtocolError::MissingUpgradeWebSocketHeader,
        )) => upgrade_required("This is a WebSocket: connect with ws:// or wss://."),
        Err(Error::Protocol(ProtocolError::MissingSecWebSocketVersionHeader)) => {
            upgrade_required("Only version 13 of the WebSocket protocol is spoken here.")
        }
        Err(error) => text(StatusCode::BAD_REQUEST, error.to_string()),
    }
}

fn upgrade_required(sentence: &'static str) -> Answer {
    text(StatusCode::UPGRADE_REQUIRED, sentence)
        .with(UPGRADE, HeaderValue::from_static("websocket"))
        .with(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"))
}

/// 503 with the time to come back.
fn going(shared: &Shared, sentence: &'static str) -> Answer {
    let seconds = shared.settings.gateway.return_spread.as_secs().max(1);
    text(StatusCode::SERVICE_UNAVAILABLE, sentence).with(RETRY_AFTER, HeaderValue::from(seconds))
}
