"""A publisher and a subscriber with the OpenTelemetry SDK, through the broker at the port that is the argument. Writes their spans."""

import json
import sys
import threading

import paho.mqtt.client as mqtt
from opentelemetry import trace
from opentelemetry.propagate import extract, inject
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

port = int(sys.argv[1])
memory = InMemorySpanExporter()
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(memory))
tracer = provider.get_tracer("test")
received, subscribed = threading.Event(), threading.Event()


def client(name):
    made = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id=name, protocol=mqtt.MQTTv5)
    made.connect("127.0.0.1", port)
    made.loop_start()
    return made


def on_message(_client, _data, message):
    carrier = dict(getattr(message.properties, "UserProperty", []))
    with tracer.start_as_current_span("process", context=extract(carrier)):
        pass
    print(json.dumps({"carrier": carrier}), flush=True)
    received.set()


subscriber, publisher = client("subscriber"), client("publisher")
subscriber.on_message = on_message
subscriber.on_subscribe = lambda *_: subscribed.set()
subscriber.subscribe("traced/#", qos=1)
assert subscribed.wait(20), "no SUBACK"
with tracer.start_as_current_span("send"):
    carrier = {}
    inject(carrier)
    properties = Properties(PacketTypes.PUBLISH)
    properties.UserProperty = [("before", "1"), *carrier.items()]
    publisher.publish("traced/topic", b"hello", qos=1, properties=properties).wait_for_publish(20)
assert received.wait(20), "no message"
for span in memory.get_finished_spans():
    parent = format(span.parent.span_id, "016x") if span.parent else ""
    ids = {"trace": format(span.context.trace_id, "032x"), "span": format(span.context.span_id, "016x")}
    print(json.dumps({"name": span.name, "parent": parent, **ids}), flush=True)
for made in (publisher, subscriber):
    made.disconnect()
    made.loop_stop()
