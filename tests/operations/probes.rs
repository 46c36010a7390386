//! Probes: what they answer, where, and that nothing keeps them from it.

use std::{
    io::Write,
    net::{SocketAddr, TcpStream},
};

use serde_json::{Value, json};

use crate::{
    folder::Folder,
    http::{ask, get},
    mqtt::{self, ACCEPTED, Level},
    program::{Program, Setting},
    until,
};

/// The default HTTP endpoint on a free port of the loopback interface.
pub const HTTP: [Setting; 2] = [("Endpoints__http__Enabled", "true"), ("Endpoints__http__Url", "http://127.0.0.1:0")];

/// A program with [`HTTP`] and `settings`.
pub fn start(folder: &Folder, settings: &[Setting]) -> Program {
    Program::start(folder, &[], &[&HTTP, settings].concat())
}

#[test]
fn every_name_of_a_probe_answers_and_needs_no_password() {
    let folder = Folder::new();
    let program = start(&folder, &[("AllowAnonymous", "false")]);
    let address = program.address("http");
    until(|| get(address, "/readyz").code == 200, "it is ready");
    for (path, body) in [
        ("/livez", "ok\n"),
        ("/readyz", "ok\n"),
        ("/startupz", "ok\n"),
        ("/readyz/listeners", "ok\n"),
        ("/livez/workers", "ok\n"),
        ("/healthz/live", "ok\n"),
        ("/health", "Healthy"),
        ("/alive", "Healthy"),
        ("/healthz", "Healthy"),
    ] {
        let answer = get(address, path);
        assert_eq!((answer.code, answer.body.as_str()), (200, body), "{path}");
        assert_eq!(answer.header("cache-control"), "no-store", "{path}");
    }
    let verbose: Value = serde_json::from_str(&get(address, "/readyz?verbose").body).expect("JSON");
    let names = ["listeners", "shutdown", "connections", "queues", "overload"];
    let checks = names.map(|name| json!({ "name": name, "status": "ok" }));
    assert_eq!(verbose, json!({ "status": "ok", "checks": checks }));
    let memory: Value = serde_json::from_str(&get(address, "/healthz/memory").body).expect("JSON");
    assert_eq!(memory["status"], "Healthy");
    assert_eq!(memory["checks"]["memoryCheck"]["tags"], json!(["memory"]));
    assert_eq!(get(address, "/readyz/nonsense").code, 404);
}

#[test]
fn only_get_and_head() {
    let folder = Folder::new();
    let program = start(&folder, &[]);
    let address = program.address("http");
    let head = ask(address, "HEAD", "/livez", "").expect("an answer");
    assert_eq!((head.code, head.body.as_str(), head.header("content-length")), (200, "", "3"));
    for path in ["/livez", "/metrics"] {
        let answer = ask(address, "POST", path, "Content-Length: 0\r\n").expect("an answer");
        assert_eq!((answer.code, answer.header("allow")), (405, "GET, HEAD"), "{path}");
    }
}

#[test]
fn an_endpoint_offers_what_it_is_told_to() {
    let folder = Folder::new();
    let found = |settings: &[Setting]| -> Vec<&str> {
        let program = start(&folder, settings);
        let address = program.address("http");
        let paths = ["/mqtt", "/livez", "/health", "/metrics"];
        paths.into_iter().filter(|path| get(address, path).code != 404).collect()
    };
    assert_eq!(found(&[]), ["/mqtt", "/livez", "/health", "/metrics"]);
    assert_eq!(found(&[("Endpoints__http__Services", "mqtt")]), ["/mqtt"]);
    assert_eq!(found(&[("Endpoints__http__Services", "health metrics")]), ["/livez", "/health", "/metrics"]);
    assert_eq!(found(&[("Endpoints__http__Services", "metrics")]), ["/metrics"]);
    // On all addresses `ws` offers less than `http`.
    let program = Program::start(&folder, &[], &[HTTP[0], ("Endpoints__http__Url", "ws://[::]:0")]);
    let address = program.address("http");
    assert_eq!((get(address, "/health").code, get(address, "/metrics").code), (200, 404));
}

