//! A signal's way out: gRPC or HTTP, and the exporters of OpenTelemetry's library over it.

use super::http::{Client, chain};
use super::tls;
use crate::config::telemetry::{Compression, Destination, Protocol};
use anyhow::{Context, bail};
use opentelemetry_http::{Bytes, Request};
use opentelemetry_otlp::Compression::Gzip;
use opentelemetry_otlp::Protocol::HttpBinary;
use opentelemetry_otlp::{LogExporter, SpanExporter, WithExportConfig, WithHttpConfig, WithTonicConfig};
use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_client::MetricsServiceClient;
use opentelemetry_proto::tonic::collector::metrics::v1::{ExportMetricsServiceRequest, ExportMetricsServiceResponse};
use prost::Message;
use std::io::Write;
use std::time::Duration;
use tokio::runtime::Handle;
use tonic::codec::CompressionEncoding;
use tonic::metadata::{AsciiMetadataKey, KeyAndValueRef, MetadataMap};
use tonic::transport::{Channel, Endpoint};

/// A way to a collector.
#[derive(Clone, Debug)]
pub struct Transport {
    to: Destination,
    wire: Wire,
}

/// What requests go through.
#[derive(Clone, Debug)]
enum Wire {
    /// gRPC, with headers. Connects when first used, and again when it has to.
    Grpc(Channel, Box<MetadataMap>),
    /// HTTP.
    Http(Box<Client>),
}

/// An exporter of OpenTelemetry's library over a [`Transport`]: its builders have the same methods and no trait in common.
macro_rules! exporter {
    ($exporter:ident, $transport:expr) => {{
        let Transport { to, wire } = $transport;
        match wire {
            Wire::Grpc(channel, metadata) => {
                let builder = $exporter::builder().with_tonic().with_channel(channel.clone());
                // Not `with_metadata`: the library lets what it reads from the environment itself win over that.
                let headers = metadata.clone();
                let headed = move |mut request: tonic::Request<()>| {
                    put(&headers, request.metadata_mut());
                    Ok(request)
                };
                let builder = builder.with_interceptor(headed).with_timeout(to.timeout);
                if gzip(to) { builder.with_compression(Gzip) } else { builder }.build()?
            }
            Wire::Http(client) => {
                let builder = $exporter::builder().with_http().with_http_client((**client).clone());
                let builder = builder.with_protocol(HttpBinary);
                let builder = builder.with_endpoint(to.url.clone()).with_timeout(to.timeout);
                if gzip(to) { builder.with_compression(Gzip) } else { builder }.build()?
            }
        }
    }};
}

impl Transport {
    /// A way to a collector, whose work is done on `runtime`. Nothing is sent yet.
    ///
    /// # Errors
    /// Files that cannot be read, a header that is none.
    pub fn new(to: &Destination, runtime: &Handle) -> anyhow::Result<Transport> {
        let wire = match to.protocol {
            Protocol::Http => Wire::Http(Box::new(Client::new(to, runtime)?)),
            Protocol::Grpc => {
                let endpoint = Endpoint::from_shared(to.url.clone()).with_context(|| to.url.clone())?;
                let secure = endpoint.uri().scheme_str() == Some("https");
                let endpoint = if secure { endpoint.tls_config(tls::for_grpc(to)?)? } else { endpoint };
                let endpoint = endpoint.timeout(to.timeout).connect_timeout(to.timeout);
                let _here = runtime.enter(); // the channel's tasks are spawned there
                Wire::Grpc(endpoint.connect_lazy(), Box::new(metadata(to)?))
            }
        };
        Ok(Transport { to: to.clone(), wire })
    }

    /// The collector's host and port, for the log.
    pub fn place(&self) -> String {
        let uri = self.to.url.parse::<hyper::Uri>().ok();
        uri.and_then(|uri| Some(uri.authority()?.to_string())).unwrap_or_else(|| self.to.url.clone())
    }

    /// Why the last request failed, where the exporters do not say.
    pub fn cause(&self) -> Option<String> {
        match &self.wire {
            Wire::Grpc(..) => None,
            Wire::Http(client) => client.cause(),
        }
    }

    /// An exporter of spans.
    ///
    /// # Errors
    /// The library's.
    pub fn spans(&self) -> anyhow::Result<SpanExporter> {
        Ok(exporter!(SpanExporter, self))
    }

    /// An exporter of log records.
    ///
    /// # Errors
    /// The library's.
    pub fn logs(&self) -> anyhow::Result<LogExporter> {
        Ok(exporter!(LogExporter, self))
    }

    /// Sends metrics, once, within `timeout`. The next interval's numbers are the repeat.
    ///
    /// # Errors
    /// Why they did not arrive.
    pub async fn send_metrics(&self, request: ExportMetricsServiceRequest, timeout: Duration) -> anyhow::Result<()> {
        let sent = match &self.wire {
            Wire::Grpc(channel, metadata) => {
                let mut client = MetricsServiceClient::new(channel.clone());
                if gzip(&self.to) {
                    client = client.send_compressed(CompressionEncoding::Gzip);
                }
                let mut request = tonic::Request::new(request);
                *request.metadata_mut() = (**metadata).clone();
                let sent = async { Ok(client.export(request).await?.into_inner()) };
                tokio::time::timeout(timeout, sent).await
            }
            Wire::Http(client) => tokio::time::timeout(timeout, post(client, &self.to, &request)).await,
        };
        let answer = sent.with_context(|| format!("no answer within {timeout:?}"))??;
        match answer.partial_success {
            Some(partial) if partial.rejected_data_points > 0 => {
                bail!("it rejects {} of the points: {}", partial.rejected_data_points, partial.error_message)
            }
            _ => Ok(()),
        }
    }
}

async fn post(
    client: &Client,
    to: &Destination,
    metrics: &ExportMetricsServiceRequest,
) -> anyhow::Result<ExportMetricsServiceResponse> {
    let mut request = Request::post(&to.url).header("content-type", "application/x-protobuf");
    let mut body = metrics.encode_to_vec();
    if gzip(to) {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(&body)?;
        body = encoder.finish()?;
        request = request.header("content-encoding", "gzip");
    }
    let sent = client.send(request.body(Bytes::from(body))?).await;
    let answer = sent.map_err(|error| anyhow::anyhow!(chain(&*error)))?;
    if !answer.status().is_success() {
        bail!("it answers {}", answer.status());
    }
    // Some collectors answer with JSON, or with nothing: what matters is that they took it.
    Ok(ExportMetricsServiceResponse::decode(answer.into_body()).unwrap_or_default())
}

fn gzip(to: &Destination) -> bool {
    to.compression == Compression::Gzip
}

/// Puts headers into those of a request, in place of others of the same name.
fn put(headers: &MetadataMap, into: &mut MetadataMap) {
    for header in headers.iter() {
        if let KeyAndValueRef::Ascii(key, value) = header {
            into.insert(key, value.clone());
        }
    }
}

fn metadata(to: &Destination) -> anyhow::Result<MetadataMap> {
    let mut metadata = MetadataMap::new();
    for (name, value) in &to.headers {
        let key: AsciiMetadataKey = name.parse().with_context(|| format!("{name} is no name of a header"))?;
        let value = value.expose().parse().map_err(|_| anyhow::anyhow!("the value of header {name} is none"))?;
        metadata.insert(key, value);
    }
    Ok(metadata)
}
