//! aioquic: MQTT over QUIC on one stream and on several.

use serde_json::json;

use crate::{certificates::Authority, folder::Folder, program::Program, script::Script};

#[test]
fn a_second_stream_gets_what_it_subscribes_to() {
    let Some(mut links) = Script::links() else { return };
    let folder = Folder::new();
    let servers = Authority::new("Servers");
    let authority = folder.write("servers.pem", &servers.certificate);
    let [certificate, key] = servers.leaf("broker.test").write(&folder, "server");
    let endpoint = json!({ "Url": "quic://127.0.0.1:0", "Certificate": { "Path": certificate, "KeyPath": key } });
    let file = json!({ "Endpoints": { "quic": endpoint } });
    let program = Program::start(&folder, &[&folder.write("lacewing.json", file.to_string())], &[]);
    let port = program.address("mqtt-quic").port();
    for alpn in ["mqtt", "mqtt-quic"] {
        let seen = links.step("streams", json!({ "host": "127.0.0.1", "port": port, "ca": authority, "alpn": alpn }));
        assert_eq!(seen["suback"], json!([0x90, "000101"]), "on the data stream");
        assert_eq!(seen["puback"], json!([0x40, "0007"]), "on the control stream");
        let delivered = seen["delivered"][1].as_str().expect("hex");
        assert!(delivered.ends_with(&hex("hello")) && delivered.contains(&hex("streams/topic")), "{delivered}");
        assert_eq!(seen["control"], json!([[0x20, "0000"], [0xd0, ""]]), "CONNACK and PINGRESP");
    }
    let refused = links.attempt("streams", json!({ "host": "127.0.0.1", "port": port, "ca": authority, "alpn": "h3" }));
    assert!(refused.get("error").is_some(), "another ALPN: {refused}");
}

#[test]
fn a_connection_goes_on_from_another_address() {
    let Some(mut links) = Script::links() else { return };
    let folder = Folder::new();
    let servers = Authority::new("Servers");
    let authority = folder.write("servers.pem", &servers.certificate);
    let [certificate, key] = servers.leaf("broker.test").write(&folder, "server");
    let endpoint = json!({ "Url": "quic://127.0.0.1:0", "Certificate": { "Path": certificate, "KeyPath": key } });
    let file = json!({ "Endpoints": { "quic": endpoint } });
    let program = Program::start(&folder, &[&folder.write("lacewing.json", file.to_string())], &[]);
    let port = program.address("mqtt-quic").port();
    let place = json!({ "group": "roaming", "kind": "quic", "host": "127.0.0.1", "port": port, "ca": authority });
    links.step("open", place);
    for _ in 0..2 {
        links.step("move", json!({ "group": "roaming" }));
        assert_eq!(links.step("alive", json!({ "group": "roaming" }))["count"], 1);
    }
}

fn hex(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}
