"""Audit: records changes and exports before they are made, how they end, and refusals."""

import logging
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final

import msgspec

from shared.domain.access.callers import Caller
from shared.domain.ids import TenantId, tenant_id
from shared.domain.operations.audit import (
    STRANGERS,
    Action,
    AuditEntry,
    AuditOutcome,
    AuditPosition,
    EntryPoint,
    Recorded,
    entry_id,
)
from shared.domain.sync.jobs import SyncRequest
from shared.domain.sync.queue_messages import REPEATED, SCHEDULE
from shared.errors import Rejected, SyncError
from shared.ports.operations import AuditStore
from shared.ports.platform import Clock, IdSource
from shared.ports.tenants import TenantStore
from shared.telemetry import event
from shared.workflows.operations.refusals import KnownCallers, StrangerCounts
from shared.workflows.pagination import page

_ENTRY: Final = re.compile(r"[0-9]{13}-[0-9a-f]{16}")
#: Status of what was accepted and is done later.
_ACCEPTED: Final = 202
#: Number of hexadecimal digits that tell the entries of one millisecond apart.
_UNIQUE: Final = 16


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A request as the audit log records it."""

    action: str
    actor: str
    entry_point: EntryPoint
    tenant: TenantId | None = None
    subject: Mapping[str, str] = {}
    fields: tuple[str, ...] = ()


class AuditTrail(msgspec.Struct, frozen=True, kw_only=True):
    """Writes and lists the audit log."""

    audit: AuditStore
    tenants: TenantStore
    known: KnownCallers
    strangers: StrangerCounts
    clock: Clock
    ids: IdSource
    kept_for: timedelta

    async def begin(self, asked: Asked) -> Recorded:
        """Store what is about to be done, and return the entry.

        Raises SyncError if it cannot be stored: then it must not be done.
        """
        recorded = self._entry(asked, None)
        if asked.tenant is not None and asked.action == Action.TENANT_DELETED:
            await self.audit.insert_deletion(asked.tenant, recorded.entry.id)
        await self.audit.insert(*recorded)
        return recorded

    async def end(
        self,
        begun: Recorded,
        *,
        status: int,
        code: str = "",
        fields: tuple[str, ...] | None = None,
        subject: Mapping[str, str] | None = None,
    ) -> None:
        """Store how it ended. If that fails, the entry stays without an outcome, and the log of the app says so."""
        outcome = AuditOutcome(at=self.clock.now(), status=int(status), code=code, fields=fields, subject=subject or {})
        try:
            await self.audit.conclude(begun.tenant, begun.entry.id, outcome)
        except SyncError as error:
            event("audit_outcome_lost", logging.WARNING, entry=begun.entry.id, tenant=begun.tenant, code=error.code)

    async def refused(self, caller: Caller | None, asked: Asked, *, status: int, code: str) -> None:
        """Store the refusal of a known caller in the operator's list, and count that of a stranger.

        A refusal that cannot be stored stays one; the log of the app says so.
        """
        try:
            if caller is None or not await self.known.include(caller):
                self.strangers.add(self.clock.now(), code)
                await self.flush()
            else:
                subject = {"tenant": asked.tenant, **asked.subject} if asked.tenant else asked.subject
                refused = msgspec.structs.replace(asked, tenant=None, subject=subject)
                outcome = AuditOutcome(at=self.clock.now(), status=int(status), code=code)
                await self.audit.insert(*self._entry(refused, outcome))
        except SyncError as error:
            event("audit_refusal_lost", logging.WARNING, action=asked.action, tenant=asked.tenant, code=error.code)

    async def flush(self) -> None:
        """Store the counts of strangers' refusals in minutes that have ended."""
        for minute, reason, number in self.strangers.take_ended(self.clock.now()):
            entry = AuditEntry(
                id=entry_id(minute, self.ids.new_attempt_id()),
                at=minute,
                action=Action.REQUEST_REFUSED.value,
                actor=STRANGERS,
                entry_point=EntryPoint.SIGNED_IN.value,
                outcome=AuditOutcome(at=minute, status=0, code=reason),
                count=number,
            )
            try:
                await self.audit.insert(None, entry)
            except SyncError as error:
                self.strangers.put_back(minute, reason, number)
                event("audit_refusal_lost", logging.WARNING, code=error.code)
                return

    def _entry(self, asked: Asked, outcome: AuditOutcome | None) -> Recorded:
        now = self.clock.now()
        entry = AuditEntry(
            id=entry_id(now, self.ids.new_attempt_id()),
            at=now,
            action=asked.action,
            actor=asked.actor,
            entry_point=asked.entry_point.value,
            subject=asked.subject,
            fields=asked.fields,
            outcome=outcome,
        )
        return Recorded(asked.tenant, entry)

    async def queued(self, request: SyncRequest, sent_at: datetime | None) -> None:
        """Store that a message on the queue starts a run, once for all deliveries of the message.

        Left out are scheduled runs, and those that were recorded when they were first requested: a message that only
        pretends to be about one of these starts none.
        Raises SyncError if it cannot be stored: then the run must not be started.
        """
        if request.requested_by == SCHEDULE or request.requested_by in REPEATED:
            return
        at = sent_at or self.clock.now()
        entry = AuditEntry(
            id=entry_id(at, sha256(request.request.encode()).hexdigest()[:_UNIQUE]),
            at=at,
            action=Action.RUN_STARTED.value,
            actor=request.requested_by,
            entry_point=EntryPoint.QUEUE.value,
            fields=("mode",),
            outcome=AuditOutcome(at=at, status=_ACCEPTED),
        )
        await self.audit.insert(request.tenant, entry)

    async def list_all(
        self,
        tenant: TenantId | None,
        after: AuditPosition | None,
        limit: int,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> tuple[list[Recorded], AuditPosition | None]:
        """Return a page of the entries of all lists or of one tenant, also a deleted one, and its last position.

        The position is None at the end.
        """
        entries = self.audit.list_entries(tenant, after=after, since=since, until=until)
        return await page(entries, limit, _position)

    async def list_own(
        self,
        tenant: TenantId,
        after: AuditPosition | None,
        limit: int,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> tuple[list[Recorded], AuditPosition | None]:
        """Return a page of a tenant's entries, without those of an earlier tenant with the same id.

        Raises NotFound if the tenant does not exist.
        """
        await self.tenants.get(tenant)
        deletion = await self.audit.last_deletion(tenant)
        entries = self.audit.list_entries(tenant, after=after, since=since, until=until, newer_than=deletion)
        return await page(entries, limit, _position)

    async def sweep(self, after: str = "") -> str | None:
        """Delete a bounded number of entries whose retention has ended. This is the only deletion but erasure.

        Returns what to pass as `after` next, or None once every list was looked at.
        """
        return await self.audit.sweep(self.clock.now() - self.kept_for, after)


def require_position(position: AuditPosition) -> None:
    """Raise Rejected for a position that cannot become a key."""
    if position.tenant:
        tenant_id(position.tenant)
    require_entry_id(position.id)


def require_entry_id(text: str) -> None:
    """Raise Rejected for text that is not the id of an entry."""
    if not _ENTRY.fullmatch(text):
        raise Rejected("Invalid id of an entry of the audit log.", code="invalid_query")


def _position(recorded: Recorded) -> AuditPosition:
    return AuditPosition(recorded.tenant or "", recorded.entry.id)
