//! Endpoints come and go with a reload; those who are in stay in.

use std::{
    fs,
    net::{SocketAddr, TcpListener, TcpStream},
    os::unix::{fs::PermissionsExt, net::UnixStream},
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::{
    BOUND,
    certificates::Authority,
    folder::Folder,
    mqtt::{self, ACCEPTED, Level, Outcome},
    program::Program,
};

#[test]
fn endpoints_are_added_and_removed_by_a_reload() {
    let folder = Folder::new();
    let with = |endpoints: Value| folder.write("lacewing.json", json!({ "Endpoints": endpoints }).to_string());
    let file = with(json!({ "first": { "Url": "tcp://127.0.0.1:0" } }));
    // The default endpoint is out of the way, so that the one of the file is the only one.
    let program = Program::start(&folder, &[&file], &[("Endpoints__mqtt__Enabled", "false")]);
    let first = program.address("mqtt");
    let mut live = mqtt::dial(first);
    assert_eq!(mqtt::enter(&mut live, &mqtt::connect(Level::V5, None)), ACCEPTED);

    let second = free();
    with(json!({ "first": { "Url": "tcp://127.0.0.1:0" }, "second": { "Url": format!("tcp://{second}") } }));
    program.hang_up();
    program.says("endpoints opened: second");
    assert!(enters(first), "the first goes on");
    assert!(enters(second), "the second is open");

    with(json!({ "second": { "Url": format!("tcp://{second}") } }));
    program.hang_up();
    program.says("endpoints closed: first");
    until(|| TcpStream::connect(first).is_err(), "the first is closed");
    assert!(enters(second), "the second goes on");
    assert!(mqtt::alive(&mut live), "a connection of a closed endpoint goes on");
}

#[test]
fn an_endpoint_whose_port_is_taken_leaves_the_others_as_they_are() {
    let folder = Folder::new();
    let file = folder.write("lacewing.json", "{}");
    let program = Program::start(&folder, &[&file], &[]);
    let taken = TcpListener::bind("127.0.0.1:0").expect("the loopback has free ports");
    let url = format!("tcp://{}", taken.local_addr().expect("it is bound"));
    folder.write("lacewing.json", json!({ "Endpoints": { "second": { "Url": url } } }).to_string());
    program.hang_up();
    let line = program.says("endpoint second: cannot listen on ");
    assert!(line.contains(" ERROR "), "{line}");
    assert!(enters(program.address("mqtt")));
    // Tried again with the next reload.
    drop(taken);
    program.hang_up();
    program.says("endpoints opened: second");
}

#[test]
fn nothing_changes_with_a_configuration_that_cannot_be_used() {
    let folder = Folder::new();
    let file = folder.write("lacewing.json", "{}");
    let program = Program::start(&folder, &[&file], &[]);
    for wrong in [
        json!({ "Endpoints": { "second": { "Url": "gopher://127.0.0.1:0" } } }),
        json!({ "Endpoints": { "second": { "Url": "tcp://127.0.0.1:0", "MaxConnectoins": 3 } } }),
        json!({ "Limits": { "PacketSize": "a lot" } }),
    ] {
        folder.write("lacewing.json", wrong.to_string());
        program.hang_up();
        program.says("the old configuration stays in force: ");
        assert!(enters(program.address("mqtt")), "{wrong}");
    }
}

#[test]
fn one_endpoint_takes_only_as_many_connections_as_it_may() {
    let folder = Folder::new();
    let settings = [("Endpoints__mqtt__MaxConnections", "2"), ("Endpoints__http__Enabled", "false")];
    let program = Program::start(&folder, &[], &settings);
    let address = program.address("mqtt");
    let enter = || {
        let mut stream = mqtt::dial(address);
        (mqtt::enter(&mut stream, &mqtt::connect(Level::V5, None)), stream)
    };
    let held = [enter(), enter()].map(|(outcome, stream)| {
        assert_eq!(outcome, ACCEPTED);
        stream
    });
    assert_eq!(enter().0, Outcome::Closed, "the third");
    drop(held);
    until(|| enter().0 == ACCEPTED, "no place after two have left");
}

#[test]
fn an_endpoint_changes_on_its_port() {
    let folder = Folder::new();
    let address = free();
    let with = |endpoint: Value| folder.write("lacewing.json", json!({ "Endpoints": { "one": endpoint } }).to_string());
    let tcp = format!("tcp://{address}");
    let file = with(json!({ "Url": tcp }));
    let program = Program::start(&folder, &[&file], &[("Endpoints__mqtt__Enabled", "false")]);
    let mut live = mqtt::dial(address);
    assert_eq!(mqtt::enter(&mut live, &mqtt::connect(Level::V5, None)), ACCEPTED);
    for changed in [
        json!({ "Url": tcp, "MaxConnections": 7 }),
        json!({ "Url": tcp, "Tcp": { "KeepAlive": "30s" } }),
        json!({ "Url": tcp, "Tcp": { "KeepAlive": "40s" } }),
        json!({ "Url": format!("http://{address}") }),
        json!({ "Url": tcp }),
    ] {
        with(changed.clone());
        program.hang_up();
        let line = program.says_one_of(&["endpoints changed: one", "error: "]);
        assert!(line.contains("endpoints changed: one"), "{changed}: {line}");
        assert!(TcpStream::connect(address).is_ok(), "{changed}");
        assert!(mqtt::alive(&mut live), "{changed}: a connection from before");
    }
    assert!(enters(address));
}

#[test]
fn another_endpoint_takes_over_a_port() {
    let folder = Folder::new();
    let url = format!("tcp://{}", free());
    let with = |name: &str| folder.write("lacewing.json", json!({ "Endpoints": { name: { "Url": url } } }).to_string());
    let file = with("one");
    let program = Program::start(&folder, &[&file], &[("Endpoints__mqtt__Enabled", "false")]);
    let mut live = mqtt::dial(program.address("mqtt"));
    assert_eq!(mqtt::enter(&mut live, &mqtt::connect(Level::V5, None)), ACCEPTED);
    with("another");
    program.hang_up();
    let line = program.says_one_of(&["endpoints opened: another", "error: "]);
    assert!(line.contains("endpoints opened: another"), "{line}");
    assert!(enters(program.address("mqtt")));
    assert!(mqtt::alive(&mut live), "a connection from before");
}

#[test]
fn a_unix_socket_gets_another_mode() {
    let folder = Folder::new();
    let path = folder.join("mqtt.sock");
    let with = |mode: &str| {
        let endpoint = json!({ "Url": format!("unix:{}", path.display()), "Unix": { "Mode": mode } });
        folder.write("lacewing.json", json!({ "Endpoints": { "local": endpoint } }).to_string())
    };
    let file = with("0600");
    let program = Program::start(&folder, &[&file], &[]);
    for mode in [0o660, 0o666] {
        with(&format!("0{mode:o}"));
        program.hang_up();
        let line = program.says_one_of(&["endpoints changed: local", "error: "]);
        assert!(line.contains("endpoints changed: local"), "{line}");
        until(|| fs::metadata(&path).is_ok_and(|socket| socket.permissions().mode() & 0o777 == mode), "the mode");
        let mut stream = UnixStream::connect(&path).expect("the program listens");
        assert_eq!(mqtt::enter(&mut stream, &mqtt::connect(Level::V5, None)), ACCEPTED);
    }
}

#[test]
fn nothing_changes_if_one_certificate_cannot_be_used() {
    let folder = Folder::new();
    let authority = Authority::new("Servers");
    let [certificate, key] = authority.leaf("one.test").write(&folder, "server");
    let tls = json!({ "Url": "mqtts://127.0.0.1:0", "Certificate": { "Path": certificate, "KeyPath": key } });
    let users = |password: &str| json!({ "alice": { "Password": password } });
    let first = json!({ "Endpoints": { "tls": tls }, "Users": users("first") });
    let file = folder.write("lacewing.json", first.to_string());
    let program = Program::start(&folder, &[&file], &[]);
    let enter = |password: &str| {
        let hello = mqtt::connect(Level::V5, Some(["alice", password]));
        mqtt::enter(&mut mqtt::dial(program.address("mqtt")), &hello)
    };
    let second = json!({ "Endpoints": { "tls": tls }, "Users": users("second") });
    authority.leaf("one.test").write(&folder, "server");
    folder.write("server.key", "broken");
    folder.write("lacewing.json", second.to_string());
    program.hang_up();
    program.says("server.key");
    // Another reload, so that the first one is over.
    program.hang_up();
    program.says("server.key");
    assert_eq!(enter("second"), Outcome::Connack(0x86), "the new password");
    assert_eq!(enter("first"), ACCEPTED, "the old password");
}

#[test]
fn each_endpoint_takes_the_versions_that_it_may() {
    let folder = Folder::new();
    for (allowed, versions) in [
        ("Mqtt5", vec![Level::V5]),
        ("Mqtt3_1_1", vec![Level::V311]),
        ("Mqtt3", vec![Level::V31, Level::V311]),
        ("All", vec![Level::V31, Level::V311, Level::V5]),
    ] {
        let program = Program::start(&folder, &[], &[("Endpoints__mqtt__ProtocolLevel", allowed)]);
        for level in [Level::V31, Level::V311, Level::V5] {
            let outcome = mqtt::enter(&mut mqtt::dial(program.address("mqtt")), &mqtt::connect(level, None));
            if versions.contains(&level) {
                assert_eq!(outcome, ACCEPTED, "{level:?} with {allowed}");
            } else {
                // Unsupported Protocol Version; 3.x says unacceptable protocol level.
                let code = if level == Level::V5 { 0x84 } else { 1 };
                assert_eq!(outcome, Outcome::Connack(code), "{level:?} with {allowed}");
            }
        }
    }
}

/// Whether a client comes in.
fn enters(address: SocketAddr) -> bool {
    mqtt::enter(&mut mqtt::dial(address), &mqtt::connect(Level::V31, None)) == ACCEPTED
}

/// An address that was free just now.
fn free() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("the loopback has free ports");
    listener.local_addr().expect("it is bound")
}

/// Waits for what is to become true without being told.
#[track_caller]
fn until(mut holds: impl FnMut() -> bool, what: &str) {
    let end = Instant::now() + BOUND;
    while !holds() {
        assert!(Instant::now() < end, "{what}");
        thread::sleep(Duration::from_millis(5));
    }
}
