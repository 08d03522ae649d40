"""Runs in memory."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from datetime import datetime

from shared.domain.ids import LocationId, RunId, SourceId, TenantId, newest_first
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
from shared.errors import NotFound
from shared.ports.tenant_data import ALL_ROWS
from tests.support.fakes.rows import Rows

RunKey = tuple[TenantId, RunId]


class FakeRunStore:
    """`RunStore` in dicts."""

    def __init__(self) -> None:
        self._plans: Rows[RunKey, Plan] = Rows()
        self._discarded: set[RunKey] = set()
        self._runs: Rows[RunKey, Run] = Rows()
        self._positions: dict[tuple[RunKey, SourceId], FetchCheckpoint] = {}
        self._fetched: Rows[tuple[RunKey, SourceId], FetchResult] = Rows()
        self._reconciled: Rows[tuple[RunKey, LocationId], ReconcileResult] = Rows()
        self._answers: dict[tuple[RunKey, str], ExistenceAnswers] = {}
        self._held: Rows[tuple[RunKey, LocationId], tuple[Candidate, ...]] = Rows()
        self._repeats: Rows[RunKey, Repeats] = Rows()

    async def insert_plan(self, plan: Plan) -> Plan:
        """Store a plan unless the run has one, and return the stored one."""
        return self._plans.insert_once((plan.tenant, plan.run), plan)

    async def get_plan(self, tenant: TenantId, run: RunId) -> Plan:
        """Return a run's plan. Raises: NotFound."""
        found = self._plans.value((tenant, run))
        if found is None:
            raise NotFound(f"run {run} has no plan", code="not_found")
        return found

    async def insert(self, run: Run) -> bool:
        """Store a run unless there is one of its id, or was one that was discarded. Return whether it was stored."""
        if (run.tenant, run.id) in self._discarded:
            return False
        return self._runs.insert_once((run.tenant, run.id), run) is run

    async def get(self, tenant: TenantId, run: RunId) -> Versioned[Run]:
        """Return a run. Raises: NotFound."""
        found = self._runs.find((tenant, run))
        if found is None:
            raise NotFound(f"Tenant {tenant!r} has no run {run!r}.", code="run_not_found")
        return found

    async def replace(self, run: Run, etag: str | None) -> str:
        """Replace a run and return its new ETag. Raises: ETagConflict if it changed since it was read."""
        return self._runs.replace((run.tenant, run.id), run, etag)

    async def discard(self, tenant: TenantId, run: RunId) -> None:
        """Take a run that has changed nothing out of the history, or refuse it if it is not stored yet."""
        self._discarded.add((tenant, run))
        self._runs.delete((tenant, run))

    async def list_runs(
        self, tenant: TenantId, *, since: datetime | None = None, after: str = "", whole: bool = False
    ) -> AsyncIterator[Run]:
        """Iterate over the tenant's runs, newest first.

        They begin after the run `after`, and end with those requested at `since`. All of them can be read.
        """
        del whole
        for (owner, name), run in list(self._runs.items()):
            if owner == tenant and name > after and (since is None or run.requested_at >= since):
                yield run

    async def find_checkpoint(self, job: FetchJob) -> FetchCheckpoint | None:
        """Return where an interrupted fetch job continues, None if it was not interrupted."""
        return self._positions.get(((job.tenant, job.run), job.source))

    async def save_checkpoint(self, job: FetchJob, checkpoint: FetchCheckpoint | None) -> None:
        """Store where a fetch job continues. None deletes the checkpoint."""
        self._positions.pop(((job.tenant, job.run), job.source), None)
        if checkpoint is not None:
            self._positions[(job.tenant, job.run), job.source] = checkpoint

    async def record_fetch_result(self, job: FetchJob, result: FetchResult) -> FetchResult:
        """Store a result unless the job has one, and return the stored one."""
        return self._fetched.insert_once(((job.tenant, job.run), job.source), result)

    async def record_reconcile_result(self, job: ReconcileJob, result: ReconcileResult) -> ReconcileResult:
        """Store a result unless the job has one, and return the stored one."""
        return self._reconciled.insert_once(((job.tenant, job.run), job.location), result)

    async def find_fetch_result(self, job: FetchJob) -> FetchResult | None:
        """Return a job's result, None if it has none."""
        return self._fetched.value(((job.tenant, job.run), job.source))

    async def is_reconciled(self, job: ReconcileJob) -> bool:
        """Return whether a job has a result."""
        return self._reconciled.value(((job.tenant, job.run), job.location)) is not None

    async def list_fetched(self, tenant: TenantId, run: RunId) -> Collection[SourceId]:
        """Return the sources that have a result, without reading the results."""
        return {source for key, source in self._fetched.keys() if key == (tenant, run)}

    async def list_reconciled(self, tenant: TenantId, run: RunId) -> Collection[LocationId]:
        """Return the locations that have a result, without reading the results."""
        return {location for key, location in self._reconciled.keys() if key == (tenant, run)}

    async def list_fetch_results(self, tenant: TenantId, run: RunId) -> Mapping[SourceId, FetchResult]:
        """Return the results of all sources that have one."""
        return {source: result for (key, source), result in self._fetched.items() if key == (tenant, run)}

    async def list_reconcile_results(self, tenant: TenantId, run: RunId) -> Mapping[LocationId, ReconcileResult]:
        """Return the results of all locations that have one."""
        return {location: result for (key, location), result in self._reconciled.items() if key == (tenant, run)}

    async def record_held(
        self, tenant: TenantId, run: RunId, location: LocationId, people: Sequence[Candidate]
    ) -> Sequence[Candidate]:
        """Store which deactivations await approval at a location, unless stored, and return the stored ones."""
        return self._held.insert_once(((tenant, run), location), tuple(people))

    async def list_held(self, tenant: TenantId, run: RunId) -> Mapping[LocationId, Sequence[Candidate]]:
        """Return the deactivations that await approval, by location; empty for a run that was never held."""
        return {location: people for (key, location), people in self._held.items() if key == (tenant, run)}

    async def record_answers(self, tenant: TenantId, run: RunId, attempt: str, answers: ExistenceAnswers) -> None:
        """Store the answers of an interrupted existence check."""
        self._answers.setdefault(((tenant, run), attempt), answers)

    async def find_answers(self, tenant: TenantId, run: RunId, attempt: str) -> ExistenceAnswers | None:
        """Return stored answers, None if there are none."""
        return self._answers.get(((tenant, run), attempt))

    async def count_repeat(self, tenant: TenantId, run: RunId, requests: int) -> Repeats:
        """Count a message with which a job of the run is sent again, and its requests. Return the sums."""
        before = self._repeats.value((tenant, run)) or Repeats()
        after = Repeats(messages=before.messages + 1, requests=before.requests + requests)
        self._repeats.put((tenant, run), after)
        return after

    async def get_progress(self, tenant: TenantId, run: RunId) -> RunProgress:
        """Return how far a run is; zeros before it has a plan."""
        plan = self._plans.value((tenant, run))
        return RunProgress(
            fetched=len(await self.list_fetch_results(tenant, run)),
            sources=len(plan.sources) if plan else 0,
            reconciled=len(await self.list_reconcile_results(tenant, run)),
            locations=len(plan.locations) if plan else 0,
        )

    async def purge_jobs(self, tenant: TenantId, before: datetime, keep: Collection[RunId], limit: int) -> int:
        """Delete the jobs of up to `limit` runs requested before this time, except those of `keep`."""
        keys = {*self._plans.keys(), *(key for key, _ in [*self._fetched.keys(), *self._reconciled.keys()])}
        old = sorted(key for key in keys if key[0] == tenant and key[1] >= newest_first(before) and key[1] not in keep)
        for key in old[:limit]:
            self._forget(key, jobs_only=True)
        return len(old[:limit])

    async def purge(self, tenant: TenantId, before: datetime, keep: Collection[RunId], limit: int) -> int:
        """Delete up to `limit` runs requested before this time, except those of `keep`."""
        old = [key for key in self._runs.keys() if key[0] == tenant and key[1] >= newest_first(before)]
        chosen = [key for key in old if key[1] not in keep][:limit]
        for key in chosen:
            self._runs.delete(key)
        return len(chosen)

    async def delete_all(self, tenant: TenantId, limit: int = ALL_ROWS) -> int:
        """Delete rows of the tenant. As `TenantData.delete_all`."""
        own = {key for key in [*self._plans.keys(), *self._runs.keys(), *self._repeats.keys()] if key[0] == tenant}
        own |= {key for key, _ in [*self._fetched.keys(), *self._reconciled.keys(), *self._held.keys()]}
        own |= {key for key, _ in [*self._answers, *self._positions]}
        chosen = sorted(key for key in own if key[0] == tenant)[:limit]
        for key in chosen:
            self._forget(key)
        return len(chosen)

    def _forget(self, key: RunKey, *, jobs_only: bool = False) -> None:
        """Delete every row of a run, or only those of its jobs."""
        if not jobs_only:
            self._runs.delete(key)
        self._plans.delete(key)
        self._repeats.delete(key)
        for fetched in self._fetched.keys():
            if fetched[0] == key:
                self._fetched.delete(fetched)
        for location in self._reconciled.keys():
            if location[0] == key:
                self._reconciled.delete(location)
        for held in self._held.keys():
            if held[0] == key:
                self._held.delete(held)
        self._answers = {name: answers for name, answers in self._answers.items() if name[0] != key}
        self._positions = {place: position for place, position in self._positions.items() if place[0] != key}
