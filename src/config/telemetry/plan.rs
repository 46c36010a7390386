//! What telemetry comes to: typed, checked and complete.

use super::choice::{Compression, Protocol, Temporality};
use crate::config::choice::LogLevel;
use crate::config::secret::Secret;
use std::path::PathBuf;
use std::time::Duration;

/// Where telemetry goes and how. Nothing secret is in its `Debug`.
#[derive(Clone, Debug, PartialEq)]
pub struct Telemetry {
    /// Spans.
    pub traces: Export,
    /// Numbers.
    pub metrics: Export,
    /// The log.
    pub logs: Export,
    /// Attributes that users gave, which win over those that are found out.
    pub attributes: Vec<(String, String)>,
    /// The name of the service, which wins over all of them.
    pub service_name: Option<String>,
    /// How spans are gathered.
    pub span_batch: Batch,
    /// How log records are gathered.
    pub log_batch: Batch,
    /// Time between two exports of metrics.
    pub metric_interval: Duration,
    /// How long one may take.
    pub metric_timeout: Duration,
    /// Since when counts count.
    pub temporality: Temporality,
    /// Which messages are traced.
    pub sampling: Sampling,
    /// How long the end may wait for what is still to be sent.
    pub flush_timeout: Duration,
    /// How much OpenTelemetry's own library says.
    pub library_level: LogLevel,
    /// What a downward API says of the container, and `KUBERNETES_SERVICE_HOST`, by variable.
    pub surroundings: Vec<(&'static str, String)>,
}

/// Where a signal goes.
#[derive(Clone, Debug, PartialEq)]
pub enum Export {
    /// Nowhere.
    None,
    /// To standard output.
    Console,
    /// To a collector.
    Otlp(Destination),
}

/// A collector.
#[derive(Clone, Debug, PartialEq)]
pub struct Destination {
    /// URL: of the collector for gRPC, of the signal for HTTP.
    pub url: String,
    /// How OTLP is spoken.
    pub protocol: Protocol,
    /// Headers of every request.
    pub headers: Vec<(String, Secret)>,
    /// Compression of requests.
    pub compression: Compression,
    /// How long a request may take.
    pub timeout: Duration,
    /// Authorities in a PEM file, in place of the public ones.
    pub authorities: Option<PathBuf>,
    /// Our own certificate and key in PEM files.
    pub identity: Option<(PathBuf, PathBuf)>,
}

/// How things are gathered before they are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Batch {
    /// Most that wait; what comes then is dropped and counted.
    pub queue: usize,
    /// Most in one request.
    pub size: usize,
    /// Time after which fewer are sent.
    pub delay: Duration,
}

/// Which messages are traced, and what others see of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Sampling {
    /// Of messages without a trace of their own.
    pub root: Root,
    /// Whether the publisher's flag decides for messages with one.
    pub parent_based: bool,
    /// Whether traces of publishers are followed beyond what `root` says.
    pub follow_remote: bool,
    /// Whether `traceparent` is read and written at all.
    pub context: bool,
    /// Traces a second that begin here, and as many that publishers began.
    pub per_second: u32,
    /// `deliver` spans of one message.
    pub deliveries: u16,
    /// What receivers see.
    pub propagating: Propagating,
    /// Client Identifiers that are traced.
    pub clients: Vec<String>,
    /// Topic Filters that are traced.
    pub topics: Vec<String>,
    /// Topic Filters for names of spans.
    pub templates: Vec<String>,
}

/// Which messages without a trace begin one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Root {
    /// All.
    Always,
    /// None.
    Never,
    /// A part, between 0 and 1.
    Ratio(f64),
}

/// What receivers of a traced message find as its trace context.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Propagating {
    /// What the publisher sent.
    PassThrough,
    /// Ours where it sent none.
    InjectIfMissing,
    /// Ours on these Topic Filters.
    Rewrite(Vec<String>),
}

impl Telemetry {
    /// Whether anything goes anywhere.
    pub fn exports(&self) -> bool {
        [&self.traces, &self.metrics, &self.logs].into_iter().any(|export| *export != Export::None)
    }
}
