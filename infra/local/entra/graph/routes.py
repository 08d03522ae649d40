"""Every imitated route of Graph: its cost, its permissions, and its handler.

Units: https://learn.microsoft.com/graph/throttling-limits#resource-unit-cost
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from infra.local.entra.graph import (
    applications,
    delta,
    groups,
    lookup,
    members,
    users,
)
from infra.local.entra.graph.call import (
    LIST_USERS,
    READ_APPLICATIONS,
    READ_GROUPS,
    READ_ORGANIZATION,
    READ_USERS,
    Call,
)
from infra.local.entra.http.answers import Answer

#: Cost of `getByIds` with `$select`, which is not one less but this.
_LOOKUP_UNITS_SELECTED = 2
#: A smaller `$top` reduces the cost by one.
_FEW = 20
#: Lists of users and members, which may come from a replica.
_LISTS = frozenset({users.list_users, users.count_users, members.list_members, members.list_transitive_members})
_PLACE = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One route."""

    kind: str  #: method and path, for metrics
    method: str
    pattern: re.Pattern[str]
    answer: Callable[[Call], Answer]
    units: int
    needs: tuple[frozenset[str], ...]  #: sets of permissions; one of each set is required

    @property
    def lags(self) -> bool:
        """Whether the route may answer from a replica that lags behind."""
        return self.answer in _LISTS


def _route(kind: str, units: int, answer: Callable[[Call], Answer], *needs: frozenset[str]) -> Route:
    method, _, path = kind.partition(" ")
    literal = _PLACE.split(path)
    parts = [re.escape(part) if at % 2 == 0 else f"(?P<{part}>[^/()]+)" for at, part in enumerate(literal)]
    pattern = re.compile("".join(parts), re.IGNORECASE)
    kind = kind.replace("microsoft.graph.", "").replace("()", "")  # different spellings of a resource share one counter
    return Route(kind=kind, method=method, pattern=pattern, answer=answer, units=units, needs=needs)


_PRINCIPAL = "/servicePrincipals/{principal}"
_PRINCIPAL_BY_APP = "/servicePrincipals(appId='{app}')"

ROUTES = (
    _route("GET /users", 2, users.list_users, LIST_USERS),
    _route("GET /users/delta", 1, delta.users_delta, READ_USERS),
    _route("GET /users/delta()", 1, delta.users_delta, READ_USERS),
    _route("GET /users/microsoft.graph.delta()", 1, delta.users_delta, READ_USERS),
    _route("GET /users/$count", 1, users.count_users, LIST_USERS),
    _route("GET /users/{user}", 1, users.get_user, LIST_USERS),
    _route("POST /users/{user}/checkMemberGroups", 4, lookup.check_member_groups, READ_USERS, READ_GROUPS),
    _route(
        "POST /users/{user}/microsoft.graph.checkMemberGroups",
        4,
        lookup.check_member_groups,
        READ_USERS,
        READ_GROUPS,
    ),
    _route("GET /groups", 1, groups.list_groups, READ_GROUPS),
    _route("GET /groups/delta", 1, delta.groups_delta, READ_GROUPS),
    _route("GET /groups/delta()", 1, delta.groups_delta, READ_GROUPS),
    _route("GET /groups/microsoft.graph.delta()", 1, delta.groups_delta, READ_GROUPS),
    _route("GET /groups/{group}", 1, groups.get_group, READ_GROUPS),
    _route("GET /groups/{group}/members", 3, members.list_members, READ_GROUPS),
    _route("GET /groups/{group}/members/$count", 1, members.count_members, READ_GROUPS),
    _route("GET /groups/{group}/members/{cast}", 3, members.list_members, READ_GROUPS),
    _route("GET /groups/{group}/members/{cast}/$count", 1, members.count_members, READ_GROUPS),
    _route("GET /groups/{group}/owners", 1, groups.list_owners, READ_GROUPS),
    _route("GET /groups/{group}/transitiveMembers", 5, members.list_transitive_members, READ_GROUPS),
    _route("GET /groups/{group}/transitiveMembers/$count", 1, members.count_transitive_members, READ_GROUPS),
    _route("GET /groups/{group}/transitiveMembers/{cast}", 5, members.list_transitive_members, READ_GROUPS),
    _route("GET /groups/{group}/transitiveMembers/{cast}/$count", 1, members.count_transitive_members, READ_GROUPS),
    _route("GET /users/{user}/memberOf/{cast}", 2, members.list_groups_of_user, READ_USERS, READ_GROUPS),
    _route("GET /groups/{group}/memberOf/{cast}", 2, members.list_groups_of_group, READ_GROUPS),
    _route("POST /directoryObjects/getByIds", 5, lookup.get_by_ids),
    _route("POST /directoryObjects/microsoft.graph.getByIds", 5, lookup.get_by_ids),
    _route("GET /servicePrincipals", 1, applications.list_service_principals, READ_APPLICATIONS),
    _route(f"GET {_PRINCIPAL_BY_APP}", 1, applications.get_service_principal, READ_APPLICATIONS),
    _route(f"GET {_PRINCIPAL_BY_APP}/appRoleAssignedTo", 1, applications.list_assigned_to, READ_APPLICATIONS),
    _route(f"GET {_PRINCIPAL_BY_APP}/appRoleAssignments", 2, applications.list_roles, READ_APPLICATIONS),
    _route(f"GET {_PRINCIPAL}", 1, applications.get_service_principal, READ_APPLICATIONS),
    _route(f"GET {_PRINCIPAL}/appRoleAssignedTo", 1, applications.list_assigned_to, READ_APPLICATIONS),
    _route(f"GET {_PRINCIPAL}/appRoleAssignments", 2, applications.list_roles, READ_APPLICATIONS),
    _route("GET /applications", 2, applications.list_applications, READ_APPLICATIONS),
    _route("GET /applications(appId='{app}')", 1, applications.get_application, READ_APPLICATIONS),
    _route("GET /applications/{application}", 1, applications.get_application, READ_APPLICATIONS),
    _route("GET /organization", 1, applications.list_organization, READ_ORGANIZATION),
    _route("GET /organization/{organization}", 1, applications.get_organization, READ_ORGANIZATION),
)


def find_route(method: str, path: str) -> tuple[Route, dict[str, str]] | None:
    """Return the route and the values of its placeholders."""
    for route in ROUTES:
        if route.method == method:
            match = route.pattern.fullmatch(path)
            if match is not None:
                return route, match.groupdict()
    return None


def is_known(path: str) -> bool:
    """Return whether the path has a route for any method."""
    return any(route.pattern.fullmatch(path) for route in ROUTES)


def units_of(route: Route, parameters: Mapping[str, str]) -> int:
    """Return the resource units of a request, at least one.

    `$select` and `$top` under 20 cost one less, `$expand` one more; `getByIds` with `$select` costs two.
    """
    if route.answer is lookup.get_by_ids and "$select" in parameters:
        return _LOOKUP_UNITS_SELECTED
    top = parameters.get("$top", "")
    few = top.isdecimal() and int(top) < _FEW
    return max(1, route.units - ("$select" in parameters) - few + ("$expand" in parameters))
