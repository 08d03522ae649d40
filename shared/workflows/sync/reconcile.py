"""Reconcile: one location brought in line with the snapshots of its sources. Calls no directory."""

from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, aclosing, contextmanager, nullcontext
from dataclasses import dataclass
from math import ceil
from typing import Final

import msgspec

from shared.domain.ids import SourceId
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
from shared.runtime.bulkhead import Capacity
from shared.runtime.fair_scheduler import turn
from shared.telemetry import RequestCounters, event
from shared.workflows.recipients.fenced_writer import FencedWriter
from shared.workflows.snapshots.cache import CutSnapshots
from shared.workflows.sync.changed_only import ChangesOnly
from shared.workflows.sync.comparison import Comparison
from shared.workflows.sync.reconcile_totals import Found
from shared.workflows.sync.stages import StageCoordinator

#: How many of the changes a preview names: its result has to fit.
_NAMED_PREVIEW: Final = 10_000
#: From how many people on a comparison is large, how many of these a worker does at once, and from how many people on
#: one takes the place of several. One of a million takes 330 MB of the worker's 2,048 and minutes of its CPU, of which
#: host.json gives a function ten: it has all places to itself.
LARGE_PEOPLE: Final = 20_000
LARGE_AT_ONCE: Final = 4
PLACE_PEOPLE: Final = 250_000
#: How many recipients are read one by one before it is better to read all of them.
_MAX_READ: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconcile:
    """Compares a location's recipients with what its sources hold, and writes the difference."""

    runs: RunStore
    snapshots: SnapshotStore
    cut: CutSnapshots
    recipients: RecipientStore
    stages: StageCoordinator
    queue: JobQueue
    clock: Clock
    ids: IdSource
    large: Capacity
    budget_s: float

    async def __call__(self, job: ReconcileJob, counters: RequestCounters) -> None:
        """Leave the location marked and its recipients right but for deactivations, which are candidates in the result.

        Raises: Superseded when a newer run, change or attempt owns the location; Transient when trying again helps.
        """
        plan = await self.stages.current_plan(job.tenant, job.run)
        done_before = await self.runs.is_reconciled(job)
        if not done_before:
            result = await self._reconcile(plan, job)
            if result is None:
                # out of time: what is left is decided anew, in a new message
                spent = job.storage_requests + counters.storage_requests
                await self.queue.reconcile([msgspec.structs.replace(job, storage_requests=spent)])
                return
            result = msgspec.structs.replace(result, storage_requests=job.storage_requests + counters.storage_requests)
            await self.runs.record_reconcile_result(job, result)
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
        await self.stages.advance(plan, resend=done_before)

    async def _reconcile(self, plan: Plan, job: ReconcileJob) -> ReconcileResult | None:
        pace = _Pace(self.clock, BUDGET_SHARE * self.budget_s)
        feeds = plan.locations[job.location]
        marked = await self.runs.list_fetch_results(job.tenant, job.run)
        if plan.preview:
            with self._place(plan, job, marked):
                return await self._previewed(plan, job, marked, pace)
        fingerprint = fingerprint_of(plan, feeds, marked)
        stored = await self.recipients.get_fence(job.tenant, job.location)
        fence = stored.value
        # a fingerprint under this fencing token is of an attempt that crashed before its result: it may have written
        known = plan.mode is RunMode.INCREMENTAL and fingerprint is not None and fence.input_fingerprint == fingerprint
        if known and fence.fencing_token < plan.fencing_token:
            return ReconcileResult(
                location=job.location,
                counts=Counts(),
                baseline=fence.active,
                active=fence.active,
                compared=False,
                input_fingerprint=fingerprint,
            )
        changed = await self._changes_only(plan, job, marked, fence)
        with nullcontext() if changed else self._place(plan, job, marked):
            return await self._written(plan, job, marked, fence, changed, pace)

    def _place(
        self, plan: Plan, job: ReconcileJob, marked: Mapping[SourceId, FetchResult]
    ) -> AbstractContextManager[None]:
        """Give a place to compare the location at, which may be among the few for large ones. Raises: Transient."""
        people = sum(ref.digest.users for ref in self._read(plan, job, marked).values())
        return self.large.some(ceil(people / PLACE_PEOPLE)) if people >= LARGE_PEOPLE else nullcontext()

    async def _written(
        self,
        plan: Plan,
        job: ReconcileJob,
        marked: Mapping[SourceId, FetchResult],
        fence: Fence,
        changed: ChangesOnly | None,
        pace: "_Pace",
    ) -> ReconcileResult | None:
        """Write what is decided, about those alone who have `changed` if that is known; None if time ran out."""
        fingerprint = fingerprint_of(plan, plan.locations[job.location], marked)
        location = await FencedWriter.acquire(
            self.recipients,
            job.tenant,
            job.location,
            fencing_token=plan.fencing_token,
            attempt=self.ids.new_attempt_id(),
        )
        await self.stages.require_current(plan)  # after the fence: whoever changes things now must take it from us
        if location.previous != fence:
            changed = None  # somebody has written since: what is stored is not known any more
        compared = changed or self._comparison(plan, job, marked)
        found = Found()
        async with aclosing(_noted(compared, found, pace)) as writes:
            complete = await location.write_as_decided(
                writes, run=plan.run, actor="sync", at=self.clock.now(), out_of_time=pace.out_of_time
            )
        if not complete:
            return None
        if changed is not None:
            found.widen(fence.active, changed.others)
        settled = fingerprint is not None and not found.candidates
        irregular = found.irregular if is_plain(plan, job.location) else None
        await location.commit_fingerprint(
            input_fingerprint=fingerprint if settled else None, active=found.active, irregular=irregular
        )
        return await self._result(plan, job, found, fingerprint, compared.problem)

    async def _changes_only(
        self, plan: Plan, job: ReconcileJob, marked: Mapping[SourceId, FetchResult], fence: Fence
    ) -> ChangesOnly | None:
        """Return how to decide about those alone who have changed; None where everybody has to be compared."""
        if plan.mode is not RunMode.INCREMENTAL or not is_plain(plan, job.location):
            return None
        changes = marked[plan.everyone].changes
        if changes is None or fence.input_fingerprint != fingerprint_before(plan, plan.everyone, changes):
            return None
        before = await self.recipients.find_irregular(job.tenant, job.location)
        if before is None or before.attempt != fence.attempt:
            return None
        pages = Changed(changes)
        async for page in self.snapshots.list_pages(job.tenant, changes.pages):
            async with turn():
                pages.add(page)
        changed = ChangesOnly(self.recipients, plan, job.location, pages.verified(), before)
        return changed if len(changed.to_be_read) <= _MAX_READ else None

    async def _previewed(
        self, plan: Plan, job: ReconcileJob, marked: Mapping[SourceId, FetchResult], pace: "_Pace"
    ) -> ReconcileResult:
        """Return what would be written, without taking the location or writing there."""
        compared = self._comparison(plan, job, marked)
        found = Found(named_changes=_NAMED_PREVIEW)
        async for _ in _noted(compared, found, pace):
            pass
        return ReconcileResult(
            location=job.location,
            counts=found.counts,
            baseline=found.baseline,
            active=found.active,
            candidates=tuple(found.named),
            unnamed_candidates=found.candidates - len(found.named),
            skipped=tuple(found.skipped),
            previewed=tuple(found.changes),
            problem=compared.problem,
        )

    def _comparison(self, plan: Plan, job: ReconcileJob, marked: Mapping[SourceId, FetchResult]) -> Comparison:
        return Comparison(self.cut, self.recipients, plan, job.location, self._read(plan, job, marked))

    @staticmethod
    def _read(
        plan: Plan, job: ReconcileJob, marked: Mapping[SourceId, FetchResult]
    ) -> dict[SourceId, SnapshotManifest]:
        """Return those of the sources needed that were read completely."""
        sources = needed(plan, plan.locations[job.location])
        return {source: ref for source in sources if (ref := marked[source].snapshot) is not None}

    async def _result(
        self, plan: Plan, job: ReconcileJob, found: Found, input_fingerprint: str | None, problem: Problem | None
    ) -> ReconcileResult:
        """Count from the journal, which also holds what an attempt wrote that did not live to mark the job."""
        written = await self.recipients.get_journal_counts(job.tenant, job.location, plan.run)
        # whom an earlier attempt of this job has added must not make the loss look smaller
        added = written.created + written.reactivated - found.counts.created - found.counts.reactivated
        return ReconcileResult(
            location=job.location,
            counts=written + Counts(skipped=found.counts.skipped),
            baseline=max(0, found.baseline - added),
            active=found.active,
            candidates=tuple(found.named),
            unnamed_candidates=found.candidates - len(found.named),
            partial=input_fingerprint is None,
            input_fingerprint=input_fingerprint,
            skipped=tuple(found.skipped),
            problem=problem,
        )


