//! The result of a bench: rows, verdicts, the table on the terminal and the page in the documentation.

use std::fmt::{self, Write};

use crate::figures::Samples;
use crate::machine::Machine;
use crate::scenario::{Bar, Peer, Scenario};

/// What became of a figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Ok,
    Missed,
    /// Our broker lost something, or gave no figure.
    Failed,
    /// The peer gave no figure to compare with.
    NoPeer,
    /// There is no bar.
    Shown,
}

impl fmt::Display for Verdict {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(match self {
            Self::Ok => "ok",
            Self::Missed => "MISSED",
            Self::Failed => "FAILED",
            Self::NoPeer => "no peer",
            Self::Shown => "-",
        })
    }
}

/// One figure of one scenario for both brokers.
#[derive(Debug)]
pub struct Row {
    scenario: &'static str,
    title: &'static str,
    figure: &'static str,
    ours: Option<f64>,
    theirs: Option<f64>,
    peer: Peer,
    bar: Bar,
    verdict: Verdict,
}

impl Row {
    fn ratio(&self) -> Option<f64> {
        ratio(self.ours, self.theirs)
    }

    fn cells(&self) -> [String; 7] {
        [
            self.scenario.into(),
            self.figure.into(),
            number(self.ours),
            match self.peer {
                Peer::Mosquitto => number(self.theirs),
                Peer::Ours(_, what) => format!("{} (lacewing, {what})", number(self.theirs)),
            },
            self.ratio().map_or("-".into(), |ratio| format!("{ratio:.3}")),
            match self.bar {
                Bar::RatioAtMost(bar) => format!("ratio {bar:.2}"),
                Bar::AtMost(bar) => number(Some(bar)),
                Bar::None => "-".into(),
            },
            self.verdict.to_string(),
        ]
    }
}

/// Everything a bench found.
#[derive(Debug, Default)]
pub struct Report {
    rows: Vec<Row>,
    notes: Vec<String>,
    other_load: f64,
}

impl Report {
    /// Takes in a scenario that ran against both brokers.
    pub fn push(&mut self, scenario: &'static Scenario, ours: &Samples, theirs: &Samples) {
        for figure in scenario.figures {
            let (our_figure, their_figure) = (ours.median(figure.key), theirs.median(figure.key));
            let verdict =
                if ours.faults().is_empty() { judge(figure.bar, our_figure, their_figure) } else { Verdict::Failed };
            self.rows.push(Row {
                scenario: scenario.name,
                title: scenario.title,
                figure: figure.label,
                ours: our_figure,
                theirs: their_figure,
                peer: scenario.peer,
                bar: figure.bar,
                verdict,
            });
        }
        let peer = match scenario.peer {
            Peer::Mosquitto => "mosquitto",
            Peer::Ours(_, what) => what,
        };
        for (broker, samples) in [("lacewing", ours), (peer, theirs)] {
            let faults = samples.faults().iter();
            self.notes.extend(faults.map(|fault| format!("{}: {broker}, {fault}", scenario.name)));
            self.other_load = self.other_load.max(samples.max("other_cpu_pct").unwrap_or(0.0));
        }
    }

    /// Did every figure with a bar keep it, without a fault of ours?
    pub fn is_good(&self) -> bool {
        !self.rows.iter().any(|row| matches!(row.verdict, Verdict::Missed | Verdict::Failed))
    }

    /// The table for the terminal, with the faults under it.
    pub fn table(&self) -> String {
        let header = ["scenario", "figure", "lacewing", "mosquitto", "ratio", "bar", "verdict"].map(str::to_owned);
        let lines: Vec<_> = std::iter::once(header).chain(self.rows.iter().map(Row::cells)).collect();
        let mut widths = [0; 7];
        for line in &lines {
            for (width, cell) in widths.iter_mut().zip(line) {
                *width = (*width).max(cell.chars().count());
            }
        }
        let mut text = String::new();
        for line in &lines {
            let mut padded = String::new();
            for (column, (cell, width)) in line.iter().zip(widths).enumerate() {
                // Numbers stand at the right, words at the left.
                let cell =
                    if (2..=5).contains(&column) { format!("{cell:>width$}") } else { format!("{cell:<width$}") };
                padded.push_str(&cell);
                padded.push_str("  ");
            }
            text.push_str(padded.trim_end());
            text.push('\n');
        }
        for note in &self.notes {
            text.push_str(note);
            text.push('\n');
        }
        text.push_str(&self.load_note());
        text.push('\n');
        text
    }

