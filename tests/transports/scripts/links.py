"""Many MQTT connections over any transport, led by JSON objects on standard input, one a line; each is answered by one line.

open    group, kind, host, port | path, count, ca?, certificate?, key? -> serial (of the server's certificate, where there is one)
alive   group                                                        -> count (of those that answer PINGREQ)
close   group                                                        -> nothing
fresh   as open, for one that is closed at once                      -> serial
move    group                                                        -> nothing: QUIC connections go on from another port
streams host, port, ca, alpn                                         -> suback, puback, delivered, control: what a second QUIC stream sees

`kind` is tcp, tls, wss, ws, quic or unix.
"""

import asyncio
import itertools
import json
import ssl
import sys

import websockets
from aioquic.asyncio import connect as quic_connect
from aioquic.quic.configuration import QuicConfiguration
from cryptography import x509

IDS = itertools.count()


def text(value):
    return len(value).to_bytes(2, "big") + value.encode()


def packet(first, rest):
    assert len(rest) < 128
    return bytes([first, len(rest)]) + rest


def connect_packet(name):
    return packet(0x10, b"\x00\x04MQTT\x04\x02\x00\x00" + text(name))


async def read_packet(reader):
    first, length = await reader.readexactly(2)
    return first, await reader.readexactly(length)


class Link:
    """A stream of bytes, and how it ends."""

    def __init__(self, reader, write, close, certificate):
        self.reader, self.write, self.close = reader, write, close
        self.serial = certificate and x509.load_der_x509_certificate(certificate).serial_number

    async def enter(self):
        await self.write(connect_packet(f"link{next(IDS)}"))
        first, rest = await read_packet(self.reader)
        if (first, rest) != (0x20, b"\x00\x00"):
            raise RuntimeError(f"CONNACK {first} {rest}")

    async def alive(self):
        try:
            await self.write(b"\xc0\x00")
            return await read_packet(self.reader) == (0xD0, b"")
        except (OSError, asyncio.IncompleteReadError, websockets.ConnectionClosed):
            return False


def context(step):
    made = ssl.create_default_context(cafile=step["ca"])
    if step.get("certificate"):
        made.load_cert_chain(step["certificate"], step["key"])
    return made


async def stream_link(step):
    if step["kind"] == "unix":
        reader, writer = await asyncio.open_unix_connection(step["path"])
    else:
        tls = context(step) if step["kind"] == "tls" else None
        reader, writer = await asyncio.open_connection(step["host"], step["port"], ssl=tls)
    tls = writer.get_extra_info("ssl_object")

    async def write(data):
        writer.write(data)
        await writer.drain()

    async def close():
        writer.close()

    return Link(reader, write, close, tls and tls.getpeercert(True))


async def web_link(step):
    tls = context(step) if step["kind"] == "wss" else None
    scheme = step["kind"]
    url = f"{scheme}://{step['host']}:{step['port']}/mqtt"
    socket = await websockets.connect(url, ssl=tls, subprotocols=["mqtt"], ping_interval=None, proxy=None)
    reader = asyncio.StreamReader()

    async def pump():
        try:
            async for frame in socket:
                reader.feed_data(frame)
        finally:
            reader.feed_eof()

    pumping = asyncio.ensure_future(pump())
    tls = socket.transport.get_extra_info("ssl_object")
    link = Link(reader, socket.send, socket.close, tls and tls.getpeercert(True))
    link.pumping = pumping
    return link


def quic(step):
    settings = QuicConfiguration(is_client=True, alpn_protocols=[step.get("alpn", "mqtt")], server_name="localhost")
    settings.load_verify_locations(step["ca"])
    if step.get("certificate"):
        settings.load_cert_chain(step["certificate"], step["key"])
    settings.idle_timeout = 60
    return quic_connect(step["host"], step["port"], configuration=settings)


def quic_certificate(connection):
    # There is no public way to ask for it.
    from cryptography.hazmat.primitives.serialization import Encoding

    return connection._quic.tls._peer_certificate.public_bytes(Encoding.DER)


async def quic_link(step):
    held = quic(step)
    connection = await held.__aenter__()
    reader, writer = await connection.create_stream()

    async def write(data):
        writer.write(data)

    async def close():
        await held.__aexit__(None, None, None)

    link = Link(reader, write, close, quic_certificate(connection))
    link.connection = connection
    return link


KINDS = {"tcp": stream_link, "tls": stream_link, "unix": stream_link, "ws": web_link, "wss": web_link, "quic": quic_link}


class Steps:
    def __init__(self):
        self.groups = {}

    async def open(self, step):
        links = self.groups.setdefault(step["group"], [])
        for _ in range(step.get("count", 1)):
            link = await KINDS[step["kind"]](step)
            await link.enter()
            links.append(link)
        return {"serial": links[-1].serial}

    async def alive(self, step):
        answers = [await link.alive() for link in self.groups[step["group"]]]
        return {"count": sum(answers)}

    async def move(self, step):
        loop = asyncio.get_running_loop()
        for link in self.groups[step["group"]]:
            old = link.connection._transport
            # The connection takes the new socket for its own.
            await loop.create_datagram_endpoint(lambda: link.connection, local_addr=("::", 0))
            assert link.connection._transport is not old
            link.connection.change_connection_id()
        return {}

    async def close(self, step):
        for link in self.groups.pop(step["group"]):
            await link.close()
        return {}

    async def fresh(self, step):
        link = await KINDS[step["kind"]](step)
        await link.enter()
        await link.close()
        return {"serial": link.serial}

    async def streams(self, step):
        async with quic(step) as connection:
            reader, writer = await connection.create_stream()
            writer.write(connect_packet("control"))
            control = [await read_packet(reader)]
            data_reader, data_writer = await connection.create_stream()
            topic = text("streams/topic")
            data_writer.write(packet(0x82, b"\x00\x01" + topic + b"\x01"))
            suback = await read_packet(data_reader)
            writer.write(packet(0x32, topic + b"\x00\x07hello"))
            puback = await read_packet(reader)
            delivered = await read_packet(data_reader)
            data_writer.write(packet(0x40, delivered[1][len(topic):len(topic) + 2]))
            data_writer.write_eof()
            # The control stream outlives its data streams.
            writer.write(b"\xc0\x00")
            control.append(await read_packet(reader))
            shown = lambda pair: [pair[0], pair[1].hex()]
            return {
                "suback": shown(suback),
                "puback": shown(puback),
                "delivered": shown(delivered),
                "control": [shown(pair) for pair in control],
            }


async def main(steps):
    lines = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    while line := await lines.readline():
        step = json.loads(line)
        try:
            answer = await asyncio.wait_for(getattr(steps, step["step"])(step), step["bound"])
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    asyncio.run(main(Steps()))
