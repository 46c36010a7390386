//! All three signals, over every way.

use serde_json::Value;

use crate::{
    broker::{Broker, refused},
    certificates::Authority,
    folder::Folder,
    mqtt::Client,
    packet::{Connect, publish},
    sink::{Sink, free_port},
};

/// Publishes a message, and waits for its span, a metric and a record of the log.
fn all_signals(broker: &Broker, sink: &Sink) -> [Value; 3] {
    let mut client = Client::connect(broker.address(), &Connect::v5("publisher"));
    client.send(&publish(client.version(), "a/b", b"hello"));
    client.ping();
    // Not what it was closed with but that it was: a line of the log.
    client.send(&[0xF0, 0]);
    client.receive_all();
    let mut found = [None, None, None];
    sink.until(|line| {
        let at = match line["signal"].as_str() {
            Some("traces") if line["name"] == "publish" => 0,
            Some("metrics") if line["name"] == "mqtt.server.packets_received" => 1,
            Some("logs") if line["target"] == "connections" => 2,
            _ => return false,
        };
        found[at] = Some(line.clone());
        found.iter().all(Option::is_some)
    });
    found.map(|line| line.expect("none is missing"))
}

#[test]
fn everything_arrives_over_grpc_with_headers_and_resource() {
    let Some(sink) = Sink::start(&[]) else { return };
    let broker = Broker::start(&[
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &sink.grpc()),
        ("OTEL_EXPORTER_OTLP_HEADERS", "x-api=a%20b,x-other=c"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"),
        ("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test%20bed,service.name=overruled"),
        ("OTEL_SERVICE_NAME", "my-broker"),
    ]);
    for line in all_signals(&broker, &sink) {
        assert_eq!((line["via"].as_str(), line["headers"]["x-api"].as_str()), (Some("grpc"), Some("a b")), "{line:#}");
        let resource = &line["resource"];
        assert_eq!(resource["service.name"], "my-broker");
        assert_eq!(resource["deployment.environment.name"], "test bed");
        assert_eq!(resource["service.version"], env!("CARGO_PKG_VERSION"));
        assert_eq!(resource["telemetry.sdk.language"], "rust");
        assert!(resource["service.instance.id"].as_str().is_some_and(|id| id.len() == 36), "{resource:#}");
        assert!(resource.get("process.command_args").is_none() && resource.get("k8s.pod.name").is_none());
    }
    broker.end();
}

#[test]
fn everything_arrives_over_http_compressed() {
    let Some(sink) = Sink::start(&[]) else { return };
    let broker = Broker::start(&[
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &format!("http://127.0.0.1:{}", sink.http)),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "x-api=for-all"),
        ("OTEL_EXPORTER_OTLP_METRICS_HEADERS", "x-api=for-metrics"),
    ]);
    for line in all_signals(&broker, &sink) {
        assert_eq!((line["via"].as_str(), line["headers"]["content-encoding"].as_str()), (Some("http"), Some("gzip")));
        let expected = if line["signal"] == "metrics" { "for-metrics" } else { "for-all" };
        assert_eq!(line["headers"]["x-api"], expected, "{line:#}");
    }
    broker.end();
}

#[test]
fn keys_of_the_configuration_win_over_variables() {
    let Some(sink) = Sink::start(&[]) else { return };
    for (protocol, port) in [("grpc", sink.grpc), ("http/protobuf", sink.http)] {
        let broker = Broker::start(&[
            ("OTEL_EXPORTER_OTLP_ENDPOINT", &format!("http://127.0.0.1:{}", free_port())),
            ("OTEL_EXPORTER_OTLP_HEADERS", "x-api=overruled,x-more=kept"),
            ("OTEL_SERVICE_NAME", "by-variable"),
            ("MQTT__Telemetry__OtlpEndpoint", &format!("http://127.0.0.1:{port}")),
            ("MQTT__Telemetry__OtlpProtocol", protocol),
            ("MQTT__Telemetry__OtlpHeaders__x-api", "secret"),
            ("MQTT__Telemetry__ServiceName", "by-key"),
        ]);
        for line in all_signals(&broker, &sink) {
            let headers = &line["headers"];
            assert_eq!((&headers["x-api"], &headers["x-more"]), (&"secret".into(), &"kept".into()), "{line:#}");
            assert_eq!(line["resource"]["service.name"], "by-key");
        }
        broker.end();
    }
}

#[test]
fn tls_checks_the_collector_and_shows_a_certificate() {
    let (folder, authority, clients) = (Folder::new(), Authority::new("Collectors"), Authority::new("Clients"));
    let [certificate, key] = authority.leaf("collector").write(&folder, "collector");
    let [client_certificate, client_key] = clients.leaf("broker").write(&folder, "broker");
    let trusted = folder.write("authority.pem", &authority.certificate);
    let asked = folder.write("clients.pem", &clients.certificate);
    let [certificate, key, trusted, asked, client_certificate, client_key] =
        [certificate, key, trusted, asked, client_certificate, client_key].map(|path| path.display().to_string());
    let arguments = ["--certificate", &certificate, "--key", &key, "--authority", &asked];
    let Some(sink) = Sink::start(&arguments) else { return };
    for (protocol, port) in [("grpc", sink.grpc), ("http/protobuf", sink.http)] {
        let broker = Broker::start(&[
            ("OTEL_EXPORTER_OTLP_ENDPOINT", &format!("https://localhost:{port}")),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", protocol),
            ("OTEL_EXPORTER_OTLP_CERTIFICATE", &trusted),
            ("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", &client_certificate),
            ("OTEL_EXPORTER_OTLP_CLIENT_KEY", &client_key),
        ]);
        all_signals(&broker, &sink);
        broker.end();
        // Without them the collector is not believed.
        let broker = Broker::start(&[
            ("OTEL_EXPORTER_OTLP_ENDPOINT", &format!("https://localhost:{port}")),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", protocol),
        ]);
        broker.says("takes no");
        broker.end();
    }
}

