"""Reconcile: updates the recipients of one location from the snapshots of its sources. Does not call a directory."""

from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, aclosing, contextmanager, nullcontext
from math import ceil
from typing import Final

import msgspec

from shared.domain.ids import LocationId, SourceId
from shared.domain.recipient import Counts
from shared.domain.reconcile.fence import SYNC, Fence
from shared.domain.reconcile.questions import Questions, share_of
from shared.domain.reconcile.write import Write, added_invalid_addresses
from shared.domain.run import Plan, RunMode, RunState
from shared.domain.snapshots.snapshot import ChangedUsers, SnapshotManifest
from shared.domain.sync.fingerprints import fingerprint_before, fingerprint_of, needed
from shared.domain.sync.jobs import BUDGET_SHARE, FetchResult, ReconcileJob, ReconcileResult, writing_time_s
from shared.ports.platform import Clock
from shared.ports.queues import JobSender
from shared.ports.recipients import RecipientStore
from shared.ports.runs import RunStore
from shared.runtime.bulkhead import AtCapacity, Bulkhead
from shared.telemetry import RequestCounters, event
from shared.workflows.snapshots.reader import SnapshotReader
from shared.workflows.sync.comparison import Comparison
from shared.workflows.sync.finish import RunCloser
from shared.workflows.sync.reconcile_totals import ReconcileTotals
from shared.workflows.sync.run_writer import RunWriter
from shared.workflows.sync.stages import StageCoordinator, too_early

#: Maximum number of changes that a preview names. The limit keeps its result small enough to be stored.
_NAMED_PREVIEW: Final = 10_000
#: Number of people from which a comparison is large and needs a slot of the bulkhead.
LARGE_PEOPLE: Final = 20_000
#: Slots for large comparisons in a worker. A comparison of a million people takes all of them: it needs minutes of CPU
#: where host.json allows a function ten minutes.
LARGE_AT_ONCE: Final = 2
#: Number of people per slot of a large comparison.
PLACE_PEOPLE: Final = 500_000


