"""Python's `websockets`, a strict peer, against an echo of bytes. Argument: the URL."""

import asyncio
import os
import sys

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosedError, InvalidStatus
from websockets.frames import Opcode

URL = sys.argv[1]


async def read(ws, count):
    """Frame borders mean nothing: messages are put together until `count` bytes are there."""
    got = b""
    while len(got) < count:
        message = await asyncio.wait_for(ws.recv(), 20)
        assert isinstance(message, bytes), "only binary frames"
        got += message
    return got


async def sizes():
    async with connect(URL, subprotocols=["mqtt"]) as ws:
        assert ws.subprotocol == "mqtt"
        for size in [1, 2, 125, 126, 127, 65535, 65536, 300_000, 3_000_000]:
            payload = os.urandom(size)
            await ws.send(payload)
            assert await read(ws, size) == payload, size
    assert ws.close_code == 1000, ws.close_code


async def fragments_and_pings():
    async with connect(URL, subprotocols=["mqttv3.1"]) as ws:
        assert ws.subprotocol == "mqttv3.1"
        pong = await ws.ping(b"between")
        await ws.send([b"one", b"", b"two", b"x" * 1000])
        assert await read(ws, 1006) == b"onetwo" + b"x" * 1000
        assert await asyncio.wait_for(pong, 20) >= 0
        pongs = [await ws.ping() for _ in range(50)]
        await asyncio.wait_for(pongs[-1], 20)


async def closes():
    for code in [1000, 1001, 3000, 4999]:
        ws = await connect(URL, subprotocols=["mqtt"])
        await ws.close(code, "reason")
        assert ws.close_code == code, ws.close_code


async def text_is_refused():
    ws = await connect(URL, subprotocols=["mqtt"])
    await ws.send("text")
    try:
        await asyncio.wait_for(ws.recv(), 20)
        raise AssertionError("text came back")
    except ConnectionClosedError as error:
        assert error.rcvd.code == 1003, error.rcvd


async def reserved_bits_are_refused():
    ws = await connect(URL, subprotocols=["mqtt"])
    frame = bytes([0xC0 | Opcode.BINARY, 0x81, 0, 0, 0, 0, 65])
    ws.transport.write(frame)
    try:
        await asyncio.wait_for(ws.recv(), 20)
        raise AssertionError("a compressed frame came back")
    except ConnectionClosedError as error:
        assert error.rcvd.code == 1002, error.rcvd


async def no_sub_protocol_is_refused():
    try:
        await connect(URL)
        raise AssertionError("no sub-protocol was accepted")
    except InvalidStatus as error:
        assert error.response.status_code == 400


async def main():
    await sizes()
    await fragments_and_pings()
    await closes()
    await text_is_refused()
    await reserved_bits_are_refused()
    await no_sub_protocol_is_refused()
    print("all good")


asyncio.run(main())
