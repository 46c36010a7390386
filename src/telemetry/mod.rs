//! Telemetry for collectors of OpenTelemetry: traces, metrics and logs over OTLP.
//!
//! Guaranteed: nothing here makes a worker of the broker wait, whatever a collector does; what waits for it is bounded, what is dropped is
//! counted; an outage is one line in the log; the end of the broker waits for a collector no longer than it was told to. All use of
//! OpenTelemetry's crates is in this folder and in the log's bridge. Not here: what is worth measuring (`mqtt_server::metrics`), the log's own
//! output (`crate::log`).

mod awaiting;
mod bridge;
mod budget;
mod console;
mod delta;
mod encode;
mod exporter;
mod fan_out;
mod http;
mod metrics;
mod outage;
mod own_spans;
mod pipeline;
mod random;
mod record;
mod resource;
mod sampler;
mod signal;
mod spans;
mod time;
mod tls;
mod trace_context;
mod tracer;
mod transport;

pub use tracer::Tracer;

use crate::config::telemetry::{Batch, Destination, Export, Telemetry as Plan};
use anyhow::Context;
use bridge::Records;
use exporter::{Console, Exporter};
use mqtt_server::metrics::Family;
use mqtt_server::{Handle, Switch};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::logs::{self, BatchLogProcessor, SdkLoggerProvider};
use opentelemetry_sdk::trace::{BatchConfigBuilder, BatchSpanProcessor, SdkTracer, SpanProcessor};
use outage::{Collector, Link};
use pipeline::{SpanMaker, Worker};
use sampler::Sampler;
use signal::{Signal, Tally};
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::{Duration, Instant};
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;
use transport::Transport;

/// Telemetry of a process.
pub struct Telemetry {
    worker: Worker,
    tally: Arc<Tally>,
    tracer: Option<Arc<Tracer>>,
    processor: Option<Arc<BatchSpanProcessor>>,
    /// What makes spans of the program's own doings.
    own: Option<SdkTracer>,
    /// What makes spans until it is told to end, and then the last ones.
    making: Option<(oneshot::Sender<()>, JoinHandle<()>)>,
    logger: Option<SdkLoggerProvider>,
    metrics: Option<metrics::Exporter>,
    /// What exports metrics, and how it is told to end.
    measuring: Option<(Arc<Notify>, JoinHandle<()>)>,
    interval: Duration,
    flush: Duration,
}

impl Telemetry {
    /// Sets up what `plan` asks for; `None` if that is nothing. Nothing is sent yet, and no collector needs to be there.
    ///
    /// # Errors
    /// Files that cannot be read, headers that are none.
    pub fn start(plan: &Plan) -> anyhow::Result<Option<Telemetry>> {
        if !plan.exports() {
            return Ok(None);
        }
        let worker = Worker::start().context("cannot start the telemetry thread")?;
        let mut parts =
            Parts { worker: &worker, tally: Arc::default(), collectors: Vec::new(), resource: resource::detect(plan) };
        let processor = parts.spans(&plan.traces, plan.span_batch)?;
        let logger = parts.logs(&plan.logs, plan.log_batch)?;
        let metrics = parts.metrics(plan)?;
        let (tally, resource) = (parts.tally, parts.resource);
        let processor = processor.map(Arc::new);
        let mut telemetry = Telemetry {
            tally: tally.clone(),
            tracer: None,
            own: processor.clone().map(|processor| own_spans::tracer(processor, resource)),
            processor,
            making: None,
            logger,
            metrics,
            measuring: None,
            interval: plan.metric_interval,
            flush: plan.flush_timeout,
            worker,
        };
        if let Some(processor) = telemetry.processor.clone() {
            let queue = plan.span_batch.queue;
            let (sender, messages) = pipeline::channel(queue);
            let tracer = Arc::new(Tracer::new(Sampler::new(&plan.sampling), sender, tally.clone()));
            let maker = SpanMaker { tracer: tracer.clone(), messages, processor, queue, tally };
            let (stop, stopped) = oneshot::channel();
            let stopped = async { drop(stopped.await) };
            telemetry.making = Some((stop, telemetry.worker.runtime().spawn(maker.run(stopped))));
            telemetry.tracer = Some(tracer);
        }
        Ok(Some(telemetry))
    }

    /// What traces, if anything does.
    pub fn tracer(&self) -> Option<Arc<Tracer>> {
        self.tracer.clone()
    }

