//! paho over a Unix domain socket.

use std::{fs, os::unix::fs::PermissionsExt};

use serde_json::json;

use crate::{folder::Folder, program::Program, script};

#[test]
fn paho_talks_over_a_unix_socket() {
    let Some(mut paho) = script::python("paho_unix.py", &["paho.mqtt.client"]) else { return };
    let folder = Folder::new();
    let path = folder.join("mqtt.sock");
    let url = format!("unix:{}", path.display());
    let settings = [("Endpoints__local__Url", url.as_str()), ("Endpoints__local__Unix__Mode", "0600")];
    let program = Program::start(&folder, &[], &settings);
    assert!(program.urls().contains(&url), "{:?}", program.urls());
    assert_eq!(fs::metadata(&path).expect("the socket is there").permissions().mode() & 0o777, 0o600);
    for version in [4, 5] {
        let got = paho.step("round", json!({ "path": path, "version": version, "payload": "hello" }));
        assert_eq!(got["payload"], "hello");
    }
}
