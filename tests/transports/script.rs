//! Clients in Python and Node, led by JSON objects on standard input, one a line; each is answered by one line.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::{Value, json};

use crate::{BOUND, child::Process, tools};

/// A running script.
pub struct Script(Process);

impl Script {
    /// `links.py`; nothing where Python lacks one of its modules, which is said.
    pub fn links() -> Option<Self> {
        python("links.py", &["aioquic", "websockets"])
    }

    /// Starts a command.
    pub fn start(command: Command) -> Self {
        Self(Process::spawn(command))
    }

    /// Carries out one step and gives its answer.
    pub fn step(&mut self, name: &str, arguments: Value) -> Value {
        let answer = self.attempt(name, arguments);
        assert!(answer.get("error").is_none(), "{name}: {}", answer["error"]);
        answer
    }

    /// Carries out one step, which may fail: then the answer has an `error`. `bound` in seconds, if given, is how long that may take.
    pub fn attempt(&mut self, name: &str, mut arguments: Value) -> Value {
        arguments["step"] = json!(name);
        if arguments.get("bound").is_none() {
            // Less than what the answer is given, so that the script can say what it waited for.
            arguments["bound"] = json!(BOUND.as_secs_f32() / 2.0);
        }
        self.0.write_line(&arguments.to_string());
        let line = self.0.stdout_line().unwrap_or_else(|| panic!("{name}: {:?}", self.0.rest_of_stderr()));
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error} in {line}"))
    }
}

/// Starts a Python script, one of ours or one with its path; nothing where a module is missing, which is said.
pub fn python(name: &str, modules: &[&str]) -> Option<Script> {
    let import = format!("import {}", modules.join(", "));
    if !succeeds(Command::new(tools::python()).args(["-c", &import])) {
        tools::skip(&format!("no {} in the virtual environment (LACEWING_TEST_VENV)", modules.join(" or no ")));
        return None;
    }
    let mut command = Command::new(tools::python());
    command.arg(if name.contains('/') { Path::new(env!("CARGO_MANIFEST_DIR")).join(name) } else { path(name) });
    Some(Script::start(command))
}

/// Whether a program is there; where it is not, says so.
pub fn has(program: &str, question: &str) -> bool {
    let mut command = Command::new(program);
    command.arg(question).stdout(Stdio::null()).stderr(Stdio::null()).stdin(Stdio::null());
    let there = command.status().is_ok();
    if !there {
        tools::skip(&format!("{program} is not installed"));
    }
    there
}

/// A file of `tests/transports/scripts`.
pub fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transports/scripts").join(name)
}

fn succeeds(command: &mut Command) -> bool {
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}