#[test]
fn counts_can_be_those_since_the_last_export() {
    let Some(sink) = Sink::start(&[]) else { return };
    let broker = Broker::start(&[
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &sink.grpc()),
        ("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "delta"),
    ]);
    let mut client = Client::connect(broker.address(), &Connect::v5("pinger"));
    (0..5).for_each(|_| client.ping());
    let total = |line: &Value| {
        line["points"].as_array().unwrap().iter().filter_map(|point| point["value"].as_i64()).sum::<i64>()
    };
    let mut seen = 0;
    while seen < 6 {
        let line = sink.next(|line| line["name"] == "mqtt.server.packets_received");
        assert_eq!(line["temporality"], 1, "delta: {line:#}");
        seen += total(&line);
    }
    assert_eq!(seen, 6, "CONNECT and five PINGREQ, each once");
    let quiet = sink.next(|line| line["name"] == "mqtt.server.packets_received");
    assert_eq!(total(&quiet), 0);
    broker.end();
}

#[test]
fn the_last_things_are_sent_at_the_end() {
    let Some(sink) = Sink::start(&[]) else { return };
    let hour = "3600000";
    let broker = Broker::start(&[
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &sink.grpc()),
        ("OTEL_BSP_SCHEDULE_DELAY", hour),
        ("OTEL_BLRP_SCHEDULE_DELAY", hour),
        ("OTEL_METRIC_EXPORT_INTERVAL", hour),
        ("MQTT__LogLevel", "debug"),
    ]);
    let mut client = Client::connect(broker.address(), &Connect::v5("publisher"));
    client.send(&publish(client.version(), "a", b"last"));
    client.ping();
    broker.end();
    let mut missing = vec!["traces", "metrics", "logs"];
    sink.until(|line| {
        missing.retain(|signal| line["signal"] != *signal);
        missing.is_empty()
    });
}

#[test]
fn what_cannot_be_used_is_named_with_what_is_allowed() {
    let text = refused(&[
        ("OTEL_TRACES_SAMPLER", "xray"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "thrift"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "very-secret-and-no-pair"),
        ("OTEL_SDK_DISABLED", "perhaps"),
        ("OTEL_PROPAGATORS", "tracecontext,b3"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "-1"),
    ]);
    for expected in [
        "OTEL_TRACES_SAMPLER = \"xray\" (from the environment): expected always_on, always_off, traceidratio, ",
        "OTEL_EXPORTER_OTLP_PROTOCOL = \"thrift\" (from the environment): expected grpc or http/protobuf",
        "OTEL_EXPORTER_OTLP_HEADERS = \"***\"",
        "OTEL_SDK_DISABLED = \"perhaps\"",
        "OTEL_PROPAGATORS = \"tracecontext,b3\"",
        "OTEL_BSP_MAX_QUEUE_SIZE = \"-1\"",
    ] {
        assert!(text.contains(expected), "{expected} in {text}");
    }
    assert!(!text.contains("very-secret"), "{text}");
    let text = refused(&[("OTEL_TRACES_SAMPLER", "traceidratio"), ("OTEL_TRACES_SAMPLER_ARG", "1.5")]);
    assert!(text.contains("OTEL_TRACES_SAMPLER_ARG = \"1.5\"") && text.contains("from 0 to 1"), "{text}");
    let missing = "/nowhere/authority.pem";
    let text = refused(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "https://c"), ("OTEL_EXPORTER_OTLP_CERTIFICATE", missing)]);
    assert!(text.contains(missing), "{text}");
}

#[test]
fn nothing_goes_anywhere_unless_an_endpoint_is_named() {
    let Some(sink) = Sink::start(&[]) else { return };
    let endpoint = &*sink.grpc();
    for variables in [
        &[("OTEL_TRACES_EXPORTER", "otlp")][..],
        &[("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint), ("OTEL_SDK_DISABLED", "true")][..],
    ] {
        let broker = Broker::start(variables);
        let mut client = Client::connect(broker.address(), &Connect::v5("publisher"));
        client.send(&publish(client.version(), "a", b""));
        client.ping();
        broker.end();
    }
    let broker = Broker::start(&[
        ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint),
        ("OTEL_TRACES_EXPORTER", "none"),
        ("OTEL_LOGS_EXPORTER", "none"),
    ]);
    let mut client = Client::connect(broker.address(), &Connect::v5("publisher"));
    client.send(&publish(client.version(), "a", b""));
    client.ping();
    // The first thing of all is of the last broker, and a metric.
    assert_eq!(sink.next(|_| true)["signal"], "metrics");
    broker.end();
}

#[test]
fn spans_and_metrics_can_be_looked_at_without_a_collector() {
    let broker = Broker::start(&[("OTEL_TRACES_EXPORTER", "console"), ("OTEL_METRICS_EXPORTER", "console")]);
    let mut client = Client::connect(broker.address(), &Connect::v5("publisher"));
    client.send(&publish(client.version(), "a/b", b""));
    client.ping();
    let line = broker.says("span publish");
    assert!(line.contains("messaging.destination.name=\"a/b\""), "{line}");
    broker.says("metric mqtt.server.packets_received");
    broker.end();
}
