"""What the actors share, as each of them sees it: tables, queues, vault and directories."""

import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from typing import Any, TypeVar

from shared.adapters.entra.sessions import EntraSessions
from shared.adapters.tables.client import Entity
from shared.domain.connections.entra.credentials import Credentials
from shared.domain.ids import RunId, run_id_at
from shared.domain.sync.jobs import Job
from shared.domain.sync.queue_messages import encode
from shared.ports.queues import PoisonMessage
from tests.simulation.engine.directory import PagedDirectory
from tests.simulation.engine.scheduler import BEGINNING, Actor
from tests.support.fakes import FakeDirectories, FakeSecretStore
from tests.support.fakes.paged_tables import PagedTables
from tests.support.fakes.table_service import MemoryTables

T = TypeVar("T")

#: Listings with at least this number of rows may be answered in two pages.
_PAGED = 3
_PAGED_SHARE = 0.3


class SharedTables(MemoryTables):
    """The Table service, and who looks at what is written."""

    def __init__(self) -> None:
        super().__init__()
        #: Called before each write with the table, the partition and the operations.
        self.watchers: list[Callable[[str, str, Sequence[Any]], None]] = []

    def partitions(self, table: str) -> set[str]:
        """Return the partitions of a table that have rows."""
        return set(self._tables[table])

    def names(self, table: str, partition: str) -> set[str]:
        """Return the row keys of a partition."""
        return set(self._tables[table].get(partition, {}))


class SimulatedStorageClock:
    """`StorageClock` of one actor: its time is the right one."""

    def __init__(self, actor: Actor) -> None:
        self._actor = actor

    async def now(self) -> datetime:
        """Return the time."""

        async def read() -> datetime:
            return BEGINNING + timedelta(seconds=self._actor.scheduler.loop.time())

        return await self._actor.effect("read the clock of storage", read, writes=False)


class SimulatedTables(PagedTables):
    """`Tables` of one actor."""

    def __init__(self, shared: SharedTables, actor: Actor) -> None:
        super().__init__()
        self._tables, self._etags = shared._tables, shared._etags
        self._shared = shared
        self._actor = actor

    async def get(self, table: str, partition: str, row: str) -> Entity:
        """Return one entity. Raises NotFound."""
        get = super().get
        return await self._actor.effect(
            f"get {table} {partition} {row}", lambda: get(table, partition, row), writes=False
        )

    async def insert(self, table: str, entity: Mapping[str, Any]) -> str:
        """Store a new entity."""
        insert = super().insert
        return await self._written("insert", table, entity, lambda: insert(table, entity))

    async def put(self, table: str, entity: Mapping[str, Any]) -> str:
        """Store an entity."""
        put = super().put
        return await self._written("put", table, entity, lambda: put(table, entity))

    async def _merge(self, table: str, entity: Mapping[str, Any], etag: str) -> str:
        merge = super()._merge
        return await self._written("merge", table, entity, lambda: merge(table, entity, etag))

    async def _replace(self, table: str, entity: Mapping[str, Any], etag: str) -> str:
        replace = super()._replace
        return await self._written("replace", table, entity, lambda: replace(table, entity, etag))

    async def delete(self, table: str, partition: str, row: str, etag: str | None = None) -> None:
        """Delete an entity."""
        delete, key = super().delete, {"PartitionKey": partition, "RowKey": row}

        async def do() -> None:
            exists = row in self._shared.names(table, partition)
            await delete(table, partition, row, etag)
            if exists:
                self._tell(table, partition, [("delete", key)])

        await self._actor.effect(f"delete {table} {partition} {row}", do, writes=True)

    async def transact(self, table: str, operations: Iterable[Any]) -> str:
        """Do operations on one partition."""
        listed, transact = list(operations), super().transact
        first = listed[0][1]
        partition = first["PartitionKey"] if isinstance(first, Mapping) else first.partition

        async def do() -> str:
            answer = await transact(table, listed)
            self._tell(table, partition, listed)
            return answer

        return await self._actor.effect(f"write {len(listed)} rows of {table} {partition}", do, writes=True)

    async def _answered(self, label: str, page: Callable[[], Awaitable[list[Entity]]]) -> list[Entity]:
        return await self._actor.effect(label, page, writes=False)

    def _cut(self, rows: int) -> int:
        chance = self._actor.scheduler.random
        return chance.randrange(1, rows) if rows >= _PAGED and chance.random() < _PAGED_SHARE else 0

    async def _written(self, kind: str, table: str, entity: Mapping[str, Any], write: Callable[[], Awaitable[T]]) -> T:
        partition, row = entity["PartitionKey"], entity["RowKey"]

        async def do() -> T:
            answer = await write()
            self._tell(table, partition, [(kind, entity)])
            return answer

        return await self._actor.effect(f"{kind} {table} {partition} {row}", do, writes=True)

    def _tell(self, table: str, partition: str, operations: Sequence[Any]) -> None:
        for watcher in self._shared.watchers:
            watcher(table, partition, operations)


