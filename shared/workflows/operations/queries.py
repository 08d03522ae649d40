"""Observe: everything that is only looked at. Runs, changes, recipients, groups of the directory, the operator log."""

from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple

import msgspec

from shared.domain.directory import Group
from shared.domain.ids import LocationId, ObjectId, RecipientId, RunId, TenantId
from shared.domain.operations.operator_log import OperatorLogEntry
from shared.domain.preferences.filters import Attribute
from shared.domain.preferences.group_mapping import sources_of
from shared.domain.preferences.location_rule import AttributeHistogram, AttributeValue
from shared.domain.recipient import Change, ChangeKind, Counts, Origin, Recipient, Status
from shared.domain.reconcile.absence import EVERYONE
from shared.domain.reconcile.candidate import Candidate
from shared.domain.reconcile.departures import departure
from shared.domain.run import Plan, Run, RunKind, RunProgress, RunState
from shared.domain.sync.jobs import FetchJob, ReconcileResult
from shared.errors import NotFound
from shared.ports.operations import OperatorLog
from shared.ports.recipients import RecipientStore
from shared.ports.runs import RunStore
from shared.ports.snapshots import SnapshotStore
from shared.ports.tenants import SettingsStore, TenantStore
from shared.workflows.connections.directory_access import DirectoryAccess
from shared.workflows.pagination import page
from shared.workflows.snapshots.reader import stored_users

#: How many of a tenant's runs a list shows.
_LISTED_RUNS: Final = 100
_LISTED_ENTRIES: Final = 500
#: Unfinished jobs of each kind that a look at a run looks into.
_LOOKED_INTO: Final = 20
_LISTED_CHANGES: Final = 1_000


class ChangePosition(NamedTuple):
    """Where in a run's changes a page ended: the location, and how many of its changes came before."""

    location: str
    number: int


class EntryPosition(NamedTuple):
    """Where in the operator log a page ended."""

    at: datetime
    id: str
    queue: str


_BEGINNING: Final = ChangePosition("", 0)


