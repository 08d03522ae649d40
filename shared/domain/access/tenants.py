"""Tenants, as lists show them."""

from datetime import datetime

import msgspec

from shared.domain.ids import TenantId


class TenantSummary(msgspec.Struct, frozen=True, kw_only=True):
    """A tenant, as lists show it."""

    id: TenantId
    name: str


class ConnectedTenant(msgspec.Struct, frozen=True, kw_only=True):
    """A tenant with a connection, and when its credential ends, if that is known."""

    id: TenantId
    secret_expires_on: datetime | None
