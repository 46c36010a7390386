//! A broker that runs as a child process, from start to stop.
//!
//! It never outlives its value: dropping it ends the process. It is ended by its process id only.

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

const START_TIMEOUT: Duration = Duration::from_secs(10);
const STOP_TIMEOUT: Duration = Duration::from_secs(10);
const POLL_INTERVAL: Duration = Duration::from_millis(5);

/// A running broker.
pub struct Broker {
    child: Child,
    log: PathBuf,
}

impl Broker {
    /// Starts the command and returns when `port` accepts connections. What the broker prints goes to a file in `folder`.
    pub fn start(command_line: &[String], port: u16, folder: &Path) -> Result<Self> {
        let (program, args) = command_line.split_first().context("a broker needs a command")?;
        let log = folder.join("broker.log");
        let output = File::create(&log).with_context(|| format!("{}", log.display()))?;
        let child = Command::new(program)
            .args(args)
            .stdin(Stdio::null())
            .stdout(output.try_clone().context("broker.log")?)
            .stderr(output)
            .spawn()
            .with_context(|| format!("cannot start {program}"))?;
        let mut broker = Self { child, log };
        broker.wait_until_accepting(port)?;
        Ok(broker)
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Asks the broker to end, waits, and says if it ended well.
    pub fn stop(mut self) -> Result<()> {
        if let Some(status) = self.child.try_wait().context("broker")? {
            bail!("the broker ended by itself with {status}: {}", self.last_words());
        }
        let id = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(id, rustix::process::Signal::TERM).context("SIGTERM")?;
        match wait_for(&mut self.child, STOP_TIMEOUT)? {
            Some(status) if status.success() => Ok(()),
            Some(status) => bail!("on SIGTERM the broker ended with {status}: {}", self.last_words()),
            None => bail!("on SIGTERM the broker did not end within {STOP_TIMEOUT:?}"),
        }
    }

    fn wait_until_accepting(&mut self, port: u16) -> Result<()> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let deadline = Instant::now() + START_TIMEOUT;
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait().context("broker")? {
                bail!("the broker ended at its start with {status}: {}", self.last_words());
            }
            if TcpStream::connect_timeout(&address, START_TIMEOUT).is_ok() {
                return Ok(());
            }
            thread::sleep(POLL_INTERVAL);
        }
        bail!("the broker accepts no connection at {address} after {START_TIMEOUT:?}: {}", self.last_words())
    }

    fn last_words(&self) -> String {
        let log = fs::read(&self.log).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<_> = log.lines().rev().take(3).collect();
        if lines.is_empty() {
            "it printed nothing".into()
        } else {
            lines.into_iter().rev().collect::<Vec<_>>().join(" / ")
        }
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        // Both fail only when the process has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits for a child to end, at most `timeout`.
pub fn wait_for(child: &mut Child, timeout: Duration) -> Result<Option<ExitStatus>> {
    let deadline = Instant::now() + timeout;
    loop {
        if let Some(status) = child.try_wait().context("waiting for a child process")? {
            return Ok(Some(status));
        }
        if Instant::now() >= deadline {
            return Ok(None);
        }
        thread::sleep(POLL_INTERVAL);
    }
}

/// A loopback port on which nobody listens now.
pub fn free_port() -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free loopback port")?;
    Ok(listener.local_addr().context("no free loopback port")?.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start_error(script: &str) -> String {
        let folder = std::env::temp_dir().join(format!("xtask-process-{}-{}", std::process::id(), script.len()));
        fs::create_dir_all(&folder).unwrap();
        let command_line = ["sh", "-c", script].map(str::to_owned);
        let error = Broker::start(&command_line, free_port().unwrap(), &folder).err();
        fs::remove_dir_all(&folder).unwrap();
        error.unwrap().to_string()
    }

    #[test]
    fn a_broker_that_ends_at_its_start_is_reported_with_its_last_words() {
        let error = start_error("echo no such option >&2; exit 3");
        assert!(error.contains("exit status: 3") && error.contains("no such option"), "{error}");
    }

    #[test]
    fn a_child_that_goes_on_is_not_waited_for_for_ever() {
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        assert!(wait_for(&mut child, Duration::from_millis(20)).unwrap().is_none());
        child.kill().unwrap();
        assert!(wait_for(&mut child, Duration::from_secs(10)).unwrap().is_some());
    }
}