    /// What telemetry counts of itself.
    pub fn metrics(&self) -> impl Fn() -> [Family; 2] + Send + Sync + 'static {
        let tally = self.tally.clone();
        move || tally.families()
    }

    /// Where the log goes besides its own output, if anywhere.
    pub fn logger(&self) -> Option<&SdkLoggerProvider> {
        self.logger.as_ref()
    }

    /// The server is there: shows everything to the tracer, and exports metrics from now on.
    pub fn watch(&mut self, handle: &Handle) {
        if self.tracer.is_some() {
            handle.watch(Switch::Everything);
        }
        if let Some(exporter) = self.metrics.take() {
            let stop = Arc::new(Notify::new());
            let stopped = stop.clone();
            let running = exporter.run(handle.clone(), self.interval, async move { stopped.notified().await });
            self.measuring = Some((stop, self.worker.runtime().spawn(running)));
        }
    }

    /// Sends what is left, all signals at once, for no longer than the configured time. Blocks.
    pub fn shutdown(mut self) {
        let end = Instant::now() + self.flush;
        let (done, all_done) = sync_channel(Signal::ALL.len());
        let runtime = self.worker.runtime().clone();
        let mut flushing = 0;
        if let (Some((stop, making)), Some(processor)) = (self.making.take(), self.processor.take()) {
            let (done, left) = (done.clone(), self.flush);
            let runtime = runtime.clone();
            flushing += usize::from(in_thread("telemetry-traces", move || {
                let _ = stop.send(());
                let _ = runtime.block_on(making);
                let _ = processor.shutdown_with_timeout(left);
                let _ = done.send(());
            }));
        }
        if let Some(logger) = self.logger.take() {
            let (done, left) = (done.clone(), self.flush);
            flushing += usize::from(in_thread("telemetry-logs", move || {
                let _ = logger.shutdown_with_timeout(left);
                let _ = done.send(());
            }));
        }
        if let Some((stop, measuring)) = self.measuring.take() {
            stop.notify_one();
            flushing += usize::from(in_thread("telemetry-metrics", move || {
                let _ = runtime.block_on(measuring);
                let _ = done.send(());
            }));
        }
        for _ in 0..flushing {
            if all_done.recv_timeout(end.saturating_duration_since(Instant::now())).is_err() {
                tracing::warn!(target: "telemetry", "not everything was sent within {:?}", self.flush);
                return;
            }
        }
    }
}

/// Whether a thread could be started. It is not waited for: the end of the process ends it.
fn in_thread(name: &str, work: impl FnOnce() + Send + 'static) -> bool {
    thread::Builder::new().name(name.to_owned()).spawn(work).is_ok()
}

/// What the signals have in common while they are set up.
struct Parts<'a> {
    worker: &'a Worker,
    tally: Arc<Tally>,
    collectors: Vec<Arc<Collector>>,
    resource: Resource,
}

impl Parts<'_> {
    fn way(&mut self, to: &Destination, signal: Signal) -> anyhow::Result<(Transport, Link)> {
        let transport =
            Transport::new(to, self.worker.runtime()).with_context(|| format!("cannot export {}", signal.name()))?;
        let place = transport.place();
        let known = self.collectors.iter().find(|collector| collector.place() == place).cloned();
        let collector = known.unwrap_or_else(|| {
            let collector = Collector::new(&place);
            self.collectors.push(collector.clone());
            collector
        });
        Ok((transport, Link::new(collector, signal, self.tally.clone())))
    }

    fn spans(&mut self, export: &Export, batch: Batch) -> anyhow::Result<Option<BatchSpanProcessor>> {
        let config = BatchConfigBuilder::default()
            .with_max_queue_size(batch.queue)
            .with_max_export_batch_size(batch.size)
            .with_scheduled_delay(batch.delay)
            .build();
        let mut processor = match export {
            Export::None => return Ok(None),
            Export::Console => {
                let link = Link::new(Collector::new("console"), Signal::Traces, self.tally.clone());
                BatchSpanProcessor::new(Console(link), config)
            }
            Export::Otlp(to) => {
                let (transport, link) = self.way(to, Signal::Traces)?;
                BatchSpanProcessor::new(Exporter::new(transport.spans()?, transport, link), config)
            }
        };
        processor.set_resource(&self.resource);
        Ok(Some(processor))
    }

    fn logs(&mut self, export: &Export, batch: Batch) -> anyhow::Result<Option<SdkLoggerProvider>> {
        // The console has them anyway.
        let Export::Otlp(to) = export else { return Ok(None) };
        let (transport, link) = self.way(to, Signal::Logs)?;
        let config = logs::BatchConfigBuilder::default()
            .with_max_queue_size(batch.queue)
            .with_max_export_batch_size(batch.size)
            .with_scheduled_delay(batch.delay)
            .build();
        let exporter = Exporter::new(transport.logs()?, transport, link);
        let inner = BatchLogProcessor::builder(exporter).with_batch_config(config).build();
        let records = Records { inner, queue: batch.queue, tally: self.tally.clone() };
        let provider = SdkLoggerProvider::builder().with_resource(self.resource.clone()).with_log_processor(records);
        Ok(Some(provider.build()))
    }

    fn metrics(&mut self, plan: &Plan) -> anyhow::Result<Option<metrics::Exporter>> {
        let sink = match &plan.metrics {
            Export::None => return Ok(None),
            Export::Console => metrics::Sink::Console,
            Export::Otlp(to) => {
                let (transport, link) = self.way(to, Signal::Metrics)?;
                metrics::Sink::Collector(Box::new(transport), link)
            }
        };
        Ok(Some(metrics::Exporter {
            sink,
            resource: self.resource.clone(),
            temporality: plan.temporality,
            timeout: plan.metric_timeout,
        }))
    }
}