class Reconcile(msgspec.Struct, frozen=True, kw_only=True):
    """Compares the stored recipients of a location with the desired ones, and writes the difference."""

    runs: RunStore
    reader: SnapshotReader
    recipients: RecipientStore
    writer: RunWriter
    stages: StageCoordinator
    closer: RunCloser
    queue: JobSender
    clock: Clock
    large: Bulkhead
    budget_s: float

    async def __call__(self, job: ReconcileJob, counters: RequestCounters) -> None:
        """Reconcile one location and record the result. A redelivery does not change a recorded result.

        Creates, updates and reactivations are written; deactivations are only recorded as candidates. After the last
        location the run is finished if no location has a candidate; otherwise the next stage is enqueued.

        Raises:
            Superseded: A newer run, configuration or attempt owns the location.
            Rejected: The location is not part of the run, or the run still reads its sources.
            Transient: Storage did not respond, or the worker does not have a free slot for a comparison that an
                earlier message found to be large.
        """
        with self._slots(job.large):
            await self._record(job, counters)

    def _slots(self, people: int) -> AbstractContextManager[None]:
        return self.large.acquire(ceil(people / PLACE_PEOPLE)) if people >= LARGE_PEOPLE else nullcontext()

    async def _record(self, job: ReconcileJob, counters: RequestCounters) -> None:
        plan = await self.stages.current_plan(job.tenant, job.run)
        plan.require_part(job.location)
        done_before = await self.runs.is_reconciled(job)
        own: dict[LocationId, ReconcileResult] = {}
        if not done_before:
            result = await self._reconcile(plan, job, counters)
            if result is None:
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
            await self.stages.advance(plan, repeated=RunState.RECONCILING if done_before else None)

    async def _reconcile(self, plan: Plan, job: ReconcileJob, counters: RequestCounters) -> ReconcileResult | None:
        """Return the result, or None if the job continues in a new message."""
        budget = _WritingBudget(self.clock, BUDGET_SHARE * self.budget_s)
        fetched = await self.runs.list_fetch_results(job.tenant, job.run)
        if plan.sources.keys() - fetched.keys():
            raise too_early(job.run)
        fingerprint = fingerprint_of(plan, plan.locations[job.location], fetched)
        fence = (await self.recipients.get_fence(job.tenant, job.location)).value
        is_up_to_date = (
            plan.mode is RunMode.INCREMENTAL and fingerprint is not None and fence.input_fingerprint == fingerprint
        )
        # A fingerprint under this run's fencing token is from an attempt that crashed before it recorded its result.
        # That attempt may have written, so its changes have to be counted.
        if is_up_to_date and not plan.preview and fence.fencing_token < plan.fencing_token:
            return ReconcileResult(
                location=job.location,
                counts=Counts(),
                baseline=fence.active,
                active=fence.active,
                invalid_addresses=fence.invalid_addresses,
                compared=False,
                input_fingerprint=fingerprint,
            )
        changed = None if plan.preview else _only_changed(plan, job.location, fetched, fence)
        own, _ = _read(plan, job.location, fetched)
        people = sum(manifest.users for manifest in own) if changed is None else 0
        questions = Questions(_questions(plan, fetched), fence.asked_to)
        totals = ReconcileTotals(named_changes=_NAMED_PREVIEW if plan.preview else 0, questions=questions)
        try:
            with self._slots(0 if job.large else people):
                result = await self._compared(plan, job, fetched, fingerprint, fence, changed, totals, budget)
        except AtCapacity as error:
            await self._continue(msgspec.structs.replace(job, large=people), counters, error.retry_after_s or 0)
            return None
        if result is None:
            # Out of time: the location is compared again, and the remaining writes follow.
            await self._continue(job, counters)
        return result

    async def _continue(self, job: ReconcileJob, counters: RequestCounters, delay_s: float = 0) -> None:
        spent = job.storage_requests + counters.storage_requests
        await self.queue.send([msgspec.structs.replace(job, storage_requests=spent)], delay_s=delay_s)

    async def _compared(
        self,
        plan: Plan,
        job: ReconcileJob,
        fetched: Mapping[SourceId, FetchResult],
        fingerprint: str | None,
        fence: Fence,
        changed: ChangedUsers | None,
        totals: ReconcileTotals,
        budget: "_WritingBudget",
    ) -> ReconcileResult | None:
        """Decide about `changed` people, or about all if it is None, and write. Return None if time ran out.

        A preview neither acquires the fence nor writes.
        """
        writer = None if plan.preview else await self.writer.acquire(plan, job.location)
        if writer is not None and writer.previous != fence:
            changed = None  # another writer changed the location since, so all recipients have to be compared
        own, elsewhere = _read(plan, job.location, fetched)
        compared = Comparison(self.reader, self.recipients, plan, job.location, own, fence.active, changed, elsewhere)
        invalid = fence.invalid_addresses
        async with aclosing(_counted(compared, totals, budget)) as writes:
            if writer is None:
                async for batch in writes:
                    invalid += added_invalid_addresses(batch)
            elif not await writer.write_as_decided(
                writes, run=plan.run, actor=SYNC, at=self.clock.now(), out_of_time=budget.out_of_time
            ):
                return None
        if changed is not None:
            totals.add_unchanged(fence.active)
        if compared.damaged:
            fingerprint = None
            totals.drop_candidates()
        partial = fingerprint is None
        if compared.depends_on_others:
            fingerprint = None
        result = totals.result(job.location, None if plan.preview else fingerprint, compared.problem)
        if writer is None:
            return msgspec.structs.replace(result, invalid_addresses=invalid)
        await writer.commit_fingerprint(
            input_fingerprint=fingerprint if result.is_up_to_date else None,
            active=totals.active,
            only_directory=compared.only_directory,
            asked_to=totals.questions.last,
        )
        # The journal also has the changes of earlier attempts that crashed before they recorded a result. Recipients
        # that these added must not raise the baseline: the guard would see a smaller loss.
        written = await self.recipients.get_journal_counts(job.tenant, job.location, plan.run)
        added = written.created + written.reactivated - totals.counts.created - totals.counts.reactivated
        return msgspec.structs.replace(
            result,
            counts=written + Counts(skipped=totals.counts.skipped),
            baseline=max(0, totals.baseline - added),
            partial=partial,
            invalid_addresses=writer.invalid_addresses,
        )


def _read(
    plan: Plan, location: LocationId, fetched: Mapping[SourceId, FetchResult]
) -> tuple[Sequence[SnapshotManifest], Sequence[SnapshotManifest]]:
    """Return the snapshots on which the location depends, and those of other locations."""
    own = needed(plan, plan.locations[location])
    snapshots = {source: result.snapshot for source, result in fetched.items() if result.snapshot is not None}
    others = [snapshots[source] for source in sorted(snapshots.keys() - set(own))]
    return [snapshots[source] for source in own if source in snapshots], others


def _questions(plan: Plan, fetched: Mapping[SourceId, FetchResult]) -> int:
    """Return how many questions about accounts a location may add to the run; none if the run could read nothing."""
    if all(result.snapshot is None for result in fetched.values()):
        return 0
    unread = {source for source, result in fetched.items() if result.snapshot is None}
    return share_of(sum(not unread.isdisjoint(sources) for sources in plan.locations.values()))


def _only_changed(
    plan: Plan, location: LocationId, fetched: Mapping[SourceId, FetchResult], fence: Fence
) -> ChangedUsers | None:
    """Return the only users who have to be compared, or None if all have to be.

    Those who changed are enough where no decision depends on another row or source, and the location was last compared
    with exactly the previous snapshot of its source, without a candidate being left and without a later write.
    """
    sources, preferences = plan.locations[location], plan.preferences
    depends_on_others = len(sources) != 1 or preferences.rule is not None or preferences.attributes.manager
    if plan.mode is RunMode.FULL or depends_on_others or not fence.only_directory:
        return None
    before = fingerprint_before(plan, sources, fetched)
    return None if before is None or fence.input_fingerprint != before else fetched[sources[0]].changed


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
    compared: Comparison, totals: ReconcileTotals, budget: _WritingBudget
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
