"""Observe: everything that is only looked at. Runs, changes, recipients, groups of the directory, the ledger."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

import msgspec

from shared.access import DirectoryAccess
from shared.domain.directory import Group
from shared.domain.ids import LocationId, RecipientId, RunId, TenantId
from shared.domain.job import Candidate
from shared.domain.leavers import departure
from shared.domain.recipient import Change, ChangeKind, Origin, Recipient, Status
from shared.domain.run import Run, RunKind
from shared.errors import NotFound
from shared.ports import (
    Ledger,
    LedgerEntry,
    RecipientStore,
    RunProgress,
    RunStore,
    TenantStore,
)

#: How many of a tenant's runs a list shows.
_LISTED_RUNS: Final = 100
_LISTED_ENTRIES: Final = 500


class LocatedChange(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One change of a run, and where it happened; what was stored before stays out of it."""

    location: LocationId
    kind: ChangeKind
    reason: str
    recipient: RecipientId | None
    object_id: str | None
    display_name: str | None
    fields: tuple[str, ...]


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
        texts = (recipient.profile.display_name, recipient.profile.mail)
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
        return stored, await self.runs.progress(tenant, run)

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
        held = await self.runs.held(tenant, run) if stored.preview else {}
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
        """Return the deactivations of a preview, with the names of those whom they concern."""
        stored = {each.id: each async for each in self.recipients.read(tenant, location)}
        return [_located(location, departure(each, stored.get(each.recipient))) for each in people]

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

    async def recipient(self, tenant: TenantId, location: LocationId, recipient: RecipientId) -> Recipient:
        """Return one recipient. Raises: NotFound."""
        await self.tenants.get(tenant)
        return await self.recipients.get(tenant, location, recipient)

    async def everybody(self, tenant: TenantId, location: LocationId, wanted: RecipientFilter) -> list[Recipient]:
        """Return all recipients of a location that the filter lets through, whatever its limit. Raises: NotFound."""
        if location not in {each.id for each in await self.tenants.locations(tenant)}:
            raise NotFound(f"Tenant {tenant!r} has no location {location!r}.", code="location_not_found")
        return [each async for each in self.recipients.read(tenant, location) if wanted.matches(each)]

    async def groups(self, tenant: TenantId, search: str) -> list[Group]:
        """Return groups of the tenant's directory for the picker. Raises: NotFound, NeedsAttention, Transient."""
        async with self.access.open(tenant) as directory:
            return list(await directory.groups(search))

    async def entries(self) -> list[LedgerEntry]:
        """Return what needs the operator's eye, newest first."""
        return list(islice([entry async for entry in self.ledger.entries()], _LISTED_ENTRIES))


def _located(location: LocationId, change: Change) -> LocatedChange:
    return LocatedChange(
        location=location,
        kind=change.kind,
        reason=change.reason.value,
        recipient=change.recipient,
        object_id=change.object_id,
        display_name=change.display_name,
        fields=change.fields,
    )
