//! A configuration that is refused, and a file that makes it good: no signal, and no other file is touched.

use serde_json::json;

use crate::{
    certificates::Authority,
    folder::Folder,
    mqtt::{self, ACCEPTED, Level, Outcome},
    program::Program,
};

/// Says that what is new does not count.
const REFUSED: &str = "the old configuration stays in force";

#[test]
fn a_password_file_that_only_the_refused_configuration_names() {
    let folder = Folder::new();
    let config = folder.write("lacewing.json", "{}");
    let program = Program::start(&folder, &[&config], &[]);
    let password = folder.join("password");
    folder.write("lacewing.json", json!({ "Users": { "alice": { "Password_FILE": password } } }).to_string());
    let line = program.says(REFUSED);
    assert!(line.contains("Users:alice:Password") && line.contains("password"), "{line}");
    folder.write("password", "$2y$05$abcdefghijklmnopqrstuu");
    let line = program.says(REFUSED);
    assert!(line.contains("not a hash of another kind"), "{line}");
    folder.write("password", "first\n");
    program.says("configuration loaded again");
    let enter = |password| {
        let hello = mqtt::connect(Level::V5, Some(["alice", password]));
        mqtt::enter(&mut mqtt::dial(program.address("mqtt")), &hello)
    };
    assert_eq!((enter("first"), enter("second")), (ACCEPTED, Outcome::Connack(0x86)));
}

#[test]
fn a_certificate_that_only_the_refused_configuration_names() {
    let folder = Folder::new();
    let config = folder.write("lacewing.json", "{}");
    let program = Program::start(&folder, &[&config], &[]);
    let leaf = Authority::new("Servers").leaf("broker.test");
    leaf.write(&folder, "server");
    folder.write("server.pem", "broken");
    let certificate = json!({ "Path": folder.join("server.pem"), "KeyPath": folder.join("server.key") });
    let endpoints = json!({ "tls": { "Url": "mqtts://127.0.0.1:0", "Certificate": certificate } });
    folder.write("lacewing.json", json!({ "Endpoints": endpoints }).to_string());
    let line = program.says(REFUSED);
    assert!(line.contains("server.pem"), "{line}");
    leaf.write(&folder, "server");
    program.says("endpoints opened: tls");
}
