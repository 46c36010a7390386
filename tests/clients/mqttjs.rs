//! MQTT.js, node.

use std::process::Command;

use serde_json::json;

use crate::{broker::Broker, client::Kind, puppet::Puppet, scenarios::suite, tools};

suite!(MqttJs; v3_1: V31, v3_1_1: V311, v5_0: V5);

#[test]
fn topic_aliases_work_in_both_directions() {
    if !tools::installed(Kind::MqttJs) {
        return;
    }
    let broker = Broker::start();
    let topic = broker.topic("aliased");
    let mut client = Puppet::start(command());
    // MQTT.js assigns aliases itself and resolves those that it receives.
    let connack = client.connect(
        &broker,
        json!({
            "version": "5.0", "id": broker.client_id("alias"), "clean": true,
            "properties": { "topic_alias_maximum": 10 },
            "options": { "autoAssignTopicAlias": true },
        }),
    );
    assert_eq!(connack["reason"], 0);
    client.step("subscribe", json!({ "subscriptions": [{ "filter": topic, "qos": 1 }] }));
    for text in ["first", "second", "third"] {
        client.step("publish", json!({ "topic": topic, "payload": text, "qos": 1, "retain": false }));
        let received = client.step("receive", json!({}));
        assert_eq!((&received["topic"], &received["payload"]), (&json!(topic), &json!(text)));
    }
}

/// Starts the script.
pub fn command() -> Command {
    let mut command = Command::new("node");
    command.arg(tools::script("mqttjs_client.js")).current_dir(tools::node_folder());
    command
}
