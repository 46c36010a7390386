//! WebSockets as a server keeps them: its pings, and what it says at the end.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

use mqtt_server::{
    Counter, Limits,
    endpoint::{Address, Endpoint, HostPort},
};

use crate::{
    BOUND,
    peer::{Connect, V5, V311},
    running::Running,
};

const BINARY: u8 = 0x82;
const CLOSE: u8 = 0x88;
const PING: u8 = 0x89;
const PONG: u8 = 0x8A;

const UPGRADE: &[u8] = b"GET /mqtt HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n";

/// A server with one HTTP endpoint.
fn start(ping_interval: Option<Duration>) -> Running {
    let place = HostPort { host: "127.0.0.1".to_owned(), port: 0 };
    let mut endpoint = Endpoint::new("http", Address::Http(place));
    endpoint.web_socket.ping_interval = ping_interval;
    Running::at(endpoint, Limits::default())
}

/// A client that speaks MQTT through a WebSocket.
struct Client(TcpStream);

impl Client {
    /// Connects, up to CONNACK.
    fn connect(server: &Running, connect: &Connect<'_>) -> Client {
        let mut stream = TcpStream::connect(server.address()).expect("the server listens");
        stream.set_read_timeout(Some(BOUND)).expect("the bound is not zero");
        stream.write_all(UPGRADE).expect("the server reads");
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).expect("an answer");
            answer.extend(byte);
        }
        assert!(answer.starts_with(b"HTTP/1.1 101 "), "{}", String::from_utf8_lossy(&answer));
        let mut client = Client(stream);
        client.send(BINARY, &connect.encode());
        let (opcode, packet) = client.frame();
        assert_eq!((opcode, packet[0]), (BINARY, 0x20), "CONNACK");
        client
    }

    fn send(&mut self, first: u8, payload: &[u8]) {
        let length = 0x80 | u8::try_from(payload.len()).expect("short");
        // A key of zeros changes nothing.
        self.0.write_all(&[&[first, length, 0, 0, 0, 0], payload].concat()).expect("the server reads");
    }

    fn frame(&mut self) -> (u8, Vec<u8>) {
        let mut head = [0; 2];
        self.0.read_exact(&mut head).expect("a frame");
        let mut payload = vec![0; usize::from(head[1])];
        self.0.read_exact(&mut payload).expect("its payload");
        (head[0], payload)
    }

    /// The next frame is a Close with this code, and the last.
    fn is_closed_with(&mut self, code: u16) {
        assert_eq!(self.frame(), (CLOSE, code.to_be_bytes().to_vec()));
        let mut rest = Vec::new();
        self.0.read_to_end(&mut rest).expect("the end");
        assert_eq!(rest, [0; 0]);
    }
}

#[test]
fn whoever_answers_no_ping_is_gone_and_whoever_does_stays() {
    let server = start(Some(Duration::from_millis(300)));
    let mut answering = Client::connect(&server, &Connect::new(V311, "answering"));
    for _ in 0..4 {
        assert_eq!(answering.frame(), (PING, Vec::new()));
        answering.send(PONG, b"");
    }
    server.counts(Counter::PingTimeouts, 0);
    let mut silent = Client::connect(&server, &Connect::new(V311, "silent"));
    drop(answering);
    assert_eq!(silent.frame(), (PING, Vec::new()));
    silent.is_closed_with(1000);
    server.counts(Counter::PingTimeouts, 1);
    server.has_connections(0);
}

#[test]
fn packets_answer_a_ping_as_well() {
    let server = start(Some(Duration::from_millis(300)));
    let mut client = Client::connect(&server, &Connect::new(V311, "a"));
    for _ in 0..3 {
        assert_eq!(client.frame(), (PING, Vec::new()));
        client.send(BINARY, &[0xC0, 0]);
        assert_eq!(client.frame(), (BINARY, vec![0xD0, 0]));
    }
    server.counts(Counter::PingTimeouts, 0);
}

#[test]
fn a_close_says_whether_the_server_ends_or_only_the_connection() {
    let server = start(None);
    let mut leaving = Client::connect(&server, &Connect::new(V311, "leaving"));
    leaving.send(BINARY, &[0xE0, 0]);
    leaving.is_closed_with(1000);
    let mut wrong = Client::connect(&server, &Connect::new(V311, "wrong"));
    wrong.send(BINARY, &[0xF0, 0]); // AUTH is no packet of 3.1.1
    wrong.is_closed_with(1000);

    let mut v311 = Client::connect(&server, &Connect::new(V311, "v311"));
    let mut v5 = Client::connect(&server, &Connect::new(V5, "v5"));
    let ending = server.stop();
    let (opcode, packet) = v5.frame();
    assert_eq!((opcode, packet[0], packet[2]), (BINARY, 0xE0, 0x8B), "Server shutting down");
    v5.is_closed_with(1001);
    v311.is_closed_with(1001);
    drop((v311, v5));
    assert_eq!(ending.wait().1, 0);
}
