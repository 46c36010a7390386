//! The HTTP client that OTLP requests go out with.
//!
//! It runs on the telemetry runtime: the batch processors poll it from threads of their own, which have no reactor. An answer is read up to a
//! bound, and a request ends with its time.

use super::tls;
use crate::config::telemetry::Destination;
use anyhow::Context;
use http_body_util::{BodyExt, Full, Limited};
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client as Pool;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::runtime::Handle;

/// Most bytes of an answer: a collector says little.
const ANSWER: usize = 64 * 1024;

/// An HTTP client.
#[derive(Clone)]
pub struct Client {
    pool: Pool<HttpsConnector<HttpConnector>, Full<Bytes>>,
    /// Put into every request here: what the exporters are given, they mix with what they read from the environment themselves.
    headers: HeaderMap,
    runtime: Handle,
    timeout: Duration,
    /// Why the last request failed: the exporters pass on no more than that it did.
    cause: Arc<Mutex<String>>,
}

impl Client {
    /// A client for a collector, on a runtime.
    ///
    /// # Errors
    /// Files for TLS that cannot be read, headers that are none.
    pub fn new(destination: &Destination, runtime: &Handle) -> anyhow::Result<Client> {
        let builder = HttpsConnectorBuilder::new().with_tls_config(tls::for_http(destination)?).https_or_http();
        let connector = builder.enable_http1().enable_http2().build();
        let mut builder = Pool::builder(TokioExecutor::new());
        builder.pool_timer(TokioTimer::new()).pool_max_idle_per_host(2).pool_idle_timeout(Duration::from_secs(30));
        let pool = builder.build(connector);
        let headers = headers(destination)?;
        Ok(Client { pool, headers, runtime: runtime.clone(), timeout: destination.timeout, cause: Arc::default() })
    }

    /// Sends a request and reads its answer.
    ///
    /// # Errors
    /// No answer, none in time, or too long a one.
    pub async fn send(&self, mut request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        for (name, value) in &self.headers {
            request.headers_mut().insert(name, value.clone());
        }
        let pool = self.pool.clone();
        let exchange = async move {
            let answer = pool.request(request.map(Full::new)).await?;
            let (head, body) = answer.into_parts();
            let body = Limited::new(body, ANSWER).collect().await?.to_bytes();
            Ok::<_, HttpError>(Response::from_parts(head, body))
        };
        let timeout = self.timeout;
        let limited = async move { tokio::time::timeout(timeout, exchange).await };
        let outcome = match self.runtime.spawn(limited).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) => Err(format!("no answer within {timeout:?}").into()),
            Err(_) => Err("the broker ends".into()),
        };
        let mut cause = self.cause.lock().unwrap_or_else(PoisonError::into_inner);
        *cause = match &outcome {
            Ok(answer) if answer.status().is_success() => String::new(),
            Ok(answer) => format!("it answers {}", answer.status()),
            Err(error) => chain(&**error),
        };
        outcome
    }

    /// Why the last request failed, if it did.
    pub fn cause(&self) -> Option<String> {
        Some(self.cause.lock().unwrap_or_else(PoisonError::into_inner).clone()).filter(|cause| !cause.is_empty())
    }
}

fn headers(destination: &Destination) -> anyhow::Result<HeaderMap> {
    let mut headers = HeaderMap::new();
    for (name, value) in &destination.headers {
        let key: HeaderName = name.parse().with_context(|| format!("{name} is no name of a header"))?;
        let mut value = HeaderValue::from_str(value.expose()).with_context(|| format!("the value of header {name}"))?;
        value.set_sensitive(true);
        headers.insert(key, value);
    }
    Ok(headers)
}

/// An error with those behind it, of which hyper's own text names none.
pub fn chain(error: &dyn std::error::Error) -> String {
    let (mut text, mut next) = (error.to_string(), error.source());
    while let Some(error) = next {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        next = error.source();
    }
    text
}

impl HttpClient for Client {
    // As `#[async_trait]` writes it.
    fn send_bytes<'s, 'f>(
        &'s self,
        request: Request<Bytes>,
    ) -> Pin<Box<dyn Future<Output = Result<Response<Bytes>, HttpError>> + Send + 'f>>
    where
        's: 'f,
        Self: 'f,
    {
        Box::pin(self.send(request))
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").finish_non_exhaustive()
    }
}
