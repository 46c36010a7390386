//! Probes over HTTP: `/livez`, `/readyz`, `/startupz`, each with `?verbose` for all checks as JSON and `/{check}` for one of them, and the
//! names that Net.MQTT has for them.
//!
//! The code is 200 or 503. No password is asked for, and nothing is told that a stranger could use.

use crate::health::Check;
use crate::http::Body;
use crate::hub::Hub;
use hyper::body::Bytes;
use hyper::header::{self, HeaderValue};
use hyper::{Response, StatusCode};
use std::fmt::Write;

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Probe<'a> {
    question: Question,
    wording: Wording<'a>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Question {
    Live,
    Ready,
    Started,
    Memory,
}

/// How the answer is put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wording<'a> {
    /// `ok`, or what failed.
    Plain,
    /// `Healthy` or `Unhealthy`, as Net.MQTT has it.
    Health,
    /// One check alone.
    One(&'a str),
}

impl<'a> Probe<'a> {
    /// The probe at `path`.
    pub(super) fn at(path: &'a str) -> Option<Probe<'a>> {
        let probe = |question, wording| Some(Probe { question, wording });
        match path {
            "/livez" | "/healthz/live" => probe(Question::Live, Wording::Plain),
            "/readyz" | "/healthz/ready" => probe(Question::Ready, Wording::Plain),
            "/startupz" => probe(Question::Started, Wording::Plain),
            "/alive" => probe(Question::Live, Wording::Health),
            "/health" | "/healthz" => probe(Question::Ready, Wording::Health),
            "/healthz/memory" => probe(Question::Memory, Wording::Plain),
            _ => {
                let (parent, check) = path.strip_prefix('/')?.split_once('/')?;
                let question = match parent {
                    "livez" => Question::Live,
                    "readyz" => Question::Ready,
                    "startupz" => Question::Started,
                    _ => return None,
                };
                probe(question, Wording::One(check))
            }
        }
    }
}

pub(super) fn respond(hub: &Hub, probe: Probe<'_>, query: Option<&str>) -> Response<Body> {
    let mut checks = match probe.question {
        Question::Live => hub.health.liveness(hub.clock.now()).to_vec(),
        Question::Ready => hub.health.readiness().to_vec(),
        Question::Started => hub.health.startup().to_vec(),
        Question::Memory => return memory(hub),
    };
    if let Wording::One(name) = probe.wording {
        checks.retain(|check| check.name == name);
        if checks.is_empty() {
            return answer(StatusCode::NOT_FOUND, TEXT, "there is no such check\n".to_owned());
        }
    }
    let failed: Vec<&Check> = checks.iter().filter(|check| check.failure.is_some()).collect();
    let status = if failed.is_empty() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let verbose = query.into_iter().flat_map(|query| query.split('&')).any(|word| {
        let (name, value) = word.split_once('=').unwrap_or((word, ""));
        name == "verbose" && !matches!(value, "0" | "false")
    });
    if verbose {
        return answer(status, JSON, json(&checks));
    }
    let body = match (probe.wording, &failed[..]) {
        (Wording::Health, []) => "Healthy".to_owned(),
        (Wording::Health, _) => "Unhealthy".to_owned(),
        (_, []) => "ok\n".to_owned(),
        (_, failed) => failed.iter().fold(String::new(), |mut text, check| {
            let _ = writeln!(text, "{}: {}", check.name, check.failure.as_deref().unwrap_or_default());
            text
        }),
    };
    answer(status, TEXT, body)
}

const TEXT: &str = "text/plain; charset=utf-8";
const JSON: &str = "application/json";

fn answer(status: StatusCode, content: &'static str, body: String) -> Response<Body> {
    let mut response = Response::new(Body::from(Bytes::from(body)));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content));
    response
}

/// Names and reasons are our own texts and need no escapes.
fn json(checks: &[Check]) -> String {
    let all = if checks.iter().all(|check| check.failure.is_none()) { "ok" } else { "failed" };
    let one = |check: &Check| match &check.failure {
        None => format!(r#"{{"name":"{}","status":"ok"}}"#, check.name),
        Some(reason) => format!(r#"{{"name":"{}","status":"failed","reason":"{reason}"}}"#, check.name),
    };
    let checks: Vec<String> = checks.iter().map(one).collect();
    format!("{{\"status\":\"{all}\",\"checks\":[{}]}}\n", checks.join(","))
}

/// Net.MQTT's memory check: its shape with our numbers. It fails where `/readyz/queues` does.
fn memory(hub: &Hub) -> Response<Body> {
    let full = hub.health.readiness().iter().any(|check| check.name == "queues" && check.failure.is_some());
    let (code, status) = match full {
        true => (StatusCode::SERVICE_UNAVAILABLE, "Unhealthy"),
        false => (StatusCode::OK, "Healthy"),
    };
    let data = format!(
        r#"{{"queuedBytes":{},"queuedBytesLimit":{},"partialBytes":{}}}"#,
        hub.broker.budget().used(),
        hub.broker.limits().queued_bytes,
        hub.broker.partial().used(),
    );
    let none = r#""00:00:00""#;
    let check = format!(
        r#"{{"status":"{status}","description":"Memory for messages","duration":{none},"tags":["memory"],"data":{data}}}"#
    );
    let body = format!("{{\"status\":\"{status}\",\"totalDuration\":{none},\"checks\":{{\"memoryCheck\":{check}}}}}\n");
    answer(code, JSON, body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths() {
        let found = |path| Probe::at(path).map(|probe| (probe.question, probe.wording));
        assert_eq!(found("/livez"), Some((Question::Live, Wording::Plain)));
        assert_eq!(found("/alive"), Some((Question::Live, Wording::Health)));
        assert_eq!(found("/healthz"), Some((Question::Ready, Wording::Health)));
        assert_eq!(found("/readyz/queues"), Some((Question::Ready, Wording::One("queues"))));
        for path in ["/", "/livezz", "/healthz/other", "/x/livez", "/mqtt", "//livez"] {
            assert_eq!(found(path), None, "{path}");
        }
    }

    #[test]
    fn one_failed_check_fails_all() {
        let checks =
            [Check { name: "one", failure: None }, Check { name: "other", failure: Some("it is late".to_owned()) }];
        assert_eq!(
            json(&checks),
            "{\"status\":\"failed\",\"checks\":[{\"name\":\"one\",\"status\":\"ok\"},\
             {\"name\":\"other\",\"status\":\"failed\",\"reason\":\"it is late\"}]}\n"
        );
        assert!(json(&checks[..1]).starts_with("{\"status\":\"ok\""));
    }
}
