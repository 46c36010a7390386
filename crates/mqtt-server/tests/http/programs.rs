//! Other people's programs against a small site: Python's `websockets` and MQTT.js.

use crate::server::{Behind, Carrier, Server};
use crate::tools;
use std::path::Path;
use std::time::Duration;
use tokio::process::Command;

/// Generous: the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(120);

/// Runs a script, which says on standard error what it did not like.
async fn run(command: &mut Command) -> String {
    let output = tokio::time::timeout(PATIENCE, command.kill_on_drop(true).output()).await.expect("in time").unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{:?}\n{said}\n{errors}", output.status);
    said
}

fn node(folder: &Path, script: &str) -> Command {
    let mut command = Command::new("node");
    command.env("NODE_PATH", folder.join("node_modules")).arg(tools::script(script));
    command
}

#[tokio::test]
async fn the_python_library_websockets_finds_no_fault() {
    let Some(python) = tools::python("websockets") else { return };
    let server = Server::start(Behind::Echo, Carrier::Tcp).await;
    let url = format!("ws://{}/mqtt", server.address);
    let said = run(Command::new(python).arg(tools::script("websockets_client.py")).arg(url)).await;
    assert_eq!(said.trim(), "all good");
}

#[tokio::test]
async fn mqttjs_publishes_to_itself() {
    let Some(folder) = tools::node("mqtt") else { return };
    for carrier in [Carrier::Tcp, Carrier::Tls] {
        let server = Server::start(Behind::Mqtt, carrier).await;
        let scheme = if carrier == Carrier::Tls { "wss" } else { "ws" };
        let url = format!("{scheme}://{}/mqtt", server.address);
        assert_eq!(run(node(&folder, "mqttjs_client.js").arg(url)).await.trim(), "all good");
    }
}
