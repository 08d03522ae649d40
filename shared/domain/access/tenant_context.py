"""What a step has to know of a tenant."""

import msgspec

from shared.domain.access.tenants import TenantSummary
from shared.domain.connections.connection import Connection
from shared.domain.connections.connection_health import Health
from shared.domain.preferences.preferences import Preferences
from shared.domain.run import TenantState
from shared.domain.versioned import Versioned


class TenantContext(msgspec.Struct, frozen=True, kw_only=True):
    """What a step has to know of a tenant, as it was at one moment."""

    #: None where there is no such tenant.
    tenant: TenantSummary | None
    #: None while it is switched off.
    connection: Connection | None
    preferences: Preferences
    health: Versioned[Health]
    state: Versioned[TenantState]
