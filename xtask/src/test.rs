//! `cargo xtask test`: the one command that checks everything.
//!
//! Every step runs even after an earlier one failed, so that one run tells all there is to tell. The exit code is the
//! test runner's when it failed, else that of the first step that failed, else 0.

use std::io::{BufRead, BufReader, IsTerminal, Read, Write};
use std::process::{Child, Command, ExitCode, Stdio};
use std::thread;

use anyhow::{Context, Result};
use clap::Args;

use crate::counts::Counts;
use crate::tools::{self, Installing, Tools};
use crate::workspace::{self, cargo};

#[derive(Args)]
pub struct Options {
    /// Install nothing; tests whose tools are missing are skipped
    #[arg(long)]
    no_install: bool,
    /// Arguments for the test runner; with any, documentation tests are left out
    #[arg(last = true)]
    runner: Vec<String>,
}

/// What a step of the check gave: its name, its exit code, and the tests it counted.
struct Step {
    name: &'static str,
    code: u8,
    counts: Option<Counts>,
}

pub fn run(options: &Options) -> Result<ExitCode> {
    let installing = if options.no_install { Installing::Forbidden } else { Installing::Allowed };
    let tools = Tools::new();
    let missing = tools.prepare(installing);
    tools::print_missing(&missing);

    let mut steps = vec![
        plain("format", cargo().args(["fmt", "--all", "--check"]))?,
        plain("lints", cargo().args(["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"]))?,
        counted("tests", runner(&options.runner).envs(tools.environment()))?,
    ];
    if options.runner.is_empty() {
        let mut doctests = cargo();
        doctests.args(["test", "--doc", "--workspace", "--locked"]);
        steps.push(counted("documentation tests", &mut doctests)?);
    }

    println!();
    for Step { name, code, counts } in &steps {
        let verdict = if *code == 0 { "ok" } else { "FAILED" };
        match counts {
            Some(counts) => println!("{name}: {verdict}, {counts}"),
            None => println!("{name}: {verdict}"),
        }
    }
    tools::print_missing(&missing);
    let tools_code = u8::from(tools::is_ci() && !missing.is_empty());
    Ok(ExitCode::from(exit_code(&steps, tools_code)))
}

/// The runner's code comes first: who calls this wants to tell failed tests from a runner that could not run.
fn exit_code(steps: &[Step], tools_code: u8) -> u8 {
    let runner = steps.iter().find(|step| step.counts.is_some() && step.code != 0);
    let failed = runner.or_else(|| steps.iter().find(|step| step.code != 0));
    failed.map_or(tools_code, |step| step.code)
}

/// cargo-nextest where it is installed, else `cargo test` without the documentation tests.
fn runner(arguments: &[String]) -> Command {
    let mut command = cargo();
    if workspace::find_program("cargo-nextest").is_some() {
        command.args(["nextest", "run", "--workspace", "--locked"]);
    } else {
        command.args(["test", "--workspace", "--all-targets", "--locked"]);
    }
    if arguments.is_empty() {
        command.arg("--no-fail-fast");
    }
    command.args(arguments);
    command
}

fn plain(name: &'static str, command: &mut Command) -> Result<Step> {
    announce(command);
    let status = command.status().with_context(|| format!("{command:?}"))?;
    Ok(Step { name, code: code_of(status), counts: None })
}

/// Runs a test runner, passes its output through and counts.
fn counted(name: &'static str, command: &mut Command) -> Result<Step> {
    announce(command);
    if std::io::stderr().is_terminal() {
        command.env("CARGO_TERM_COLOR", "always");
    }
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().with_context(|| format!("{command:?}"))?;
    let counts = pass_through(&mut child);
    let status = child.wait().with_context(|| format!("{command:?}"))?;
    Ok(Step { name, code: code_of(status), counts: Some(counts) })
}

fn pass_through(child: &mut Child) -> Counts {
    let stdout = child.stdout.take().map(|from| thread::spawn(move || copy_and_count(from, std::io::stdout())));
    let stderr = child.stderr.take().map(|from| thread::spawn(move || copy_and_count(from, std::io::stderr())));
    let mut sum = Counts::default();
    for counts in [stdout, stderr].into_iter().flatten().filter_map(|copier| copier.join().ok()) {
        sum.passed += counts.passed;
        sum.failed += counts.failed;
        sum.skipped += counts.skipped;
    }
    sum
}

fn copy_and_count(from: impl Read, mut to: impl Write) -> Counts {
    let mut counts = Counts::default();
    let mut from = BufReader::new(from);
    let mut line = Vec::new();
    while from.read_until(b'\n', &mut line).is_ok_and(|length| length > 0) {
        // The output of a test can be any bytes. If nobody listens any more, counting goes on.
        let _ = to.write_all(&line);
        counts.on_line(&String::from_utf8_lossy(&line));
        line.clear();
    }
    counts
}

fn announce(command: &Command) {
    let arguments: Vec<_> = command.get_args().map(|argument| argument.to_string_lossy()).collect();
    eprintln!("\nxtask: cargo {}", arguments.join(" "));
}

/// A process ended by a signal has no code; 1 stands for it.
fn code_of(status: std::process::ExitStatus) -> u8 {
    status.code().map_or(1, |code| u8::try_from(code).unwrap_or(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(code: u8, counts: Option<Counts>) -> Step {
        Step { name: "step", code, counts }
    }

    #[test]
    fn the_code_of_the_runner_comes_before_that_of_the_lints() {
        let steps = [step(1, None), step(100, Some(Counts::default()))];
        assert_eq!(exit_code(&steps, 1), 100);
    }

    #[test]
    fn lints_alone_fail_the_check() {
        let steps = [step(101, None), step(0, Some(Counts::default()))];
        assert_eq!(exit_code(&steps, 0), 101);
    }

    #[test]
    fn missing_tools_fail_a_check_that_is_fine_otherwise() {
        assert_eq!(exit_code(&[step(0, None)], 1), 1);
        assert_eq!(exit_code(&[step(0, None)], 0), 0);
    }

    #[test]
    fn output_passes_through_unchanged_and_is_counted() {
        let printed = b"x\xff\ntest result: ok. 2 passed; 0 failed; 0 ignored\nend without newline".as_slice();
        let mut copy = Vec::new();
        let counts = copy_and_count(printed, &mut copy);
        assert_eq!(copy, printed);
        assert_eq!(counts, Counts { passed: 2, failed: 0, skipped: 0 });
    }
}
