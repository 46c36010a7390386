//! Where other people's programs are installed, and what happens where they are not.

#![allow(clippy::disallowed_methods)] // tests are told by variables where their tools are

use std::env;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Says that a test does not run, or fails where `CI` is set: there, everything has to be installed.
pub fn skip(reason: &str) {
    assert!(env::var_os("CI").is_none(), "cannot run this test: {reason}");
    let test = std::thread::current().name().unwrap_or("a test").to_owned();
    // eprintln! would be captured and shown for failing tests only.
    let _ = writeln!(io::stderr(), "\nSKIPPED {test}: {reason}");
}

/// The Python of the virtual environment, if it has `module`.
pub fn python(module: &str) -> Option<PathBuf> {
    let python = folder("LACEWING_TEST_VENV", "venv").join("bin/python");
    let found = succeeds(Command::new(&python).args(["-c", &format!("import {module}")]));
    if !found {
        skip(&format!("no {module} in the virtual environment (LACEWING_TEST_VENV or target/test-tools/venv)"));
    }
    found.then_some(python)
}

/// The folder whose `node_modules` holds `package`.
pub fn node(package: &str) -> Option<PathBuf> {
    let folder = folder("LACEWING_TEST_NODE", "node");
    let found = folder.join("node_modules").join(package).is_dir() && succeeds(Command::new("node").arg("--version"));
    if !found {
        skip(&format!("no node, or no {package} in node_modules (LACEWING_TEST_NODE or target/test-tools/node)"));
    }
    found.then_some(folder)
}

/// A file of `tests/http/scripts`.
pub fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/http/scripts").join(name)
}

fn folder(variable: &str, name: &str) -> PathBuf {
    let default = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/test-tools").join(name);
    env::var_os(variable).map_or_else(default, PathBuf::from)
}

fn succeeds(command: &mut Command) -> bool {
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}
