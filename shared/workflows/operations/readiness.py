"""Readiness: whether every dependency of the app responds, and how fast. Cached, because the route is public."""

import asyncio
from collections.abc import Awaitable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from time import perf_counter
from typing import Final

import msgspec

from shared.errors import SyncError
from shared.ports.operations import DependencyProbes
from shared.ports.platform import Clock

#: Time for which a result is returned again, so that callers cannot multiply the requests to the dependencies.
KEPT: Final = timedelta(seconds=10)


class Dependency(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One dependency. `code` is that of the error, None if it responds as expected."""

    name: str
    ok: bool
    #: Duration of the probe in milliseconds.
    latency_ms: int
    code: str | None


class Readiness(msgspec.Struct, frozen=True, kw_only=True):
    """The result of all probes. `at` is the time of the probes."""

    ok: bool
    at: datetime
    dependencies: tuple[Dependency, ...]


class ReadinessProbe:
    """Probes the dependencies. Concurrent calls share one round of probes."""

    def __init__(self, probes: DependencyProbes, clock: Clock) -> None:
        self._probes = probes
        self._clock = clock
        self._latest: Readiness | None = None
        self._round: asyncio.Task[Readiness] | None = None

    async def __call__(self) -> Readiness:
        """Return a result that is at most `KEPT` old."""
        if self._latest is not None and self._clock.now() - self._latest.at < KEPT:
            return self._latest
        if self._round is None or self._round.done():
            self._round = asyncio.ensure_future(self._probe())
        self._latest = await asyncio.shield(self._round)
        return self._latest

    async def _probe(self) -> Readiness:
        at = self._clock.now()
        further: Sequence[str] = ()
        with suppress(SyncError):  # the names are rows of the first account, whose own probe has the error
            further = await self._probes.accounts()
        dependencies = await asyncio.gather(
            _timed("tables", self._probes.tables()),
            *(_timed(f"tables_{number}", self._probes.tables(account)) for number, account in enumerate(further, 2)),
            _timed("queues", self._probes.queues()),
            _timed("key_vault", self._probes.vault()),
            _timed("login", self._probes.login()),
        )
        return Readiness(ok=all(dependency.ok for dependency in dependencies), at=at, dependencies=tuple(dependencies))


async def _timed(name: str, probe: Awaitable[object]) -> Dependency:
    began, code = perf_counter(), None
    try:
        await probe
    except SyncError as error:
        code = error.code
    return Dependency(name=name, ok=code is None, latency_ms=round((perf_counter() - began) * 1000), code=code)
