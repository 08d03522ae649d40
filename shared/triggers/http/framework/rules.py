"""Access rule of each route, and the scopes of named keys that open it. A route without a rule does not load."""

from collections.abc import Mapping
from typing import Final

from shared.domain.access.callers import Access, KeyScope

RULES: Final = {
    "GET health": Access.PUBLIC,
    "GET health/live": Access.PUBLIC,
    "GET health/ready": Access.PUBLIC,
    "GET openapi.json": Access.PUBLIC,
    "POST validate": Access.OPERATOR,
    "POST tenants/{tenant}/validate": Access.TENANT,
    "GET me": Access.SIGNED_IN,
    "GET overview": Access.OPERATOR,
    "GET tenants": Access.OPERATOR,
    "GET tenants/{tenant}": Access.TENANT,
    "PUT tenants/{tenant}": Access.OPERATOR,
    "DELETE tenants/{tenant}": Access.OPERATOR,
    "GET tenants/{tenant}/deletion": Access.OPERATOR,
    "GET tenants/{tenant}/admins": Access.OPERATOR,
    "PUT tenants/{tenant}/admins": Access.OPERATOR,
    "GET tenants/{tenant}/sso": Access.TENANT,
    "PUT tenants/{tenant}/sso": Access.TENANT,
    "DELETE tenants/{tenant}/sso": Access.TENANT,
    "GET tenants/{tenant}/connection": Access.TENANT,
    "PUT tenants/{tenant}/connection": Access.TENANT,
    "DELETE tenants/{tenant}/connection": Access.TENANT,
    "POST tenants/{tenant}/connection/validate": Access.TENANT,
    "GET tenants/{tenant}/preferences": Access.TENANT,
    "PUT tenants/{tenant}/preferences": Access.TENANT,
    "GET tenants/{tenant}/locations": Access.TENANT,
    "GET tenants/{tenant}/locations/{location}": Access.TENANT,
    "PUT tenants/{tenant}/locations/{location}": Access.TENANT,
    "DELETE tenants/{tenant}/locations/{location}": Access.TENANT,
    "GET tenants/{tenant}/locations/{location}/deletion": Access.TENANT,
    "GET tenants/{tenant}/locations/{location}/groups": Access.TENANT,
    "PUT tenants/{tenant}/locations/{location}/groups": Access.TENANT,
    "GET tenants/{tenant}/locations/{location}/columns": Access.TENANT,
    "PUT tenants/{tenant}/locations/{location}/columns": Access.TENANT,
    "GET tenants/{tenant}/locations/{location}/recipients": Access.TENANT,
    "POST tenants/{tenant}/locations/{location}/recipients": Access.TENANT,
    "GET tenants/{tenant}/locations/{location}/recipients/{recipient}": Access.TENANT,
    "PATCH tenants/{tenant}/locations/{location}/recipients/{recipient}": Access.TENANT,
    "POST tenants/{tenant}/locations/{location}/imports": Access.TENANT,
    "GET tenants/{tenant}/locations/{location}/imports/{import}": Access.TENANT,
    "PUT tenants/{tenant}/locations/{location}/imports/{import}/parts/{number}": Access.TENANT,
    "POST tenants/{tenant}/locations/{location}/imports/{import}/start": Access.TENANT,
    "GET tenants/{tenant}/explain": Access.TENANT,
    "POST tenants/{tenant}/email-filter-tests": Access.TENANT,
    "GET tenants/{tenant}/attribute-values": Access.TENANT,
    "GET tenants/{tenant}/sso-users": Access.TENANT,
    "GET tenants/{tenant}/users": Access.TENANT,
    "POST tenants/{tenant}/users": Access.TENANT,
    "GET tenants/{tenant}/mapping": Access.TENANT,
    "GET tenants/{tenant}/groups": Access.TENANT,
    "POST tenants/{tenant}/unmapped-groups": Access.TENANT,
    "POST tenants/{tenant}/runs": Access.TENANT,
    "GET tenants/{tenant}/runs": Access.TENANT,
    "GET tenants/{tenant}/runs/{run}": Access.TENANT,
    "GET tenants/{tenant}/runs/{run}/changes": Access.TENANT,
    "POST tenants/{tenant}/runs/{run}/approve": Access.TENANT,
    "POST tenants/{tenant}/runs/{run}/reject": Access.TENANT,
    "POST tenants/{tenant}/runs/{run}/accept": Access.TENANT,
    "POST tenants/{tenant}/runs/{run}/undo": Access.TENANT,
    "GET keys": Access.OPERATOR,
    "POST keys": Access.OPERATOR,
    "DELETE keys/{key}": Access.OPERATOR,
    "POST tenants/{tenant}/erasures": Access.TENANT,
    "GET tenants/{tenant}/erasures/{erasure}": Access.TENANT,
    "GET tenants/{tenant}/audit": Access.TENANT,
    "GET audit": Access.OPERATOR,
    "GET tenants/{tenant}/pause": Access.TENANT,
    "POST tenants/{tenant}/pause": Access.OPERATOR,
    "POST tenants/{tenant}/resume": Access.OPERATOR,
    "GET pause": Access.OPERATOR,
    "POST pause": Access.OPERATOR,
    "POST resume": Access.OPERATOR,
    "GET doctor": Access.OPERATOR,
    "GET ledger": Access.OPERATOR,
    "POST ledger/{entry}/replay": Access.OPERATOR,
    "DELETE ledger/{entry}": Access.OPERATOR,
}

_IMPORTS: Final = "tenants/{tenant}/locations/{location}/imports"
#: Routes that the scopes `sync` and `import` open. `read` opens every GET, and `all` everything.
_OPENED_BY: Final[Mapping[KeyScope, frozenset[str]]] = {
    KeyScope.SYNC: frozenset(
        {
            "GET me",
            "POST tenants/{tenant}/runs",
            "GET tenants/{tenant}/runs",
            "GET tenants/{tenant}/runs/{run}",
        }
    ),
    KeyScope.IMPORT: frozenset(
        {
            "GET me",
            "GET tenants/{tenant}/runs/{run}",
            "POST tenants/{tenant}/locations/{location}/recipients",
            f"POST {_IMPORTS}",
            f"GET {_IMPORTS}/{{import}}",
            f"PUT {_IMPORTS}/{{import}}/parts/{{number}}",
            f"POST {_IMPORTS}/{{import}}/start",
        }
    ),
}


def scopes_of(rule: str) -> frozenset[KeyScope]:
    """Return the scopes of which a named key needs one for a route; none open the routes of named keys themselves.

    A stolen key could otherwise create others, and outlive its own end.
    """
    if rule.partition(" ")[2].startswith("keys"):
        return frozenset()
    opened = {scope for scope, routes in _OPENED_BY.items() if rule in routes}
    return frozenset({KeyScope.ALL, *opened, *([KeyScope.READ] if rule.startswith("GET ") else [])})
