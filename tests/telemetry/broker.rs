//! The program with its telemetry, and what it writes.

use std::{net::SocketAddr, path::Path, process::Command, time::Instant};

use rustix::process::Signal;

use crate::{BOUND, child::Process, folder::Folder};

/// Variables that make everything quick: batches of a tenth of a second.
const QUICK: [(&str, &str); 3] =
    [("OTEL_BSP_SCHEDULE_DELAY", "100"), ("OTEL_BLRP_SCHEDULE_DELAY", "100"), ("OTEL_METRIC_EXPORT_INTERVAL", "200")];

/// A running broker.
pub struct Broker {
    process: Process,
    address: SocketAddr,
    /// Where it keeps what it has to remember.
    _folder: Folder,
}

impl Broker {
    /// Starts it with these variables in its environment and nothing else.
    pub fn start(variables: &[(&str, &str)]) -> Self {
        let folder = Folder::new();
        let command = command(&folder, variables);
        Self::spawn(folder, command)
    }

    /// The same with a configuration file.
    pub fn with_file(file: &Path, variables: &[(&str, &str)]) -> Self {
        let folder = Folder::new();
        let mut command = command(&folder, variables);
        command.arg("--config").arg(file);
        Self::spawn(folder, command)
    }

    fn spawn(folder: Folder, command: Command) -> Self {
        let process = Process::spawn(command);
        let line = process.stderr_line().expect("a start line");
        let address = line.rsplit("mqtt://").next().and_then(|address| address.parse().ok());
        let address = address.unwrap_or_else(|| panic!("not a start line: {line}"));
        Self { process, address, _folder: folder }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits for a line of the log with this text.
    pub fn says(&self, text: &str) -> String {
        let (end, mut seen) = (Instant::now() + BOUND, Vec::new());
        loop {
            let line = self.process.stdout_line().unwrap_or_else(|| panic!("it ended without {text:?}: {seen:#?}"));
            if line.contains(text) {
                return line;
            }
            seen.push(line);
            assert!(Instant::now() < end, "it has not said {text:?} within {BOUND:?}: {seen:#?}");
        }
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        self.process.signal(signal);
    }

    /// Tells it to end and gives the rest of the log.
    pub fn end(mut self) -> Vec<String> {
        self.process.signal(Signal::TERM);
        assert_eq!(self.process.exit().code(), Some(0));
        self.process.rest_of_stdout()
    }
}

/// What the program says when it does not start with these variables.
pub fn refused(variables: &[(&str, &str)]) -> String {
    let folder = Folder::new();
    let mut process = Process::spawn(command(&folder, variables));
    let text = process.rest_of_stderr().join("\n");
    assert_eq!(process.exit().code(), Some(78), "{text}");
    text
}

fn command(folder: &Folder, variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lacewing"));
    command.env_clear().envs(QUICK).env("MQTT__DataDirectory", folder.join("data"));
    command.env("MQTT__Endpoints__mqtt__Url", "tcp://127.0.0.1:0").env("MQTT__Endpoints__http__Enabled", "false");
    command.env("MQTT__AllowAnonymous", "true").envs(variables.iter().copied());
    command
}
