//! A running broker, and names that no other test uses.

use std::{
    env,
    net::{SocketAddr, ToSocketAddrs},
    process::{self, Command},
    sync::atomic::{AtomicUsize, Ordering},
};

use crate::child::Process;

/// Names a broker that already runs, `host:port`.
const ELSEWHERE: &str = "LACEWING_TEST_BROKER";

/// A broker for one test. The process, if it is ours, ends with this value.
pub struct Broker {
    address: SocketAddr,
    scope: String,
    process: Option<Process>,
}

impl Broker {
    /// Starts the binary on a free port of the loopback, or takes the one that `LACEWING_TEST_BROKER` names.
    pub fn start() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let scope = format!("{}-{}", process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        if let Some(address) = elsewhere() {
            return Self { address, scope, process: None };
        }
        let process = Process::spawn(program(&["--listen", "127.0.0.1:0"]));
        let line = process.stderr_line().expect("the broker writes a start line");
        let addresses = listening(&line).unwrap_or_else(|| panic!("not a start line: {line}"));
        Self { address: addresses[0], scope, process: Some(process) }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `name` as a Topic Name (or the end of a Topic Filter) of this test alone.
    pub fn topic(&self, name: &str) -> String {
        format!("{}/{name}", self.scope)
    }

    /// `role` as a Client Identifier of this test alone; MQTT 3.1 allows 23 characters.
    pub fn client_id(&self, role: &str) -> String {
        format!("{}-{role}", self.scope)
    }

    /// The process.
    pub fn process(&mut self) -> &mut Process {
        self.process.as_mut().expect("only tests that start their own broker ask for its process")
    }
}

/// The binary with these arguments.
pub fn program(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lacewing"));
    command.args(arguments);
    // Said to be meant, it is not warned of: the start line stays the only one.
    command.env("MQTT__AllowAnonymous", "true");
    command
}

/// The broker that `LACEWING_TEST_BROKER` names.
pub fn elsewhere() -> Option<SocketAddr> {
    let named = env::var(ELSEWHERE).ok()?;
    let mut found = named.to_socket_addrs().unwrap_or_else(|error| panic!("{ELSEWHERE}={named}: {error}"));
    Some(found.next().unwrap_or_else(|| panic!("{ELSEWHERE}={named} has no address")))
}

/// The addresses of a start line: `lacewing 0.1.0 listening on mqtt://127.0.0.1:1883, mqtt://[::1]:1883`.
pub fn listening(line: &str) -> Option<Vec<SocketAddr>> {
    let start = concat!("lacewing ", env!("CARGO_PKG_VERSION"), " listening on ");
    line.strip_prefix(start)?.split(',').map(|url| url.trim().strip_prefix("mqtt://")?.parse().ok()).collect()
}
