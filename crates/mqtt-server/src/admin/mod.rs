//! What an HTTP endpoint answers besides WebSockets: probes and metrics. Each belongs to a service that the endpoint offers or not; what it
//! does not offer is not found.
//!
//! The administration interface shows what clients do: it is offered where an operator asks for it, and by default on loopback alone.

mod api;
mod events;
mod exposition;
mod probes;
mod scrape;

pub(crate) use scrape::Scrapes;

use crate::endpoint::Services;
use crate::http::Body;
use crate::http::text;
use crate::hub::Hub;
use hyper::header::{self, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Method, Response, StatusCode};
use probes::Probe;
use std::sync::Arc;

/// Answers `request` as far as `services` go.
pub(crate) async fn respond(hub: &Arc<Hub>, services: Services, request: &Parts) -> Response<Body> {
    let path = request.uri.path();
    let page = match Probe::at(path) {
        Some(probe) if services.health => Page::Probe(probe),
        None if path == "/metrics" && services.metrics => Page::Metrics,
        None if services.admin && path.starts_with(API) => Page::Api(&path[API.len()..]),
        _ if services.mqtt => {
            return text(StatusCode::NOT_FOUND, "there is nothing here; MQTT over WebSocket is at /mqtt\n");
        }
        _ => return text(StatusCode::NOT_FOUND, "there is nothing here\n"),
    };
    if !matches!(request.method, Method::GET | Method::HEAD) {
        let mut response = text(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD\n");
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
        return response;
    }
    let mut response = match page {
        Page::Probe(probe) => probes::respond(hub, probe, request.uri.query()),
        Page::Metrics => scrape::respond(hub, &request.headers).await,
        Page::Api(path) => api::respond(hub, path, request.uri.query()).await,
    };
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// What is asked for.
enum Page<'a> {
    Probe(Probe<'a>),
    Metrics,
    Api(&'a str),
}

/// Where the administration interface begins.
const API: &str = "/api/v1/";
