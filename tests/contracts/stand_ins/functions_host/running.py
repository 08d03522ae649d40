"""What tests hold in their hands: a running host and queues of their own."""

import asyncio
import sys
from collections.abc import AsyncIterable, Awaitable, Callable, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Protocol

import aiohttp
from azure.storage.queue import QueueMessage
from azure.storage.queue.aio import QueueServiceClient

from infra.local.functions_host.host import Host

KEY = "the key"


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A host that runs an app, and a client for it."""

    host: Host
    url: str
    client: aiohttp.ClientSession

    @property
    def app(self) -> ModuleType:
        """The app's module, whose globals tell what its functions saw."""
        return sys.modules["function_app"]

    async def get(
        self, path: str, *, params: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, str]:
        """Status and text of a GET."""
        async with self.client.get(self.url + path, params=params, headers=headers) as response:
            return response.status, await response.text()

    async def post(
        self,
        path: str,
        *,
        json: object = None,
        data: AsyncIterable[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> tuple[int, str]:
        """Status and text of a POST."""
        async with self.client.post(self.url + path, json=json, data=data, headers=headers) as response:
            return response.status, await response.text()


class StartHost(Protocol):
    """Starts a host."""

    async def __call__(
        self,
        source: str,
        *,
        queues: Mapping[str, object] | None = None,
        host_json: Mapping[str, object] | None = None,
        environ: Mapping[str, str] | None = None,
        redeliver: bool = False,
        lock_s: int = 600,
        per_group: bool = False,
        waits: float = 1.0,
    ) -> Running:
        """Run an app of this source, with these queue options and other parts of host.json."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Queues:
    """Queues of the emulator that belong to one test."""

    service: QueueServiceClient
    prefix: str

    def name(self, end: str) -> str:
        """A queue's name that no other test has."""
        return f"{self.prefix}-{end}"

    async def create(self, end: str) -> str:
        """Make a queue; returns its name."""
        await self.service.create_queue(self.name(end))
        return self.name(end)

    async def send(self, end: str, text: str) -> None:
        """Put a message, its text as it is, into a queue."""
        await self.service.get_queue_client(self.name(end)).send_message(text)

    async def texts(self, end: str) -> list[str]:
        """Return the texts of the visible messages without receiving them. Empty if the queue does not exist."""
        if not await self.exists(end):
            return []
        messages = await self.service.get_queue_client(self.name(end)).peek_messages(max_messages=32)
        return [str(message.content) for message in messages]

    async def count(self, end: str) -> int:
        """How many messages there are, visible or not."""
        properties = await self.service.get_queue_client(self.name(end)).get_queue_properties()
        return properties.approximate_message_count or 0

    async def exists(self, end: str) -> bool:
        """Whether there is such a queue."""
        names = [queue.name async for queue in self.service.list_queues(name_starts_with=self.name(end))]
        return self.name(end) in names

    async def take(self, end: str) -> QueueMessage | None:
        """Receive a message, as another host would; None when none is visible."""
        return await self.service.get_queue_client(self.name(end)).receive_message(visibility_timeout=30)

    async def is_empty(self, end: str) -> bool:
        """Whether every message is gone."""
        return await self.count(end) == 0


async def until(condition: Callable[[], bool | Awaitable[bool]], timeout_s: float = 15) -> None:
    """Return once the condition holds; fail when it does not in time."""
    async with asyncio.timeout(timeout_s):
        while True:
            holds = condition()
            if holds if isinstance(holds, bool) else await holds:
                return
            await asyncio.sleep(0.02)
