"""Wires the connections to directories."""

from functools import cached_property

from shared.bootstrap.runs import RunWiring
from shared.workflows.connections.connect import Connect
from shared.workflows.connections.connection_health import ConnectionHealth
from shared.workflows.connections.directory_access import DirectoryAccess
from shared.workflows.connections.providers import Providers
from shared.workflows.connections.secret_entries import SecretEntries
from shared.workflows.connections.show_mapping import ShowMapping
from shared.workflows.connections.validate import Validate
from shared.workflows.rate_limiter import RateLimiter
from shared.workflows.request_limits import RefusalLimit, RequestLimits


class ConnectionWiring(RunWiring):
    """Connects directories and opens them."""

    @cached_property
    def health(self) -> ConnectionHealth:
        """Keeps the health of connections."""
        return ConnectionHealth(
            connections=self.ports.connections,
            operator_log=self.ports.operator_log,
            clock=self.ports.clock,
        )

    @cached_property
    def providers(self) -> Providers:
        """Finds the provider of a connection."""
        return Providers(self.ports.providers)

    @cached_property
    def access(self) -> DirectoryAccess:
        """Opens tenants' directories."""
        return DirectoryAccess(
            tenants=self.ports.tenants,
            connections=self.ports.connections,
            secrets=self.ports.secrets,
            providers=self.providers,
            health=self.health,
        )

    @cached_property
    def limiter(self) -> RateLimiter:
        """Counts in storage, for all processes."""
        return RateLimiter(limits=self.ports.limits, clock=self.ports.clock)

    @cached_property
    def request_limits(self) -> RequestLimits:
        """Counts the requests of callers."""
        return RequestLimits(
            stored=self.limiter,
            in_process=RateLimiter(limits=self.ports.process_limits, clock=self.ports.clock),
            allowances=self.settings.allowances,
        )

    @cached_property
    def refusal_limit(self) -> RefusalLimit:
        """Counts the refused requests of callers."""
        return RefusalLimit(in_process=RateLimiter(limits=self.ports.process_limits, clock=self.ports.clock))

    @cached_property
    def entries(self) -> SecretEntries:
        """Stores and removes entries of Key Vault."""
        return SecretEntries(
            connections=self.ports.connections,
            sync_states=self.ports.sync_states,
            secrets=self.ports.secrets,
            ids=self.ports.ids,
            clock=self.ports.clock,
        )

    @cached_property
    def validate(self) -> Validate:
        """Validates credentials."""
        return Validate(
            providers=self.providers,
            limiter=self.limiter,
            operator_tenant=self.operator_tenant,
        )

    @cached_property
    def connect(self) -> Connect:
        """Stores, replaces and deletes credentials."""
        return Connect(
            tenants=self.ports.tenants,
            connections=self.ports.connections,
            settings=self.ports.settings,
            entries=self.entries,
            access=self.access,
            validate=self.validate,
            running_work=self.restart_on_change,
            clock=self.ports.clock,
        )

    @cached_property
    def show_mapping(self) -> ShowMapping:
        """Shows mapped groups with what was read of them."""
        return ShowMapping(
            tenants=self.ports.tenants,
            settings=self.ports.settings,
            runs=self.ports.runs,
            snapshots=self.ports.snapshots,
            sync_states=self.ports.sync_states,
            access=self.access,
            clock=self.ports.clock,
        )
