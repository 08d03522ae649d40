"""Review of held runs: an admin approves or rejects the deactivations that a run holds."""

from datetime import datetime

import msgspec

from shared.domain.ids import RunId, TenantId
from shared.domain.problem import Problem
from shared.domain.run import HeldDecision, Plan, Run, RunState
from shared.domain.sync.jobs import DeactivateJob
from shared.domain.versioned import Versioned
from shared.errors import Conflict, ETagConflict, NotFound, Rejected
from shared.ports.platform import Clock
from shared.ports.queues import JobQueue
from shared.ports.runs import RunStore
from shared.ports.tenants import SyncStateStore
from shared.runtime.optimistic_update import optimistic_update
from shared.telemetry import event
from shared.workflows.sync.finish import RunCloser
from shared.workflows.tenants.summary import revise


class ReviewHeld(msgspec.Struct, frozen=True, kw_only=True):
    """Stores decisions on held runs. An approved run takes the tenant again and writes like any active run."""

    sync_states: SyncStateStore
    runs: RunStore
    queue: JobQueue
    closer: RunCloser
    clock: Clock

    @optimistic_update
    async def approve(self, tenant: TenantId, run: RunId, digest: str, by: str) -> Run:
        """Approve exactly the set of deactivations that `digest` names, enqueue them, and return the run.

        Approving an approved run again enqueues its job again, which deactivates nothing twice.

        Raises:
            NotFound: The run does not exist.
            Rejected: The run is not held (`not_held`), or holds another set (`digest_mismatch`).
            Conflict: A newer run or configuration made the set obsolete (`held_expired`), or another run is active
                (`run_active`).
            Paused: An operator has paused writing. The run stays held.
            Contended: The run or the tenant's state changed at every attempt.
        """
        stored = await self.runs.get(tenant, run)
        is_approved = stored.value.state is RunState.DEACTIVATING and stored.value.decision is not None
        if not is_approved:
            _require_held(stored.value)
            if digest != stored.value.held_digest:
                raise Rejected(
                    "The set of pending deactivations has changed. Load the run again and check it before you approve.",
                    code="digest_mismatch",
                )
        now = self.clock.now()
        await self._take(tenant, run, now)
        approved = stored.value
        if not is_approved:
            decision = HeldDecision(approved=True, by=by, at=now)
            approved = msgspec.structs.replace(
                stored.value, state=RunState.DEACTIVATING, decision=decision, watched_at=now
            )
            try:
                await self.runs.replace(approved, stored.etag)
            except ETagConflict:  # decided at the same time; only an approval needs the tenant
                if (await self.runs.get(tenant, run)).value.state is not RunState.DEACTIVATING:
                    await self.closer.release(tenant, run)
                raise
        await self.queue.send([DeactivateJob(tenant=tenant, run=run)])
        event("approved", tenant=tenant, run=run)
        return approved

    async def _take(self, tenant: TenantId, run: RunId, now: datetime) -> None:
        """Make the run the tenant's active one. An approved run that has lost the tenant for good ends."""
        plan = await self._plan(tenant, run)
        state, etag = await self.sync_states.get(tenant)
        if plan is None or (state.fencing_token, state.config_version) != (plan.fencing_token, plan.config_version):
            detail = "The pending deactivations have expired because of a newer run or a change of the configuration."
            problem = Problem(concerns="run", code="held_expired", detail=detail)
            if (await self.runs.get(tenant, run)).value.state is RunState.DEACTIVATING:
                await self.closer.stages.end(tenant, run, RunState.SUPERSEDED, problem, now)
            raise Conflict(detail, code=problem.code)
        state.require_writing()
        if state.active_run not in {None, run}:
            raise Conflict("Another run is in progress. Wait until it ends, then try again.", code="run_active")
        if state.active_run is None:
            await self.sync_states.replace(
                tenant, msgspec.structs.replace(state, active_run=run, active_since=now), etag
            )

    async def _plan(self, tenant: TenantId, run: RunId) -> Plan | None:
        """Return the plan of a run; None if it is older than plans are kept, which only expired runs are."""
        try:
            return await self.runs.get_plan(tenant, run)
        except NotFound:
            return None

    async def reject(self, tenant: TenantId, run: RunId, by: str) -> Run:
        """Drop the held deactivations of a run, and return the run. Rejecting it again changes nothing.

        Raises:
            NotFound: The run does not exist.
            Rejected: The run is not held (`not_held`).
            Conflict: The run changed at the same time.
        """
        stored = await self.runs.get(tenant, run)
        rejected = stored.value
        if rejected.decision is None or rejected.decision.approved:
            _require_held(rejected)
            rejected = self._rejected(stored, by)
            await self.runs.replace(rejected, stored.etag)
            event("rejected", tenant=tenant, run=run)
        await revise(
            self.sync_states, tenant, lambda summary: summary.after(rejected) if summary.run == run else summary
        )
        return rejected

    def _rejected(self, stored: Versioned[Run], by: str) -> Run:
        locations = stored.value.locations.items()
        return msgspec.structs.replace(
            stored.value,
            state=RunState.DONE,
            decision=HeldDecision(approved=False, by=by, at=self.clock.now()),
            held_digest=None,
            locations={name: msgspec.structs.replace(report, held=0) for name, report in locations},
        )


def _require_held(run: Run) -> None:
    if run.state is not RunState.HELD:
        raise Rejected(
            f"Run {run.id} does not have pending deactivations: its state is {run.state.value}.", code="not_held"
        )
