//! Where the clients are installed, and what happens where they are not.

use std::{
    env,
    io::{self, Write},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::OnceLock,
};

use crate::client::Kind;

/// Whether tests of this client can run. Where not, says so past the test runner's capture, or fails where `CI` is set.
pub fn installed(kind: Kind) -> bool {
    match missing(kind) {
        None => true,
        Some(reason) => {
            skip(&format!("{kind:?}: {reason}"));
            false
        }
    }
}

/// Says that a test does not run, or fails where `CI` is set: there, everything has to be installed.
pub fn skip(reason: &str) {
    assert!(env::var_os("CI").is_none(), "cannot run this test: {reason}");
    let test = std::thread::current().name().unwrap_or("a test").to_owned();
    // eprintln! would be captured and shown for failing tests only.
    let _ = writeln!(io::stderr(), "\nSKIPPED {test}: {reason}");
}

/// The Python of the virtual environment that holds paho-mqtt.
pub fn python() -> PathBuf {
    tool_folder("LACEWING_TEST_VENV", "venv").join("bin/python")
}

/// The folder whose `node_modules` holds MQTT.js.
pub fn node_folder() -> PathBuf {
    tool_folder("LACEWING_TEST_NODE", "node")
}

/// A file of `tests/clients/scripts`.
pub fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/scripts").join(name)
}

fn missing(kind: Kind) -> Option<&'static str> {
    static MOSQUITTO: OnceLock<bool> = OnceLock::new();
    static PAHO: OnceLock<bool> = OnceLock::new();
    static MQTTJS: OnceLock<bool> = OnceLock::new();
    let (known, check, reason): (_, fn() -> bool, _) = match kind {
        Kind::Mosquitto => {
            (&MOSQUITTO, has_mosquitto, "mosquitto_sub, mosquitto_pub or coreutils' stdbuf is not installed")
        }
        Kind::Paho => {
            (&PAHO, has_paho, "no paho-mqtt in the virtual environment (LACEWING_TEST_VENV or target/test-tools/venv)")
        }
        Kind::MqttJs => {
            (&MQTTJS, has_mqttjs, "no node, or no mqtt in node_modules (LACEWING_TEST_NODE or target/test-tools/node)")
        }
        Kind::Rumqttc => return None,
    };
    (!*known.get_or_init(check)).then_some(reason)
}

fn has_mosquitto() -> bool {
    // `--help` exits with 1: that it starts is enough.
    ["mosquitto_sub", "mosquitto_pub", "stdbuf"].iter().all(|name| quiet(Command::new(name).arg("--help")).is_some())
}

fn has_paho() -> bool {
    quiet(Command::new(python()).args(["-c", "import paho.mqtt.client"])) == Some(true)
}

fn has_mqttjs() -> bool {
    node_folder().join("node_modules/mqtt").is_dir() && quiet(Command::new("node").arg("--version")) == Some(true)
}

/// Whether the command succeeds; `None` where it cannot be started.
fn quiet(command: &mut Command) -> Option<bool> {
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.ok().map(|status| status.success())
}

/// A folder of tools: where `variable` says, or below the target folder.
pub fn tool_folder(variable: &str, name: &str) -> PathBuf {
    env::var_os(variable)
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("target/test-tools").join(name), PathBuf::from)
}
