//! HTTP for `--metrics`: one page, asked for while a run goes on.

use std::{
    convert::Infallible,
    io,
    net::{SocketAddr, TcpListener},
    sync::Arc,
    time::Duration,
};

use http_body_util::Full;
use hyper::{
    Method, Request, Response, StatusCode,
    body::{Bytes, Incoming},
    header::{ALLOW, CONTENT_TYPE, HeaderValue},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::TcpStream,
    task::JoinHandle,
    time::{sleep, timeout},
};

use crate::metrics::{self, Live};

/// Who asks is served within this or not at all: there is one at a time.
const PATIENCE: Duration = Duration::from_secs(5);
/// When no connection can be taken, as for want of files, it is tried again after this.
const PAUSE: Duration = Duration::from_millis(200);

/// Serves the page until it [ends](Self::end).
#[derive(Debug)]
pub(crate) struct Exporter(JoinHandle<()>);

/// Listens, but does not answer yet.
///
/// # Errors
/// One line that says why not.
pub(crate) fn bind(address: SocketAddr) -> Result<TcpListener, String> {
    let listen = || {
        let listener = TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        Ok(listener)
    };
    listen().map_err(|error: io::Error| {
        format!("--metrics {address}: cannot listen there: {error}: name another address or port")
    })
}

impl Exporter {
    /// Answers from now on, and says where.
    ///
    /// # Errors
    /// The socket is of no use.
    pub(crate) fn start(listener: TcpListener, live: Arc<Live>) -> io::Result<Self> {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        eprintln!("loadgen: metrics at http://{}/metrics", listener.local_addr()?);
        Ok(Self(tokio::spawn(async move {
            loop {
                match listener.accept().await {
                    Ok((stream, _)) => serve(stream, &live).await,
                    Err(_) => sleep(PAUSE).await,
                }
            }
        })))
    }

    /// Answers no more, and leaves the address to others.
    pub(crate) async fn end(self) {
        self.0.abort();
        // That it was aborted is what it ends with.
        let _ = self.0.await;
    }
}

/// Answers one request.
async fn serve(stream: TcpStream, live: &Live) {
    let service = service_fn(|request| async move { Ok::<_, Infallible>(answer(&request, live)) });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service);
    // Who goes away, dawdles or speaks something else is not answered.
    let _ = timeout(PATIENCE, served).await;
}

fn answer(request: &Request<Incoming>, live: &Live) -> Response<Full<Bytes>> {
    let with = |status, body: String, content_type| {
        let mut response = Response::new(Full::from(body));
        *response.status_mut() = status;
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        response
    };
    let line = |status, line: &str| with(status, format!("{line}\n"), "text/plain; charset=utf-8");
    if request.uri().path() != "/metrics" {
        return line(StatusCode::NOT_FOUND, "There is nothing here; the metrics are at /metrics.");
    }
    if request.method() != Method::GET && request.method() != Method::HEAD {
        let mut response = line(StatusCode::METHOD_NOT_ALLOWED, "Only GET is understood here.");
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return response;
    }
    with(StatusCode::OK, live.page(), metrics::CONTENT_TYPE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_is_taken_is_one_line_that_says_what_to_do() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let taken = listener.local_addr().unwrap();
        let line = bind(taken).unwrap_err();
        assert!(line.contains(&format!("--metrics {taken}")) && !line.contains('\n'), "{line}");
    }
}
