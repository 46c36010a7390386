//! What the tests need from outside the workspace: other people's MQTT clients, at fixed versions.
//!
//! Installing is idempotent: what is there is left alone. Nothing outside `target/test-tools` is touched except Debian
//! packages, and those only when they are missing and the user is root.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::workspace;

const PAHO_VERSION: &str = "2.2.0";
const MQTTJS_VERSION: &str = "5.16.0";

/// May missing tools be installed?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Installing {
    Allowed,
    Forbidden,
}

/// Tests that will be skipped, and why.
#[derive(Debug)]
pub struct Missing {
    pub tests: &'static str,
    pub reason: String,
}

/// The folders in which the tests find their tools.
pub struct Tools {
    venv: PathBuf,
    node: PathBuf,
}

impl Tools {
    pub fn new() -> Self {
        let folder = workspace::root().join("target/test-tools");
        Self { venv: folder.join("venv"), node: folder.join("node") }
    }

    /// The environment that tells the tests where the tools are.
    pub fn environment(&self) -> [(&'static str, &Path); 2] {
        [("LACEWING_TEST_VENV", &self.venv), ("LACEWING_TEST_NODE", &self.node)]
    }

    /// Makes sure of every tool; gives those that are not there in the end.
    pub fn prepare(&self, installing: Installing) -> Vec<Missing> {
        let prepared = [
            ("tests with mosquitto_pub and mosquitto_sub", self.mosquitto(installing)),
            ("tests with paho-mqtt (Python)", self.paho(installing)),
            ("tests with MQTT.js (Node.js)", self.mqttjs(installing)),
        ];
        prepared
            .into_iter()
            .filter_map(|(tests, outcome)| outcome.err().map(|error| Missing { tests, reason: format!("{error:#}") }))
            .collect()
    }

    fn mosquitto(&self, installing: Installing) -> Result<()> {
        need_programs(&["mosquitto", "mosquitto_pub", "mosquitto_sub"], &["mosquitto", "mosquitto-clients"], installing)
    }

    fn paho(&self, installing: Installing) -> Result<()> {
        let python = self.venv.join("bin/python");
        if paho_version(&python).as_deref() == Some(PAHO_VERSION) {
            return Ok(());
        }
        if installing == Installing::Forbidden {
            bail!("paho-mqtt {PAHO_VERSION} is not in {} and nothing is to be installed", self.venv.display());
        }
        if !succeeds(Command::new("python3").args(["-c", "import venv, ensurepip"])) {
            install_packages(&["python3", "python3-venv"])?;
        }
        // `--clear`: a folder left by an interrupted run, or by a Python that has gone since, is built anew.
        run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&self.venv))?;
        run(Command::new(&python)
            .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"])
            .arg(format!("paho-mqtt=={PAHO_VERSION}")))
    }

    fn mqttjs(&self, installing: Installing) -> Result<()> {
        need_programs(&["node", "npm"], &["nodejs", "npm"], installing)?;
        if mqttjs_version(&self.node).as_deref() == Some(MQTTJS_VERSION) {
            return Ok(());
        }
        if installing == Installing::Forbidden {
            bail!("MQTT.js {MQTTJS_VERSION} is not in {} and nothing is to be installed", self.node.display());
        }
        fs::create_dir_all(&self.node).with_context(|| format!("{}", self.node.display()))?;
        let package = format!("{{ \"private\": true, \"dependencies\": {{ \"mqtt\": \"{MQTTJS_VERSION}\" }} }}\n");
        fs::write(self.node.join("package.json"), package).context("package.json")?;
        run(Command::new("npm")
            .args(["install", "--no-audit", "--no-fund", "--loglevel=error"])
            .current_dir(&self.node))
    }
}

/// Is this a run of continuous integration, where a missing tool is a failure?
pub fn is_ci() -> bool {
    std::env::var_os("CI").is_some_and(|value| !value.is_empty() && value != "false")
}

/// Says which tests will be skipped, so that nobody can overlook it.
pub fn print_missing(missing: &[Missing]) {
    if missing.is_empty() {
        return;
    }
    eprintln!("\n********************************************************************************");
    for Missing { tests, reason } in missing {
        eprintln!("*** SKIPPED: {tests}\n***     because {reason}");
    }
    if is_ci() {
        eprintln!("*** CI is set: this is a failure");
    }
    eprintln!("********************************************************************************\n");
}

fn need_programs(programs: &[&str], packages: &[&str], installing: Installing) -> Result<()> {
    let absent =
        || -> Vec<&str> { programs.iter().copied().filter(|name| workspace::find_program(name).is_none()).collect() };
    if absent().is_empty() {
        return Ok(());
    }
    if installing == Installing::Forbidden {
        bail!("there is no {} and nothing is to be installed", absent().join(", "));
    }
    install_packages(packages)?;
    match absent().as_slice() {
        [] => Ok(()),
        left => bail!("{} brought no {}", packages.join(" "), left.join(", ")),
    }
}

fn install_packages(packages: &[&str]) -> Result<()> {
    let wanted = packages.join(" ");
    if !rustix::process::geteuid().is_root() {
        bail!("Debian packages are missing and this user is not root; run: apt-get install {wanted}");
    }
    eprintln!("xtask: installing Debian packages: {wanted}");
    run(Command::new("apt-get").args(["-qq", "update"]))?;
    run(Command::new("apt-get")
        .env("DEBIAN_FRONTEND", "noninteractive")
        .args(["-qq", "install", "--yes", "--no-install-recommends"])
        .args(packages))
}

fn paho_version(python: &Path) -> Option<String> {
    let script = "from importlib.metadata import version; import paho.mqtt.client; print(version('paho-mqtt'))";
    let output = Command::new(python).args(["-c", script]).stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn mqttjs_version(folder: &Path) -> Option<String> {
    let manifest = fs::read(folder.join("node_modules/mqtt/package.json")).ok()?;
    let manifest: serde_json::Value = serde_json::from_slice(&manifest).ok()?;
    manifest["version"].as_str().map(str::to_owned)
}

fn succeeds(command: &mut Command) -> bool {
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

/// Runs a command whose output only matters when it fails.
fn run(command: &mut Command) -> Result<()> {
    let name = format!("{command:?}");
    let output = command.stdin(Stdio::null()).output().with_context(|| name.clone())?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let last = said.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("(it said nothing)");
        bail!("{name} ended with {}: {}", output.status, last.trim());
    }
    Ok(())
}
