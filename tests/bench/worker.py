"""A worker process of the benchmarks: `function_app.py` on a Table service, everything else in the benchmark's process.

The host's process has the queues, the directories and the counters. Directories respond without delay.
"""

import asyncio
import dataclasses
import logging
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from time import perf_counter
from typing import Any, Final

from infra.local.functions_host import worker_process
from infra.local.functions_host.channel import Channel, Handler
from shared import bootstrap
from shared.adapters.queues import StorageJobQueue
from shared.adapters.stores import TableConnectionStore, TableSyncStateStore
from shared.adapters.tables.client import Tables
from shared.bootstrap import Ports
from shared.domain.access.tenants import ConnectedTenant
from shared.domain.connections.connection import encode_secrets
from shared.domain.connections.entra.connection_settings import SECRET
from shared.domain.connections.entra.credentials import Credentials
from shared.domain.directory import ChangesPage, DirectoryUser, Existence, Source, UsersPage
from shared.domain.ids import ObjectId, TenantId
from shared.domain.run import TenantState
from shared.telemetry import count_directory_request
from tests.bench.ailing import suffer
from tests.bench.product import ports_on
from tests.support.fakes import FakeDirectory, FakeSecretStore, entra_providers
from tests.support.samples import settings
from tests.support.world import SETTINGS

#: Name of the setting with the connection string of the Table service.
TABLES: Final = "BENCH_TABLES"
_BEAT_S: Final = 0.001


class _Queue(StorageJobQueue):
    """The product's queues, whose messages are sent to the host."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    async def _send(self, name: str, text: str, delay_s: float) -> None:
        await self._channel.call("put", name, [text], delay_s)


class _Secrets(FakeSecretStore):
    """A vault with the same secret for every connection."""

    async def get(self, name: str, version: str) -> str:
        """Return the secret, whatever its name."""
        del name, version
        return encode_secrets({SECRET: FakeDirectory().secret})


class _Shown(TableConnectionStore):
    """The connection store. It shows only those tenants to the schedule that take part."""

    def __init__(self, tables: Tables, channel: Channel) -> None:
        super().__init__(tables)
        self._channel = channel

    async def list_connected(self) -> AsyncIterator[ConnectedTenant]:
        """As the store, without the tenants that do not take part."""
        shown = await self._channel.call("shown")
        async for tenant in super().list_connected():
            if tenant.id in shown:
                yield tenant


class _Watched(TableSyncStateStore):
    """The store of states. It reports when a tenant is free again."""

    def __init__(self, tables: Tables, channel: Channel) -> None:
        super().__init__(tables)
        self._channel = channel

    async def replace(self, tenant: TenantId, state: TenantState, etag: str | None) -> str:
        """As the store, and report the time when a tenant is free."""
        stored = await super().replace(tenant, state, etag)
        if state.active_run is None:
            await self._channel.call("free", tenant, state.summary.state, perf_counter())
        return stored


class _Directory(FakeDirectory):
    """A directory of the benchmark's process, with the waits and errors of the product's client."""

    def __init__(self, channel: Channel, azure_tenant_id: str) -> None:
        super().__init__()
        self._channel = channel
        self.azure_tenant_id = azure_tenant_id

    async def change_cursor(self) -> str:
        """Return a cursor for the changes from now on."""
        cursor: str = await self._ask("change_cursor")
        return cursor

    async def users(self, source: Source, cursor: str | None = None, *, managers: bool = False) -> UsersPage:
        """Return a page."""
        del managers
        page: UsersPage = await self._ask("users", source, cursor)
        return page

    async def changes(self, cursor: str) -> ChangesPage:
        """Return all changes since the cursor."""
        page: ChangesPage = await self._ask("changes", cursor)
        return page

    async def check_existence(
        self, people: Sequence[ObjectId], groups: Sequence[Source]
    ) -> Mapping[ObjectId, Existence]:
        """Return whether these people exist."""
        existence: Mapping[ObjectId, Existence] = await self._ask("check_existence", list(people), list(groups))
        return existence

    async def users_by_id(self, people: Sequence[ObjectId]) -> Mapping[ObjectId, DirectoryUser | None]:
        """Return the users with these ids."""
        users: Mapping[ObjectId, DirectoryUser | None] = await self._ask("users_by_id", list(people))
        return users

    async def _ask(self, method: str, *arguments: object) -> Any:  # noqa: ANN401 - what the method returns
        ailment, answer = await self._channel.call("directory", self.azure_tenant_id, method, *arguments)
        if ailment is not None:
            await suffer(ailment)
        count_directory_request()
        return answer


class _Sessions:
    """`EntraSessions` over the directories of the benchmark's process."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    @asynccontextmanager
    async def open(self, credentials: Credentials) -> AsyncIterator[FakeDirectory]:
        """Return the directory of the credentials' tenant."""
        yield _Directory(self._channel, credentials.azure_tenant_id)

    async def close(self) -> None:
        """Close nothing."""


class _Beat:
    """Measures how long the event loop does not respond."""

    def __init__(self) -> None:
        self._task: asyncio.Task[None] | None = None
        self._longest_s = 0.0

    async def begin(self) -> None:
        """Begin to measure."""
        self._longest_s = 0.0
        self._task = asyncio.create_task(self._beat())

    async def end(self) -> float:
        """Return the longest delay of a periodic task since the beginning, in seconds."""
        assert self._task is not None
        self._task.cancel()
        return self._longest_s

    async def _beat(self) -> None:
        last = perf_counter()
        while True:
            await asyncio.sleep(_BEAT_S)
            now = perf_counter()
            self._longest_s, last = max(self._longest_s, now - last - _BEAT_S), now


def prepare(channel: Channel) -> dict[str, Handler]:
    """Let the app be built on these ports, and return the further calls that a worker answers."""
    logging.disable(logging.WARNING)  # the problem of each broken directory
    vars(bootstrap).update(load=lambda: SETTINGS, deployed_ports=lambda _: _ports(channel))
    beat = _Beat()

    async def wait_until_ready() -> None:
        bootstrap.app()

    async def schedule(at: datetime) -> int:
        return await bootstrap.app().schedule(at)

    return {
        "wait_until_ready": wait_until_ready,
        "schedule": schedule,
        "begin_beat": beat.begin,
        "end_beat": beat.end,
    }


def _ports(channel: Channel) -> Ports:
    tables = Tables(settings(os.environ[TABLES]))
    return dataclasses.replace(
        ports_on(tables),
        connections=_Shown(tables, channel),
        sync_states=_Watched(tables, channel),
        queue=_Queue(channel),
        secrets=_Secrets(),
        providers=entra_providers(_Sessions(channel)),
    )


if __name__ == "__main__":
    worker_process.main(prepare)
