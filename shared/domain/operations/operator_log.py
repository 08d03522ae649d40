"""Entries of the operator log: dead letters and events of connections."""

import re
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Final, NamedTuple

import msgspec

from shared.domain.ids import RunId, TenantId

#: Values of `OperatorLogEntry.queue` for events, which have no queue.
CONNECTION: Final = "connection"
ROW: Final = "row"
RESTORE: Final = "restore"
PAUSE: Final = "pause"
EVENTS: Final = frozenset({CONNECTION, ROW, RESTORE, PAUSE})


class Replay(StrEnum):
    """State of the replay of a dead letter."""

    NONE = "none"
    SENDING = "sending"
    SENT = "sent"


class EntryPosition(NamedTuple):
    """Position of an entry in the operator log."""

    at: Annotated[datetime, msgspec.Meta(tz=True)]
    id: str
    queue: str


class OperatorLogEntry(msgspec.Struct, frozen=True, kw_only=True):
    """An incident for the operator: what happened, and how to fix it."""

    id: str
    at: datetime
    #: The queue of a dead letter, or one of EVENTS.
    queue: str
    code: str
    detail: str
    body: str
    tenant: TenantId | None = None
    run: RunId | None = None
    replay: Replay = Replay.NONE
    replayed_at: datetime | None = None
    replayed_by: str | None = None

    @property
    def position(self) -> EntryPosition:
        """The position of the entry in the operator log."""
        return EntryPosition(self.at, self.id, self.queue)

    def names(self, tenant: TenantId) -> bool:
        """Return whether the entry belongs to the tenant, or holds an unreadable message that contains its id."""
        if self.tenant is not None:
            return self.tenant == tenant
        return re.search(rf"(?<![a-z0-9-]){re.escape(tenant)}(?![a-z0-9-])", self.body) is not None
