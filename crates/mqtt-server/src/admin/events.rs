//! A trail as server-sent events (HTML, 9.2): one JSON object for each, until the time is over or the reader goes.

use crate::http::Live;
use crate::watch::{Trail, Trailed};
use hyper::body::Bytes;
use serde_json::{Map, Value, json};
use std::fmt::Write;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, UNIX_EPOCH};
use tokio::time::Sleep;

/// Text put together before it is sent.
const BATCH: usize = 16 * 1024;

/// A trail on its way to a reader.
pub(super) struct Events {
    trail: Trail,
    over: Pin<Box<Sleep>>,
    ended: bool,
}

impl Events {
    /// Shows `trail` for so long.
    pub(super) fn new(trail: Trail, lasts: Duration) -> Events {
        Events { trail, over: Box::pin(tokio::time::sleep(lasts)), ended: false }
    }
}

impl Live for Events {
    fn poll_text(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        if self.ended {
            return Poll::Ready(None);
        }
        let mut text = String::new();
        while text.len() < BATCH {
            match self.trail.poll_next(cx) {
                Poll::Ready(Some(event)) => put(&mut text, event.what, &describe(event)),
                Poll::Ready(None) => self.ended = true,
                Poll::Pending => break,
            }
            if self.ended {
                break;
            }
        }
        match self.trail.lost() {
            0 => {}
            lost => put(&mut text, "lost", &json!({ "events": lost })),
        }
        if self.over.as_mut().poll(cx).is_ready() {
            self.ended = true;
            put(&mut text, "end", &json!({}));
        }
        if text.is_empty() && !self.ended { Poll::Pending } else { Poll::Ready(Some(text.into())) }
    }
}

fn put(text: &mut String, name: &str, data: &Value) {
    // Neither holds a line break: JSON escapes those.
    let _ = write!(text, "event: {name}\ndata: {data}\n\n");
}

fn describe(event: Trailed) -> Value {
    let at = event.at.duration_since(UNIX_EPOCH).unwrap_or_default();
    let mut object = Map::new();
    object.insert("time".to_owned(), json!(at.as_secs_f64()));
    object.insert("client_id".to_owned(), json!(event.client_id));
    if !event.topic.is_empty() {
        object.insert("topic".to_owned(), json!(event.topic));
    }
    object.extend(event.details.into_iter().map(|(name, value)| (name.to_owned(), json!(value))));
    Value::Object(object)
}
