"""A collector: takes OTLP over gRPC and HTTP and writes one JSON line for each span, metric and log record.

Arguments: --grpc PORT, --http PORT (0 takes a free one); --certificate FILE --key FILE for TLS; --authority FILE to ask for client certificates.
The first line says where it listens.
"""

import argparse
import gzip
import json
import ssl
import threading
from concurrent import futures
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import grpc
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2, logs_service_pb2_grpc
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2, metrics_service_pb2_grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc

parser = argparse.ArgumentParser()
parser.add_argument("--grpc", type=int, default=0)
parser.add_argument("--http", type=int, default=0)
parser.add_argument("--certificate")
parser.add_argument("--key")
parser.add_argument("--authority")
arguments = parser.parse_args()
lock = threading.Lock()


def write(line):
    with lock:
        print(json.dumps(line), flush=True)


def value(any_value):
    kind = any_value.WhichOneof("value")
    if kind == "array_value":
        return [value(item) for item in any_value.array_value.values]
    return getattr(any_value, kind) if kind else None


def attributes(pairs):
    return {pair.key: value(pair.value) for pair in pairs}


def spans(request):
    for resource in request.resource_spans:
        for scope in resource.scope_spans:
            for span in scope.spans:
                yield resource.resource, scope.scope, {
                    "name": span.name,
                    "trace": span.trace_id.hex(),
                    "span": span.span_id.hex(),
                    "parent": span.parent_span_id.hex(),
                    "state": span.trace_state,
                    "kind": span.kind,
                    "took": span.end_time_unix_nano - span.start_time_unix_nano,
                    "start": span.start_time_unix_nano,
                    "attributes": attributes(span.attributes),
                    "events": [event.name for event in span.events],
                    "links": [{"trace": link.trace_id.hex(), "span": link.span_id.hex()} for link in span.links],
                    "status": span.status.code,
                }


def points(metric):
    kind = metric.WhichOneof("data")
    data = getattr(metric, kind)
    for point in data.data_points:
        number = None
        if kind == "histogram":
            number = point.count
        elif point.WhichOneof("value"):
            number = getattr(point, point.WhichOneof("value"))
        yield {
            "value": number,
            "attributes": attributes(point.attributes),
            "exemplars": [exemplar.trace_id.hex() for exemplar in point.exemplars] if kind == "histogram" else [],
        }


def metrics(request):
    for resource in request.resource_metrics:
        for scope in resource.scope_metrics:
            for metric in scope.metrics:
                kind = metric.WhichOneof("data")
                data = getattr(metric, kind)
                yield resource.resource, scope.scope, {
                    "name": metric.name,
                    "kind": kind,
                    "unit": metric.unit,
                    "temporality": getattr(data, "aggregation_temporality", 0),
                    "monotonic": getattr(data, "is_monotonic", None),
                    "points": list(points(metric)),
                }


def records(request):
    for resource in request.resource_logs:
        for scope in resource.scope_logs:
            for record in scope.log_records:
                yield resource.resource, scope.scope, {
                    "body": value(record.body),
                    "severity": record.severity_text,
                    "target": scope.scope.name,
                    "trace": record.trace_id.hex(),
                    "span": record.span_id.hex(),
                    "attributes": attributes(record.attributes),
                }


def take(signal, via, headers, parts):
    for resource, scope, line in parts:
        common = {"signal": signal, "via": via, "headers": headers, "resource": attributes(resource.attributes)}
        write({**common, "scope": scope.name, **line})


class Traces(trace_service_pb2_grpc.TraceServiceServicer):
    def Export(self, request, context):
        take("traces", "grpc", dict(context.invocation_metadata()), spans(request))
        return trace_service_pb2.ExportTraceServiceResponse()


class Metrics(metrics_service_pb2_grpc.MetricsServiceServicer):
    def Export(self, request, context):
        take("metrics", "grpc", dict(context.invocation_metadata()), metrics(request))
        return metrics_service_pb2.ExportMetricsServiceResponse()


class Logs(logs_service_pb2_grpc.LogsServiceServicer):
    def Export(self, request, context):
        take("logs", "grpc", dict(context.invocation_metadata()), records(request))
        return logs_service_pb2.ExportLogsServiceResponse()


PATHS = {
    "/v1/traces": ("traces", trace_service_pb2.ExportTraceServiceRequest, spans),
    "/v1/metrics": ("metrics", metrics_service_pb2.ExportMetricsServiceRequest, metrics),
    "/v1/logs": ("logs", logs_service_pb2.ExportLogsServiceRequest, records),
}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        if self.headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        signal, request, parts = PATHS[self.path]
        headers = {name.lower(): text for name, text in self.headers.items()}
        take(signal, "http", headers, parts(request.FromString(body)))
        self.send_response(200)
        self.send_header("content-type", "application/x-protobuf")
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def read(path):
    with open(path, "rb") as file:
        return file.read()


# Without the option two sinks of one machine can get the same port, and each takes what is meant for the other.
server = grpc.server(futures.ThreadPoolExecutor(4), options=[("grpc.so_reuseport", 0)])
trace_service_pb2_grpc.add_TraceServiceServicer_to_server(Traces(), server)
metrics_service_pb2_grpc.add_MetricsServiceServicer_to_server(Metrics(), server)
logs_service_pb2_grpc.add_LogsServiceServicer_to_server(Logs(), server)
http = ThreadingHTTPServer(("127.0.0.1", arguments.http), Handler)
if arguments.certificate:
    authority = read(arguments.authority) if arguments.authority else None
    pair = (read(arguments.key), read(arguments.certificate))
    credentials = grpc.ssl_server_credentials([pair], authority, arguments.authority is not None)
    grpc_port = server.add_secure_port(f"127.0.0.1:{arguments.grpc}", credentials)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(arguments.certificate, arguments.key)
    if arguments.authority:
        context.load_verify_locations(arguments.authority)
        context.verify_mode = ssl.CERT_REQUIRED
    http.socket = context.wrap_socket(http.socket, server_side=True)
else:
    grpc_port = server.add_insecure_port(f"127.0.0.1:{arguments.grpc}")
server.start()
write({"grpc": grpc_port, "http": http.server_address[1]})
http.serve_forever()
