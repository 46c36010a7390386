"""paho over a Unix domain socket, led by JSON objects on standard input, one a line; each is answered by one line.

round  path, version, payload -> payload: connects, subscribes, publishes and gives what comes back
"""

import json
import queue
import sys

import paho.mqtt.client as mqtt


def go_round(step):
    connected, subscribed, messages = queue.Queue(), queue.Queue(), queue.Queue()
    client = mqtt.Client(
        mqtt.CallbackAPIVersion.VERSION2, client_id="unix", protocol=step["version"], transport="unix"
    )
    client.on_connect = lambda _c, _u, _flags, reason, _p: connected.put(reason.value)
    client.on_subscribe = lambda _c, _u, _mid, codes, _p: subscribed.put(codes)
    client.on_message = lambda _c, _u, message: messages.put(message.payload.decode())
    client.connect(step["path"], 1883)
    client.loop_start()
    assert connected.get(timeout=step["bound"]) == 0
    client.subscribe("unix/#", 1)
    subscribed.get(timeout=step["bound"])
    client.publish("unix/topic", step["payload"], 1)
    payload = messages.get(timeout=step["bound"])
    client.disconnect()
    client.loop_stop()
    return {"payload": payload}


for line in sys.stdin:
    try:
        answer = go_round(json.loads(line))
    except Exception as error:
        answer = {"error": f"{type(error).__name__}: {error}"}
    print(json.dumps(answer), flush=True)
