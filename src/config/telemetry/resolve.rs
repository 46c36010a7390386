//! From keys and variables to [`Telemetry`].

use super::choice::{Compression, Exporter, Protocol, Temporality};
use super::endpoint::{self, Schemeless};
use super::plan::{Batch, Destination, Export, Telemetry};
use super::variables::{Signal, Variables, milliseconds, number, switch};
use super::{pairs, sampling};
use crate::config::choice::LogLevel;
use crate::config::key::Key;
use crate::config::paths;
use crate::config::resolve::Resolver;
use crate::config::scalar::{FilePath, Scalar, Text};
use crate::config::secret::Secret;
use std::path::PathBuf;
use std::time::Duration;

/// How long a request may take if nobody says.
const TIMEOUT: Duration = Duration::from_secs(10);

/// What a container's definition may say of it, see [`Telemetry::surroundings`].
const SURROUNDINGS: [&str; 6] =
    ["KUBERNETES_SERVICE_HOST", "POD_NAME", "POD_NAMESPACE", "POD_UID", "NODE_NAME", "CONTAINER_NAME"];

/// Everything about telemetry; what is wrong is noted.
pub fn resolve(resolver: &mut Resolver<'_>) -> Telemetry {
    let document = resolver.document;
    let keys = &document.telemetry;
    let mut variables = Variables::new(resolver.environment);
    let sampling = sampling::resolve(resolver, &mut variables);
    let disabled = variables.read("OTEL_SDK_DISABLED", switch).unwrap_or(false);
    let mut export = |signal| One { resolver, variables: &mut variables, signal }.export();
    let [traces, metrics, logs] = [Signal::Traces, Signal::Metrics, Signal::Logs].map(|signal| {
        let export = export(signal);
        if disabled { Export::None } else { export }
    });
    let text = |text: &Option<Text>| text.as_ref().map(|text| text.0.clone());
    let mut attributes = variables.read("OTEL_RESOURCE_ATTRIBUTES", pairs::parse).unwrap_or_default();
    attributes.extend(keys.resource_attributes.iter().map(|(name, value)| (name.clone(), value.0.clone())));
    let interval = variables.read("OTEL_METRIC_EXPORT_INTERVAL", milliseconds);
    let temporality = variables.scalar("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE");
    let telemetry = Telemetry {
        traces,
        metrics,
        logs,
        attributes,
        service_name: text(&keys.service_name).or_else(|| variables.text("OTEL_SERVICE_NAME")),
        span_batch: batch(&mut variables, "BSP", Duration::from_secs(5)),
        log_batch: batch(&mut variables, "BLRP", Duration::from_secs(1)),
        metric_interval: keys.metric_interval.map(|span| span.0).or(interval).unwrap_or(Duration::from_secs(60)),
        metric_timeout: variables.read("OTEL_METRIC_EXPORT_TIMEOUT", milliseconds).unwrap_or(Duration::from_secs(30)),
        temporality: keys.metric_temporality.or(temporality).unwrap_or(Temporality::Cumulative),
        sampling,
        flush_timeout: keys.flush_timeout.map_or(Duration::from_secs(3), |span| span.0),
        library_level: variables.scalar("OTEL_LOG_LEVEL").unwrap_or(LogLevel::Off),
        surroundings: SURROUNDINGS.iter().filter_map(|name| Some((*name, variables.text(name)?))).collect(),
    };
    resolver.errors.append(&mut variables.errors);
    telemetry
}

/// `OTEL_BSP_*` or `OTEL_BLRP_*`. The time that an export may take is that of its request: the processors have no other.
fn batch(variables: &mut Variables<'_>, which: &str, delay: Duration) -> Batch {
    let name = |what: &str| format!("OTEL_{which}_{what}");
    let _ = variables.read(&name("EXPORT_TIMEOUT"), milliseconds);
    let queue = variables.read(&name("MAX_QUEUE_SIZE"), number).unwrap_or(2048);
    let size = variables.read(&name("MAX_EXPORT_BATCH_SIZE"), number);
    if size.is_some_and(|size| size > queue) {
        variables.contradiction(&name("MAX_EXPORT_BATCH_SIZE"), "a batch cannot be larger than the queue");
    }
    let delay = variables.read(&name("SCHEDULE_DELAY"), milliseconds).unwrap_or(delay);
    Batch { queue, size: size.unwrap_or(512).min(queue), delay }
}

/// One signal under way.
struct One<'r, 'a, 'v> {
    resolver: &'r mut Resolver<'a>,
    variables: &'r mut Variables<'v>,
    signal: Signal,
}

