"""Connection health: stores refusals, failures and recoveries, and notifies operators of each change once."""

import logging
from collections.abc import Callable
from datetime import datetime

import msgspec

from shared.domain.connections.connection import Connection
from shared.domain.connections.connection_health import Health, Notice, NoticeKind, Reason
from shared.domain.ids import RunId, TenantId
from shared.domain.operations.operator_log import CONNECTION, OperatorLogEntry
from shared.domain.versioned import Versioned
from shared.ports.operations import OperatorLog
from shared.ports.platform import Clock
from shared.ports.tenants import ConnectionStore
from shared.runtime.optimistic_update import optimistic_update
from shared.telemetry import event


class ConnectionHealth(msgspec.Struct, frozen=True, kw_only=True):
    """Updates the stored health of connections and sends its notices."""

    connections: ConnectionStore
    operator_log: OperatorLog
    clock: Clock

    async def refused(
        self,
        tenant: TenantId,
        used: Connection,
        reason: Reason,
        *,
        certain: bool = True,
        earlier: datetime | None = None,
    ) -> datetime | None:
        """Mark the connection as needing attention, unless its credentials have been replaced since.

        A refusal that is not `certain` does so only if it confirms an earlier one (`Health.suspected`, with `earlier`).
        Otherwise the time of the first refusal is returned, for the message that asks again.
        """
        current = await self.connections.find(tenant)
        if current is None or not current.same_credentials(used):
            return None
        if certain or used.has_expired(self.clock.now()):
            health = await self._update(tenant, lambda health, now: health.refused(reason, now))
        else:
            health = await self._update(tenant, lambda health, now: health.suspected(reason, now, earlier))
        replaced = await self.connections.find(tenant)
        if replaced is not None and not replaced.same_credentials(used):
            await self.recovered(tenant)  # the credentials were replaced while the refusal of the old ones was stored
            return None
        return health.suspected_at

    async def used(self, tenant: TenantId) -> None:
        """Record a successful read outside a run, if the credentials were in doubt."""
        await self._update(tenant, lambda health, now: health.used(now))

    async def failed(self, tenant: TenantId, reason: Reason, run: RunId) -> None:
        """Count a failed run. The schedule waits longer after every failure (`BACK_OFF`); a run counts once."""
        await self._update(tenant, lambda health, now: health.failed(reason, run, now))

    async def recovered(self, tenant: TenantId, stored: Versioned[Health] | None = None) -> None:
        """Mark the connection as healthy. `stored` is its health if the caller has already read it."""
        await self._update(tenant, lambda health, now: health.recovered(now), stored)

    async def warn_of_expiry(self, tenant: TenantId, ends: datetime) -> None:
        """Notify operators if the secret's expiry has come within the next of `WARN_DAYS`."""
        await self._update(tenant, lambda health, now: health.warned(ends, now))

    async def send_notices(self, tenant: TenantId) -> None:
        """Send the stored notices that a crash left unsent."""
        await self._update(tenant, lambda health, _now: health)

    async def _update(
        self,
        tenant: TenantId,
        change: Callable[[Health, datetime], Health],
        stored: Versioned[Health] | None = None,
    ) -> Health:
        """Store the changed health, then send its notices. A crash in between leaves them to the next update."""

        @optimistic_update
        async def attempt() -> Health:
            nonlocal stored
            health, etag = stored or await self.connections.get_health(tenant)
            stored = None  # after a conflict the health must be read again
            changed = change(health, self.clock.now())
            if changed != health:
                etag = await self.connections.replace_health(tenant, changed, etag)
            if changed.notices:
                await self._send(tenant, changed)
                await self.connections.replace_health(tenant, changed.sent(changed.notices), etag)
            return changed

        return await attempt()

    async def _send(self, tenant: TenantId, health: Health) -> None:
        """Record every notice in the operator log and log it for alerts. The operator log keeps one entry per id."""
        for notice in health.notices:
            entry = OperatorLogEntry(
                id=f"{tenant}-{notice.id}",
                at=notice.at,
                queue=CONNECTION,
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
            is_current = reason is not None and reason.code == notice.code
            return (
                f"{reason.detail} {reason.fix}" if reason is not None and is_current else f"Error code: {notice.code}."
            )
