//! WebSockets over HTTP/2 (RFC 8441), in clear with prior knowledge, by another implementation's client.

use crate::peer::frame;
use crate::server::{Behind, Carrier, Server, connect};
use h2::client::{Connection, SendRequest};
use h2::ext::Protocol;
use h2::{RecvStream, SendStream};
use hyper::body::Bytes;
use hyper::{Method, Request, StatusCode};
use tokio::net::TcpStream;

async fn client(server: &Server) -> SendRequest<Bytes> {
    let (sender, connection): (_, Connection<TcpStream, Bytes>) =
        h2::client::handshake(connect(server).await).await.unwrap();
    tokio::spawn(async move { connection.await.ok() });
    let mut sender = sender.ready().await.unwrap();
    // The server's SETTINGS come with the first answer at the latest.
    let (answer, _) = sender.send_request(get("/page", server), true).unwrap();
    assert_eq!(answer.await.unwrap().status(), StatusCode::OK);
    assert!(sender.is_extended_connect_protocol_enabled());
    sender
}

fn get(path: &str, server: &Server) -> Request<()> {
    Request::get(format!("http://{}{path}", server.address)).body(()).unwrap()
}

fn extended_connect(path: &str, protocol: &'static str, server: &Server) -> Request<()> {
    let request = Request::builder().method(Method::CONNECT).uri(format!("http://{}{path}", server.address));
    let request = request.header("sec-websocket-version", "13").header("sec-websocket-protocol", "mqtt");
    request.extension(Protocol::from_static(protocol)).body(()).unwrap()
}

async fn open(sender: &SendRequest<Bytes>, server: &Server) -> (SendStream<Bytes>, RecvStream) {
    let mut sender = sender.clone().ready().await.unwrap();
    let (answer, send) = sender.send_request(extended_connect("/mqtt", "websocket", server), false).unwrap();
    let answer = answer.await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.headers()["sec-websocket-protocol"], "mqtt");
    assert!(!answer.headers().contains_key("sec-websocket-accept"));
    (send, answer.into_body())
}

/// Reads `count` bytes; fewer at the end.
async fn read(stream: &mut RecvStream, count: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while bytes.len() < count {
        let Some(data) = stream.data().await else { break };
        let data = data.unwrap();
        stream.flow_control().release_capacity(data.len()).unwrap();
        bytes.extend_from_slice(&data);
    }
    bytes
}

#[tokio::test]
async fn an_extended_connect_becomes_a_websocket_and_ends_with_its_stream() {
    let server = Server::start(Behind::Echo, Carrier::Tcp).await;
    let sender = client(&server).await;
    let (mut send, mut receive) = open(&sender, &server).await;
    send.send_data(frame(2, b"hello").into(), false).unwrap();
    assert_eq!(read(&mut receive, 7).await, b"\x82\x05hello");
    send.send_data(frame(9, b"?").into(), false).unwrap();
    assert_eq!(read(&mut receive, 3).await, b"\x8a\x01?");
    send.send_data(frame(8, b"\x03\xe8").into(), true).unwrap();
    assert_eq!(read(&mut receive, 100).await, b"\x88\x02\x03\xe8");
    assert!(receive.is_end_stream());
}

#[tokio::test]
async fn many_websockets_share_a_connection_with_requests() {
    let server = Server::start(Behind::Echo, Carrier::Tcp).await;
    let sender = client(&server).await;
    let mut streams = Vec::new();
    for _ in 0..50 {
        streams.push(open(&sender, &server).await);
    }
    for (number, (send, _)) in streams.iter_mut().enumerate() {
        send.send_data(frame(2, &[number as u8; 100]).into(), false).unwrap();
    }
    let (answer, _) = sender.clone().ready().await.unwrap().send_request(get("/none", &server), true).unwrap();
    assert_eq!(answer.await.unwrap().status(), StatusCode::NOT_FOUND);
    for (number, (_, receive)) in streams.iter_mut().enumerate() {
        assert_eq!(read(receive, 102).await[2..], [number as u8; 100]);
    }
}

