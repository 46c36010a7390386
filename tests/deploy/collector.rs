//! The collector's configuration, and Grafana's: what refers to something refers to something that is there.

use serde_json::Value;
use std::collections::BTreeSet;

use crate::{dashboard, yaml};

fn names(value: &Value) -> BTreeSet<String> {
    match value {
        Value::Object(map) => map.keys().cloned().collect(),
        Value::Array(list) => list.iter().map(|name| name.as_str().expect("a name").to_owned()).collect(),
        other => panic!("no names: {other}"),
    }
}

#[test]
fn pipelines_are_made_of_what_is_defined_and_nothing_is_defined_in_vain() {
    let config = yaml("otel-collector/config.yaml");
    let pipelines = config["service"]["pipelines"].as_object().expect("there are pipelines");
    assert_eq!(pipelines.keys().collect::<Vec<_>>(), ["logs", "metrics", "traces"]);
    for kind in ["receivers", "processors", "exporters"] {
        let used: BTreeSet<String> = pipelines.values().flat_map(|pipeline| names(&pipeline[kind])).collect();
        assert_eq!(used, names(&config[kind]), "{kind}");
    }
    assert_eq!(names(&config["service"]["extensions"]), names(&config["extensions"]));
    for (name, pipeline) in pipelines {
        assert_eq!(pipeline["processors"][0], "memory_limiter", "{name}: memory is limited before anything else");
    }
}

#[test]
fn grafana_finds_the_data_source_of_the_dashboard() {
    let source = &yaml("grafana/provisioning/datasources/prometheus.yaml")["datasources"][0];
    let variables = dashboard::read()["templating"]["list"].clone();
    let wanted = variables.as_array().into_iter().flatten().find(|variable| variable["type"] == "datasource");
    assert_eq!(source["type"], wanted.expect("the dashboard lets choose")["query"]);
    let provider = &yaml("grafana/provisioning/dashboards/lacewing.yaml")["providers"][0];
    assert_eq!(provider["type"], "file");
}
