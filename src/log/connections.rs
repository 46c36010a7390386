//! What happens to connections, as lines of the log (module `connections`) and for the tracer. Every refused or lost connection is one line, with
//! where it came from, who it said to be and why it ended; lines that repeat are counted.

use super::repeats::{Kind, Repeats};
use super::shown::shown;
use crate::telemetry::Tracer;
use mqtt_server::{ConnectionEvent, Event, Follow, Happening, Load, MessageObserver, Observer, Publishing, Side};
use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState};
use std::sync::Arc;
use std::time::Instant;
use tracing::{debug, info, warn};

/// The observer of the program's server.
pub struct Connections {
    tracer: Option<Arc<Tracer>>,
    repeats: Repeats,
}

impl Connections {
    /// Writes lines, and shows `tracer` everything.
    pub fn new(tracer: Option<Arc<Tracer>>) -> Connections {
        Connections { tracer, repeats: Repeats::default() }
    }

    /// Writes what was counted in place of lines, once their minute is over.
    pub fn sum_up(&self, now: Instant) {
        for ((what, endpoint, reason), hidden) in self.repeats.over(now) {
            info!(target: "connections", endpoint, reason, more = hidden, "connection {what}: {hidden} more within a minute");
        }
    }

    fn write(&self, event: &ConnectionEvent<'_>) {
        let ConnectionEvent { endpoint, transport, peer, .. } = *event;
        let (client_id, user_name) = (event.client_id.map(shown), event.user_name.map(shown));
        let (client_id, user_name) = (client_id.as_deref(), user_name.as_deref());
        let version = event.version.map(|version| version.level());
        let age = event.age.as_secs_f64();
        match event.what {
            Happening::Connected { session_present, keep_alive, .. } => debug!(
                target: "connections", %peer, endpoint, transport, client_id, user_name, version, session_present,
                keep_alive, "client connected"
            ),
            Happening::Refused { reason, why } => {
                if self.repeats.admit(&kind("refused", endpoint, reason.name()), Instant::now()) {
                    warn!(
                        target: "connections", %peer, endpoint, transport, client_id, user_name, version,
                        reason = reason.name(), why, "connection refused"
                    );
                }
            }
            Happening::Closed { reason, why, by: by @ Side::Client } if !reason.is_failure() => debug!(
                target: "connections", %peer, endpoint, transport, client_id, version, reason = reason.name(),
                why, by = by.name(), age, "client disconnected"
            ),
            Happening::Closed { reason, why, by } => {
                if !self.repeats.admit(&kind("closed", endpoint, reason.name()), Instant::now()) {
                    return;
                }
                let name = reason.name();
                match by {
                    Side::Server if reason.is_failure() => warn!(
                        target: "connections", %peer, endpoint, transport, client_id, version, reason = name, why,
                        by = by.name(), age, "connection closed"
                    ),
                    _ => info!(
                        target: "connections", %peer, endpoint, transport, client_id, version, reason = name, why,
                        by = by.name(), age, "connection closed"
                    ),
                }
            }
        }
    }
}

fn kind(what: &'static str, endpoint: &str, reason: &'static str) -> Kind {
    (what, endpoint.to_owned(), reason)
}

impl MessageObserver for Connections {
    #[inline]
    fn on_publish(&self, publish: &Publishing<'_>) -> Option<Follow> {
        self.tracer.as_ref()?.on_publish(publish)
    }

    #[inline]
    fn on_event(&self, event: &Event<'_>) {
        if let Some(tracer) = &self.tracer {
            tracer.on_event(event);
        }
    }
}

impl Observer for Connections {
    fn on_load(&self, load: Load) {
        warn!(target: "connections", step = load.name(), "overload protection changes its step");
    }

    fn on_connection(&self, event: &ConnectionEvent<'_>) {
        let traced = self.tracer.as_ref().and_then(|tracer| tracer.on_connection(event));
        // While this is there, the record for the collector has the trace's identifiers.
        let _context = traced.map(|(trace, span)| {
            let (trace, span) = (TraceId::from(trace), SpanId::from(span));
            let context = SpanContext::new(trace, span, TraceFlags::SAMPLED, false, TraceState::default());
            Context::new().with_remote_span_context(context).attach()
        });
        self.write(event);
    }
}
