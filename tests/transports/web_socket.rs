//! MQTT.js over WebSocket, in clear and over TLS.

use std::process::Command;

use serde_json::json;

use crate::{certificates::Authority, client::Kind, folder::Folder, program::Program, script::Script, tools};

#[test]
fn mqtt_js_talks_over_web_socket() {
    if !tools::installed(Kind::MqttJs) {
        return;
    }
    let folder = Folder::new();
    let servers = Authority::new("Servers");
    let [certificate, key] = servers.leaf("broker.test").write(&folder, "server");
    let file = json!({ "Endpoints": {
        "ws": { "Url": "ws://127.0.0.1:0" },
        "wss": { "Url": "wss://127.0.0.1:0", "Certificate": { "Path": certificate, "KeyPath": key } },
    }});
    let file = folder.write("lacewing.json", file.to_string());
    let program = Program::start(&folder, &[&file], &[]);
    for (protocol, scheme) in [("ws", "http"), ("wss", "https")] {
        for version in ["3.1.1", "5.0"] {
            let mut command = Command::new("node");
            command.arg(tools::script("mqttjs_client.js")).current_dir(tools::node_folder());
            let mut client = Script::start(command);
            let options = json!({
                "protocol": protocol, "path": "/mqtt", "host": "localhost", "ca": [servers.certificate],
                "family": 4,
            });
            let connack = client.step(
                "connect",
                json!({
                    "host": "localhost", "port": program.address(scheme).port(), "version": version,
                    "id": format!("{protocol}{version}"), "clean": true, "options": options,
                }),
            );
            assert_eq!(connack["reason"], 0, "{protocol} {version}");
            client.step("subscribe", json!({ "subscriptions": [{ "filter": "web/#", "qos": 1 }] }));
            // The second goes over the border of a frame of MQTT.js and of most buffers.
            for payload in ["short".to_owned(), "long".repeat(40_000)] {
                let message = json!({ "topic": "web/socket", "payload": payload, "qos": 1, "retain": false });
                client.step("publish", message);
                assert!(client.step("receive", json!({}))["payload"] == payload, "{protocol} {version}");
            }
            client.step("disconnect", json!({}));
        }
    }
}
