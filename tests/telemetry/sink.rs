//! A collector that tells what it got.

use std::{
    collections::BTreeSet,
    net::TcpListener,
    path::Path,
    process::{Command, Stdio},
    time::Instant,
};

use serde_json::Value;

use crate::{BOUND, child::Process, tools};

/// `scripts/sink.py` at work.
pub struct Sink {
    process: Process,
    /// Port for gRPC.
    pub grpc: u16,
    /// Port for HTTP.
    pub http: u16,
}

impl Sink {
    /// Starts it; nothing where it cannot run, which is said.
    pub fn start(arguments: &[&str]) -> Option<Self> {
        if !has(&["grpc", "opentelemetry.proto"]) {
            return None;
        }
        let mut command = Command::new(tools::python());
        command.arg(script("sink.py")).args(arguments);
        let process = Process::spawn(command);
        let line = process.stdout_line().unwrap_or_else(|| panic!("{:?}", process.rest_of_stderr()));
        let line: Value = serde_json::from_str(&line).expect("the first line is JSON");
        let port = |name: &str| line[name].as_u64().and_then(|port| port.try_into().ok()).expect("a port");
        let (grpc, http) = (port("grpc"), port("http"));
        Some(Self { process, grpc, http })
    }

    /// The endpoint for gRPC.
    pub fn grpc(&self) -> String {
        format!("http://127.0.0.1:{}", self.grpc)
    }

    /// Shows `done` one thing after another until it is.
    pub fn until(&self, mut done: impl FnMut(&Value) -> bool) {
        let (end, mut seen) = (Instant::now() + BOUND, BTreeSet::new());
        loop {
            let line = self.process.stdout_line().unwrap_or_else(|| panic!("the sink ended: {seen:#?}"));
            let line: Value = serde_json::from_str(&line).expect("lines are JSON");
            if done(&line) {
                return;
            }
            // Metrics come all the time.
            seen.insert(format!("{} {} {}", line["signal"], line["name"], line["body"]));
            assert!(Instant::now() < end, "not within {BOUND:?}: {seen:#?}");
        }
    }

    /// The next thing that fits, past those that do not.
    pub fn next(&self, fits: impl Fn(&Value) -> bool) -> Value {
        let mut found = Value::Null;
        self.until(|line| {
            found = line.clone();
            fits(line)
        });
        found
    }

    /// The next span of this name.
    pub fn span(&self, name: &str) -> Value {
        self.next(|line| line["signal"] == "traces" && line["name"] == name)
    }

    /// The next spans, as many as there are names, in the order of the names, whatever the order of their coming.
    pub fn spans<const N: usize>(&self, names: [&str; N]) -> [Value; N] {
        let mut found: [Option<Value>; N] = std::array::from_fn(|_| None);
        while found.iter().any(Option::is_none) {
            let span = self.next(|line| line["signal"] == "traces");
            let place = names.iter().enumerate().position(|(at, name)| span["name"] == *name && found[at].is_none());
            let Some(place) = place else { panic!("not expected: {span:#}") };
            found[place] = Some(span);
        }
        found.map(|span| span.expect("none is missing"))
    }

    /// All spans up to the end of the broker, which has just been told to end.
    pub fn all_spans(self) -> Vec<Value> {
        self.process.signal(rustix::process::Signal::TERM);
        let lines = self.process.rest_of_stdout();
        let lines = lines.iter().map(|line| serde_json::from_str::<Value>(line).expect("lines are JSON"));
        lines.filter(|line| line["signal"] == "traces").collect()
    }
}

/// A port where nobody listens.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("a bound socket has an address").port()
}

/// A file of `scripts`.
pub fn script(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/telemetry/scripts").join(name)
}

/// Whether Python has these modules; where not, says so.
pub fn has(modules: &[&str]) -> bool {
    let mut command = Command::new(tools::python());
    command.args(["-c", &format!("import {}", modules.join(", "))]);
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    let there = status.is_ok_and(|status| status.success());
    if !there {
        tools::skip(&format!("no {} in the virtual environment (LACEWING_TEST_VENV)", modules.join(" or no ")));
    }
    there
}
