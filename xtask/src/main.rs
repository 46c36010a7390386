//! Developer commands: `cargo xtask COMMAND`.
//!
//! A command is one module with an `Options` type and a `run` function that gives the exit code of the process.
//! To add one, add its module and one variant of [`Command`].

mod bench;
mod certificate;
mod client;
mod conformance;
mod contender;
mod counts;
mod figures;
mod generator;
mod http2_load;
mod machine;
mod pairs;
mod process;
mod report;
mod scenario;
mod test;
mod tls_load;
mod tools;
mod usage;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(
    name = "cargo xtask",
    bin_name = "cargo xtask",
    about = "Developer commands of the workspace",
    disable_help_subcommand = true
)]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Check everything: format, lints, tests; installs what the tests need from outside
    Test(test::Options),
    /// Measure lacewing beside mosquitto and compare the figures with the bars
    Bench(bench::Options),
    /// List which statements of the standards are tested, and by what
    Conformance(conformance::Options),
}

fn main() -> ExitCode {
    let outcome = match CommandLine::parse().command {
        Command::Test(options) => test::run(&options),
        Command::Bench(options) => bench::run(&options),
        Command::Conformance(options) => conformance::run(&options),
    };
    outcome.unwrap_or_else(|error| {
        eprintln!("xtask: {error:#}");
        ExitCode::FAILURE
    })
}
