//! The log as OTLP: a processor in front of OpenTelemetry's own that bounds and counts what waits.

use super::signal::{Signal, Tally};
use opentelemetry::InstrumentationScope;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::logs::{BatchLogProcessor, LogProcessor, SdkLogRecord};
use std::sync::Arc;
use std::time::Duration;

/// Processes log records.
#[derive(Debug)]
pub struct Records {
    /// What gathers and sends them.
    pub inner: BatchLogProcessor,
    /// Most that wait there.
    pub queue: usize,
    /// The books.
    pub tally: Arc<Tally>,
}

impl LogProcessor for Records {
    fn emit(&self, record: &mut SdkLogRecord, scope: &InstrumentationScope) {
        if self.tally.enter(Signal::Logs, self.queue) {
            self.inner.emit(record, scope);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.inner.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.inner.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.inner.set_resource(resource);
    }
}
