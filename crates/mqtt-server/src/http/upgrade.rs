//! The handshake that turns an HTTP request into a WebSocket: RFC 6455, section 4 on HTTP/1.1, RFC 8441 on HTTP/2.
//!
//! The answers only; what happens with the connection behind them is the business of the module above.

use super::Body;
use super::text;
use crate::endpoint::WebSocketOptions;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper::body::Bytes;
use hyper::ext::Protocol;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Method, Response, StatusCode, Version};
use sha1::{Digest, Sha1};

/// Where WebSockets are.
const PATH: &str = "/mqtt";

/// Sub-protocols [MQTT-6.0.0-4]. Any version of MQTT may be spoken in either: the CONNECT packet says which.
const PROTOCOLS: [&str; 2] = ["mqtt", "mqttv3.1"];

/// Appended to the key of a handshake on HTTP/1.1 (RFC 6455, 1.3).
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// What a request comes to.
pub(super) enum Handshake {
    /// It is for another part of the site.
    Elsewhere,
    /// A WebSocket begins behind this answer.
    Accepted(Response<Body>),
    /// No WebSocket.
    Refused(Refusal),
}

/// Answers `request`.
pub(super) fn answer(request: &Parts, options: &WebSocketOptions) -> Handshake {
    let path = request.uri.path();
    if path.strip_suffix('/').unwrap_or(path) != PATH {
        return match request.method {
            Method::CONNECT => Handshake::Refused(Refusal::NoProxy),
            _ => Handshake::Elsewhere,
        };
    }
    let begun = match request.version {
        Version::HTTP_2 => extended_connect(request),
        _ => upgrade(request),
    };
    match begun.and_then(|response| choose_protocol(response, &request.headers, options)) {
        Ok(response) => Handshake::Accepted(response),
        Err(refusal) => Handshake::Refused(refusal),
    }
}

/// RFC 6455, 4.2.
fn upgrade(request: &Parts) -> Result<Response<Body>, Refusal> {
    let headers = &request.headers;
    if request.method != Method::GET {
        return Err(Refusal::NotGet);
    }
    if request.version != Version::HTTP_11 || !lists(headers, header::UPGRADE, "websocket") {
        return Err(Refusal::NoUpgrade);
    }
    if !lists(headers, header::CONNECTION, "upgrade") {
        return Err(Refusal::Connection);
    }
    check_version(headers)?;
    let Some(key) = single(headers, &header::SEC_WEBSOCKET_KEY).filter(|key| is_key(key)) else {
        return Err(Refusal::Key);
    };
    let mut response = Response::new(Body::from(Bytes::new()));
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept(key));
    Ok(response)
}

/// RFC 8441, section 5: no key and no upgrade, the stream itself becomes the WebSocket.
fn extended_connect(request: &Parts) -> Result<Response<Body>, Refusal> {
    if request.method != Method::CONNECT {
        return Err(Refusal::NotConnect);
    }
    if request.extensions.get::<Protocol>().map(Protocol::as_str) != Some("websocket") {
        return Err(Refusal::Protocol);
    }
    check_version(&request.headers)?;
    Ok(Response::new(Body::from(Bytes::new())))
}

fn check_version(headers: &HeaderMap) -> Result<(), Refusal> {
    match single(headers, &header::SEC_WEBSOCKET_VERSION) {
        Some(b"13") => Ok(()),
        _ => Err(Refusal::Version),
    }
}

/// What is the same in all versions of HTTP.
fn choose_protocol(
    mut response: Response<Body>,
    headers: &HeaderMap,
    options: &WebSocketOptions,
) -> Result<Response<Body>, Refusal> {
    if !is_allowed_origin(headers, &options.allowed_origins) {
        return Err(Refusal::Origin);
    }
    let mut offered = values(headers, &header::SEC_WEBSOCKET_PROTOCOL);
    // The client's order is its preference.
    let chosen = offered.find_map(|offer| PROTOCOLS.into_iter().find(|known| *known == offer));
    let chosen = chosen.ok_or(Refusal::SubProtocol)?;
    response.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(chosen));
    Ok(response)
}

/// Browsers name the origin of the page; other programs do not, and could name any.
fn is_allowed_origin(headers: &HeaderMap, allowed: &[String]) -> bool {
    let fits = |origin: &HeaderValue| {
        allowed.iter().any(|known| known == "*" || known.as_bytes().eq_ignore_ascii_case(origin.as_bytes()))
    };
    allowed.is_empty() || headers.get_all(header::ORIGIN).iter().all(fits)
}

/// 16 bytes in Base64. The last of 24 characters but two carries four bits that say nothing; all their values are taken.
fn is_key(key: &[u8]) -> bool {
    matches!(key, [digits @ .., b'=', b'='] if digits.len() == 22
        && digits.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/')))
}

fn accept(key: &[u8]) -> HeaderValue {
    let digest = Sha1::new().chain_update(key).chain_update(GUID).finalize();
    HeaderValue::from_str(&STANDARD.encode(digest)).expect("Base64 is ASCII")
}

/// The value of a header that may stand there once.
fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a [u8]> {
    let mut values = headers.get_all(name).iter();
    let first = values.next()?;
    values.next().is_none().then_some(first.as_bytes().trim_ascii())
}

/// The elements of a list that may be spread over headers.
fn values<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    let lines = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    lines.flat_map(|line| line.split(',').map(str::trim))
}

fn lists(headers: &HeaderMap, name: HeaderName, wanted: &str) -> bool {
    values(headers, &name).any(|value| value.eq_ignore_ascii_case(wanted))
}

/// Why there is no WebSocket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    NoProxy,
    NotGet,
    NoUpgrade,
    Connection,
    Version,
    Key,
    NotConnect,
    Protocol,
    Origin,
    SubProtocol,
}

impl Refusal {
    pub(super) fn response(self) -> Response<Body> {
        let (status, what) = match self {
            Refusal::NoProxy => (StatusCode::NOT_IMPLEMENTED, "this server is no proxy\n"),
            Refusal::NotGet => (StatusCode::METHOD_NOT_ALLOWED, "a WebSocket begins with GET\n"),
            Refusal::NoUpgrade => (StatusCode::UPGRADE_REQUIRED, "this is the address of a WebSocket, for MQTT\n"),
            Refusal::Connection => (StatusCode::BAD_REQUEST, "the Connection header does not say Upgrade\n"),
            Refusal::Version => (StatusCode::UPGRADE_REQUIRED, "the version of WebSocket here is 13\n"),
            Refusal::Key => (StatusCode::BAD_REQUEST, "Sec-WebSocket-Key is not 16 bytes in Base64\n"),
            Refusal::NotConnect => (StatusCode::BAD_REQUEST, "this is the address of a WebSocket, for MQTT\n"),
            Refusal::Protocol => (StatusCode::NOT_IMPLEMENTED, "the only protocol for CONNECT is websocket\n"),
            Refusal::Origin => (StatusCode::FORBIDDEN, "pages of this origin may not connect\n"),
            Refusal::SubProtocol => {
                (StatusCode::BAD_REQUEST, "none of the offered sub-protocols is mqtt or mqttv3.1\n")
            }
        };
        let mut response = text(status, what);
        let headers = response.headers_mut();
        if self == Refusal::NotGet {
            headers.insert(header::ALLOW, HeaderValue::from_static("GET"));
        }
        if status == StatusCode::UPGRADE_REQUIRED {
            headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
            headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
            headers.insert(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
        }
        response
    }
}
