"""Keeps the health of connections: whatever a step learns about one is stored, and told to the operator once."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from shared.domain.connections.connection import Connection
from shared.domain.connections.connection_health import Health, Notice, NoticeKind, Reason
from shared.domain.ids import RunId, TenantId
from shared.domain.operations.operator_log import OperatorLogEntry
from shared.domain.versioned import Versioned
from shared.ports.operations import OperatorLog
from shared.ports.platform import Clock
from shared.ports.tenants import ConnectionStore
from shared.telemetry import event
from shared.workflows.optimistic_update import optimistic_update

#: How entries about connections are called in the operator log, where other entries have the name of a queue.
_SOURCE = "connection"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionHealth:
    """Writes down refusals, failures, successes and ends that come near."""

    connections: ConnectionStore
    operator_log: OperatorLog
    clock: Clock

    async def refused(self, tenant: TenantId, used: Connection, reason: Reason) -> None:
        """Leave the connection in need of attention, unless it is not the one that was refused any more."""
        current = await self.connections.find(tenant)
        if current is None or not current.same_credentials(used):
            return
        await self._move(tenant, lambda health, now: health.refused(reason, now))
        replaced = await self.connections.find(tenant)
        if replaced is not None and not replaced.same_credentials(used):
            await self.recovered(tenant)  # by new credentials, while this was written about the old ones

    async def failed(self, tenant: TenantId, reason: Reason, run: RunId) -> None:
        """Leave the schedule waiting, longer after every run that failed."""
        await self._move(tenant, lambda health, now: health.failed(reason, run, now))

    async def recovered(self, tenant: TenantId, known: Versioned[Health] | None = None) -> None:
        """Leave the connection in good health. What is `known` of it spares reading it."""
        await self._move(tenant, lambda health, now: health.recovered(now), known)

    async def look_at_end(self, tenant: TenantId, ends: datetime) -> None:
        """Leave an event behind when the end of the secret has come near."""
        await self._move(tenant, lambda health, now: health.warned(ends, now))

    async def tell(self, tenant: TenantId) -> None:
        """Send what a crash has kept from being sent."""
        await self._move(tenant, lambda health, _now: health)

    async def _move(
        self,
        tenant: TenantId,
        change: Callable[[Health, datetime], Health],
        known: Versioned[Health] | None = None,
    ) -> None:
        @optimistic_update
        async def attempt() -> None:
            nonlocal known
            health, etag = known or await self.connections.get_health(tenant)
            known = None
            changed = change(health, self.clock.now())
            if changed != health:
                etag = await self.connections.replace_health(tenant, changed, etag)
            if changed.notices:
                await self._send(tenant, changed)
                await self.connections.replace_health(tenant, changed.sent(changed.notices), etag)

        await attempt()

    async def _send(self, tenant: TenantId, health: Health) -> None:
        """Record every event in the operator log, which keeps one of each id, and log it for alerts."""
        for notice in health.notices:
            entry = OperatorLogEntry(
                id=f"{tenant}-{notice.id}",
                at=notice.at,
                queue=_SOURCE,
                code=notice.kind,
                detail=_detail(notice, health),
                body=notice.code,
                tenant=tenant,
            )
            await self.operator_log.record(entry)
            event("notice", logging.WARNING, tenant=tenant, kind=notice.kind, code=notice.code, days=notice.days_left)


def _detail(notice: Notice, health: Health) -> str:
    match notice.kind:
        case NoticeKind.EXPIRING:
            return f"The client secret expires in {notice.days_left} days. An admin must replace it before."
        case NoticeKind.RECOVERED:
            return "The directory can be read again. No action is needed."
        case NoticeKind.NEEDS_ATTENTION | NoticeKind.FAILING:
            reason = health.reason
            known = reason is not None and reason.code == notice.code
            return f"{reason.detail} {reason.fix}" if reason is not None and known else f"Error code: {notice.code}."
