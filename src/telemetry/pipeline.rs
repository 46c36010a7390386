//! The thread that does the work: makes spans of records, fills the budgets, and drives the connections to collectors. No worker of the broker
//! waits for any of it.

use super::awaiting::Awaiting;
use super::record::{Message, Record, What};
use super::sampler::Sampler;
use super::signal::{Signal, Tally};
use super::spans::Spans;
use super::time;
use super::tracer::Tracer;
use opentelemetry_sdk::trace::{BatchSpanProcessor, SpanProcessor};
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

/// Time between two looks at the records. They are not waited for, so that handing one over wakes nobody.
const TICK: Duration = Duration::from_millis(100);

/// A thread with a runtime of its own.
#[derive(Debug)]
pub struct Worker {
    runtime: Handle,
    /// The thread ends when this goes.
    _alive: oneshot::Sender<()>,
}

impl Worker {
    /// Starts it.
    ///
    /// # Errors
    /// The operating system's.
    pub fn start() -> io::Result<Worker> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let (handle, (alive, gone)) = (runtime.handle().clone(), oneshot::channel::<()>());
        thread::Builder::new().name("telemetry".to_owned()).spawn(move || {
            // An error says that the worker is gone, and that is what it is waited for.
            let _ = runtime.block_on(gone);
            runtime.shutdown_background();
        })?;
        Ok(Worker { runtime: handle, _alive: alive })
    }

    /// Its runtime.
    pub fn runtime(&self) -> &Handle {
        &self.runtime
    }
}

/// Makes spans of what a tracer hands over.
pub struct SpanMaker {
    /// Whose records these are.
    pub tracer: Arc<Tracer>,
    /// Where records come in.
    pub messages: Receiver<Message>,
    /// Where spans go.
    pub processor: Arc<BatchSpanProcessor>,
    /// Most spans that wait there.
    pub queue: usize,
    /// The books.
    pub tally: Arc<Tally>,
}

impl SpanMaker {
    /// Works until `stop` is ready, and then makes the last spans.
    pub async fn run(self, stop: impl Future<Output = ()>) {
        let (mut awaiting, spans, mut last) = (Awaiting::default(), Spans::new(), Instant::now());
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
        tokio::pin!(stop);
        loop {
            let over = tokio::select! {
                _ = ticks.tick() => false,
                () = &mut stop => true,
            };
            let now = Instant::now();
            self.tracer.sampler.refill(now - last);
            last = now;
            while let Ok(message) = self.messages.try_recv() {
                self.take(message, &mut awaiting).into_iter().for_each(|record| self.emit(record, &spans));
            }
            let left = if over { awaiting.drain() } else { awaiting.overdue(time::now()) };
            left.into_iter().for_each(|record| self.emit(record, &spans));
            if over {
                return;
            }
        }
    }

    /// The record whose span can be made now, if there is one.
    fn take(&self, message: Message, awaiting: &mut Awaiting) -> Option<Record> {
        match message {
            Message::Acknowledged(key, by, reason, at) => awaiting.acknowledge(key, by, reason, at),
            Message::Record(record) => match &record.what {
                What::Deliver(deliver) if deliver.awaits != 0 => awaiting.insert(deliver.awaits, *record),
                _ => Some(*record),
            },
        }
    }

    fn emit(&self, record: Record, spans: &Spans) {
        let sampler: &Sampler = &self.tracer.sampler;
        for span in spans.of(record, |topic| sampler.template(topic)) {
            if self.tally.enter(Signal::Traces, self.queue) {
                self.processor.on_end(span);
            }
        }
    }
}

/// A channel of records, as long as the queue of spans.
pub fn channel(queue: usize) -> (SyncSender<Message>, Receiver<Message>) {
    sync_channel(queue)
}