@dataclass(eq=False)
class Message:
    """A message of a queue."""

    id: str
    queue: str
    text: str
    #: From when it can be received, in seconds.
    visible_s: float = 0.0
    deliveries: int = 0
    #: Number of workers that work on it: two if a lock was lost.
    running: int = 0


@dataclass(eq=False)
class Broker:
    """The queues."""

    messages: list[Message] = field(default_factory=list)
    poison: list[Message] = field(default_factory=list)
    sent: int = 0

    def add(self, queue: str, text: str, visible_s: float) -> None:
        """Enqueue a message."""
        self.sent += 1
        self.messages.append(Message(f"message-{self.sent}", queue, text, visible_s))


class SimulatedQueue:
    """`JobQueue` of one actor."""

    def __init__(self, broker: Broker, actor: Actor) -> None:
        self._broker = broker
        self._actor = actor

    async def send(self, jobs: Sequence[Job], *, delay_s: float = 0) -> None:
        """Enqueue jobs."""
        for job in jobs:
            await self.put_back(job.queue, encode(job), delay_s=delay_s)

    async def oldest_due(self, queue: str) -> datetime | None:
        """Return None: no one measures the queues here."""
        del queue
        return None

    async def put_back(self, queue: str, text: str, *, delay_s: float) -> None:
        """Enqueue a text."""

        async def add() -> None:
            self._broker.add(queue, text, self._actor.monotonic_s() + delay_s)

        await self._actor.effect(f"send {queue} {text}", add, writes=True)

    async def receive_poison(self, queue: str) -> AsyncIterator[PoisonMessage]:
        """Iterate over the messages of a poison queue."""

        async def receive() -> list[Message]:
            return [message for message in self._broker.poison if message.queue == queue]

        for message in await self._actor.effect(f"receive {queue}-poison", receive, writes=False):
            yield PoisonMessage(queue=queue, id=message.id, receipt="", text=message.text)

    async def delete_poison(self, message: PoisonMessage) -> None:
        """Delete a message of a poison queue."""

        async def delete() -> None:
            self._broker.poison = [each for each in self._broker.poison if each.id != message.id]

        await self._actor.effect(f"delete {message.queue}-poison {message.id}", delete, writes=True)


class SimulatedSecrets:
    """`SecretStore` of one actor."""

    def __init__(self, vault: FakeSecretStore, actor: Actor) -> None:
        self._vault = vault
        self._actor = actor

    async def put(self, name: str, value: str) -> str:
        """Store a new version of a secret."""
        return await self._actor.effect(f"put secret {name}", lambda: self._vault.put(name, value), writes=True)

    async def get(self, name: str, version: str) -> str:
        """Return a secret. Raises NotFound."""
        return await self._actor.effect(f"get secret {name}", lambda: self._vault.get(name, version), writes=False)

    async def disable(self, name: str) -> None:
        """Disable a secret."""
        await self._actor.effect(f"disable secret {name}", lambda: self._vault.disable(name), writes=True)

    async def delete(self, name: str) -> None:
        """Delete a secret."""
        await self._actor.effect(f"delete secret {name}", lambda: self._vault.delete(name), writes=True)


class SimulatedDirectories:
    """`EntraSessions` of one actor."""

    def __init__(self, directories: FakeDirectories, actor: Actor) -> None:
        self._directories = directories
        self._actor = actor

    @asynccontextmanager
    async def open(self, credentials: Credentials) -> AsyncIterator[Any]:
        """Return the directory of the credentials' tenant."""
        async with self._directories.open(credentials) as directory:
            yield _SimulatedDirectory(directory, self._actor) if isinstance(directory, PagedDirectory) else directory

    async def close(self) -> None:
        """Close nothing."""


class _SimulatedDirectory:
    """A directory whose every request is an effect."""

    def __init__(self, directory: PagedDirectory, actor: Actor) -> None:
        self._directory = directory
        self._actor = actor

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - stands for any method
        found = getattr(self._directory, name)
        if not inspect.iscoroutinefunction(found):
            return found

        async def request(*args: object, **words: object) -> object:
            async def do() -> object:
                if self._directory.errors:
                    raise self._directory.errors.pop(0)
                return await found(*args, **words)

            return await self._actor.effect(f"directory {name}", do, writes=False)

        return request


class SharedIds:
    """`IdSource` of one actor: ids of runs follow its clock."""

    def __init__(self, numbers: "count[int]", actor: Actor) -> None:
        self._numbers = numbers
        self._actor = actor

    def new_run_id(self) -> RunId:
        """Return the id of a run that is requested now."""
        return run_id_at(self._actor.now(), next(self._numbers))

    def new_attempt_id(self) -> str:
        """Return the id of an attempt to do a job."""
        return f"{next(self._numbers):016x}"


def sessions_of(directories: FakeDirectories, actor: Actor) -> EntraSessions:
    """Return the sessions that an actor opens."""
    return SimulatedDirectories(directories, actor)
