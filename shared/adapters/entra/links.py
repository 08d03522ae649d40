"""Builds the URLs of our requests, and verifies links of responses before they are followed."""

import re
from typing import Final
from urllib.parse import quote, unquote, urlencode, urlsplit

from shared.adapters.entra.schema import SELECT
from shared.domain.connections.entra.guid import guid
from shared.domain.directory import Source
from shared.domain.ids import ObjectId
from shared.errors import ForeignLink, NotFound, Rejected

VERSION: Final = "/v1.0/"
#: Maximum size of a page of users or members.
#: Source: https://learn.microsoft.com/graph/api/user-list, https://learn.microsoft.com/graph/api/group-list-members
PAGE_USERS: Final = 999
#: Port of a link that names none.
_HTTPS: Final = 443
#: Parts of paths that are not ids.
_WORDS: Final = frozenset(
    {
        "$batch",
        "applications",
        "appRoleAssignedTo",
        "delta",
        "groups",
        "memberOf",
        "members",
        "microsoft.graph.group",
        "microsoft.graph.user",
        "organization",
        "servicePrincipals",
        "transitiveMembers",
        "users",
    }
)
#: Characters of a valid link. Two parsers may read others differently, and one would verify what another sends.
_PLAIN: Final = re.compile(r"[!-\[\]-~]{1,65536}")


def checked(graph: str, link: str) -> str:
    """Return a link of a response. Raises ForeignLink unless it leads to the same host over https.

    The SDK would send the token to any host that a link names.
    """
    if not (_PLAIN.fullmatch(link) and _leads_to(graph, link)):
        raise ForeignLink(
            "Microsoft Graph gave a link that leads elsewhere; it was not followed, and the reading was given up."
        )
    return link


def _leads_to(graph: str, link: str) -> bool:
    expected = urlsplit(graph)
    try:
        actual = urlsplit(link)
        port = actual.port or _HTTPS
    except ValueError:
        return False
    same = (actual.scheme, actual.username, actual.hostname, port) == (
        "https",
        None,
        expected.hostname,
        expected.port or _HTTPS,
    )
    # the SDK's own links come back with a double slash
    route = unquote(actual.path).replace("//", "/")
    return same and route.startswith(VERSION) and ".." not in route.split("/")


def path(graph: str, route: str, query: dict[str, str] | None = None) -> str:
    """Return the URL of a route of Graph v1.0."""
    parameters = f"?{urlencode(query, quote_via=quote, safe='$,')}" if query else ""
    return f"{graph}{VERSION}{route}{parameters}"


def template(route: str) -> str:
    """Return the path of a URL without version and ids, for telemetry: `/groups/{id}/members/microsoft.graph.user`."""
    parts = unquote(route).replace("//", "/").removeprefix(VERSION).split("/")
    return "/" + "/".join(_word(part) for part in parts)


def _word(part: str) -> str:
    name, bracket, _ = part.partition("(")
    return f"{name}({{id}})" if bracket and name in _WORDS else name if name in _WORDS else "{id}"


def users(graph: str, source: Source) -> str:
    """Return the URL of the first page of a source's users.

    Casting members to users is an advanced query: it requires `$count=true`, and its header on every page.
    Source: https://learn.microsoft.com/graph/aad-advanced-queries
    """
    query = {"$select": "id" if source.by_id else SELECT, "$top": str(PAGE_USERS)}
    if source.group is None:
        return path(graph, "users", query)
    members = "transitiveMembers" if source.transitive else "members"
    return path(graph, f"groups/{group_id(source.group)}/{members}/microsoft.graph.user", {**query, "$count": "true"})


def group_id(group: ObjectId) -> ObjectId:
    """Return the id of a group for a URL. Raises NotFound if it is not a GUID and therefore not an id of Entra ID."""
    try:
        return guid(group)
    except Rejected as error:
        raise NotFound(f"{error} Map a group of the directory instead.", code="group_not_found") from error


def latest_delta(graph: str) -> str:
    """Return the URL that yields a delta link without a listing."""
    return path(graph, "users/delta", {"$deltatoken": "latest", "$select": SELECT})


def delta_with_managers(graph: str) -> str:
    """Return the URL of the first page of all users with their managers, which only a delta query lists.

    Source: https://learn.microsoft.com/graph/delta-query-overview (relationships that are tracked)
    """
    return path(graph, "users/delta", {"$select": f"{SELECT},manager"})
