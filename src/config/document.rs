//! Every key there is: the tree that all layers together fill. The reference page, the JSON Schema and the check for unknown keys are made
//! from these types and their comments, so a comment here is documentation for users.
//!
//! All fields are optional: what a layer does not say, the layer below says. The lowest layer is [`super::defaults`].

use super::choice::{CertificateMode, LogLevel, ProtocolLevel, Service, SslProtocols, WillsAtEnd};
use super::limits::LimitKeys;
use super::scalar::{FilePath, OptionalSpan, Size, Span, Switch, Text, Whole};
use super::secret::Secret;
use super::telemetry::{LogKeys, TelemetryKeys};
use super::unix::{Mode, Owner};
use super::url::Url;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// Most milliseconds a time may have: what fits a u32 of seconds.
const LONGEST: u64 = 4_294_967_295_000;

/// Settings of the broker.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct Document {
    /// Where clients come in, by name. Two exist unless they are changed or switched off: `mqtt` (tcp://[::]:1883) and `http`
    /// (http://[::]:8001); one of them steps back where another endpoint has its port.
    pub endpoints: BTreeMap<String, EndpointKeys>,
    /// Certificates that several endpoints use, by name. `Default` serves every endpoint with TLS that has no other.
    pub certificates: BTreeMap<String, CertificateKeys>,
    /// Who may connect with a password, by user name.
    pub users: BTreeMap<String, UserKeys>,
    /// Whether clients without credentials may connect. Unset, they may only while there are no users.
    pub allow_anonymous: Option<Switch>,
    /// Versions of MQTT that may connect.
    pub protocol_level: Option<ProtocolLevel>,
    /// Bounds of what clients may use.
    pub limits: LimitKeys,
    /// How the broker ends.
    pub shutdown: ShutdownKeys,
    /// WebSocket, on endpoints that do not say otherwise.
    pub web_socket: WebSocketKeys,
    /// Where the broker keeps what it has to remember, such as certificates it made.
    #[schemars(extend("x-restart" = true))]
    pub data_directory: Option<FilePath>,
    /// Time between two values of a topic under `$SYS/broker`, where somebody listens; `none` publishes nothing.
    #[schemars(extend("x-restart" = true))]
    pub sys_interval: Option<OptionalSpan<1000, LONGEST>>,
    /// Whether an endpoint that needs a certificate and has none gets one that the broker makes, signed by an authority of its own.
    pub self_signed: Option<Switch>,
    /// Makes a certificate for `localhost` and the names below, if the file is not there yet: `true` makes
    /// `$XDG_CONFIG_HOME/mqtt-server/mqtt-server.pfx` (or under `$HOME/.config`), a path makes that file. It serves as `Certificates:Default`
    /// unless there is one.
    #[schemars(extend("x-environment" = "GENERATE_SSL_CERTIFICATE"))]
    pub generate_ssl_certificate: Option<Text>,
    /// Host names for certificates that the broker makes; without any, the name of the machine.
    #[schemars(extend("x-environment" = "SSL_CERTIFICATE_HOSTS"))]
    pub ssl_certificate_hosts: Option<Vec<Text>>,
    /// IP addresses for certificates that the broker makes; without any, those of the machine.
    #[schemars(extend("x-environment" = "SSL_CERTIFICATE_IP_ADDRESSES"))]
    pub ssl_certificate_ip_addresses: Option<Vec<Text>>,
    /// How much the log says. `Logging__LogLevel__Default` of Net.MQTT sets it as well.
    pub log_level: Option<LogLevel>,
    /// The log.
    pub log: LogKeys,
    /// What is sent to a collector of OpenTelemetry. The standard variables `OTEL_*` are understood as well, see [Telemetry](telemetry.md); a key wins
    /// over the variable of the same meaning.
    pub telemetry: TelemetryKeys,
    /// Net.MQTT's name for `Limits:ConnectTimeout`, in milliseconds.
    pub connect_timeout_milliseconds: Option<Whole<50, 86_400_000>>,
    /// Net.MQTT's name for `Limits:InFlight`, also for 5.0 clients unless `MQTT5` says otherwise.
    pub max_in_flight: Option<Whole<1, 65_535>>,
    /// Net.MQTT's name for `Limits:ReceiveMaximum`.
    pub max_receive: Option<Whole<1, 65_535>>,
    /// Net.MQTT's name for `Limits:PacketSize`, in bytes, also for 5.0 clients unless `MQTT5` says otherwise.
    pub max_packet_size: Option<Whole<128, 2_147_483_647>>,
    /// Net.MQTT's name for `Limits:TopicAliasMaximum`.
    pub topic_alias_max: Option<Whole<0, 65_535>>,
    /// Taken for the sake of Net.MQTT's files, without effect: output is flushed when there is nothing more to write.
    pub max_unflushed_bytes: Option<Whole<0, 2_147_483_647>>,
    /// Net.MQTT's name for `Limits:TopicAliasLength`.
    pub topic_alias_size_threshold: Option<Whole<1, 65_535>>,
    /// Net.MQTT's bounds for MQTT 5.0 clients alone; what is not here is taken from the keys above.
    #[serde(rename = "MQTT5")]
    pub mqtt5: Mqtt5Keys,
}

