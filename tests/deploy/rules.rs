//! Prometheus' own tool over its configuration and the rules.

use std::{collections::BTreeMap, process::Command};

use serde_json::Value;

use crate::{file, program_of_prometheus, yaml};

fn promtool(arguments: &[&str], name: &str) {
    let Some(promtool) = program_of_prometheus("promtool") else { return };
    let output = Command::new(promtool).args(arguments).arg(file(name)).output().expect("it has told its version");
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&said));
}

#[test]
fn the_configuration_of_prometheus_is_valid() {
    promtool(&["check", "config"], "prometheus/prometheus.yml");
}

#[test]
fn the_rules_are_valid() {
    promtool(&["check", "rules", "--lint-fatal"], "prometheus/rules/lacewing.yml");
}

#[test]
fn alerts_fire_when_they_should_and_not_when_they_should_not() {
    promtool(&["test", "rules"], "prometheus/rules/lacewing_test.yml");
}

/// All rules.
pub fn all() -> Vec<Value> {
    let groups = yaml("prometheus/rules/lacewing.yml")["groups"].clone();
    let rules = |group: &Value| group["rules"].as_array().expect("a group has rules").clone();
    groups.as_array().expect("there are groups").iter().flat_map(rules).collect()
}

#[test]
fn every_alert_is_shown_firing_and_silent_and_says_what_to_do() {
    let tests = yaml("prometheus/rules/lacewing_test.yml")["tests"].clone();
    let (mut firing, mut silent) = (BTreeMap::<_, u32>::new(), BTreeMap::<_, u32>::new());
    let cases = tests.as_array().into_iter().flatten().filter_map(|test| test["alert_rule_test"].as_array()).flatten();
    for case in cases {
        let alerts = case["exp_alerts"].as_array().expect("a case says which alerts it expects");
        let seen = if alerts.is_empty() { &mut silent } else { &mut firing };
        *seen.entry(case["alertname"].as_str().expect("a name").to_owned()).or_default() += 1;
    }
    let alerts: Vec<Value> = all().into_iter().filter(|rule| rule["alert"].is_string()).collect();
    assert!(alerts.len() > 15, "{alerts:?}");
    for alert in alerts {
        let name = alert["alert"].as_str().expect("filtered");
        assert!(firing.contains_key(name), "{name} is never shown firing");
        assert!(silent.contains_key(name), "{name} is never shown silent");
        assert!(["critical", "warning", "info"].contains(&alert["labels"]["severity"].as_str().unwrap_or_default()));
        for text in ["summary", "description"] {
            assert!(alert["annotations"][text].as_str().is_some_and(|text| text.len() > 20), "{name} has no {text}");
        }
    }
}
