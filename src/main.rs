//! The program: reads the command line, then runs the broker or looks at its configuration.

mod cli;
mod config;
mod files;
mod healthcheck;
mod loading;
mod log;
mod memory;
mod own_certificates;
mod process;
mod reloader;
mod reloads;
mod runtime;
mod service;
mod signals;
mod systemd;
mod telemetry;
mod watchers;

use cli::{Invocation, Task};
use config::{ConfigErrors, print, reference, schema};
use std::process::ExitCode;

// Version 2: leaner for small objects than version 3, and it gives back more after a storm. Without huge pages, which would round a start
// of 4 MB up to 10 MB.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let Invocation { sources, task } = cli::read();
    match task {
        Task::Serve(listen) => service::run(&sources, &listen),
        Task::Print(origins) => show(config::load(&sources), |settings| print::print(settings, origins)),
        Task::Check => show(config::load(&sources), |settings| {
            let notices: String = settings.notices.iter().map(|notice| format!("{notice}\n")).collect();
            notices + "the configuration is good\n"
        }),
        Task::HealthCheck(url) => healthcheck::run(&sources, url.as_deref()),
        Task::Schema => show(Ok(()), |_| schema::schema()),
        Task::Docs => show(Ok(()), |_| reference::page()),
    }
}

/// Prints what `text` makes of settings, or what is wrong with them.
fn show<T>(loaded: Result<T, ConfigErrors>, text: impl Fn(&T) -> String) -> ExitCode {
    match loaded {
        Ok(settings) => {
            print!("{}", text(&settings));
            ExitCode::SUCCESS
        }
        Err(errors) => {
            eprintln!("{errors}");
            ExitCode::from(config::EXIT_CODE)
        }
    }
}
