//! Handshakes on HTTP/1.1, as bytes on a socket.

use crate::peer::{frame, read_frame};
use crate::server::{Behind, Carrier, Server, connect};
use mqtt_server::endpoint::WebSocketOptions;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const GOOD: &str = "GET /mqtt HTTP/1.1\r\nHost: here\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n";

/// Sends `request`; returns the head of the answer.
async fn ask(socket: &mut TcpStream, request: &str) -> String {
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(socket.read_u8().await.expect("a whole head"));
    }
    String::from_utf8(head).unwrap()
}

fn status(head: &str) -> u16 {
    head["HTTP/1.1 ".len()..][..3].parse().unwrap()
}

#[tokio::test]
async fn the_handshake_of_the_specification_gives_a_byte_stream_on_the_socket_itself() {
    let server = Server::start(Behind::Echo, Carrier::Tcp).await;
    let mut socket = connect(&server).await;
    let head = ask(&mut socket, GOOD).await.to_ascii_lowercase();
    assert_eq!(status(&head.to_ascii_uppercase()), 101);
    assert!(head.contains("\r\nsec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo=\r\n"), "{head}");
    assert!(head.contains("\r\nsec-websocket-protocol: mqtt\r\n"), "{head}");
    assert!(head.contains("\r\nupgrade: websocket\r\n") && head.contains("\r\nconnection: upgrade\r\n"), "{head}");
    socket.write_all(&frame(2, b"hello")).await.unwrap();
    assert_eq!(read_frame(&mut socket).await, Some((0x82, b"hello".to_vec())));
    assert_eq!(*server.site.carried_by.lock().unwrap(), std::any::type_name::<TcpStream>());
    socket.write_all(&frame(8, b"\x03\xe8")).await.unwrap();
    assert_eq!(read_frame(&mut socket).await, Some((0x88, b"\x03\xe8".to_vec())));
    assert_eq!(read_frame(&mut socket).await, None);
}

#[tokio::test]
async fn what_is_sent_right_behind_the_request_is_not_lost() {
    let server = Server::start(Behind::Echo, Carrier::Tcp).await;
    for cut in [0, 1, 5, GOOD.len() - 1, GOOD.len(), GOOD.len() + 3] {
        let mut socket = connect(&server).await;
        let bytes = [GOOD.as_bytes(), &frame(2, b"early")].concat();
        socket.write_all(&bytes[..cut]).await.unwrap();
        tokio::time::sleep(Duration::from_millis(5)).await;
        assert_eq!(status(&ask_bytes(&mut socket, &bytes[cut..]).await), 101);
        assert_eq!(read_frame(&mut socket).await, Some((0x82, b"early".to_vec())), "cut at {cut}");
    }
}

async fn ask_bytes(socket: &mut TcpStream, bytes: &[u8]) -> String {
    socket.write_all(bytes).await.unwrap();
    ask(socket, "").await
}

/// [5:MQTT-6.0.0-4] [4:MQTT-6.0.0-4] [4:MQTT31-26]
#[tokio::test]
async fn the_sub_protocol_is_the_first_of_the_clients_that_is_known() {
    let server = Server::start(Behind::Echo, Carrier::Tcp).await;
    let cases = [
        ("Sec-WebSocket-Protocol: mqttv3.1", "mqttv3.1"),
        ("Sec-WebSocket-Protocol: chat, mqttv3.1,mqtt", "mqttv3.1"),
        ("Sec-WebSocket-Protocol: mqtt, mqttv3.1", "mqtt"),
        ("Sec-WebSocket-Protocol: chat\r\nSec-WebSocket-Protocol: mqtt", "mqtt"),
    ];
    for (offer, chosen) in cases {
        let head = ask(&mut connect(&server).await, &GOOD.replace("Sec-WebSocket-Protocol: mqtt", offer)).await;
        assert_eq!(status(&head), 101, "{offer}");
        assert!(head.contains(&format!("\r\nsec-websocket-protocol: {chosen}\r\n")), "{head}");
    }
}

