//! No password and no hash of one is ever said: at the start, in what it runs into, by a reload, by `lacewing config`.

use std::process::Command;

use serde_json::json;

use crate::{
    certificates::Authority,
    folder::Folder,
    mqtt::{self, ACCEPTED, Level, Outcome},
    program::{self, Program, Setting},
};

/// In every secret of these tests.
const SECRET: &str = "xyzzy";

/// A hash, which is to be hidden as well.
const HASH: &str = "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";

#[track_caller]
fn assert_hidden(said: &str) {
    for secret in [SECRET, "$argon2", "c29tZXNhbHQ", "nf65EOgLrQMR"] {
        assert!(!said.contains(secret), "{secret} in: {said}");
    }
}

/// Everything that a command says until it ends, and its exit code.
fn run(mut command: Command) -> (String, i32) {
    let output = command.output().expect("it starts");
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    (said, output.status.code().expect("it ends by itself"))
}

#[test]
fn a_running_program_keeps_its_secrets() {
    let folder = Folder::new();
    Authority::new("Servers").leaf("broker.test").write(&folder, "server");
    let file = folder.write("password", "xyzzy-in-a-file\n");
    let configure = |password: &str, log_level: &str| {
        let users = json!({
            "plain": { "Password": password },
            "hashed": { "Password": HASH },
            "filed": { "Password_FILE": file },
        });
        let paths = [folder.join("server.pem"), folder.join("server.key")];
        let certificate = json!({ "Path": paths[0], "KeyPath": paths[1], "Password": "xyzzy-of-the-key" });
        let endpoints = json!({ "tls": { "Url": "mqtts://127.0.0.1:0", "Certificate": certificate } });
        let file = json!({ "Users": users, "Endpoints": endpoints, "LogLevel": log_level });
        folder.write("lacewing.json", file.to_string())
    };
    let config = configure("xyzzy-one", "trace");
    let program = Program::start(&folder, &[&config], &[]);
    let enter = |user: &str, password: &str| {
        let hello = mqtt::connect(Level::V5, Some([user, password]));
        mqtt::enter(&mut mqtt::dial(program.address("mqtt")), &hello)
    };
    assert_eq!([enter("plain", "xyzzy-one"), enter("hashed", "password")], [ACCEPTED, ACCEPTED]);
    assert_eq!(enter("plain", "xyzzy-wrong"), Outcome::Connack(0x86));
    configure("xyzzy-two", "trace");
    program.hang_up();
    assert!(
        program.says("configuration loaded again").contains("Users:plain:Password"),
        "it says what, and not to what"
    );
    assert_eq!(enter("plain", "xyzzy-two"), ACCEPTED);
    configure(&format!("{}xyzzy", &HASH[..40]), "trace");
    program.hang_up();
    program.says("the old configuration stays in force");
    configure("xyzzy-three", "loud");
    program.hang_up();
    program.says("the old configuration stays in force");
    let said = program.ends();
    assert!(said.len() >= 3, "{said:#?}");
    assert_hidden(&said.join("\n"));
}

#[test]
fn the_configuration_is_shown_without_its_secrets() {
    let folder = Folder::new();
    let file = folder.write("password", "xyzzy-in-a-file\n");
    let settings = [
        ("Users__plain__Password", "xyzzy-one"),
        ("Users__hashed__Password", HASH),
        ("Users__filed__Password_FILE", file.to_str().expect("the folder's name is text")),
        ("Certificates__Default__Path", "server.pem"),
        ("Certificates__Default__Password", "xyzzy-of-the-key"),
    ];
    let with = |arguments: &[&str]| {
        let mut command = program::command(&folder, &[], &settings);
        command.args(arguments);
        run(command)
    };
    for arguments in [&["config", "print"][..], &["config", "print", "--origin"], &["config", "check"]] {
        let (said, code) = with(arguments);
        assert_eq!(code, 0, "{said}");
        assert_hidden(&said);
    }
    assert_eq!(with(&["config", "print"]).0.matches("\"***\"").count(), 4, "they are there");
    let set = with(&["config", "print", "--origin", "--set", "Users.set.Password=xyzzy-set"]).0;
    assert!(set.contains("--set Users.set.Password"), "{set}");
    assert_hidden(&set);
}

#[test]
fn no_error_shows_a_secret() {
    let folder = Folder::new();
    let damaged = format!("{}xyzzy", &HASH[..40]);
    let file = folder.write("password", &damaged);
    let file = format!("file://{}", file.display());
    let wrong: [&[Setting]; 7] = [
        &[("Users__a__Password", &damaged)],
        &[("Users__a__Password", "$2b$xyzzy")],
        &[("Users__a__Password", &file)],
        &[("Users__a__Pasword", "xyzzy")],
        &[("Users__a", "xyzzy")],
        &[("Users__a__Password", "xyzzy-1"), ("users__A__password", "xyzzy-2")],
        &[("Users__a__Password", "xyzzy"), ("LogLevel", "loud")],
    ];
    for settings in wrong {
        for arguments in [&[][..], &["config", "check"], &["config", "print"], &["config", "check", "--allow-unknown"]]
        {
            let mut command = program::command(&folder, &[], settings);
            command.args(arguments);
            let (said, code) = run(command);
            let allowed = arguments.contains(&"--allow-unknown") && settings[0].0.ends_with("Pasword");
            assert_eq!(code, if allowed { 0 } else { 78 }, "{settings:?}: {said}");
            assert_hidden(&said);
        }
    }
}
