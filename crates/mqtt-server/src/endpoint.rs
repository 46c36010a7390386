//! Where clients come in: the description of an endpoint, whoever wrote it.

pub use mqtt_core::Versions;

use ipnet::IpNet;
use std::path::PathBuf;
use std::time::Duration;

/// One place to listen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Unique among a server's endpoints; stands in messages and metrics.
    pub name: String,
    /// Where, and what is spoken there.
    pub address: Address,
    /// TLS around it; QUIC always has it.
    pub tls: Option<TlsSettings>,
    /// Protocol versions that may connect here.
    pub versions: Versions,
    /// What an HTTP endpoint offers; other endpoints offer MQTT.
    pub services: Services,
    /// Connections at once here; `None` leaves it to `Limits::connections`.
    pub connections: Option<usize>,
    /// Whether clients without credentials may connect here; `None` leaves it to the authenticator.
    pub allow_anonymous: Option<bool>,
    /// Networks whose connections begin with a PROXY header (v1 or v2); others may not send one. Empty switches it off.
    pub proxy_protocol_from: Vec<IpNet>,
    /// Options of TCP sockets.
    pub tcp: TcpOptions,
    /// Options of WebSocket, for HTTP endpoints.
    pub web_socket: WebSocketOptions,
    /// Options of QUIC.
    pub quic: QuicOptions,
}

impl Endpoint {
    /// An endpoint with default options.
    pub fn new(name: &str, address: Address) -> Endpoint {
        Endpoint {
            name: name.to_owned(),
            address,
            tls: None,
            versions: Versions::default(),
            services: Services::default(),
            connections: None,
            allow_anonymous: None,
            proxy_protocol_from: Vec::new(),
            tcp: TcpOptions::default(),
            web_socket: WebSocketOptions::default(),
            quic: QuicOptions::default(),
        }
    }

    /// Options of QUIC as they are in force: who asks clients for certificates looks at them before anything is answered.
    pub(crate) fn quic_in_force(&self) -> QuicOptions {
        let asks = self.tls.as_ref().is_some_and(|tls| tls.clients != ClientCertificates::None);
        QuicOptions { zero_rtt: self.quic.zero_rtt && !asks, ..self.quic }
    }

    /// MQTT over TCP with default options.
    pub fn tcp(name: &str, host: &str, port: u16) -> Endpoint {
        Endpoint::new(name, Address::Tcp(HostPort { host: host.to_owned(), port }))
    }
}

/// Where an endpoint listens. Hosts are names or addresses; `::` takes IPv4 as well, port 0 any free one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// MQTT over TCP, or over TLS.
    Tcp(HostPort),
    /// MQTT over a Unix domain socket.
    Unix(UnixPath),
    /// HTTP/1.1 and HTTP/2: WebSocket at `/mqtt`, and what else a server answers over HTTP.
    Http(HostPort),
    /// MQTT over QUIC.
    Quic(HostPort),
}

/// What an HTTP endpoint offers. What it does not offer is not found there.
///
/// Without MQTT, its connections do not count against `Limits::connections`: there are 64 places for all such endpoints together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Services {
    /// WebSocket at `/mqtt`.
    pub mqtt: bool,
    /// Probes: `/livez`, `/readyz`, `/startupz` and their other names.
    pub health: bool,
    /// The metrics, for Prometheus: `/metrics`.
    pub metrics: bool,
    /// The administration interface, below `/api/v1/`.
    pub admin: bool,
}

impl Default for Services {
    /// What anybody may see.
    fn default() -> Services {
        Services { mqtt: true, health: true, metrics: false, admin: false }
    }
}

/// A host and a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPort {
    /// Name or address, IPv6 without brackets.
    pub host: String,
    /// Port.
    pub port: u16,
}

/// A Unix domain socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnixPath {
    /// File, or the name of an abstract socket after `@`.
    pub path: PathBuf,
    /// Permission bits of the file, for example 0o660.
    pub mode: Option<u32>,
    /// Owner of the file: user and group id.
    pub owner: Option<(u32, u32)>,
}

