//! HTTP endpoints of the server: what comes in over HTTP and becomes a connection, or is answered.

use crate::admin;
use crate::driver::Driver;
use crate::endpoint::WebSocketOptions;
use crate::entrance::{Entrance, Seat};
use crate::http::Body;
use crate::http::{self, Site, WebSocketStream};
use crate::listener::Listener;
use crate::tcp::{Preface, accept_tls, reset};
use crate::{Peer, Socket};
use arc_swap::ArcSwap;
use hyper::Response;
use hyper::http::request::Parts;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};

/// A bound HTTP endpoint.
pub(crate) struct Web {
    pub(crate) listener: TcpListener,
    pub(crate) preface: Preface,
    pub(crate) entrance: Arc<ArcSwap<Entrance>>,
    pub(crate) options: Arc<WebSocketOptions>,
}

/// What the endpoint answers one connection: MQTT over WebSocket, and what [`admin`] has.
struct MqttSite {
    entrance: Arc<ArcSwap<Entrance>>,
    options: Arc<WebSocketOptions>,
    peer: Peer,
    patience: Patience,
}

/// How long a connection may wait.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Patience {
    /// As usual.
    Usual,
    /// It has one of the last places, which others may need for a probe, too.
    Short,
}

/// Time for a request, and between two, on one of the last places.
const SHORT: Duration = Duration::from_secs(1);

impl Site for MqttSite {
    type Seat = Seat;

    fn options(&self) -> &WebSocketOptions {
        &self.options
    }

    /// What is to become an MQTT connection has no more time than one that is.
    fn head_timeout(&self) -> Duration {
        let limit = self.entrance.load().hub.broker.limits().connect_timeout;
        if self.patience == Patience::Short { SHORT.min(limit) } else { limit }
    }

    fn idle_timeout(&self) -> Duration {
        if self.patience == Patience::Short { SHORT } else { http::IDLE_TIMEOUT }
    }

    fn has_web_sockets(&self) -> bool {
        self.entrance.load().services.mqtt
    }

    fn seat(&self, _request: &Parts) -> Option<Seat> {
        self.entrance.load().seat(self.peer)
    }

    fn web_socket<S: Socket>(&self, stream: WebSocketStream<S>, seat: Seat) {
        let stream = stream.kept_by(seat.entrance().hub.clone(), self.options.ping_interval);
        tokio::spawn(Driver::new(stream, seat));
    }

    async fn respond(&self, request: &Parts) -> Response<Body> {
        let entrance = self.entrance.load_full();
        admin::respond(&entrance.hub, entrance.services, request).await
    }
}

impl Listener for Web {
    type Incoming = TcpStream;

    async fn accept(&mut self) -> io::Result<(TcpStream, Peer)> {
        self.listener.accept().await.map(|(stream, peer)| (stream, Peer::from(peer)))
    }

    fn seat(&self, entrance: &Arc<Entrance>, peer: Peer) -> Option<Seat> {
        entrance.visit(peer)
    }

    fn serve(&self, stream: TcpStream, seat: Seat) {
        let (entrance, options) = (self.entrance.clone(), self.options.clone());
        tokio::spawn(serve(self.preface.clone(), stream, seat, entrance, options));
    }

    fn refuse(&self, stream: TcpStream) {
        reset(&stream);
    }
}

/// The place is held until the connection is closed or has become a WebSocket, which takes one of its own.
async fn serve(
    preface: Preface,
    mut stream: TcpStream,
    mut seat: Seat,
    entrance: Arc<ArcSwap<Entrance>>,
    options: Arc<WebSocketOptions>,
) {
    let limit = seat.broker.limits().connect_timeout;
    let limit = if seat.is_reserve() { limit.min(SHORT) } else { limit };
    let handshake = async {
        preface.read_proxy_header(&mut stream, &mut seat).await?;
        Ok::<_, io::Error>(match &preface.tls {
            None => Incoming::Plain(stream),
            Some(acceptor) => Incoming::Tls(Box::new(accept_tls(acceptor, stream, &seat).await?)),
        })
    };
    let shaken = Box::pin(tokio::time::timeout(limit, handshake)).await;
    let patience = if seat.is_reserve() { Patience::Short } else { Patience::Usual };
    let site = Arc::new(MqttSite { entrance, options, peer: seat.peer, patience });
    match shaken {
        Ok(Ok(Incoming::Plain(stream))) => http::serve(stream, site, seat.dismissed()).await,
        Ok(Ok(Incoming::Tls(stream))) => http::serve(stream, site, seat.dismissed()).await,
        Ok(Err(error)) => seat.handshake_failed(&error),
        Err(_) => seat.handshake_timed_out(),
    }
}

/// A connection after its preface.
enum Incoming {
    Plain(TcpStream),
    Tls(Box<tokio_rustls::server::TlsStream<TcpStream>>),
}
