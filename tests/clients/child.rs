//! A child process whose output is read line by line. It dies with its owner.

use std::{
    io::{BufRead, BufReader, Read, Write},
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};

use crate::BOUND;

/// A running program.
pub struct Process {
    name: String,
    child: Child,
    stdout: Receiver<String>,
    stderr: Receiver<String>,
}

impl Process {
    /// Starts `command` with all three standard streams piped.
    pub fn spawn(mut command: Command) -> Self {
        let name = command.get_program().to_string_lossy().into_owned();
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {name}: {error}"));
        let stdout = lines_of(child.stdout.take().expect("stdout was piped"));
        let stderr = lines_of(child.stderr.take().expect("stderr was piped"));
        Self { name, child, stdout, stderr }
    }

    /// Writes `line` and a newline to the standard input.
    pub fn write_line(&mut self, line: &str) {
        let stdin = self.child.stdin.as_mut().expect("stdin is open until close_stdin");
        let written =
            stdin.write_all(line.as_bytes()).and_then(|()| stdin.write_all(b"\n")).and_then(|()| stdin.flush());
        written.unwrap_or_else(|error| panic!("{} no longer reads: {error}", self.name));
    }

    /// Writes `bytes` to the standard input and ends it.
    pub fn write_all(&mut self, bytes: &[u8]) {
        let mut stdin = self.child.stdin.take().expect("stdin is open until now");
        stdin.write_all(bytes).unwrap_or_else(|error| panic!("{} no longer reads: {error}", self.name));
    }

    /// The next line of standard output; `None` once the program has closed it.
    pub fn stdout_line(&self) -> Option<String> {
        self.line(&self.stdout)
    }

    /// The next line of standard error; `None` once the program has closed it.
    pub fn stderr_line(&self) -> Option<String> {
        self.line(&self.stderr)
    }

    /// Everything the program still writes to standard output until it closes it.
    pub fn rest_of_stdout(&self) -> Vec<String> {
        std::iter::from_fn(|| self.stdout_line()).collect()
    }

    /// Everything the program still writes to standard error until it closes it.
    pub fn rest_of_stderr(&self) -> Vec<String> {
        std::iter::from_fn(|| self.stderr_line()).collect()
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal)
            .expect("the child was not waited for, so its id is still its own");
    }

    /// The exit status, once the program has ended.
    pub fn exit(&mut self) -> ExitStatus {
        let end = Instant::now() + BOUND;
        while Instant::now() < end {
            if let Some(status) = self.child.try_wait().expect("a child can be waited for") {
                return status;
            }
            // The standard library offers no wait with a limit.
            thread::sleep(Duration::from_millis(2));
        }
        panic!("{} did not end within {BOUND:?}", self.name)
    }

    fn line(&self, from: &Receiver<String>) -> Option<String> {
        match from.recv_timeout(BOUND) {
            Ok(line) => Some(line),
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => panic!("{} wrote nothing within {BOUND:?}", self.name),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail only where the program has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            for line in self.rest_of_stderr() {
                eprintln!("[{}] {line}", self.name);
            }
        }
    }
}

fn lines_of(stream: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        for line in BufReader::new(stream).split(b'\n') {
            let Ok(line) = line else { return };
            if sender.send(String::from_utf8_lossy(&line).into_owned()).is_err() {
                return;
            }
        }
    });
    receiver
}
