"""The audit log."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, Self

from shared.domain.ids import TenantId
from shared.domain.imports.cells import harmless
from shared.domain.operations.audit import Recorded
from shared.triggers.http.schemas.base import Page, View

#: Columns of the file, in order.
COLUMNS: Final = (
    "at",
    "tenant",
    "actor",
    "entryPoint",
    "action",
    "status",
    "code",
    "endedAt",
    "fields",
    "subject",
    "count",
    "id",
)


class AuditEntryView(View, frozen=True, kw_only=True):
    """One request that changes or exports something, or that was refused."""

    id: str
    at: datetime
    #: The tenant whose list has the entry; null for the operator's list.
    tenant: TenantId | None
    action: str
    actor: str
    entry_point: str
    #: Ids of what the request is about, by kind.
    subject: Mapping[str, str]
    #: Names of the fields that changed, or that were sent.
    fields: Sequence[str]
    #: Status of the answer, and code of the problem; null if it is not known how the request ended.
    status: int | None
    code: str | None
    ended_at: datetime | None
    #: Number of refusals that the entry stands for.
    count: int

    @classmethod
    def of(cls, recorded: Recorded) -> Self:
        """Create the view of an entry."""
        entry, outcome = recorded.entry, recorded.entry.outcome
        return cls(
            id=entry.id,
            at=entry.at,
            tenant=recorded.tenant,
            action=entry.action,
            actor=entry.actor,
            entry_point=entry.entry_point,
            subject=entry.subject,
            fields=entry.fields,
            status=outcome.status if outcome else None,
            code=(outcome.code or None) if outcome else None,
            ended_at=outcome.at if outcome else None,
            count=entry.count,
        )

    def row(self) -> list[str]:
        """Return the cells of the entry in a file."""
        cells = (
            self.at.isoformat(),
            self.tenant,
            self.actor,
            self.entry_point,
            self.action,
            self.status,
            self.code,
            self.ended_at.isoformat() if self.ended_at else None,
            " ".join(self.fields),
            " ".join(f"{kind}={name}" for kind, name in sorted(self.subject.items())),
            self.count,
            self.id,
        )
        return [harmless(str(cell)) if cell is not None else "" for cell in cells]


class AuditView(Page, frozen=True, kw_only=True):
    """Entries of the audit log, newest first."""

    entries: Sequence[AuditEntryView]
