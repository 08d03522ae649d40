"""Health, overview and the operator's log."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, Self

from shared.domain.ids import RunId, TenantId
from shared.domain.operations.operator_log import OperatorLogEntry
from shared.triggers.http.schemas.base import Page, View
from shared.workflows.operations.overview import TenantLine


class HealthView(View, frozen=True, kw_only=True):
    """Whether the app has what it needs to start."""

    status: Literal["ok"]


class OverviewView(Page, frozen=True, kw_only=True):
    """Every tenant on one line."""

    tenants: Sequence[TenantLine]


class EntryView(View, frozen=True, kw_only=True):
    """Something that needs the operator's eye."""

    id: str
    at: datetime
    queue: str
    code: str
    detail: str
    body: str
    tenant: TenantId | None
    run: RunId | None
    #: When and by whom the message was put back on its queue.
    replayed_at: datetime | None
    replayed_by: str | None

    @classmethod
    def of(cls, entry: OperatorLogEntry) -> Self:
        """Return an entry as the API shows it."""
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
    """What needs the operator's eye, newest first."""

    entries: Sequence[EntryView]
