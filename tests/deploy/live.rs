//! Dashboard and rules over the metrics of a real broker.

use std::{collections::BTreeSet, time::Instant};

use crate::{
    BOUND,
    broker::Broker,
    client::Kind,
    dashboard, program_of_prometheus,
    prometheus::{Prometheus, until},
    rules,
    selector::{Selector, needed},
    tools,
};

/// Metrics that a broker may be without: they belong to what is not built into every one.
const ABSENT: [&str; 2] = ["mqtt_server_telemetry_export_failures_total", "mqtt_server_telemetry_dropped_total"];

fn may_be_empty(expr: &str) -> bool {
    ABSENT.iter().any(|metric| expr.contains(metric))
}

#[test]
fn every_panel_shows_a_broker_with_clients_and_every_rule_names_what_there_is() {
    let Some(program) = program_of_prometheus("prometheus") else { return };
    if !tools::installed(Kind::Mosquitto) {
        return;
    }
    let broker = Broker::start();
    let prometheus = Prometheus::start(&program, broker.metrics());

    // Clients come again until every panel has something: a rate needs a series that was there before it rose.
    let mut empty = dashboard::queries();
    let (count, end) = (empty.len(), Instant::now() + BOUND);
    assert!(count > 50, "{count} queries");
    while !empty.iter().all(|query| may_be_empty(&query.expr)) {
        assert!(Instant::now() < end, "nothing is shown by {empty:#?}");
        broker.visit();
        prometheus.catch_up();
        empty.retain(|query| match prometheus.values(&query.expr) {
            Ok(values) => values.is_empty(),
            Err(error) => panic!("{}: {error}: {}", query.panel, query.expr),
        });
    }
    for expr in dashboard::annotations() {
        prometheus.values(&expr).unwrap_or_else(|error| panic!("{error}: {expr}"));
    }

    for (name, health) in prometheus.rules() {
        assert_eq!(health, "ok", "{name}");
    }
    every_series_that_is_named_exists(&prometheus);
    let unaccounted = "{__name__=~\"lacewing:.*_unaccounted:messages\"}";
    until(|| prometheus.values(unaccounted) == Ok(vec![0.0, 0.0]), "the ledger balances");
}

/// A misspelt metric or value of a label gives no error: the alert never fires.
fn every_series_that_is_named_exists(prometheus: &Prometheus) {
    let rules = rules::all().into_iter().map(|rule| rule["expr"].as_str().expect("a rule has one").to_owned());
    let panels = dashboard::queries().into_iter().map(|query| query.expr);
    let named: BTreeSet<Selector> = rules.chain(panels).flat_map(|expr| needed(&expr)).collect();
    for Selector { metric, label } in named {
        let query = match &label {
            Some((label, value)) => format!("{metric}{{{label}=\"{value}\"}}"),
            None => metric,
        };
        let found = prometheus.values(&query).unwrap_or_else(|error| panic!("{error}: {query}"));
        assert!(!found.is_empty() || may_be_empty(&query), "there is no {query}");
    }
}
