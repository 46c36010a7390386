//! What the tests need from outside the workspace: other people's clients, proxies and browsers; what comes from PyPI and npm is at
//! fixed versions.
//!
//! Installing is idempotent: what is there is left alone. Nothing outside `target/test-tools` is touched except Debian
//! packages, and those only when they are missing and the user is root.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::workspace;

/// Packages of PyPI: name, version, and what is imported to see that it works.
const PYTHON: [[&str; 3]; 7] = [
    ["paho-mqtt", "2.2.0", "paho.mqtt.client"],
    ["websockets", "17.4", "websockets.asyncio.client"],
    ["aioquic", "1.7.2", "aioquic.asyncio"],
    ["grpcio", "1.85.3", "grpc"],
    ["opentelemetry-proto", "1.45.2", "opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc"],
    ["opentelemetry-sdk", "1.45.2", "opentelemetry.sdk.trace"],
    ["rotel", "0.0.1a15", "rotel"],
];
/// Packages of npm: name and version. playwright-core brings no browser; it drives Debian's.
const NODE: [[&str; 2]; 2] = [["mqtt", "5.16.0"], ["playwright-core", "1.65.1"]];

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
    prometheus: PathBuf,
}

impl Tools {
    pub fn new() -> Self {
        let folder = workspace::root().join("target/test-tools");
        Self { venv: folder.join("venv"), node: folder.join("node"), prometheus: folder.join("prometheus") }
    }

    /// The environment that tells the tests where the tools are.
    pub fn environment(&self) -> [(&'static str, &Path); 3] {
        [
            ("LACEWING_TEST_VENV", &self.venv),
            ("LACEWING_TEST_NODE", &self.node),
            ("LACEWING_TEST_PROMETHEUS", &self.prometheus),
        ]
    }

    /// Makes sure of every tool; gives those that are not there in the end.
    pub fn prepare(&self, installing: Installing) -> Vec<Missing> {
        let prepared = [
            ("tests with mosquitto_pub and mosquitto_sub", self.mosquitto(installing)),
            ("tests with openssl s_client", need_programs(&["openssl"], &["openssl"], installing)),
            ("tests behind haproxy", need_programs(&["haproxy"], &["haproxy"], installing)),
            ("tests with Prometheus", self.prometheus(installing)),
            (
                "tests with systemd-socket-activate",
                need_programs(&["systemd-socket-activate"], &["systemd"], installing),
            ),
            ("tests with Chromium", need_programs(&["chromium"], &["chromium"], installing)),
            (
                "tests with paho-mqtt, websockets, aioquic, grpcio, opentelemetry-sdk and rotel (Python)",
                self.python(installing),
            ),
            ("tests with MQTT.js and playwright-core (Node.js)", self.node(installing)),
        ];
        prepared
            .into_iter()
            .filter_map(|(tests, outcome)| outcome.err().map(|error| Missing { tests, reason: format!("{error:#}") }))
            .collect()
    }

    fn mosquitto(&self, installing: Installing) -> Result<()> {
        need_programs(&["mosquitto", "mosquitto_pub", "mosquitto_sub"], &["mosquitto", "mosquitto-clients"], installing)
    }

    /// Unpacked, not installed: the package would start a service.
    fn prometheus(&self, installing: Installing) -> Result<()> {
        let absent =
            || ["prometheus", "promtool"].iter().any(|name| !self.prometheus.join("usr/bin").join(name).is_file());
        if !absent() {
            return Ok(());
        }
        if installing == Installing::Forbidden {
            bail!("there is no prometheus in {} and nothing is to be installed", self.prometheus.display());
        }
        fs::create_dir_all(&self.prometheus).context("making the folder of Prometheus")?;
        run(Command::new("apt-get").args(["-qq", "update"]))?;
        let mut download = Command::new("apt-get");
        run(download.args(["-qq", "download", "prometheus"]).current_dir(&self.prometheus))?;
        for entry in fs::read_dir(&self.prometheus).context("looking at the folder of Prometheus")? {
            let path = entry.context("looking at the folder of Prometheus")?.path();
            if path.extension().is_some_and(|extension| extension == "deb") {
                run(Command::new("dpkg-deb").arg("--extract").arg(&path).arg(&self.prometheus))?;
            }
        }
        if absent() {
            bail!("the package prometheus brought no prometheus or no promtool");
        }
        Ok(())
    }

    fn python(&self, installing: Installing) -> Result<()> {
        let python = self.venv.join("bin/python");
        let absent = || -> Vec<String> {
            let packages = PYTHON.iter().filter(|package| !has_python_package(&python, package));
            packages.map(|[name, version, _]| format!("{name}=={version}")).collect()
        };
        let wanted = absent();
        if wanted.is_empty() {
            return Ok(());
        }
        if installing == Installing::Forbidden {
            bail!("{} is not in {} and nothing is to be installed", wanted.join(", "), self.venv.display());
        }
        if !succeeds(Command::new("python3").args(["-c", "import venv, ensurepip"])) {
            install_packages(&["python3", "python3-venv"])?;
        }
        if !succeeds(Command::new(&python).args(["-m", "pip", "--version"])) {
            // `--clear`: a folder left by an interrupted run, or by a Python that has gone since, is built anew.
            run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&self.venv))?;
        }
        // All at once, so that pip sees versions that do not go together.
        run(Command::new(&python)
            .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"])
            .args(PYTHON.map(|[name, version, _]| format!("{name}=={version}"))))?;
        match absent().as_slice() {
            [] => Ok(()),
            left => bail!("{} does not work in {}", left.join(", "), self.venv.display()),
        }
    }

    fn node(&self, installing: Installing) -> Result<()> {
        need_programs(&["node", "npm"], &["nodejs", "npm"], installing)?;
        let absent = NODE.iter().filter(|[name, version]| node_version(&self.node, name).as_deref() != Some(version));
        let absent: Vec<_> = absent.map(|[name, version]| format!("{name} {version}")).collect();
        if absent.is_empty() {
            return Ok(());
        }
        if installing == Installing::Forbidden {
            bail!("{} is not in {} and nothing is to be installed", absent.join(", "), self.node.display());
        }
        fs::create_dir_all(&self.node).with_context(|| format!("{}", self.node.display()))?;
        fs::write(self.node.join("package.json"), node_manifest()).context("package.json")?;
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

fn has_python_package(python: &Path, [name, version, module]: &[&str; 3]) -> bool {
    let script = format!("from importlib.metadata import version; import {module}; print(version('{name}'))");
    let output = Command::new(python).args(["-c", &script]).stderr(Stdio::null()).output();
    output.is_ok_and(|output| output.status.success() && String::from_utf8_lossy(&output.stdout).trim() == *version)
}

fn node_manifest() -> String {
    let dependencies: serde_json::Map<_, _> =
        NODE.iter().map(|[name, version]| ((*name).to_owned(), serde_json::Value::from(*version))).collect();
    format!("{}\n", serde_json::json!({ "private": true, "dependencies": dependencies }))
}

fn node_version(folder: &Path, package: &str) -> Option<String> {
    let manifest = fs::read(folder.join("node_modules").join(package).join("package.json")).ok()?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manifest_names_every_package_at_its_version() {
        let manifest: serde_json::Value = serde_json::from_str(&node_manifest()).unwrap();
        assert_eq!(manifest["dependencies"].as_object().unwrap().len(), NODE.len());
        assert!(NODE.iter().all(|[name, version]| manifest["dependencies"][name] == *version));
    }

    #[test]
    fn a_python_that_is_not_there_has_no_package() {
        assert!(!has_python_package(Path::new("/nowhere/python"), &PYTHON[0]));
    }
}
