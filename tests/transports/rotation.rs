//! Certificates change under live connections.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::{
    certificates::Authority,
    folder::Folder,
    program::{self, Program},
    script::Script,
};

/// Connections of each kind.
const COUNT: u64 = 50;
/// Kinds of connections, with the scheme of the program's URL.
const KINDS: [(&str, &str); 4] = [("tcp", "mqtt"), ("tls", "mqtts"), ("wss", "https"), ("quic", "mqtt-quic")];

/// A program with an endpoint of each kind, and what a script needs to know to connect to one.
struct Stage {
    folder: Folder,
    servers: Authority,
    authority: PathBuf,
    program: Program,
}

impl Stage {
    /// Also gives the serial number of the certificate.
    fn new() -> (Self, u64) {
        let folder = Folder::new();
        let servers = Authority::new("Servers");
        let authority = folder.write("servers.pem", &servers.certificate);
        let leaf = servers.leaf("broker.test");
        leaf.write(&folder, "server");
        configure(
            &folder,
            &json!({
                "tls": { "Url": "mqtts://127.0.0.1:0" },
                "web": { "Url": "https://127.0.0.1:0" },
                "quic": { "Url": "mqtt-quic://127.0.0.1:0" },
                "mqtt": { "Url": "tcp://127.0.0.1:0" },
            }),
        );
        let mut command = program::command(&folder, &[&folder.join("lacewing.json")], &[]);
        // It is in the file, so that it can be taken out.
        command.env_remove("MQTT__Endpoints__mqtt__Url");
        (Self { program: Program::spawn(command), folder, servers, authority }, leaf.serial)
    }

    fn place(&self, (kind, scheme): (&str, &str)) -> Value {
        let port = self.program.address(scheme).port();
        json!({ "group": kind, "kind": kind, "host": "127.0.0.1", "port": port, "ca": self.authority, "count": COUNT })
    }

    /// A certificate in place of the old one.
    fn renew(&self) -> u64 {
        let leaf = self.servers.leaf("broker.test");
        leaf.write(&self.folder, "server");
        self.program.hang_up();
        self.program.says("configuration loaded again");
        leaf.serial
    }

    fn assert_shown(&self, links: &mut Script, expected: u64) {
        for kind in KINDS {
            assert_eq!(links.step("fresh", self.place(kind))["serial"], serial(kind, expected), "{kind:?}");
        }
    }
}

/// Writes the configuration.
fn configure(folder: &Folder, endpoints: &Value) {
    let certificate = json!({ "Path": folder.join("server.pem"), "KeyPath": folder.join("server.key") });
    let file = json!({ "Endpoints": endpoints, "Certificates": { "Default": certificate } });
    folder.write("lacewing.json", file.to_string());
}

#[track_caller]
fn assert_live(links: &mut Script, when: &str) {
    for (kind, _) in KINDS {
        assert_eq!(links.step("alive", json!({ "group": kind }))["count"], COUNT, "{kind} {when}");
    }
}

#[test]
fn new_handshakes_see_the_new_certificate_and_no_connection_is_lost() {
    let Some(mut links) = Script::links() else { return };
    let (stage, first) = Stage::new();
    for kind in KINDS {
        assert_eq!(links.step("open", stage.place(kind))["serial"], serial(kind, first), "{kind:?}");
    }
    assert_live(&mut links, "before");
    let second = stage.renew();
    stage.assert_shown(&mut links, second);
    assert_live(&mut links, "after a new certificate");

    stage.folder.write("server.pem", "-----BEGIN CERTIFICATE-----\nbroken\n");
    stage.program.hang_up();
    stage.program.says("server.pem");
    stage.assert_shown(&mut links, second);
    assert_live(&mut links, "after a broken certificate");

    let third = stage.renew();
    stage.assert_shown(&mut links, third);
    assert_live(&mut links, "at the end");
}

#[test]
fn connections_outlive_their_endpoints() {
    let Some(mut links) = Script::links() else { return };
    let (stage, _) = Stage::new();
    for kind in KINDS {
        links.step("open", stage.place(kind));
    }
    configure(
        &stage.folder,
        &json!({
            "last": { "Url": "tcp://127.0.0.1:0" },
            "mqtt": { "Enabled": false },
        }),
    );
    stage.program.hang_up();
    stage.program.says("endpoints closed: mqtt, quic, tls, web");
    assert_live(&mut links, "after their endpoints");
    for kind in KINDS {
        let mut place = stage.place(kind);
        // QUIC without an endpoint is silence.
        place["bound"] = json!(2);
        let answer = links.attempt("fresh", place);
        assert!(answer.get("error").is_some(), "{kind:?} is still open");
    }
}

#[test]
fn quic_changes_its_options_on_its_port() {
    let Some(mut links) = Script::links() else { return };
    let (mut stage, _) = Stage::new();
    let port = stage.program.address("mqtt-quic").port();
    let url = format!("mqtt-quic://127.0.0.1:{port}");
    // The same port again, now as a number.
    drop(stage.program);
    configure(&stage.folder, &json!({ "quic": { "Url": url } }));
    stage.program = Program::start(&stage.folder, &[&stage.folder.join("lacewing.json")], &[]);
    let kind = ("quic", "mqtt-quic");
    links.step("open", stage.place(kind));
    configure(&stage.folder, &json!({ "quic": { "Url": url, "Quic": { "IdleTimeout": "2m" } } }));
    stage.program.hang_up();
    let line = stage.program.says_one_of(&["endpoints changed: quic", "error: "]);
    assert!(line.contains("endpoints changed: quic"), "{line}");
    links.step("fresh", stage.place(kind));
    assert_eq!(links.step("alive", json!({ "group": "quic" }))["count"], COUNT);
}

fn serial((kind, _): (&str, &str), serial: u64) -> Value {
    if kind == "tcp" { Value::Null } else { json!(serial) }
}
