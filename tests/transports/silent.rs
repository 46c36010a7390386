//! Clients that connect and say nothing: the connect timeout covers every handshake, and nobody waits for them.

use std::{
    io::{Read, Write},
    net::TcpStream,
    thread,
    time::{Duration, Instant},
};

use crate::{folder::Folder, mqtt, openssl, program::Program, script};

const SCHEMES: [&str; 4] = ["mqtt", "mqtts", "http", "https"];

const CONNECT_TIMEOUT: Duration = Duration::from_millis(500);

/// For how long the kernel may keep a client that has said nothing yet to itself.
const HELD_BACK: Duration = Duration::from_secs(1);

/// What a busy machine may add.
const SLACK: Duration = Duration::from_secs(2);

const UPGRADE: &[u8] = b"GET /mqtt HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n";

/// Waits for the end or a reset, and says how long after `since` it came.
fn end(mut stream: TcpStream, since: Instant) -> Option<Duration> {
    match stream.read_to_end(&mut Vec::new()) {
        Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => None,
        Ok(_) | Err(_) => Some(since.elapsed()),
    }
}

#[test]
fn whoever_says_nothing_is_closed_after_the_connect_timeout() {
    let folder = Folder::new();
    let settings = [
        ("Endpoints__tls__Url", "mqtts://127.0.0.1:0"),
        ("Endpoints__http__Enabled", "true"),
        ("Endpoints__http__Url", "http://127.0.0.1:0"),
        ("Endpoints__web__Url", "https://127.0.0.1:0"),
        ("Limits__ConnectTimeout", "500ms"),
    ];
    let program = Program::start(&folder, &[], &settings);
    let mut waiting: Vec<_> = SCHEMES.map(|scheme| (scheme, scheme, &b""[..], HELD_BACK)).into();
    waiting.push(("half a CONNECT", "mqtt", b"\x10\x20\x00\x04MQTT", Duration::ZERO));
    waiting.push(("half a request", "http", b"GET /mqtt HTTP/1.1\r\nHost", Duration::ZERO));
    waiting.push(("half a handshake", "mqtts", b"\x16\x03\x01", Duration::ZERO));
    waiting.push(("WebSocket without CONNECT", "http", UPGRADE, Duration::ZERO));
    let waiting = waiting.into_iter().map(|(who, scheme, bytes, held_back)| {
        let since = Instant::now();
        let mut stream = mqtt::dial(program.address(scheme));
        stream.write_all(bytes).expect("the program reads");
        (who, held_back, thread::spawn(move || end(stream, since)))
    });
    for (who, held_back, end) in waiting.collect::<Vec<_>>() {
        let took = end.join().expect("reading does not panic").unwrap_or_else(|| panic!("{who} is still there"));
        assert!(took >= CONNECT_TIMEOUT, "{who} was closed after {took:?}");
        assert!(took < CONNECT_TIMEOUT + held_back + SLACK, "{who} was closed after {took:?}");
    }
}

#[test]
fn nobody_waits_for_those_who_do_not_shake_hands() {
    if !script::has("openssl", "version") {
        return;
    }
    let folder = Folder::new();
    let settings = [("Endpoints__tls__Url", "mqtts://127.0.0.1:0"), ("Limits__ConnectTimeout", "1h")];
    let program = Program::start(&folder, &[], &settings);
    let address = program.address("mqtts");
    let silent: Vec<_> = (0..200).map(|_| mqtt::dial(address)).collect();
    assert!(openssl::shakes(address, &[]).is_some());
    drop(silent);
}
