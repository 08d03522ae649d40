"""Acceptance of cleared properties: an admin confirms that values which a run took for withheld were really cleared."""

import msgspec

from shared.domain.ids import RunId, TenantId
from shared.domain.run import Run
from shared.errors import Conflict, Rejected
from shared.ports.runs import RunStore
from shared.ports.tenants import SyncStateStore
from shared.telemetry import event
from shared.workflows.sync.request_run import RequestRun


class AcceptCleared(msgspec.Struct, frozen=True, kw_only=True):
    """Starts a run that takes the properties which an earlier run reported as withheld for cleared."""

    sync_states: SyncStateStore
    runs: RunStore
    request_run: RequestRun

    async def __call__(self, tenant: TenantId, run: RunId, by: str) -> Run:
        """Start a full run that accepts what `run` reported, and return it. The acceptance ends with that run.

        Raises:
            NotFound: The tenant or the run does not exist.
            Rejected: The run does not report withheld properties (`nothing_to_accept`), or the connection is off
                (`not_connected`).
            Conflict: A newer run has ended (`run_outdated`), or a run is active (`run_active`).
        """
        stored = (await self.runs.get(tenant, run)).value
        accepted = {problem.concerns: problem.properties for problem in stored.problems if problem.properties}
        if not accepted:
            raise Rejected("This run does not report properties that could be accepted.", code="nothing_to_accept")
        if (await self.sync_states.get(tenant)).value.summary.run != run:
            raise Conflict("A newer sync has ended. Look at its report instead.", code="run_outdated")
        started = await self.request_run.accepting(tenant, accepted, by)
        event("accepted", tenant=tenant, run=run, started=started.id)
        return started
