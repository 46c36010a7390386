//! The running program: how it is configured, where it listens, what it says.

use std::{cell::RefCell, net::SocketAddr, path::Path, process::Command};

use rustix::process::Signal;

use crate::{child::Process, folder::Folder};

/// A running program. It ends with this value.
pub struct Program {
    process: Process,
    urls: Vec<String>,
    /// Lines of the log, as far as it was read.
    heard: RefCell<Vec<String>>,
}

/// What is set in the environment: key without `MQTT__`, value.
pub type Setting<'a> = (&'a str, &'a str);

impl Program {
    /// Starts it with `settings` and configuration `files`. The default endpoints take no port, unless `settings` say where.
    pub fn start(folder: &Folder, files: &[&Path], settings: &[Setting]) -> Self {
        Self::spawn(command(folder, files, settings))
    }

    /// Starts it and waits until it listens.
    pub fn spawn(command: Command) -> Self {
        let process = Process::spawn(command);
        let start = concat!("lacewing ", env!("CARGO_PKG_VERSION"), " listening on ");
        let line = process.stderr_line().expect("a start line");
        let urls = line.strip_prefix(start).unwrap_or_else(|| panic!("it does not start: {line}"));
        let urls = urls.split(", ").map(str::to_owned).collect();
        Self { process, urls, heard: RefCell::default() }
    }

    /// The start line, as URLs.
    pub fn urls(&self) -> &[String] {
        &self.urls
    }

    /// Where the one endpoint with this scheme listens.
    pub fn address(&self, scheme: &str) -> SocketAddr {
        let found = self.urls.iter().find_map(|url| url.strip_prefix(scheme)?.strip_prefix("://"));
        let found = found.unwrap_or_else(|| panic!("no {scheme} in {:?}", self.urls));
        found.parse().unwrap_or_else(|error| panic!("{error}: {found}"))
    }

    /// The port of the one endpoint with this scheme.
    pub fn port(&self, scheme: &str) -> String {
        self.address(scheme).port().to_string()
    }

    /// Waits for a line of the log with this text.
    pub fn says(&self, text: &str) -> String {
        self.says_one_of(&[text])
    }

    /// Waits for a line of the log with one of these texts.
    pub fn says_one_of(&self, texts: &[&str]) -> String {
        loop {
            let line = self.process.stdout_line();
            let line = line.unwrap_or_else(|| panic!("it ended without {texts:?}: {:#?}", self.heard.borrow()));
            self.heard.borrow_mut().push(line.clone());
            if texts.iter().any(|text| line.contains(text)) {
                return line;
            }
        }
    }

    /// SIGTERM; then everything that it ever said.
    pub fn ends(self) -> Vec<String> {
        self.process.signal(Signal::TERM);
        let (log, errors) = (self.process.rest_of_stdout(), self.process.rest_of_stderr());
        [self.heard.into_inner(), log, errors].concat()
    }

    /// A signal.
    pub fn signal(&self, signal: Signal) {
        self.process.signal(signal);
    }

    /// The exit code, once it has ended.
    pub fn exit_code(&mut self) -> Option<i32> {
        self.process.exit().code()
    }

    /// SIGHUP.
    pub fn hang_up(&self) {
        self.process.signal(Signal::HUP);
    }
}

/// The program, to be started. Nothing of the test's own environment reaches it.
pub fn command(folder: &Folder, files: &[&Path], settings: &[Setting]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lacewing"));
    command.env_clear().current_dir(&**folder);
    command.env("MQTT__DataDirectory", folder.join("data"));
    command.env("MQTT__Endpoints__mqtt__Url", "tcp://127.0.0.1:0").env("MQTT__Endpoints__http__Enabled", "false");
    for file in files {
        command.arg("--config").arg(file);
    }
    for (key, value) in settings {
        command.env(format!("MQTT__{key}"), value);
    }
    command
}
