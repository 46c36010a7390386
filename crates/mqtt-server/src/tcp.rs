//! MQTT over TCP and over TLS.

use crate::defer_accept;
use crate::driver::Driver;
use crate::endpoint::{HostPort, TcpOptions};
use crate::entrance::Seat;
use crate::listener::Listener;
use crate::{Peer, proxy, tls};
use ipnet::IpNet;
use socket2::{Domain, Protocol, SockRef, Socket, TcpKeepalive, Type};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::{TcpListener, TcpStream};

/// Connections that the kernel holds ready while none is accepted.
const BACKLOG: i32 = 4096;

/// Where a host and port are to be bound; a name gives all its addresses.
///
/// # Errors
/// The name is unknown.
pub(crate) async fn resolve(place: &HostPort) -> io::Result<Vec<SocketAddr>> {
    Ok(tokio::net::lookup_host((place.host.as_str(), place.port)).await?.collect())
}

/// Binds the first of `addresses` that can be bound; `::` takes IPv4 as well. Accepted sockets inherit the options: setting them here costs
/// no call per connection.
///
/// # Errors
/// The operating system's for the last address, for example that it is in use.
pub(crate) fn bind(addresses: &[SocketAddr], options: &TcpOptions) -> io::Result<TcpListener> {
    let mut failed = io::Error::new(io::ErrorKind::NotFound, "the host name has no address");
    for &address in addresses {
        match bind_one(address, options) {
            Ok(listener) => return Ok(listener),
            Err(error) => failed = error,
        }
    }
    Err(failed)
}

fn bind_one(address: SocketAddr, options: &TcpOptions) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(false)?;
    }
    socket.set_reuse_address(true)?;
    configure(&socket, options)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

/// Takes over a socket that listens already.
///
/// # Errors
/// The operating system's.
pub(crate) fn adopt(listener: std::net::TcpListener, options: &TcpOptions) -> io::Result<TcpListener> {
    let socket = Socket::from(listener);
    configure(&socket, options)?;
    TcpListener::from_std(socket.into())
}

fn configure(socket: &Socket, options: &TcpOptions) -> io::Result<()> {
    socket.set_tcp_nodelay(options.no_delay)?;
    if let Some(silence) = options.keep_alive {
        socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(silence).with_interval(silence / 4))?;
    }
    socket.set_tcp_user_timeout(options.user_timeout)?;
    defer_accept::set(socket)?;
    socket.set_nonblocking(true)
}

/// A bound TCP endpoint that speaks MQTT.
pub(crate) struct Tcp {
    pub(crate) listener: TcpListener,
    pub(crate) preface: Preface,
}

/// What comes before MQTT on a connection.
#[derive(Clone, Default)]
pub(crate) struct Preface {
    pub(crate) proxies: Arc<[IpNet]>,
    pub(crate) tls: Option<Arc<tls::Acceptor>>,
}

impl Preface {
    fn is_empty(&self) -> bool {
        self.proxies.is_empty() && self.tls.is_none()
    }

    /// Reads the PROXY header of a trusted proxy, which tells where the client is; nobody else may send one.
    ///
    /// # Errors
    /// The stream's, and `InvalidData` for a bad header.
    pub(crate) async fn read_proxy_header(&self, stream: &mut TcpStream, seat: &mut Seat) -> io::Result<()> {
        let peer = stream.peer_addr()?.ip().to_canonical();
        if self.proxies.iter().any(|network| network.contains(&peer)) {
            let client = proxy::read(stream).await?;
            seat.peer = client.map_or(seat.peer, Peer::from);
        }
        Ok(())
    }
}

impl Listener for Tcp {
    type Incoming = TcpStream;

    async fn accept(&mut self) -> io::Result<(TcpStream, Peer)> {
        self.listener.accept().await.map(|(stream, peer)| (stream, Peer::from(peer)))
    }

    fn serve(&self, stream: TcpStream, seat: Seat) {
        if self.preface.is_empty() {
            tokio::spawn(Driver::new(stream, seat));
        } else {
            tokio::spawn(serve_after(self.preface.clone(), stream, seat));
        }
    }

    fn refuse(&self, stream: TcpStream) {
        reset(&stream);
    }
}

/// The TLS handshake, with its duration noted.
///
/// # Errors
/// The acceptor's.
pub(crate) async fn accept_tls(
    acceptor: &tls::Acceptor,
    stream: TcpStream,
    seat: &Seat,
) -> io::Result<tokio_rustls::server::TlsStream<TcpStream>> {
    let began = Instant::now();
    let stream = acceptor.accept(stream).await?;
    seat.handshakes.record(began.elapsed());
    Ok(stream)
}

/// Closes without a handshake: a reset leaves no state behind for whoever floods.
pub(crate) fn reset(stream: &TcpStream) {
    let _ = SockRef::from(stream).set_linger(Some(Duration::ZERO)); // refused, it is closed the slow way
}

/// The preface counts against the connect timeout, so that nobody holds a place by a handshake that does not end.
async fn serve_after(preface: Preface, mut stream: TcpStream, mut seat: Seat) {
    let limit = seat.broker.limits().connect_timeout;
    let Some(acceptor) = &preface.tls else {
        match tokio::time::timeout(limit, preface.read_proxy_header(&mut stream, &mut seat)).await {
            Ok(Ok(())) => Driver::new(stream, seat).await,
            Ok(Err(error)) => seat.handshake_failed(&error),
            Err(_) => seat.handshake_timed_out(),
        }
        return;
    };
    let handshake = async {
        preface.read_proxy_header(&mut stream, &mut seat).await?;
        accept_tls(acceptor, stream, &seat).await
    };
    // Boxed: what the handshake needs is not to weigh on the connection for the rest of its life.
    match Box::pin(tokio::time::timeout(limit, handshake)).await {
        Ok(Ok(stream)) => Driver::new(Box::new(stream), seat).await,
        Ok(Err(error)) => seat.handshake_failed(&error),
        Err(_) => seat.handshake_timed_out(),
    }
}
