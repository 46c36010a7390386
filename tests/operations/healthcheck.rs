//! `lacewing healthcheck`.

use std::{
    io::Write,
    net::TcpListener,
    process::Command,
    time::{Duration, Instant},
};

use crate::{
    folder::Folder,
    http::get,
    probes::{HTTP, start},
    program::{self, Program, Setting},
    until,
};

/// Runs it; gives the exit code and what it says.
fn check(folder: &Folder, settings: &[Setting], arguments: &[&str]) -> (i32, String) {
    let mut command: Command = program::command(folder, &[], settings);
    command.arg("healthcheck").args(arguments);
    let output = command.output().expect("it can be started");
    assert!(output.stdout.is_empty());
    (output.status.code().expect("it exits"), String::from_utf8(output.stderr).expect("text"))
}

#[test]
fn it_asks_where_the_configuration_says() {
    let folder = Folder::new();
    let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port");
    let url = format!("http://*:{}", free.port());
    let settings = [HTTP[0], ("Endpoints__http__Url", url.as_str())];
    let (code, said) = check(&folder, &settings, &[]);
    assert_eq!((code, said.lines().count()), (1, 1), "nobody is there: {said}");
    let program = Program::start(&folder, &[], &settings);
    until(|| get(free, "/readyz").code == 200, "it is ready");
    assert_eq!(check(&folder, &settings, &[]), (0, String::new()));
    drop(program);
    let (code, said) = check(&folder, &[("Endpoints__http__Enabled", "false")], &[]);
    assert_eq!(
        (code, said.as_str()),
        (1, "lacewing: unhealthy: no HTTP endpoint is configured that offers health; say --url\n")
    );
}

#[test]
fn it_asks_what_it_is_told_to_and_says_what_is_wrong() {
    let folder = Folder::new();
    let program = start(&folder, &[("Limits__Connections", "1")]);
    let address = program.address("http");
    until(|| get(address, "/readyz").code == 200, "it is ready");
    let live = format!("http://{address}/livez");
    assert_eq!(check(&folder, &[], &["--url", &live]), (0, String::new()));
    let (code, said) = check(&folder, &[], &["--url", &format!("http://{address}/nothing")]);
    assert_eq!(code, 1);
    assert!(said.starts_with("lacewing: unhealthy: /nothing answered 404: ") && said.lines().count() == 1, "{said}");
    let client = crate::mqtt::dial(program.address("mqtt"));
    // Its first byte makes it count.
    (&client).write_all(&[0x10]).expect("it is open");
    until(|| get(address, "/readyz").code == 503, "it is full");
    let (code, said) = check(&folder, &[], &["--url", &format!("http://{address}")]);
    assert_eq!(code, 1);
    assert!(said.contains("/readyz answered 503: connections: "), "{said}");
}

#[test]
fn https_is_asked_without_a_look_at_the_certificate() {
    let folder = Folder::new();
    let program = Program::start(&folder, &[], &[HTTP[0], ("Endpoints__http__Url", "https://127.0.0.1:0")]);
    let url = format!("https://{}/livez", program.address("https"));
    assert_eq!(check(&folder, &[], &["--url", &url]), (0, String::new()));
}

#[test]
fn no_answer_is_an_answer_after_three_seconds() {
    let folder = Folder::new();
    let silent = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", silent.local_addr().expect("it is bound"));
    let start = Instant::now();
    let (code, said) = check(&folder, &[], &["--url", &url]);
    assert_eq!((code, said.as_str()), (1, "lacewing: unhealthy: no answer within 3 s\n"));
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
}
