//! Users and anonymous clients, as the configuration has them.

use crate::{
    folder::Folder,
    mqtt::{self, ACCEPTED, Level, Outcome},
    program::Program,
};

/// Not authorized, and bad user name or password, of MQTT 5.0.
const REFUSED: [Outcome; 2] = [Outcome::Connack(0x87), Outcome::Connack(0x86)];

/// `password`, by the reference implementation.
const HASH: &str = "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";

/// What becomes of a client over TCP.
fn enter(program: &Program, user: Option<[&str; 2]>) -> Outcome {
    mqtt::enter(&mut mqtt::dial(program.address("mqtt")), &mqtt::connect(Level::V5, user))
}

#[test]
fn passwords_are_plain_or_hashed_or_in_a_file() {
    let folder = Folder::new();
    let file = folder.write("carol", "third\n");
    let settings = [
        ("Users__alice__Password", "first"),
        ("Users__bob__Password", HASH),
        ("Users__carol__Password_FILE", file.to_str().expect("the folder's name is text")),
    ];
    let program = Program::start(&folder, &[], &settings);
    assert_eq!(enter(&program, Some(["alice", "first"])), ACCEPTED);
    assert_eq!(enter(&program, Some(["bob", "password"])), ACCEPTED);
    assert_eq!(enter(&program, Some(["carol", "third"])), ACCEPTED);
    for wrong in [["alice", "third"], ["carol", "third\n"], ["bob", HASH], ["dave", "first"], ["alice", ""]] {
        assert!(REFUSED.contains(&enter(&program, Some(wrong))), "{wrong:?}");
    }
    assert!(REFUSED.contains(&enter(&program, None)), "nobody");
}

#[test]
fn anonymous_clients_come_in_while_there_are_no_users() {
    let folder = Folder::new();
    let program = Program::start(&folder, &[], &[]);
    program.says("everybody may connect");
    assert_eq!(enter(&program, None), ACCEPTED);
    let closed = Program::start(&folder, &[], &[("AllowAnonymous", "false")]);
    assert!(REFUSED.contains(&enter(&closed, None)));
}

#[test]
fn an_endpoint_may_be_open_where_the_program_is_not() {
    let folder = Folder::new();
    let settings = [
        ("Users__alice__Password", "first"),
        ("Endpoints__local__Url", "unix:local.sock"),
        ("Endpoints__local__AllowAnonymous", "true"),
    ];
    let path = folder.join("local.sock");
    let url = format!("unix:{}", path.display());
    let settings = settings.map(|(key, value)| (key, if value == "unix:local.sock" { url.as_str() } else { value }));
    let program = Program::start(&folder, &[], &settings);
    assert!(REFUSED.contains(&enter(&program, None)), "over TCP");
    let mut local = std::os::unix::net::UnixStream::connect(path).expect("the program listens");
    assert_eq!(mqtt::enter(&mut local, &mqtt::connect(Level::V5, None)), ACCEPTED, "over the Unix socket");
}
