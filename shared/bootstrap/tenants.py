"""Wires the configuration of tenants, authorization and deletion."""

from functools import cached_property

from shared.bootstrap.imports import ImportWiring
from shared.workflows.sync.unmap_group import UnmapGroup
from shared.workflows.tenants.authorize import Authorize
from shared.workflows.tenants.deletion import TenantDeletion
from shared.workflows.tenants.locations import Locations
from shared.workflows.tenants.named_keys import Identify, NamedKeys
from shared.workflows.tenants.preferences import TenantPreferences
from shared.workflows.tenants.sso_users import SsoUsers
from shared.workflows.tenants.tenants import Tenants


class TenantWiring(ImportWiring):
    """Configures, authorizes and deletes tenants."""

    @cached_property
    def deletion(self) -> TenantDeletion:
        """Deletes tenants with all their data."""
        ports = self.ports
        data = (
            ports.imports,
            ports.recipients,
            ports.snapshots,
            ports.runs,
            ports.operator_log,
            ports.users,
            ports.idempotency,
            ports.keys,
        )
        return TenantDeletion(
            tenants=ports.tenants,
            data=data,
            secrets=ports.secrets,
            entries=self.entries,
            clock=ports.clock,
            storage_clock=ports.storage_clock,
        )

    @cached_property
    def sso_users(self) -> SsoUsers:
        """Lists SSO users and makes them users of the product."""
        return SsoUsers(
            tenants=self.ports.tenants,
            settings=self.ports.settings,
            users=self.ports.users,
            access=self.access,
            clock=self.ports.clock,
        )

    @cached_property
    def authorize(self) -> Authorize:
        """Decides which caller may do what."""
        return Authorize(tenants=self.ports.tenants, settings=self.ports.settings, operator_tenant=self.operator_tenant)

    @cached_property
    def named_keys(self) -> NamedKeys:
        """Creates, lists and revokes named keys."""
        return NamedKeys(
            keys=self.ports.keys, tenants=self.ports.tenants, refusals=self.refusal_limit, clock=self.ports.clock
        )

    @cached_property
    def identify(self) -> Identify:
        """Finds out who sends a request to the user API."""
        return Identify(sign_in=self.ports.sign_in, keys=self.named_keys)

    @cached_property
    def tenants(self) -> Tenants:
        """Creates, renames and deletes tenants."""
        return Tenants(
            tenants=self.ports.tenants,
            settings=self.ports.settings,
            deletion=self.deletion,
            connect=self.connect,
            stop=self.emergency_stop,
        )

    @cached_property
    def preferences(self) -> TenantPreferences:
        """Changes preferences."""
        return TenantPreferences(
            tenants=self.ports.tenants,
            settings=self.ports.settings,
            sync_states=self.ports.sync_states,
            running_work=self.restart_on_change,
        )

    @cached_property
    def locations(self) -> Locations:
        """Changes locations and mappings."""
        return Locations(
            tenants=self.ports.tenants,
            settings=self.ports.settings,
            sync_states=self.ports.sync_states,
            deletion=self.location_deletion,
            running_work=self.restart_on_change,
        )

    @cached_property
    def unmap_group(self) -> UnmapGroup:
        """Unmaps a group that is refused."""
        return UnmapGroup(
            locations=self.locations,
            sync_states=self.ports.sync_states,
            request_run=self.request_run,
            clock=self.ports.clock,
        )
