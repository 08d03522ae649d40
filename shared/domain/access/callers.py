"""Authorization: the callers of the API, and the routes that they may use.

The admins of a tenant are stored only in this product, never taken from a token.
"""

from enum import StrEnum

import msgspec

from shared.domain.ids import KeyName, TenantId


class Role(StrEnum):
    """The app roles of the API's own app registration."""

    OPERATOR = "Operator"
    TENANT_ADMIN = "TenantAdmin"


class Access(StrEnum):
    """The callers that a route allows."""

    #: All callers, also anonymous ones. Such a route returns nothing about any tenant.
    PUBLIC = "public"
    #: Signed-in people with one of the app roles.
    SIGNED_IN = "signed in"
    #: Operators, and the admins of the tenant in the route.
    TENANT = "tenant"
    #: Operators only.
    OPERATOR = "operator"


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """A signed-in person: their home Azure tenant, their object id in it, and the app roles that it assigned to them.

    Every Azure tenant assigns the roles of its own people. The role Operator therefore counts only if the operator's
    own tenant assigned it.
    """

    azure_tenant_id: str
    object_id: str
    roles: frozenset[str]


class BackEnd(msgspec.Struct, frozen=True, kw_only=True):
    """The product's own back end. The Functions host authenticates it by a function key."""


class KeyScope(StrEnum):
    """What a named key opens. `shared/triggers/http/framework/rules.py` lists the routes of each."""

    #: Read everything, also export recipients.
    READ = "read"
    #: Start runs and follow them.
    SYNC = "sync"
    #: Import files and follow their imports.
    IMPORT = "import"
    #: Everything but named keys themselves.
    ALL = "all"


class KeyHolder(msgspec.Struct, frozen=True, kw_only=True):
    """A program with a named key."""

    name: KeyName
    scopes: frozenset[KeyScope]
    #: The tenants that the key opens; None for all, and for what belongs to no tenant.
    tenants: frozenset[TenantId] | None

    def may(self, access: Access, tenant: TenantId | None, scopes: frozenset[KeyScope]) -> bool:
        """Return whether the key opens a route of the tenant, or of none. It needs one of the `scopes`."""
        if access is Access.PUBLIC:
            return True
        if not self.scopes & scopes:
            return False
        match access:
            case Access.SIGNED_IN:
                return True
            case Access.TENANT:
                return self.tenants is None or tenant in self.tenants
            case Access.OPERATOR:
                return self.tenants is None


Caller = Person | BackEnd | KeyHolder


class AdminGrant(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """A person from any Azure tenant who may administer a tenant of the product."""

    azure_tenant_id: str
    object_id: str


class Admins(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """The admins of a tenant, in addition to operators. Every admin also needs the role TenantAdmin."""

    #: All people of this Azure tenant who have the role are admins.
    azure_tenant_id: str | None = None
    people: tuple[AdminGrant, ...] = ()

    def include(self, person: Person) -> bool:
        """Return whether a person is one of the admins."""
        grant = AdminGrant(azure_tenant_id=person.azure_tenant_id, object_id=person.object_id)
        return person.azure_tenant_id == self.azure_tenant_id or grant in self.people


def may(caller: Person | BackEnd, access: Access, operator_tenant: str | None, admins: Admins | None) -> bool:
    """Return whether a caller may use a route. `admins` are those of the tenant in the route, None without a tenant."""
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
    """Return whether a caller may act for an Azure tenant without proving that they know a secret of it.

    A connection by the app's own identity proves nothing about the caller: an admin of any customer could enter any
    directory that trusts the app.
    """
    if isinstance(caller, KeyHolder):
        return caller.tenants is None
    if isinstance(caller, BackEnd) or caller.azure_tenant_id == azure_tenant_id:
        return True
    return _is_operator(caller, operator_tenant)


def _is_operator(person: Person, operator_tenant: str | None) -> bool:
    return Role.OPERATOR in person.roles and operator_tenant is not None and person.azure_tenant_id == operator_tenant


def kind_of(name: str) -> str:
    """Return what kind of caller a name stands for, without the ids of a person."""
    return name.partition(":")[0]


def name_of(caller: Caller) -> str:
    """Return the name of a caller in rate limits and in the history."""
    match caller:
        case BackEnd():
            return "api"
        case KeyHolder():
            return f"key:{caller.name}"
        case Person():
            return f"person:{caller.azure_tenant_id}:{caller.object_id}"
