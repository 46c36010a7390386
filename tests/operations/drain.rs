//! SIGTERM: what becomes of those who are there.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    time::{Duration, Instant},
};

use rustix::process::Signal;
use serde_json::json;

use crate::{
    certificates::Authority,
    folder::Folder,
    http::get,
    mqtt::{self, ACCEPTED, Level, Outcome},
    program::{Program, Setting},
    script, until,
};

/// Pairs of a publisher and a subscriber, by what carries them, with the scheme of the program's URL.
const PAIRS: [(&str, &str, u64); 4] =
    [("tcp", "mqtt", 440), ("tls", "mqtts", 20), ("wss", "https", 20), ("quic", "mqtt-quic", 20)];

/// A client that is in.
fn client(address: SocketAddr, level: Level) -> TcpStream {
    let mut stream = mqtt::dial(address);
    assert_eq!(mqtt::enter(&mut stream, &mqtt::connect(level, None)), ACCEPTED);
    stream
}

/// Everything until the end of the connection.
fn rest(stream: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).expect("an orderly end");
    bytes
}

#[test]
fn a_thousand_clients_are_sent_away_and_nothing_acknowledged_is_lost() {
    let modules = ["aioquic", "websockets"];
    let Some(mut pairs) = script::python("tests/operations/scripts/pairs.py", &modules) else { return };
    let folder = Folder::new();
    let authority = Authority::new("Servers");
    let ca = folder.write("servers.pem", &authority.certificate);
    let [certificate, key] = authority.leaf("broker.test").write(&folder, "server");
    let settings = [
        ("Endpoints__tls__Url", "mqtts://127.0.0.1:0"),
        ("Endpoints__web__Url", "https://127.0.0.1:0"),
        ("Endpoints__quic__Url", "mqtt-quic://127.0.0.1:0"),
        ("Certificates__Default__Path", certificate.to_str().expect("text")),
        ("Certificates__Default__KeyPath", key.to_str().expect("text")),
        ("Shutdown__GracePeriod", "30s"),
        ("Shutdown__FlushTimeout", "10s"),
    ];
    let mut program = Program::start(&folder, &[], &settings);
    for (kind, scheme, count) in PAIRS {
        let port = program.address(scheme).port();
        let place = json!({ "kind": kind, "host": "127.0.0.1", "port": port, "ca": ca, "count": count, "bound": 60 });
        pairs.step("open", place);
    }
    pairs.step("run", json!({ "bound": 60 }));
    let start = Instant::now();
    program.signal(Signal::TERM);
    let results = pairs.step("results", json!({ "bound": 60 }));
    let code = program.exit_code();
    let took = start.elapsed();
    eprintln!("{took:?}: {results}");
    assert_eq!(code, Some(0));
    assert!(took < Duration::from_secs(30), "{took:?}");
    assert!(took > Duration::from_millis(1900), "500 a second: {took:?}");
    assert_eq!(results["lost"], json!([]));
    assert_eq!(results["repeated"], 0);
    let total: u64 = PAIRS.iter().map(|(_, _, count)| count).sum();
    assert!(results["acknowledged"].as_u64() >= Some(5 * total), "{results}");
    // Half of them speak 5.0 and are told 0x8B; the others are closed without a word.
    assert_eq!(results["codes"], json!({ "139": total, "None": total }));
}

/// An internal endpoint with probes.
const INTERNAL: [Setting; 2] =
    [("Endpoints__internal__Url", "http://127.0.0.1:0"), ("Endpoints__internal__Services", "health metrics")];

#[test]
fn it_is_not_ready_any_more_and_serves_until_the_delay_is_over() {
    let folder = Folder::new();
    let settings = [INTERNAL[0], INTERNAL[1], ("Shutdown__PreStopDelay", "1s"), ("Shutdown__FlushTimeout", "3s")];
    let mut program = Program::start(&folder, &[], &settings);
    let (mqtt, http) = (program.address("mqtt"), program.address("http"));
    until(|| get(http, "/readyz").code == 200, "it is ready");
    // It will not acknowledge, so it takes its time: the end is seen by others.
    let mut slow = client(mqtt, Level::V311);
    slow.write_all(b"\x82\x06\x00\x01\x00\x01t\x01").expect("SUBSCRIBE");
    slow.write_all(b"\x32\x06\x00\x01t\x00\x01x").expect("PUBLISH");
    let mut answers = [0; 17];
    slow.read_exact(&mut answers).expect("SUBACK, PUBACK and PUBLISH");

    program.signal(Signal::TERM);
    until(|| get(http, "/readyz").code == 503, "it is not ready");
    assert_eq!(get(http, "/readyz").body, "shutdown: the server is ending\n");
    assert_eq!(get(http, "/livez").code, 200);
    let mut late = client(mqtt, Level::V5);
    until(|| TcpStream::connect(mqtt).is_err(), "it listens no more");
    assert_eq!(rest(&mut late)[..3], [0xE0, 25, 0x8B]);
    // The endpoint without MQTT is there to the end.
    assert_eq!(get(http, "/readyz").code, 503);
    assert!(get(http, "/metrics").body.contains("\nmqtt_server_ready 0\n"));
    assert_eq!(rest(&mut slow), [0; 0]);
    assert_eq!(program.exit_code(), Some(0));
}

