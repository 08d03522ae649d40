"""Run writer: acquires the fence of a location for a job of a run.

Deliveries of a run's deactivation can overlap, and the directory may answer them differently. So that what one of them
reports is all that the run has written, it claims the run before it writes, and takes the fences before it counts.
Another one writes only if it finds its own claim after it has acquired a fence.
"""

import msgspec

from shared.domain.ids import LocationId
from shared.domain.run import Plan, Run
from shared.errors import Superseded
from shared.ports.platform import IdSource
from shared.ports.recipients import RecipientStore
from shared.ports.runs import RunStore
from shared.runtime.optimistic_update import optimistic_update
from shared.workflows.recipients.fenced_writer import FencedOff, FencedWriter
from shared.workflows.sync.restart_on_change import RestartOnChange
from shared.workflows.sync.stages import StageCoordinator


class RunWriter(msgspec.Struct, frozen=True, kw_only=True):
    """Claims runs, and acquires fences for their jobs."""

    runs: RunStore
    recipients: RecipientStore
    stages: StageCoordinator
    changes: RestartOnChange
    ids: IdSource

    @optimistic_update
    async def claim(self, run: Run) -> str:
        """Claim a run for a delivery of its deactivation, and return the claim.

        Deliveries that have claimed it before write nothing more, and do not end it. Raises Superseded if the run has
        ended, or was approved, after `run` was read.
        """
        stored = await self.stages.stored_run(run.tenant, run.id)
        if stored.value.state.ended or stored.value.decision != run.decision:
            raise Superseded(f"Run {run.id} has ended.", code="superseded")
        claim = self.ids.new_attempt_id()
        await self.runs.replace(msgspec.structs.replace(stored.value, claim=claim), stored.etag)
        return claim

    async def acquire(self, plan: Plan, location: LocationId, claim: str | None = None) -> FencedWriter:
        """Acquire the fence of a location, and return its writer; without a `claim`, for its comparison.

        Raises:
            Superseded: The run no longer owns the tenant, another delivery has claimed it, or the comparison was given
                up. If the fence has a newer token than the tenant's state, storage was restored, and the run is
                requested again.
        """
        attempt = self.ids.new_attempt_id()
        try:
            writer = await FencedWriter.acquire(
                self.recipients,
                plan.tenant,
                location,
                fencing_token=plan.fencing_token,
                attempt=attempt,
                compares=claim is None,
            )
        except FencedOff as error:
            await self.changes.restore(plan.tenant, error.token)
            raise
        # Checked after the fence was acquired: a later writer has to acquire the fence from this one.
        await self.stages.require_current(plan)
        if claim is not None:
            require_claim((await self.stages.stored_run(plan.tenant, plan.run)).value, claim)
        return writer


def require_claim(run: Run, claim: str) -> None:
    """Raise Superseded if another delivery has claimed the run."""
    if run.claim != claim:
        raise Superseded(f"Another delivery continues run {run.id}.", code="superseded")
