"""Tenant context: the settings and the state of a tenant that a step needs."""

import msgspec

from shared.domain.access.tenants import TenantSummary
from shared.domain.connections.connection import Connection
from shared.domain.connections.connection_health import Health
from shared.domain.preferences.preferences import Preferences
from shared.domain.run import TenantState
from shared.domain.versioned import Versioned


class TenantContext(msgspec.Struct, frozen=True, kw_only=True):
    """Read model of one tenant: settings and state, read at one moment."""

    #: None if the tenant does not exist.
    tenant: TenantSummary | None
    #: None while the tenant is disconnected.
    connection: Connection | None
    preferences: Preferences
    health: Versioned[Health]
    state: Versioned[TenantState]
