//! `/metrics`: the numbers for Prometheus, in the format that it asks for.
//!
//! Reading them visits the queue of every session, so it is done on a thread beside the workers, once at a time, and the text is given out
//! again for a second: however many ask, the broker pays for one.

use super::exposition::{self, Format};
use crate::http::Body;
use crate::hub::Hub;
use crate::metrics;
use hyper::body::Bytes;
use hyper::header::{self, HeaderMap, HeaderValue};
use hyper::{Response, StatusCode};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Mutex;

/// How long a text is given out.
const FRESH: Duration = Duration::from_secs(1);

/// The last text of each format. Whoever makes a new one holds the lock meanwhile.
#[derive(Default)]
pub(crate) struct Scrapes(Mutex<[Option<(Instant, Bytes)>; 2]>);

pub(super) async fn respond(hub: &Arc<Hub>, headers: &HeaderMap) -> Response<Body> {
    let accept = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let format = Format::of(&accept.collect::<Vec<_>>().join(","));
    let mut response = match text(hub, format).await {
        Some(text) => Response::new(Body::from(text)),
        None => {
            let mut response = Response::new(Body::from(Bytes::new()));
            *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
            response
        }
    };
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(format.content_type()));
    response.headers_mut().insert(header::VARY, HeaderValue::from_static("Accept"));
    response
}

async fn text(hub: &Arc<Hub>, format: Format) -> Option<Bytes> {
    let mut texts = hub.scrapes.0.lock().await;
    let kept = &mut texts[format as usize];
    if let Some((made, text)) = kept
        && made.elapsed() < FRESH
    {
        return Some(text.clone());
    }
    let read = {
        let hub = hub.clone();
        move || Bytes::from(exposition::write(&metrics::read(&hub), format))
    };
    // Fails where a source of the embedder's panicked.
    let text = tokio::task::spawn_blocking(read).await.ok()?;
    *kept = Some((Instant::now(), text.clone()));
    Some(text)
}
