"""Retention: deletes rows that are older than they are kept, tenant by tenant, in steps of bounded size.

A round over all tenants begins every day. Each call takes the next tenants, or continues with the last one, so that the
work is spread over the day. Without a round in progress, a call reads one row.
"""

from datetime import timedelta
from typing import Final

import msgspec

from shared.domain.ids import TenantId
from shared.domain.operations.retention import Retention, RetentionRound
from shared.errors import ETagConflict, SyncError
from shared.ports.operations import OperatorLog
from shared.ports.platform import Clock
from shared.ports.recipients import RecipientStore
from shared.ports.runs import RunStore
from shared.ports.tenants import SettingsStore, SyncStateStore, TenantStore
from shared.telemetry import event
from shared.workflows.operations.audit import AuditTrail
from shared.workflows.recipients.departed import DepartedRecipients

#: Time between the beginnings of two rounds.
ROUND: Final = timedelta(days=1)
#: Maximum number of tenants per call: 288 calls a day reach 5,760 tenants.
TENANTS: Final = 20
#: Maximum number of rows that one step deletes.
STEP_ROWS: Final = 2_000
#: Time after which a call begins no further step, in seconds.
CALL_S: Final = 60.0


class RetentionSweep(msgspec.Struct, frozen=True, kw_only=True):
    """Deletes what is older than the settings say. Each call does a bounded part of it."""

    tenants: TenantStore
    settings: SettingsStore
    sync_states: SyncStateStore
    runs: RunStore
    recipients: RecipientStore
    operator_log: OperatorLog
    audit: AuditTrail
    departed: DepartedRecipients
    retention: Retention
    clock: Clock

    async def __call__(self) -> None:
        """Continue the round, or begin one if the last one began a day ago.

        A failure for one tenant is logged; the tenant's turn comes again in the next round.
        """
        round_, etag = await self.tenants.get_retention_round()
        now = self.clock.now()
        if round_.finished:
            if round_.begun_at is not None and now - round_.begun_at < ROUND:
                return
            round_ = RetentionRound(begun_at=now, finished=False)
        try:
            advanced = await self._advance(round_)
        except SyncError as error:
            event("retention_failed", code=error.code)
            return
        try:
            await self.tenants.replace_retention_round(advanced, etag)
        except ETagConflict:
            return  # another worker has advanced it

    async def _advance(self, round_: RetentionRound) -> RetentionRound:
        """Return the round after the next tenants."""
        until = self.clock.monotonic_s() + CALL_S
        if round_.after is None and not await self._logs(until):
            return round_
        number = 0
        async for tenant in self.tenants.list_tenants(round_.after or ""):
            if number == TENANTS or self.clock.monotonic_s() >= until:
                return round_
            if not await self._tenant(tenant.id, until):
                return round_
            round_ = msgspec.structs.replace(round_, after=tenant.id)
            number += 1
        return msgspec.structs.replace(round_, finished=True)

    async def _logs(self, until: float) -> bool:
        """Delete old entries of the operator log and the audit log, and return whether these were all of them."""
        before, lists = self.clock.now() - self.retention.ledger, ""
        while await self.operator_log.purge(before, STEP_ROWS) == STEP_ROWS:
            if self.clock.monotonic_s() >= until:
                return False
        while (following := await self.audit.sweep(lists)) is not None:
            if self.clock.monotonic_s() >= until:
                return False
            lists = following
        return True

    async def _tenant(self, tenant: TenantId, until: float) -> bool:
        """Delete what is due of a tenant that is not paused, and return whether that was all of it."""
        try:
            if (await self.sync_states.get(tenant)).value.pauses:
                return True
            while rows := await self._step(tenant):
                event("retention", tenant=tenant, rows=rows)
                if self.clock.monotonic_s() >= until:
                    return False
            await self.departed.delete(tenant, self.clock.now() - self.retention.deactivated)
        except SyncError as error:
            event("retention_failed", tenant=tenant, code=error.code)
        return True

    async def _step(self, tenant: TenantId) -> int:
        """Delete at most `STEP_ROWS` rows of runs, and return their number.

        A run is deleted before its journal: what is in the history can be undone.
        """
        now, keep = self.clock.now(), (await self.sync_states.get(tenant)).value.runs
        rows = await self.runs.purge_jobs(tenant, now - self.retention.jobs, keep, STEP_ROWS)
        before = now - self.retention.runs
        rows += await self.runs.purge(tenant, before, keep, STEP_ROWS - rows)
        for location in await self.settings.list_locations(tenant):
            rows += await self.recipients.purge_journal(tenant, location.id, before, keep, STEP_ROWS - rows)
        return rows
