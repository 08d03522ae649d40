"""One request to Graph, with who asks and whom they ask about."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import parse_qsl, quote, unquote, urlencode

from infra.local.entra.odata.queries import Query, parse_query
from infra.local.entra.state.directory import Directory
from infra.local.entra.state.simulator import State
from infra.local.entra.state.tokens import Principal

VERSION = "/v1.0"

#: permissions of which any one will do
READ_USERS = frozenset({"User.Read.All", "User.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"})
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
    """What a request names: the path after the version, and the parameters."""

    segments: tuple[str, ...]
    parameters: Mapping[str, str]

    @property
    def path(self) -> str:
        """Decoded, with a slash before each segment; the SDK's double slashes are gone."""
        return "".join(f"/{segment}" for segment in self.segments)


def parse_target(raw: str) -> Target:
    """The target of a raw path and query; a leading version is cut off."""
    path, _, query = raw.partition("?")
    segments = [unquote(part) for part in path.split("/") if part]
    if segments[:1] == [VERSION[1:]]:
        del segments[0]
    return Target(segments=tuple(segments), parameters=dict(parse_qsl(query, keep_blank_values=True)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request that has been let in."""

    state: State
    directory: Directory
    principal: Principal
    method: str
    target: Target
    headers: Mapping[str, str]  #: names in lower case
    body: bytes = b""
    places: Mapping[str, str] = field(default_factory=dict)  #: what `{...}` of the route stands for

    def may(self, permissions: frozenset[str]) -> bool:
        """Whether the token carries one of them."""
        return bool(permissions & self.principal.roles)

    def query(self, *, expandable: bool = False) -> Query:
        """The OData parameters; only of what is `expandable` managers can be shown.

        Raises:
            GraphError: 400.
        """
        query = parse_query(self.target.parameters, self.headers, expandable=expandable)
        return replace(query, top=min(query.top, self.state.settings.page_size_max))

    @property
    def root(self) -> str:
        """The address of this version of Graph."""
        return self.state.graph + VERSION

    def context(self, what: str, select: tuple[str, ...] | None = None) -> str:
        """The value of `@odata.context`."""
        chosen = f"({','.join(select)})" if select else ""
        return f"{self.root}/$metadata#{what}{chosen}"

    def link(self, parameters: Mapping[str, str]) -> str:
        """The address of the same resource with other parameters."""
        query = urlencode(parameters, safe="$,()':", quote_via=quote)
        return f"{self.root}{quote(self.target.path)}?{query}"
