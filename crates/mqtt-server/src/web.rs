//! HTTP endpoints of the server: what comes in over HTTP and becomes a connection.

use crate::Socket;
use crate::driver::Driver;
use crate::endpoint::WebSocketOptions;
use crate::entrance::{Entrance, Seat};
use crate::http::{self, Site, WebSocketStream};
use crate::listener::Listener;
use crate::tcp::{Preface, reset};
use arc_swap::ArcSwap;
use hyper::http::request::Parts;
use mqtt_core::Counter;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};

/// A bound HTTP endpoint.
pub(crate) struct Web {
    pub(crate) listener: TcpListener,
    pub(crate) preface: Preface,
    pub(crate) site: Arc<MqttSite>,
}

/// What the endpoint answers: MQTT over WebSocket.
pub(crate) struct MqttSite {
    pub(crate) entrance: Arc<ArcSwap<Entrance>>,
    pub(crate) options: WebSocketOptions,
}

impl Site for MqttSite {
    type Seat = Seat;

    fn options(&self) -> &WebSocketOptions {
        &self.options
    }

    /// What is to become an MQTT connection has no more time than one that is.
    fn head_timeout(&self) -> Duration {
        self.entrance.load().hub.broker.limits().connect_timeout
    }

    fn seat(&self, _request: &Parts) -> Option<Seat> {
        self.entrance.load().seat()
    }

    fn web_socket<S: Socket>(&self, stream: WebSocketStream<S>, seat: Seat) {
        let now = seat.clock.now();
        let stream = stream.kept_by(seat.entrance().hub.clone(), self.options.ping_interval);
        tokio::spawn(Driver::new(stream, seat, now));
    }
}

impl Listener for Web {
    type Incoming = TcpStream;

    async fn accept(&mut self) -> io::Result<TcpStream> {
        self.listener.accept().await.map(|(stream, _)| stream)
    }

    fn serve(&self, stream: TcpStream, seat: Seat) {
        tokio::spawn(serve(self.preface.clone(), stream, seat, self.site.clone()));
    }

    fn refuse(&self, stream: TcpStream) {
        reset(&stream);
    }
}

/// The place is held until the connection is closed or has become a WebSocket, which takes one of its own.
async fn serve(preface: Preface, mut stream: TcpStream, seat: Seat, site: Arc<MqttSite>) {
    let limit = seat.broker.limits().connect_timeout;
    let handshake = async {
        preface.read_proxy_header(&mut stream).await?;
        Ok::<_, io::Error>(match &preface.tls {
            None => Incoming::Plain(stream),
            Some(acceptor) => Incoming::Tls(Box::new(acceptor.accept(stream).await?)),
        })
    };
    match Box::pin(tokio::time::timeout(limit, handshake)).await {
        Ok(Ok(Incoming::Plain(stream))) => http::serve(stream, site, seat.stopped()).await,
        Ok(Ok(Incoming::Tls(stream))) => http::serve(stream, site, seat.stopped()).await,
        Ok(Err(_)) => seat.broker.counters.count(Counter::HandshakesFailed),
        Err(_) => seat.broker.counters.count(Counter::ConnectTimeouts),
    }
}

/// A connection after its preface.
enum Incoming {
    Plain(TcpStream),
    Tls(Box<tokio_rustls::server::TlsStream<TcpStream>>),
}
