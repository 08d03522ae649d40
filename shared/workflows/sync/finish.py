"""Finish: commits the snapshots of a run, stores its report, releases the tenant and sends the waiting request."""

from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from typing import Final

import msgspec

from shared.domain.access.tenant_context import TenantContext
from shared.domain.connections.connection_health import Reason
from shared.domain.ids import LocationId, RunId, SourceId, TenantId
from shared.domain.problem import ErrorCategory, Problem
from shared.domain.recipient import Counts
from shared.domain.run import LocationReport, Plan, Run, RunMode, RunState, TenantState, UpToDateState
from shared.domain.sync.fingerprints import fingerprint_of_all, up_to_date_fingerprint
from shared.domain.sync.full_read import failed_before
from shared.domain.sync.jobs import FetchOutcome, FetchResult, ReconcileResult, SyncRequest
from shared.domain.sync.run_outcome import RunOutcome, locations_report, nothing_read, problems_of, up_to_date_after
from shared.domain.sync.unread_sources import unread_after
from shared.domain.unread_source import UnreadSource
from shared.domain.versioned import Versioned
from shared.errors import NotFound
from shared.ports.platform import Clock
from shared.ports.queues import JobQueue
from shared.ports.recipients import RecipientStore
from shared.ports.runs import RunStore
from shared.ports.snapshots import SnapshotStore
from shared.ports.tenants import SyncStateStore
from shared.runtime.optimistic_update import optimistic_update
from shared.telemetry import RequestCounters, stage
from shared.workflows.connections.connection_health import ConnectionHealth
from shared.workflows.sync.run_end import report_end
from shared.workflows.sync.run_writer import RunWriter, require_claim
from shared.workflows.sync.stages import StageCoordinator
from shared.workflows.sync.written_later import invalid_addresses_later, written_later

#: Fix that people read when a run could not read any source.
_FIX: Final = "Check the connection. The schedule tries again automatically, or you can start a sync."


class _Findings(msgspec.Struct, frozen=True):
    """Parts of a run's report that do not come from its sources."""

    reconciled: Mapping[LocationId, ReconcileResult]
    locations: Mapping[LocationId, LocationReport]
    problems: tuple[Problem, ...]


