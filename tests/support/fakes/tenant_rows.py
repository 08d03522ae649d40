"""The rows that the stores of tenants, connections, settings and states share."""

from datetime import datetime
from typing import Any

from shared.domain.access.callers import Admins
from shared.domain.access.tenants import TenantSummary
from shared.domain.connections.connection import Connection, SsoApplication
from shared.domain.connections.connection_health import Health
from shared.domain.connections.secret_entry import SecretEntry
from shared.domain.deletion import Deletion, LocationDeletion
from shared.domain.ids import LocationId, RunId, TenantId
from shared.domain.operations.retention import RetentionRound
from shared.domain.optimistic_locking import Expected, Part
from shared.domain.pause import PauseOfAll
from shared.domain.preferences.group_mapping import Location
from shared.domain.preferences.preferences import Preferences
from shared.domain.run import TenantState
from tests.support.fakes.rows import Rows


class FakeTenantRows:
    """Rows in dicts."""

    def __init__(self) -> None:
        self.tenants: Rows[TenantId, TenantSummary] = Rows()
        self.connections: Rows[TenantId, Connection] = Rows()
        self.sso: Rows[TenantId, SsoApplication] = Rows()
        self.preferences: Rows[TenantId, Preferences] = Rows()
        self.admins: Rows[TenantId, Admins] = Rows()
        self.deletions: Rows[TenantId, Deletion] = Rows()
        self.health: Rows[TenantId, Health] = Rows()
        self.retention: Rows[str, RetentionRound] = Rows()
        self.secret_entries: Rows[tuple[TenantId, str], SecretEntry] = Rows()
        self.states: Rows[TenantId, TenantState] = Rows()
        self.manual: Rows[tuple[TenantId, RunId], datetime] = Rows()
        self.pause: Rows[None, PauseOfAll] = Rows()
        self.locations: Rows[tuple[TenantId, LocationId], Location] = Rows()
        self.location_deletions: Rows[tuple[TenantId, LocationId], LocationDeletion] = Rows()

    def of(self, part: Part) -> Rows[TenantId, Any]:
        """Return the rows of a part."""
        rows: dict[Part, Rows[TenantId, Any]] = {
            Part.TENANT: self.tenants,
            Part.ADMINS: self.admins,
            Part.SSO: self.sso,
            Part.PREFERENCES: self.preferences,
            Part.CONNECTION: self.connections,
        }
        return rows[part]

    def put(self, tenant: TenantId, part: Part, value: object, expected: Expected | None) -> str:
        """Store a part and return its new ETag. Raises: ETagConflict."""
        rows = self.of(part)
        return rows.put(tenant, value) if expected is None else rows.replace(tenant, value, expected.etag)

    def delete(self, tenant: TenantId, part: Part, expected: Expected | None) -> None:
        """Delete a part, if it exists. Raises: ETagConflict."""
        rows = self.of(part)
        if expected is not None and rows.find(tenant) is not None:
            rows.require(tenant, expected.etag)
        rows.delete(tenant)
