"""Fetch: reads one source of a run into a snapshot, and advances the run after the last source. Writes no recipient."""

from collections.abc import Mapping
from datetime import datetime, timedelta

import msgspec

from shared.domain.access.tenant_context import TenantContext
from shared.domain.ids import SourceId
from shared.domain.problem import ErrorCategory, Problem
from shared.domain.retry_policy import DELAYED, INTERRUPTED, LOGIN_REFUSED, REFUSED, UNCLEAR
from shared.domain.run import Plan, RunMode, RunState
from shared.domain.snapshots.snapshot import SnapshotManifest
from shared.domain.sync.full_read import concerns_listing
from shared.domain.sync.jobs import FetchJob, FetchOutcome, FetchResult
from shared.errors import (
    ChangeFeedUnsupported,
    Conflict,
    Contended,
    NeedsAttention,
    NotFound,
    RefusedOnce,
    RequestRefused,
    Superseded,
    SyncError,
    Transient,
)
from shared.ports.directory import Directory
from shared.ports.platform import Clock
from shared.ports.queues import JobSender
from shared.ports.runs import RunStore
from shared.ports.snapshots import SnapshotStore
from shared.runtime.adaptive_timeout import DirectoryUnavailable, FirstResponseGuard, SlowStartLimiter
from shared.telemetry import RequestCounters, event
from shared.workflows.connections.directory_access import DirectoryAccess
from shared.workflows.sync.change_feed import has_feed, remembered, without_feed
from shared.workflows.sync.confirmation import UnclearAnswer
from shared.workflows.sync.fetch_message import FetchMessage
from shared.workflows.sync.finish import RunCloser
from shared.workflows.sync.missing_group import MissingGroup
from shared.workflows.sync.source_read import HandOver, SourceRead, changes_since
from shared.workflows.sync.stages import StageCoordinator
from shared.workflows.sync.withheld_check import WithheldCheck


