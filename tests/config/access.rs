//! Users, and secrets that nobody gets to see.

use crate::config::print::{Origins, print};
use crate::config::{Sources, load};
use crate::sources::{Folder, environment, loaded, refused};
use mqtt_server::auth::PasswordHash;

/// `password`, by the reference implementation.
const HASH: &str = "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";

fn is_of(hash: &PasswordHash, password: &str) -> bool {
    hash.matches(password.as_bytes())
}

#[test]
fn a_password_is_hashed_and_a_hash_stays() {
    let settings = loaded(&format!("MQTT__Users__Alice.A__Password=hunter2\nMQTT__Users__bob__Password={HASH}"));
    assert_eq!(settings.users.keys().collect::<Vec<_>>(), ["Alice.A", "bob"]);
    let hash = &settings.users["Alice.A"];
    assert!(hash.as_str().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", hash.as_str());
    assert!(is_of(hash, "hunter2") && !is_of(hash, "hunter3"));
    assert_eq!(settings.users["bob"].as_str(), HASH);
    assert!(is_of(&settings.users["bob"], "password"));
}

#[test]
fn a_password_comes_from_a_file() {
    let folder = Folder::new();
    let file = folder.file("password", "hunter2\n").display().to_string();
    for line in [
        format!("MQTT__Users__a__Password_FILE={file}"),
        format!("MQTT__Users__a__Password__File={file}"),
        format!("MQTT__Users__a__PASSWORD_FILE={file}"),
        format!("MQTT__Users__a__Password=file://{file}"),
    ] {
        let settings = loaded(&line);
        assert!(is_of(&settings.users["a"], "hunter2"), "{line}");
        assert!(settings.files.contains(&file.clone().into()), "it is watched");
        let origin = format!("# environment variable {}, file {file}", line.split('=').next().unwrap());
        assert!(print(&settings, Origins::Shown).contains(&origin), "{}", print(&settings, Origins::Shown));
    }
    let sources = Sources {
        files: vec![folder.file("a.yaml", &format!("Users: {{a: {{PasswordFile: {file}}}}}"))],
        ..Sources::default()
    };
    assert!(is_of(&load(&sources).unwrap().users["a"], "hunter2"));
    let settings = loaded(&format!("MQTT__MaxInFlight_FILE={}", folder.file("number", "12\r\n").display()));
    assert_eq!(settings.limits.in_flight, 12, "any value may");
}

#[test]
fn loading_again_sees_no_change_of_a_plain_password() {
    let line = "MQTT__Users__a__Password=hunter2";
    assert_eq!(loaded(line).users, loaded(line).users);
    assert_ne!(loaded(line).users, loaded("MQTT__Users__a__Password=hunter3").users);
}

#[test]
fn anonymous_clients() {
    assert_eq!(loaded("").allow_anonymous, None);
    assert_eq!(loaded("MQTT__AllowAnonymous=FALSE").allow_anonymous, Some(false));
    assert_eq!(loaded("MQTT__ALLOW_ANONYMOUS=1").allow_anonymous, Some(true));
}

#[test]
fn no_secret_is_ever_shown() {
    let folder = Folder::new();
    let mut sources = environment(
        "MQTT__Users__alice__Password=SECRET1
         MQTT__Certificates__Default__Path=/a.pfx
         MQTT__Certificates__Default__Password=SECRET2
         Kestrel__Certificates__Default__Path=/b.pfx
         Kestrel__Certificates__Default__Password=SECRET3
         MQTT__Endpoints__x__Url=tcps://[::]:5",
    );
    let text = "Endpoints:\n  x:\n    Certificate: {Path: /c.pfx, Password: SECRET4}\n";
    sources.files.push(folder.file("a.yaml", text));
    let settings = load(&sources).unwrap();
    let hidden = |shown: String| assert!(!shown.contains("SECRET") && !shown.contains("$argon2"), "{shown}");
    hidden(format!("{settings:?} {settings:#?}"));
    hidden(print(&settings, Origins::Shown));
    assert_eq!(print(&settings, Origins::Hidden).matches("\"***\"").count(), 4);
}

#[test]
fn no_secret_is_in_an_error() {
    let folder = Folder::new();
    for line in [
        "MQTT__Users__a__Password=$2b$SECRET",
        "MQTT__Users__a__Password=$argon2id$SECRET",
        "MQTT__Users__a__Password=file:///SECRET/\0",
        "MQTT__Users__a__Pasword=SECRET",
        "MQTT__Users__a=SECRET",
        "MQTT__Users=SECRET",
        "MQTT__Certificates__Default=SECRET",
        "MQTT__Endpoints__x__Url=tcp://user:SECRET@host:1",
        "MQTT__Users__a__Password=SECRET1\nmqtt__users__A__password=SECRET2",
        "MQTT__Users__a__Password__x=SECRET",
    ] {
        let errors = refused(line);
        assert!(!errors.contains("SECRET") || line.contains("file://"), "{errors}");
        let errors = load(&environment(line)).unwrap_err();
        assert!(!format!("{errors:?}").contains("SECRET") || line.contains("file://"), "{errors:?}");
    }
    for (name, text) in [
        ("a.toml", "[Users.a]\nPassword = \"SECRET"),
        ("b.toml", "[Users.a]\nPassword = SECRET"),
        ("c.toml", "[Users.a]\nPassword = \"SECRET\"\nPassword = \"SECRET2\""),
        ("a.yaml", "Users:\n  a:\n    Password: \"SECRET\n"),
        ("b.yaml", "Users:\n  a:\n    Password: SECRET: SECRET\n"),
        ("c.yaml", "Users:\n  a:\n    Password: *SECRET\n"),
        ("d.yaml", "Users:\n  a:\n    Password: SECRET\n    Password: SECRET2\n"),
        ("e.yaml", "Users:\n  a:\n    Password: !SECRET x\n  \tb\n"),
        ("a.json", r#"{"Users": {"a": {"Password": "SECRET}}}"#),
        ("b.json", r#"{"Users": {"a": {"Password": SECRET}}}"#),
        ("c.json", r#"["SECRET"]"#),
        ("d.json", r#""SECRET""#),
        ("f.yaml", "Users:\n  a:\n    Password: [SECRET, SECRET]\n"),
        ("g.yaml", "Users:\n  SECRET\n"),
    ] {
        let sources = Sources { files: vec![folder.file(name, text)], ..Sources::default() };
        match load(&sources) {
            Ok(settings) => panic!("{name}: {settings:?}"),
            Err(errors) => assert!(!format!("{errors} {errors:?}").contains("SECRET"), "{name}: {errors}"),
        }
    }
}
