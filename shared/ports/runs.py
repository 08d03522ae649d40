"""Runs, their plans and the results of their jobs."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from shared.domain.ids import LocationId, RunId, SourceId, TenantId
from shared.domain.reconcile.candidate import Candidate
from shared.domain.run import Plan, Run, RunProgress
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
from shared.ports.tenant_data import ALL_ROWS


class RunStore(Protocol):
    """Runs, their plans, jobs and results."""

    async def insert_plan(self, plan: Plan) -> Plan:
        """Store a plan unless the run has one, and return the stored one."""

    async def get_plan(self, tenant: TenantId, run: RunId) -> Plan:
        """Return the plan of a run. Raises NotFound if it does not exist."""

    async def insert(self, run: Run) -> bool:
        """Insert a run unless its id exists. Return whether it was inserted."""

    async def get(self, tenant: TenantId, run: RunId) -> Versioned[Run]:
        """Return a run. Raises NotFound if it does not exist."""

    async def replace(self, run: Run, etag: str | None) -> str:
        """Replace a run and return its new ETag. Raises ETagConflict if it changed since it was read."""

    async def discard(self, tenant: TenantId, run: RunId) -> None:
        """Take a run that has changed nothing out of the history. Its id cannot be used again.

        A run that is not stored is refused if it is inserted later.
        """

    def list_runs(
        self, tenant: TenantId, *, since: datetime | None = None, after: str = "", whole: bool = False
    ) -> AsyncIterator[Run]:
        """Iterate over the tenant's runs, newest first.

        `after` is the id of the run before the first one to return, `since` the earliest time of request. A run that
        cannot be read is skipped; Unreadable is raised if the `whole` list is needed.
        """

    async def find_checkpoint(self, job: FetchJob) -> FetchCheckpoint | None:
        """Return the checkpoint of an interrupted fetch job; None if it was not interrupted."""

    async def save_checkpoint(self, job: FetchJob, checkpoint: FetchCheckpoint | None) -> None:
        """Store the checkpoint of a fetch job; None deletes it."""

    async def record_fetch_result(self, job: FetchJob, result: FetchResult) -> FetchResult:
        """Store a result unless the job has one, and return the stored one."""

    async def record_reconcile_result(self, job: ReconcileJob, result: ReconcileResult) -> ReconcileResult:
        """Store a result unless the job has one, and return the stored one."""

    async def find_fetch_result(self, job: FetchJob) -> FetchResult | None:
        """Return the result of a job; None if it does not have one."""

    async def is_reconciled(self, job: ReconcileJob) -> bool:
        """Return whether a job has a result."""

    async def list_fetched(self, tenant: TenantId, run: RunId) -> Collection[SourceId]:
        """Return the sources that have a result, without reading the results."""

    async def list_reconciled(self, tenant: TenantId, run: RunId) -> Collection[LocationId]:
        """Return the locations that have a result, without reading the results."""

    async def list_fetch_results(self, tenant: TenantId, run: RunId) -> Mapping[SourceId, FetchResult]:
        """Return the results of all sources that have one."""

    async def list_reconcile_results(self, tenant: TenantId, run: RunId) -> Mapping[LocationId, ReconcileResult]:
        """Return the results of all locations that have one."""

    async def record_held(
        self, tenant: TenantId, run: RunId, location: LocationId, people: Sequence[Candidate]
    ) -> Sequence[Candidate]:
        """Store which deactivations await approval at a location, unless stored, and return the stored ones."""

    async def list_held(self, tenant: TenantId, run: RunId) -> Mapping[LocationId, Sequence[Candidate]]:
        """Return the deactivations that await approval, by location; empty for a run that was never held."""

    async def record_answers(self, tenant: TenantId, run: RunId, attempt: str, answers: ExistenceAnswers) -> None:
        """Store the answers of an interrupted existence check under the id of an attempt."""

    async def find_answers(self, tenant: TenantId, run: RunId, attempt: str) -> ExistenceAnswers | None:
        """Return stored answers; None if they do not exist."""

    async def count_repeat(self, tenant: TenantId, run: RunId, requests: int) -> Repeats:
        """Count a message with which a job of the run is sent again, and its requests. Return the sums."""

    async def get_progress(self, tenant: TenantId, run: RunId) -> RunProgress:
        """Return the progress of a run; all zeros before it has a plan."""

    async def purge_jobs(self, tenant: TenantId, before: datetime, keep: Collection[RunId], limit: int) -> int:
        """Delete up to `limit` rows of jobs of the runs requested before this time, except those of `keep`.

        Returns the number of rows; fewer than `limit` are all of them.
        """

    async def purge(self, tenant: TenantId, before: datetime, keep: Collection[RunId], limit: int) -> int:
        """Delete up to `limit` runs requested before this time, except those of `keep`. As `purge_jobs`."""

    async def delete_all(self, tenant: TenantId, limit: int = ALL_ROWS) -> int:
        """Delete rows of the tenant. As `TenantData.delete_all`."""
