"""What actions act on: the deployment, its host, and who is told that something has happened."""

import random
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from shared.bootstrap import App
from shared.domain.ids import LocationId, TenantId
from shared.domain.run import Run
from tests.simulation.engine.cluster import LOCATIONS, Cluster, ran
from tests.simulation.engine.host import Host

Do = Callable[[App], Coroutine[Any, Any, object]]
Told = Callable[[TenantId], None]


def _no_one(tenant: TenantId) -> None:
    """Tell no one."""


class Stage:
    """The deployment of a history, as an action sees it."""

    def __init__(self, cluster: Cluster, host: Host, chance: random.Random, tenants: Sequence[TenantId]) -> None:
        self.cluster = cluster
        self.host = host
        self.random = chance
        self.tenants = tenants
        self._number = 0
        #: Called when a request returned that changes the configuration of a tenant.
        self.configured: Told = _no_one
        #: Called when a directory changed.
        self.moved: Told = _no_one
        #: Called when a request returned that deletes a tenant.
        self.deleted: Told = _no_one
        #: Called when a pause of a tenant returned, and before it is resumed.
        self.paused: Told = _no_one
        self.resuming: Told = _no_one
        #: Whether the pause of a tenant has returned.
        self.pauses: dict[TenantId, bool] = {}

    def number(self) -> int:
        """Return a number that no action had before."""
        self._number += 1
        return self._number

    def location(self) -> LocationId:
        """Return one of the locations that a tenant may have."""
        return LocationId(self.random.choice(LOCATIONS))

    def runs(self, tenant: TenantId) -> list[Run]:
        """Return the runs of a tenant, the newest first if no clock is wrong."""

        async def listed() -> list[Run]:
            return [run async for run in self.cluster.view.runs.list_runs(tenant)]

        return ran(listed())

    def note(self, line: str) -> None:
        """Add a line to the trace."""
        self.host.scheduler.trace.append(line)

    def call(self, label: str, do: Do) -> None:
        """Let an instance do something for a caller."""
        self.host.call(label, do, lambda: None)

    def configure(self, tenant: TenantId, label: str, do: Do) -> None:
        """Let an instance change the configuration of a tenant."""
        self.host.call(f"{label} of {tenant}", do, lambda: self.configured(tenant))
