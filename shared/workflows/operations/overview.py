"""Overview: one line per tenant, for operators of thousands of tenants.

It reads five listings, whatever the number of tenants: tenants, connections, unhealthy connections, summaries and the
operator log. A run writes its summary into the tenant's state in the same write that releases the tenant. Only the held
runs of the requested page are read one by one.
"""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime
from enum import StrEnum
from typing import Final, NamedTuple, TypeVar

import msgspec

from shared.domain.access.tenants import TenantSummary
from shared.domain.connections.connection_health import Health, HealthState, Reason, days_left
from shared.domain.ids import RunId, TenantId
from shared.domain.run import RunState, Summary
from shared.errors import NotFound, Unreadable
from shared.ports.operations import OperatorLog
from shared.ports.platform import Clock
from shared.ports.runs import RunStore
from shared.ports.tenants import ConnectionStore, SyncStateStore, TenantStore
from shared.runtime.fair_scheduler import paced

#: State of a tenant without a connection.
_OFF: Final = "off"
#: States of connections, the most urgent first.
_URGENCY: Final = (HealthState.NEEDS_ATTENTION.value, HealthState.FAILING.value, HealthState.ON.value, _OFF)
T = TypeVar("T")


class Sort(StrEnum):
    """Sort keys of the overview."""

    NAME = "name"
    STATE = "state"
    LAST_SUCCESS = "lastSuccessAt"
    SECRET = "secretDaysLeft"  # noqa: S105 - not a password


class ConnectionLine(msgspec.Struct, frozen=True, kw_only=True):
    """State of a tenant's connection: `off`, `on`, `failing` or `needs_attention`."""

    state: str
    reason: Reason | None


class RunLine(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The last sync that ended."""

    id: RunId
    state: RunState
    finished_at: datetime | None


class TenantLine(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One tenant. `recipients` counts the active ones after the last sync, adjusted for manual changes since."""

    id: TenantId
    name: str
    connection: ConnectionLine
    last_success_at: datetime | None
    last_run: RunLine | None
    recipients: int
    #: A run whose deactivations can be approved.
    held_run: RunId | None
    secret_days_left: int | None
    #: Messages in the operator log that name the tenant.
    poison: int


class Position(NamedTuple):
    """Position of a line in the sorted overview: its sort key, then its tenant's id."""

    rank: int
    text: str
    tenant: str


class Overview(msgspec.Struct, frozen=True, kw_only=True):
    """Reads all tenants together."""

    tenants: TenantStore
    connections: ConnectionStore
    sync_states: SyncStateStore
    runs: RunStore
    operator_log: OperatorLog
    clock: Clock

    async def __call__(
        self, search: str, sort: Sort, *, descending: bool, after: Position | None, limit: int
    ) -> tuple[list[TenantLine], Position | None]:
        """Return a page of the tenants whose id or name contains `search`, and its last position; None at the end."""
        lines = await self._lines(search.strip().casefold())
        positioned = sorted(
            ((_position(line, sort), line) for line in lines), key=lambda entry: entry[0], reverse=descending
        )
        if after is not None:
            positioned = [entry for entry in positioned if (entry[0] < after if descending else entry[0] > after)]
        page = positioned[:limit]
        more = len(positioned) > limit
        shown = await asyncio.gather(*(self._verified(line) for _, line in page))
        return list(shown), page[-1][0] if more else None

    async def _lines(self, word: str) -> list[TenantLine]:
        tenants, connected, unhealthy, summaries, poison = await asyncio.gather(
            _all(self.tenants.list_tenants()),
            _all(self.connections.list_connected()),
            _all(self.connections.list_unhealthy()),
            _all(self.sync_states.list_summaries()),
            self.operator_log.count_dead_letters(),
        )
        expiries = {connection.id: connection.secret_expires_on for connection in connected}
        health, summary, now = dict(unhealthy), dict(summaries), self.clock.now()
        return [
            _line(
                tenant,
                _connection(health.get(tenant.id, Health()) if tenant.id in expiries else None),
                summary.get(tenant.id, Summary()),
                secret_days_left=days_left(expiry, now) if (expiry := expiries.get(tenant.id)) else None,
                poison=poison.get(tenant.id, 0),
            )
            async for tenant in paced(tenants)
            if word in tenant.id or word in tenant.name.casefold()
        ]

    async def _verified(self, line: TenantLine) -> TenantLine:
        """Return the line without its held run if that run is no longer held.

        The summary still names the run if the worker crashed between storing the decision and updating the summary. A
        run that cannot be read may be held.
        """
        if line.held_run is None:
            return line
        try:
            held = (await self.runs.get(line.id, line.held_run)).value.state is RunState.HELD
        except Unreadable:
            return line
        except NotFound:
            held = False
        return line if held else msgspec.structs.replace(line, held_run=None)


def _line(
    tenant: TenantSummary, connection: ConnectionLine, summary: Summary, *, secret_days_left: int | None, poison: int
) -> TenantLine:
    last = None
    if summary.run is not None and summary.state is not None:
        last = RunLine(id=summary.run, state=summary.state, finished_at=summary.finished_at)
    return TenantLine(
        id=tenant.id,
        name=tenant.name,
        connection=connection,
        last_success_at=summary.success_at,
        last_run=last,
        recipients=summary.recipients,
        held_run=summary.held,
        secret_days_left=secret_days_left,
        poison=poison,
    )


def _connection(health: Health | None) -> ConnectionLine:
    if health is None:
        return ConnectionLine(state=_OFF, reason=None)
    return ConnectionLine(state=health.state.value, reason=health.reason)


def _position(line: TenantLine, sort: Sort) -> Position:
    """Return the position of a line. An unknown last success sorts first, an unknown expiry last."""
    match sort:
        case Sort.NAME:
            return Position(0, line.name.casefold(), line.id)
        case Sort.STATE:
            return Position(_URGENCY.index(line.connection.state), line.name.casefold(), line.id)
        case Sort.LAST_SUCCESS:
            return Position(0, line.last_success_at.isoformat() if line.last_success_at else "", line.id)
        case Sort.SECRET:
            days = line.secret_days_left
            return Position(0, f"{days:09d}", line.id) if days is not None else Position(1, "", line.id)


async def _all(items: AsyncIterator[T]) -> list[T]:
    return [item async for item in items]
