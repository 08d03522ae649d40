"""Completion of uploaded imports: shows their progress in the history and ends them.

The outcome is stored in the import's row first. Then the run is ended, the file is erased, and the row gets its final
state, in this order, so that every later attempt after a crash leads to the same end.
"""

from collections.abc import Callable
from contextlib import suppress

import msgspec

from shared.domain.imports.import_record import Import, ImportState, Outcome, announced, ended_run, failure, ref_of
from shared.domain.problem import Problem
from shared.domain.recipient import Counts
from shared.domain.run import LocationReport, Run, RunState
from shared.domain.sync.jobs import ImportJob
from shared.domain.versioned import Versioned
from shared.errors import ETagConflict, NotFound, Superseded, Transient
from shared.ports.imports import ImportStore
from shared.ports.platform import Clock, IdSource
from shared.ports.recipients import RecipientStore
from shared.ports.runs import RunStore
from shared.ports.tenants import SyncStateStore
from shared.runtime.optimistic_update import optimistic_update
from shared.telemetry import event
from shared.workflows.recipients.fenced_writer import acquire_for_manual_change
from shared.workflows.tenants.summary import revise


class ImportCompletion(msgspec.Struct, frozen=True, kw_only=True):
    """Ends uploaded imports."""

    sync_states: SyncStateStore
    imports: ImportStore
    runs: RunStore
    recipients: RecipientStore
    clock: Clock
    ids: IdSource

    async def current(self, job: ImportJob) -> Versioned[Import]:
        """Return the import of a job. Its run is in the history afterwards.

        Raises Superseded if the import has ended, was deleted, or was started again since.
        """
        try:
            stored = await self.imports.get(ref_of(job))
        except NotFound as error:
            raise Superseded(f"import {job.import_id} was deleted", code="import_gone") from error
        if stored.value.run != job.run or stored.value.state.ended:
            raise Superseded(f"import {job.import_id} has ended", code="import_ended")
        await self.runs.insert(announced(stored.value))  # the start request may have crashed before this
        return stored

    async def note(self, owner: Import, report: LocationReport) -> None:
        """Store in the run what it has written so far."""
        progress = {"state": RunState.RECONCILING, "counts": report.counts, "locations": {owner.location: report}}
        await self._change_run(owner, lambda run: msgspec.structs.replace(run, **progress))

    async def end(self, stored: Versioned[Import], outcome: Outcome, storage_requests: int = 0) -> None:
        """End the import with an outcome. Raises ETagConflict if it changed since it was read."""
        now, spent = self.clock.now(), stored.value.storage_requests + storage_requests
        ending = msgspec.structs.replace(
            stored.value, state=ImportState.WORKING, outcome=outcome, storage_requests=spent, at=now
        )
        await self.close(Versioned(ending, await self.imports.replace(ending, stored.etag)))

    async def fail(self, job: ImportJob, problem: Problem) -> None:
        """End the import as failed. What it has written stays, and is counted, after its writers are fenced off.

        That it fails is stored in its run first: a worker that takes the fence back finds it, and writes nothing. An
        import whose outcome is stored ends with it.

        Raises:
            Superseded: The import has already ended, or was deleted.
            ETagConflict: The import changed in the meantime.
            Transient: A sync uses the location, or writing is paused.
        """
        stored = await self.current(job)
        if stored.value.outcome is not None:
            await self.close(stored)
            return
        await self._change_run(stored.value, lambda run: msgspec.structs.replace(run, problems=(problem,)))
        try:
            await acquire_for_manual_change(
                self.sync_states, self.recipients, job.tenant, job.location, self.ids.new_attempt_id()
            )
        except Superseded as error:
            raise Transient("A sync uses the location; the import ends after it.", code="run_active") from error
        counts = await self.recipients.get_journal_counts(job.tenant, job.location, job.run)
        if counts != Counts() and (run := await self._find_run(stored.value)) is not None:
            noted = run.value.locations.get(job.location, LocationReport())
            await self.note(stored.value, msgspec.structs.replace(noted, counts=counts))
        await self.end(stored, failure(problem.code, problem.detail))

    async def close(self, stored: Versioned[Import]) -> None:
        """End the run of an import that has an outcome, erase the file unless it is held, and set the final state."""
        ending, outcome = stored.value, stored.value.outcome
        if outcome is None:
            return
        await self._end_run(ending, outcome)
        if outcome.state is not ImportState.HELD:
            await self.imports.delete_parts(ending.ref)
        ended = msgspec.structs.replace(ending, state=outcome.state, claimed_until=None, at=self.clock.now())
        try:
            await self.imports.replace(ended, stored.etag)
        except ETagConflict:  # another delivery has closed it
            return
        if (run := await self._find_run(ending)) is not None:
            net = run.value.counts.net
            await revise(self.sync_states, ending.tenant, lambda summary: summary.moved(net))
        event(
            "import_ended",
            tenant=ended.tenant,
            run=ended.run,
            location=ended.location,
            state=ended.state,
            rows=outcome.rows,
            refused=outcome.refused_rows,
            held=outcome.held,
        )

    async def _find_run(self, owner: Import) -> Versioned[Run] | None:
        """Return the run; None if the import was never started, or the run was erased with its tenant."""
        with suppress(NotFound):
            return await self.runs.get(owner.tenant, owner.run) if owner.run is not None else None
        return None

    async def _end_run(self, ending: Import, outcome: Outcome) -> None:
        """End the run. If the request that started the import has not stored it yet, store it as one that has ended."""
        spent, now = ending.storage_requests, self.clock.now()

        def end(run: Run) -> Run:
            return ended_run(run, outcome, spent, now)

        is_stored = await self._change_run(ending, end)
        if ending.run is not None and not is_stored and not await self.runs.insert(end(announced(ending))):
            await self._change_run(ending, end)  # it was stored in between

    @optimistic_update
    async def _change_run(self, owner: Import, change: Callable[[Run], Run]) -> bool:
        """Change the run unless it has ended. Return whether it is stored."""
        stored = await self._find_run(owner)
        if stored is not None and not stored.value.state.ended:
            await self.runs.replace(change(stored.value), stored.etag)
        return stored is not None
