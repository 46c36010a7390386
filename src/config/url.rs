//! The URL of an endpoint: a scheme, and where to listen.

use super::scalar::{Scalar, scalar};
use std::net::Ipv6Addr;
use std::path::PathBuf;

/// What a scheme asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// `tcp`, `mqtt`.
    Tcp,
    /// `tcps`, `mqtts`.
    Tcps,
    /// `ws`.
    Ws,
    /// `wss`.
    Wss,
    /// `http`.
    Http,
    /// `https`.
    Https,
    /// `mqtt-quic`, `mqttq`.
    MqttQuic,
    /// `quic`.
    Quic,
}

impl Scheme {
    /// The port of a URL without one.
    pub fn port(self) -> u16 {
        match self {
            Scheme::Tcp => 1883,
            Scheme::Tcps => 8883,
            Scheme::Ws => 8083,
            Scheme::Wss => 8084,
            Scheme::Http => 80,
            Scheme::Https => 443,
            Scheme::MqttQuic => 8885,
            Scheme::Quic => 14567,
        }
    }

    fn of(name: &str) -> Option<Scheme> {
        Some(match name.to_ascii_lowercase().as_str() {
            "tcp" | "mqtt" => Scheme::Tcp,
            "tcps" | "mqtts" => Scheme::Tcps,
            "ws" => Scheme::Ws,
            "wss" => Scheme::Wss,
            "http" => Scheme::Http,
            "https" => Scheme::Https,
            "mqtt-quic" | "mqttq" => Scheme::MqttQuic,
            "quic" => Scheme::Quic,
            _ => return None,
        })
    }
}

/// A URL that an endpoint can have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Url {
    /// On a network.
    Network {
        /// What is spoken.
        scheme: Scheme,
        /// Name or address, IPv6 without brackets.
        host: String,
        /// Port, if there is one.
        port: Option<u16>,
    },
    /// A Unix domain socket: a file, or the name of an abstract socket after `@`.
    Unix(PathBuf),
}

scalar!(Url);

impl Scalar for Url {
    fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        unix(text).or_else(|| network(text)).ok_or_else(|| {
            let network =
                "SCHEME://HOST[:PORT] with tcp, mqtt, tcps, mqtts, ws, http, wss, https, mqtt-quic, mqttq or quic";
            format!("{network}, or unix:/PATH, or unix:@NAME")
        })
    }

    fn title() -> String {
        "URL".to_owned()
    }
}

/// `unix:/path`, `unix:///path`, `unix:@name`, `unix:///@name`, the same with `file`, `/path`, and Kestrel's `http://unix:/path`.
fn unix(text: &str) -> Option<Url> {
    let path = match text.split_once(':') {
        _ if text.starts_with('/') => text,
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("unix") || scheme.eq_ignore_ascii_case("file") => {
            rest.strip_prefix("//").unwrap_or(rest)
        }
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => rest.strip_prefix("//unix:")?,
        _ => return None,
    };
    let path = if path.starts_with("/@") { &path[1..] } else { path };
    let named = path.len() > 1 && (path.starts_with('/') || path.starts_with('@')) && !path.contains('\0');
    named.then(|| Url::Unix(PathBuf::from(path)))
}

fn network(text: &str) -> Option<Url> {
    let (scheme, rest) = text.split_once("://")?;
    let scheme = Scheme::of(scheme)?;
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let web = matches!(scheme, Scheme::Ws | Scheme::Wss | Scheme::Http | Scheme::Https);
    // WebSocket is at /mqtt on every endpoint; saying so is allowed, saying something else would be ignored.
    if !matches!((path, web), ("" | "/", _) | ("/mqtt" | "/mqtt/", true)) {
        return None;
    }
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest.split_once(']')?;
            let address = host.split_once('%').map_or(host, |(address, _zone)| address);
            address.parse::<Ipv6Addr>().ok()?;
            (host, if port.is_empty() { None } else { Some(port.strip_prefix(':')?) })
        }
        None => match authority.split_once(':') {
            Some((host, port)) => (name(host)?, Some(port)),
            None => (name(authority)?, None),
        },
    };
    let port = match port {
        Some(port) if port.bytes().all(|byte| byte.is_ascii_digit()) => Some(port.parse().ok()?),
        Some(_) => return None,
        None => None,
    };
    Some(Url::Network { scheme, host: everywhere(host).to_owned(), port })
}

fn name(host: &str) -> Option<&str> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    (matches!(host, "*" | "+") || !host.is_empty() && host.bytes().all(plain)).then_some(host)
}

/// `*` and `+` are how Kestrel and HttpListener write every address.
pub fn everywhere(host: &str) -> &str {
    if matches!(host, "*" | "+") { "::" } else { host }
}
