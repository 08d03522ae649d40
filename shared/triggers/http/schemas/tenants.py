"""Tenants, locations, mappings and users."""

from collections.abc import Sequence

from shared.domain.access.sso_users import ProductUser, SsoUser
from shared.domain.access.tenants import TenantSummary
from shared.domain.preferences.group_mapping import GroupMapping, Location
from shared.domain.preferences.location_rule import AttributeValue
from shared.triggers.http.schemas.base import Page, View


class TenantsView(Page, frozen=True, kw_only=True):
    """Tenants, sorted by id."""

    tenants: Sequence[TenantSummary]


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
