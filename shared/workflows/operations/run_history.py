"""Run history: runs with their progress and their changes."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import suppress
from typing import Final, NamedTuple

import msgspec

from shared.domain.ids import LocationId, RecipientId, RunId, TenantId
from shared.domain.recipient import Change, ChangeKind, Counts
from shared.domain.reconcile.candidate import Candidate
from shared.domain.reconcile.departures import departure
from shared.domain.run import Plan, Run, RunKind, RunProgress, RunState
from shared.domain.sync.jobs import FetchJob, ReconcileResult
from shared.errors import NotFound
from shared.ports.recipients import RecipientStore
from shared.ports.runs import RunStore
from shared.ports.tenants import TenantStore
from shared.workflows.pagination import page
from shared.workflows.verified_read import verified

#: Maximum number of runs on a page.
_LISTED_RUNS: Final = 100
#: Maximum number of unfinished jobs of each kind that are read for a run's progress.
_MAX_UNFINISHED: Final = 20
#: Maximum number of changes on a page.
_LISTED_CHANGES: Final = 1_000


class ChangePosition(NamedTuple):
    """Position of a change in a run: its location, and its number within the location, from 1."""

    location: str
    number: int


_BEGINNING: Final = ChangePosition("", 0)


class LocatedChange(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One change of a run with its location, without the previous values."""

    location: LocationId
    kind: ChangeKind
    reason: str
    recipient: RecipientId | None
    object_id: str | None
    display_name: str | None
    fields: tuple[str, ...]
    #: Whether the change awaits approval, or was only previewed.
    held: bool = False


class RunHistory(msgspec.Struct, frozen=True, kw_only=True):
    """Reads runs, their progress and their changes."""

    tenants: TenantStore
    runs: RunStore
    recipients: RecipientStore

    async def list_runs(
        self, tenant: TenantId, after: str = "", limit: int = _LISTED_RUNS
    ) -> tuple[list[Run], RunId | None]:
        """Return a page of runs, newest first, and the run after which the next page begins; None at the end.

        Raises NotFound if the tenant does not exist.
        """
        reading = page(self.runs.list_runs(tenant, after=after), limit, lambda run: run.id)
        return await verified(self.tenants.get(tenant), reading)

    async def get(self, tenant: TenantId, run: RunId) -> tuple[Run, RunProgress]:
        """Return a run with its progress. Raises NotFound if the run does not exist."""
        (stored, _), progress = await asyncio.gather(self.runs.get(tenant, run), self.runs.get_progress(tenant, run))
        if not progress.sources + progress.locations:
            return stored, progress
        people, written = await self._done(await self.runs.get_plan(tenant, run))
        return stored, msgspec.structs.replace(progress, people=people, written=written)

    async def _done(self, plan: Plan) -> tuple[int, int]:
        """Return the number of users that a run has read, and the number of recipients that it has written.

        Of the unfinished jobs, only the first `_MAX_UNFINISHED` of each kind are counted.
        """
        fetched = await self.runs.list_fetch_results(plan.tenant, plan.run)
        people = sum(result.snapshot.users for result in fetched.values() if result.snapshot is not None)
        for source in sorted(plan.sources.keys() - fetched.keys())[:_MAX_UNFINISHED]:
            checkpoint = await self.runs.find_checkpoint(FetchJob(tenant=plan.tenant, run=plan.run, source=source))
            people += checkpoint.users if checkpoint is not None else 0
        reconciled = await self.runs.list_reconcile_results(plan.tenant, plan.run)
        written = sum(_written(result.counts) for result in reconciled.values())
        for location in sorted(plan.locations.keys() - reconciled.keys())[:_MAX_UNFINISHED]:
            written += _written(await self.recipients.get_journal_counts(plan.tenant, location, plan.run))
        return people, written

    async def list_changes(
        self, tenant: TenantId, run: RunId, after: ChangePosition = _BEGINNING, limit: int = _LISTED_CHANGES
    ) -> tuple[list[LocatedChange], ChangePosition | None]:
        """Return a page of a run's changes, and its last position; None at the end.

        The run may still be active. Changes are ordered by location, and within a location by the time of writing, so
        that the pages of an ended run do not change. Raises NotFound if the run does not exist.
        """
        stored = (await self.runs.get(tenant, run)).value
        locations: Iterable[LocationId] = stored.locations
        if stored.kind is RunKind.SYNC:
            with suppress(NotFound):  # a run that was not planned, or whose plan is older than plans are kept
                locations = (await self.runs.get_plan(tenant, run)).locations
        changes, end = await page(
            self._changes(tenant, stored, sorted(locations), after), limit, lambda located: located[0]
        )
        return [change for _, change in changes], end

    async def _changes(
        self, tenant: TenantId, run: Run, locations: Sequence[LocationId], after: ChangePosition
    ) -> AsyncIterator[tuple[ChangePosition, LocatedChange]]:
        """Iterate over the changes after a position, with their positions. Locations before it are not read."""
        results = await self.runs.list_reconcile_results(tenant, run.id)
        has_held = run.preview or run.state is RunState.HELD
        held = await self.runs.list_held(tenant, run.id) if has_held else {}
        for location in locations:
            if location < after.location:
                continue
            number = 0
            async for change, waits in self._changes_at(
                tenant, run.id, location, results.get(location), held.get(location, ())
            ):
                number += 1
                position = ChangePosition(location, number)
                if position > after:
                    yield position, _located(location, change, held=waits)

    async def _changes_at(
        self,
        tenant: TenantId,
        run: RunId,
        location: LocationId,
        result: ReconcileResult | None,
        held: Sequence[Candidate],
    ) -> AsyncIterator[tuple[Change, bool]]:
        """Iterate over the changes of a run at a location, each with whether it awaits approval."""
        async for entry in self.recipients.list_journal(tenant, location, run):
            for change in entry.changes:
                yield change, False
        if result is not None:
            for change in (*result.previewed, *result.skipped):
                yield change, False
        if held:
            for change in await self._held_deactivations(tenant, location, held):
                yield change, True

    async def _held_deactivations(
        self, tenant: TenantId, location: LocationId, candidates: Sequence[Candidate]
    ) -> list[Change]:
        """Return the deactivations of candidates, with the names of their recipients."""
        stored = {recipient.id: recipient async for recipient in self.recipients.list_recipients(tenant, location)}
        return [departure(candidate, stored.get(candidate.recipient)) for candidate in candidates]


def _written(counts: Counts) -> int:
    return counts.created + counts.updated + counts.reactivated + counts.deactivated


def _located(location: LocationId, change: Change, *, held: bool = False) -> LocatedChange:
    return LocatedChange(
        location=location,
        kind=change.kind,
        reason=change.reason.value,
        recipient=change.recipient,
        object_id=change.object_id,
        display_name=change.display_name,
        fields=change.fields,
        held=held,
    )
