"""What is stored once everything has ended: recipients, history, journals, and anything that was left behind."""

from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

import msgspec

from shared.adapters.queues import StorageJobQueue
from shared.adapters.stores import TableRunStore, TableSyncStateStore, keys
from shared.adapters.stores.table_names import IMPORTS, RECIPIENTS, SNAPSHOTS, TENANTS, UPLOADS
from shared.adapters.tables.client import Tables
from shared.adapters.tables.packing import unpack
from shared.domain.ids import LocationId, RunId, TenantId
from shared.domain.recipient import Counts
from shared.domain.reconcile.fence import JournalEntry
from shared.domain.run import Run
from shared.domain.sync.jobs import ALL_QUEUES
from tests.support.samples import settings

_KINDS: Final = ("created", "updated", "deactivated", "reactivated")
_KEYS: Final = frozenset({"PartitionKey", "RowKey"})
#: Most differences of one kind that are named.
_NAMED: Final = 5

#: Rows of recipients as JSON, by location and id.
Rows = Mapping[tuple[str, str], bytes]


@dataclass(frozen=True, slots=True)
class EndState:
    """Reads what is stored, without the proxy."""

    tables: Tables
    queue: StorageJobQueue

    async def recipients(self, tenant: str, locations: Iterable[str]) -> Rows:
        """Return every recipient of a tenant, without what tells only when it was written."""
        found: dict[tuple[str, str], bytes] = {}
        for location in locations:
            partition = keys.location(TenantId(tenant), LocationId(location))
            async for row in self.tables.query(RECIPIENTS, partition=partition, rows=keys.RECIPIENTS):
                values = {name: value for name, value in row.items() if name not in _KEYS}
                found[location, row["RowKey"]] = msgspec.json.encode(values, order="sorted")
        return found

    async def open_work(self, tenant: str) -> list[str]:
        """Return what has not ended: runs, changes, imports, and messages."""
        known = TenantId(tenant)
        found = [f"run {run.id} is {run.state}" for run in await self._runs(known) if not run.state.ended]
        state = (await TableSyncStateStore(self.tables).get(known)).value
        found += [f"{tenant} is busy: {state}"] if state.is_busy else []
        async for row in self.tables.query(TENANTS, partition=tenant, rows=keys.MANUAL):
            found.append(f"the change {row['RowKey']} is open")
        async for row in self.tables.query(IMPORTS, partition=tenant):
            if row["state"] not in {"done", "failed"}:
                found.append(f"import {row['RowKey']} is {row['state']}")
        depths = {name: await self.queue.depth(name) for name in ALL_QUEUES}
        return found + [f"{depth} messages in {name}" for name, depth in depths.items() if depth]

    async def staged(self, tenant: str) -> Counter[str]:
        """Return the numbers of rows of snapshots and uploads.

        What a run needs while it goes on, such as the checkpoint of a job that waited, is kept with its other rows.
        """
        found: Counter[str] = Counter()
        partitions = keys.tenant_range(TenantId(tenant))
        async for row in self.tables.query(SNAPSHOTS, partitions=partitions, select=["PartitionKey", "RowKey"]):
            kind, colon, _ = row["RowKey"].partition(":")
            found[f"snapshot {'partition' if colon and kind.isdecimal() else kind}"] += 1
        async for _ in self.tables.query(UPLOADS, partitions=partitions, select=["RowKey"]):
            found["part of an upload"] += 1
        return found

    async def history_differences(self, tenant: str, locations: Sequence[str]) -> list[str]:
        """Return where the history says something else than the journals."""
        known = TenantId(tenant)
        written: defaultdict[tuple[RunId, LocationId], Counts] = defaultdict(Counts)
        for location in map(LocationId, locations):
            async for row in self.tables.query(
                RECIPIENTS, partition=keys.location(known, location), rows=keys.JOURNALS
            ):
                entry = unpack(row, JournalEntry)
                written[entry.run, location] += Counts.of(list(entry.changes))
        return history_differences(await self._runs(known), written)

    async def _runs(self, tenant: TenantId) -> list[Run]:
        return [run async for run in TableRunStore(self.tables).list_runs(tenant)]


def history_differences(runs: Iterable[Run], written: Mapping[tuple[RunId, LocationId], Counts]) -> list[str]:
    """Return where the counts of runs differ from those of their journals, by run and location."""
    reported = {(run.id, location): report.counts for run in runs for location, report in run.locations.items()}
    found = []
    for key in sorted(reported.keys() | written.keys()):
        in_history, in_journal = reported.get(key, Counts()), written.get(key, Counts())
        found += [
            f"run {key[0]} at {key[1]}: {name} {getattr(in_history, name)} in the history, "
            f"{getattr(in_journal, name)} in the journals"
            for name in _KINDS
            if getattr(in_history, name) != getattr(in_journal, name)
        ]
    return found


def recipient_differences(found: Rows, twin: Rows) -> list[str]:
    """Return how many recipients are missing, extra or different, with some of them."""
    differences = []
    for what, ids in {
        "missing": twin.keys() - found.keys(),
        "extra": found.keys() - twin.keys(),
        "different": {key for key in found.keys() & twin.keys() if found[key] != twin[key]},
    }.items():
        if ids:
            shown = [(key, found.get(key), twin.get(key)) for key in sorted(ids)[:_NAMED]]
            differences.append(f"{len(ids)} recipients are {what}: {shown}")
    return differences


def staged_differences(found: Counter[str], twin: Counter[str]) -> list[str]:
    """Return what was left behind in addition to what the twin has."""
    return [f"{number} more rows than the twin: {kind}" for kind, number in (found - twin).items()]


@asynccontextmanager
async def end_state(connection_string: str) -> AsyncIterator[EndState]:
    """Open the storage behind the proxy."""
    known = settings(connection_string)
    tables, queue = Tables(known), StorageJobQueue(known)
    try:
        yield EndState(tables, queue)
    finally:
        await tables.close()
        await queue.close()
