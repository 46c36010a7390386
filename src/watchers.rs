//! What looks at the server from outside: the log and telemetry. They are there before it and outlive it.

use crate::config::Settings;
use crate::log::{Connections, Levels, Logging};
use crate::telemetry::{Telemetry, Tracer};
use mqtt_server::Handle;
use std::sync::Arc;

/// The log, and what sends it and more to a collector.
pub struct Watchers {
    telemetry: Option<Telemetry>,
    logging: Arc<Logging>,
}

impl Watchers {
    /// Starts them.
    ///
    /// # Errors
    /// Files that telemetry needs and that cannot be read; the operating system's.
    pub fn start(settings: &Settings) -> anyhow::Result<Watchers> {
        let telemetry = Telemetry::start(&settings.telemetry)?;
        let logging = Arc::new(Logging::start(&Levels::of(settings), telemetry.as_ref())?);
        Ok(Watchers { telemetry, logging })
    }

    /// Telemetry, if there is any.
    pub fn telemetry(&self) -> Option<&Telemetry> {
        self.telemetry.as_ref()
    }

    /// What a server shows its connections to, and a reload its settings.
    pub fn seen(&self) -> Seen {
        let tracer = self.telemetry.as_ref().and_then(Telemetry::tracer);
        let connections = Arc::new(Connections::new(tracer.clone()));
        Seen { tracer, logging: self.logging.clone(), connections }
    }

    /// A server is there, but no client yet.
    pub fn watch(&mut self, handle: &Handle) {
        if let Some(telemetry) = &mut self.telemetry {
            telemetry.watch(handle);
        }
    }

    /// Sends and writes what is left, within a bounded time.
    pub fn end(self) {
        if let Some(telemetry) = self.telemetry {
            telemetry.shutdown();
        }
        self.logging.flush();
    }
}

/// What of seeing goes with a server and can change while it runs.
pub struct Seen {
    tracer: Option<Arc<Tracer>>,
    logging: Arc<Logging>,
    /// The observer of its connections.
    pub connections: Arc<Connections>,
}

impl Seen {
    /// Changed settings are in force.
    pub fn apply(&self, settings: &Settings) {
        self.logging.set_levels(&Levels::of(settings));
        if let Some(tracer) = &self.tracer {
            tracer.sampler.set(&settings.telemetry.sampling);
        }
    }
}
