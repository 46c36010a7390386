//! The lowest layer: what holds where nobody says anything.

use super::entry::{Entry, Stated};
use super::key::Key;
use super::limits::LimitKeys;
use super::origin::Origin;
use super::scalar::{write_size, write_span};
use super::shutdown;
use mqtt_server::endpoint::{QuicOptions, TcpOptions, WebSocketOptions};
use std::time::Duration;

/// The origin of defaults.
pub const DEFAULT: &str = "default";

/// Endpoints that are there unless they are switched off.
pub const ENDPOINTS: [(&str, &str); 2] = [("mqtt", "tcp://[::]:1883"), ("http", "http://[::]:8001")];

/// The defaults as a layer.
pub fn entries(layer: usize) -> Vec<Entry> {
    let origin = Origin { layer, text: DEFAULT.to_owned() };
    let entry = |(key, text)| Entry { key, value: Stated::Text(text), origin: origin.clone() };
    let endpoints = ENDPOINTS.map(|(name, url)| (Key::of("Endpoints").child(name).child("Url"), url.to_owned()));
    endpoints.into_iter().chain(broker()).map(entry).collect()
}

/// Keys of the broker as a whole and their defaults.
pub fn broker() -> Vec<(Key, String)> {
    let mut defaults = vec![
        (Key::of("ProtocolLevel"), "All".to_owned()),
        (Key::of("DataDirectory"), "/var/lib/lacewing".to_owned()),
        (Key::of("SysInterval"), "10s".to_owned()),
        (Key::of("SelfSigned"), "true".to_owned()),
        (Key::of("LogLevel"), "info".to_owned()),
        (Key::of("Log:Format"), "text".to_owned()),
        (Key::of("Log:Target"), "stdout".to_owned()),
        (Key::of("Telemetry:FlushTimeout"), "3s".to_owned()),
        (Key::of("Telemetry:Traces:FollowRemote"), "true".to_owned()),
        (Key::of("Telemetry:Traces:PerSecond"), "100".to_owned()),
        (Key::of("Telemetry:Traces:Deliveries"), "32".to_owned()),
        (Key::of("Telemetry:Traces:Propagation"), "PassThrough".to_owned()),
        (Key::of("WebSocket:PingInterval"), written(WebSocketOptions::default().ping_interval)),
    ];
    defaults.extend(shutdown::defaults());
    defaults.extend(LimitKeys::defaults());
    defaults
}

/// Keys below an endpoint's name, and what holds where they are missing.
pub fn endpoint() -> Vec<(Key, String)> {
    let (tcp, quic) = (TcpOptions::default(), QuicOptions::default());
    vec![
        (Key::of("Enabled"), "true".to_owned()),
        (Key::of("ClientCertificateMode"), "NoCertificate".to_owned()),
        (Key::of("SslProtocols"), "None".to_owned()),
        (Key::of("Tcp:NoDelay"), tcp.no_delay.to_string()),
        (Key::of("Tcp:KeepAlive"), written(tcp.keep_alive)),
        (Key::of("Tcp:UserTimeout"), written(tcp.user_timeout)),
        (Key::of("Quic:ZeroRtt"), quic.zero_rtt.to_string()),
        (Key::of("Quic:IdleTimeout"), written(Some(quic.idle_timeout))),
        (Key::of("Quic:DataStreams"), quic.data_streams.to_string()),
        (Key::of("Quic:StreamWindow"), write_size(u64::from(quic.stream_window))),
        (Key::of("Quic:ConnectionWindow"), write_size(u64::from(quic.connection_window))),
    ]
}

fn written(span: Option<Duration>) -> String {
    span.map_or_else(|| "none".to_owned(), |span| write_span(u64::try_from(span.as_millis()).unwrap_or(u64::MAX)))
}