    /// The page `docs/performance.md`.
    pub fn page(&self, machine: &Machine, conditions: &Conditions) -> String {
        let mut page = String::new();
        // Writing into a string cannot fail.
        let _ = self.write_page(&mut page, machine, conditions);
        page
    }

    fn write_page(&self, page: &mut String, machine: &Machine, conditions: &Conditions) -> fmt::Result {
        let Conditions { rounds, seconds, lacewing, mosquitto } = conditions;
        writeln!(page, "# Performance\n\nWritten by `cargo xtask bench --write`; do not edit.\n")?;
        writeln!(
            page,
            "Lacewing beside mosquitto, in turn on the same machine and under the same load, each run against a fresh \
             process: {rounds} rounds of {seconds} s, medians. Payload 128 B, everything on loopback, load generator and \
             broker sharing the cores. CPU is the broker's, user and system, per delivered message. Handshakes are repeated \
             by four threads, up to CONNACK, and none resumes a session; both brokers have one ECDSA P-256 certificate. mosquitto is tuned: \
             anonymous, no persistence, no logging, `set_tcp_nodelay true`, no queue limits. Lacewing runs with its \
             defaults. A figure counts only if nothing was lost, doubled, reordered or refused by Lacewing.\n"
        )?;
        writeln!(page, "| machine | |\n|---|---|")?;
        writeln!(page, "| cores | {} |\n| processor | {} |", machine.cores, machine.processor)?;
        writeln!(page, "| kernel | {} |\n| date | {} |", machine.kernel, machine.date)?;
        writeln!(page, "| lacewing | {lacewing}, {} |\n| mosquitto | {mosquitto} |\n", machine.compiler)?;
        writeln!(page, "| scenario | figure | lacewing | mosquitto | ratio | bar | verdict |")?;
        writeln!(page, "|---|---|--:|--:|--:|--:|---|")?;
        for row in &self.rows {
            let [_, cells @ ..] = row.cells();
            writeln!(page, "| {} (`{}`) | {} |", row.title, row.scenario, cells.join(" | "))?;
        }
        writeln!(
            page,
            "\nA bar `ratio x` is for lacewing's figure over mosquitto's, any other for lacewing's figure. Where \
             mosquitto has nothing to compare with, lacewing itself stands in its column, over the transport that is named."
        )?;
        writeln!(page, "{}", self.load_note())?;
        if !self.notes.is_empty() {
            writeln!(page, "\nFaults:\n\n- {}", self.notes.join("\n- "))?;
        }
        writeln!(
            page,
            "\n## To repeat it\n\n```sh\napt-get install mosquitto      # Debian 12 has {}\ncargo xtask bench --write      \
             # or: --scenario NAME, --rounds N, --quick, --list\n```\n\nThe load generator mqload is a cargo project of its \
             own; `--mqload DIR` or `LACEWING_MQLOAD` says where it is. Figures of a busy machine grow 1.5 to 2.5 times \
             while ratios move by a fifth.",
            crate::contender::PEER_VERSION
        )
    }

    fn load_note(&self) -> String {
        format!("Everything else on the machine took at most {:.0} % of one core during a run.", self.other_load)
    }
}

/// How it was measured.
#[derive(Debug)]
pub struct Conditions {
    pub rounds: usize,
    pub seconds: f64,
    /// Versions.
    pub lacewing: String,
    pub mosquitto: String,
}

fn judge(bar: Bar, ours: Option<f64>, theirs: Option<f64>) -> Verdict {
    let Some(figure) = ours else { return Verdict::Failed };
    let kept = match bar {
        Bar::None => return Verdict::Shown,
        Bar::AtMost(bar) => figure <= bar,
        Bar::RatioAtMost(bar) => match ratio(ours, theirs) {
            Some(ratio) => ratio <= bar,
            None => return Verdict::NoPeer,
        },
    };
    if kept { Verdict::Ok } else { Verdict::Missed }
}

fn ratio(ours: Option<f64>, theirs: Option<f64>) -> Option<f64> {
    let (ours, theirs) = (ours?, theirs?);
    (theirs > 0.0).then_some(ours / theirs)
}

