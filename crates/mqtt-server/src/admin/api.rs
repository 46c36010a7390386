//! The administration interface, below `/api/v1`: who is slow, who is heavy, and a live trail. It reads and changes nothing.

use super::events::Events;
use crate::http::Body;
use crate::hub::Hub;
use crate::watch::{Heavy, Order, TrailFilter, furthest};
use hyper::body::Bytes;
use hyper::header::{self, HeaderValue};
use hyper::{Response, StatusCode};
use mqtt_wire::TopicFilter;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

/// Entries of a list where the request does not say, and at most.
const ENTRIES: (usize, usize) = (20, 1000);

/// Seconds that a trail lasts where the request does not say, and at most: it makes messages dearer.
const TRAIL: (u64, u64) = (60, 600);

/// Why a request cannot be answered.
struct Wrong(StatusCode, String);

/// Answers a request for `path`, which begins behind `/api/v1/`.
pub(super) async fn respond(hub: &Arc<Hub>, path: &str, query: Option<&str>) -> Response<Body> {
    let query = Query::new(query.unwrap_or_default());
    let answer = match path {
        "top/subscribers" => subscribers(hub, &query).await,
        "top/topics" => heavy(hub, &query, |top| [top.topics_by_messages, top.topics_by_bytes]),
        "top/clients" => heavy(hub, &query, |top| [top.clients_by_messages, top.clients_by_bytes]),
        "trace" => trace(hub, &query),
        _ => Err(Wrong(StatusCode::NOT_FOUND, "there is nothing here".to_owned())),
    };
    answer.unwrap_or_else(|Wrong(status, why)| json_response(status, &json!({ "error": why })))
}

fn json_response(status: StatusCode, value: &Value) -> Response<Body> {
    let mut response = Response::new(Body::from(Bytes::from(format!("{value}\n"))));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

async fn subscribers(hub: &Arc<Hub>, query: &Query) -> Result<Response<Body>, Wrong> {
    let order = match query.get("by").unwrap_or("bytes") {
        "bytes" => Order::Bytes,
        "lag" => Order::Lag,
        "drops" => Order::Drops,
        other => return Err(wrong(format!("by={other}: it is bytes, lag or drops"))),
    };
    // Every session is visited: not on a worker.
    let (hub, limit) = (hub.clone(), query.limit()?);
    let look = move || furthest(&hub.broker.sessions, order, limit, hub.clock.now());
    let behind = tokio::task::spawn_blocking(look).await.unwrap_or_default();
    let list = behind.into_iter().map(|session| {
        json!({
            "client_id": session.client_id,
            "online": session.online,
            "queued_messages": session.messages,
            "queued_bytes": session.bytes,
            "lag_seconds": session.lag.as_secs_f64(),
            "dropped_messages": session.drops,
        })
    });
    Ok(json_response(StatusCode::OK, &json!({ "subscribers": list.collect::<Vec<_>>() })))
}

/// One kind of the heaviest, by messages and by bytes.
type Lists = [Vec<(String, f64)>; 2];

fn heavy(hub: &Hub, query: &Query, kind: fn(Heavy) -> Lists) -> Result<Response<Body>, Wrong> {
    let [messages, bytes] = kind(hub.watcher.heavy(query.limit()?));
    let list = |entries: Vec<(String, f64)>| -> Vec<Value> {
        entries.into_iter().map(|(name, rate)| json!({ "name": name, "per_second": rate })).collect()
    };
    Ok(json_response(StatusCode::OK, &json!({ "by_messages": list(messages), "by_bytes": list(bytes) })))
}

fn trace(hub: &Hub, query: &Query) -> Result<Response<Body>, Wrong> {
    let text = |name| query.get(name).filter(|value| !value.is_empty()).map(str::to_owned);
    let filter = TrailFilter { client: text("client"), topic: text("topic") };
    if let Some(topic) = &filter.topic
        && TopicFilter::parse(topic).is_err()
    {
        return Err(wrong(format!("topic={topic}: it is no Topic Filter")));
    }
    let seconds = query.number("seconds", TRAIL.0, TRAIL.1)?;
    let Some(trail) = hub.watcher.open_trail(filter, &hub.broker.watch) else {
        let why = "there are as many trails open as may be, try again later".to_owned();
        return Err(Wrong(StatusCode::SERVICE_UNAVAILABLE, why));
    };
    let mut response = Response::new(Body::Live(Box::new(Events::new(trail, Duration::from_secs(seconds)))));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    Ok(response)
}

fn wrong(why: String) -> Wrong {
    Wrong(StatusCode::BAD_REQUEST, why)
}

/// The parameters of a request.
struct Query(Vec<(String, String)>);

impl Query {
    fn new(text: &str) -> Query {
        Query(form_urlencoded::parse(text.as_bytes()).into_owned().collect())
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    fn number(&self, name: &str, default: u64, most: u64) -> Result<u64, Wrong> {
        let Some(text) = self.get(name) else { return Ok(default) };
        let number = text.parse().ok().filter(|number| (1..=most).contains(number));
        number.ok_or_else(|| wrong(format!("{name}={text}: it is a number from 1 to {most}")))
    }

    fn limit(&self) -> Result<usize, Wrong> {
        Ok(self.number("limit", ENTRIES.0 as u64, ENTRIES.1 as u64)? as usize)
    }
}