#[tokio::test]
async fn payload_larger_than_all_windows_comes_back_whole() {
    let server = Server::start(Behind::Echo, Carrier::Tcp).await;
    let sender = client(&server).await;
    let (mut send, mut receive) = open(&sender, &server).await;
    let payload: Vec<u8> = (0..1_000_000_u32).map(|number| (number % 251) as u8).collect();
    let mut bytes = Bytes::from(frame(2, &payload));
    let writer = tokio::spawn(async move {
        while !bytes.is_empty() {
            send.reserve_capacity(bytes.len());
            let room = std::future::poll_fn(|cx| send.poll_capacity(cx)).await.unwrap().unwrap();
            send.send_data(bytes.split_to(room.min(bytes.len())), false).unwrap();
        }
        send
    });
    let mut back = Vec::new();
    let mut frames = Vec::new();
    while back.len() < payload.len() {
        frames.extend(read(&mut receive, 1).await);
        while let Some((payload, used)) = server_frame(&frames) {
            back.extend(payload);
            frames.drain(..used);
        }
    }
    assert!(back == payload);
    drop(writer.await.unwrap());
}

/// The payload of the first frame of `bytes` and its length, if it is whole.
fn server_frame(bytes: &[u8]) -> Option<(Vec<u8>, usize)> {
    let short = usize::from(*bytes.get(1)?);
    let (head, length) = match short {
        126 => (4, usize::from(u16::from_be_bytes(*bytes.get(2..4)?.as_array()?))),
        127 => (10, u64::from_be_bytes(*bytes.get(2..10)?.as_array()?) as usize),
        _ => (2, short),
    };
    Some((bytes.get(head..head + length)?.to_vec(), head + length))
}

#[tokio::test]
async fn other_kinds_of_connect_and_other_paths_are_refused() {
    let server = Server::start(Behind::Echo, Carrier::Tcp).await;
    let sender = client(&server).await;
    let mut wrong_version = extended_connect("/mqtt", "websocket", &server);
    wrong_version.headers_mut().insert("sec-websocket-version", "8".parse().unwrap());
    let mut no_protocol = extended_connect("/mqtt", "websocket", &server);
    no_protocol.headers_mut().remove("sec-websocket-protocol");
    let cases = [
        (extended_connect("/mqtt", "connect-udp", &server), 501),
        (extended_connect("/elsewhere", "websocket", &server), 501),
        (get("/mqtt", &server), 400),
        (wrong_version, 426),
        (no_protocol, 400),
    ];
    for (request, expected) in cases {
        let what = format!("{request:?}");
        let (answer, _send) = sender.clone().ready().await.unwrap().send_request(request, false).unwrap();
        assert_eq!(answer.await.unwrap().status(), expected, "{what}");
    }
}

#[tokio::test]
async fn a_stopped_server_takes_no_new_streams_and_keeps_the_open_ones() {
    let server = Server::start(Behind::Echo, Carrier::Tcp).await;
    let sender = client(&server).await;
    let (mut send, mut receive) = open(&sender, &server).await;
    server.stop();
    send.send_data(frame(2, b"on").into(), false).unwrap();
    assert_eq!(read(&mut receive, 4).await, b"\x82\x02on");
    let refused = async {
        loop {
            let Ok(mut sender) = sender.clone().ready().await else { break };
            let Ok((answer, _)) = sender.send_request(get("/page", &server), true) else { break };
            if answer.await.is_err() {
                break;
            }
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(5), refused).await.expect("new streams are refused");
    send.send_data(frame(2, b"off").into(), false).unwrap();
    assert_eq!(read(&mut receive, 5).await, b"\x82\x03off");
}

#[tokio::test]
async fn a_reset_stream_ends_its_websocket_alone() {
    let server = Server::start(Behind::Echo, Carrier::Tcp).await;
    let sender = client(&server).await;
    let (mut first, _) = open(&sender, &server).await;
    let (mut second, mut receive) = open(&sender, &server).await;
    first.send_reset(h2::Reason::CANCEL);
    second.send_data(frame(2, b"alive").into(), false).unwrap();
    assert_eq!(read(&mut receive, 7).await, b"\x82\x05alive");
}
