"""Health, overview and operator log."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, Self

from shared.domain.ids import RunId, TenantId
from shared.domain.operations.operator_log import OperatorLogEntry
from shared.domain.pause import Pause, PauseOfAll, PauseScope
from shared.triggers.http.schemas.base import Page, View
from shared.workflows.operations.overview import TenantLine


class HealthView(View, frozen=True, kw_only=True):
    """The health of the app."""

    status: Literal["ok"]


class OverviewView(Page, frozen=True, kw_only=True):
    """The overview of all tenants."""

    tenants: Sequence[TenantLine]


class TenantPauseView(View, frozen=True, kw_only=True):
    """Whether changes of a tenant's recipients are paused: the tenant's own pause, or that of all tenants, or both."""

    paused: bool
    scopes: Sequence[PauseScope]
    #: Since when it is paused, without a break.
    since: datetime | None

    @classmethod
    def of(cls, pauses: Sequence[Pause]) -> Self:
        """Create the view of a tenant's pauses."""
        scopes = [pause.scope for pause in pauses]
        return cls(paused=bool(pauses), scopes=scopes, since=min((pause.at for pause in pauses), default=None))


class PauseOfAllView(View, frozen=True, kw_only=True):
    """Whether all tenants are paused. While they are being resumed, some of them still are."""

    paused: bool
    resuming: bool
    since: datetime | None
    by: str | None

    @classmethod
    def of(cls, stored: PauseOfAll | None) -> Self:
        """Create the view of the pause of all tenants."""
        if stored is None:
            return cls(paused=False, resuming=False, since=None, by=None)
        return cls(paused=True, resuming=stored.lifting, since=stored.pause.at, by=stored.pause.by)


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
