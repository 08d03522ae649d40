"""State of the simulator, shared by login, graph and admin."""

import os
from collections.abc import Mapping

from infra.local.entra.state.applications import GRAPH_APPLICATION_ID, Application
from infra.local.entra.state.clock import SimulatedClock
from infra.local.entra.state.directory import Directory, DirectoryPlan
from infra.local.entra.state.faults import Faults
from infra.local.entra.state.generate import stable_uuid
from infra.local.entra.state.metrics import Metrics
from infra.local.entra.state.replica import Replica
from infra.local.entra.state.samples import SAMPLES, build, scaled
from infra.local.entra.state.settings import Settings
from infra.local.entra.state.throttle import Throttle
from infra.local.entra.state.tokens import Tokens
from infra.local.entra.state.waits import Waits

#: resources that identify Microsoft Graph, in addition to the simulator's address
GRAPH_RESOURCES = (
    GRAPH_APPLICATION_ID,
    "https://graph.microsoft.com",
    "https://graph.microsoft.us",
    "https://dod-graph.microsoft.us",
    "https://microsoftgraph.chinacloudapi.cn",
)


class State:
    """The complete state of one simulator."""

    def __init__(self, *, scale: float, environment: Mapping[str, str] | None = None) -> None:
        self.scale = scale
        self.environment = os.environ if environment is None else environment
        self.login = self.graph = self.admin = ""  # addresses, known once the servers listen
        self.clock = SimulatedClock()
        self.tokens = Tokens()
        self.settings = Settings()
        self.throttle = Throttle()
        self.waits = Waits()
        self.faults = Faults()
        self.metrics = Metrics()
        self.directories: dict[str, Directory] = {}
        self._by_tenant: dict[str, Directory] = {}
        self._replicas: dict[str, Replica] = {}
        self.reset()

    def reset(self) -> None:
        """Restore the initial state. The addresses and the signing key stay."""
        self.clock.ahead_s = 0.0
        self.settings = Settings()
        self.throttle = Throttle()
        self.waits = Waits()
        self.faults.clear()
        self.metrics.clear()
        self.directories.clear()
        self._by_tenant.clear()
        self._replicas.clear()
        for plan in SAMPLES:
            self.add(scaled(plan, self.scale))

    def add(self, plan: DirectoryPlan) -> Directory:
        """Create a directory. It replaces a directory of the same name."""
        self.drop(plan.name)
        directory = self.directories[plan.name] = build(plan, self.clock)
        self._by_tenant[directory.tenant_id] = self._by_tenant[directory.domain] = directory
        return directory

    def drop(self, name: str) -> None:
        """Delete the directory of this name, if it exists."""
        directory = self.directories.pop(name, None)
        self._replicas.pop(name, None)
        if directory is not None:
            self._by_tenant.pop(directory.tenant_id, None)
            self._by_tenant.pop(directory.domain, None)

    def tenant(self, tenant: str) -> Directory | None:
        """Return the directory with this tenant id or domain name."""
        return self._by_tenant.get(tenant.lower())

    def listed(self, directory: Directory) -> Directory:
        """Return the directory that lists of users and members show: a replica if they lag behind."""
        if not self.settings.listing_lag_s:
            return directory
        if directory.name not in self._replicas:
            self._replicas[directory.name] = Replica(directory, self.clock)
        return self._replicas[directory.name].as_of(self.settings.listing_lag_s)

    def application(self, application_id: str) -> tuple[Directory, Application] | None:
        """Return an application of any tenant, and its home directory."""
        wanted = application_id.lower()
        for directory in self.directories.values():
            for application in directory.applications:
                if application.application_id == wanted:
                    return directory, application
        return None

    @property
    def operator_tenant_id(self) -> str:
        """The tenant of the managed identity."""
        home = self.directories.get(self.settings.operator)
        return stable_uuid("tenant", "operator") if home is None else home.tenant_id

    @property
    def audiences(self) -> frozenset[str]:
        """Return the accepted audiences of a token for Graph."""
        return frozenset({*GRAPH_RESOURCES, self.graph})