class _Pace:
    """How long a job goes on: until it has written for its share of the budget, and for as long as all else has taken.

    The message that it goes on in reads and decides everything once more. If that time counted, a large location at
    which little changes would get a batch further with each message, and never to its end.
    """

    def __init__(self, clock: Clock, budget_s: float) -> None:
        self._clock = clock
        self._budget_s = budget_s
        self._started_s = clock.monotonic_s()
        self._else_s = 0.0

    @contextmanager
    def not_writing(self) -> Iterator[None]:
        """Count what is done inside the context as anything else than writing."""
        began_s = self._clock.monotonic_s()
        yield
        self._else_s += self._clock.monotonic_s() - began_s

    def out_of_time(self) -> bool:
        """Tell whether the rest is for another message."""
        writing_s = self._clock.monotonic_s() - self._started_s - self._else_s
        return writing_s > writing_time_s(self._budget_s, self._else_s)


async def _noted(
    compared: Comparison | ChangesOnly, found: Found, pace: _Pace
) -> AsyncGenerator[Sequence[Write], None]:
    """Yield the writes of each part, and add up what else was found."""
    async with aclosing(compared.decisions()) as decisions:
        while True:
            with pace.not_writing():
                decision = await anext(decisions, None)
            if decision is None:
                return
            found.add(decision)
            yield decision.writes
