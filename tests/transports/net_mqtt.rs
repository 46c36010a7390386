//! The `docker run` lines of Net.MQTT's manual, with the paths of a test.

use std::process::Command;

use crate::{
    certificates::Authority,
    folder::Folder,
    mqtt::{self, ACCEPTED, Level},
    openssl,
    program::Program,
    script,
};

#[test]
fn the_minimal_line_opens_the_default_endpoints() {
    let folder = Folder::new();
    // The ports of the line are the container's own; here, others may have them.
    let mut command = Command::new(env!("CARGO_BIN_EXE_lacewing"));
    command.env_clear().current_dir(&*folder).args(["--set", "DataDirectory=data"]);
    command.args(["--set", "Endpoints.mqtt.Port=0", "--set", "Endpoints.http.Port=0"]);
    let program = Program::spawn(command);
    let schemes: Vec<&str> = program.urls().iter().filter_map(|url| Some(url.split_once("://")?.0)).collect();
    assert_eq!(schemes, ["http", "mqtt"]);
    assert!(program.urls().iter().all(|url| url.contains("://[::]:")), "{:?}", program.urls());
    let address = ([127, 0, 0, 1], program.address("mqtt").port()).into();
    assert_eq!(mqtt::enter(&mut mqtt::dial(address), &mqtt::connect(Level::V311, None)), ACCEPTED, "over IPv4");
}

#[test]
fn the_line_with_tls_opens_https_and_tcps_with_a_pfx_file() {
    if !script::has("openssl", "version") {
        return;
    }
    let folder = Folder::new();
    let leaf = Authority::new("Servers").leaf("broker.test");
    let [certificate, key] = leaf.write(&folder, "server");
    let pfx = folder.join("mqtt-server.pfx");
    let mut export = Command::new("openssl");
    export.args(["pkcs12", "-export", "-passout", "pass:", "-in"]).arg(certificate).arg("-inkey").arg(key);
    assert!(export.arg("-out").arg(&pfx).status().expect("openssl is there").success());

    let mut command = Command::new(env!("CARGO_BIN_EXE_lacewing"));
    command.env_clear().current_dir(&*folder).args(["--set", "DataDirectory=data"]);
    command.env("Kestrel__Endpoints__https__Url", "https://*:0");
    command.env("Kestrel__Certificates__Default__Path", &pfx);
    command.env("MQTT__Endpoints__tcp.ssl.default__Url", "tcps://[::]:0");
    command.env("MQTT__Endpoints__tcp.ssl.default__Certificate__Path", &pfx);
    command.args(["--set", "Endpoints.mqtt.Port=0", "--set", "Endpoints.http.Port=0"]);
    let program = Program::spawn(command);
    for scheme in ["https", "mqtts"] {
        let address = ([127, 0, 0, 1], program.address(scheme).port()).into();
        assert_eq!(openssl::serial(address, "localhost"), leaf.serial, "{scheme}");
    }
    assert_eq!(program.urls().len(), 4, "{:?}", program.urls());
}
