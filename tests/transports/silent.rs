//! Clients that connect and say nothing: the connect timeout covers every handshake, and nobody waits for them.

use std::io::{Read, Write};

use crate::{folder::Folder, mqtt, openssl, program::Program, script};

const SCHEMES: [&str; 4] = ["mqtt", "mqtts", "http", "https"];

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
    let upgrade = b"GET /mqtt HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n";
    let mut waiting: Vec<_> = SCHEMES.map(|scheme| (scheme, mqtt::dial(program.address(scheme)))).into();
    let mut upgraded = mqtt::dial(program.address("http"));
    upgraded.write_all(upgrade).expect("the program reads");
    waiting.push(("WebSocket without CONNECT", upgraded));
    let mut half = mqtt::dial(program.address("mqtt"));
    half.write_all(b"\x10\x20\x00\x04MQTT").expect("the program reads");
    waiting.push(("half a CONNECT", half));
    for (who, mut stream) in waiting {
        // An end, or a reset: but no silence beyond the bound of the stream.
        match stream.read_to_end(&mut Vec::new()) {
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => panic!("{who} is still there"),
            Ok(_) | Err(_) => {}
        }
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
