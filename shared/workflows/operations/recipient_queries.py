"""Recipient queries: recipients of a location, and the values of an attribute."""

from collections.abc import AsyncIterator

import msgspec

from shared.domain.ids import LocationId, ObjectId, RecipientId, TenantId
from shared.domain.preferences.filters import Attribute
from shared.domain.preferences.group_mapping import sources_of
from shared.domain.preferences.location_rule import AttributeHistogram, AttributeValue
from shared.domain.recipient import Origin, Recipient, Status
from shared.domain.reconcile.absence import EVERYONE
from shared.domain.text import search_key
from shared.errors import NotFound
from shared.ports.recipients import RecipientStore
from shared.ports.snapshots import SnapshotStore
from shared.ports.tenants import SettingsStore, TenantStore
from shared.workflows.pagination import page
from shared.workflows.snapshots.reader import stored_partitions


class RecipientFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Conditions for recipients, and the page to show."""

    search: str = ""
    status: Status | None = None
    origin: Origin | None = None
    #: Id of the last recipient of the previous page.
    after: str = ""
    limit: int = 100

    def matches(self, recipient: Recipient) -> bool:
        """Return whether the recipient passes the filter."""
        word = search_key(self.search)
        texts = (recipient.profile.display_name, recipient.profile.mail, *recipient.profile.aliases)
        return (
            (self.status is None or recipient.status is self.status)
            and (self.origin is None or recipient.origin is self.origin)
            and (not word or any(word in search_key(text) for text in texts if text))
        )


class RecipientQueries(msgspec.Struct, frozen=True, kw_only=True):
    """Reads recipients, and the values of their attributes."""

    tenants: TenantStore
    settings: SettingsStore
    snapshots: SnapshotStore
    recipients: RecipientStore

    async def list_page(
        self, tenant: TenantId, location: LocationId, filter_: RecipientFilter
    ) -> tuple[list[Recipient], str | None]:
        """Return a page of recipients by id, and the id after which the next page begins; None at the end.

        Raises NotFound if the tenant does not have the location.
        """
        if location not in {stored.id for stored in await self.settings.list_locations(tenant)}:
            raise NotFound(f"Location {location!r} does not exist in tenant {tenant!r}.", code="location_not_found")
        return await page(self._matching(tenant, location, filter_), filter_.limit, lambda recipient: recipient.id)

    async def _matching(
        self, tenant: TenantId, location: LocationId, filter_: RecipientFilter
    ) -> AsyncIterator[Recipient]:
        async for recipient in self.recipients.list_recipients(tenant, location, start=filter_.after):
            if recipient.id > filter_.after and filter_.matches(recipient):
                yield recipient

    async def get(self, tenant: TenantId, location: LocationId, recipient: RecipientId) -> Recipient:
        """Return one recipient. Raises NotFound if the tenant or the recipient does not exist."""
        await self.tenants.get(tenant)
        return await self.recipients.get(tenant, location, recipient)

    async def list_all(self, tenant: TenantId, location: LocationId, filter_: RecipientFilter) -> list[Recipient]:
        """Return all recipients of a location that pass the filter; its `after` and `limit` do not apply.

        Raises NotFound if the tenant does not have the location.
        """
        if location not in {stored.id for stored in await self.settings.list_locations(tenant)}:
            raise NotFound(f"Location {location!r} does not exist in tenant {tenant!r}.", code="location_not_found")
        stored = self.recipients.list_recipients(tenant, location)
        return [recipient async for recipient in stored if filter_.matches(recipient)]

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
                for user in part.users.values():
                    if user.id not in seen and preferences.exclusion(user) is None:
                        values.add([user])
                seen.update(part.users)
        return values.all(preferences.location_rule)
