//! Where other people's programs are installed, and what happens where they are not.

#![allow(clippy::disallowed_methods)] // tests are told by variables where their tools are

use std::env;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Says that a test does not run, or fails where `CI` is set: there, everything has to be installed.
fn skip(reason: &str) {
    assert!(env::var_os("CI").is_none(), "cannot run this test: {reason}");
    let test = std::thread::current().name().unwrap_or("a test").to_owned();
    // eprintln! would be captured and shown for failing tests only.
    let _ = writeln!(io::stderr(), "\nSKIPPED {test}: {reason}");
}

/// The Python of the virtual environment, if it has `module`.
pub fn python(module: &str) -> Option<PathBuf> {
    let default = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/test-tools/venv");
    let folder = env::var_os("LACEWING_TEST_VENV").map_or_else(default, PathBuf::from);
    let python = folder.join("bin/python");
    let mut command = Command::new(&python);
    command.args(["-c", &format!("import {module}")]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let found = command.status().is_ok_and(|status| status.success());
    if !found {
        skip(&format!("no {module} in the virtual environment (LACEWING_TEST_VENV or target/test-tools/venv)"));
    }
    found.then_some(python)
}

/// A file of `tests/quic/scripts`.
pub fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/quic/scripts").join(name)
}
