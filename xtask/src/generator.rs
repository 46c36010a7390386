//! mqload, the load generator: where it is, how it is built, and one run of it.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::process::wait_for;
use crate::workspace;

const DEFAULT_FOLDER: &str = "../shared/tools/mqload";
/// The longest scenario takes about ten seconds; mqload gives up on a broker that hangs after one minute.
const RUN_TIMEOUT: Duration = Duration::from_secs(180);

/// The built load generator.
pub struct Generator {
    binary: PathBuf,
}

impl Generator {
    /// Builds mqload from its cargo project: `folder`, or `LACEWING_MQLOAD`, or beside the workspace.
    pub fn build(folder: Option<&Path>) -> Result<Self> {
        let from_environment = std::env::var_os("LACEWING_MQLOAD").map(PathBuf::from);
        let folder = folder.map(Path::to_path_buf).or(from_environment);
        let folder = folder.unwrap_or_else(|| workspace::root().join(DEFAULT_FOLDER));
        let manifest = folder.join("Cargo.toml");
        if !manifest.is_file() {
            bail!(
                "the load generator mqload is not in {}; name its cargo project with --mqload DIR or LACEWING_MQLOAD",
                folder.display()
            );
        }
        // Its own folder may be read-only, so what is built goes to ours.
        let target = workspace::target_dir()?.join("mqload");
        let mut build = Command::new(workspace::cargo().get_program());
        build.args(["build", "--release", "--locked", "--bin", "mqload"]).current_dir(workspace::root());
        build.arg("--manifest-path").arg(&manifest).arg("--target-dir").arg(&target);
        if !build.status().context("cargo build")?.success() {
            bail!("mqload in {} does not build", folder.display());
        }
        Ok(Self { binary: target.join("release/mqload") })
    }

    /// Runs mqload with these arguments; gives the JSON it prints.
    pub fn run(&self, args: &[String]) -> Result<Value> {
        let mut child = Command::new(&self.binary)
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {}", self.binary.display()))?;
        // It prints one line at its end, which fits into the pipe: waiting first blocks nobody.
        let Some(status) = wait_for(&mut child, RUN_TIMEOUT)? else {
            child.kill().context("ending mqload")?;
            child.wait().context("ending mqload")?;
            bail!("mqload did not end within {RUN_TIMEOUT:?}");
        };
        let (mut figures, mut complaint) = (String::new(), String::new());
        child.stdout.take().map(|mut pipe| pipe.read_to_string(&mut figures)).transpose().context("mqload's output")?;
        child
            .stderr
            .take()
            .map(|mut pipe| pipe.read_to_string(&mut complaint))
            .transpose()
            .context("mqload's output")?;
        if !status.success() {
            bail!("mqload ended with {status}: {}", complaint.trim());
        }
        serde_json::from_str(figures.trim()).with_context(|| format!("mqload printed {}", figures.trim()))
    }
}
