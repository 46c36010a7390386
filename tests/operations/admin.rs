//! The administration interface: who is slow, who is heavy, a live trail; and who may not see it.

use std::{
    io::{BufRead, BufReader, Write},
    net::TcpStream,
};

use serde_json::Value;

use crate::{
    folder::Folder,
    http::get,
    mqtt::{self, ACCEPTED},
    probes::{HTTP, start},
    program::Program,
    until,
};

/// CONNECT of 3.1.1 with a session that stays.
fn staying(client_id: &str) -> Vec<u8> {
    let length = client_id.len() as u8;
    [&[0x10, 12 + length, 0, 4], b"MQTT".as_slice(), &[4, 0, 0, 60, 0, length], client_id.as_bytes()].concat()
}

/// SUBSCRIBE to one filter with QoS 1.
fn subscribe(filter: &str) -> Vec<u8> {
    let length = filter.len() as u8;
    [&[0x82, 5 + length, 0, 1, 0, length], filter.as_bytes(), &[1]].concat()
}

/// PUBLISH with QoS 1 and the identifier 1.
fn publish(topic: &str, payload: &str) -> Vec<u8> {
    let (length, all) = (topic.len() as u8, (4 + topic.len() + payload.len()) as u8);
    [&[0x32, all, 0, length], topic.as_bytes(), &[0, 1], payload.as_bytes()].concat()
}

/// A client that is in, and has sent `packets` and been answered.
fn client(program: &Program, client_id: &str, packets: &[Vec<u8>]) -> TcpStream {
    let mut stream = mqtt::dial(program.address("mqtt"));
    assert_eq!(mqtt::enter(&mut stream, &staying(client_id)), ACCEPTED);
    for packet in packets {
        stream.write_all(packet).expect("the program reads");
        let mut answer = BufReader::new(&stream);
        let used = answer.fill_buf().expect("an answer").len();
        answer.consume(used);
    }
    stream
}

fn json(program: &Program, path: &str) -> Value {
    let answer = get(program.address("http"), path);
    assert_eq!((answer.code, answer.header("content-type")), (200, "application/json"), "{}", answer.body);
    serde_json::from_str(&answer.body).expect("JSON")
}

#[test]
fn who_is_slow_and_who_is_heavy() {
    let folder = Folder::new();
    let program = start(&folder, &[]);
    drop(client(&program, "away", &[subscribe("t")]));
    until(|| get(program.address("http"), "/metrics").body.contains("mqtt_server_offline_sessions 1"), "it is away");
    let packets = vec![publish("t", "hello"); 200];
    let _busy = client(&program, "busy", &packets);
    let subscribers = json(&program, "/api/v1/top/subscribers?by=bytes&limit=5");
    let first = &subscribers["subscribers"][0];
    assert_eq!((&first["client_id"], &first["online"]), (&"away".into(), &false.into()), "{subscribers}");
    assert_eq!(first["queued_messages"], 200);
    assert_eq!(json(&program, "/api/v1/top/subscribers?by=drops")["subscribers"], Value::Array(Vec::new()));
    assert_eq!(json(&program, "/api/v1/top/topics")["by_messages"][0]["name"], "t");
    assert_eq!(json(&program, "/api/v1/top/clients")["by_bytes"][0]["name"], "busy");
}

#[test]
fn what_is_asked_wrongly_is_explained() {
    let folder = Folder::new();
    let program = start(&folder, &[]);
    for (path, code, text) in [
        ("top/subscribers?by=colour", 400, "by=colour: it is bytes, lag or drops"),
        ("top/topics?limit=0", 400, "limit=0: it is a number from 1 to 1000"),
        ("trace?topic=a%23", 400, "topic=a#: it is no Topic Filter"),
        ("trace?seconds=601", 400, "seconds=601: it is a number from 1 to 600"),
        ("nothing", 404, "there is nothing here"),
    ] {
        let answer = get(program.address("http"), &format!("/api/v1/{path}"));
        assert_eq!(answer.code, code, "{path}");
        assert!(answer.body.contains(text), "{path}: {}", answer.body);
    }
}

#[test]
fn a_trail_streams_what_happens_until_its_time_is_over() {
    let folder = Folder::new();
    let program = start(&folder, &[]);
    let mut stream = mqtt::dial(program.address("http"));
    stream.write_all(b"GET /api/v1/trace?topic=t%2F%2B&seconds=2 HTTP/1.1\r\nHost: x\r\n\r\n").expect("it reads");
    let mut lines = BufReader::new(stream).lines().map(|line| line.expect("the stream goes on"));
    let head: Vec<String> = lines.by_ref().take_while(|line| !line.is_empty()).collect();
    assert!(head[0].contains("200"), "{head:?}");
    assert!(head.iter().any(|line| line.eq_ignore_ascii_case("content-type: text/event-stream")), "{head:?}");
    let _clients = (
        client(&program, "subscriber", &[subscribe("t/#")]),
        client(&program, "publisher", &[publish("other", "x"), publish("t/1", "hello")]),
    );
    let mut seen = Vec::new();
    for line in lines {
        if let Some(data) = line.strip_prefix("data: ") {
            let event: Value = serde_json::from_str(data).expect("JSON");
            if let Some(topic) = event["topic"].as_str() {
                seen.push((event["client_id"].as_str().unwrap_or_default().to_owned(), topic.to_owned()));
            }
        }
        if line == "event: end" {
            break;
        }
    }
    let expected = [("publisher", "t/1"), ("subscriber", "t/1")].map(|(who, topic)| (who.to_owned(), topic.to_owned()));
    assert!(expected.iter().all(|event| seen.contains(event)), "{seen:?}");
    assert!(!seen.iter().any(|(_, topic)| topic == "other"), "{seen:?}");
}

#[test]
fn it_is_not_offered_to_everybody() {
    let folder = Folder::new();
    let program = Program::start(&folder, &[], &[HTTP[0], ("Endpoints__http__Url", "http://[::]:0")]);
    assert_eq!(get(program.address("http"), "/api/v1/top/topics").code, 404);
    let program = start(&folder, &[("Endpoints__http__Services", "health")]);
    assert_eq!(get(program.address("http"), "/api/v1/top/topics").code, 404);
}
