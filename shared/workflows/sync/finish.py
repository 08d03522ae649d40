"""Finish: closes a run. Its report is written, its snapshots become current, and the next pending request starts."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
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
from shared.domain.sync.jobs import FetchOutcome, FetchResult, ReconcileResult, SyncRequest
from shared.domain.sync.run_outcome import RunOutcome, locations_report, problems_of
from shared.domain.versioned import Versioned
from shared.errors import NotFound
from shared.ports.platform import Clock
from shared.ports.queues import JobQueue
from shared.ports.recipients import RecipientStore
from shared.ports.runs import RunStore
from shared.ports.snapshots import SnapshotStore
from shared.ports.tenants import SyncStateStore
from shared.telemetry import RequestCounters, event
from shared.workflows.connections.connection_health import ConnectionHealth
from shared.workflows.optimistic_update import optimistic_update
from shared.workflows.sync.stages import StageCoordinator

#: What to do about a run that could read nothing.
_FIX: Final = "Check the connection. The schedule tries again automatically, or you can start a sync."


@dataclass(frozen=True, slots=True)
class _Findings:
    """What a run's report is made of, beside the sources."""

    reconciled: Mapping[LocationId, ReconcileResult]
    locations: Mapping[LocationId, LocationReport]
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunCloser:
    """Closes runs, whichever step or watchdog found that they have ended."""

    sync_states: SyncStateStore
    runs: RunStore
    snapshots: SnapshotStore
    recipients: RecipientStore
    queue: JobQueue
    stages: StageCoordinator
    health: ConnectionHealth
    clock: Clock

    async def finish(self, plan: Plan, outcome: RunOutcome, counters: RequestCounters) -> None:
        """Leave the run ended with its report and the tenant free. Raises: Superseded if it does not own the tenant.

        The order matters: snapshots and their delta links become current only now that their changes are applied,
        and the tenant is released last, so that a crash anywhere before leads here again.
        """
        fetched = await self.runs.list_fetch_results(plan.tenant, plan.run)
        reconciled = await self.runs.list_reconcile_results(plan.tenant, plan.run)
        await self._end(plan, outcome, fetched, reconciled, counters)

    async def _end(
        self,
        plan: Plan,
        outcome: RunOutcome,
        fetched: Mapping[SourceId, FetchResult],
        reconciled: Mapping[LocationId, ReconcileResult],
        counters: RequestCounters,
    ) -> None:
        context = await self.stages.require_current(plan)
        if outcome.state is not RunState.FAILED and not plan.preview:
            await self._commit(plan, fetched, sweep=True)
        deactivated = await self._deactivated(plan, outcome, reconciled)
        locations = locations_report(reconciled, deactivated, outcome.held)
        # a run that is held again keeps its earlier problems, and repeats those of its sources and locations
        problems = tuple(dict.fromkeys((*outcome.problems, *problems_of(fetched, reconciled))))
        ended = await self._report(plan, outcome, fetched, _Findings(reconciled, locations, problems), counters)
        await self._note_health(plan, fetched, context)
        read = not fetched or any(result.outcome is FetchOutcome.COMPLETE for result in fetched.values())
        compared = plan.mode is RunMode.FULL and read and outcome.state is not RunState.FAILED and not plan.preview
        await self._free(
            plan.tenant,
            plan.run,
            ended,
            context.state,
            full_at=self.clock.now() if compared else None,
            up_to_date=_up_to_date(plan, ended, up_to_date_fingerprint(plan, reconciled, outcome.fully_deactivated)),
        )

    async def finish_early(
        self, plan: Plan, fetched: Mapping[SourceId, FetchResult], counters: RequestCounters
    ) -> bool:
        """Leave the run ended if nothing is left to decide once all is `fetched`; tell whether that is so.

        Raises: Superseded as a call.
        """
        # a location that no source feeds is decided about whatever could be read
        if _unread(fetched) and all(plan.locations.values()):
            await self._end(plan, RunOutcome(state=RunState.FAILED), fetched, {}, counters)
            return True
        return await self._unchanged(plan, fetched, counters)

    async def _unchanged(self, plan: Plan, fetched: Mapping[SourceId, FetchResult], counters: RequestCounters) -> bool:
        """Leave the run done if all that it read is as it was when every location was last right; tell whether it was.

        Nothing is compared then: that run's report says how many recipients each location has. `fetched` has a result
        of every source. Raises: Superseded as a call.
        """
        before = plan.up_to_date
        if before is None or plan.mode is RunMode.FULL or fingerprint_of_all(plan, fetched) != before.input_fingerprint:
            return False
        try:
            known = (await self.runs.get(plan.tenant, before.run)).value.locations
        except NotFound:
            return False
        if known.keys() != plan.locations.keys():
            return False
        context = await self.stages.require_current(plan)
        await self._commit(plan, fetched, sweep=False)
        locations = {each: LocationReport(active=report.active, compared=False) for each, report in known.items()}
        done = RunOutcome(state=RunState.DONE)
        ended = await self._report(plan, done, fetched, _Findings({}, locations, ()), counters)
        await self._note_health(plan, fetched, context)
        up_to_date = _up_to_date(plan, ended, before.input_fingerprint)
        await self._free(plan.tenant, plan.run, ended, context.state, up_to_date=up_to_date)
        return True

    async def _commit(self, plan: Plan, fetched: Mapping[SourceId, FetchResult], *, sweep: bool) -> None:
        guard = partial(self.stages.require_current, plan)
        for result in fetched.values():
            if result.snapshot is not None:
                ref = result.snapshot
                await self.snapshots.commit(plan.tenant, ref, plan.fencing_token, sweep=sweep, guard=guard)

    async def _note_health(self, plan: Plan, fetched: Mapping[SourceId, FetchResult], context: TenantContext) -> None:
        """Note what the run says about the connection; refused credentials were noted when they were refused."""
        problems = [result.problem for result in fetched.values() if result.problem is not None]
        if any(problem.category is ErrorCategory.CREDENTIALS for problem in problems):
            return
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

    async def _deactivated(
        self, plan: Plan, outcome: RunOutcome, reconciled: Mapping[LocationId, ReconcileResult]
    ) -> Mapping[LocationId, int]:
        return outcome.previewed or {
            location: (await self.recipients.get_journal_counts(plan.tenant, location, plan.run)).deactivated
            for location, result in reconciled.items()
            if result.candidates and not plan.preview
        }

    @optimistic_update
    async def _report(
        self,
        plan: Plan,
        outcome: RunOutcome,
        fetched: Mapping[SourceId, FetchResult],
        found: _Findings,
        counters: RequestCounters,
    ) -> Run:
        """Return the run with its report, as it is stored."""
        stored = await self.runs.get(plan.tenant, plan.run)
        if stored.value.state.ended:
            return stored.value
        ended = msgspec.structs.replace(
            stored.value,
            state=RunState.FAILED if _unread(fetched) else outcome.state,
            finished_at=self.clock.now(),
            counts=sum((report.counts for report in found.locations.values()), Counts()),
            locations=dict(found.locations),
            problems=found.problems,
            held_digest=outcome.held_digest,
            decision=None if outcome.state is RunState.HELD else stored.value.decision,
            directory_requests=counters.directory_requests
            + sum(result.directory_requests for result in fetched.values()),
            storage_requests=stored.value.storage_requests
            + counters.storage_requests
            + sum(result.storage_requests for result in fetched.values())
            + sum(result.storage_requests for result in found.reconciled.values()),
        )
        # a conflict is usual: the job that enqueued this one may only now move the run's state on
        await self.runs.replace(ended, stored.etag)
        event(
            "finished",
            tenant=plan.tenant,
            run=plan.run,
            state=ended.state,
            seconds=round((self.clock.now() - ended.requested_at).total_seconds(), 1),
            directory_requests=ended.directory_requests,
            storage_requests=ended.storage_requests,
            **msgspec.structs.asdict(ended.counts),
        )
        return ended

    async def fail(self, tenant: TenantId, run: RunId, problem: Problem, counters: RequestCounters) -> None:
        """Leave the run failed, what it has written so far counted, and the tenant free."""
        try:
            plan = await self.runs.get_plan(tenant, run)
        except NotFound:
            await self.stages.end(tenant, run, RunState.FAILED, problem, self.clock.now())
            await self.release(tenant, run)
        else:
            await self.finish(plan, RunOutcome(state=RunState.FAILED, problems=(problem,)), counters)

    async def release(self, tenant: TenantId, run: RunId) -> None:
        """Free the tenant from a run that ended otherwise, and start the request that waited for its end."""
        ended = None
        with suppress(NotFound):  # a run that was never announced
            ended = (await self.runs.get(tenant, run)).value
        await self._free(tenant, run, ended)

    async def _free(
        self,
        tenant: TenantId,
        run: RunId,
        ended: Run | None,
        known: Versioned[TenantState] | None = None,
        *,
        full_at: datetime | None = None,
        up_to_date: UpToDateState | None = None,
    ) -> None:
        """Free the tenant from a run, and send the request that waited for its end.

        `known` is the state if it was read already. `full_at` is set for a run that has read and compared everything.
        """

        @optimistic_update
        async def attempt() -> TenantState | None:
            nonlocal known
            state, etag = known or await self.sync_states.get(tenant)
            known = None
            if state.active_run != run:
                return None
            free = msgspec.structs.replace(
                state,
                active_run=None,
                active_since=None,
                full_at=full_at or state.full_at,
                summary=state.summary.after(ended) if ended is not None else state.summary,
                up_to_date=up_to_date or state.up_to_date,
            )
            # a conflict: another request has begun to wait; read again, so that it is not forgotten
            await self.sync_states.replace(tenant, free, etag)
            return free

        free = await attempt()
        if free is not None and free.pending is not None and free.pending_request is not None:
            # only now: a request that comes before the tenant is free would wait again; the watchdog sends one that
            # a crash here has swallowed
            waiting = SyncRequest(
                tenant=tenant, mode=free.pending, request=free.pending_request, requested_by="pending"
            )
            await self.queue.request(waiting)


def _unread(fetched: Mapping[SourceId, FetchResult]) -> bool:
    """Tell whether there was something to read, and nothing of it could be."""
    return bool(fetched) and all(result.outcome is FetchOutcome.FAILED for result in fetched.values())


def _up_to_date(plan: Plan, ended: Run, input_fingerprint: str | None) -> UpToDateState | None:
    if input_fingerprint is None or plan.preview or ended.state is not RunState.DONE:
        return None
    return UpToDateState(run=plan.run, fencing_token=plan.fencing_token, input_fingerprint=input_fingerprint)
