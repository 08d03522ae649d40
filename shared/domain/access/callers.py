"""Who calls the API, and what each of them may do. Who belongs to which tenant is stored on our side only."""

from enum import StrEnum

import msgspec


class Role(StrEnum):
    """The app roles of the API's own app registration."""

    OPERATOR = "Operator"
    TENANT_ADMIN = "TenantAdmin"


class Access(StrEnum):
    """For whom a route is."""

    #: Whoever asks: nothing about any tenant is answered.
    PUBLIC = "public"
    #: Anybody with a role.
    SIGNED_IN = "signed in"
    #: The operator, and the admins of the tenant in the route.
    TENANT = "tenant"
    #: The operator alone.
    OPERATOR = "operator"


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who signed in: their own Azure tenant and their object id in it, and the roles they have there.

    The roles of a guest tenant's people are assigned by that tenant, so only what the operator's own tenant says can
    make an operator.
    """

    azure_tenant_id: str
    object_id: str
    roles: frozenset[str]


class BackEnd(msgspec.Struct, frozen=True, kw_only=True):
    """The product's own back end, which the host knows by a function key."""


Caller = Person | BackEnd


class AdminGrant(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """One person who may administer a tenant, wherever they come from."""

    azure_tenant_id: str
    object_id: str


class Admins(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """Who may administer a tenant, besides operators; each needs the role TenantAdmin too."""

    #: Whoever has the role in this Azure tenant.
    azure_tenant_id: str | None = None
    people: tuple[AdminGrant, ...] = ()

    def include(self, person: Person) -> bool:
        """Tell whether a person is among them."""
        grant = AdminGrant(azure_tenant_id=person.azure_tenant_id, object_id=person.object_id)
        return person.azure_tenant_id == self.azure_tenant_id or grant in self.people


def may(caller: Caller, access: Access, operator_tenant: str | None, admins: Admins | None) -> bool:
    """Tell whether a caller may use a route. `admins` are those of the tenant in the route, None without one."""
    if access is Access.PUBLIC or isinstance(caller, BackEnd):
        return True
    if _is_operator(caller, operator_tenant):
        return True
    if Role.TENANT_ADMIN not in caller.roles:
        return False
    match access:
        case Access.SIGNED_IN:
            return True
        case Access.TENANT:
            return admins is not None and admins.include(caller)
        case Access.OPERATOR:
            return False


def vouches_for(caller: Caller, azure_tenant_id: str, operator_tenant: str | None) -> bool:
    """Tell whether a caller speaks for an Azure tenant without showing a secret of it.

    The app's own identity proves nothing about who asks: any customer's admin could name any directory that trusts it.
    """
    if isinstance(caller, BackEnd) or caller.azure_tenant_id == azure_tenant_id:
        return True
    return _is_operator(caller, operator_tenant)


def _is_operator(person: Person, operator_tenant: str | None) -> bool:
    return Role.OPERATOR in person.roles and operator_tenant is not None and person.azure_tenant_id == operator_tenant


def name_of(caller: Caller) -> str:
    """Return how rate limits and histories name a caller."""
    match caller:
        case BackEnd():
            return "api"
        case Person():
            return f"person:{caller.azure_tenant_id}:{caller.object_id}"
