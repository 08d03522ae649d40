"""Recipient queries: recipients of a location, and the values of an attribute."""

import asyncio
from functools import cached_property
from typing import Final

import msgspec

from shared.domain.ids import LocationId, ObjectId, RecipientId, TenantId
from shared.domain.imports.csv_file import export
from shared.domain.preferences.filters import Attribute
from shared.domain.preferences.group_mapping import sources_of
from shared.domain.preferences.location_rule import AttributeHistogram, AttributeValue
from shared.domain.recipient import Origin, Recipient, Status
from shared.domain.reconcile.absence import EVERYONE
from shared.domain.text import search_key
from shared.errors import NotFound, Rejected
from shared.ports.platform import Clock
from shared.ports.recipients import RecipientStore
from shared.ports.snapshots import SnapshotStore
from shared.ports.tenants import SettingsStore, TenantStore
from shared.runtime.fair_scheduler import cpu_slice, paced
from shared.workflows.snapshots.reader import stored_partitions
from shared.workflows.verified_read import verified

#: Maximum number of recipients that one request looks at; as many pages of 1,000 rows are read.
MAX_SEARCHED: Final = 5_000
#: Maximum number of recipients that one part of an export looks at.
MAX_EXPORTED: Final = 100_000
#: Time after which a request stops searching, in seconds, although it has not looked at as many.
_MAX_SEARCH_S: Final = 2.0
#: Longest text that is searched for, in characters.
_MAX_WORD: Final = 320
#: Number of recipients that an export encodes in one slice of CPU time.
_SLICE: Final = 250


class RecipientFilter(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """Conditions for recipients, and the page to show."""

    search: str = ""
    status: Status | None = None
    origin: Origin | None = None
    #: Id of the last recipient of the previous page.
    after: str = ""
    limit: int = 100

    @cached_property
    def _word(self) -> str:
        return search_key(self.search)

    def require_sense(self) -> None:
        """Validate the filter. Raises Rejected (`invalid_query`) if the text is too long."""
        if len(self.search) > _MAX_WORD:
            message = f"Invalid search: the text has {len(self.search)} characters; use at most {_MAX_WORD}."
            raise Rejected(message, code="invalid_query")

    def matches(self, recipient: Recipient) -> bool:
        """Return whether the recipient passes the filter."""
        if (self.status is not None and recipient.status is not self.status) or (
            self.origin is not None and recipient.origin is not self.origin
        ):
            return False
        profile, word = recipient.profile, self._word
        texts = (profile.display_name, profile.mail, *profile.aliases)
        return not word or any(word in search_key(text) for text in texts if text)


class FoundRecipients(msgspec.Struct, frozen=True, kw_only=True):
    """A page of the recipients that pass a filter."""

    recipients: list[Recipient]
    #: Number of recipients that were looked at.
    searched: int
    #: Id of the last one of these, after which the next page begins; None at the end of the list.
    end: str | None


class ExportedPart(msgspec.Struct, frozen=True, kw_only=True):
    """A file with a part of the recipients."""

    #: CSV with the names of the columns.
    content: bytes
    #: Id of the last recipient that was looked at, after which the next part begins; None at the end of the list.
    end: str | None


class RecipientQueries(msgspec.Struct, frozen=True, kw_only=True):
    """Reads recipients, and the values of their attributes."""

    tenants: TenantStore
    settings: SettingsStore
    snapshots: SnapshotStore
    recipients: RecipientStore
    clock: Clock

    async def find(self, tenant: TenantId, location: LocationId, filter_: RecipientFilter) -> FoundRecipients:
        """Return the next page of the recipients that pass the filter, by id.

        The page has at most `limit` recipients, and fewer or none although more follow if it took MAX_SEARCHED others
        or too much time to find these.

        Raises:
            NotFound: The tenant does not have the location.
            Rejected: The text to search for is too long (`invalid_query`).
        """
        filter_.require_sense()
        return await verified(self._require(tenant, location), self._find(tenant, location, filter_))

    async def _find(self, tenant: TenantId, location: LocationId, filter_: RecipientFilter) -> FoundRecipients:
        until_s = self.clock.monotonic_s() + _MAX_SEARCH_S
        found: list[Recipient] = []
        searched, end = 0, filter_.after
        # The last one of the previous page comes first, and one more shows that others follow.
        first = None if filter_.search else filter_.limit + 2
        stored = self.recipients.list_recipients(tenant, location, start=filter_.after, first=first)
        async for recipient in stored:
            if recipient.id <= filter_.after:
                continue
            matches = filter_.matches(recipient)
            is_full = matches and len(found) == filter_.limit
            if is_full or searched == MAX_SEARCHED or (searched and self.clock.monotonic_s() > until_s):
                return FoundRecipients(recipients=found, searched=searched, end=end)
            found += [recipient] if matches else []
            searched, end = searched + 1, recipient.id
        return FoundRecipients(recipients=found, searched=searched, end=None)

    async def _require(self, tenant: TenantId, location: LocationId) -> None:
        if (await self.settings.find_location(tenant, location)).value is None:
            raise NotFound(f"Location {location!r} does not exist in tenant {tenant!r}.", code="location_not_found")

    async def get(self, tenant: TenantId, location: LocationId, recipient: RecipientId) -> Recipient:
        """Return one recipient. Raises NotFound if the tenant or the recipient does not exist."""
        return await verified(self.tenants.get(tenant), self.recipients.get(tenant, location, recipient))

    async def export(self, tenant: TenantId, location: LocationId, filter_: RecipientFilter) -> ExportedPart:
        """Return the recipients of a location that pass the filter as CSV, of MAX_EXPORTED; its limit does not apply.

        Raises as `find`.
        """
        filter_.require_sense()
        await self._require(tenant, location)
        parts, waiting, number, end = [export(())], list[Recipient](), 0, None
        async for recipient in self.recipients.list_recipients(tenant, location, start=filter_.after):
            if recipient.id <= filter_.after:
                continue
            if number == MAX_EXPORTED:
                return ExportedPart(content=b"".join((*parts, await _encoded(waiting))), end=end)
            number, end = number + 1, recipient.id
            if filter_.matches(recipient):
                waiting.append(recipient)
            if len(waiting) == _SLICE:
                parts.append(await _encoded(waiting))
                waiting = []
        return ExportedPart(content=b"".join((*parts, await _encoded(waiting))), end=None)

    async def attribute_values(self, tenant: TenantId, attribute: Attribute) -> list[AttributeValue]:
        """Return the values of an attribute, with their numbers of people and the locations that the rule assigns.

        They come from the current snapshot of the whole directory, or of the mapped groups if runs read only these.
        People that the preferences exclude do not count. Raises NotFound if the tenant does not exist.
        """
        await self.tenants.get(tenant)
        preferences = await self.settings.get_preferences(tenant)
        sources, _ = sources_of(preferences, await self.settings.list_locations(tenant))
        values, seen = AttributeHistogram(attribute), set[ObjectId]()
        for source in [EVERYONE] if EVERYONE in sources else sources:
            manifest = await self.snapshots.find_current(tenant, source)
            if manifest is None:
                continue
            async for part in stored_partitions(self.snapshots, tenant, manifest):
                async for user in paced(part.users.values()):
                    if user.id not in seen and preferences.exclusion(user) is None:
                        values.add([user])
                seen.update(part.users)
        return await asyncio.to_thread(values.all, preferences.location_rule)


async def _encoded(recipients: list[Recipient]) -> bytes:
    async with cpu_slice():
        return export(recipients, first=False)
