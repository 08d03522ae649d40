"""Runs, their plans and the results of their jobs."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from shared.domain.ids import LocationId, RunId, SourceId, TenantId
from shared.domain.reconcile.candidate import Candidate
from shared.domain.run import Plan, Run, RunProgress
from shared.domain.sync.jobs import FetchCheckpoint, FetchJob, FetchResult, ReconcileJob, ReconcileResult
from shared.domain.versioned import Versioned


class RunStore(Protocol):
    """Runs, their plans, jobs and results."""

    async def insert_plan(self, plan: Plan) -> Plan:
        """Store a plan unless the run has one, and return the one that is stored."""

    async def plan(self, tenant: TenantId, run: RunId) -> Plan:
        """Return a run's plan. Raises: NotFound."""

    async def insert(self, run: Run) -> bool:
        """Store a new run, and return whether it is new; one that is stored already stays as it is."""

    async def get(self, tenant: TenantId, run: RunId) -> Versioned[Run]:
        """Return a run. Raises: NotFound."""

    async def swap(self, run: Run, etag: str | None) -> str:
        """Replace a run and return its new ETag. Raises: Conflict if it changed since it was read."""

    def history(self, tenant: TenantId, *, since: datetime | None = None, after: str = "") -> AsyncIterator[Run]:
        """Iterate over a tenant's runs, newest first, down to those requested at `since`, from behind `after` on."""

    async def checkpoint(self, job: FetchJob) -> FetchCheckpoint | None:
        """Return where a fetch that was cut goes on."""

    async def save_checkpoint(self, job: FetchJob, checkpoint: FetchCheckpoint | None) -> None:
        """Remember where a fetch goes on, or forget it with None."""

    async def record_fetch_result(self, job: FetchJob, result: FetchResult) -> FetchResult:
        """Insert a result unless there is one, and return the one that is stored."""

    async def record_reconcile_result(self, job: ReconcileJob, result: ReconcileResult) -> ReconcileResult:
        """Insert a result unless there is one, and return the one that is stored."""

    async def fetch_result(self, job: FetchJob) -> FetchResult | None:
        """Return a job's result, None if it has none."""

    async def is_reconciled(self, job: ReconcileJob) -> bool:
        """Tell whether a job has a result."""

    async def fetched(self, tenant: TenantId, run: RunId) -> Collection[SourceId]:
        """Return the sources that have a result, without reading any."""

    async def reconciled(self, tenant: TenantId, run: RunId) -> Collection[LocationId]:
        """Return the locations that have a result, without reading any."""

    async def fetch_results(self, tenant: TenantId, run: RunId) -> Mapping[SourceId, FetchResult]:
        """Return the results of all sources that have one."""

    async def reconcile_results(self, tenant: TenantId, run: RunId) -> Mapping[LocationId, ReconcileResult]:
        """Return the results of all locations that have one."""

    async def record_held(
        self, tenant: TenantId, run: RunId, location: LocationId, people: Sequence[Candidate]
    ) -> Sequence[Candidate]:
        """Store whose deactivation waits at a location unless that is stored, and return what is stored."""

    async def held(self, tenant: TenantId, run: RunId) -> Mapping[LocationId, Sequence[Candidate]]:
        """Return whose deactivation waits, by location; empty for a run that was never held."""

    async def progress(self, tenant: TenantId, run: RunId) -> RunProgress:
        """Return how far a run is; zeros before it has a plan."""

    async def erase(self, tenant: TenantId) -> None:
        """Delete every row of the tenant."""
