"""Tenants as entries of lists."""

from datetime import datetime

import msgspec

from shared.domain.ids import TenantId


class TenantSummary(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of the list of tenants."""

    id: TenantId
    name: str


class ConnectedTenant(msgspec.Struct, frozen=True, kw_only=True):
    """A tenant with a connection, and the expiry date of its credential; None if unknown."""

    id: TenantId
    secret_expires_on: datetime | None
