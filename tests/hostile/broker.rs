//! The process under attack.

use std::{
    fs,
    io::{BufRead, BufReader},
    net::SocketAddr,
    process::{Child, ChildStderr, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};

use crate::{BOUND, client::Client, packet::Connect};

/// A running broker. Dropped without [`Broker::end`], as a failing test does, it is killed.
pub struct Broker {
    child: Child,
    stderr: Option<BufReader<ChildStderr>>,
    address: SocketAddr,
}

/// Memory of a process, in bytes.
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    /// Resident now.
    pub now: usize,
    /// The most that was ever resident.
    pub peak: usize,
}

impl Broker {
    /// Starts the binary on a free port.
    pub fn start() -> Broker {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lacewing"));
        command.args(["--listen", "127.0.0.1:0"]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        command.env("MQTT__AllowAnonymous", "true"); // said to be meant, it is not warned of
        // What is resident is to be what is in use. By default the allocator gives free memory back a second after it is used next, and a thread
        // learns of what others have freed for it once in ten thousand of its slower allocations.
        command.envs([("MIMALLOC_PURGE_DELAY", "0"), ("MIMALLOC_GENERIC_COLLECT", "10")]);
        let mut child = command.spawn().expect("the binary starts");
        let mut stderr = BufReader::new(child.stderr.take().expect("stderr was piped"));
        let mut line = String::new();
        stderr.read_line(&mut line).expect("the start line is text");
        let address = line.trim_end().rsplit("mqtt://").next().and_then(|address| address.parse().ok());
        let address = address.unwrap_or_else(|| panic!("not a start line: {line}"));
        Broker { child, stderr: Some(stderr), address }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What the kernel says of its memory.
    pub fn memory(&self) -> Memory {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("the broker is alive");
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<usize>().ok());
            kib.unwrap_or_else(|| panic!("no {name} in the status of the process")) * 1024
        };
        Memory { now: field("VmRSS:"), peak: field("VmHWM:") }
    }

    /// How many files it has open: those of a start, and one for each connection.
    pub fn files(&self) -> usize {
        fs::read_dir(format!("/proc/{}/fd", self.child.id())).expect("the broker is alive").count()
    }

    /// Waits until no more than `most` bytes are resident. A worker notices what others have freed when it allocates: clients come and go
    /// meanwhile.
    pub fn shrinks_to(&self, most: usize) {
        let passing = |number: usize| Client::connect(self.address, &Connect::v5(&format!("passer-by-{number}")));
        eventually(&format!("the broker's memory is back at {most} bytes"), || {
            (0..100).map(passing).collect::<Vec<_>>().iter_mut().for_each(Client::ping);
            match self.memory().now {
                now if now <= most => Ok(()),
                now => Err(format!("{now} bytes are resident and {} files open", self.files())),
            }
        });
    }

    /// The broker has survived: it serves, ends when told to, and has said nothing meanwhile but that.
    pub fn end(mut self) {
        Client::connect(self.address, &Connect::v5("survivor")).ping();
        kill_process(Pid::from_child(&self.child), Signal::TERM).expect("the child is alive");
        let status = self.exit();
        let said = self.stderr.take().into_iter().flat_map(BufRead::lines).map_while(Result::ok);
        let said: Vec<String> = said.filter(|line| !line.contains("ending: ")).collect();
        assert_eq!(said, Vec::<String>::new(), "stderr");
        assert_eq!(status, Some(0), "exit code");
    }

    fn exit(&mut self) -> Option<i32> {
        let mut code = None;
        eventually("the broker ends", || match self.child.try_wait().expect("a child can be waited for") {
            None => Err("it runs".to_owned()),
            Some(status) => {
                code = status.code();
                Ok(())
            }
        });
        code
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        // Both fail only where the program has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            let said = self.stderr.take().into_iter().flat_map(BufRead::lines).map_while(Result::ok);
            said.for_each(|line| eprintln!("[lacewing] {line}"));
        }
    }
}

/// Asks again and again, for what nobody tells of by itself.
pub fn eventually(what: &str, mut is_so: impl FnMut() -> Result<(), String>) {
    let end = Instant::now() + BOUND;
    while let Err(instead) = is_so() {
        assert!(Instant::now() < end, "within {BOUND:?}: {what}; but {instead}");
        thread::sleep(Duration::from_millis(20));
    }
}
