"""Observe: everything that is only looked at. Runs, changes, recipients, groups of the directory, the ledger."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

import msgspec

from shared.access import DirectoryAccess
from shared.domain.directory import DirectoryUser, Group
from shared.domain.filters import Attribute
from shared.domain.ids import LocationId, ObjectId, RecipientId, RunId, TenantId
from shared.domain.job import Candidate, FetchJob
from shared.domain.leavers import departure
from shared.domain.mapping import sources_of
from shared.domain.places import AttributeValue, values_of
from shared.domain.recipient import Change, ChangeKind, Counts, Origin, Recipient, Status
from shared.domain.run import Plan, Run, RunKind, RunState
from shared.domain.wanted import EVERYONE
from shared.errors import NotFound
from shared.ports import (
    Ledger,
    LedgerEntry,
    RecipientStore,
    RunProgress,
    RunStore,
    SnapshotStore,
    TenantStore,
)

#: How many of a tenant's runs a list shows.
_LISTED_RUNS: Final = 100
_LISTED_ENTRIES: Final = 500
#: Unfinished jobs of each kind that a look at a run looks into.
_LOOKED_INTO: Final = 20


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
    runs: RunStore
    snapshots: SnapshotStore
    recipients: RecipientStore
    ledger: Ledger
    access: DirectoryAccess

    async def history(self, tenant: TenantId) -> list[Run]:
        """Return the tenant's last runs, newest first. Raises: NotFound."""
        await self.tenants.get(tenant)
        runs: list[Run] = []
        async for run in self.runs.history(tenant):
            runs.append(run)
            if len(runs) == _LISTED_RUNS:
                break
        return runs

    async def run(self, tenant: TenantId, run: RunId) -> tuple[Run, RunProgress]:
        """Return a run and how far it is. Raises: NotFound."""
        stored = (await self.runs.get(tenant, run)).value
        progress = await self.runs.progress(tenant, run)
        if stored.state.ended or not progress.sources + progress.locations:
            return stored, progress
        people, written = await self._done(await self.runs.plan(tenant, run))
        return stored, msgspec.structs.replace(progress, people=people, written=written)

    async def _done(self, plan: Plan) -> tuple[int, int]:
        """Return how many people a run has read, and how many recipients it has written."""
        fetched = await self.runs.fetch_markers(plan.tenant, plan.run)
        people = sum(marker.snapshot.tally.users for marker in fetched.values() if marker.snapshot is not None)
        for source in sorted(plan.sources.keys() - fetched.keys())[:_LOOKED_INTO]:
            position = await self.runs.position(FetchJob(tenant=plan.tenant, run=plan.run, source=source))
            people += position.tally.users if position is not None else 0
        reconciled = await self.runs.reconcile_markers(plan.tenant, plan.run)
        written = sum(_written(marker.counts) for marker in reconciled.values())
        for location in sorted(plan.locations.keys() - reconciled.keys())[:_LOOKED_INTO]:
            written += _written(await self.recipients.journal_counts(plan.tenant, location, plan.run))
        return people, written

    async def changes(self, tenant: TenantId, run: RunId) -> list[LocatedChange]:
        """Return every change of a run, also of one that is still under way. Raises: NotFound."""
        stored = (await self.runs.get(tenant, run)).value
        locations: Iterable[LocationId] = stored.locations
        if stored.kind is RunKind.SYNC:
            try:
                locations = (await self.runs.plan(tenant, run)).locations
            except NotFound:
                return []
        found: list[LocatedChange] = []
        markers = await self.runs.reconcile_markers(tenant, run)
        waiting = stored.preview or stored.state is RunState.HELD
        held = await self.runs.held(tenant, run) if waiting else {}
        for location in locations:
            async for entry in self.recipients.journal(tenant, location, run):
                found += [_located(location, change) for change in entry.changes]
            if location in markers:
                noted = (*markers[location].previewed, *markers[location].skipped)
                found += [_located(location, change) for change in noted]
            if location in held:
                found += await self._would_leave(tenant, location, held[location])
        return found

    async def _would_leave(
        self, tenant: TenantId, location: LocationId, people: Sequence[Candidate]
    ) -> list[LocatedChange]:
        """Return the deactivations that were not done, with the names of those whom they concern."""
        stored = {each.id: each async for each in self.recipients.read(tenant, location)}
        return [_located(location, departure(each, stored.get(each.recipient)), held=True) for each in people]

    async def page(
        self, tenant: TenantId, location: LocationId, wanted: RecipientFilter
    ) -> tuple[list[Recipient], str | None]:
        """Return a page of recipients by id, and the id to go on after; None at the end. Raises: NotFound."""
        if location not in {each.id for each in await self.tenants.locations(tenant)}:
            raise NotFound(f"Tenant {tenant!r} has no location {location!r}.", code="location_not_found")
        found: list[Recipient] = []
        async for recipient in self.recipients.read(tenant, location, start=wanted.after):
            if recipient.id > wanted.after and wanted.matches(recipient):
                found.append(recipient)
                if len(found) > wanted.limit:
                    return found[: wanted.limit], found[wanted.limit - 1].id
        return found, None

    async def everybody(self, tenant: TenantId, location: LocationId, wanted: RecipientFilter) -> list[Recipient]:
        """Return all recipients of a location that the filter lets through, whatever its limit. Raises: NotFound."""
        if location not in {each.id for each in await self.tenants.locations(tenant)}:
            raise NotFound(f"Tenant {tenant!r} has no location {location!r}.", code="location_not_found")
        return [each async for each in self.recipients.read(tenant, location) if wanted.matches(each)]

    async def groups(self, tenant: TenantId, search: str) -> list[Group]:
        """Return groups of the tenant's directory for the picker. Raises: NotFound, NeedsAttention, Transient."""
        async with self.access.open(tenant) as directory:
            return list(await directory.groups(search))

    async def values(self, tenant: TenantId, attribute: Attribute) -> list[AttributeValue]:
        """Return the values of an attribute among everybody who can be a recipient, as last read, and where they lead.

        Those of the whole directory where runs read it, else of the groups that are mapped. Raises: NotFound.
        """
        await self.tenants.get(tenant)
        preferences = await self.tenants.preferences(tenant)
        sources, _ = sources_of(preferences, await self.tenants.locations(tenant))
        people: dict[ObjectId, DirectoryUser] = {}
        for source in [EVERYONE] if EVERYONE in sources else sources:
            ref = await self.snapshots.current(tenant, source)
            if ref is not None:
                people.update((await self.snapshots.load(tenant, ref)).users)
        eligible = (each for each in people.values() if preferences.exclusion(each) is None)
        return values_of(eligible, attribute, preferences.location_rule)

    async def entries(self) -> list[LedgerEntry]:
        """Return what needs the operator's eye, newest first."""
        return list(islice([entry async for entry in self.ledger.entries()], _LISTED_ENTRIES))


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
