"""Ports that let other coroutines run before and after every call, as calls over a network do."""

import asyncio
import dataclasses
import functools
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from shared.bootstrap import Ports


class _Interleaving:
    """A port whose every call gives way to other coroutines."""

    def __init__(self, port: object) -> None:
        self._port = port

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - stands for any port
        method = getattr(self._port, name)
        if inspect.iscoroutinefunction(method):
            return functools.partial(_call, method)
        if inspect.isasyncgenfunction(method):
            return functools.partial(_iterate, method)
        return method


async def _call(method: Callable[..., Awaitable[object]], *args: object, **words: object) -> object:
    await asyncio.sleep(0)
    answer = await method(*args, **words)
    await asyncio.sleep(0)
    return answer


async def _iterate(method: Callable[..., AsyncIterator[object]], *args: object, **words: object) -> Any:  # noqa: ANN401
    await asyncio.sleep(0)
    async for item in method(*args, **words):
        yield item
        await asyncio.sleep(0)


def interleaving(ports: Ports) -> Ports:
    """Return the same deployment with stores and queues whose calls of concurrent requests interleave."""
    names = (
        "tenants",
        "connections",
        "settings",
        "sync_states",
        "runs",
        "recipients",
        "imports",
        "queue",
        "idempotency",
    )
    wrapped: dict[str, Any] = {name: _Interleaving(getattr(ports, name)) for name in names}
    return dataclasses.replace(ports, **wrapped)
