//! The counts a test runner prints, read back from its output.
//!
//! Knows the summary line of cargo-nextest and the result lines of `cargo test`, of which there is one per test binary.

use std::fmt;

/// How many tests ran and how they ended.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    pub passed: u64,
    pub failed: u64,
    pub skipped: u64,
}

impl Counts {
    /// Adds what one line of a runner's output says; any other line changes nothing.
    pub fn on_line(&mut self, line: &str) {
        let line = without_colors(line);
        let Some(counted) = counted_part(&line) else { return };
        for part in counted.split([',', ';', '.']) {
            let mut words = part.split_whitespace();
            let (Some(number), Some(word)) = (words.next(), words.next()) else { continue };
            let Ok(number) = number.parse::<u64>() else { continue };
            match word {
                "passed" => self.passed += number,
                "failed" | "timed" | "exec" => self.failed += number,
                "skipped" | "ignored" => self.skipped += number,
                _ => {}
            }
        }
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} passed, {} failed, {} skipped", self.passed, self.failed, self.skipped)
    }
}

/// What follows `Summary [..] N tests run:` or `test result:`.
fn counted_part(line: &str) -> Option<&str> {
    let line = line.trim_start();
    if let Some(rest) = line.strip_prefix("test result: ") {
        return Some(rest);
    }
    line.strip_prefix("Summary [")?.split_once(" run: ").map(|(_, rest)| rest)
}

/// The line without terminal color sequences (ESC `[` .. `m`).
fn without_colors(line: &str) -> String {
    let mut plain = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(start) = rest.find("\u{1b}[") {
        plain.push_str(&rest[..start]);
        let sequence = &rest[start..];
        rest = sequence.find('m').map_or("", |end| &sequence[end + 1..]);
    }
    plain.push_str(rest);
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts_of(lines: &[&str]) -> Counts {
        let mut counts = Counts::default();
        lines.iter().for_each(|line| counts.on_line(line));
        counts
    }

    #[test]
    fn the_summary_of_nextest_is_read() {
        let summary =
            "     Summary [   0.012s] 14 tests run: 11 passed (1 slow, 2 flaky), 2 failed, 1 timed out, 5 skipped";
        assert_eq!(counts_of(&[summary]), Counts { passed: 11, failed: 3, skipped: 5 });
    }

    #[test]
    fn an_interrupted_run_of_nextest_is_read() {
        let summary = "     Summary [   0.1s] 2/9 tests run: 1 passed, 1 failed, 0 skipped";
        assert_eq!(counts_of(&[summary]), Counts { passed: 1, failed: 1, skipped: 0 });
    }

    #[test]
    fn results_of_several_test_binaries_add_up() {
        let lines = [
            "running 2 tests",
            "test result: ok. 2 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s",
            "test result: FAILED. 1 passed; 1 failed; 0 ignored; 0 measured; 3 filtered out; finished in 0.10s",
        ];
        assert_eq!(counts_of(&lines), Counts { passed: 3, failed: 1, skipped: 1 });
    }

    #[test]
    fn colors_do_not_hide_the_counts() {
        let summary =
            "\u{1b}[32;1m     Summary\u{1b}[0m [   0.012s] \u{1b}[1m3\u{1b}[0m tests run: \u{1b}[1m3\u{1b}[0m passed";
        assert_eq!(counts_of(&[summary]), Counts { passed: 3, failed: 0, skipped: 0 });
    }
}
