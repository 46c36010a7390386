//! HAProxy in front of an endpoint, and PROXY headers from those who may not send them.

use std::{
    net::{SocketAddr, TcpListener, TcpStream},
    process::Command,
    thread,
    time::{Duration, Instant},
};

use crate::{
    BOUND,
    child::Process,
    folder::Folder,
    mqtt::{self, ACCEPTED, Level, Outcome},
    program::Program,
    script,
};

#[test]
fn clients_come_through_haproxy() {
    if !script::has("haproxy", "-v") {
        return;
    }
    for version in ["send-proxy", "send-proxy-v2"] {
        let folder = Folder::new();
        let program = Program::start(&folder, &[], &[("Endpoints__mqtt__ProxyProtocolFrom", "127.0.0.0/8")]);
        let (_haproxy, front) = haproxy(&folder, program.address("mqtt"), version);
        let mut client = mqtt::dial(front);
        assert_eq!(mqtt::enter(&mut client, &mqtt::connect(Level::V5, None)), ACCEPTED, "{version}");
        assert!(mqtt::alive(&mut client), "{version}");
        // Who may send a header must.
        let hello = mqtt::connect(Level::V5, None);
        assert_eq!(mqtt::enter(&mut mqtt::dial(program.address("mqtt")), &hello), Outcome::Closed, "without a header");
    }
}

#[test]
fn a_header_from_elsewhere_than_the_trusted_networks_is_refused() {
    let folder = Folder::new();
    let program = Program::start(&folder, &[], &[("Endpoints__mqtt__ProxyProtocolFrom", "10.0.0.0/8")]);
    let hello = mqtt::connect(Level::V5, None);
    let [v1, v2] = headers();
    for header in [v1, v2] {
        let forged = [header, hello.clone()].concat();
        assert_eq!(mqtt::enter(&mut mqtt::dial(program.address("mqtt")), &forged), Outcome::Closed);
    }
    assert_eq!(mqtt::enter(&mut mqtt::dial(program.address("mqtt")), &hello), ACCEPTED, "without a header");
}

/// The two forms of a header for 192.0.2.1:4711 to 192.0.2.2:1883.
fn headers() -> [Vec<u8>; 2] {
    let v2 = [
        b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c".as_slice(),
        &[192, 0, 2, 1, 192, 0, 2, 2],
        &4711_u16.to_be_bytes(),
        &1883_u16.to_be_bytes(),
    ];
    [b"PROXY TCP4 192.0.2.1 192.0.2.2 4711 1883\r\n".to_vec(), v2.concat()]
}

/// Starts HAProxy in front of `server`, and gives where it listens.
fn haproxy(folder: &Folder, server: SocketAddr, version: &str) -> (Process, SocketAddr) {
    // HAProxy does not tell which port it got: a port that was free just now.
    let listener = TcpListener::bind("127.0.0.1:0").expect("the loopback has free ports");
    let front = listener.local_addr().expect("it is bound");
    drop(listener);
    let config = format!(
        "defaults\n mode tcp\n timeout connect 5s\n timeout client 1m\n timeout server 1m\n\
         listen mqtt\n bind {front}\n server broker {server} {version}\n"
    );
    let mut command = Command::new("haproxy");
    command.arg("-db").arg("-f").arg(folder.write("haproxy.cfg", config));
    let process = Process::spawn(command);
    let end = Instant::now() + BOUND;
    // It says nothing once it listens.
    while TcpStream::connect(front).is_err() {
        assert!(Instant::now() < end, "haproxy does not listen");
        thread::sleep(Duration::from_millis(10));
    }
    (process, front)
}
