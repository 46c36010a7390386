//! A small site on a free port of this machine: an echo or a very small MQTT server behind its WebSockets.

use hyper::body::Bytes;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Response, StatusCode};
use mqtt_server::Socket;
use mqtt_server::endpoint::WebSocketOptions;
use mqtt_server::http::Body;
use mqtt_server::http::{Site, WebSocketStream, serve, text};
use rustls::ServerConfig;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

/// What is behind the WebSockets of a site.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Behind {
    /// All bytes come back.
    Echo,
    /// Enough of MQTT 3.1.1 for one client that subscribes and publishes with QoS 0.
    Mqtt,
}

/// What carries the site.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Carrier {
    Tcp,
    Tls,
}

pub struct Hello {
    behind: Behind,
    options: WebSocketOptions,
    seats: AtomicUsize,
    /// The type of socket that the last WebSocket came on.
    pub carried_by: std::sync::Mutex<&'static str>,
}

pub struct Server {
    pub address: SocketAddr,
    pub site: Arc<Hello>,
    stop: watch::Sender<bool>,
}

impl Site for Hello {
    type Seat = ();

    fn options(&self) -> &WebSocketOptions {
        &self.options
    }

    fn seat(&self, _: &Parts) -> Option<()> {
        self.seats.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |seats| seats.checked_sub(1)).ok().map(drop)
    }

    fn web_socket<S: Socket>(&self, stream: WebSocketStream<S>, (): ()) {
        *self.carried_by.lock().unwrap() = std::any::type_name::<S>();
        match self.behind {
            Behind::Echo => drop(tokio::spawn(echo(stream))),
            Behind::Mqtt => drop(tokio::spawn(mqtt(stream))),
        }
    }

    async fn respond(&self, request: &Parts) -> Response<Body> {
        if request.uri.path() != "/page" {
            return text(StatusCode::NOT_FOUND, "nothing here\n");
        }
        let mut response = Response::new(Body::from(Bytes::from_static(b"<!doctype html><title>page</title>")));
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/html"));
        response
    }
}

impl Server {
    pub async fn start(behind: Behind, carrier: Carrier) -> Server {
        Server::with(behind, carrier, WebSocketOptions { allowed_origins: Vec::new(), ping_interval: None }, 1000).await
    }

    pub async fn with(behind: Behind, carrier: Carrier, options: WebSocketOptions, seats: usize) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, carried_by) = (listener.local_addr().unwrap(), std::sync::Mutex::new(""));
        let site = Arc::new(Hello { behind, options, seats: AtomicUsize::new(seats), carried_by });
        let (stop, stopped) = watch::channel(false);
        tokio::spawn(accept(listener, carrier, site.clone(), stopped));
        Server { address, site, stop }
    }

    /// Asks all connections to end.
    pub fn stop(&self) {
        self.stop.send_replace(true);
    }
}

async fn accept(listener: TcpListener, carrier: Carrier, site: Arc<Hello>, stopped: watch::Receiver<bool>) {
    let tls = (carrier == Carrier::Tls).then(|| TlsAcceptor::from(Arc::new(tls_config())));
    loop {
        let (socket, _) = listener.accept().await.unwrap();
        let (site, mut stopped, tls) = (site.clone(), stopped.clone(), tls.clone());
        tokio::spawn(async move {
            let shutdown = async move {
                if stopped.wait_for(|stop| *stop).await.is_err() {
                    std::future::pending::<()>().await;
                }
            };
            match tls {
                None => serve(socket, site, shutdown).await,
                Some(tls) => match tls.accept(socket).await {
                    Ok(socket) => serve(socket, site, shutdown).await,
                    Err(error) => println!("TLS: {error}"),
                },
            }
        });
    }
}

fn tls_config() -> ServerConfig {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let mut config = builder.with_no_client_auth().with_single_cert(vec![made.cert.der().clone()], key).unwrap();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    config
}

async fn echo<S: Socket>(mut stream: WebSocketStream<S>) {
    let mut bytes = vec![0; 64 * 1024];
    while let Ok(count) = stream.read(&mut bytes).await {
        if count == 0 || stream.write_all(&bytes[..count]).await.is_err() || stream.flush().await.is_err() {
            return;
        }
    }
}

/// CONNECT, SUBSCRIBE, PINGREQ and DISCONNECT are answered; a PUBLISH goes back to its sender.
async fn mqtt<S: Socket>(mut stream: WebSocketStream<S>) {
    while let Ok(first) = stream.read_u8().await {
        let (mut length, mut shift) = (0_usize, 0);
        loop {
            let Ok(byte) = stream.read_u8().await else { return };
            length |= usize::from(byte & 0x7F) << shift;
            shift += 7;
            if byte < 0x80 {
                break;
            }
        }
        let mut body = vec![0; length];
        if stream.read_exact(&mut body).await.is_err() {
            return;
        }
        let answer = match first >> 4 {
            1 => vec![0x20, 2, 0, 0],
            8 => vec![0x90, 3, body[0], body[1], 0],
            12 => vec![0xD0, 0],
            3 => publish(&body),
            _ => return,
        };
        if stream.write_all(&answer).await.is_err() || stream.flush().await.is_err() {
            return;
        }
    }
}

fn publish(body: &[u8]) -> Vec<u8> {
    let (mut packet, mut length) = (vec![0x30], body.len());
    while length >= 0x80 {
        packet.push(length as u8 & 0x7F | 0x80);
        length >>= 7;
    }
    packet.push(length as u8);
    packet.extend_from_slice(body);
    packet
}

/// A connection to `server`.
pub async fn connect(server: &Server) -> TcpStream {
    TcpStream::connect(server.address).await.unwrap()
}