#[test]
fn a_full_server_answers_probes_and_says_that_it_is_full() {
    let folder = Folder::new();
    let program = start(&folder, &[("Limits__Connections", "5")]);
    let address = program.address("http");
    let held: Vec<TcpStream> = (0..5)
        .map(|_| {
            let mut stream = mqtt::dial(program.address("mqtt"));
            assert_eq!(mqtt::enter(&mut stream, &mqtt::connect(Level::V5, None)), ACCEPTED);
            stream
        })
        .collect();
    until(|| get(address, "/readyz").code == 503, "it is full");
    assert_eq!(get(address, "/readyz").body, "connections: there are about as many connections as there may be\n");
    assert_eq!((get(address, "/readyz/queues").code, get(address, "/livez").code), (200, 200));
    let upgrade = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
                   Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: mqtt\r\n";
    assert_eq!(ask(address, "GET", "/mqtt", upgrade).expect("an answer").code, 503, "a WebSocket has no place");
    drop(held);
    until(|| get(address, "/readyz").code == 200, "there is room again");
}

/// A connection in the middle of a request.
fn halfway(address: SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(address).expect("it listens");
    stream.write_all(b"GET /livez HTTP/1.1\r\n").expect("it is open");
    stream
}

#[test]
fn the_last_places_are_held_for_a_second_each() {
    let folder = Folder::new();
    let program = start(&folder, &[("Limits__Connections", "1")]);
    let address = program.address("http");
    let mut client = mqtt::dial(program.address("mqtt"));
    assert_eq!(mqtt::enter(&mut client, &mqtt::connect(Level::V5, None)), ACCEPTED);
    let silent: Vec<TcpStream> = (0..16).map(|_| halfway(address)).collect();
    until(|| ask(address, "GET", "/livez", "").is_err(), "no place is left");
    until(|| ask(address, "GET", "/livez", "").is_ok_and(|answer| answer.code == 200), "the silent ones are closed");
    drop((silent, client));
}

#[test]
fn an_endpoint_without_mqtt_has_places_of_its_own() {
    let folder = Folder::new();
    let settings = [
        ("Limits__Connections", "1"),
        ("Endpoints__internal__Url", "http://127.0.0.1:0"),
        ("Endpoints__internal__Services", "health"),
    ];
    let program = Program::start(&folder, &[], &settings);
    let address = program.address("http");
    // Those that say half of something hold all places of such endpoints, and none of those of clients.
    let silent: Vec<TcpStream> = (0..64).map(|_| halfway(address)).collect();
    until(|| ask(address, "GET", "/livez", "").is_err(), "no place is left");
    let mut client = mqtt::dial(program.address("mqtt"));
    assert_eq!(mqtt::enter(&mut client, &mqtt::connect(Level::V5, None)), ACCEPTED);
    drop(silent);
    until(|| ask(address, "GET", "/livez", "").is_ok_and(|answer| answer.code == 200), "they are gone");
}

#[test]
fn an_endpoint_that_is_not_open_is_told() {
    let folder = Folder::new();
    let file = folder.write("lacewing.json", "{}");
    let program = Program::start(&folder, &[&file], &HTTP);
    let address = program.address("http");
    until(|| get(address, "/readyz").code == 200, "it is ready");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("the loopback has free ports");
    let url = format!("tcp://{}", taken.local_addr().expect("it is bound"));
    folder.write("lacewing.json", json!({ "Endpoints": { "second": { "Url": url } } }).to_string());
    program.hang_up();
    until(|| get(address, "/readyz/listeners").code == 503, "one is not open");
    drop(taken);
    program.hang_up();
    until(|| get(address, "/readyz").code == 200, "all are open");
}
