"""Reconcile: updates the recipients of one location from the snapshots of its sources. Does not call a directory."""

from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, aclosing, contextmanager, nullcontext
from math import ceil
from typing import Final

import msgspec

from shared.domain.ids import LocationId, SourceId
from shared.domain.problem import Problem
from shared.domain.recipient import Counts
from shared.domain.reconcile.decide import Write
from shared.domain.reconcile.fence import Fence
from shared.domain.reconcile.predictable import is_plain
from shared.domain.run import Plan, RunMode
from shared.domain.snapshots.changeset import Changed
from shared.domain.snapshots.snapshot import SnapshotManifest
from shared.domain.sync.fingerprints import fingerprint_before, fingerprint_of, needed
from shared.domain.sync.jobs import BUDGET_SHARE, FetchResult, ReconcileJob, ReconcileResult, writing_time_s
from shared.ports.platform import Clock, IdSource
from shared.ports.queues import JobQueue
from shared.ports.recipients import RecipientStore
from shared.ports.runs import RunStore
from shared.ports.snapshots import SnapshotStore
from shared.runtime.bulkhead import Bulkhead
from shared.runtime.fair_scheduler import cpu_slice
from shared.telemetry import RequestCounters, event
from shared.workflows.recipients.fenced_writer import FencedWriter
from shared.workflows.snapshots.cache import CutSnapshots
from shared.workflows.sync.changed_only import ChangesOnly
from shared.workflows.sync.comparison import Comparison
from shared.workflows.sync.finish import RunCloser
from shared.workflows.sync.reconcile_totals import Found
from shared.workflows.sync.stages import StageCoordinator

#: Maximum number of changes that a preview names. The limit keeps its result small enough to be stored.
_NAMED_PREVIEW: Final = 10_000
#: Number of people from which a comparison is large and needs a slot of the bulkhead.
LARGE_PEOPLE: Final = 20_000
#: Slots for large comparisons in a worker. A comparison of a million people takes all of them: it needs 330 MB of the
#: worker's 2,048 MB, and minutes of CPU where host.json allows a function ten minutes.
LARGE_AT_ONCE: Final = 2
#: Number of people per slot of a large comparison.
PLACE_PEOPLE: Final = 500_000
#: Maximum number of recipients that are read one by one. For more, listing the whole location is cheaper.
_MAX_READ: Final = 100


