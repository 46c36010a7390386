//! HTTP endpoints: MQTT over WebSocket at `/mqtt`, on HTTP/1.1 and HTTP/2, and whatever else a site answers.
//!
//! [`serve`] runs one connection whose bytes come from any [`Socket`]; listening, TLS and the count of connections are the caller's.
//! On HTTP/1.1 the WebSocket is given the socket itself, and nothing of HTTP is left behind; on HTTP/2 it is one stream of many
//! (RFC 8441) and costs a task and buffers more. A connection without requests ends by itself.
//!
//! Not here: what the site answers, and bodies of requests, which nobody has asked for yet.

mod body;
pub mod frame;
mod keeper;
mod outbox;
mod pulse;
mod stream;
mod upgrade;

pub use body::{Body, Live};
pub use stream::WebSocketStream;

use crate::Socket;
use crate::endpoint::WebSocketOptions;
use hyper::body::{Bytes, Incoming};
use hyper::header::{self, HeaderValue};
use hyper::http::request::Parts;
use hyper::service::service_fn;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper::{Request, Response, StatusCode, Version};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use std::convert::Infallible;
use std::future::ready;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use upgrade::Handshake;

/// How long a client may take for a request head where the site does not say.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a connection may stay without a new request, where the site does not say.
pub(crate) const IDLE_TIMEOUT: Duration = Duration::from_secs(120);

/// Longest request head, and what HTTP/1.1 buffers of a response.
const BUFFER: usize = 16 * 1024;

/// HTTP/2: streams at once on a connection, one per WebSocket.
const STREAMS: u32 = 128;

/// HTTP/2: what a client may send ahead on a stream and on a connection, and what is held of a stream's output.
const STREAM_WINDOW: u32 = 64 * 1024;
const CONNECTION_WINDOW: u32 = 256 * 1024;
const STREAM_OUTPUT: usize = 64 * 1024;

/// HTTP/2: silence after which the client is asked whether it is there, and how long it has to answer.
const PROBE_AFTER: Duration = Duration::from_secs(60);
const PROBE_TIMEOUT: Duration = Duration::from_secs(20);

/// What an endpoint answers. Called on the task of a connection: nothing here may block it.
pub trait Site: Send + Sync + 'static {
    /// A place for one more MQTT connection; dropping it gives it back.
    type Seat: Send + 'static;

    /// Options of WebSocket.
    fn options(&self) -> &WebSocketOptions;

    /// How long a client may take for a request head, the first one included.
    fn head_timeout(&self) -> Duration {
        HEAD_TIMEOUT
    }

    /// How long a connection may stay without a new request.
    fn idle_timeout(&self) -> Duration {
        IDLE_TIMEOUT
    }

    /// Whether there are WebSockets here.
    fn has_web_sockets(&self) -> bool {
        true
    }

    /// A place for the WebSocket that `request` asks for, if there is any.
    fn seat(&self, request: &Parts) -> Option<Self::Seat>;

    /// Runs MQTT over `stream` on a task of its own.
    fn web_socket<S: Socket>(&self, stream: WebSocketStream<S>, seat: Self::Seat);

    /// Answers a request for anything but a WebSocket.
    fn respond(&self, request: &Parts) -> impl Future<Output = Response<Body>> + Send {
        let _ = request;
        ready(text(StatusCode::NOT_FOUND, "there is nothing here; MQTT over WebSocket is at /mqtt\n"))
    }
}

