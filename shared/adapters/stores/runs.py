"""Runs, their plans, jobs and results."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

import msgspec

from shared.adapters.stores import keys
from shared.adapters.stores.account_placement import TenantTables
from shared.adapters.stores.table_names import JOBS, RUNS
from shared.adapters.stores.unreadable_rows import readable
from shared.adapters.tables.bounded_deletion import delete_some
from shared.adapters.tables.client import Entity, Tables
from shared.adapters.tables.packing import pack, pack_rows, unpack, unpack_rows
from shared.domain.ids import LocationId, RunId, SourceId, TenantId, newest_first, requested_at, run_id_at
from shared.domain.reconcile.candidate import Candidate
from shared.domain.run import Plan, Run, RunMode, RunProgress, RunState
from shared.domain.sync.jobs import (
    ExistenceAnswers,
    FetchCheckpoint,
    FetchJob,
    FetchResult,
    ReconcileJob,
    ReconcileResult,
)
from shared.domain.sync.repeats import Repeats
from shared.domain.versioned import Versioned
from shared.errors import ETagConflict, NotFound
from shared.ports.tenant_data import ALL_ROWS
from shared.runtime.optimistic_update import optimistic_update

T = TypeVar("T")


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """The held deactivations of one location."""

    location: LocationId
    people: tuple[Candidate, ...]


class TableRunStore:
    """`RunStore` on the tables Runs (newest first within a tenant) and Jobs (one partition per run)."""

    def __init__(self, tables: Tables, accounts: TenantTables | None = None) -> None:
        self._tables = tables
        self._accounts = accounts or tables

    async def insert_plan(self, plan: Plan) -> Plan:
        """Store a plan unless the run has one, and return the stored one."""
        sizes = {"sources": len(plan.sources), "locations": len(plan.locations)}
        return await self._insert_once(plan.tenant, plan.run, keys.PLAN, plan, Plan, **sizes)

    async def get_plan(self, tenant: TenantId, run: RunId) -> Plan:
        """Return the plan of a run. Raises NotFound if it does not exist."""
        try:
            return await self._large(tenant, run, keys.PLAN, Plan)
        except NotFound as error:
            raise NotFound(f"Run {run!r} of tenant {tenant!r} does not have a plan.", code="plan_not_found") from error

    async def insert(self, run: Run) -> bool:
        """Insert a run unless its id exists. Return whether it was inserted, also if the answer of that was lost."""
        tables = await self._accounts.of(run.tenant)
        try:
            await tables.replace(RUNS, _row_of(run), None)
        except ETagConflict:
            return False
        return True

    async def get(self, tenant: TenantId, run: RunId) -> Versioned[Run]:
        """Return a run. Raises NotFound if it does not exist."""
        tables = await self._accounts.of(tenant)
        row: Any = await tables.find(RUNS, tenant, run)
        if row is None or row.get("discarded"):
            raise NotFound(f"Run {run!r} does not exist in tenant {tenant!r}.", code="run_not_found")
        return Versioned(unpack(row, Run), str(row.metadata["etag"]))

    async def replace(self, run: Run, etag: str | None) -> str:
        """Replace a run and return its new ETag. Raises ETagConflict if it changed since it was read."""
        tables = await self._accounts.of(run.tenant)
        return await tables.replace(RUNS, _row_of(run), etag)

    async def discard(self, tenant: TenantId, run: RunId) -> None:
        """Take a run that has changed nothing out of the history.

        Its row stays, as that of a run that has ended, so that a late copy of the request that inserted it is refused.
        A run that is not stored gets such a row.
        """
        tables = await self._accounts.of(tenant)
        row = await tables.find(RUNS, tenant, run)
        if row is None or not row.get("discarded"):
            known = _unstored(tenant, run) if row is None else unpack(row, Run)
            ended = msgspec.structs.replace(known, state=RunState.DONE, finished_at=known.requested_at)
            await tables.put(RUNS, {**_row_of(ended), "discarded": True})

    async def list_runs(
        self, tenant: TenantId, *, since: datetime | None = None, after: str = "", whole: bool = False
    ) -> AsyncIterator[Run]:
        """Iterate over the tenant's runs, newest first.

        `after` is the id of the run before the first one to return, `since` the earliest time of request. A run that
        cannot be read is skipped; Unreadable is raised if the `whole` list is needed.
        """
        tables = await self._accounts.of(tenant)
        last = run_id_at(since, 2**32 - 1) if since is not None else ""
        rows = (f"{after}!" if after else "", f"{last}~")
        stored = (row async for row in tables.query(RUNS, partition=tenant, rows=rows) if not row.get("discarded"))
        async for run in readable(self._tables, RUNS, stored, lambda row: unpack(row, Run), skip=not whole):
            yield run

    async def find_checkpoint(self, job: FetchJob) -> FetchCheckpoint | None:
        """Return the checkpoint of an interrupted fetch job; None if it was not interrupted."""
        tables = await self._accounts.of(job.tenant)
        row = await tables.find(JOBS, keys.run(job.tenant, job.run), keys.checkpoint(job.source))
        return None if row is None else unpack(row, FetchCheckpoint)

    async def save_checkpoint(self, job: FetchJob, checkpoint: FetchCheckpoint | None) -> None:
        """Store the checkpoint of a fetch job; None deletes it."""
        tables = await self._accounts.of(job.tenant)
        partition, row = keys.run(job.tenant, job.run), keys.checkpoint(job.source)
        if checkpoint is None:
            await tables.delete(JOBS, partition, row)
        else:
            await tables.put(JOBS, {"PartitionKey": partition, "RowKey": row, **pack(checkpoint)})

    async def record_fetch_result(self, job: FetchJob, result: FetchResult) -> FetchResult:
        """Store a result unless the job has one, and return the stored one."""
        row = keys.fetched(job.source)
        return await self._insert_once(job.tenant, job.run, row, result, FetchResult, outcome=result.outcome.value)

    async def record_reconcile_result(self, job: ReconcileJob, result: ReconcileResult) -> ReconcileResult:
        """Store a result unless the job has one, and return the stored one."""
        return await self._insert_once(job.tenant, job.run, keys.reconciled(job.location), result, ReconcileResult)

    async def find_fetch_result(self, job: FetchJob) -> FetchResult | None:
        """Return the result of a job; None if it does not have one."""
        try:
            return await self._large(job.tenant, job.run, keys.fetched(job.source), FetchResult)
        except NotFound:
            return None

    async def is_reconciled(self, job: ReconcileJob) -> bool:
        """Return whether a job has a result."""
        tables = await self._accounts.of(job.tenant)
        return await tables.find(JOBS, keys.run(job.tenant, job.run), keys.reconciled(job.location)) is not None

    async def list_fetched(self, tenant: TenantId, run: RunId) -> Collection[SourceId]:
        """Return the sources that have a result, without reading the results."""
        return {SourceId(name) async for name in self._marked(tenant, run, keys.FETCHED)}

    async def list_reconciled(self, tenant: TenantId, run: RunId) -> Collection[LocationId]:
        """Return the locations that have a result, without reading the results."""
        return {LocationId(name) async for name in self._marked(tenant, run, keys.RECONCILED)}

    async def list_fetch_results(self, tenant: TenantId, run: RunId) -> Mapping[SourceId, FetchResult]:
        """Return the results of all sources that have one."""
        return {result.source: result for result in await self._all(tenant, run, keys.FETCHED, FetchResult)}

    async def list_reconcile_results(self, tenant: TenantId, run: RunId) -> Mapping[LocationId, ReconcileResult]:
        """Return the results of all locations that have one."""
        return {result.location: result for result in await self._all(tenant, run, keys.RECONCILED, ReconcileResult)}

    async def record_held(
        self, tenant: TenantId, run: RunId, location: LocationId, people: Sequence[Candidate]
    ) -> Sequence[Candidate]:
        """Store which deactivations await approval at a location, unless stored, and return the stored ones."""
        held = Held(location=location, people=tuple(people))
        return (await self._insert_once(tenant, run, keys.held(location), held, Held)).people

    async def list_held(self, tenant: TenantId, run: RunId) -> Mapping[LocationId, Sequence[Candidate]]:
        """Return the deactivations that await approval, by location; empty for a run that was never held."""
        return {held.location: held.people for held in await self._all(tenant, run, keys.HELD, Held)}

    async def record_answers(self, tenant: TenantId, run: RunId, attempt: str, answers: ExistenceAnswers) -> None:
        """Store the answers of an interrupted existence check under the id of an attempt."""
        await self._insert_once(tenant, run, keys.answers(attempt), answers, ExistenceAnswers)

    async def find_answers(self, tenant: TenantId, run: RunId, attempt: str) -> ExistenceAnswers | None:
        """Return stored answers; None if they do not exist."""
        try:
            return await self._large(tenant, run, keys.answers(attempt), ExistenceAnswers)
        except NotFound:
            return None

    @optimistic_update  # several jobs of a run can be sent again at the same time
    async def count_repeat(self, tenant: TenantId, run: RunId, requests: int) -> Repeats:
        """Count a message with which a job of the run is sent again, and its requests. Return the sums."""
        tables = await self._accounts.of(tenant)
        partition = keys.run(tenant, run)
        row: Any = await tables.find(JOBS, partition, keys.REPEATS)
        before = Repeats() if row is None else unpack(row, Repeats)
        after = Repeats(messages=before.messages + 1, requests=before.requests + requests)
        etag = None if row is None else str(row.metadata["etag"])
        await tables.replace(JOBS, {"PartitionKey": partition, "RowKey": keys.REPEATS, **pack(after)}, etag)
        return after

    async def get_progress(self, tenant: TenantId, run: RunId) -> RunProgress:
        """Return the progress of a run; all zeros before it has a plan."""
        tables = await self._accounts.of(tenant)
        sources = locations = fetched = reconciled = 0
        select = ["RowKey", "sources", "locations"]
        async for row in tables.query(JOBS, partition=keys.run(tenant, run), select=select):
            name = row["RowKey"]
            if keys.is_more(name):
                continue
            if name == keys.PLAN:
                sources, locations = row["sources"], row["locations"]
            fetched += name.startswith(keys.FETCHED[0])
            reconciled += name.startswith(keys.RECONCILED[0])
        return RunProgress(fetched=fetched, sources=sources, reconciled=reconciled, locations=locations)

    async def purge_jobs(self, tenant: TenantId, before: datetime, keep: Collection[RunId], limit: int) -> int:
        """Delete up to `limit` rows of jobs of the runs requested before this time, except those of `keep`.

        Returns the number of rows; fewer than `limit` are all of them.
        """
        tables, kept = await self._accounts.of(tenant), {keys.run(tenant, run) for run in keep}
        return await delete_some(
            tables,
            JOBS,
            limit,
            partitions=keys.runs_before(tenant, before),
            keep=lambda row: row["PartitionKey"] in kept,
        )

    async def purge(self, tenant: TenantId, before: datetime, keep: Collection[RunId], limit: int) -> int:
        """Delete up to `limit` runs requested before this time, except those of `keep`. As `purge_jobs`."""
        tables, rows = await self._accounts.of(tenant), (newest_first(before), "~")
        return await delete_some(
            tables, RUNS, limit, partition=tenant, rows=rows, keep=lambda row: row["RowKey"] in keep
        )

    async def delete_all(self, tenant: TenantId, limit: int = ALL_ROWS) -> int:
        """Delete rows of the tenant. As `TenantData.delete_all`."""
        tables = await self._accounts.of(tenant)
        deleted = await delete_some(tables, JOBS, limit, partitions=keys.tenant_range(tenant))
        return deleted + await delete_some(tables, RUNS, limit - deleted, partition=tenant)

    async def _insert_once(
        self, tenant: TenantId, run: RunId, row: str, value: T, kind: type[T], **columns: object
    ) -> T:
        """Insert a value that never changes, atomically in as many rows as it needs. The first insert wins.

        Returns the stored value.
        """
        tables = await self._accounts.of(tenant)
        partition = keys.run(tenant, run)
        first, *further = pack_rows(value)
        head = {"PartitionKey": partition, "RowKey": row, "rows": 1 + len(further), **columns, **first}
        more = [
            {"PartitionKey": partition, "RowKey": keys.more(row, number), **part}
            for number, part in enumerate(further, start=1)
        ]
        try:
            if more:
                await tables.transact(JOBS, [("create", entity) for entity in (head, *more)])
            else:
                await tables.insert(JOBS, head)
        except ETagConflict:
            return await self._large(tenant, run, row, kind)
        return value

    async def _large(self, tenant: TenantId, run: RunId, row: str, kind: type[T]) -> T:
        """Return a value that `_insert_once` stored. Raises NotFound if it does not exist."""
        tables = await self._accounts.of(tenant)
        partition = keys.run(tenant, run)
        head = await tables.get(JOBS, partition, row)
        if head["rows"] == 1:
            return unpack(head, kind)
        parts = tables.query(JOBS, partition=partition, rows=keys.more_range(row))
        return unpack_rows([part async for part in parts], kind)

    async def _marked(self, tenant: TenantId, run: RunId, rows: tuple[str, str]) -> AsyncIterator[str]:
        """Iterate over the ids of the sources or locations with a row in a range."""
        tables = await self._accounts.of(tenant)
        async for row in tables.query(JOBS, partition=keys.run(tenant, run), rows=rows, select=["RowKey"]):
            if not keys.is_more(row["RowKey"]):
                yield row["RowKey"].removeprefix(rows[0])

    async def _all(self, tenant: TenantId, run: RunId, rows: tuple[str, str], kind: type[T]) -> list[T]:
        """Return all values in a range that `_insert_once` stored. The rows of one value are consecutive."""
        tables = await self._accounts.of(tenant)
        values: list[list[Entity]] = []
        async for row in tables.query(JOBS, partition=keys.run(tenant, run), rows=rows):
            if keys.is_more(row["RowKey"]):
                values[-1].append(row)
            else:
                values.append([row])
        return [unpack_rows(rows_of_value, kind) for rows_of_value in values]


def _unstored(tenant: TenantId, run: RunId) -> Run:
    """Return a run of which only the id is known."""
    return Run(
        id=run,
        tenant=tenant,
        mode=RunMode.INCREMENTAL,
        state=RunState.PLANNING,
        requested_at=requested_at(run),
        requested_by="",
    )


def _row_of(run: Run) -> dict[str, Any]:
    """Return the row of a run. State and mode are columns, so that they can be read with Storage Explorer."""
    return {"PartitionKey": run.tenant, "RowKey": run.id, "state": run.state.value, "mode": run.mode.value, **pack(run)}
