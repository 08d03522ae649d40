"""Run writer: acquires the fence of a location for a job of a run."""

import msgspec

from shared.domain.ids import LocationId
from shared.domain.run import Plan
from shared.ports.platform import IdSource
from shared.ports.recipients import RecipientStore
from shared.workflows.recipients.fenced_writer import FencedOff, FencedWriter
from shared.workflows.sync.restart_on_change import RestartOnChange
from shared.workflows.sync.stages import StageCoordinator


class RunWriter(msgspec.Struct, frozen=True, kw_only=True):
    """Acquires fences for runs."""

    recipients: RecipientStore
    stages: StageCoordinator
    changes: RestartOnChange
    ids: IdSource

    async def acquire(self, plan: Plan, location: LocationId, *, compares: bool = False) -> FencedWriter:
        """Acquire the fence of a location, and return its writer.

        Raises:
            Superseded: The run no longer owns the tenant, or the job `compares` a location whose comparison was given
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
                compares=compares,
            )
        except FencedOff as error:
            await self.changes.restore(plan.tenant, error.token)
            raise
        # Checked after the fence was acquired: a later writer has to acquire the fence from this one.
        await self.stages.require_current(plan)
        return writer