#[tokio::test]
async fn whatever_is_no_handshake_is_refused_with_the_status_that_says_why() {
    let server = Server::start(Behind::Echo, Carrier::Tcp).await;
    let cases = [
        ("GET /mqtt", "GET /mqtt/", 101),
        ("GET /mqtt", "GET /mqtt?client=7", 101),
        ("Upgrade: websocket", "Upgrade: h2c, WebSocket", 101),
        ("GET /mqtt", "GET /", 404),
        ("GET /mqtt", "GET /other", 404),
        ("GET /mqtt", "POST /mqtt", 405),
        ("GET /mqtt", "CONNECT example.org:443", 501),
        ("Upgrade: websocket\r\n", "", 426),
        ("Upgrade: websocket", "Upgrade: h2c", 426),
        ("Connection: keep-alive, Upgrade\r\n", "Connection: keep-alive\r\n", 400),
        ("Version: 13", "Version: 8", 426),
        ("Sec-WebSocket-Version: 13\r\n", "", 426),
        ("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", "", 400),
        ("dGhlIHNhbXBsZSBub25jZQ==", "c2hvcnQ=", 400),
        ("dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZSBub25jZ===", 400),
        ("\r\n\r\n", "\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", 400),
        ("Sec-WebSocket-Protocol: mqtt\r\n", "", 400),
        ("Protocol: mqtt", "Protocol: MQTT", 400),
        ("Protocol: mqtt", "Protocol: chat, mqtt5", 400),
    ];
    for (from, to, expected) in cases {
        let head = ask(&mut connect(&server).await, &GOOD.replacen(from, to, 1)).await;
        assert_eq!(status(&head), expected, "{to}: {head}");
        if expected == 426 {
            assert!(head.contains("\r\nsec-websocket-version: 13\r\n"), "{head}");
        }
    }
}

#[tokio::test]
async fn browsers_come_from_allowed_origins_and_other_programs_from_anywhere() {
    let allowed_origins = vec!["https://console.example".to_owned(), "http://localhost:8001".to_owned()];
    let options = WebSocketOptions { allowed_origins, ping_interval: None };
    let server = Server::with(Behind::Echo, Carrier::Tcp, options, 1000).await;
    let cases = [
        ("", 101),
        ("Origin: https://console.example\r\n", 101),
        ("Origin: HTTPS://Console.example\r\n", 101),
        ("Origin: http://localhost:8001\r\n", 101),
        ("Origin: http://localhost\r\n", 403),
        ("Origin: https://console.example.evil.example\r\n", 403),
        ("Origin: null\r\n", 403),
        ("Origin: https://console.example\r\nOrigin: https://evil.example\r\n", 403),
    ];
    for (origin, expected) in cases {
        let request = GOOD.replace("Upgrade: websocket\r\n", &format!("Upgrade: websocket\r\n{origin}"));
        assert_eq!(status(&ask(&mut connect(&server).await, &request).await), expected, "{origin}");
    }
}

#[tokio::test]
async fn without_a_place_the_answer_is_503_and_the_connection_serves_on() {
    let options = WebSocketOptions { allowed_origins: Vec::new(), ping_interval: None };
    let server = Server::with(Behind::Echo, Carrier::Tcp, options, 1).await;
    let mut first = connect(&server).await;
    assert_eq!(status(&ask(&mut first, GOOD).await), 101);
    let mut second = connect(&server).await;
    assert_eq!(status(&ask(&mut second, GOOD).await), 503);
}

#[tokio::test]
async fn connections_are_kept_for_more_requests_until_the_server_stops() {
    let server = Server::start(Behind::Echo, Carrier::Tcp).await;
    let (mut socket, mut upgraded) = (connect(&server).await, connect(&server).await);
    for _ in 0..3 {
        assert_eq!(status(&ask(&mut socket, "HEAD /page HTTP/1.1\r\nHost: here\r\n\r\n").await), 200);
    }
    assert_eq!(status(&ask(&mut upgraded, GOOD).await), 101);
    server.stop();
    assert_eq!(socket.read(&mut [0; 8]).await.unwrap(), 0);
    upgraded.write_all(&frame(2, b"still here")).await.unwrap();
    assert_eq!(read_frame(&mut upgraded).await, Some((0x82, b"still here".to_vec())));
}

#[tokio::test]
async fn a_head_that_is_too_long_is_refused() {
    let server = Server::start(Behind::Echo, Carrier::Tcp).await;
    let mut socket = connect(&server).await;
    let head = ask(&mut socket, &GOOD.replace("Host: here", &format!("Host: {}", "h".repeat(20_000)))).await;
    assert_eq!(status(&head), 431);
}

#[tokio::test(start_paused = true)]
async fn clients_that_send_nothing_or_half_a_head_are_left_after_ten_seconds() {
    for beginning in ["", "GE", "PRI * HTTP/2.0\r\n", "GET / HTTP/1.1\r\nHost:"] {
        let (socket, mut client) = tokio::io::duplex(4096);
        let site = Server::start(Behind::Echo, Carrier::Tcp).await.site;
        let start = tokio::time::Instant::now();
        tokio::spawn(mqtt_server::http::serve(socket, site, std::future::pending()));
        client.write_all(beginning.as_bytes()).await.unwrap();
        let mut rest = Vec::new();
        client.read_to_end(&mut rest).await.unwrap();
        assert_eq!(start.elapsed().as_secs(), 10, "{beginning:?}");
    }
}
