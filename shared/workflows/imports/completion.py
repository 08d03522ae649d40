"""Endings of large imports: what the history says of them, and how they end, whoever finds that they have.

How an import ends is written into its row first; then its run is closed, its file erased, and its row says that it has
ended, in this order, so that whoever comes after a crash ends it the same way.
"""

from collections.abc import Callable
from contextlib import suppress

import msgspec

from shared.domain.ids import RunId, TenantId
from shared.domain.imports.large_import import Import, ImportState, Outcome, announced, ended_run, failure, ref_of
from shared.domain.problem import Problem
from shared.domain.recipient import Counts
from shared.domain.run import LocationReport, Run, RunState
from shared.domain.sync.jobs import ImportJob
from shared.domain.versioned import Versioned
from shared.errors import ETagConflict, NotFound, Superseded
from shared.ports.imports import ImportStore
from shared.ports.platform import Clock
from shared.ports.recipients import RecipientStore
from shared.ports.runs import RunStore
from shared.ports.tenants import SyncStateStore
from shared.runtime.optimistic_update import optimistic_update
from shared.telemetry import event
from shared.workflows.tenants.summary import revise


class ImportEndings(msgspec.Struct, frozen=True, kw_only=True):
    """Ends large imports, and shows in the history how far they are."""

    sync_states: SyncStateStore
    imports: ImportStore
    runs: RunStore
    recipients: RecipientStore
    clock: Clock

    async def current(self, job: ImportJob) -> Versioned[Import]:
        """Return the import of a job, whose run is in the history.

        Raises: Superseded if it has ended, is gone, or was started anew since.
        """
        try:
            stored = await self.imports.get(ref_of(job))
        except NotFound as error:
            raise Superseded(f"import {job.import_id} is gone", code="import_gone") from error
        if stored.value.run != job.run or stored.value.state.ended:
            raise Superseded(f"import {job.import_id} has ended", code="import_ended")
        await self.runs.insert(announced(stored.value))  # whoever started it may have died before this
        return stored

    async def note(self, claimed: Import, run: RunId, report: LocationReport) -> None:
        """Show in the history how far the import is."""

        def noted(known: Run) -> Run:
            locations = {claimed.location: report}
            return msgspec.structs.replace(known, state=RunState.RECONCILING, counts=report.counts, locations=locations)

        await self._change_run(claimed, run, noted)

    async def end(self, stored: Versioned[Import], outcome: Outcome, storage_requests: int = 0) -> None:
        """Leave the import ended like this: in the history, its file erased. Raises: Conflict if it just changed."""
        spent = stored.value.storage_requests + storage_requests
        ending = msgspec.structs.replace(
            stored.value, state=ImportState.WORKING, outcome=outcome, storage_requests=spent, at=self.clock.now()
        )
        await self.close(Versioned(ending, await self.imports.replace(ending, stored.etag)))

    async def fail(self, job: ImportJob, problem: Problem) -> None:
        """Leave the import failed, what it has written so far counted. Raises: Superseded, Conflict."""
        stored = await self.current(job)
        written = await self.recipients.get_journal_counts(job.tenant, job.location, job.run)

        def counted(known: Run) -> Run:
            noted = known.locations.get(job.location, LocationReport())
            locations = {job.location: msgspec.structs.replace(noted, counts=written)}
            return msgspec.structs.replace(known, counts=written, locations=locations)

        if written != Counts():
            await self._change_run(stored.value, job.run, counted)
        await self.end(stored, failure(problem.code, problem.detail))

    async def close(self, stored: Versioned[Import]) -> None:
        """Leave the run ended, the file erased unless it is held, and then the import in its last state."""
        ending = stored.value
        if ending.outcome is None:
            return
        if ending.run is not None:
            await self._change_run(ending, ending.run, lambda known: ended_run(known, ending, self.clock.now()))
        if ending.outcome.state is not ImportState.HELD:
            await self.imports.delete_parts(ending.ref)
        ended = msgspec.structs.replace(ending, state=ending.outcome.state, claimed_until=None, at=self.clock.now())
        try:
            await self.imports.replace(ended, stored.etag)
        except ETagConflict:  # another delivery has done the same
            return
        if ending.run is not None:
            await self._count(ending.tenant, ending.run)
        event(
            "import_ended",
            tenant=ended.tenant,
            run=ended.run,
            location=ended.location,
            state=ended.state,
            rows=ending.outcome.rows,
            refused=ending.outcome.refused_rows,
            held=ending.outcome.held,
        )

    async def _count(self, tenant: TenantId, run: RunId) -> None:
        """Move the tenant's summary on by what was written; who dies before this leaves it to the next sync."""
        with suppress(NotFound):
            counts = (await self.runs.get(tenant, run)).value.counts
            more = counts.created + counts.reactivated - counts.deactivated
            await revise(self.sync_states, tenant, lambda known: known.moved(more))

    @optimistic_update
    async def _change_run(self, owner: Import, run: RunId, change: Callable[[Run], Run]) -> None:
        """Change a run that has not ended. One that is gone was erased with its tenant."""
        try:
            stored = await self.runs.get(owner.tenant, run)
        except NotFound:
            return
        if not stored.value.state.ended:
            await self.runs.replace(change(stored.value), stored.etag)
