"""One request to Graph: the caller, the directory, and the requested resource."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import parse_qsl, quote, unquote, urlencode

from infra.local.entra.odata.entity_types import EntityType
from infra.local.entra.odata.queries import Query, parse_query
from infra.local.entra.odata.support import check_query
from infra.local.entra.state.directory import Directory
from infra.local.entra.state.simulator import State
from infra.local.entra.state.tokens import Principal

VERSION = "/v1.0"

#: permissions, one of which is sufficient
READ_USERS = frozenset({"User.Read.All", "User.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"})
#: Permits listing users and reading one, with null for everything but names and addresses.
#: Source: https://learn.microsoft.com/graph/permissions-reference#userreadbasicall
LIST_USERS = READ_USERS | {"User.ReadBasic.All"}
READ_GROUPS = frozenset(
    {
        "GroupMember.Read.All",
        "Group.Read.All",
        "Group.ReadWrite.All",
        "Directory.Read.All",
        "Directory.ReadWrite.All",
    }
)
READ_APPLICATIONS = frozenset({"Application.Read.All", "Directory.Read.All", "Directory.ReadWrite.All"})
READ_ORGANIZATION = frozenset({"Organization.Read.All", "Directory.Read.All", "Directory.ReadWrite.All"})
READ_ACTIVITY = frozenset({"AuditLog.Read.All"})
READ_HIDDEN = frozenset({"Member.Read.Hidden"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The resource that a request names: path without the version, and parameters."""

    segments: tuple[str, ...]
    parameters: Mapping[str, str]

    @property
    def path(self) -> str:
        """The decoded path with a slash before each segment. The SDK's double slashes are removed."""
        return "".join(f"/{segment}" for segment in self.segments)


def parse_target(raw: str, *, versioned: bool) -> Target:
    """Return the target of a raw path and query. A `versioned` path begins with the version; in a batch none does."""
    path, _, query = raw.partition("?")
    segments = [unquote(part) for part in path.split("/") if part]
    if versioned and segments[:1] == [VERSION[1:]]:
        del segments[0]
    return Target(segments=tuple(segments), parameters=dict(parse_qsl(query, keep_blank_values=True)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """An authorised request."""

    state: State
    directory: Directory
    principal: Principal
    method: str
    target: Target
    headers: Mapping[str, str]  #: names in lower case
    body: bytes = b""
    places: Mapping[str, str] = field(default_factory=dict)  #: values of the placeholders `{...}` of the route

    def may(self, permissions: frozenset[str]) -> bool:
        """Return whether the token has one of these permissions."""
        return bool(permissions & self.principal.roles)

    def query(self, kind: EntityType, *, listing: bool = True, expandable: bool = False) -> Query:
        """Return the OData parameters for objects of a type. Only `expandable` resources can show managers.

        Raises:
            GraphError: 400, or 501 for a property that a `listing` cannot show.
        """
        query = parse_query(self.target.parameters, self.headers, expandable=expandable)
        check_query(kind, query, listing=listing)
        return replace(query, top=min(query.top, self.state.settings.page_size_max))

    @property
    def root(self) -> str:
        """The address of this version of Graph."""
        return self.state.graph + VERSION

    def context(self, what: str, select: tuple[str, ...] | None = None) -> str:
        """Return the value of `@odata.context`."""
        chosen = f"({','.join(select)})" if select else ""
        return f"{self.root}/$metadata#{what}{chosen}"

    def link(self, parameters: Mapping[str, str]) -> str:
        """Return the address of the same resource with other parameters."""
        query = urlencode(parameters, safe="$,()':", quote_via=quote)
        return f"{self.root}{quote(self.target.path)}?{query}"