#[test]
fn who_is_still_opening_is_refused() {
    let folder = Folder::new();
    let mut program = Program::start(&folder, &[], &[("Shutdown__ServerReference", "other.example:1883")]);
    let address = program.address("mqtt");
    // One that has sent half of its CONNECT, and one that waits for its answers in TCP.
    let hello = mqtt::connect(Level::V311, None);
    let mut half = mqtt::dial(address);
    half.write_all(&hello[..5]).expect("it is open");
    let mut told = client(address, Level::V5);
    program.signal(Signal::TERM);
    let said = rest(&mut told);
    assert_eq!((said[0], said[2]), (0xE0, 0x9C), "{said:x?}");
    let reference = b"\x1c\x00\x12other.example:1883";
    assert!(said.windows(reference.len()).any(|window| window == reference), "{said:x?}");
    let outcome = mqtt::enter(&mut half, &hello[5..]);
    assert!(matches!(outcome, Outcome::Closed | Outcome::Connack(3)), "{outcome:?}");
    assert_eq!(program.exit_code(), Some(0));
}

#[test]
fn nobody_keeps_it_by_being_silent_or_slow() {
    let folder = Folder::new();
    let settings = [("Endpoints__tls__Url", "mqtts://127.0.0.1:0"), ("Shutdown__FlushTimeout", "1s")];
    let mut program = Program::start(&folder, &[], &settings);
    // In the middle of a TLS handshake, and deaf with a full socket.
    let mut shaking = mqtt::dial(program.address("mqtts"));
    shaking.write_all(b"\x16\x03\x01").expect("it is open");
    let mut deaf = client(program.address("mqtt"), Level::V311);
    deaf.write_all(b"\x82\x06\x00\x01\x00\x01t\x00").expect("SUBSCRIBE");
    let mut publisher = client(program.address("mqtt"), Level::V311);
    let large = [&b"\x30\x83\x80\x04\x00\x01t"[..], &[0; 65536]].concat();
    for _ in 0..100 {
        publisher.write_all(&large).expect("it is read");
    }
    assert!(mqtt::alive(&mut publisher));
    let start = Instant::now();
    program.signal(Signal::TERM);
    assert_eq!(program.exit_code(), Some(0));
    assert!(start.elapsed() < Duration::from_secs(8), "{:?}", start.elapsed());
    drop((shaking, deaf));
}

#[test]
fn a_second_signal_ends_it_now() {
    let folder = Folder::new();
    for (first, second, code) in [(Signal::TERM, Signal::TERM, 143), (Signal::INT, Signal::INT, 130)] {
        let mut program = Program::start(&folder, &[], &[("Shutdown__PreStopDelay", "20s")]);
        let _client = client(program.address("mqtt"), Level::V5);
        let start = Instant::now();
        program.signal(first);
        program.says("ending: 1 connections are sent away");
        program.signal(second);
        assert_eq!(program.exit_code(), Some(code));
        assert!(start.elapsed() < Duration::from_secs(8), "{:?}", start.elapsed());
    }
}

#[test]
fn the_grace_period_is_the_end_of_all_patience() {
    let folder = Folder::new();
    let settings =
        [("Shutdown__GracePeriod", "2s"), ("Shutdown__PreStopDelay", "1h"), ("Shutdown__FlushTimeout", "1h")];
    let mut program = Program::start(&folder, &[], &settings);
    let mut told = client(program.address("mqtt"), Level::V5);
    let start = Instant::now();
    program.signal(Signal::TERM);
    assert_eq!(rest(&mut told)[2], 0x8B);
    assert_eq!(program.exit_code(), Some(0));
    assert!(start.elapsed() < Duration::from_secs(6), "{:?}", start.elapsed());
}

#[test]
fn wills_are_published_or_dropped() {
    let folder = Folder::new();
    for (wills, expected) in [("Publish", &b"\x30\x04\x00\x01wg"[..]), ("Drop", b"")] {
        let mut program = Program::start(&folder, &[], &[("Shutdown__Wills", wills)]);
        let mut observer = client(program.address("mqtt"), Level::V311);
        observer.write_all(b"\x82\x06\x00\x01\x00\x01w\x00").expect("SUBSCRIBE");
        let mut suback = [0; 5];
        observer.read_exact(&mut suback).expect("SUBACK");
        let mut mortal = mqtt::dial(program.address("mqtt"));
        let connect = b"\x10\x13\x00\x04MQTT\x04\x06\x00\x00\x00\x01m\x00\x01w\x00\x01g";
        assert_eq!(mqtt::enter(&mut mortal, connect), ACCEPTED);
        program.signal(Signal::TERM);
        assert_eq!(rest(&mut observer), expected, "{wills}");
        assert_eq!(program.exit_code(), Some(0));
    }
}

#[test]
fn the_delay_is_longer_in_kubernetes() {
    let folder = Folder::new();
    let mut command = crate::program::command(&folder, &[], &[]);
    command.env("KUBERNETES_SERVICE_HOST", "10.0.0.1");
    let mut program = Program::spawn(command);
    let _stays = client(program.address("mqtt"), Level::V5);
    let start = Instant::now();
    program.signal(Signal::TERM);
    assert_eq!(program.exit_code(), Some(0));
    let took = start.elapsed();
    assert!((Duration::from_secs(5)..Duration::from_secs(15)).contains(&took), "{took:?}");
}