class RunCloser(msgspec.Struct, frozen=True, kw_only=True):
    """Closes runs that a step or the watchdog ends."""

    sync_states: SyncStateStore
    runs: RunStore
    snapshots: SnapshotStore
    recipients: RecipientStore
    queue: JobQueue
    stages: StageCoordinator
    writer: RunWriter
    health: ConnectionHealth
    clock: Clock

    async def finish(self, plan: Plan, outcome: RunOutcome, claim: str | None, counters: RequestCounters) -> None:
        """End the run with a report, and release the tenant. A run that has ended keeps its report, without a claim.

        The order matters. Snapshots and their delta links become current only after their changes are applied, and
        the tenant is released last. A crash at any point before is therefore followed by another call.

        Raises Superseded if the run does not own the tenant, or another delivery has claimed it.
        """
        fetched = await self.runs.list_fetch_results(plan.tenant, plan.run)
        reconciled = await self.runs.list_reconcile_results(plan.tenant, plan.run)
        with stage("finish", tenant=plan.tenant, run=plan.run):
            await self._end(plan, outcome, fetched, reconciled, counters, claim)

    async def _end(
        self,
        plan: Plan,
        outcome: RunOutcome,
        fetched: Mapping[SourceId, FetchResult],
        reconciled: Mapping[LocationId, ReconcileResult],
        counters: RequestCounters,
        claim: str | None = None,
    ) -> None:
        context = await self.stages.require_current(plan)
        if outcome.state is not RunState.FAILED and not plan.preview:
            await self._commit(plan, fetched, sweep=True)
        if claim is not None and not plan.preview:
            await self._take_fences(plan, outcome, reconciled, claim)
        later = await written_later(self.recipients, plan, outcome, reconciled)
        invalid = await invalid_addresses_later(self.recipients, plan, later)
        locations = locations_report(reconciled, later, outcome.held, invalid)
        # A run that is held again keeps its earlier problems, which already contain those of sources and locations.
        found = *outcome.problems, *problems_of(fetched, reconciled), *failed_before(plan, context.state.value)
        problems = tuple(dict.fromkeys(found))
        ended = await self._report(plan, outcome, fetched, _Findings(reconciled, locations, problems), counters, claim)
        await self._record_health(plan, fetched, context)
        read = not fetched or any(result.outcome is FetchOutcome.COMPLETE for result in fetched.values())
        compared = plan.mode is RunMode.FULL and read and outcome.state is not RunState.FAILED and not plan.preview
        fingerprint = up_to_date_fingerprint(plan, reconciled, outcome.fully_deactivated)
        await self._release(
            plan.tenant,
            plan.run,
            ended,
            context.state,
            full_read_failed=any(result.full_read_failed for result in fetched.values()) if compared else None,
            up_to_date=up_to_date_after(plan, ended, fingerprint),
            unread=unread_after(plan, context.state.value.unread, fetched, self.clock.now()),
        )

    async def _take_fences(
        self, plan: Plan, outcome: RunOutcome, reconciled: Mapping[LocationId, ReconcileResult], claim: str
    ) -> None:
        """Fence off other deliveries of the deactivation, which would write what the report does not count.

        Where all candidates are deactivated, this delivery has the fence, which now has an input fingerprint.
        """
        for location, result in reconciled.items():
            if result.writes_later and location not in outcome.fully_deactivated:
                await self.writer.acquire(plan, location, claim)

    async def finish_early(
        self, plan: Plan, fetched: Mapping[SourceId, FetchResult], counters: RequestCounters
    ) -> bool:
        """End the run after its last fetch if no location needs a comparison, and return whether it was ended.

        That is the case if no source could be read, or if nothing has changed since the last run. Raises Superseded
        if the run does not own the tenant.
        """
        # A location without sources is reconciled even if no source could be read.
        if nothing_read(fetched) and all(plan.locations.values()):
            with stage("finish", tenant=plan.tenant, run=plan.run):
                await self._end(plan, RunOutcome(state=RunState.FAILED), fetched, {}, counters)
            return True
        return await self._unchanged(plan, fetched, counters)

    async def finish_without_departures(
        self, plan: Plan, own: Mapping[LocationId, ReconcileResult], counters: RequestCounters
    ) -> bool:
        """End the run after its last location if no location has a candidate, and return whether it was ended.

        `own` has the result of this invocation without its requests. Raises Superseded as `finish`.
        """
        reconciled = {**await self.runs.list_reconcile_results(plan.tenant, plan.run), **own}
        if any(result.needs_directory for result in reconciled.values()):
            return False
        fetched = await self.runs.list_fetch_results(plan.tenant, plan.run)
        with stage("finish", tenant=plan.tenant, run=plan.run):
            await self._end(plan, RunOutcome(state=RunState.DONE), fetched, reconciled, counters)
        return True

    async def _unchanged(self, plan: Plan, fetched: Mapping[SourceId, FetchResult], counters: RequestCounters) -> bool:
        """End the run if its input fingerprint is that of the tenant's up-to-date state. Return whether it was ended.

        No location is compared then: the report of the up-to-date run has the number of recipients of each location.
        `fetched` has a result of every source. Raises Superseded if the run does not own the tenant.
        """
        before = plan.up_to_date
        if before is None or plan.mode is RunMode.FULL or fingerprint_of_all(plan, fetched) != before.input_fingerprint:
            return False
        try:
            reports = (await self.runs.get(plan.tenant, before.run)).value.locations
        except NotFound:
            return False
        if reports.keys() != plan.locations.keys():
            return False
        locations = {
            location: msgspec.structs.replace(report, counts=Counts(), held=0, compared=False)
            for location, report in reports.items()
        }
        with stage("finish", tenant=plan.tenant, run=plan.run):
            context = await self.stages.require_current(plan)
            await self._commit(plan, fetched, sweep=False)
            findings = _Findings({}, locations, problems_of(fetched, {}) + failed_before(plan, context.state.value))
            ended = await self._report(plan, RunOutcome(state=RunState.DONE), fetched, findings, counters)
            await self._record_health(plan, fetched, context)
            up_to_date = up_to_date_after(plan, ended, before.input_fingerprint)
            unread = unread_after(plan, context.state.value.unread, fetched, self.clock.now())
            await self._release(plan.tenant, plan.run, ended, context.state, up_to_date=up_to_date, unread=unread)
        return True

    async def _commit(self, plan: Plan, fetched: Mapping[SourceId, FetchResult], *, sweep: bool) -> None:
        guard = partial(self.stages.require_current, plan)
        for result in fetched.values():
            if result.snapshot is not None:
                manifest = result.snapshot
                await self.snapshots.commit(plan.tenant, manifest, plan.fencing_token, sweep=sweep, guard=guard)

    async def _record_health(self, plan: Plan, fetched: Mapping[SourceId, FetchResult], context: TenantContext) -> None:
        """Update the connection's health from the run. Refused credentials were recorded when they were refused."""
        problems = [result.problem for result in fetched.values() if result.problem is not None]
        if len(problems) < len(fetched):
            await self.health.recovered(plan.tenant, context.health)
        elif problems:
            first = problems[0]
            reason = Reason(
                code=first.code,
                category=first.category or ErrorCategory.OURS,
                title="The directory could not be read",
                detail=first.detail,
                fix=_FIX,
            )
            await self.health.failed(plan.tenant, reason, plan.run)

    @optimistic_update
    async def _report(
        self,
        plan: Plan,
        outcome: RunOutcome,
        fetched: Mapping[SourceId, FetchResult],
        findings: _Findings,
        counters: RequestCounters,
        claim: str | None = None,
    ) -> Run:
        """Store the report in the run, unless it has already ended, and return the stored run."""
        stored = await self.stages.stored_run(plan.tenant, plan.run)
        if stored.value.state.ended:
            return stored.value
        if claim is not None:
            require_claim(stored.value, claim)
        ended = msgspec.structs.replace(
            stored.value,
            state=RunState.FAILED if nothing_read(fetched) else outcome.state,
            finished_at=self.clock.now(),
            counts=sum((report.counts for report in findings.locations.values()), Counts()),
            locations=dict(findings.locations),
            problems=findings.problems,
            held_digest=outcome.held_digest,
            decision=None if outcome.state is RunState.HELD else stored.value.decision,
            directory_requests=counters.directory_requests
            + sum(result.directory_requests for result in fetched.values()),
            storage_requests=stored.value.storage_requests
            + counters.storage_requests
            + sum(result.storage_requests for result in fetched.values())
            + sum(result.storage_requests for result in findings.reconciled.values()),
        )
        # A conflict is common: the job that enqueued this one may replace the run's state at the same time.
        await self.runs.replace(ended, stored.etag)
        report_end(ended, self.clock.now())
        return ended

    async def release(self, tenant: TenantId, run: RunId) -> None:
        """Release the tenant from a run that ended in another way, and send the request that waited for its end."""
        ended = None
        with suppress(NotFound):  # a run that was never stored
            ended = (await self.runs.get(tenant, run)).value
        await self._release(tenant, run, ended)

    async def _release(
        self,
        tenant: TenantId,
        run: RunId,
        ended: Run | None,
        stored: Versioned[TenantState] | None = None,
        *,
        full_read_failed: bool | None = None,
        up_to_date: UpToDateState | None = None,
        unread: dict[SourceId, UnreadSource] | None = None,
    ) -> None:
        """Release the tenant from a run, and send the request that waited for its end.

        `stored` is the tenant's state if the caller has already read it. `full_read_failed` is set for a run that
        compared everything: whether it had to follow changes.
        """

        @optimistic_update
        async def attempt() -> TenantState | None:
            nonlocal stored
            state, etag = stored or await self.sync_states.get(tenant)
            stored = None
            if state.active_run != run:
                return None
            if full_read_failed is not None:
                state = state.after_full_read(self.clock.now(), failed=full_read_failed)
            released = msgspec.structs.replace(
                state,
                active_run=None,
                active_since=None,
                summary=state.summary.after(ended) if ended is not None else state.summary,
                up_to_date=up_to_date or state.up_to_date,
                unread=state.unread if unread is None else unread,
            )
            # On a conflict another request has begun to wait. The state is read again, so that the request is kept.
            await self.sync_states.replace(tenant, released, etag)
            return released

        released = await attempt()
        if released is not None and released.pending is not None and released.pending_request is not None:
            # Only after the release: an earlier request would wait again. If the worker crashes before sending, the
            # watchdog sends the request.
            waiting = SyncRequest(
                tenant=tenant, mode=released.pending, request=released.pending_request, requested_by="pending"
            )
            await self.queue.send([waiting])
