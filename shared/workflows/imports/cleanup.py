"""Sweep imports: large imports that a crash left behind go on, and what nobody needs any more is erased."""

from datetime import timedelta
from typing import Final

import msgspec

from shared.domain.ids import LocationId, TenantId
from shared.domain.imports.large_import import Import, ImportMark, ImportRef, ImportState, failure
from shared.domain.problem import Problem
from shared.domain.versioned import Versioned
from shared.errors import NotFound, SyncError
from shared.ports.imports import ImportStore
from shared.ports.platform import Clock
from shared.ports.queues import JobQueue
from shared.telemetry import event
from shared.workflows.imports.completion import ImportEndings

#: How long the file of an import is kept that nobody has started, or whose deactivations nobody has approved.
KEEP_FILE: Final = timedelta(hours=24)
#: How long a started import may take.
DEADLINE: Final = timedelta(hours=24)
#: How long the report of an import is kept; its run stays in the history.
KEEP_REPORT: Final = timedelta(days=30)


class SweepImports(msgspec.Struct, frozen=True, kw_only=True):
    """Looks after every large import."""

    imports: ImportStore
    queue: JobQueue
    endings: ImportEndings
    clock: Clock
    stale_after_s: float

    async def __call__(self) -> None:
        """Leave no import without progress, a job in its queue, or an end. One stops no other."""
        async for mark in self.imports.list_imports():
            try:
                await self._look(mark)
            except SyncError as error:
                event("import_sweep_failed", tenant=mark.ref.tenant, location=mark.ref.location, code=error.code)

    async def abandon(self, tenant: TenantId, location: LocationId) -> None:
        """Leave nothing of a location's imports, and their runs ended. Call it when the location is deleted."""
        async for mark in self.imports.list_imports(tenant):
            if mark.ref.location == location and not mark.state.ended:
                stored = await self._find(mark.ref)
                if stored is not None and not stored.value.state.ended:
                    await self.endings.end(stored, failure("location_deleted", "The location was deleted."))
        await self.imports.delete_location(tenant, location)

    async def _look(self, mark: ImportMark) -> None:
        age = self.clock.now() - mark.at
        match mark.state:
            case ImportState.DONE | ImportState.FAILED:
                if age >= KEEP_REPORT:
                    await self.imports.delete(mark.ref)
            case ImportState.UPLOADING | ImportState.HELD:
                if age >= KEEP_FILE:
                    await self._expire(mark.ref)
            case ImportState.WAITING | ImportState.WORKING:
                if age >= timedelta(seconds=self.stale_after_s):
                    await self._resume(mark.ref)

    async def _expire(self, ref: ImportRef) -> None:
        stored = await self._find(ref)
        if stored is None:
            return
        outcome = failure("expired", "It was not started within a day, and its file was erased.")
        if stored.value.outcome is not None:  # held: what was applied stays, the deactivations are dropped
            outcome = msgspec.structs.replace(stored.value.outcome, state=ImportState.DONE, held_digest=None)
        await self.endings.end(stored, outcome)

    async def _resume(self, ref: ImportRef) -> None:
        stored = await self._find(ref)
        if stored is None or stored.value.state.ended:
            return
        now, known = self.clock.now(), stored.value
        if known.outcome is not None:
            await self.endings.close(stored)
        elif known.claimed_until is not None and known.claimed_until > now:
            return
        elif known.run is None or known.started_at is None:
            return  # no start leaves this
        elif known.started_at <= now - DEADLINE:
            detail = "It was not finished within a day and was given up; send the file again."
            await self.endings.fail(known.job(known.run), Problem(concerns="import", code="deadline", detail=detail))
        else:
            event("import_resumed", tenant=known.tenant, run=known.run, location=known.location)
            await self.imports.replace(msgspec.structs.replace(known, at=now), stored.etag)
            await self.queue.import_file(known.job(known.run))

    async def _find(self, ref: ImportRef) -> Versioned[Import] | None:
        try:
            return await self.imports.get(ref)
        except NotFound:
            return None
