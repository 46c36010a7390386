"""A client on aioquic: control and data stream, a change of address, both protocol names. Says "all good" or fails."""

import asyncio
import socket
import sys

from aioquic.asyncio import connect
from aioquic.quic.configuration import QuicConfiguration

PORT, AUTHORITY = int(sys.argv[1]), sys.argv[2]
CONNECT = bytes([0x10, 14, 0, 4]) + b"MQTT" + bytes([5, 2, 0, 60, 0, 0, 1]) + b"q"


def packet(first, body):
    assert len(body) < 128
    return bytes([first, len(body)]) + body


def text(value):
    return len(value).to_bytes(2, "big") + value.encode()


def subscribe(packet_id, topic):
    return packet(0x82, packet_id.to_bytes(2, "big") + b"\0" + text(topic) + b"\0")


def publish(packet_id, topic, payload):
    return packet(0x32, text(topic) + packet_id.to_bytes(2, "big") + b"\0" + payload)


async def expect(reader, first):
    head = await asyncio.wait_for(reader.readexactly(2), 10)
    body = await asyncio.wait_for(reader.readexactly(head[1]), 10)
    assert head[0] == first, (hex(first), head, body)
    return body


async def move(client):
    """Goes on from another port, as a telephone does between networks."""
    loop = asyncio.get_running_loop()
    sock = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    sock.bind(("::", 0))
    before = client._transport.get_extra_info("sockname")[1]
    old = client._transport
    client._transport, _ = await loop.create_datagram_endpoint(lambda: Forward(client), sock=sock)
    client.change_connection_id()
    assert client._transport.get_extra_info("sockname")[1] != before
    return old


class Forward(asyncio.DatagramProtocol):
    def __init__(self, client):
        self.client = client

    def datagram_received(self, data, addr):
        self.client.datagram_received(data, addr)


async def session(protocol_name):
    configuration = QuicConfiguration(is_client=True, alpn_protocols=[protocol_name], server_name="localhost")
    configuration.load_verify_locations(AUTHORITY)
    async with connect("127.0.0.1", PORT, configuration=configuration) as client:
        control_reader, control = await client.create_stream()
        control.write(CONNECT)
        data_reader, data = await client.create_stream()  # the next number, now that something was written
        assert (await expect(control_reader, 0x20))[1] == 0
        control.write(subscribe(1, "control"))
        assert await expect(control_reader, 0x90) == b"\0\1\0\0"
        data.write(subscribe(1, "data"))
        assert await expect(data_reader, 0x90) == b"\0\1\0\0"

        for _ in range(2):
            data.write(publish(7, "control", b"from data"))
            assert (await expect(data_reader, 0x40))[:2] == b"\0\7"
            assert (await expect(control_reader, 0x30)).endswith(b"from data")
            control.write(publish(7, "data", b"from control"))
            assert (await expect(control_reader, 0x40))[:2] == b"\0\7"
            assert (await expect(data_reader, 0x30)).endswith(b"from control")
            old = await move(client)
            old.close()
        data.write_eof()
        assert await asyncio.wait_for(data_reader.read(), 10) == b""
        # More streams than there may be: the client says so, and goes on.
        for _ in range(20):
            _, more = await client.create_stream()
            more.write(b"\x30")
        control.write(packet(0xC0, b""))
        await expect(control_reader, 0xD0)
        control.write(packet(0xE0, b""))
        assert await asyncio.wait_for(control_reader.read(), 10) == b""


for name in ["mqtt", "mqtt-quic"]:
    asyncio.run(session(name))
print("all good")
