"""Health, overview and operator log."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, Self

from shared.domain.ids import RunId, TenantId
from shared.domain.operations.operator_log import OperatorLogEntry
from shared.triggers.http.schemas.base import Page, View
from shared.workflows.operations.overview import TenantLine


class HealthView(View, frozen=True, kw_only=True):
    """The health of the app."""

    status: Literal["ok"]


class OverviewView(Page, frozen=True, kw_only=True):
    """The overview of all tenants."""

    tenants: Sequence[TenantLine]


class EntryView(View, frozen=True, kw_only=True):
    """An entry of the operator log: a failed message or an event."""

    id: str
    at: datetime
    queue: str
    code: str
    detail: str
    body: str
    tenant: TenantId | None
    run: RunId | None
    #: When the message was retried, and the caller who did it.
    replayed_at: datetime | None
    replayed_by: str | None

    @classmethod
    def of(cls, entry: OperatorLogEntry) -> Self:
        """Create the view of an entry."""
        return cls(
            id=entry.id,
            at=entry.at,
            queue=entry.queue,
            code=entry.code,
            detail=entry.detail,
            body=entry.body,
            tenant=entry.tenant,
            run=entry.run,
            replayed_at=entry.replayed_at,
            replayed_by=entry.replayed_by,
        )


class LedgerView(Page, frozen=True, kw_only=True):
    """Entries of the operator log, newest first."""

    entries: Sequence[EntryView]