/// Three significant digits or so; whole numbers from 100 up.
fn number(value: Option<f64>) -> String {
    match value {
        None => "-".into(),
        Some(value) if value.abs() >= 100.0 => format!("{value:.0}"),
        Some(value) if value.abs() >= 10.0 => format!("{value:.1}"),
        Some(value) => format!("{value:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::scenario::chosen;

    fn samples(run: serde_json::Value) -> Samples {
        let mut samples = Samples::default();
        samples.push(Ok(run));
        samples
    }

    fn report_of(name: &str, ours: Samples, theirs: Samples) -> Report {
        let mut report = Report::default();
        report.push(chosen(&[name.to_owned()]).unwrap()[0], &ours, &theirs);
        report
    }

    fn run(cpu: f64) -> serde_json::Value {
        json!({ "broker_cpu_us_per_msg": cpu, "msgs_per_s": 1_000_000.0, "lost": 0, "other_cpu_pct": 3.0 })
    }

    #[test]
    fn ratios_are_judged_against_the_peer_of_the_same_bench() {
        assert_eq!(judge(Bar::RatioAtMost(0.1), Some(1.0), Some(10.0)), Verdict::Ok);
        assert_eq!(judge(Bar::RatioAtMost(0.1), Some(1.1), Some(10.0)), Verdict::Missed);
        assert_eq!(judge(Bar::RatioAtMost(0.1), Some(1.1), None), Verdict::NoPeer);
        assert_eq!(judge(Bar::RatioAtMost(0.1), Some(1.1), Some(0.0)), Verdict::NoPeer);
    }

    #[test]
    fn figures_with_a_bar_of_their_own_need_no_peer() {
        assert_eq!(judge(Bar::AtMost(600.0), Some(600.0), None), Verdict::Ok);
        assert_eq!(judge(Bar::AtMost(600.0), Some(601.0), Some(9.0)), Verdict::Missed);
        assert_eq!(judge(Bar::AtMost(600.0), None, Some(9.0)), Verdict::Failed);
        assert_eq!(judge(Bar::None, Some(1.0), None), Verdict::Shown);
    }

    #[test]
    fn the_table_lines_up() {
        let report = report_of("p2p-qos0", samples(run(0.7)), samples(run(10.0)));
        let expected = "\
scenario  figure                lacewing  mosquitto  ratio         bar  verdict
p2p-qos0  CPU µs/message            0.70       10.0  0.070  ratio 0.10  ok
p2p-qos0  delivered messages/s   1000000    1000000  1.000           -  -
Everything else on the machine took at most 3 % of one core during a run.
";
        assert_eq!(report.table(), expected);
        assert!(report.is_good());
    }

    #[test]
    fn a_loss_of_ours_fails_the_scenario_whatever_its_speed() {
        let mut lossy = run(0.7);
        lossy["lost"] = json!(5);
        let report = report_of("p2p-qos0", samples(lossy), samples(run(10.0)));
        assert!(!report.is_good());
        assert!(report.table().contains("FAILED"));
        assert!(report.table().contains("p2p-qos0: lacewing, round 1: lost 5"));
    }

    #[test]
    fn a_loss_of_the_peer_is_only_noted() {
        let mut lossy = run(10.0);
        lossy["lost"] = json!(5);
        let report = report_of("p2p-qos0", samples(run(0.7)), samples(lossy));
        assert!(report.is_good());
        assert!(report.table().contains("p2p-qos0: mosquitto, round 1: lost 5"));
    }

    #[test]
    fn the_page_has_the_rows_the_machine_and_the_versions() {
        let report = report_of("p2p-qos0", samples(run(0.7)), samples(run(10.0)));
        let machine = Machine {
            cores: 2,
            processor: "Some CPU".into(),
            kernel: "6.1".into(),
            date: "2026-01-02".into(),
            compiler: "rustc 1.95.0".into(),
        };
        let conditions = Conditions { rounds: 3, seconds: 2.0, lacewing: "0.1.0".into(), mosquitto: "2.0.11".into() };
        let page = report.page(&machine, &conditions);
        for part in [
            "| 50 pairs, QoS 0 (`p2p-qos0`) | CPU µs/message | 0.70 | 10.0 | 0.070 | ratio 0.10 | ok |\n",
            "| cores | 2 |\n",
            "| date | 2026-01-02 |\n",
            "| lacewing | 0.1.0, rustc 1.95.0 |\n",
            "3 rounds of 2 s",
        ] {
            assert!(page.contains(part), "{part} is not in:\n{page}");
        }
    }

    #[test]
    fn numbers_keep_about_three_digits() {
        assert_eq!(number(Some(0.047)), "0.05");
        assert_eq!(number(Some(12.34)), "12.3");
        assert_eq!(number(Some(1764.4)), "1764");
        assert_eq!(number(None), "-");
    }
}
