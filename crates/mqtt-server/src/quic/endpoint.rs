//! A UDP socket that clients connect to.

use super::connection::serve;
use super::resting::Resting;
use crate::Peer;
use crate::endpoint::QuicOptions;
use crate::entrance::Seat;
use crate::hub::Hub;
use crate::listener::Listener;
use arc_swap::ArcSwap;
use mqtt_core::Counter;
use quinn::crypto::rustls::QuicServerConfig;
use quinn::{EndpointConfig, Incoming, ServerConfig, TokioRuntime, TransportConfig, VarInt};
use rustls::server::{ProducesTickets, ServerSessionMemoryCache};
use socket2::{Domain, Protocol, Socket, Type};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Bytes of a connection that were sent and not acknowledged.
const SEND_WINDOW: u64 = 256 * 1024;

/// Handshakes under way from which on a client first has to show, by a Retry packet, that its address is its own: a costly handshake is then
/// not begun for whoever writes any address on its packets.
const HANDSHAKES: usize = 64;

/// Connections that have not been accepted, and the bytes that they may send meanwhile: accepting waits for nothing.
const INCOMING: usize = 1024;
const INCOMING_BYTES: u64 = 64 * 1024;
const ALL_INCOMING_BYTES: u64 = 16 * 1024 * 1024;

/// Sessions that can be resumed with early data.
const EARLY_SESSIONS: usize = 4096;

/// Room for datagrams of many clients between two turns of the endpoint; the kernel cuts it to what it allows.
const SOCKET_BUFFER: usize = 2 * 1024 * 1024;

/// A bound QUIC endpoint. Clones are the same endpoint: one accepts, another can [`replace`](Quic::replace) its certificates.
#[derive(Clone)]
pub(crate) struct Quic {
    endpoint: quinn::Endpoint,
    config: ServerConfig,
    options: Arc<ArcSwap<QuicOptions>>,
    hub: Arc<Hub>,
    handshakes: Arc<AtomicUsize>,
    resting: Resting,
}

/// Binds the first of `addresses` that can be bound; `::` takes IPv4 as well. One that `resting` still holds is taken back.
///
/// # Errors
/// The operating system's for the last address, and `InvalidInput` if TLS 1.3 is not among the versions.
pub(crate) fn bind(
    addresses: &[SocketAddr],
    tls: &Arc<rustls::ServerConfig>,
    options: QuicOptions,
    hub: Arc<Hub>,
    resting: &Resting,
) -> io::Result<Quic> {
    let config = config(tls, options)?;
    let mut failed = io::Error::new(io::ErrorKind::NotFound, "the host name has no address");
    for &address in addresses {
        let revived = revive(address, resting, &config);
        match revived.map_or_else(|| socket(address).and_then(|socket| open(socket, &config)), Ok) {
            Ok(endpoint) => return Ok(Quic::new(endpoint, config, options, hub, resting)),
            Err(error) => failed = resting.explain(address, error),
        }
    }
    Err(failed)
}

/// Takes over a bound socket.
///
/// # Errors
/// The operating system's, and `InvalidInput` if TLS 1.3 is not among the versions.
pub(crate) fn adopt(
    socket: std::net::UdpSocket,
    tls: &Arc<rustls::ServerConfig>,
    options: QuicOptions,
    hub: Arc<Hub>,
    resting: &Resting,
) -> io::Result<Quic> {
    socket.set_nonblocking(true)?;
    let config = config(tls, options)?;
    let endpoint = open(socket, &config)?;
    Ok(Quic::new(endpoint, config, options, hub, resting))
}

fn config(tls: &Arc<rustls::ServerConfig>, options: QuicOptions) -> io::Result<ServerConfig> {
    let mut config = ServerConfig::with_crypto(crypto(tls, options)?);
    config
        .transport_config(Arc::new(transport(options)))
        .migration(true)
        .max_incoming(INCOMING)
        .incoming_buffer_size(INCOMING_BYTES)
        .incoming_buffer_size_total(ALL_INCOMING_BYTES);
    Ok(config)
}

/// The endpoint that was closed and still has this address.
fn revive(address: SocketAddr, resting: &Resting, config: &ServerConfig) -> Option<quinn::Endpoint> {
    let endpoint = resting.take(address)?;
    endpoint.set_server_config(Some(config.clone()));
    Some(endpoint)
}

fn open(socket: std::net::UdpSocket, config: &ServerConfig) -> io::Result<quinn::Endpoint> {
    quinn::Endpoint::new(EndpointConfig::default(), Some(config.clone()), socket, Arc::new(TokioRuntime))
}

