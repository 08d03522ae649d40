"""Run history: runs, how far they are, and what they changed."""

from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
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

#: Maximum number of runs on a page.
_LISTED_RUNS: Final = 100
#: Maximum number of unfinished jobs of each kind that are read for a run's progress.
_LOOKED_INTO: Final = 20
#: Maximum number of changes on a page.
#: Maximum number of changes on a page.
_LISTED_CHANGES: Final = 1_000


class ChangePosition(NamedTuple):
    """Where in a run's changes a page ended: the location, and how many of its changes came before."""

    location: str
    number: int


_BEGINNING: Final = ChangePosition("", 0)


class LocatedChange(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One change of a run, and where it happened, without the values that were stored before."""

    location: LocationId
    kind: ChangeKind
    reason: str
    recipient: RecipientId | None
    object_id: str | None
    display_name: str | None
    fields: tuple[str, ...]
    #: Whether it waits for approval, or was only previewed.
    held: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RunHistory:
    """Reads runs, their progress and their changes."""

    tenants: TenantStore
    runs: RunStore
    recipients: RecipientStore

    async def list_runs(
        self, tenant: TenantId, after: str = "", limit: int = _LISTED_RUNS
    ) -> tuple[list[Run], RunId | None]:
        """Return a page of runs, newest first, and the run after which the next page begins. Raises: NotFound."""
        await self.tenants.get(tenant)
        return await page(self.runs.list_runs(tenant, after=after), limit, lambda run: run.id)

    async def get(self, tenant: TenantId, run: RunId) -> tuple[Run, RunProgress]:
        """Return a run and how far it is. Raises: NotFound."""
        stored = (await self.runs.get(tenant, run)).value
        progress = await self.runs.get_progress(tenant, run)
        if not progress.sources + progress.locations:
            return stored, progress
        people, written = await self._done(await self.runs.get_plan(tenant, run))
        return stored, msgspec.structs.replace(progress, people=people, written=written)

    async def _done(self, plan: Plan) -> tuple[int, int]:
        """Return how many people a run has read, and how many recipients it has written."""
        fetched = await self.runs.list_fetch_results(plan.tenant, plan.run)
        people = sum(result.snapshot.digest.users for result in fetched.values() if result.snapshot is not None)
        for source in sorted(plan.sources.keys() - fetched.keys())[:_LOOKED_INTO]:
            checkpoint = await self.runs.find_checkpoint(FetchJob(tenant=plan.tenant, run=plan.run, source=source))
            people += checkpoint.digest.users if checkpoint is not None else 0
        reconciled = await self.runs.list_reconcile_results(plan.tenant, plan.run)
        written = sum(_written(result.counts) for result in reconciled.values())
        for location in sorted(plan.locations.keys() - reconciled.keys())[:_LOOKED_INTO]:
            written += _written(await self.recipients.get_journal_counts(plan.tenant, location, plan.run))
        return people, written

    async def list_changes(
        self, tenant: TenantId, run: RunId, after: ChangePosition = _BEGINNING, limit: int = _LISTED_CHANGES
    ) -> tuple[list[LocatedChange], ChangePosition | None]:
        """Return a page of a run's changes, and where the next page begins; None at the end. Raises: NotFound.

        The run may still be active. Changes are ordered by location, and within a location by the time of writing, so
        that the pages of an ended run do not change.
        """
        stored = (await self.runs.get(tenant, run)).value
        locations: Iterable[LocationId] = stored.locations
        if stored.kind is RunKind.SYNC:
            try:
                locations = (await self.runs.get_plan(tenant, run)).locations
            except NotFound:
                return [], None
        found, end = await page(
            self._changes(tenant, stored, sorted(locations), after), limit, lambda located: located[0]
        )
        return [change for _, change in found], end

    async def _changes(
        self, tenant: TenantId, run: Run, locations: Sequence[LocationId], after: ChangePosition
    ) -> AsyncIterator[tuple[ChangePosition, LocatedChange]]:
        """Iterate over changes with their positions; locations that lie before are not read."""
        results = await self.runs.list_reconcile_results(tenant, run.id)
        waiting = run.preview or run.state is RunState.HELD
        held = await self.runs.list_held(tenant, run.id) if waiting else {}
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
        """Iterate over the changes of a run at a location, and whether they await approval."""
        async for entry in self.recipients.list_journal(tenant, location, run):
            for change in entry.changes:
                yield change, False
        if result is not None:
            for change in (*result.previewed, *result.skipped):
                yield change, False
        if held:
            for change in await self._would_leave(tenant, location, held):
                yield change, True

    async def _would_leave(self, tenant: TenantId, location: LocationId, people: Sequence[Candidate]) -> list[Change]:
        """Return the deactivations that were not done, with the names of their recipients."""
        stored = {recipient.id: recipient async for recipient in self.recipients.list_recipients(tenant, location)}
        return [departure(candidate, stored.get(candidate.recipient)) for candidate in people]


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