/// Net.MQTT's bounds for MQTT 5.0 clients.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct Mqtt5Keys {
    /// As `Limits:InFlightV5`.
    pub max_in_flight: Option<Whole<1, 65_535>>,
    /// As `Limits:ReceiveMaximum`; no other version has one.
    pub max_receive: Option<Whole<1, 65_535>>,
    /// Without effect, as `MaxUnflushedBytes`.
    pub max_unflushed_bytes: Option<Whole<0, 2_147_483_647>>,
    /// As `Limits:PacketSizeV5`, in bytes.
    pub max_packet_size: Option<Whole<128, 2_147_483_647>>,
    /// As `Limits:TopicAliasMaximum`; no other version has aliases.
    pub topic_alias_max: Option<Whole<0, 65_535>>,
    /// As `Limits:TopicAliasLength`; no other version has aliases.
    pub topic_alias_size_threshold: Option<Whole<1, 65_535>>,
}

/// How the broker ends: at SIGTERM or SIGINT it is not ready any more, serves on for `PreStopDelay`, takes no client and no message any more, and
/// sends the clients away, each after what waits for it. A second signal ends it at once.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct ShutdownKeys {
    /// Time to serve on after `/readyz` says no, for balancers to notice. Unset: `5s` in Kubernetes (where `KUBERNETES_SERVICE_HOST` is set), else
    /// `0s`.
    pub pre_stop_delay: Option<Span<0, 3_600_000>>,
    /// Clients sent away in a second; more, where they would not all be away within `GracePeriod`.
    pub eviction_rate: Option<Whole<1, 1_000_000>>,
    /// How long a client that is sent away may take for the messages that wait for it.
    pub flush_timeout: Option<Span<0, 3_600_000>>,
    /// The whole time from the signal to the end; what does not fit is cut short. To be less than what Kubernetes
    /// (`terminationGracePeriodSeconds`) or systemd (`TimeoutStopSec`) grant.
    pub grace_period: Option<Span<0, 3_600_000>>,
    /// Another broker, as `host:port`: 5.0 clients are told it with 0x9C (Use another server), in place of 0x8B (Server shutting down).
    pub server_reference: Option<Text>,
    /// What becomes of will messages: `Publish`, before anybody is sent away, or `Drop`.
    pub wills: Option<WillsAtEnd>,
}

/// One endpoint.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct EndpointKeys {
    /// `false` leaves the endpoint out.
    pub enabled: Option<Switch>,
    /// What is spoken and where: `tcp`, `mqtt` (port 1883 if none is given), `tcps`, `mqtts` (8883), `ws` (8083), `wss` (8084), `http` (80),
    /// `https` (443), `mqtt-quic`, `mqttq` (8885), `quic` (14567), each with `://host:port`, or `unix:/path`, `unix:@name`. The host is a name,
    /// an address, or `[::]` or `*` for all of them. `ws` and `http` are the same thing but for what `Services` offers: WebSocket is at `/mqtt`.
    pub url: Option<Url>,
    /// Host in place of the URL's, or without a URL, where MQTT over TCP is spoken.
    pub address: Option<Text>,
    /// Port in place of the URL's, or without a URL, where MQTT over TCP is spoken.
    pub port: Option<Whole<0, 65_535>>,
    /// With `Address` and `Port`: MQTT over QUIC in place of TCP.
    pub use_quic: Option<Switch>,
    /// With an `http` or `https` URL, mostly of a `Kestrel` section: MQTT over TCP or TLS in place of HTTP.
    pub use_mqtt: Option<Switch>,
    /// Taken for the sake of `Kestrel` sections, without effect: HTTP/1.1 and HTTP/2 are spoken on every HTTP endpoint.
    pub protocols: Option<Text>,
    /// The certificate; with it, a URL of `tcp`, `ws` or `http` means TLS as well. An empty `Path` asks for the default certificate.
    pub certificate: Option<CertificateKeys>,
    /// Names out of `Certificates`, after `Certificate` if there is one: the name that a client asks for (SNI) picks one, the first serves all
    /// others.
    pub certificates: Option<Vec<Text>>,
    /// Versions of TLS.
    pub ssl_protocols: Option<SslProtocols>,
    /// Whether clients show a certificate. Asking for one needs `ClientAuthorities`.
    pub client_certificate_mode: Option<CertificateMode>,
    /// PEM files of the authorities whose client certificates are valid.
    pub client_authorities: Option<Vec<FilePath>>,
    /// Files of certificate revocation lists for client certificates.
    pub client_revocation_lists: Option<Vec<FilePath>>,
    /// What an HTTP endpoint offers: `mqtt` (WebSocket), `health` (probes), `metrics` (for Prometheus), `admin` (who is slow or heavy, a live
    /// trail). Unset: `mqtt` and `health`; with a URL of `http` or `https` `metrics` too; and on a loopback address without `ProxyProtocolFrom` all of them. Without
    /// `mqtt`, connections do not count against `Limits:Connections`.
    pub services: Option<Vec<Service>>,
    /// Versions of MQTT that may connect here, in place of the broker's `ProtocolLevel`.
    pub protocol_level: Option<ProtocolLevel>,
    /// Most connections at once here; unset, `Limits:Connections` alone counts.
    pub max_connections: Option<Whole<1, { u64::MAX }>>,
    /// Whether clients without credentials may connect here, in place of the broker's `AllowAnonymous`.
    pub allow_anonymous: Option<Switch>,
    /// Networks, such as `10.0.0.0/8`, whose connections begin with a PROXY header (version 1 or 2). From elsewhere none is accepted.
    pub proxy_protocol_from: Option<Vec<Text>>,
    /// TCP.
    pub tcp: TcpKeys,
    /// WebSocket, in place of the broker's `WebSocket`.
    pub web_socket: WebSocketKeys,
    /// QUIC (experimental).
    pub quic: QuicKeys,
    /// The file of a Unix domain socket.
    pub unix: UnixKeys,
}

