//! The machine on which something was measured.

use std::fs;
use std::process::Command;
use std::thread;

/// What a reader must know to compare the figures with others.
#[derive(Debug)]
pub struct Machine {
    pub cores: usize,
    pub processor: String,
    pub kernel: String,
    pub date: String,
    pub compiler: String,
}

impl Machine {
    /// This machine, today; what cannot be read is "unknown".
    pub fn this() -> Self {
        let unknown = || "unknown".to_owned();
        let kernel =
            fs::read_to_string("/proc/sys/kernel/osrelease").map_or_else(|_| unknown(), |text| text.trim().into());
        let processors = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        Self {
            cores: thread::available_parallelism().map_or(1, usize::from),
            processor: processor(&processors).unwrap_or_else(unknown),
            kernel,
            date: said(Command::new("date").args(["-u", "+%Y-%m-%d"])).unwrap_or_else(unknown),
            compiler: said(Command::new("rustc").arg("--version")).unwrap_or_else(unknown),
        }
    }
}

fn processor(cpuinfo: &str) -> Option<String> {
    let line = cpuinfo.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

fn said(command: &mut Command) -> Option<String> {
    let output = command.output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_processor_is_named() {
        let cpuinfo = "processor\t: 0\nmodel name\t: Some CPU @ 2 GHz\nflags\t: fpu\n";
        assert_eq!(processor(cpuinfo).as_deref(), Some("Some CPU @ 2 GHz"));
        assert_eq!(processor(""), None);
    }
}