fn socket(address: SocketAddr) -> io::Result<std::net::UdpSocket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    if address.is_ipv6() {
        socket.set_only_v6(false)?;
    }
    socket.set_nonblocking(true)?;
    let _ = socket.set_recv_buffer_size(SOCKET_BUFFER); // the default then
    let _ = socket.set_send_buffer_size(SOCKET_BUFFER);
    socket.bind(&address.into())?;
    Ok(socket.into())
}

fn transport(options: QuicOptions) -> TransportConfig {
    let mut transport = TransportConfig::default();
    transport
        .max_concurrent_bidi_streams(VarInt::from_u32(1 + u32::from(options.data_streams)))
        .max_concurrent_uni_streams(VarInt::from_u32(0))
        .stream_receive_window(VarInt::from_u32(options.stream_window))
        .receive_window(VarInt::from_u32(options.connection_window))
        .send_window(SEND_WINDOW)
        .datagram_receive_buffer_size(None)
        // The same for all connections, while MQTT's Keep Alive is each client's own: the connection's task looks after it.
        .max_idle_timeout(None);
    transport
}

fn crypto(tls: &Arc<rustls::ServerConfig>, options: QuicOptions) -> io::Result<Arc<QuicServerConfig>> {
    let mut tls = (**tls).clone();
    if options.zero_rtt {
        // rustls takes early data only with sessions that it holds itself and gives out once: a replay finds none.
        tls.ticketer = Arc::new(NoTickets);
        tls.session_storage = ServerSessionMemoryCache::new(EARLY_SESSIONS);
        tls.max_early_data_size = u32::MAX; // QUIC's "yes"
    } else {
        tls.max_early_data_size = 0;
    }
    let crypto = QuicServerConfig::try_from(tls);
    crypto.map(Arc::new).map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "QUIC needs TLS 1.3"))
}

/// Sessions are resumed from memory.
#[derive(Debug)]
struct NoTickets;

impl ProducesTickets for NoTickets {
    fn enabled(&self) -> bool {
        false
    }

    fn lifetime(&self) -> u32 {
        0
    }

    fn encrypt(&self, _: &[u8]) -> Option<Vec<u8>> {
        None
    }

    fn decrypt(&self, _: &[u8]) -> Option<Vec<u8>> {
        None
    }
}

impl Quic {
    fn new(
        endpoint: quinn::Endpoint,
        config: ServerConfig,
        options: QuicOptions,
        hub: Arc<Hub>,
        resting: &Resting,
    ) -> Quic {
        let (options, resting) = (Arc::new(ArcSwap::from_pointee(options)), resting.clone());
        Quic { endpoint, config, options, hub, handshakes: Arc::default(), resting }
    }

    /// Where it really listens.
    ///
    /// # Errors
    /// The operating system's.
    pub(crate) fn local_addr(&self) -> io::Result<SocketAddr> {
        self.endpoint.local_addr()
    }

    /// Handshakes that begin from now on see `tls` and `options`; connections that exist keep theirs.
    ///
    /// # Errors
    /// `InvalidInput` if TLS 1.3 is not among the versions; then nothing changes.
    pub(crate) fn replace(&self, tls: &Arc<rustls::ServerConfig>, options: QuicOptions) -> io::Result<()> {
        // The rest of the configuration, with the key of addresses under proof, stays.
        let mut config = self.config.clone();
        config.crypto = crypto(tls, options)?;
        config.transport_config(Arc::new(transport(options)));
        self.options.store(Arc::new(options));
        self.endpoint.set_server_config(Some(config));
        Ok(())
    }

    /// Takes no more connections; those that exist go on.
    pub(crate) fn close(&self) {
        self.endpoint.set_server_config(None);
        self.resting.push(self.endpoint.clone());
    }
}

/// A handshake under way.
pub(super) struct Handshake(Arc<AtomicUsize>);

impl Drop for Handshake {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Listener for Quic {
    type Incoming = Incoming;

    async fn accept(&mut self) -> io::Result<(Incoming, Peer)> {
        loop {
            let Some(incoming) = self.endpoint.accept().await else { return std::future::pending().await };
            if self.handshakes.load(Ordering::Relaxed) < HANDSHAKES || !incoming.may_retry() {
                let peer = Peer::from(incoming.remote_address());
                return Ok((incoming, peer));
            }
            self.hub.broker.counters.count(Counter::AddressesDoubted);
            let _ = incoming.retry(); // it may be retried, as asked above
        }
    }

    fn serve(&self, incoming: Incoming, seat: Seat) {
        self.handshakes.fetch_add(1, Ordering::Relaxed);
        let handshake = Handshake(self.handshakes.clone());
        tokio::spawn(serve(incoming.accept(), handshake, **self.options.load(), seat));
    }

    fn refuse(&self, incoming: Incoming) {
        incoming.refuse();
    }
}

#[cfg(test)]
mod tests;
