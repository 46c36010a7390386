//! What the service manager hears, and the sockets that it passes.

use std::{
    os::unix::net::UnixDatagram,
    path::PathBuf,
    process::{Command, Stdio},
};

use rustix::process::Signal;

use crate::{
    BOUND,
    child::Process,
    folder::Folder,
    mqtt::{self, ACCEPTED, Level},
    program::{self, Program, Setting},
    tools,
};

/// The socket of a service manager.
struct Manager {
    socket: UnixDatagram,
    path: PathBuf,
}

impl Manager {
    fn new(folder: &Folder) -> Self {
        let path = folder.join("notify");
        let socket = UnixDatagram::bind(&path).expect("the name is new");
        socket.set_read_timeout(Some(BOUND)).expect("the bound is not zero");
        Self { socket, path }
    }

    /// The next message, line by line.
    fn hears(&self) -> Vec<String> {
        let mut buffer = [0; 4096];
        let length = self.socket.recv(&mut buffer).expect("a message in time");
        String::from_utf8_lossy(&buffer[..length]).lines().map(str::to_owned).collect()
    }

    /// Waits for a message with this line.
    fn waits_for(&self, line: &str) -> Vec<String> {
        loop {
            let heard = self.hears();
            if heard.iter().any(|other| other == line) {
                return heard;
            }
        }
    }

    fn start(&self, folder: &Folder, more: &[(&str, &str)]) -> Program {
        let mut command = program::command(folder, &[], &[]);
        command.env("NOTIFY_SOCKET", &self.path).envs(more.iter().copied());
        Program::spawn(command)
    }
}

#[test]
fn it_hears_of_start_reload_and_end() {
    let folder = Folder::new();
    let manager = Manager::new(&folder);
    let program = manager.start(&folder, &[]);
    let started = manager.hears();
    assert_eq!(started[0], "READY=1");
    assert_eq!(started[1], format!("STATUS=listening on {}", program.urls().join(", ")));
    let mut client = mqtt::dial(program.address("mqtt"));
    assert_eq!(mqtt::enter(&mut client, &mqtt::connect(Level::V5, None)), ACCEPTED);

    program.hang_up();
    let reloading = manager.hears();
    assert_eq!(reloading[0], "RELOADING=1");
    let clock = reloading[1].strip_prefix("MONOTONIC_USEC=").expect("the time of the reload");
    assert!(clock.parse::<u64>().is_ok(), "{clock}");
    assert_eq!(manager.hears(), ["READY=1"]);

    program.signal(Signal::TERM);
    let stopping = manager.hears();
    assert_eq!(stopping, ["STOPPING=1", "EXTEND_TIMEOUT_USEC=30000000", "STATUS=ending: 1 connections are sent away"]);
}

#[test]
fn the_watchdog_hears_a_heartbeat_if_it_listens() {
    let folder = Folder::new();
    let manager = Manager::new(&folder);
    let _program = manager.start(&folder, &[("WATCHDOG_USEC", "20000")]);
    for _ in 0..3 {
        manager.waits_for("WATCHDOG=1");
    }
}

/// A command that passes a listening socket to `program`, as systemd would.
fn activated(program: &Command, arguments: &[&str]) -> Option<Command> {
    let tool = "systemd-socket-activate";
    if Command::new(tool).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_err() {
        tools::skip("systemd-socket-activate is not installed");
        return None;
    }
    let mut command = Command::new(tool);
    command.args(arguments).env_clear();
    for (name, value) in program.get_envs().filter_map(|(name, value)| Some((name, value?))) {
        let mut setting = name.to_owned();
        setting.push("=");
        setting.push(value);
        command.arg("--setenv").arg(setting);
    }
    command.arg(program.get_program());
    Some(command)
}

#[test]
fn an_endpoint_takes_the_socket_that_is_named_like_it() {
    let folder = Folder::new();
    let free = std::net::TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a free port");
    // The endpoint's own address is another one.
    let own = program::command(&folder, &[], &[("Endpoints__mqtt__Url", "tcp://127.0.0.1:9")]);
    let Some(command) = activated(&own, &["--listen", &free.to_string(), "--fdname", "mqtt"]) else { return };
    let activator = Process::spawn(command);
    // It starts the program at the first connection, which waits meanwhile.
    crate::until(|| std::net::TcpStream::connect(free).is_ok(), "it listens");
    let mut client = mqtt::dial(free);
    assert_eq!(mqtt::enter(&mut client, &mqtt::connect(Level::V5, None)), ACCEPTED);
    let said =
        std::iter::from_fn(|| activator.stderr_line()).find(|line| line.starts_with("lacewing ")).expect("a start");
    assert!(said.ends_with(&format!("listening on mqtt://{free}")), "{said}");
}

#[test]
fn a_socket_of_no_endpoint_is_told_and_one_of_a_wrong_kind_refused() {
    let folder = Folder::new();
    let path = folder.join("socket");
    let listen = path.to_str().expect("text");
    let start = |name: &str, settings: &[Setting]| {
        let own = program::command(&folder, &[], settings);
        let activator = Process::spawn(activated(&own, &["--listen", listen, "--fdname", name])?);
        crate::until(|| std::os::unix::net::UnixStream::connect(&path).is_ok(), "it listens");
        Some(activator)
    };
    let Some(other) = start("other", &[]) else { return };
    let logged = |text: &str| std::iter::from_fn(|| other.stdout_line()).any(|line| line.contains(text));
    assert!(logged("the socket \"other\" that was passed is not used: no endpoint has this name"));
    drop(other);
    std::fs::remove_file(&path).expect("it was bound");
    let Some(wrong) = start("mqtt", &[]) else { return };
    let said = |text: &str| std::iter::from_fn(|| wrong.stderr_line()).any(|line| line.contains(text));
    assert!(said("endpoint mqtt: cannot listen on mqtt://127.0.0.1:0: the socket that was passed"));
}