/// A response of plain text.
pub fn text(status: StatusCode, body: &'static str) -> Response<Body> {
    let mut response = Response::new(Body::from(Bytes::from_static(body.as_bytes())));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

/// Serves one connection until it ends, or until `shutdown` is ready and the requests under way are answered. A WebSocket on HTTP/1.1
/// outlives this; one on HTTP/2 keeps the connection open.
pub async fn serve<S: Socket, T: Site>(socket: S, site: Arc<T>, shutdown: impl Future<Output = ()>) {
    let (visits, head_timeout, idle_timeout) = (Arc::new(Visits::default()), site.head_timeout(), site.idle_timeout());
    let service = {
        let visits = visits.clone();
        service_fn(move |request| on_request::<S, T>(request, site.clone(), visits.clone()))
    };
    let builder = builder(head_timeout);
    let mut connection = pin!(builder.serve_connection_with_upgrades(TokioIo::new(socket), service));
    let (mut shutdown, mut stopping) = (pin!(shutdown), false);
    let mut seen = 0;
    let mut patience = pin!(tokio::time::sleep(head_timeout));
    loop {
        tokio::select! {
            // Errors are the client's doing, and it has been told what can be told.
            _ = connection.as_mut() => return,
            () = shutdown.as_mut(), if !stopping => {
                stopping = true;
                connection.as_mut().graceful_shutdown();
            }
            () = patience.as_mut(), if !patience.is_elapsed() => match visits.since(&mut seen) {
                0 if visits.have_opened.load(Ordering::Relaxed) => connection.as_mut().graceful_shutdown(),
                0 => return,
                _ => patience.as_mut().reset(tokio::time::Instant::now() + idle_timeout),
            }
        }
    }
}

/// What a connection has seen.
#[derive(Default)]
struct Visits {
    requests: AtomicUsize,
    /// Whether a request became a WebSocket.
    have_opened: AtomicBool,
}

impl Visits {
    /// Requests since the last call.
    fn since(&self, seen: &mut usize) -> usize {
        let now = self.requests.load(Ordering::Relaxed);
        now - std::mem::replace(seen, now)
    }
}

fn builder(head_timeout: Duration) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(head_timeout).max_buf_size(BUFFER);
    builder
        .http2()
        .timer(TokioTimer::new())
        .enable_connect_protocol()
        .max_concurrent_streams(STREAMS)
        .max_header_list_size(BUFFER as u32)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buf_size(STREAM_OUTPUT)
        .keep_alive_interval(PROBE_AFTER)
        .keep_alive_timeout(PROBE_TIMEOUT);
    builder
}

async fn on_request<S: Socket, T: Site>(
    mut request: Request<Incoming>,
    site: Arc<T>,
    visits: Arc<Visits>,
) -> Result<Response<Body>, Infallible> {
    visits.requests.fetch_add(1, Ordering::Relaxed);
    let upgrade = hyper::upgrade::on(&mut request);
    let (request, _) = request.into_parts();
    let handshake = match site.has_web_sockets() {
        true => upgrade::answer(&request, site.options()),
        false => Handshake::Elsewhere,
    };
    Ok(match handshake {
        Handshake::Elsewhere => site.respond(&request).await,
        Handshake::Refused(refusal) => refusal.response(),
        Handshake::Accepted(response) => match site.seat(&request) {
            None => text(StatusCode::SERVICE_UNAVAILABLE, "there is no place for one more connection\n"),
            Some(seat) => {
                visits.have_opened.store(true, Ordering::Relaxed);
                tokio::spawn(hand_over::<S, T>(upgrade, request.version, site.clone(), seat));
                response
            }
        },
    })
}

/// Waits until the answer is out, then gives the stream to the site.
async fn hand_over<S: Socket, T: Site>(upgrade: OnUpgrade, version: Version, site: Arc<T>, seat: T::Seat) {
    let Ok(upgraded) = upgrade.await else { return };
    if version == Version::HTTP_2 {
        return site.web_socket(WebSocketStream::new(TokioIo::new(upgraded), Bytes::new()), seat);
    }
    match own_socket::<S>(upgraded) {
        Ok((socket, early)) => site.web_socket(WebSocketStream::new(socket, early), seat),
        Err(upgraded) => site.web_socket(WebSocketStream::new(TokioIo::new(upgraded), Bytes::new()), seat),
    }
}

/// The socket itself out of an upgraded HTTP/1.1 connection, and what has been read of it behind the request.
fn own_socket<S: Socket>(upgraded: Upgraded) -> Result<(S, Bytes), Upgraded> {
    let parts = auto::upgrade::downcast::<TokioIo<S>>(upgraded)?;
    Ok((parts.io.into_inner(), parts.read_buf))
}
