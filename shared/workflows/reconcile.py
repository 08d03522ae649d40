"""Reconcile: one location brought in line with the snapshots of its sources. Calls no directory."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

import msgspec

from shared.dispatch import Dispatch
from shared.domain.decide import Decision, decide
from shared.domain.ids import LocationId, SourceId
from shared.domain.job import (
    BUDGET_SHARE,
    MAX_NAMED_CANDIDATES,
    FetchMarker,
    FetchOutcome,
    ReconcileJob,
    ReconcileMarker,
)
from shared.domain.managers import NO_MANAGERS, Managers
from shared.domain.places import unmatched
from shared.domain.problem import Problem
from shared.domain.provenance import Provenance
from shared.domain.recipient import Counts
from shared.domain.run import Plan, RunMode
from shared.domain.snapshot import CompleteSnapshot
from shared.domain.wanted import EVERYONE, AbsenceProof, gather
from shared.fencing import FencedLocation
from shared.ports import Clock, JobQueue, RecipientStore, RunStore, SnapshotStore
from shared.telemetry import Usage, event

#: How many of the skipped a marker names; all of them are counted.
_NAMED_SKIPS: Final = 500
#: How many of the changes a preview names: its marker has to fit.
_NAMED_PREVIEW: Final = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconcile:
    """Compares a location's recipients with what its sources hold, and writes the difference."""

    runs: RunStore
    snapshots: SnapshotStore
    recipients: RecipientStore
    dispatch: Dispatch
    queue: JobQueue
    clock: Clock
    new_attempt: Callable[[], str]
    budget_s: float

    async def __call__(self, job: ReconcileJob, usage: Usage) -> None:
        """Leave the location marked and its recipients right but for deactivations, which are candidates in the marker.

        Raises: Superseded when a newer run, change or attempt owns the location; Transient when trying again helps.
        """
        plan = await self.dispatch.current_plan(job.tenant, job.run)
        done_before = job.location in await self.runs.reconcile_markers(job.tenant, job.run)
        if not done_before:
            marker = await self._reconcile(plan, job)
            if marker is None:
                # out of time: what is left is decided anew, in a new message
                spent = job.storage_requests + usage.storage_requests
                await self.queue.reconcile([msgspec.structs.replace(job, storage_requests=spent)])
                return
            marker = msgspec.structs.replace(marker, storage_requests=job.storage_requests + usage.storage_requests)
            await self.runs.mark_reconcile(job, marker)
            event(
                "reconciled",
                tenant=job.tenant,
                run=job.run,
                location=job.location,
                compared=marker.compared,
                partial=marker.partial,
                candidates=len(marker.candidates),
                **msgspec.structs.asdict(marker.counts),
            )
        await self.dispatch.advance(plan, resend=done_before)

    async def _reconcile(self, plan: Plan, job: ReconcileJob) -> ReconcileMarker | None:
        started_s = self.clock.monotonic_s()

        def out_of_time() -> bool:
            return self.clock.monotonic_s() - started_s > BUDGET_SHARE * self.budget_s

        feeds = plan.locations[job.location]
        marked = await self.runs.fetch_markers(job.tenant, job.run)
        if plan.preview:
            return self._previewed(job, *await self._decide(plan, job, marked))
        inputs = _inputs(plan, [marked[source] for source in _needed(plan, feeds)])
        stored = await self.recipients.fence(job.tenant, job.location)
        fence = stored.value
        # inputs of this very generation are those of an attempt that did not live to mark the job: it may have written
        known = plan.mode is RunMode.INCREMENTAL and inputs is not None and fence.inputs == inputs
        if known and fence.generation < plan.generation:
            return ReconcileMarker(
                location=job.location,
                counts=Counts(),
                baseline=fence.active,
                active=fence.active,
                compared=False,
                inputs=inputs,
            )
        location = await FencedLocation.take(
            self.recipients, job.tenant, job.location, generation=plan.generation, attempt=self.new_attempt()
        )
        await self.dispatch.require_current(plan)  # after the fence: whoever changes things now must take it from us
        decision, problem = await self._decide(plan, job, marked)
        complete = await location.write(
            decision.writes, run=plan.run, actor="sync", at=self.clock.now(), out_of_time=out_of_time
        )
        if not complete:
            return None
        settled = inputs is not None and not decision.candidates
        await location.release(inputs=inputs if settled else None, active=decision.active)
        return await self._marker(plan, job, decision, inputs, problem)

    @staticmethod
    def _previewed(job: ReconcileJob, decision: Decision, problem: Problem | None) -> ReconcileMarker:
        """Return what would be written, without taking the location or writing there."""
        changes = [msgspec.structs.replace(write.change, before=None) for write in decision.writes]
        return ReconcileMarker(
            location=job.location,
            counts=Counts.of(changes) + Counts(skipped=len(decision.skipped)),
            baseline=decision.baseline,
            active=decision.active,
            candidates=decision.candidates[:MAX_NAMED_CANDIDATES],
            unnamed_candidates=max(0, len(decision.candidates) - MAX_NAMED_CANDIDATES),
            skipped=decision.skipped[:_NAMED_SKIPS],
            previewed=tuple(changes[:_NAMED_PREVIEW]),
            problem=problem,
        )

    async def _decide(
        self, plan: Plan, job: ReconcileJob, marked: Mapping[SourceId, FetchMarker]
    ) -> tuple[Decision, Problem | None]:
        """Return the decision, and what the location rule could not place."""
        feeds = plan.locations[job.location]
        read = {}
        for source in _needed(plan, feeds):
            ref = marked[source].snapshot
            if ref is not None:
                read[source] = await self.snapshots.load(job.tenant, ref)
        everybody = read[EVERYONE].users if EVERYONE in read else None
        stored = [recipient async for recipient in self.recipients.read(job.tenant, job.location)]
        rule = plan.preferences.rule
        wanted = gather(feeds, read, (lambda user: rule.location_of(user) == job.location) if rule else None)
        provenance = Provenance.of(plan.sources, feeds, read)
        proof = AbsenceProof.of(feeds, read)
        managers = Managers(directory=everybody) if plan.preferences.attributes.manager else NO_MANAGERS
        decision = decide(wanted, stored, plan.preferences, proof, provenance, managers)
        return decision, _unmatched(plan, job.location, read)

    async def _marker(
        self, plan: Plan, job: ReconcileJob, decision: Decision, inputs: str | None, problem: Problem | None
    ) -> ReconcileMarker:
        """Count from the journal, which also holds what an attempt wrote that did not live to mark the job."""
        written = await self.recipients.journal_counts(job.tenant, job.location, plan.run)
        own = Counts.of([write.change for write in decision.writes])
        # whom an earlier attempt of this job has added must not make the loss look smaller
        added = written.created + written.reactivated - own.created - own.reactivated
        return ReconcileMarker(
            location=job.location,
            counts=written + Counts(skipped=len(decision.skipped)),
            baseline=max(0, decision.baseline - added),
            active=decision.active,
            candidates=decision.candidates[:MAX_NAMED_CANDIDATES],
            unnamed_candidates=max(0, len(decision.candidates) - MAX_NAMED_CANDIDATES),
            partial=inputs is None,
            inputs=inputs,
            skipped=decision.skipped[:_NAMED_SKIPS],
            problem=problem,
        )