class Fetch(msgspec.Struct, frozen=True, kw_only=True):
    """Reads one source and records the result, or why it could not be read."""

    runs: RunStore
    snapshots: SnapshotStore
    access: DirectoryAccess
    stages: StageCoordinator
    closer: RunCloser
    queue: JobSender
    source_read: SourceRead
    withheld_check: WithheldCheck
    missing_group: MissingGroup
    clock: Clock
    slow_starts: SlowStartLimiter
    deadline_s: float

    async def __call__(self, job: FetchJob, counters: RequestCounters, *, last_delivery: bool) -> None:
        """Read a source, record the result, and enqueue the next stage if this was the last source of the run.

        The run is finished early instead if nothing could be read, or nothing that it depends on has changed. If the
        directory does not respond or asks to wait, a later message continues; also once if it refuses a request.

        Raises:
            Superseded: The run no longer owns the tenant.
            Rejected: The run does not read the source.
            Transient: Trying again may help. On the `last_delivery` the source is recorded as failed instead.
            Contended: Other requests changed the same row at every attempt; also raised on the last delivery.
        """
        plan, context = await self.stages.current(job.tenant, job.run)
        plan.require_part(job.source)
        result = await self.runs.find_fetch_result(job)
        done_before = result is not None
        if result is None:
            first = FirstResponseGuard(self.slow_starts, job.attempts_without_response)
            message = FetchMessage(job=job, counters=counters, first=first)
            result = await self._result(plan, context, message, last_delivery=last_delivery)
            if result is None or await self._follows_changes(plan, message, result):
                return
            spent = msgspec.structs.replace(
                result,
                directory_requests=result.directory_requests + counters.directory_requests,
                storage_requests=result.storage_requests + counters.storage_requests,
            )
            stored = await self.runs.record_fetch_result(job, spent)
            if stored != spent:  # another delivery was faster: its result counts
                result, done_before = stored, True
            event(
                "fetched",
                tenant=job.tenant,
                run=job.run,
                source=job.source,
                outcome=result.outcome,
                users=result.snapshot.users if result.snapshot else 0,
                problem=result.problem.code if result.problem else None,
            )
        fetched = await self._all_fetched(plan, result)
        if fetched is not None and await self.closer.finish_early(plan, fetched, counters):
            return
        if fetched is not None or done_before:  # otherwise the job that records the last result advances it
            await self.stages.advance(plan, repeated=RunState.FETCHING if done_before else None)

    async def _all_fetched(self, plan: Plan, own: FetchResult) -> Mapping[SourceId, FetchResult] | None:
        """Return the results of all sources, or None while a source does not have one.

        The result of this job (`own`) does not include the requests of this invocation. They are counted when this
        invocation ends the run. Raises Superseded if the tenant is being deleted.
        """
        if len(plan.sources) == 1:
            return {own.source: own}
        if len(await self.runs.list_fetched(plan.tenant, plan.run)) < len(plan.sources):
            return None
        fetched = {**await self.runs.list_fetch_results(plan.tenant, plan.run), own.source: own}
        if plan.sources.keys() - fetched.keys():
            raise Superseded(f"The results of {plan.run} of {plan.tenant} were deleted.")
        return fetched

    async def _result(
        self, plan: Plan, context: TenantContext, message: FetchMessage, *, last_delivery: bool
    ) -> FetchResult | None:
        """Return the result of the job, or None if it continues in a new message, which is then enqueued."""
        job = message.job
        try:
            return await self._read(plan, context, message)
        except (Superseded, Contended):  # Contended: the message is re-enqueued, also at its last delivery
            raise
        except HandOver:
            await self._continue(message, message.next_job)
        except DirectoryUnavailable as error:
            event("no_response", tenant=job.tenant, run=job.run, source=job.source, code=error.code)
            if error.retry_after_s is None:
                return self._failed(plan, context, job, error)
            again = msgspec.structs.replace(job, attempts_without_response=job.attempts_without_response + 1)
            await self.queue.send([again], delay_s=error.retry_after_s)
        except UnclearAnswer:
            event("unclear", tenant=job.tenant, run=job.run, source=job.source)
            repeated = msgspec.structs.replace(message.next_job, unclear_rounds=job.unclear_rounds + 1)
            await self._continue(message, repeated, UNCLEAR.first_wait_s)
        except Transient as error:
            began = context.state.value.begins(plan.created_at)
            if not await self._wait(began, message, error, last_delivery=last_delivery):
                return self._failed(plan, context, job, error)
        except (NeedsAttention, NotFound, Conflict) as error:
            second, wait_s = _second_attempt(message.next_job, error)
            if second is None:
                return self._failed(plan, context, job, error)
            event("refused", tenant=job.tenant, run=job.run, source=job.source, code=error.code)
            await self._continue(message, second, wait_s)
        return None

    async def _follows_changes(self, plan: Plan, message: FetchMessage, result: FetchResult) -> bool:
        """If a full run cannot list a source, enqueue a message that follows its changes. Return whether it does."""
        checkpoint, job = message.checkpoint, message.job
        if plan.mode is not RunMode.FULL or result.problem is None or not concerns_listing(result.problem):
            return False
        begin = changes_since(plan, await self.snapshots.find_current(job.tenant, job.source))
        if begin is None or checkpoint is None or checkpoint.instead_of is not None:
            return False
        event("full_read_failed", tenant=job.tenant, run=job.run, source=job.source, problem=result.problem.code)
        begin = msgspec.structs.replace(begin, instead_of=result.problem)
        await self.runs.save_checkpoint(job, message.counted(message.restarted(begin)))
        await self.queue.send([job.after_progress])
        return True

    async def _continue(self, message: FetchMessage, following: FetchJob, delay_s: float = 0.0) -> None:
        """Enqueue the next message of a job."""
        if message.has_progress and message.job.login_refused_at is not None:
            await self.access.health.recovered(message.job.tenant)  # the credentials were accepted in between
        await self.queue.send([following], delay_s=delay_s)

    async def _wait(self, began: datetime, message: FetchMessage, error: Transient, *, last_delivery: bool) -> bool:
        """Enqueue the next message after a wait. Return False instead if the source counts as failed.

        That is the case if the run would be past its deadline then, or if the directory asks for no wait, nothing was
        read, and this is the last delivery; before the last delivery `error` is raised. The wait is stored, so that the
        watchdog does not take the job for a lost one.
        """
        wait_s = error.retry_after_s
        if wait_s is None:
            if not message.has_progress:
                if last_delivery:
                    return False
                raise error
            wait_s = INTERRUPTED.first_wait_s
        job, delay_s = message.job, DELAYED.bounded_s(wait_s)
        until = self.clock.now() + timedelta(seconds=delay_s)
        if until >= began + timedelta(seconds=self.deadline_s):
            return False
        if message.checkpoint is not None:
            await self.runs.save_checkpoint(job, message.waiting(until))
        event("waits", tenant=job.tenant, run=job.run, source=job.source, code=error.code, seconds=delay_s)
        await self._continue(message, message.next_job, delay_s)
        return True

    def _failed(self, plan: Plan, context: TenantContext, job: FetchJob, error: SyncError) -> FetchResult:
        category = self.access.providers.category(context.connection, error.code) if context.connection else None
        problem = Problem(
            concerns=plan.sources[job.source].subject, code=error.code, detail=str(error), category=category
        )
        refused = not isinstance(error, Transient)
        return FetchResult(source=job.source, outcome=FetchOutcome.FAILED, problem=problem, refused=refused)

    async def _has_read_others(self, plan: Plan) -> bool:
        """Return whether the run has read another source, so that one refusal does not outweigh what works."""
        results = (await self.runs.list_fetch_results(plan.tenant, plan.run)).values()
        return any(result.outcome is FetchOutcome.COMPLETE for result in results)

    async def _read(self, plan: Plan, context: TenantContext, message: FetchMessage) -> FetchResult:
        job = message.job
        current = await self.snapshots.find_current(job.tenant, job.source)
        if job.login_refused_at is not None and await self._has_read_others(plan):
            await self.access.health.recovered(job.tenant)
        async with self.access.open_for_run(plan, context, job.login_refused_at) as directory:
            fed = directory if has_feed(current, self.clock.now()) else without_feed(directory)
            try:
                result = await self._checked(plan, message, fed, current)
                result = remembered(result, plan.sources[job.source], directory, current, self.clock.now())
            except NotFound as error:
                known = context.state.value.unread.get(job.source)
                missing = await self.missing_group(plan, job, directory, current, known, error)
                result = missing or self._failed(plan, context, job, error)
            except NeedsAttention as error:
                result = self._failed(plan, context, job, error)
                is_final = message.next_job.refused or not isinstance(error, RequestRefused)
                if not is_final or (result.problem and result.problem.category is ErrorCategory.CREDENTIALS):
                    raise
            lost = await self._lost_permissions(plan, directory, result)
            return msgspec.structs.replace(result, warnings=(*result.warnings, *lost))

    async def _checked(
        self, plan: Plan, message: FetchMessage, directory: Directory, current: SnapshotManifest | None
    ) -> FetchResult:
        """Return the result of reading the source, listed without a change feed if the directory refuses its own."""
        try:
            result = await self.source_read(plan, message, directory, current)
        except ChangeFeedUnsupported:
            result = await self.source_read(plan, message, without_feed(directory), current)
        return await self.withheld_check(plan, current, result)

    async def _lost_permissions(self, plan: Plan, directory: Directory, result: FetchResult) -> tuple[Problem, ...]:
        """Return a warning for each needed permission that the credentials have lost, whether or not it was needed."""
        proven = plan.sources[result.source] if result.outcome is FetchOutcome.COMPLETE else None
        lost = await directory.lost_permissions(sso_users=plan.preferences.sso_users, proven=proven)
        return tuple(
            Problem(
                concerns="permissions",
                code="permission_lost",
                detail=f"The permission {name} is not granted any more. It is required {why}. Grant it again, with "
                "admin consent.",
                category=ErrorCategory.PERMISSION,
            )
            for name, why in sorted(lost.items())
        )


def _second_attempt(job: FetchJob, error: SyncError) -> tuple[FetchJob | None, float]:
    """Return the message that tries a refused job once more, and its delay in seconds; None if the refusal counts.

    Credentials that are refused again although other sources were read in between fail the source only.
    """
    if isinstance(error, RefusedOnce) and job.login_refused_at is None:
        return msgspec.structs.replace(job, login_refused_at=error.since), LOGIN_REFUSED.first_wait_s
    if isinstance(error, RequestRefused) and not job.refused:
        return msgspec.structs.replace(job, refused=True), REFUSED.first_wait_s
    return None, 0.0
