//! The dashboard: its form, and what its panels ask.

use serde_json::Value;
use std::collections::BTreeSet;

/// The dashboard.
pub fn read() -> Value {
    serde_json::from_str(&crate::read("grafana/lacewing.json")).expect("the dashboard is JSON")
}

/// A question to Prometheus.
#[derive(Debug)]
pub struct Query {
    /// The title of its panel.
    pub panel: String,
    /// In PromQL, with all variables replaced.
    pub expr: String,
}

/// What the panels ask of all brokers.
pub fn queries() -> Vec<Query> {
    let mut queries = Vec::new();
    for panel in panels(&read()) {
        for target in panel["targets"].as_array().into_iter().flatten() {
            let expr = filled(target["expr"].as_str().expect("a query"));
            queries.push(Query { panel: title(&panel).to_owned(), expr });
        }
    }
    queries
}

/// What marks events in all panels.
pub fn annotations() -> Vec<String> {
    let list = read()["annotations"]["list"].clone();
    list.as_array().into_iter().flatten().filter_map(|one| one["expr"].as_str()).map(filled).collect()
}

fn filled(expr: &str) -> String {
    let filled = expr.replace("$__rate_interval", "1m").replace("$__range", "5m").replace("$instance", ".*");
    assert!(!filled.contains('$'), "a variable that is not known: {filled}");
    filled
}

fn panels(dashboard: &Value) -> Vec<Value> {
    dashboard["panels"].as_array().expect("there are panels").clone()
}

fn title(panel: &Value) -> &str {
    panel["title"].as_str().expect("a panel has a title")
}

#[test]
fn panels_are_of_kinds_that_grafana_keeps_and_say_what_they_show() {
    let kinds = ["stat", "timeseries", "heatmap", "table", "state-timeline"];
    for panel in panels(&read()).iter().filter(|panel| panel["type"] != "row") {
        let title = title(panel);
        assert!(kinds.contains(&panel["type"].as_str().unwrap_or_default()), "{title}");
        assert!(panel["description"].as_str().is_some_and(|text| !text.is_empty()), "{title} has no description");
        let unit = ["/fieldConfig/defaults/unit", "/options/yAxis/unit"].map(|at| panel.pointer(at));
        assert!(unit.iter().flatten().any(|unit| unit.is_string()), "{title} has no unit");
    }
}

#[test]
fn every_query_asks_the_chosen_source_about_the_chosen_brokers() {
    for panel in panels(&read()) {
        for target in panel["targets"].as_array().into_iter().flatten() {
            let expr = target["expr"].as_str().expect("a query");
            assert_eq!(target["datasource"]["uid"], "${datasource}", "{expr}");
            // Alerts may be about a broker that is not there.
            let (selectors, chosen) = (expr.matches('{').count(), expr.matches("instance=~\"$instance\"").count());
            assert!(selectors == chosen || expr.contains("ALERTS{"), "{expr}");
        }
    }
}

#[test]
fn panels_have_identities_and_places_of_their_own() {
    let (mut ids, mut taken) = (BTreeSet::new(), BTreeSet::new());
    for panel in panels(&read()) {
        assert!(ids.insert(panel["id"].as_u64().expect("a number")), "{} has the id of another", title(&panel));
        let [x, y, w, h] = ["x", "y", "w", "h"].map(|name| panel["gridPos"][name].as_u64().expect("a number"));
        assert!(x + w <= 24, "{} is outside of the grid", title(&panel));
        for place in (x..x + w).flat_map(|x| (y..y + h).map(move |y| (x, y))) {
            assert!(taken.insert(place), "{} covers another at {place:?}", title(&panel));
        }
    }
}
