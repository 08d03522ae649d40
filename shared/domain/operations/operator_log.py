"""Entries of the operator's log."""

import re
from datetime import datetime
from enum import StrEnum

import msgspec

from shared.domain.ids import RunId, TenantId


class Replay(StrEnum):
    """How far putting a message back has come."""

    NONE = "none"
    SENDING = "sending"
    SENT = "sent"


class OperatorLogEntry(msgspec.Struct, frozen=True, kw_only=True):
    """Something that needs the operator's eye: what happened, and what to do about it."""

    id: str
    at: datetime
    #: The queue of a message that could not be worked off; `connection` for what happened to a connection.
    queue: str
    code: str
    detail: str
    body: str
    tenant: TenantId | None = None
    run: RunId | None = None
    replay: Replay = Replay.NONE
    replayed_at: datetime | None = None
    replayed_by: str | None = None

    def names(self, tenant: TenantId) -> bool:
        """Tell whether the entry is the tenant's, or of a message that nobody could read but that names the tenant."""
        if self.tenant is not None:
            return self.tenant == tenant
        return re.search(rf"(?<![a-z0-9-]){re.escape(tenant)}(?![a-z0-9-])", self.body) is not None
