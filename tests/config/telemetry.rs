//! Where telemetry goes, from keys and from the standard variables.

use super::sources::{loaded, refused};
use crate::config::telemetry::{Compression, Destination, Export, Propagating, Protocol, Root, Temporality};
use std::time::Duration;

fn otlp(export: &Export) -> &Destination {
    match export {
        Export::Otlp(destination) => destination,
        other => panic!("{other:?}"),
    }
}

#[test]
fn nothing_goes_anywhere_by_itself() {
    let telemetry = loaded("").telemetry;
    assert!(!telemetry.exports());
    assert_eq!((telemetry.sampling.root, telemetry.sampling.per_second), (Root::Always, 100));
    assert_eq!(telemetry.sampling.propagating, Propagating::PassThrough);
    assert!(!loaded("OTEL_EXPORTER_OTLP_ENDPOINT=").telemetry.exports());
}

#[test]
fn one_endpoint_serves_all_signals_and_http_has_paths() {
    let telemetry = loaded("OTEL_EXPORTER_OTLP_ENDPOINT=http://c:4317").telemetry;
    let traces = otlp(&telemetry.traces);
    assert_eq!((traces.url.as_str(), traces.protocol), ("http://c:4317/", Protocol::Grpc));
    assert_eq!((traces.compression, traces.timeout), (Compression::None, Duration::from_secs(10)));
    let telemetry = loaded("OTEL_EXPORTER_OTLP_ENDPOINT=http://c:4318/base").telemetry;
    assert_eq!(otlp(&telemetry.metrics).url, "http://c:4318/base/v1/metrics");
    assert_eq!(otlp(&telemetry.metrics).protocol, Protocol::Http);
}

#[test]
fn a_signal_has_its_own() {
    let telemetry = loaded(
        "OTEL_EXPORTER_OTLP_ENDPOINT=http://c:4317
         OTEL_EXPORTER_OTLP_LOGS_ENDPOINT=http://logs:9/in
         OTEL_EXPORTER_OTLP_LOGS_PROTOCOL=http/protobuf
         OTEL_EXPORTER_OTLP_LOGS_TIMEOUT=250
         OTEL_EXPORTER_OTLP_COMPRESSION=gzip
         OTEL_EXPORTER_OTLP_TRACES_COMPRESSION=none
         OTEL_METRICS_EXPORTER=prometheus",
    )
    .telemetry;
    let logs = otlp(&telemetry.logs);
    assert_eq!(
        (logs.url.as_str(), logs.protocol, logs.timeout),
        ("http://logs:9/in", Protocol::Http, Duration::from_millis(250))
    );
    assert_eq!(logs.compression, Compression::Gzip);
    assert_eq!(otlp(&telemetry.traces).compression, Compression::None);
    assert_eq!(telemetry.metrics, Export::None);
}

#[test]
fn endpoints_without_a_scheme_are_secure_unless_said_otherwise() {
    let secure = loaded("OTEL_EXPORTER_OTLP_ENDPOINT=c:4317").telemetry;
    assert_eq!(otlp(&secure.traces).url, "https://c:4317/");
    let insecure = loaded("OTEL_EXPORTER_OTLP_ENDPOINT=c:4317\nOTEL_EXPORTER_OTLP_INSECURE=true").telemetry;
    assert_eq!(otlp(&insecure.traces).url, "http://c:4317/");
}

#[test]
fn keys_win_over_variables() {
    let telemetry = loaded(
        "OTEL_EXPORTER_OTLP_ENDPOINT=http://variable:4317
         OTEL_EXPORTER_OTLP_HEADERS=Api-Key=variable,x-more=1
         OTEL_SERVICE_NAME=variable
         OTEL_METRIC_EXPORT_INTERVAL=1000
         OTEL_TRACES_SAMPLER=always_off
         OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE=Delta
         MQTT__Telemetry__OtlpEndpoint=http://key:4317
         MQTT__Telemetry__OtlpHeaders__api-key=key
         MQTT__Telemetry__ServiceName=key
         MQTT__Telemetry__MetricInterval=5s
         MQTT__Telemetry__Traces__Sampler=parentbased_traceidratio
         MQTT__Telemetry__Traces__Ratio=0.25",
    )
    .telemetry;
    let traces = otlp(&telemetry.traces);
    let headers: Vec<_> = traces.headers.iter().map(|(name, value)| (name.as_str(), value.expose())).collect();
    assert_eq!(headers, [("x-more", "1"), ("api-key", "key")]);
    assert_eq!((traces.url.as_str(), telemetry.service_name.as_deref()), ("http://key:4317/", Some("key")));
    assert_eq!((telemetry.metric_interval, telemetry.temporality), (Duration::from_secs(5), Temporality::Delta));
    assert_eq!((telemetry.sampling.root, telemetry.sampling.parent_based), (Root::Ratio(0.25), true));
}

