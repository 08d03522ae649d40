"""Calls between the host and its worker processes."""

import asyncio
import socket
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from infra.local.functions_host.channel import Channel

_LARGE = 5_000_000


class _Noted:
    """A value that notes which thread decodes it."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.decoded_by = ""

    def __reduce__(self) -> Any:  # noqa: ANN401 - what pickle asks for
        return _noted, (self.content,)


def _noted(content: bytes) -> _Noted:
    value = _Noted(content)
    value.decoded_by = threading.current_thread().name
    return value


async def test_a_large_value_arrives_complete_and_is_not_decoded_by_the_event_loop() -> None:
    """As in Azure, where a thread of the worker reads what the host sends."""
    content = bytes(range(256)) * (_LARGE // 256)
    async with _channels() as (host, arrived):
        assert await host.call("store", _Noted(content)) == len(content)
        assert await host.call("store", _Noted(b"short")) == len(b"short")
    large, short = arrived
    assert (large.content == content, short.content) == (True, b"short")
    assert large.decoded_by.startswith("channel")
    assert short.decoded_by == threading.current_thread().name


async def test_calls_are_begun_in_the_order_in_which_they_were_sent() -> None:
    """A short one does not overtake a large one, which takes longer to decode."""
    contents = [b"1" * _LARGE, b"2", b"3" * _LARGE, b"4"]
    async with _channels() as (host, arrived):
        await asyncio.gather(*(host.call("store", _Noted(content)) for content in contents))
    assert [value.content[:1] for value in arrived] == [b"1", b"2", b"3", b"4"]


@asynccontextmanager
async def _channels() -> AsyncIterator[tuple[Channel, list[_Noted]]]:
    """Yield the host's end, and the values that the worker's end got."""
    arrived: list[_Noted] = []

    async def store(value: _Noted) -> int:
        arrived.append(value)
        return len(value.content)

    one, other = socket.socketpair()
    host, worker = await Channel.open(one, {}), await Channel.open(other, {"store": store})
    async with asyncio.TaskGroup() as listening:
        listening.create_task(host.listen())
        listening.create_task(worker.listen())
        yield host, arrived
        host.close()
