//! The memory of the process: what it uses, and what it may use.
//!
//! The bound is that of its control group, version 2 or 1, or of a group around it where that is lower; without one it is the machine's.

use mqtt_server::Memory;
use std::fs;
use std::path::{Path, PathBuf};

/// How the bound and the use are read.
pub struct Gauge {
    limit: u64,
    page: u64,
}

impl Gauge {
    /// Reads the bound, which stays what it is while the process runs; `None` where nothing tells it.
    pub fn new() -> Option<Gauge> {
        let limit = [control_group(Path::new("/")), machine()].into_iter().flatten().min()?;
        Some(Gauge { limit, page: rustix::param::page_size() as u64 })
    }

    /// What the process may use, in bytes.
    pub fn limit(&self) -> u64 {
        self.limit
    }

    /// Use and bound of the moment.
    pub fn read(&self) -> Option<Memory> {
        let statm = fs::read_to_string("/proc/self/statm").ok()?;
        let resident: u64 = statm.split_ascii_whitespace().nth(1)?.parse().ok()?;
        Some(Memory { used: resident * self.page, limit: self.limit })
    }
}

/// The lowest bound of the control groups that the process is in, as seen under `root`.
fn control_group(root: &Path) -> Option<u64> {
    let groups = fs::read_to_string(root.join("proc/self/cgroup")).ok()?;
    groups.lines().filter_map(|line| bound(root, line)).min()
}

/// The lowest bound from a group up to the root of its hierarchy. `line` is one of `/proc/self/cgroup`: number, controllers, path.
fn bound(root: &Path, line: &str) -> Option<u64> {
    let mut parts = line.splitn(3, ':');
    let (_, controllers, group) = (parts.next()?, parts.next()?, parts.next()?);
    let (mount, file) = match controllers {
        "" => ("sys/fs/cgroup", "memory.max"),
        _ if controllers.split(',').any(|controller| controller == "memory") => {
            ("sys/fs/cgroup/memory", "memory.limit_in_bytes")
        }
        _ => return None,
    };
    let mount = root.join(mount);
    // In a container the path may be the host's, which is not there: then the root of the mount is the container's own group.
    let own: PathBuf = mount.join(group.trim_start_matches('/'));
    let up = own.ancestors().take_while(|path| path.starts_with(&mount)).map(|path| path.join(file));
    up.filter_map(|path| fs::read_to_string(path).ok()?.trim().parse().ok()).filter(|bound| *bound < NO_BOUND).min()
}

/// Version 1 says "none" with the largest multiple of a page.
const NO_BOUND: u64 = 1 << 60;

/// The machine's memory.
fn machine() -> Option<u64> {
    let info = fs::read_to_string("/proc/meminfo").ok()?;
    let line = info.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().expect("a folder");
        for (path, text) in files {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().expect("below the root")).expect("folders");
            fs::write(path, text).expect("a file");
        }
        root
    }

    #[test]
    fn the_lowest_bound_on_the_way_up_counts() {
        let root = tree(&[
            ("proc/self/cgroup", "0::/pods/pod/container\n"),
            ("sys/fs/cgroup/pods/memory.max", "max\n"),
            ("sys/fs/cgroup/pods/pod/memory.max", "134217728\n"),
            ("sys/fs/cgroup/pods/pod/container/memory.max", "268435456\n"),
        ]);
        assert_eq!(control_group(root.path()), Some(134_217_728));
    }

    #[test]
    fn a_container_sees_its_own_group_at_the_root_of_the_mount() {
        let root = tree(&[
            ("proc/self/cgroup", "5:cpu:/docker/abc\n4:memory:/docker/abc\n"),
            ("sys/fs/cgroup/memory/memory.limit_in_bytes", "67108864\n"),
        ]);
        assert_eq!(control_group(root.path()), Some(67_108_864));
    }

    #[test]
    fn no_bound_is_none() {
        let root = tree(&[
            ("proc/self/cgroup", "4:memory:/\n0::/\n"),
            ("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n"),
            ("sys/fs/cgroup/memory.max", "max\n"),
        ]);
        assert_eq!(control_group(root.path()), None);
    }

    #[test]
    fn this_process_uses_something_of_what_it_may() {
        let memory = Gauge::new().and_then(|gauge| gauge.read()).expect("Linux tells");
        assert!(memory.used > 1 << 20 && memory.used < memory.limit, "{memory:?}");
    }
}