#[test]
fn samplers_are_those_of_the_standard() {
    for (word, argument, root, parent_based) in [
        ("always_on", "", Root::Always, false),
        ("ALWAYS_OFF", "", Root::Never, false),
        ("traceidratio", "0.5", Root::Ratio(0.5), false),
        ("traceidratio", "", Root::Always, false),
        ("parentbased_always_off", "nonsense", Root::Never, true),
        ("parentbased_traceidratio", "0", Root::Never, true),
    ] {
        let sampling =
            loaded(&format!("OTEL_TRACES_SAMPLER={word}\nOTEL_TRACES_SAMPLER_ARG={argument}")).telemetry.sampling;
        assert_eq!((sampling.root, sampling.parent_based), (root, parent_based), "{word} {argument}");
    }
}

#[test]
fn errors_name_variable_value_and_what_is_allowed_and_no_secret() {
    for (lines, expected) in [
        (
            "OTEL_TRACES_SAMPLER=jaeger_remote",
            "OTEL_TRACES_SAMPLER = \"jaeger_remote\" (from the environment): expected always_on",
        ),
        (
            "OTEL_LOGS_EXPORTER=zipkin",
            "OTEL_LOGS_EXPORTER = \"zipkin\" (from the environment): expected otlp, console or none",
        ),
        ("OTEL_EXPORTER_OTLP_ENDPOINT=ftp://c", "OTEL_EXPORTER_OTLP_ENDPOINT = \"ftp://c\""),
        (
            "OTEL_EXPORTER_OTLP_TIMEOUT=10s\nOTEL_EXPORTER_OTLP_ENDPOINT=http://c",
            "OTEL_EXPORTER_OTLP_TIMEOUT = \"10s\"",
        ),
        ("OTEL_EXPORTER_OTLP_HEADERS=hunter2", "OTEL_EXPORTER_OTLP_HEADERS = \"***\""),
        ("OTEL_RESOURCE_ATTRIBUTES=alone", "OTEL_RESOURCE_ATTRIBUTES = \"alone\""),
        (
            "OTEL_BLRP_MAX_QUEUE_SIZE=10\nOTEL_BLRP_MAX_EXPORT_BATCH_SIZE=11",
            "OTEL_BLRP_MAX_EXPORT_BATCH_SIZE (from the environment): a batch",
        ),
        ("OTEL_EXPORTER_OTLP_CLIENT_KEY=/k", "Telemetry:OtlpClientCertificate: a client certificate needs its key"),
        ("MQTT__Telemetry__OtlpEndpoint=nowhere at all", "Telemetry:OtlpEndpoint = \"nowhere at all\""),
        (
            "MQTT__Telemetry__Traces__Ratio=2",
            "Telemetry:Traces:Ratio = \"2\" (from environment variable MQTT__Telemetry__Traces__Ratio): expected a number from 0 to 1",
        ),
        ("MQTT__Telemetry__Traces__Topics=a/#/b", "Telemetry:Traces:Topics:0 = \"a/#/b\""),
        ("MQTT__Telemetry__Traces__Propagation=Rewrite", "Rewrite needs RewriteTopics"),
        ("MQTT__Telemetry__Sampler=always_on", "did you mean"),
    ] {
        let text = refused(lines);
        assert!(text.contains(expected) && !text.contains("hunter2"), "{expected}\nis not in\n{text}");
    }
}

#[test]
fn an_error_of_all_signals_is_told_once() {
    assert_eq!(refused("OTEL_EXPORTER_OTLP_PROTOCOL=http/json").lines().count(), 1);
    assert_eq!(refused("MQTT__Telemetry__OtlpEndpoint=a b").lines().count(), 1);
    assert_eq!(refused("OTEL_EXPORTER_OTLP_CLIENT_KEY=/k").lines().count(), 1);
}

#[test]
fn no_header_is_shown() {
    let settings = loaded(
        "OTEL_EXPORTER_OTLP_ENDPOINT=http://c:4317
         OTEL_EXPORTER_OTLP_HEADERS=authorization=hunter2
         MQTT__Telemetry__OtlpHeaders__x-api=hunter3",
    );
    let shown = format!("{settings:?}{}", crate::config::print::print(&settings, crate::config::print::Origins::Shown));
    assert!(!shown.contains("hunter"), "{shown}");
}

#[test]
fn an_exporter_without_an_endpoint_is_noticed() {
    let settings = loaded("OTEL_TRACES_EXPORTER=otlp");
    assert!(!settings.telemetry.exports());
    assert!(settings.notices.iter().any(|notice| notice.contains("OTEL_TRACES_EXPORTER")), "{:?}", settings.notices);
}