class LocatedChange(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One change of a run, and where it happened; what was stored before stays out of it."""

    location: LocationId
    kind: ChangeKind
    reason: str
    recipient: RecipientId | None
    object_id: str | None
    display_name: str | None
    fields: tuple[str, ...]
    #: Whether it waits for approval, or was only previewed.
    held: bool = False


class RecipientFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which recipients to show, and from where on."""

    search: str = ""
    status: Status | None = None
    origin: Origin | None = None
    #: Id of the last recipient of the page before.
    after: str = ""
    limit: int = 100

    def matches(self, recipient: Recipient) -> bool:
        """Tell whether a recipient is among those wanted."""
        word = self.search.casefold()
        texts = (recipient.profile.display_name, recipient.profile.mail, *recipient.profile.aliases)
        return (
            (self.status is None or recipient.status is self.status)
            and (self.origin is None or recipient.origin is self.origin)
            and (not word or any(word in text.casefold() for text in texts if text))
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Observe:
    """Reads what the API and the portal show."""

    tenants: TenantStore
    settings: SettingsStore
    runs: RunStore
    snapshots: SnapshotStore
    recipients: RecipientStore
    operator_log: OperatorLog
    access: DirectoryAccess

    async def history(
        self, tenant: TenantId, after: str = "", limit: int = _LISTED_RUNS
    ) -> tuple[list[Run], RunId | None]:
        """Return a page of the tenant's runs, newest first, and the one to go on after. Raises: NotFound."""
        await self.tenants.get(tenant)
        return await page(self.runs.list_runs(tenant, after=after), limit, lambda run: run.id)

    async def run(self, tenant: TenantId, run: RunId) -> tuple[Run, RunProgress]:
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

    async def changes(
        self, tenant: TenantId, run: RunId, after: ChangePosition = _BEGINNING, limit: int = _LISTED_CHANGES
    ) -> tuple[list[LocatedChange], ChangePosition | None]:
        """Return a page of a run's changes, also of one that is still under way, and where to go on. Raises: NotFound.

        Changes are in the order of locations, and within one of writing, so that those of a run that has ended stay
        where they are.
        """
        stored = (await self.runs.get(tenant, run)).value
        locations: Iterable[LocationId] = stored.locations
        if stored.kind is RunKind.SYNC:
            try:
                locations = (await self.runs.get_plan(tenant, run)).locations
            except NotFound:
                return [], None
        found, end = await page(self._changes(tenant, stored, sorted(locations), after), limit, lambda each: each[0])
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
        """Iterate over the changes of a run at a location, and whether each of them waits."""
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
        """Return the deactivations that were not done, with the names of those whom they concern."""
        stored = {each.id: each async for each in self.recipients.list_recipients(tenant, location)}
        return [departure(each, stored.get(each.recipient)) for each in people]

    async def page(
        self, tenant: TenantId, location: LocationId, wanted: RecipientFilter
    ) -> tuple[list[Recipient], str | None]:
        """Return a page of recipients by id, and the id to go on after; None at the end. Raises: NotFound."""
        if location not in {each.id for each in await self.settings.list_locations(tenant)}:
            raise NotFound(f"Location {location!r} does not exist in tenant {tenant!r}.", code="location_not_found")
        return await page(self._matching(tenant, location, wanted), wanted.limit, lambda each: each.id)

    async def _matching(
        self, tenant: TenantId, location: LocationId, wanted: RecipientFilter
    ) -> AsyncIterator[Recipient]:
        async for recipient in self.recipients.list_recipients(tenant, location, start=wanted.after):
            if recipient.id > wanted.after and wanted.matches(recipient):
                yield recipient

    async def recipient(self, tenant: TenantId, location: LocationId, recipient: RecipientId) -> Recipient:
        """Return one recipient. Raises: NotFound."""
        await self.tenants.get(tenant)
        return await self.recipients.get(tenant, location, recipient)

    async def everybody(self, tenant: TenantId, location: LocationId, wanted: RecipientFilter) -> list[Recipient]:
        """Return all recipients of a location that the filter lets through, whatever its limit. Raises: NotFound."""
        if location not in {each.id for each in await self.settings.list_locations(tenant)}:
            raise NotFound(f"Location {location!r} does not exist in tenant {tenant!r}.", code="location_not_found")
        return [each async for each in self.recipients.list_recipients(tenant, location) if wanted.matches(each)]

    async def groups(self, tenant: TenantId, search: str) -> list[Group]:
        """Return groups of the tenant's directory for the picker. Raises: NotFound, NeedsAttention, Transient."""
        async with self.access.open(tenant) as directory:
            return list(await directory.find_groups(search))

    async def values(self, tenant: TenantId, attribute: Attribute) -> list[AttributeValue]:
        """Return the values of an attribute among everybody who can be a recipient, as last read, and where they lead.

        Those of the whole directory where runs read it, else of the groups that are mapped. Raises: NotFound.
        """
        await self.tenants.get(tenant)
        preferences = await self.settings.get_preferences(tenant)
        sources, _ = sources_of(preferences, await self.settings.list_locations(tenant))
        values, seen = AttributeHistogram(attribute), set[ObjectId]()
        for source in [EVERYONE] if EVERYONE in sources else sources:
            ref = await self.snapshots.find_current(tenant, source)
            if ref is None:
                continue
            async for user in stored_users(self.snapshots, tenant, ref):
                if user.id not in seen and preferences.exclusion(user) is None:
                    values.add([user])
                seen.add(user.id)
        return values.all(preferences.location_rule)

    async def entries(
        self, after: EntryPosition | None = None, limit: int = _LISTED_ENTRIES
    ) -> tuple[list[OperatorLogEntry], EntryPosition | None]:
        """Return a page of what needs the operator's eye, newest first, and where to go on."""
        return await page(self._entries(after), limit, _entry_position)

    async def _entries(self, after: EntryPosition | None) -> AsyncIterator[OperatorLogEntry]:
        async for entry in self.operator_log.list_entries():
            if after is None or _entry_position(entry) < after:
                yield entry


def _entry_position(entry: OperatorLogEntry) -> EntryPosition:
    return EntryPosition(entry.at, entry.id, entry.queue)


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
