"""Entries in Key Vault that may have to be disabled or deleted.

Every entry has a name of its own, which is used once. A row for it is stored before the entry, and before another
one replaces it, so that an entry is never left in the vault without a trace.
"""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

import msgspec

from shared.domain.connections.connection import Connection
from shared.domain.ids import TenantId

#: Time after which a request that stores or replaces an entry has ended, as the clock of any worker shows it. host.json
#: ends a function after ten minutes, and two clocks that are an hour off in different directions differ by two hours.
SETTLED_AFTER: Final = timedelta(hours=2, minutes=15)
#: Time after which a replaced entry is disabled even if no run has succeeded with the new one.
DISABLED_AFTER: Final = timedelta(hours=24)
#: Time for which a replaced entry stays in the vault, so that an operator can enable it after a restore of tables.
KEPT_FOR: Final = timedelta(days=7)


class EntryState(StrEnum):
    """What is known about an entry when its row is written."""

    #: It is about to be stored, and a connection will refer to it.
    NEW = "new"
    #: Another entry, or none, is about to replace it.
    REPLACED = "replaced"
    #: The vault refuses to return it.
    DISABLED = "disabled"


class EntryStep(StrEnum):
    """What to do about an entry."""

    WAIT = "wait"
    #: Delete the row, and keep the entry: the connection refers to it.
    SETTLE = "settle"
    DISABLE = "disable"
    #: Delete the entry, then its row.
    DELETE = "delete"


class SecretEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A Key Vault entry that is not known to be in use."""

    tenant: TenantId
    name: str
    state: EntryState
    #: When a request began to store or to replace it.
    since: datetime

    def is_in_doubt(self, now: datetime) -> bool:
        """Return whether a request that is still running may store a connection that refers to the entry."""
        return self.state is EntryState.NEW and now - self.since < SETTLED_AFTER

    def next_step(self, connection: Connection | None, succeeded: datetime | None, now: datetime) -> EntryStep:
        """Return what to do, given the tenant's connection.

        `succeeded` is when the last run was requested, if it succeeded; otherwise None.
        """
        age = now - self.since
        if connection is not None and connection.secrets is not None and connection.secrets.name == self.name:
            replacing = self.state is EntryState.REPLACED and age < SETTLED_AFTER
            return EntryStep.WAIT if replacing else EntryStep.SETTLE
        if self.state is EntryState.NEW:
            return EntryStep.WAIT if age < SETTLED_AFTER else EntryStep.DELETE
        if connection is None or connection.secrets is None or age >= KEPT_FOR:
            return EntryStep.DELETE
        if self.state is EntryState.DISABLED:
            return EntryStep.WAIT
        due = age >= DISABLED_AFTER or (succeeded is not None and succeeded > connection.connected_at)
        return EntryStep.DISABLE if due else EntryStep.WAIT