class Reconcile(msgspec.Struct, frozen=True, kw_only=True):
    """Compares the stored recipients of a location with the desired ones, and writes the difference."""

    runs: RunStore
    snapshots: SnapshotStore
    cut: CutSnapshots
    recipients: RecipientStore
    stages: StageCoordinator
    closer: RunCloser
    queue: JobQueue
    clock: Clock
    ids: IdSource
    large: Bulkhead
    budget_s: float

    async def __call__(self, job: ReconcileJob, counters: RequestCounters) -> None:
        """Reconcile one location and record the result. A redelivery does not change a recorded result.

        Creates, updates and reactivations are written; deactivations are only recorded as candidates. After the last
        location the run is finished if no location has a candidate; otherwise the next stage is enqueued.

        Raises:
            Superseded: A newer run, configuration or attempt owns the location.
            Transient: Storage did not respond, or the worker does not have a free slot for a large comparison.
        """
        plan = await self.stages.current_plan(job.tenant, job.run)
        done_before = await self.runs.is_reconciled(job)
        own: dict[LocationId, ReconcileResult] = {}
        if not done_before:
            result = await self._reconcile(plan, job)
            if result is None:
                # Out of time: a new message compares the location again and continues with the remaining writes.
                spent = job.storage_requests + counters.storage_requests
                await self.queue.send([msgspec.structs.replace(job, storage_requests=spent)])
                return
            unspent = msgspec.structs.replace(result, storage_requests=job.storage_requests)
            result = msgspec.structs.replace(result, storage_requests=job.storage_requests + counters.storage_requests)
            if await self.runs.record_reconcile_result(job, result) == result:  # otherwise another delivery was faster
                own = {job.location: unspent}  # the requests of this invocation are counted when it ends the run
            event(
                "reconciled",
                tenant=job.tenant,
                run=job.run,
                location=job.location,
                compared=result.compared,
                partial=result.partial,
                candidates=len(result.candidates),
                **msgspec.structs.asdict(result.counts),
            )
        is_last = len(await self.runs.list_reconciled(plan.tenant, plan.run)) == len(plan.locations)
        if is_last and await self.closer.finish_without_departures(plan, own, counters):
            return
        if is_last or done_before:  # otherwise the job that records the last result advances the run
            await self.stages.advance(plan, resend=done_before)

    async def _reconcile(self, plan: Plan, job: ReconcileJob) -> ReconcileResult | None:
        budget = _WritingBudget(self.clock, BUDGET_SHARE * self.budget_s)
        source_ids = plan.locations[job.location]
        fetched = await self.runs.list_fetch_results(job.tenant, job.run)
        if plan.preview:
            with self._slot(plan, job, fetched):
                return await self._previewed(plan, job, fetched, budget)
        fingerprint = fingerprint_of(plan, source_ids, fetched)
        stored = await self.recipients.get_fence(job.tenant, job.location)
        fence = stored.value
        is_up_to_date = (
            plan.mode is RunMode.INCREMENTAL and fingerprint is not None and fence.input_fingerprint == fingerprint
        )
        # A fingerprint under this run's fencing token is from an attempt that crashed before it recorded its result.
        # That attempt may have written, so its changes have to be counted.
        if is_up_to_date and fence.fencing_token < plan.fencing_token:
            return ReconcileResult(
                location=job.location,
                counts=Counts(),
                baseline=fence.active,
                active=fence.active,
                compared=False,
                input_fingerprint=fingerprint,
            )
        changed = await self._changes_only(plan, job, fetched, fence)
        with nullcontext() if changed else self._slot(plan, job, fetched):
            return await self._written(plan, job, fetched, fence, changed, budget)

    def _slot(
        self, plan: Plan, job: ReconcileJob, fetched: Mapping[SourceId, FetchResult]
    ) -> AbstractContextManager[None]:
        """Acquire the slots that a large comparison needs; a small one needs none. Raises Transient if none is free."""
        people = sum(manifest.digest.users for manifest in self._manifests(plan, job, fetched).values())
        return self.large.acquire(ceil(people / PLACE_PEOPLE)) if people >= LARGE_PEOPLE else nullcontext()

    async def _written(
        self,
        plan: Plan,
        job: ReconcileJob,
        fetched: Mapping[SourceId, FetchResult],
        fence: Fence,
        changed: ChangesOnly | None,
        budget: "_WritingBudget",
    ) -> ReconcileResult | None:
        """Decide about `changed` people, or about all if it is None, and write. Return None if time ran out."""
        fingerprint = fingerprint_of(plan, plan.locations[job.location], fetched)
        location = await FencedWriter.acquire(
            self.recipients,
            job.tenant,
            job.location,
            fencing_token=plan.fencing_token,
            attempt=self.ids.new_attempt_id(),
        )
        # Checked after the fence was acquired: a later writer has to acquire the fence from this one.
        await self.stages.require_current(plan)
        if location.previous != fence:
            changed = None  # another writer changed the location since, so all recipients have to be compared
        compared = changed or self._comparison(plan, job, fetched)
        totals = Found()
        async with aclosing(_counted(compared, totals, budget)) as writes:
            complete = await location.write_as_decided(
                writes, run=plan.run, actor="sync", at=self.clock.now(), out_of_time=budget.out_of_time
            )
        if not complete:
            return None
        if changed is not None:
            totals.widen(fence.active, changed.others)
        is_up_to_date = fingerprint is not None and not totals.candidates
        irregular = totals.irregular if is_plain(plan, job.location) else None
        await location.commit_fingerprint(
            input_fingerprint=fingerprint if is_up_to_date else None, active=totals.active, irregular=irregular
        )
        return await self._result(plan, job, totals, fingerprint, compared.problem)

    async def _changes_only(
        self, plan: Plan, job: ReconcileJob, fetched: Mapping[SourceId, FetchResult], fence: Fence
    ) -> ChangesOnly | None:
        """Return the decisions about changed people only, or None if all people have to be compared."""
        if plan.mode is not RunMode.INCREMENTAL or not is_plain(plan, job.location):
            return None
        changes = fetched[plan.everyone].changes
        if changes is None or fence.input_fingerprint != fingerprint_before(plan, plan.everyone, changes):
            return None
        before = await self.recipients.find_irregular(job.tenant, job.location)
        if before is None or before.attempt != fence.attempt:
            return None
        pages = Changed(changes)
        async for page in self.snapshots.list_pages(job.tenant, changes.pages):
            async with cpu_slice():
                pages.add(page)
        changed = ChangesOnly(self.recipients, plan, job.location, pages.verified(), before)
        return changed if len(changed.to_be_read) <= _MAX_READ else None

    async def _previewed(
        self, plan: Plan, job: ReconcileJob, fetched: Mapping[SourceId, FetchResult], budget: "_WritingBudget"
    ) -> ReconcileResult:
        """Return the changes that a sync would write, without acquiring the fence or writing."""
        compared = self._comparison(plan, job, fetched)
        totals = Found(named_changes=_NAMED_PREVIEW)
        async for _ in _counted(compared, totals, budget):
            pass
        return ReconcileResult(
            location=job.location,
            counts=totals.counts,
            baseline=totals.baseline,
            active=totals.active,
            candidates=tuple(totals.named),
            unnamed_candidates=totals.candidates - len(totals.named),
            skipped=tuple(totals.skipped),
            previewed=tuple(totals.changes),
            problem=compared.problem,
        )

    def _comparison(self, plan: Plan, job: ReconcileJob, fetched: Mapping[SourceId, FetchResult]) -> Comparison:
        return Comparison(self.cut, self.recipients, plan, job.location, self._manifests(plan, job, fetched))

    @staticmethod
    def _manifests(
        plan: Plan, job: ReconcileJob, fetched: Mapping[SourceId, FetchResult]
    ) -> dict[SourceId, SnapshotManifest]:
        """Return the manifests of the needed sources that were read completely."""
        sources = needed(plan, plan.locations[job.location])
        return {source: manifest for source in sources if (manifest := fetched[source].snapshot) is not None}

    async def _result(
        self, plan: Plan, job: ReconcileJob, totals: Found, input_fingerprint: str | None, problem: Problem | None
    ) -> ReconcileResult:
        """Return the result, with counts from the journal.

        The journal also has the changes of earlier attempts that crashed before they recorded a result.
        """
        written = await self.recipients.get_journal_counts(job.tenant, job.location, plan.run)
        # Recipients that an earlier attempt added must not raise the baseline: the guard would see a smaller loss.
        added = written.created + written.reactivated - totals.counts.created - totals.counts.reactivated
        return ReconcileResult(
            location=job.location,
            counts=written + Counts(skipped=totals.counts.skipped),
            baseline=max(0, totals.baseline - added),
            active=totals.active,
            candidates=tuple(totals.named),
            unnamed_candidates=totals.candidates - len(totals.named),
            partial=input_fingerprint is None,
            input_fingerprint=input_fingerprint,
            skipped=tuple(totals.skipped),
            problem=problem,
        )