/// Options of TCP sockets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TcpOptions {
    /// Send small packets at once (TCP_NODELAY).
    pub no_delay: bool,
    /// Silence after which the kernel probes the other end; `None` never.
    pub keep_alive: Option<Duration>,
    /// How long sent bytes may stay unacknowledged (TCP_USER_TIMEOUT); `None` leaves it to the kernel.
    pub user_timeout: Option<Duration>,
}

impl Default for TcpOptions {
    fn default() -> TcpOptions {
        // Behind a gateway that forgot the connection, nothing else tells.
        let (keep_alive, user_timeout) = (Some(Duration::from_secs(60)), Some(Duration::from_secs(60)));
        TcpOptions { no_delay: true, keep_alive, user_timeout }
    }
}

/// Options of WebSocket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebSocketOptions {
    /// Origins that browsers may come from; empty allows all.
    pub allowed_origins: Vec<String>,
    /// Time between pings, and how long a client has to answer one; `None` sends none.
    pub ping_interval: Option<Duration>,
}

impl Default for WebSocketOptions {
    fn default() -> WebSocketOptions {
        WebSocketOptions { allowed_origins: Vec::new(), ping_interval: Some(Duration::from_secs(120)) }
    }
}

/// Options of QUIC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuicOptions {
    /// Whether the CONNECT of a returning client is answered in its first flight (0-RTT), if it begins no session anew and has no Will. All
    /// else waits for the end of the handshake, without which a first flight may be somebody's copy of another: such a copy takes over a
    /// session for as long as the connect timeout, and does nothing else. Off wherever clients are asked for certificates.
    pub zero_rtt: bool,
    /// Time without any packet after which a connection is gone.
    pub idle_timeout: Duration,
    /// Data streams of one connection at once, beside its control stream; further ones wait at the client.
    pub data_streams: u8,
    /// Bytes of one stream that were received and not read; more waits at the client. A stream is not read on while its answers are not taken.
    pub stream_window: u32,
    /// The same for all streams of a connection.
    pub connection_window: u32,
}

impl Default for QuicOptions {
    fn default() -> QuicOptions {
        QuicOptions {
            // A convenience for the few clients that can do it, at the price that is told above.
            zero_rtt: false,
            idle_timeout: Duration::from_secs(300),
            // Clients that use streams at all have one for each topic or priority. Each can pile up a window.
            data_streams: 15,
            // Fills a link of 10 Mbit/s at 50 ms.
            stream_window: 64 * 1024,
            // Four streams at their full speed; what one client can pile up.
            connection_window: 256 * 1024,
        }
    }
}

/// TLS of one endpoint.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsSettings {
    /// Certificates, picked by the name that the client asks for (SNI); the first one serves everybody else.
    pub certificates: Vec<CertificateFiles>,
    /// What is asked of clients.
    pub clients: ClientCertificates,
    /// Versions of TLS.
    pub versions: TlsVersions,
}

/// Where a certificate and its key are.
#[derive(Clone, PartialEq, Eq)]
pub struct CertificateFiles {
    /// A PEM file with the chain, leaf first, or a PKCS#12 file with chain and key.
    pub path: PathBuf,
    /// A PEM file with the key, if it is not in `path`.
    pub key_path: Option<PathBuf>,
    /// Of the PKCS#12 file or the encrypted key.
    pub password: Option<String>,
}

impl std::fmt::Debug for CertificateFiles {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CertificateFiles")
            .field("path", &self.path)
            .field("key_path", &self.key_path)
            .finish_non_exhaustive()
    }
}

/// What is asked of clients in the TLS handshake.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ClientCertificates {
    /// Nothing.
    #[default]
    None,
    /// A certificate is asked for and checked if one comes.
    Allow(ClientTrust),
    /// A valid certificate is required.
    Require(ClientTrust),
}

/// Whose client certificates are valid.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientTrust {
    /// PEM files of certificate authorities.
    pub authorities: Vec<PathBuf>,
    /// PEM or DER files of revocation lists.
    pub revocation_lists: Vec<PathBuf>,
}

/// Versions of TLS to offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TlsVersions {
    /// TLS 1.2.
    pub tls12: bool,
    /// TLS 1.3.
    pub tls13: bool,
}

impl Default for TlsVersions {
    fn default() -> TlsVersions {
        TlsVersions { tls12: true, tls13: true }
    }
}