def _needed(plan: Plan, feeds: Sequence[SourceId]) -> Sequence[SourceId]:
    """Return the sources that a decision about a location depends on: those that feed it, and who reports to whom."""
    apart = plan.preferences.attributes.manager and EVERYONE not in feeds
    return (*feeds, EVERYONE) if apart else feeds


def _unmatched(plan: Plan, location: LocationId, read: Mapping[SourceId, CompleteSnapshot]) -> Problem | None:
    """Return what names no location; said by one of the locations that the rule feeds, so that it is said once."""
    rule = plan.preferences.rule
    if rule is None or EVERYONE not in read:
        return None
    fed = [each for each, feeds in plan.locations.items() if EVERYONE in feeds]
    if location != min(fed):
        return None
    eligible = (user for user in read[EVERYONE].users.values() if plan.preferences.exclusion(user) is None)
    return unmatched(eligible, rule)


def _inputs(plan: Plan, markers: list[FetchMarker]) -> str | None:
    """Return a hash of everything the decision depends on but the stored recipients; None unless all was read."""
    lines = [plan.preferences.digest()]
    for marker in markers:
        if marker.outcome is not FetchOutcome.COMPLETE or marker.snapshot is None:
            return None
        lines.append(f"{marker.source} {marker.snapshot.tally.content} {marker.snapshot.tally.users}")
    return sha256("\n".join(lines).encode()).hexdigest()