class _WritingBudget:
    """Time budget of a job: it may write for its share of the budget, or for as long as its other work took if longer.

    The message that continues the job reads and decides everything again. If that time counted, a large location
    with few changes would advance by one batch per message, and might never be completed.
    """

    def __init__(self, clock: Clock, budget_s: float) -> None:
        self._clock = clock
        self._budget_s = budget_s
        self._started_s = clock.monotonic_s()
        self._other_s = 0.0

    @contextmanager
    def not_writing(self) -> Iterator[None]:
        """Count the time inside the context as time spent on other work than writing."""
        began_s = self._clock.monotonic_s()
        yield
        self._other_s += self._clock.monotonic_s() - began_s

    def out_of_time(self) -> bool:
        """Return whether another message must continue the job."""
        writing_s = self._clock.monotonic_s() - self._started_s - self._other_s
        return writing_s > writing_time_s(self._budget_s, self._other_s)


async def _counted(
    compared: Comparison | ChangesOnly, totals: Found, budget: _WritingBudget
) -> AsyncGenerator[Sequence[Write], None]:
    """Yield the writes of every decision, and add the decision to the totals."""
    async with aclosing(compared.decisions()) as decisions:
        while True:
            with budget.not_writing():
                decision = await anext(decisions, None)
            if decision is None:
                return
            totals.add(decision)
            yield decision.writes
