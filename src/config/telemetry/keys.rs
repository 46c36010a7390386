//! The keys of telemetry and of the log.

use super::choice::{Compression, Propagation, Protocol, Ratio, Sampler, Temporality, words};
use crate::config::choice::LogLevel;
use crate::config::scalar::{FilePath, Scalar, Span, Switch, Text, Whole, scalar};
use crate::config::secret::Secret;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// What is sent to a collector of OpenTelemetry.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct TelemetryKeys {
    /// Where traces, metrics and logs go, such as `http://collector:4317`, or `https://...` for TLS. Without it, and without an endpoint in
    /// `OTEL_EXPORTER_OTLP_ENDPOINT` and its like, nothing is sent.
    #[schemars(extend("x-restart" = true))]
    pub otlp_endpoint: Option<Text>,
    /// How OTLP is spoken there. Unset, `grpc`, but `http/protobuf` if the endpoint's port is 4318.
    #[schemars(extend("x-restart" = true))]
    pub otlp_protocol: Option<Protocol>,
    /// Headers of every request, by name: `MQTT__Telemetry__OtlpHeaders__<name>`.
    #[schemars(extend("x-restart" = true))]
    pub otlp_headers: BTreeMap<String, Secret>,
    /// How requests are compressed.
    #[schemars(extend("x-restart" = true))]
    pub otlp_compression: Option<Compression>,
    /// How long a request may take, repeats included.
    #[schemars(extend("x-restart" = true))]
    pub otlp_timeout: Option<Span<100, 600_000>>,
    /// A PEM file of the authorities that the collector's certificate is checked against; without it, the usual public ones.
    #[schemars(extend("x-restart" = true))]
    pub otlp_certificate: Option<FilePath>,
    /// A PEM file with the broker's own certificate, for collectors that ask for one.
    #[schemars(extend("x-restart" = true))]
    pub otlp_client_certificate: Option<FilePath>,
    /// A PEM file with its key.
    #[schemars(extend("x-restart" = true))]
    pub otlp_client_key: Option<FilePath>,
    /// The name of the service, in place of `lacewing`.
    #[schemars(extend("x-restart" = true))]
    pub service_name: Option<Text>,
    /// Attributes of everything that is sent, by name: `MQTT__Telemetry__ResourceAttributes__<name>`.
    #[schemars(extend("x-restart" = true))]
    pub resource_attributes: BTreeMap<String, Text>,
    /// Time between two exports of metrics.
    #[schemars(extend("x-restart" = true))]
    pub metric_interval: Option<Span<100, 86_400_000>>,
    /// Since when the counts in exported metrics count.
    #[schemars(extend("x-restart" = true))]
    pub metric_temporality: Option<Temporality>,
    /// How long the end of the broker may wait for what is still to be sent.
    #[schemars(extend("x-restart" = true))]
    pub flush_timeout: Option<Span<0, 60_000>>,
    /// Which messages are traced, and what others see of it.
    pub traces: TraceKeys,
}

/// Which messages are traced, and what others see of it.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct TraceKeys {
    /// Which messages begin a trace, in the words of `OTEL_TRACES_SAMPLER`. `PerSecond` bounds them in any case.
    pub sampler: Option<Sampler>,
    /// The part of messages that begin a trace, for the samplers with `ratio` in their name.
    pub ratio: Option<Ratio>,
    /// Whether traces that publishers began are followed as their `traceparent` says; `false` leaves it to the sampler's rule for messages without.
    pub follow_remote: Option<Switch>,
    /// Most traces a second that begin in the broker, and as many that publishers began. Beyond, messages are not traced.
    pub per_second: Option<Whole<0, 1_000_000>>,
    /// Most `deliver` spans of one message; the rest is counted in an attribute of its `publish` span.
    pub deliveries: Option<Whole<0, 10_000>>,
    /// What receivers of a traced message find as its trace context. `Rewrite` replaces the publisher's, which the standard forbids
    /// (MQTT-3.3.2-17), and does so for messages on `RewriteTopics` alone.
    pub propagation: Option<Propagation>,
    /// Topic Filters of the messages that `Rewrite` is for.
    pub rewrite_topics: Option<Vec<Text>>,
    /// Client Identifiers whose messages are traced whatever the sampler says, within `PerSecond`.
    pub clients: Option<Vec<Text>>,
    /// Topic Filters of the messages that are traced whatever the sampler says, within `PerSecond`.
    pub topics: Option<Vec<Text>>,
    /// Topic Filters that may stand in names of spans, up to 100: `publish sensors/+/temperature` in place of `publish`.
    pub templates: Option<Vec<Text>>,
}

/// The log.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct LogKeys {
    /// One line of text for each entry, or one JSON object.
    #[schemars(extend("x-restart" = true))]
    pub format: Option<LogFormat>,
    /// Where it goes.
    #[schemars(extend("x-restart" = true))]
    pub target: Option<LogTarget>,
    /// How much single modules say, in place of `LogLevel`, by name (`MQTT__Log__Levels__<module>`): `lacewing`, `connections`, `telemetry`, or a library such
    /// as `rustls`.
    pub levels: BTreeMap<String, LogLevel>,
}

words! {
    /// The form of the log.
    LogFormat: "text or json";
    /// Text.
    Text = "text",
    /// JSON.
    Json = "json",
}

words! {
    /// Where the log goes.
    LogTarget: "stdout or stderr";
    /// Standard output.
    Stdout = "stdout",
    /// Standard error.
    Stderr = "stderr",
}
