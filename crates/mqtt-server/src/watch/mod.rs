//! Seeing who does what, at a cost that is bounded whatever clients do.
//!
//! The [`Watcher`] is the broker's observer. One publish in 64 is timed and counted towards the heaviest topics and clients; everything
//! else is looked at only while somebody asks: the embedder's own observer, or an open [`Trail`].

mod heavy;
mod slow;
mod trail;

pub use heavy::Heavy;
pub(crate) use slow::furthest;
pub use slow::{Lagging, Order};
pub use trail::{Trail, TrailFilter, Trailed};

use crate::metrics::{Exemplar, Family, Kind, Number};
use crate::{ConnectionEvent, Observer};
use heavy::Sketches;
use mqtt_core::{
    Event, Follow, Histogram, Load, Observer as MessageObserver, Publishing, SAMPLE, Switch, Trace, Watch,
};
use parking_lot::Mutex;
use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};
use trail::Trails;

/// Bounds for routing one publish: from a cached route with one receiver to a fan-out of a million.
const ROUTING: &[Duration] = &[
    Duration::from_micros(1),
    Duration::from_micros(2),
    Duration::from_micros(5),
    Duration::from_micros(10),
    Duration::from_micros(25),
    Duration::from_micros(50),
    Duration::from_micros(100),
    Duration::from_micros(250),
    Duration::from_millis(1),
    Duration::from_millis(5),
    Duration::from_millis(25),
    Duration::from_millis(100),
    Duration::from_millis(500),
];

/// Marks a message that is followed for the sake of trails alone, or for both.
const ON_TRAIL: u8 = 0x80;

thread_local! {
    /// When the publish that this thread routes at the moment came in, if it is timed.
    static BEGAN: Cell<Option<(Instant, Timed)>> = const { Cell::new(None) };
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Timed {
    /// It counts in the histogram.
    Sample,
    /// It is traced, and an example of the bucket it falls into.
    Example,
}

/// The observer of a server's broker.
pub(crate) struct Watcher {
    embedder: Option<Arc<dyn Observer>>,
    /// Whether the embedder's observer wants to see everything.
    embedder_sees_all: AtomicBool,
    trails: Trails,
    sketches: Mutex<Sketches>,
    routing: Histogram,
    examples: Mutex<Vec<Option<Exemplar>>>,
}

impl Watcher {
    pub(crate) fn new(embedder: Option<Arc<dyn Observer>>) -> Arc<Watcher> {
        Arc::new(Watcher {
            embedder,
            embedder_sees_all: AtomicBool::new(false),
            trails: Trails::default(),
            sketches: Mutex::new(Sketches::new(Instant::now())),
            routing: Histogram::new(ROUTING),
            examples: Mutex::new(vec![None; ROUTING.len() + 1]),
        })
    }

    /// How much the embedder's observer sees from now on.
    pub(crate) fn switch(&self, switch: Switch, watch: &Watch) {
        self.embedder_sees_all.store(switch == Switch::Everything, Ordering::Relaxed);
        self.apply(watch);
    }

    fn apply(&self, watch: &Watch) {
        let everything = self.embedder_sees_all.load(Ordering::Relaxed) || self.trails.are_open();
        watch.switch(if everything { Switch::Everything } else { Switch::Sample });
    }

    /// Opens a trail; `None` if there are too many already.
    pub(crate) fn open_trail(self: &Arc<Watcher>, filter: TrailFilter, watch: &Watch) -> Option<Trail> {
        let trail = self.trails.open(filter)?;
        self.apply(watch);
        Some(trail)
    }

    /// Closes the trails whose readers are gone.
    pub(crate) fn sweep(&self, watch: &Watch) {
        if self.trails.sweep() {
            self.apply(watch);
        }
    }

    /// The heaviest topics and clients of the last minutes.
    pub(crate) fn heavy(&self, count: usize) -> Heavy {
        self.sketches.lock().read(count, Instant::now())
    }

    /// Tells of a step of overload protection.
    pub(crate) fn on_load(&self, load: Load) {
        if let Some(embedder) = &self.embedder {
            embedder.on_load(load);
        }
    }

    /// Tells of a connection.
    pub(crate) fn on_connection(&self, event: &ConnectionEvent<'_>) {
        if let Some(embedder) = &self.embedder {
            embedder.on_connection(event);
        }
        self.trails.on_connection(event);
    }

    /// The time that routing takes.
    pub(crate) fn family(&self) -> Family {
        Family::new(
            "mqtt.server.publish.duration",
            Kind::Histogram,
            "s",
            "Time from a decoded PUBLISH to its last hand-over to a session, of one PUBLISH in 64",
        )
        .with(Number::Distribution(self.routing.read(), self.examples.lock().clone()))
    }

    fn embedder(&self) -> Option<&dyn Observer> {
        self.embedder.as_deref().filter(|_| self.embedder_sees_all.load(Ordering::Relaxed))
    }

    fn on_routed(&self, trace: Option<&Trace>) {
        let Some((began, timed)) = BEGAN.take() else { return };
        let took = began.elapsed();
        if timed == Timed::Sample {
            self.routing.record(took);
        }
        if let Some(trace) = trace.filter(|trace| trace.trace_id != 0) {
            let bucket = ROUTING.iter().position(|bound| took <= *bound).unwrap_or(ROUTING.len());
            let (trace_id, span_id, at) = (trace.trace_id, trace.span_id, SystemTime::now());
            self.examples.lock()[bucket] = Some(Exemplar { trace_id, span_id, value: took.as_secs_f64(), at });
        }
    }
}

impl MessageObserver for Watcher {
    fn on_publish(&self, publish: &Publishing<'_>) -> Option<Follow> {
        let mut follow = self.embedder().and_then(|embedder| embedder.on_publish(publish));
        if self.trails.want(publish) {
            let follow = follow.get_or_insert_with(Follow::default);
            follow.trace.marks |= ON_TRAIL;
        }
        let timed = match (publish.in_sample, &follow) {
            (true, _) => Some(Timed::Sample),
            (false, Some(_)) => Some(Timed::Example),
            (false, None) => None,
        };
        // Untimed ones are not told of when they are routed: nothing of before is mistaken for theirs.
        if let Some(timed) = timed {
            BEGAN.set(Some((Instant::now(), timed)));
        }
        if publish.in_sample {
            self.sketches.lock().note(publish, u64::from(SAMPLE));
        }
        follow
    }

    fn on_event(&self, event: &Event<'_>) {
        let trace = match event {
            Event::Routed { trace, .. } => {
                self.on_routed(*trace);
                *trace
            }
            Event::Sent { trace, .. } | Event::Acknowledged { trace, .. } | Event::Dropped { trace, .. } => {
                Some(*trace)
            }
            Event::Subscribed { .. } | Event::Unsubscribed { .. } => {
                if let Some(embedder) = self.embedder() {
                    embedder.on_event(event);
                }
                return self.trails.on_event(event);
            }
        };
        let Some(trace) = trace else { return };
        if let (true, Some(embedder)) = (trace.trace_id != 0, &self.embedder) {
            embedder.on_event(event);
        }
        if trace.marks & ON_TRAIL != 0 {
            self.trails.on_event(event);
        }
    }
}
