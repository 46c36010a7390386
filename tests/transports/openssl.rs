//! `openssl s_client`: certificates by name, versions of TLS, resumption.

use std::{
    net::SocketAddr,
    process::{Command, Output, Stdio},
};

use serde_json::json;

use crate::{certificates::Authority, folder::Folder, program::Program, script};

/// The serial number of the certificate that is shown for this name.
pub fn serial(address: SocketAddr, name: &str) -> u64 {
    let shown = s_client(address, &["-servername", name]);
    let folder = Folder::new();
    let certificate = folder.write("shown.pem", &shown.stdout);
    let read = Command::new("openssl").args(["x509", "-noout", "-serial", "-in"]).arg(certificate).output();
    let read = String::from_utf8(read.expect("openssl is there").stdout).expect("hex is text");
    let serial = read.trim().strip_prefix("serial=").unwrap_or_else(|| panic!("no certificate: {shown:?}"));
    u64::from_str_radix(serial, 16).unwrap_or_else(|error| panic!("{error}: {serial}"))
}

/// Connects and ends at once.
fn s_client(address: SocketAddr, arguments: &[&str]) -> Output {
    let mut command = Command::new("openssl");
    command.args(["s_client", "-connect", &address.to_string()]).args(arguments).stdin(Stdio::null());
    command.output().expect("openssl is there")
}

/// Whether a handshake succeeds with these arguments, and what the client tells of it.
pub fn shakes(address: SocketAddr, arguments: &[&str]) -> Option<String> {
    let output = s_client(address, arguments);
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    (output.status.success() && told.contains("Cipher is ") && !told.contains("Cipher is (NONE)")).then_some(told)
}

#[test]
fn the_name_that_a_client_asks_for_picks_the_certificate() {
    if !script::has("openssl", "version") {
        return;
    }
    let folder = Folder::new();
    let servers = Authority::new("Servers");
    let leaves = ["one.test", "two.test"].map(|name| servers.leaf(name));
    let files = [leaves[0].write(&folder, "one"), leaves[1].write(&folder, "two")];
    let certificate = |at: usize| json!({ "Path": files[at][0], "KeyPath": files[at][1] });
    let file = json!({
        "Endpoints": { "tls": { "Url": "mqtts://127.0.0.1:0", "Certificates": ["first", "second"] } },
        "Certificates": { "first": certificate(0), "second": certificate(1) },
    });
    let program = Program::start(&folder, &[&folder.write("lacewing.json", file.to_string())], &[]);
    let address = program.address("mqtts");
    assert_eq!(serial(address, "one.test"), leaves[0].serial);
    assert_eq!(serial(address, "two.test"), leaves[1].serial);
    assert_eq!(serial(address, "three.test"), leaves[0].serial, "an unknown name gets the first");
}

#[test]
fn versions_of_tls_are_those_that_are_configured() {
    if !script::has("openssl", "version") {
        return;
    }
    for (versions, with_1_2, with_1_3) in [("None", true, true), ("Tls12", true, false), ("Tls13", false, true)] {
        let folder = Folder::new();
        let settings = [("Endpoints__tls__Url", "mqtts://127.0.0.1:0"), ("Endpoints__tls__SslProtocols", versions)];
        let program = Program::start(&folder, &[], &settings);
        let address = program.address("mqtts");
        assert_eq!(shakes(address, &["-tls1_2"]).is_some(), with_1_2, "TLS 1.2 with {versions}");
        assert_eq!(shakes(address, &["-tls1_3"]).is_some(), with_1_3, "TLS 1.3 with {versions}");
        assert!(shakes(address, &["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"]).is_none(), "TLS 1.1 with {versions}");
    }
}

#[test]
fn mqtt_is_agreed_on_by_alpn() {
    if !script::has("openssl", "version") {
        return;
    }
    let folder = Folder::new();
    let program = Program::start(&folder, &[], &[("Endpoints__tls__Url", "mqtts://127.0.0.1:0")]);
    let told = shakes(program.address("mqtts"), &["-alpn", "mqtt"]).expect("a handshake");
    assert!(told.contains("ALPN protocol: mqtt"), "{told}");
}

#[test]
fn a_returning_client_resumes_its_session() {
    if !script::has("openssl", "version") {
        return;
    }
    let folder = Folder::new();
    let program = Program::start(&folder, &[], &[("Endpoints__tls__Url", "mqtts://127.0.0.1:0")]);
    let address = program.address("mqtts");
    for version in ["-tls1_2", "-tls1_3"] {
        let session = folder.join(format!("session{version}"));
        let session = session.to_str().expect("the folder's name is text");
        // Tickets of TLS 1.3 come after the handshake: the client stays until the program has sent CONNACK.
        let told = talk(address, &[version, "-sess_out", session]);
        assert!(told.contains("New, TLSv1"), "{told}");
        let told = talk(address, &[version, "-sess_in", session]);
        assert!(told.contains("Reused, TLSv1"), "{version}: {told}");
    }
}

/// Connects, sends CONNECT and DISCONNECT, and reads until the program closes.
fn talk(address: SocketAddr, arguments: &[&str]) -> String {
    use crate::mqtt::{self, Level};
    use std::io::Write;
    let mut command = Command::new("openssl");
    command.args(["s_client", "-ign_eof", "-connect", &address.to_string()]).args(arguments);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().expect("openssl is there");
    let hello = [mqtt::connect(Level::V311, None), vec![0xe0, 0]].concat();
    child.stdin.take().expect("stdin is piped").write_all(&hello).expect("openssl reads");
    let output = child.wait_with_output().expect("openssl ends");
    String::from_utf8_lossy(&output.stdout).into_owned()
}
