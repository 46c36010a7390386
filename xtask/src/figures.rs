//! What is read out of the load generator's JSON: figures, their medians over the rounds, and faults.

use anyhow::{Context, Result};
use serde_json::Value;

/// Keys that count something which must not happen.
const MUST_BE_ZERO: &[&str] =
    &["lost", "dup", "reordered", "bad", "stalls", "errors", "setup_errors", "failed", "disconnects"];
/// Keys that say yes (1) or no (0).
const MUST_BE_ONE: &[&str] = &["broker_alive", "feed_ok"];
/// Keys whose values must be the same.
const MUST_BE_EQUAL: &[(&str, &str)] = &[("alive_end", "n"), ("retain_flag", "n"), ("session_present", "sessions")];

/// The runs of one scenario against one broker.
#[derive(Debug, Default)]
pub struct Samples {
    runs: Vec<Value>,
    faults: Vec<String>,
}

impl Samples {
    /// Takes in a round; a run that gave no figures at all is a fault.
    pub fn push(&mut self, run: Result<Value>) {
        let round = self.runs.len() + self.faults.len() + 1;
        match run {
            Ok(figures) => {
                self.faults.extend(faults(&figures).into_iter().map(|fault| format!("round {round}: {fault}")));
                self.runs.push(figures);
            }
            Err(error) => self.faults.push(format!("round {round}: {error:#}")),
        }
    }

    /// The median of a figure over the rounds that gave it.
    pub fn median(&self, key: &str) -> Option<f64> {
        median(self.runs.iter().filter_map(|run| figure(run, key).ok()).collect())
    }

    /// The largest value of a figure.
    pub fn max(&self, key: &str) -> Option<f64> {
        self.runs.iter().filter_map(|run| figure(run, key).ok()).reduce(f64::max)
    }

    /// What went wrong, in words.
    pub fn faults(&self) -> &[String] {
        &self.faults
    }
}

/// The figure `key` of a run.
pub fn figure(run: &Value, key: &str) -> Result<f64> {
    let value = run.get(key).with_context(|| format!("the load gave no {key}"))?;
    value.as_f64().with_context(|| format!("the load gave {value} as {key}"))
}

/// What a run says went wrong.
fn faults(run: &Value) -> Vec<String> {
    let value = |key: &str| figure(run, key).ok();
    let counted = MUST_BE_ZERO
        .iter()
        .filter_map(|&key| value(key).filter(|&count| count != 0.0).map(|count| format!("{key} {count}")));
    let denied = MUST_BE_ONE
        .iter()
        .filter_map(|&key| value(key).filter(|&answer| answer != 1.0).map(|answer| format!("{key} {answer}")));
    let unequal = MUST_BE_EQUAL.iter().filter_map(|&(key, other)| {
        let (got, wanted) = (value(key)?, value(other)?);
        (got != wanted).then(|| format!("{key} {got} of {wanted}"))
    });
    counted.chain(denied).chain(unequal).collect()
}

/// The middle value, or the mean of the two in the middle.
fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    let upper = *values.get(middle)?;
    if values.len() % 2 == 1 { Some(upper) } else { Some((values[middle - 1] + upper) / 2.0) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_median_is_the_middle() {
        assert_eq!(median(vec![]), None);
        assert_eq!(median(vec![3.0]), Some(3.0));
        assert_eq!(median(vec![9.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(vec![4.0, 1.0, 2.0, 8.0]), Some(3.0));
    }

    #[test]
    fn a_figure_that_is_null_or_absent_is_an_error_that_names_it() {
        let run = json!({ "p50_us": 31.5, "sent": 7, "cpu": null });
        assert_eq!(figure(&run, "p50_us").unwrap(), 31.5);
        assert_eq!(figure(&run, "sent").unwrap(), 7.0);
        assert!(figure(&run, "cpu").unwrap_err().to_string().contains("cpu"));
        assert!(figure(&run, "p99_us").unwrap_err().to_string().contains("p99_us"));
    }

    #[test]
    fn a_clean_run_has_no_faults() {
        let run = json!({ "lost": 0, "errors": 0, "broker_alive": 1, "n": 9, "alive_end": 9 });
        assert!(faults(&run).is_empty());
    }

    #[test]
    fn loss_a_dead_broker_and_missing_connections_are_faults() {
        let run = json!({ "lost": 5, "dup": 0, "broker_alive": 0, "n": 9, "alive_end": 8 });
        assert_eq!(faults(&run), ["lost 5", "broker_alive 0", "alive_end 8 of 9"]);
    }

    #[test]
    fn a_round_without_figures_is_a_fault_and_the_others_still_count() {
        let mut samples = Samples::default();
        samples.push(Ok(json!({ "p50_us": 10.0 })));
        samples.push(Err(anyhow::anyhow!("connect stuck")));
        samples.push(Ok(json!({ "p50_us": 20.0 })));
        assert_eq!(samples.faults(), ["round 2: connect stuck"]);
        assert_eq!(samples.median("p50_us"), Some(15.0));
        assert_eq!(samples.max("p50_us"), Some(20.0));
    }
}
