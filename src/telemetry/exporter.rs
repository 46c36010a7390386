//! Exporters of spans and log records that keep the books: what was sent, what was not, and whether the collector is there.

use super::console;
use super::outage::Link;
use super::transport::Transport;
use opentelemetry_otlp as otlp;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::logs::{LogBatch, LogExporter};
use opentelemetry_sdk::trace::{SpanData, SpanExporter};
use std::time::Duration;

/// An exporter of one signal.
#[derive(Debug)]
pub struct Exporter<E> {
    inner: E,
    transport: Transport,
    link: Link,
}

impl<E> Exporter<E> {
    /// An exporter over a way.
    pub fn new(inner: E, transport: Transport, link: Link) -> Exporter<E> {
        Exporter { inner, transport, link }
    }

    fn exported(&self, number: usize, outcome: &OTelSdkResult) {
        let error = outcome.as_ref().err().map(|error| self.transport.cause().unwrap_or_else(|| words(error)));
        self.link.exported(number, error.as_deref().map_or(Ok(()), Err));
    }
}

/// An error without the library's words around it.
fn words(error: &OTelSdkError) -> String {
    match error {
        OTelSdkError::AlreadyShutdown => "the broker ends".to_owned(),
        OTelSdkError::Timeout(time) => format!("no answer within {time:?}"),
        OTelSdkError::InternalFailure(text) => text.clone(),
    }
}

impl SpanExporter for Exporter<otlp::SpanExporter> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let number = batch.len();
        let outcome = self.inner.export(batch).await;
        self.exported(number, &outcome);
        outcome
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.inner.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.inner.set_resource(resource);
    }
}

impl LogExporter for Exporter<otlp::LogExporter> {
    async fn export(&self, batch: LogBatch<'_>) -> OTelSdkResult {
        let number = batch.iter().count();
        let outcome = self.inner.export(batch).await;
        self.exported(number, &outcome);
        outcome
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.inner.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.inner.set_resource(resource);
    }
}

/// Writes spans to standard output.
#[derive(Debug)]
pub struct Console(pub Link);

impl SpanExporter for Console {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        batch.iter().for_each(console::span);
        self.0.exported(batch.len(), Ok(()));
        Ok(())
    }
}
