"""Cleanup of uploaded imports: resumes those that a crash interrupted, and erases data of those that ended."""

from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final, Protocol

import msgspec

from shared.domain.ids import LocationId, RunId, TenantId
from shared.domain.imports.import_record import Import, ImportMark, ImportState, failure
from shared.domain.problem import Problem
from shared.domain.run import TenantState
from shared.domain.versioned import Versioned
from shared.errors import NotFound, SyncError
from shared.ports.imports import ImportStore
from shared.ports.platform import Clock
from shared.ports.queues import JobQueue
from shared.ports.tenant_data import Allowed
from shared.ports.tenants import SyncStateStore
from shared.telemetry import event
from shared.workflows.imports.claim import CLAIM, is_claimed
from shared.workflows.imports.completion import ImportCompletion

#: How long the file of an import is kept that was not started, or whose deactivations were not approved.
KEEP_FILE: Final = timedelta(hours=24)
#: How long a started import may take.
DEADLINE: Final = timedelta(hours=24)


class Repeats(Protocol):
    """Counts the repeated messages of runs."""

    async def count(self, tenant: TenantId, run: RunId) -> Problem | None:
        """Count a message. Return the problem of a run that is above a limit."""


class ImportCleanup(msgspec.Struct, frozen=True, kw_only=True):
    """Resumes, ends and deletes imports."""

    imports: ImportStore
    sync_states: SyncStateStore
    queue: JobQueue
    repeats: Repeats
    completion: ImportCompletion
    clock: Clock
    stale_after_s: float
    #: Time after its end for which the report of an import is kept.
    keep_report: timedelta

    async def __call__(self) -> None:
        """Enqueue imports without progress again, and end or delete expired ones. Failures concern one import only."""
        async for mark in self.imports.list_imports():
            try:
                await self._check(mark)
            except SyncError as error:
                event("import_sweep_failed", tenant=mark.ref.tenant, location=mark.ref.location, code=error.code)

    async def abandon(self, tenant: TenantId, location: LocationId, limit: int, allowed: Allowed) -> int:
        """End the runs of a deleted location's imports, and delete its imports. As `ImportStore.delete_location`."""
        async for mark in self.imports.list_imports(tenant, location):
            if not mark.state.ended:
                with suppress(NotFound):
                    stored = await self.imports.get(mark.ref)
                    if await allowed():
                        await self.completion.end(stored, failure("location_deleted", "The location was deleted."))
        return await self.imports.delete_location(tenant, location, limit, allowed)

    async def _check(self, mark: ImportMark) -> None:
        if not self._is_due(mark, mark.at):
            return
        if mark.state in {ImportState.DONE, ImportState.FAILED}:
            await self.imports.delete(mark.ref)
            return
        state = (await self.sync_states.get(mark.ref.tenant)).value
        if state.pauses or not self._is_due(mark, state.begins(mark.at)):
            return
        stored = await self.imports.get(mark.ref)
        if mark.state in {ImportState.UPLOADING, ImportState.HELD}:
            await self._expire(stored)
        else:
            await self._resume(stored, state)

    def _is_due(self, mark: ImportMark, since: datetime) -> bool:
        age = self.clock.now() - since
        if mark.state in {ImportState.WAITING, ImportState.WORKING}:
            age = abs(age)  # a time in the future is that of another clock
        return age >= self._due_after(mark.state)

    def _due_after(self, state: ImportState) -> timedelta:
        """Return the age at which an import is resumed, expires or is deleted."""
        match state:
            case ImportState.DONE | ImportState.FAILED:
                return self.keep_report
            case ImportState.UPLOADING | ImportState.HELD:
                return KEEP_FILE
            case ImportState.WAITING:
                return timedelta(seconds=self.stale_after_s)
            case ImportState.WORKING:  # renewed by the worker's claim
                return CLAIM

    async def _expire(self, stored: Versioned[Import]) -> None:
        outcome = failure("expired", "The import was not started within a day; its file was erased.")
        if stored.value.outcome is not None:  # held: what was applied stays, the deactivations are dropped
            outcome = msgspec.structs.replace(stored.value.outcome, state=ImportState.DONE, held_digest=None)
        await self.completion.end(stored, outcome)

    async def _resume(self, stored: Versioned[Import], state: TenantState) -> None:
        now, stale = self.clock.now(), stored.value
        claimed = is_claimed(stale, now)
        if stale.outcome is not None and not stale.state.ended:  # also of an upload that was never started, and expired
            await self.completion.close(stored)
            return
        if stale.state.ended or stale.run is None or stale.started_at is None:
            return
        if not claimed and state.begins(stale.started_at) <= now - DEADLINE:
            detail = "The import was not finished within a day and was given up; upload the file again."
            await self.completion.fail(stale.job(stale.run), Problem(concerns="import", code="deadline", detail=detail))
        elif not claimed and (problem := await self.repeats.count(stale.tenant, stale.run)) is not None:
            await self.completion.fail(stale.job(stale.run), problem)
        elif not claimed:
            event("import_resumed", tenant=stale.tenant, run=stale.run, location=stale.location)
            released = msgspec.structs.replace(stale, state=ImportState.WAITING, claimed_until=None, at=now)
            await self.imports.replace(released, stored.etag)
            await self.queue.send([stale.job(stale.run)])
