//! `openssl s_client`: one connection, one line, and what it says about them.

#![allow(clippy::disallowed_methods)] // tests are told by a variable whether tools may be absent

use std::io::Write;
use std::net::SocketAddr;
use std::process::{Command, Stdio};

/// Whether openssl is there. Where not, says so past the test runner's capture, or fails where `CI` is set.
pub fn installed() -> bool {
    let there =
        Command::new("openssl").arg("version").stdout(Stdio::null()).status().is_ok_and(|status| status.success());
    if !there {
        assert!(std::env::var_os("CI").is_none(), "cannot run this test: openssl is not installed");
        let test = std::thread::current().name().unwrap_or("a test").to_owned();
        let _ = writeln!(std::io::stderr(), "\nSKIPPED {test}: openssl is not installed");
    }
    there
}

/// What s_client printed.
pub struct Transcript(String);

/// Connects with these further arguments, sends a line and reads until the server closes.
pub fn connect(address: SocketAddr, arguments: &[&str]) -> Transcript {
    let mut command = Command::new("openssl");
    command.args(["s_client", "-ign_eof", "-connect", &address.to_string()]).args(arguments);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // It may be gone already where the handshake failed.
    let _ = child.stdin.take().unwrap().write_all(b"bye\n");
    let output = child.wait_with_output().unwrap();
    Transcript(format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr)))
}

impl Transcript {
    /// Whether the line came back.
    pub fn echoed(&self) -> bool {
        self.0.contains("echo bye")
    }

    pub fn says(&self, text: &str) -> bool {
        self.0.contains(text)
    }

    /// Common name of the server's certificate.
    #[track_caller]
    pub fn server(&self) -> &str {
        let line = self
            .0
            .lines()
            .find_map(|line| line.strip_prefix("subject="))
            .unwrap_or_else(|| panic!("no subject in {}", self.0));
        line.trim_start_matches("CN").trim_start_matches([' ', '='])
    }
}

impl std::fmt::Debug for Transcript {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}
