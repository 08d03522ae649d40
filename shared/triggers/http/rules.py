"""For whom each route is. A route without a rule does not load; `shared.domain.callers.may` says what a rule means."""

from typing import Final

from shared.domain.callers import Access

RULES: Final = {
    "GET health": Access.PUBLIC,
    "POST validate": Access.SIGNED_IN,
    "GET tenants": Access.OPERATOR,
    "GET tenants/{tenant}": Access.TENANT,
    "PUT tenants/{tenant}": Access.OPERATOR,
    "DELETE tenants/{tenant}": Access.OPERATOR,
    "GET tenants/{tenant}/admins": Access.OPERATOR,
    "PUT tenants/{tenant}/admins": Access.OPERATOR,
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
    "GET tenants/{tenant}/locations/{location}/groups": Access.TENANT,
    "PUT tenants/{tenant}/locations/{location}/groups": Access.TENANT,
    "GET tenants/{tenant}/locations/{location}/recipients": Access.TENANT,
    "POST tenants/{tenant}/locations/{location}/recipients": Access.TENANT,
    "PATCH tenants/{tenant}/locations/{location}/recipients/{recipient}": Access.TENANT,
    "GET tenants/{tenant}/explain": Access.TENANT,
    "GET tenants/{tenant}/groups": Access.TENANT,
    "POST tenants/{tenant}/runs": Access.TENANT,
    "GET tenants/{tenant}/runs": Access.TENANT,
    "GET tenants/{tenant}/runs/{run}": Access.TENANT,
    "GET tenants/{tenant}/runs/{run}/changes": Access.TENANT,
    "POST tenants/{tenant}/runs/{run}/approve": Access.TENANT,
    "POST tenants/{tenant}/runs/{run}/reject": Access.TENANT,
    "POST tenants/{tenant}/runs/{run}/undo": Access.TENANT,
    "GET ledger": Access.OPERATOR,
}
