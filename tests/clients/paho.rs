//! paho-mqtt, Python.

use std::process::Command;

use serde_json::json;

use crate::{
    broker::Broker,
    client::{Kind, Version},
    puppet::Puppet,
    scenarios::suite,
    tools,
};

suite!(Paho; v3_1: V31, v3_1_1: V311, v5_0: V5);

#[test]
fn an_unsubscribed_filter_brings_nothing_more() {
    if !tools::installed(Kind::Paho) {
        return;
    }
    let broker = Broker::start();
    for version in Version::ALL {
        let mut client = Puppet::start(command());
        let id = broker.client_id("unsub");
        client.connect(&broker, json!({ "version": version, "id": id, "clean": true }));
        for topic in ["left", "stays"].map(|name| broker.topic(name)) {
            client.step("subscribe", json!({ "subscriptions": [{ "filter": topic, "qos": 1 }] }));
        }
        client.step("unsubscribe", json!({ "filters": [broker.topic("left")] }));
        for topic in ["left", "stays"].map(|name| broker.topic(name)) {
            client.step("publish", json!({ "topic": topic, "payload": "", "qos": 1, "retain": false }));
        }
        assert_eq!(client.step("receive", json!({}))["topic"], broker.topic("stays").as_str());
    }
}

/// Starts the script.
pub fn command() -> Command {
    let mut command = Command::new(tools::python());
    command.arg(tools::script("paho_client.py"));
    command
}
