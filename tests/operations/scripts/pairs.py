"""Pairs of a publisher and a subscriber over any transport, led by JSON objects on standard input, one a line; each is answered by one line.

open    kind, host, port, ca?, count  -> nothing: so many more pairs, every second one speaks MQTT 5.0
run     -                             -> nothing: all publish with QoS 1, again and again, until they are closed
results -                             -> when all are closed: acknowledged, lost (acknowledged to its publisher and not received by its
                                         subscriber), repeated, codes (of DISCONNECT, by number)
"""

import asyncio
import collections
import itertools
import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "transports/scripts"))
import links  # noqa: E402

IDS = itertools.count()
ENOUGH = 5  # acknowledgements of every publisher before it counts as running


class Client:
    def __init__(self, link, level, topic):
        self.link, self.level, self.topic = link, level, topic
        self.code = None

    def properties(self):
        return b"\x00" if self.level == 5 else b""

    async def enter(self):
        name = f"pair{next(IDS)}"
        body = b"\x00\x04MQTT" + bytes([self.level, 2]) + b"\x00\x00" + self.properties() + links.text(name)
        await self.link.write(links.packet(0x10, body))
        first, rest = await links.read_packet(self.link.reader)
        assert (first, rest[1]) == (0x20, 0), rest

    async def read(self):
        """The next packet; none after the last."""
        try:
            first, rest = await links.read_packet(self.link.reader)
        except (OSError, asyncio.IncompleteReadError, links.websockets.ConnectionClosed):
            return None
        if first == 0xE0:
            self.code = rest[0] if rest else 0
        return first, rest

    async def write(self, data):
        try:
            await self.link.write(data)
        except (OSError, links.websockets.ConnectionClosed):
            pass  # the end is seen by who reads


class Publisher(Client):
    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.acknowledged = set()
        self.pause = 0.05 + len(self.topic) % 3 * 0.02 + hash(self.topic) % 10 * 0.01  # all at their own pace
        self.closed = False

    async def run(self):
        publishing = asyncio.ensure_future(self.publish())
        while packet := await self.read():
            if packet[0] == 0x40 and (len(packet[1]) < 3 or packet[1][2] < 0x80):
                self.acknowledged.add(int.from_bytes(packet[1][:2], "big"))
        self.closed = True
        await publishing

    async def publish(self):
        for number in range(1, 65536):
            if self.closed:
                return
            body = links.text(self.topic) + number.to_bytes(2, "big") + self.properties() + b"%d" % number
            await self.write(links.packet(0x32, body))
            await asyncio.sleep(self.pause)


class Subscriber(Client):
    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.received = collections.Counter()

    async def subscribe(self):
        body = b"\x00\x01" + self.properties() + links.text(self.topic) + b"\x01"
        await self.link.write(links.packet(0x82, body))
        first, rest = await links.read_packet(self.link.reader)
        assert first == 0x90 and rest[-1] == 1, rest

    async def run(self):
        while packet := await self.read():
            first, rest = packet
            if first & 0xF0 != 0x30:
                continue
            at = 2 + len(self.topic)
            payload = rest[at + 2 + len(self.properties()):]
            self.received[int(payload)] += 1
            await self.write(links.packet(0x40, rest[at:at + 2]))


class Steps:
    def __init__(self):
        self.pairs = []
        self.tasks = []

    async def open(self, step):
        for _ in range(step["count"]):
            number = len(self.pairs)
            level = 5 if number % 2 else 4
            topic = f"pairs/{number}"
            pair = []
            for kind in (Publisher, Subscriber):
                client = kind(await links.KINDS[step["kind"]](step), level, topic)
                await client.enter()
                pair.append(client)
            await pair[1].subscribe()
            self.pairs.append(pair)
        return {}

    async def run(self, step):
        self.tasks = [asyncio.ensure_future(client.run()) for pair in self.pairs for client in pair]
        while any(len(publisher.acknowledged) < ENOUGH for publisher, _ in self.pairs):
            await asyncio.sleep(0.01)
        return {}

    async def results(self, step):
        await asyncio.gather(*self.tasks)
        lost, repeated, acknowledged = [], 0, 0
        for number, (publisher, subscriber) in enumerate(self.pairs):
            acknowledged += len(publisher.acknowledged)
            lost += [f"{number}: {message}" for message in sorted(publisher.acknowledged - set(subscriber.received))]
            repeated += sum(count > 1 for count in subscriber.received.values())
        codes = collections.Counter(str(client.code) for pair in self.pairs for client in pair)
        return {"acknowledged": acknowledged, "lost": lost, "repeated": repeated, "codes": codes}


if __name__ == "__main__":
    asyncio.run(links.main(Steps()))
