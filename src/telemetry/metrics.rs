//! Exports metrics: reads all of them every interval and sends them. One that fails is not repeated: the next brings newer numbers.

use super::delta::Delta;
use super::encode::{self, Times};
use super::outage::Link;
use super::transport::Transport;
use super::{console, time};
use crate::config::telemetry::Temporality;
use mqtt_server::Handle;
use opentelemetry_sdk::Resource;
use std::time::Duration;

/// Where metrics go.
#[derive(Debug)]
pub enum Sink {
    /// To a collector.
    Collector(Box<Transport>, Link),
    /// To standard output.
    Console,
}

/// Exports metrics.
#[derive(Debug)]
pub struct Exporter {
    /// Where they go.
    pub sink: Sink,
    /// What they belong to.
    pub resource: Resource,
    /// Since when counts count.
    pub temporality: Temporality,
    /// How long an export may take.
    pub timeout: Duration,
}

impl Exporter {
    /// Exports every `interval`, and once more when `stop` is ready.
    pub async fn run(self, handle: Handle, interval: Duration, stop: impl Future<Output = ()>) {
        let start = time::now();
        let (mut delta, mut last) = (Delta::default(), start);
        let mut ticks = tokio::time::interval(interval);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
        ticks.tick().await; // the first is at once
        tokio::pin!(stop);
        loop {
            let over = tokio::select! {
                _ = ticks.tick() => false,
                () = &mut stop => true,
            };
            let now = time::now();
            self.export(&handle, &mut delta, Times { start, last, now }).await.then(|| last = now);
            if over {
                return;
            }
        }
    }

    /// Whether it has arrived.
    async fn export(&self, handle: &Handle, delta: &mut Delta, times: Times) -> bool {
        let families = handle.metrics();
        let (transport, link) = match &self.sink {
            Sink::Collector(transport, link) => (transport, link),
            Sink::Console => {
                families.iter().for_each(console::family);
                return true;
            }
        };
        let request = encode::request(&families, &self.resource, self.temporality, delta, times);
        match transport.send_metrics(request, self.timeout).await {
            Ok(()) => {
                link.exported(0, Ok(()));
                if self.temporality != Temporality::Cumulative {
                    delta.sent(&families);
                }
                true
            }
            Err(error) => {
                link.exported(0, Err(&format!("{error:#}")));
                false
            }
        }
    }
}
