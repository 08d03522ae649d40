"""Everything that the simulator knows, shared by its three doors: login, graph and admin."""

import os
from collections.abc import Mapping

from infra.local.entra.state.applications import GRAPH_APPLICATION_ID, Application
from infra.local.entra.state.clock import SimulatedClock
from infra.local.entra.state.directory import Directory, DirectoryPlan
from infra.local.entra.state.faults import Faults
from infra.local.entra.state.generate import stable_uuid
from infra.local.entra.state.metrics import Metrics
from infra.local.entra.state.samples import SAMPLES, build, scaled
from infra.local.entra.state.settings import Settings
from infra.local.entra.state.throttle import Throttle
from infra.local.entra.state.tokens import Tokens
from infra.local.entra.state.waits import Waits

#: resources that mean Microsoft Graph, beside the simulator's own address
GRAPH_RESOURCES = (
    GRAPH_APPLICATION_ID,
    "https://graph.microsoft.com",
    "https://graph.microsoft.us",
    "https://dod-graph.microsoft.us",
    "https://microsoftgraph.chinacloudapi.cn",
)


class State:
    """One simulated world."""

    def __init__(self, *, scale: float, environment: Mapping[str, str] | None = None) -> None:
        self.scale = scale
        self.environment = os.environ if environment is None else environment
        self.login = self.graph = self.admin = ""  # addresses, known once the servers listen
        self.operator_tenant_id = stable_uuid("tenant", "operator")
        self.clock = SimulatedClock()
        self.tokens = Tokens()
        self.settings = Settings()
        self.throttle = Throttle()
        self.waits = Waits()
        self.faults = Faults()
        self.metrics = Metrics()
        self.directories: dict[str, Directory] = {}
        self._by_tenant: dict[str, Directory] = {}
        self.reset()

    def reset(self) -> None:
        """Everything is as at start, except the addresses and the signing key."""
        self.clock.ahead_s = 0.0
        self.settings = Settings()
        self.throttle = Throttle()
        self.waits = Waits()
        self.faults.clear()
        self.metrics.clear()
        self.directories.clear()
        self._by_tenant.clear()
        for plan in SAMPLES:
            self.add(scaled(plan, self.scale))

    def add(self, plan: DirectoryPlan) -> Directory:
        """The new directory; it replaces one of the same name."""
        self.drop(plan.name)
        directory = self.directories[plan.name] = build(plan, self.clock)
        self._by_tenant[directory.tenant_id] = self._by_tenant[directory.domain] = directory
        return directory

    def drop(self, name: str) -> None:
        """There is no directory of this name."""
        directory = self.directories.pop(name, None)
        if directory is not None:
            self._by_tenant.pop(directory.tenant_id, None)
            self._by_tenant.pop(directory.domain, None)

    def tenant(self, tenant: str) -> Directory | None:
        """The directory with this tenant id or domain name."""
        return self._by_tenant.get(tenant.lower())

    def application(self, application_id: str) -> tuple[Directory, Application] | None:
        """An application of any tenant, and its home."""
        wanted = application_id.lower()
        for directory in self.directories.values():
            for application in directory.applications:
                if application.application_id == wanted:
                    return directory, application
        return None

    @property
    def audiences(self) -> frozenset[str]:
        """What a token for Graph may be meant for."""
        return frozenset({*GRAPH_RESOURCES, self.graph})
