"""One paho client, led by JSON objects on standard input, one a line; each is answered by one line.

connect     host, port, version, id, clean, will?, properties?   -> reason, session_present, properties
subscribe   subscriptions: [{filter, qos, options?}], properties? -> codes
send_subscribe as subscribe, without waiting for SUBACK          -> nothing
unsubscribe filters                                              -> codes
publish     topic, payload, qos, retain, properties?             -> reason
send_publish as publish, whatever becomes of it                  -> nothing
receive                                                          -> topic, payload, qos, retain, properties
closed                                                           -> reason (null without a DISCONNECT)
disconnect  reason?, properties?                                 -> nothing

Payloads and Correlation Data are strings of the characters U+0000 to U+00FF. Properties carry the names of the
specification in snake case; User Properties are a list of pairs, Subscription Identifiers a list.
"""

import json
import queue
import sys

import paho.mqtt.client as mqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

VERSIONS = {"3.1": mqtt.MQTTv31, "3.1.1": mqtt.MQTTv311, "5.0": mqtt.MQTTv5}


def to_properties(packet, named):
    if not named:
        return None
    properties = Properties(packet)
    for name, value in named.items():
        if name == "user_properties":
            for key, text in value:
                properties.UserProperty = (key, text)
        elif name in ("correlation_data", "authentication_data"):
            setattr(properties, camel(name), value.encode("latin-1"))
        else:
            setattr(properties, camel(name), value)
    return properties


def from_properties(properties):
    named = {}
    for name in properties.names if properties else ():
        attribute = name.replace(" ", "")
        if not hasattr(properties, attribute):
            continue
        value = getattr(properties, attribute)
        key = name.lower().replace(" ", "_")
        if key == "user_property":
            named["user_properties"] = value
        elif key == "subscription_identifier":
            named["subscription_identifiers"] = value if isinstance(value, list) else [value]
        elif isinstance(value, bytes):
            named[key] = value.decode("latin-1")
        else:
            named[key] = value
    return named


def camel(name):
    return name.title().replace("_", "")


class Puppet:
    def __init__(self):
        self.bound = None
        self.connacks, self.subacks, self.unsubacks = queue.Queue(), queue.Queue(), queue.Queue()
        self.published, self.messages, self.closes = queue.Queue(), queue.Queue(), queue.Queue()

    def connect(self, step):
        version = VERSIONS[step["version"]]
        self.v5 = version == mqtt.MQTTv5
        self.client = client = mqtt.Client(
            mqtt.CallbackAPIVersion.VERSION2,
            client_id=step["id"],
            clean_session=None if self.v5 else step["clean"],
            protocol=version,
            reconnect_on_failure=False,
        )
        client.on_connect = lambda _c, _u, flags, reason, properties: self.connacks.put((flags, reason, properties))
        client.on_subscribe = lambda _c, _u, _mid, codes, _p: self.subacks.put(codes)
        client.on_unsubscribe = lambda _c, _u, _mid, codes, _p: self.unsubacks.put(codes)
        client.on_publish = lambda _c, _u, _mid, reason, _p: self.published.put(reason)
        client.on_message = lambda _c, _u, message: self.messages.put(message)
        client.on_disconnect = lambda _c, _u, flags, reason, _p: self.closes.put((flags, reason))
        will = step.get("will")
        if will:
            client.will_set(
                will["topic"],
                will["payload"].encode("latin-1"),
                will["qos"],
                will["retain"],
                to_properties(PacketTypes.WILLMESSAGE, will.get("properties")),
            )
        more = {}
        if self.v5:
            more = {
                "clean_start": step["clean"],
                "properties": to_properties(PacketTypes.CONNECT, step.get("properties")),
            }
        client.connect(step["host"], step["port"], keepalive=60, **more)
        client.loop_start()
        flags, reason, properties = self.connacks.get(timeout=self.bound)
        return {
            "reason": reason.value,
            "session_present": flags.session_present,
            "properties": from_properties(properties),
        }

    def subscribe(self, step):
        self.send_subscribe(step)
        return {"codes": [code.value for code in self.subacks.get(timeout=self.bound)]}

    def send_subscribe(self, step):
        subscriptions = step["subscriptions"]
        if self.v5:
            asked = [(s["filter"], SubscribeOptions(qos=s["qos"], **s.get("options", {}))) for s in subscriptions]
            properties = to_properties(PacketTypes.SUBSCRIBE, step.get("properties"))
            self.client.subscribe(asked, properties=properties)
        else:
            self.client.subscribe([(s["filter"], s["qos"]) for s in subscriptions])
        return {}

    def unsubscribe(self, step):
        self.client.unsubscribe(step["filters"])
        return {"codes": [code.value for code in self.unsubacks.get(timeout=self.bound)]}

    def publish(self, step):
        sent = self.send(step)
        if sent.rc != mqtt.MQTT_ERR_SUCCESS:
            raise RuntimeError(mqtt.error_string(sent.rc))
        return {"reason": self.published.get(timeout=self.bound).value}

    def send_publish(self, step):
        self.send(step)
        return {}

    def send(self, step):
        properties = to_properties(PacketTypes.PUBLISH, step.get("properties")) if self.v5 else None
        payload = step["payload"].encode("latin-1")
        return self.client.publish(step["topic"], payload, step["qos"], step["retain"], properties)

    def receive(self, _step):
        message = self.messages.get(timeout=self.bound)
        return {
            "topic": message.topic,
            "payload": message.payload.decode("latin-1"),
            "qos": message.qos,
            "retain": bool(message.retain),
            "properties": from_properties(getattr(message, "properties", None)),
        }

    def closed(self, _step):
        flags, reason = self.closes.get(timeout=self.bound)
        told = self.v5 and flags.is_disconnect_packet_from_server
        return {"reason": reason.value if told else None}

    def disconnect(self, step):
        if self.v5:
            code = ReasonCode(PacketTypes.DISCONNECT, identifier=step.get("reason", 0))
            self.client.disconnect(code, to_properties(PacketTypes.DISCONNECT, step.get("properties")))
        else:
            self.client.disconnect()
        self.client.loop_stop()
        return {}


def main():
    puppet = Puppet()
    for line in sys.stdin:
        step = json.loads(line)
        puppet.bound = step["bound"]
        try:
            answer = getattr(puppet, step["step"])(step)
        except queue.Empty:
            answer = {"error": f"no answer to {step['step']} within {step['bound']} s"}
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


main()
