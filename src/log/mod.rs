//! The log: lines of text or JSON on standard output, and records for a collector where one is configured.
//!
//! Levels are set by module and can change at any time. Guaranteed: whoever writes a line does not wait for whoever reads it; what comes from a
//! client is cut and shown without control characters; no line is repeated without end; no secret is in any. Levels go by the beginning of a
//! module's name alone: filters by span or field would make every line cost, those included that are not written.

mod connections;
mod pipe;
mod repeats;
mod shown;

pub use connections::Connections;

use crate::config::settings::Log;
use crate::config::telemetry::LogFormat;
use crate::config::{LogLevel, Settings};
use crate::telemetry::Telemetry;
use opentelemetry_appender_tracing::layer::OpenTelemetryTracingBridge;
use pipe::Pipe;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry, reload};

/// Modules that work for the export of the log: what they say is not exported, as that would never end.
const FEEDBACK: [&str; 8] = ["opentelemetry", "hyper", "hyper_util", "h2", "tonic", "tower", "reqwest", "rustls"];

/// Libraries that say much and little that concerns the broker; `Log:Levels` brings them back.
const LIBRARIES: [&str; 7] = ["hyper", "hyper_util", "h2", "tonic", "tower", "rustls", "quinn"];

/// How much is said.
#[derive(Clone, Debug)]
pub struct Levels {
    /// By modules that are not named.
    pub general: LogLevel,
    /// By OpenTelemetry's library.
    pub library: LogLevel,
    /// The log's own settings.
    pub log: Log,
}

impl Levels {
    /// As it is set.
    pub fn of(settings: &Settings) -> Levels {
        let library = settings.telemetry.library_level;
        Levels { general: settings.log_level, library, log: settings.log.clone() }
    }
}

/// The log while it is written.
pub struct Logging {
    output: reload::Handle<Targets, Registry>,
    bridge: Option<reload::Handle<Targets, Registry>>,
    pipe: Pipe,
}

impl Logging {
    /// From now on what is said is written, and goes to collectors as `telemetry` has it.
    ///
    /// # Errors
    /// The operating system's, or the log is written already.
    pub fn start(levels: &Levels, telemetry: Option<&Telemetry>) -> anyhow::Result<Logging> {
        let pipe = Pipe::start(levels.log.target)?;
        let (output_filter, output) = reload::Layer::new(targets(levels));
        let format = tracing_subscriber::fmt::layer().with_ansi(false).with_writer(pipe.clone());
        let mut layers: Vec<Box<dyn Layer<Registry> + Send + Sync>> = vec![match levels.log.format {
            LogFormat::Text => format.with_filter(output_filter).boxed(),
            LogFormat::Json => format.json().flatten_event(true).with_filter(output_filter).boxed(),
        }];
        // First, so that records of the bridge find the span that they are in.
        layers.extend(telemetry.and_then(Telemetry::own_spans));
        let bridge = telemetry.and_then(Telemetry::logger).map(|logger| {
            let (filter, handle) = reload::Layer::new(exported(levels));
            layers.push(OpenTelemetryTracingBridge::new(logger).with_filter(filter).boxed());
            handle
        });
        tracing_subscriber::registry().with(layers).try_init()?;
        Ok(Logging { output, bridge, pipe })
    }

    /// Says so much from now on.
    pub fn set_levels(&self, levels: &Levels) {
        // It fails only when the subscriber is gone, and that stays.
        let _ = self.output.reload(targets(levels));
        if let Some(bridge) = &self.bridge {
            let _ = bridge.reload(exported(levels));
        }
    }

    /// Waits until everything that was said is written, for a bounded time.
    pub fn flush(&self) {
        self.pipe.flush();
    }
}

fn targets(levels: &Levels) -> Targets {
    let general = filter(levels.general);
    let quiet = LIBRARIES.map(|module| (module, general.min(LevelFilter::WARN)));
    let named = levels.log.levels.iter().map(|(module, level)| (module.clone(), filter(*level)));
    Targets::new()
        .with_default(general)
        .with_targets(quiet)
        .with_target("opentelemetry", filter(levels.library))
        .with_targets(named)
}

fn exported(levels: &Levels) -> Targets {
    targets(levels).with_targets(FEEDBACK.map(|module| (module, LevelFilter::OFF)))
}

fn filter(level: LogLevel) -> LevelFilter {
    match level {
        LogLevel::Off => LevelFilter::OFF,
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::telemetry::LogTarget;
    use tracing::Level;

    fn levels(general: LogLevel, modules: &[(&str, LogLevel)]) -> Levels {
        let levels = modules.iter().map(|(module, level)| ((*module).to_owned(), *level)).collect();
        let log = Log { format: LogFormat::Text, target: LogTarget::Stdout, levels };
        Levels { general, library: LogLevel::Off, log }
    }

    #[test]
    fn modules_say_what_they_are_told_to() {
        let targets = targets(&levels(LogLevel::Warn, &[("connections", LogLevel::Debug), ("h2", LogLevel::Trace)]));
        assert!(targets.would_enable("connections", &Level::DEBUG));
        assert!(!targets.would_enable("lacewing::service", &Level::INFO));
        assert!(targets.would_enable("lacewing::service", &Level::WARN));
        assert!(targets.would_enable("h2::codec", &Level::TRACE));
    }

    #[test]
    fn libraries_are_quiet_unless_they_are_named() {
        let targets = targets(&levels(LogLevel::Trace, &[]));
        assert!(!targets.would_enable("rustls::client", &Level::DEBUG));
        assert!(!targets.would_enable("opentelemetry_sdk", &Level::ERROR));
        assert!(targets.would_enable("connections", &Level::TRACE));
    }

    #[test]
    fn what_works_for_the_export_is_not_exported() {
        let exported = exported(&levels(LogLevel::Trace, &[("h2", LogLevel::Trace), ("hyper", LogLevel::Trace)]));
        for module in FEEDBACK {
            assert!(!exported.would_enable(&format!("{module}::x"), &Level::ERROR), "{module}");
        }
        assert!(exported.would_enable("connections", &Level::DEBUG));
    }
}
