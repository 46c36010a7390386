//! Starts that fail: what is said, and the exit code.

use std::net::TcpListener;

use crate::{
    certificates::Authority,
    child::Process,
    folder::Folder,
    program::{self, Program, Setting},
};

/// The exit code of a configuration that cannot be used.
const CONFIGURATION: i32 = 78;

/// Starts, and gives all lines and the exit code.
fn fail(folder: &Folder, settings: &[Setting]) -> (String, i32) {
    let mut process = Process::spawn(program::command(folder, &[], settings));
    let said = process.rest_of_stderr().join("\n");
    let code = process.exit().code().expect("it ends by itself");
    (said, code)
}

/// What is said names all of these.
#[track_caller]
fn assert_names((said, code): (String, i32), expected: i32, names: &[&str]) {
    assert_eq!(code, expected, "{said}");
    for name in names {
        assert!(said.contains(name), "no {name} in: {said}");
    }
}

#[test]
fn a_port_in_use_is_an_error_of_the_endpoint() {
    let folder = Folder::new();
    let taken = TcpListener::bind("127.0.0.1:0").expect("the loopback has free ports");
    let address = taken.local_addr().expect("it is bound");
    let failed = fail(&folder, &[("Endpoints__second__Url", &format!("tcp://{address}"))]);
    assert_names(failed, 1, &["endpoint second", &address.to_string(), "in use"]);
}

#[test]
fn a_certificate_that_is_not_there_is_an_error_of_the_configuration() {
    let folder = Folder::new();
    let settings = [
        ("Endpoints__second__Url", "mqtts://127.0.0.1:0"),
        ("Endpoints__second__Certificate__Path", "/nowhere/server.pem"),
        ("Endpoints__second__Certificate__KeyPath", "/nowhere/server.key"),
    ];
    assert_names(fail(&folder, &settings), CONFIGURATION, &["second", "/nowhere/server.pem"]);
}

#[test]
fn a_certificate_that_is_none_is_an_error_of_the_configuration() {
    let folder = Folder::new();
    let [_, key] = Authority::new("Servers").leaf("broker.test").write(&folder, "server");
    let settings = [
        ("Endpoints__second__Url", "mqtts://127.0.0.1:0"),
        ("Endpoints__second__Certificate__Path", "server.pem"),
        ("Endpoints__second__Certificate__KeyPath", key.to_str().expect("the folder's name is text")),
    ];
    folder.write("server.pem", "nothing of the kind");
    assert_names(fail(&folder, &settings), CONFIGURATION, &["second", "server.pem"]);
}

#[test]
fn a_key_of_another_certificate_is_an_error_of_the_configuration() {
    let folder = Folder::new();
    let servers = Authority::new("Servers");
    servers.leaf("one.test").write(&folder, "one");
    servers.leaf("two.test").write(&folder, "two");
    let settings = [
        ("Endpoints__second__Url", "mqtt-quic://127.0.0.1:0"),
        ("Endpoints__second__Certificate__Path", "one.pem"),
        ("Endpoints__second__Certificate__KeyPath", "two.key"),
    ];
    assert_names(fail(&folder, &settings), CONFIGURATION, &["second", "one.pem", "two.key"]);
}

#[test]
fn an_endpoint_without_a_certificate_is_an_error_where_none_may_be_made() {
    let folder = Folder::new();
    let failed = fail(&folder, &[("Endpoints__second__Url", "mqtts://127.0.0.1:0"), ("SelfSigned", "false")]);
    assert_names(failed, CONFIGURATION, &["second", "SelfSigned"]);
}

#[test]
fn an_unknown_key_names_the_variable_and_the_nearest_key() {
    let folder = Folder::new();
    let failed = fail(&folder, &[("Endpoints__mqtt__MaxConections", "3")]);
    assert_names(failed, CONFIGURATION, &["MQTT__Endpoints__mqtt__MaxConections", "MaxConnections"]);
}

#[test]
fn an_unknown_key_is_a_warning_where_that_is_asked_for() {
    let folder = Folder::new();
    let settings = [("MaxConections", "3")];
    for arguments in [&["--allow-unknown", "config", "check"], &["config", "check", "--allow-unknown"]] {
        let output = program::command(&folder, &[], &settings).args(arguments).output().expect("it starts");
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{output:?}");
        assert!(said.contains("left out: unknown key MaxConections") && said.contains("is good"), "{said}");
    }
    let mut command = program::command(&folder, &[], &settings);
    command.arg("--allow-unknown");
    let program = Program::spawn(command);
    let line = program.says("left out: unknown key MaxConections");
    assert!(line.contains(" WARN "), "{line}");
}

#[test]
fn a_wrong_value_names_the_variable_and_what_is_allowed() {
    let folder = Folder::new();
    let failed = fail(&folder, &[("MaxReceive", "70000")]);
    assert_names(failed, CONFIGURATION, &["MQTT__MaxReceive", "70000", "65535"]);
}

#[test]
fn a_unix_socket_that_cannot_be_made_is_an_error_of_the_endpoint() {
    let folder = Folder::new();
    let failed = fail(&folder, &[("Endpoints__local__Url", "unix:/nowhere/mqtt.sock")]);
    assert_names(failed, 1, &["endpoint local", "/nowhere/mqtt.sock"]);
}
