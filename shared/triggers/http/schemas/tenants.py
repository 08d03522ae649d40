"""Tenants, locations, mappings and users."""

from collections.abc import Sequence
from datetime import datetime
from typing import Self

from msgspec import UNSET, UnsetType

from shared.domain.access.callers import AdminGrant, Admins
from shared.domain.access.sso_users import ProductUser, SsoUser
from shared.domain.access.tenants import TenantSummary
from shared.domain.deletion import Deletion, LocationDeletion
from shared.domain.ids import LocationId, TenantId
from shared.domain.preferences.group_mapping import GroupMapping, Location
from shared.domain.preferences.location_rule import AttributeValue
from shared.domain.preferences.preferences import Preferences
from shared.triggers.http.schemas.base import Page, View


class TenantsView(Page, frozen=True, kw_only=True):
    """Tenants, sorted by id."""

    tenants: Sequence[TenantSummary]


class DeletionView(View, frozen=True, kw_only=True):
    """The progress of the deletion of a tenant."""

    tenant: TenantId
    deleted_at: datetime
    #: Number of rows that were deleted so far.
    rows: int
    #: When nothing was left. The id can be used again a quarter of an hour after the deletion, at the earliest.
    empty_at: datetime | None

    @classmethod
    def of(cls, tenant: TenantId, deletion: Deletion) -> Self:
        """Create the view of a deletion."""
        return cls(tenant=tenant, deleted_at=deletion.at, rows=deletion.rows, empty_at=deletion.empty_at)


class LocationDeletionView(View, frozen=True, kw_only=True):
    """The progress of the deletion of a location."""

    tenant: TenantId
    location: LocationId
    deleted_at: datetime
    #: Number of rows that were deleted so far.
    rows: int

    @classmethod
    def of(cls, tenant: TenantId, location: LocationId, deletion: LocationDeletion) -> Self:
        """Create the view of a deletion."""
        return cls(tenant=tenant, location=location, deleted_at=deletion.at, rows=deletion.rows)


class AdminsBody(Admins, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """The admins of a tenant, as a PUT sends and returns them."""

    people: tuple[AdminGrant, ...]
    #: Fields that the request left out and whose value was reset; ignored in requests.
    reset: tuple[str, ...] | UnsetType = UNSET

    def admins(self) -> Admins:
        """Return the admins to store."""
        return Admins(azure_tenant_id=self.azure_tenant_id, people=self.people)

    @classmethod
    def of(cls, admins: Admins, reset: tuple[str, ...]) -> Self:
        """Create the answer of a PUT."""
        return cls(azure_tenant_id=admins.azure_tenant_id, people=admins.people, reset=reset or UNSET)


class PreferencesBody(Preferences, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """The preferences of a tenant, as a PUT sends and returns them."""

    #: Fields that the request left out and whose value was reset to its default; ignored in requests.
    reset: tuple[str, ...] | UnsetType = UNSET

    def preferences(self) -> Preferences:
        """Return the preferences to store."""
        return Preferences(**{name: getattr(self, name) for name in Preferences.__struct_fields__})

    @classmethod
    def of(cls, preferences: Preferences, reset: tuple[str, ...]) -> Self:
        """Create the answer of a PUT."""
        return cls(**{name: getattr(preferences, name) for name in Preferences.__struct_fields__}, reset=reset or UNSET)


class LocationsView(View, frozen=True, kw_only=True):
    """All locations of a tenant."""

    locations: Sequence[Location]


class MappingView(View, frozen=True, kw_only=True):
    """The groups that are mapped to a location."""

    groups: Sequence[GroupMapping]


class AttributeValuesView(View, frozen=True, kw_only=True):
    """Values of an attribute in the directory."""

    values: Sequence[AttributeValue]


class FilterTestView(View, frozen=True, kw_only=True):
    """Whether the e-mail address passes the filter."""

    passes: bool


class SsoUsersView(View, frozen=True, kw_only=True):
    """People assigned to the sign-in application."""

    users: Sequence[SsoUser]


class UsersView(View, frozen=True, kw_only=True):
    """Product users."""

    users: Sequence[ProductUser]