/// TCP.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct TcpKeys {
    /// Send small packets at once (TCP_NODELAY).
    pub no_delay: Option<Switch>,
    /// Silence after which the kernel probes the other end (SO_KEEPALIVE).
    pub keep_alive: Option<OptionalSpan<1000, 32_767_000>>,
    /// How long sent bytes may stay unacknowledged (TCP_USER_TIMEOUT).
    pub user_timeout: Option<OptionalSpan<1, 2_147_483_647>>,
}

/// WebSocket.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct WebSocketKeys {
    /// Origins that browsers may come from, such as `https://example.org`; none allows all.
    pub allowed_origins: Option<Vec<Text>>,
    /// Time between pings. A client that sends nothing at all between one and the next is closed.
    pub ping_interval: Option<OptionalSpan<1000, LONGEST>>,
}

/// QUIC.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct QuicKeys {
    /// Whether the CONNECT of a returning client is answered in its first flight (0-RTT), if it has Clean Start 0 and no Will. All else waits
    /// for the end of the handshake. An attacker who sends a copy of a first flight can take over that client's session until
    /// `Limits:ConnectTimeout`, and cannot publish, subscribe, or end a session. Without effect where `ClientCertificateMode` asks for
    /// certificates.
    pub zero_rtt: Option<Switch>,
    /// Time without any packet after which a connection is gone.
    pub idle_timeout: Option<Span<1000, LONGEST>>,
    /// Data streams of one connection at once, beside its control stream. Further ones wait at the client.
    pub data_streams: Option<Whole<0, 255>>,
    /// Bytes of one stream that were received and not read; more waits at the client.
    pub stream_window: Option<Size<1024, 1_073_741_824>>,
    /// The same for all streams of a connection.
    pub connection_window: Option<Size<1024, 1_073_741_824>>,
}

/// The file of a Unix domain socket.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct UnixKeys {
    /// Permission bits, such as `0660`; unset, the process's umask decides.
    pub mode: Option<Mode>,
    /// User and group, by name or number, such as `mqtt:mqtt` or `1000:mqtt`; unset, those of the process. Names are looked up in `/etc/passwd`
    /// and `/etc/group`, not in LDAP and the like.
    pub owner: Option<Owner>,
}

/// A certificate with its key.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct CertificateKeys {
    /// A PKCS#12 file (`.pfx`, `.p12`) with chain and key, or a PEM file with the chain, leaf first. `%NAME%` stands for an environment variable.
    pub path: Option<FilePath>,
    /// A PEM file with the key, if it is not in `Path`.
    pub key_path: Option<FilePath>,
    /// Of the PKCS#12 file, or of an encrypted key.
    pub password: Option<Secret>,
    /// Refused: there is no certificate store to search.
    pub subject: Option<Text>,
    /// Taken for the sake of Net.MQTT's files, without effect.
    pub store: Option<Text>,
    /// Taken for the sake of Net.MQTT's files, without effect.
    pub location: Option<Text>,
    /// Taken for the sake of Net.MQTT's files, without effect.
    pub allow_invalid: Option<Switch>,
}

/// A user.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct UserKeys {
    /// An argon2id hash (`$argon2id$v=19$...`), or a plain text, which is hashed when it is read: a hash is the better way, as plain texts
    /// cost 20 MB of memory and some tens of milliseconds each at every load.
    pub password: Option<Secret>,
}
