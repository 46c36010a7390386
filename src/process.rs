//! The process, in numbers: who it is, how long it runs, what it uses. Read from `/proc` when somebody asks.

use crate::memory::Gauge;
use mqtt_server::MetricsSource;
use mqtt_server::metrics::{Family, Kind};
use rustix::param::{clock_ticks_per_second, page_size};
use rustix::process::{Resource, getrlimit};
use std::fs;
use std::sync::Arc;
use std::time::Instant;

/// The commit that this was built from, where the build says.
const REVISION: Option<&str> = option_env!("LACEWING_REVISION");

/// A source of these numbers; its clock starts now.
pub fn metrics() -> MetricsSource {
    let start = Instant::now();
    Arc::new(move || families(start))
}

fn families(start: Instant) -> Vec<Family> {
    let build = [("version", env!("CARGO_PKG_VERSION").into()), ("revision", REVISION.unwrap_or("unknown").into())];
    let mut families = vec![
        Family::new("mqtt.server.build_info", Kind::Gauge, "", "Always 1; what was built, in the attributes")
            .with_attributes(build, 1u64),
        Family::new("mqtt.server.uptime", Kind::Gauge, "s", "Time since the program was started")
            .with(start.elapsed().as_secs_f64()),
    ];
    families.extend(
        fs::read_to_string("/proc/self/stat")
            .ok()
            .as_deref()
            .and_then(Stat::read)
            .map(Stat::families)
            .into_iter()
            .flatten(),
    );
    let level = |name, unit, description| Family::new(name, Kind::UpDownCounter, unit, description);
    if let Some(gauge) = Gauge::new() {
        let description = "Physical memory that may be in use: the bound of the control group, or the machine's memory";
        families.push(level("mqtt.server.memory.limit", "By", description).with(gauge.limit()));
    }
    if let Ok(files) = fs::read_dir("/proc/self/fd") {
        // One of them is the folder itself.
        families.push(
            level("process.open_file_descriptor.count", "{file_descriptor}", "Open file descriptors")
                .with(files.count().saturating_sub(1)),
        );
    }
    if let Some(limit) = getrlimit(Resource::Nofile).current {
        let family =
            level("process.open_file_descriptor.limit", "{file_descriptor}", "File descriptors that may be open");
        families.push(family.with(limit));
    }
    families
}

/// What is of interest in `/proc/self/stat` (proc_pid_stat(5)).
#[derive(Debug, PartialEq, Eq)]
struct Stat {
    user_ticks: u64,
    system_ticks: u64,
    threads: u64,
    virtual_bytes: u64,
    resident_pages: u64,
}

impl Stat {
    fn read(text: &str) -> Option<Stat> {
        // The second field is the program's name, which may hold anything; numbers of fields count from 1.
        let (_, rest) = text.rsplit_once(')')?;
        let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
        let field = |number: usize| fields.get(number - 3)?.parse().ok();
        Some(Stat {
            user_ticks: field(14)?,
            system_ticks: field(15)?,
            threads: field(20)?,
            virtual_bytes: field(23)?,
            resident_pages: field(24)?,
        })
    }

    fn families(self) -> Vec<Family> {
        let seconds = |ticks: u64| ticks as f64 / clock_ticks_per_second() as f64;
        let level = |name, unit, description| Family::new(name, Kind::UpDownCounter, unit, description);
        vec![
            Family::new("process.cpu.time", Kind::Counter, "s", "Processor time used")
                .with_attributes([("cpu.mode", "user".into())], seconds(self.user_ticks))
                .with_attributes([("cpu.mode", "system".into())], seconds(self.system_ticks)),
            level("process.memory.usage", "By", "Physical memory in use")
                .with(self.resident_pages * page_size() as u64),
            level("process.memory.virtual", "By", "Virtual memory").with(self.virtual_bytes),
            level("process.thread.count", "{thread}", "Threads").with(self.threads),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_the_program_may_hold_anything() {
        let text = "77 (a) b 1 (c) S 1 77 77 0 -1 4194560 2101 0 0 0 150 30 0 0 20 0 5 0 1234 99000000 2048 18446744073709551615 1 1";
        let stat =
            Stat { user_ticks: 150, system_ticks: 30, threads: 5, virtual_bytes: 99_000_000, resident_pages: 2048 };
        assert_eq!(Stat::read(text), Some(stat));
        assert_eq!(Stat::read("77 (a) S 1"), None);
    }

    #[test]
    fn this_process_has_all_of_them() {
        let names: Vec<&str> = families(Instant::now()).iter().map(|family| family.name).collect();
        assert_eq!(
            names,
            [
                "mqtt.server.build_info",
                "mqtt.server.uptime",
                "process.cpu.time",
                "process.memory.usage",
                "process.memory.virtual",
                "process.thread.count",
                "mqtt.server.memory.limit",
                "process.open_file_descriptor.count",
                "process.open_file_descriptor.limit",
            ]
        );
    }
}