impl One<'_, '_, '_> {
    fn export(&mut self) -> Export {
        let name = format!("OTEL_{}_EXPORTER", self.signal.word());
        let chosen = self.variables.scalar::<Exporter>(&name);
        // All of it is read in any case, so that what is wrong shows at once and not on the day that it is switched on.
        match (chosen, self.destination()) {
            (Some(Exporter::None), _) => Export::None,
            (Some(Exporter::Console), _) => Export::Console,
            (None | Some(Exporter::Otlp), Some(destination)) => Export::Otlp(destination),
            (None, None) => Export::None,
            (Some(Exporter::Otlp), None) => {
                let notice = format!("{name} has no effect: name an endpoint in OTEL_EXPORTER_OTLP_ENDPOINT");
                self.resolver.notices.push(notice);
                Export::None
            }
        }
    }

    fn destination(&mut self) -> Option<Destination> {
        let document = self.resolver.document;
        let keys = &document.telemetry;
        let protocol = self.of_signal::<Protocol>("PROTOCOL");
        let protocol = keys.otlp_protocol.or(protocol);
        let compression = self.of_signal::<Compression>("COMPRESSION");
        let timeout = self.variables.of_signal(self.signal, "TIMEOUT");
        let timeout = timeout.and_then(|name| self.variables.read(&name, milliseconds));
        let headers = self.headers();
        let authorities = self.file("OtlpCertificate", keys.otlp_certificate.as_ref(), "CERTIFICATE");
        let certificate =
            self.file("OtlpClientCertificate", keys.otlp_client_certificate.as_ref(), "CLIENT_CERTIFICATE");
        let key = self.file("OtlpClientKey", keys.otlp_client_key.as_ref(), "CLIENT_KEY");
        let identity = match (certificate, key) {
            (Some(certificate), Some(key)) => Some((certificate, key)),
            (None, None) => None,
            _ => {
                let text = "a client certificate needs its key, and a key its certificate";
                let key = Key::of("Telemetry:OtlpClientCertificate");
                if !self.has_error(&key) {
                    self.resolver.contradiction(&key, text);
                }
                None
            }
        };
        let (url, protocol) = self.url(protocol)?;
        Some(Destination {
            url,
            protocol,
            headers,
            compression: keys.otlp_compression.or(compression).unwrap_or(Compression::None),
            timeout: keys.otlp_timeout.map(|span| span.0).or(timeout).unwrap_or(TIMEOUT),
            authorities,
            identity,
        })
    }

    /// The URL and how OTLP is spoken there. An endpoint of one signal is used as it is.
    fn url(&mut self, protocol: Option<Protocol>) -> Option<(String, Protocol)> {
        let document = self.resolver.document;
        let schemeless = match self.variables.of_signal(self.signal, "INSECURE") {
            Some(name) if self.variables.read(&name, switch) == Some(true) => Schemeless::Insecure,
            _ => Schemeless::Secure,
        };
        let path = self.signal.word().to_lowercase();
        if let Some(Text(text)) = &document.telemetry.otlp_endpoint {
            return match endpoint::parse(text, schemeless) {
                Ok(uri) => Some(whole(&uri, protocol, &path)),
                Err(allowed) => {
                    let key = Key::of("Telemetry:OtlpEndpoint");
                    if !self.has_error(&key) {
                        self.resolver.not_allowed(&key, allowed);
                    }
                    None
                }
            };
        }
        let name = self.variables.of_signal(self.signal, "ENDPOINT")?;
        let text = self.variables.text(&name)?;
        match endpoint::parse(&text, schemeless) {
            Ok(uri) if name == "OTEL_EXPORTER_OTLP_ENDPOINT" => Some(whole(&uri, protocol, &path)),
            Ok(uri) => {
                let protocol = protocol.unwrap_or_else(|| endpoint::usual_protocol(&uri));
                Some((uri.to_string(), protocol))
            }
            Err(allowed) => {
                self.variables.not_allowed(&name, text, allowed);
                None
            }
        }
    }

    /// Whether another signal has met an error of this key.
    fn has_error(&self, key: &Key) -> bool {
        self.resolver.errors.iter().any(|error| error.key == key.to_string())
    }

    fn of_signal<T: Scalar>(&mut self, what: &str) -> Option<T> {
        let name = self.variables.of_signal(self.signal, what)?;
        self.variables.scalar(&name)
    }

    /// Headers of the variable, and those of our keys, which win.
    fn headers(&mut self) -> Vec<(String, Secret)> {
        let document = self.resolver.document;
        let name = self.variables.of_signal(self.signal, "HEADERS");
        let pairs = name.and_then(|name| self.variables.read_secret(&name, headers)).unwrap_or_default();
        let ours = &document.telemetry.otlp_headers;
        let theirs = pairs.into_iter().filter(|(name, _)| !ours.keys().any(|key| key.eq_ignore_ascii_case(name)));
        theirs.chain(ours.iter().map(|(name, value)| (name.to_ascii_lowercase(), value.clone()))).collect()
    }

    fn file(&mut self, key: &str, ours: Option<&FilePath>, variable: &str) -> Option<PathBuf> {
        if let Some(path) = ours {
            return self.resolver.path(&Key::of("Telemetry").child(key), path);
        }
        let name = self.variables.of_signal(self.signal, variable)?;
        let path = FilePath(self.variables.text(&name)?);
        match paths::expand(&path, self.resolver.environment) {
            Ok(path) => Some(path),
            Err(text) => {
                self.variables.contradiction(&name, &text);
                None
            }
        }
    }
}

fn whole(uri: &hyper::Uri, protocol: Option<Protocol>, path: &str) -> (String, Protocol) {
    match protocol.unwrap_or_else(|| endpoint::usual_protocol(uri)) {
        Protocol::Grpc => (uri.to_string(), Protocol::Grpc),
        Protocol::Http => (endpoint::of_signal(uri, path), Protocol::Http),
    }
}

fn headers(text: &str) -> Result<Vec<(String, Secret)>, String> {
    let pairs = pairs::parse(text)?;
    pairs.into_iter().map(|(name, value)| Ok((name.to_ascii_lowercase(), Secret::parse(&value)?))).collect()
}
