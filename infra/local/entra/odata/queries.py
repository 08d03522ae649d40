"""The OData part of a request's query."""

from collections.abc import Mapping
from dataclasses import dataclass

from infra.local.entra.http.answers import bad_request, unsupported
from infra.local.entra.odata.filters import Condition, parse
from infra.local.entra.odata.searches import Search, parse_search

PAGE_DEFAULT = 100
PAGE_MAX = 999

_UNDERSTOOD = frozenset(
    {"$select", "$top", "$filter", "$search", "$orderby", "$count", "$skiptoken", "$deltatoken", "$format"}
)


_EXPAND = "$expand"
#: The only relationship that `$expand` supports.
_MANAGER = "manager($select=id)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """The parsed query."""

    select: tuple[str, ...] | None
    top: int
    condition: Condition | None
    search: Search | None
    order: str | None
    count: bool
    eventual: bool  #: whether `ConsistencyLevel: eventual` was sent
    with_manager: bool  #: whether users include their managers

    @property
    def advanced(self) -> bool:
        """Whether Graph's advanced queries are allowed."""
        return self.eventual and self.count


def parse_query(parameters: Mapping[str, str], headers: Mapping[str, str], *, expandable: bool = False) -> Query:
    """Return the parsed query. Only `expandable` resources can show managers.

    Raises:
        GraphError: 400 for an unknown option, or for `$search` without `ConsistencyLevel: eventual`.
    """
    for name in parameters:
        expands = name == _EXPAND and expandable and parameters[name] == _MANAGER
        if name.startswith("$") and name not in _UNDERSTOOD and not expands:
            raise bad_request(f"Query option '{name}' is not supported.", "BadRequest")
    select = parameters.get("$select")
    condition = parse(parameters["$filter"]) if "$filter" in parameters else None
    query = Query(
        select=tuple(part.strip() for part in select.split(",") if part.strip()) if select else None,
        top=_page_size(parameters.get("$top")),
        condition=condition,
        search=parse_search(parameters["$search"]) if "$search" in parameters else None,
        order=parameters.get("$orderby"),
        count=parameters.get("$count", "").lower() == "true",
        eventual=headers.get("consistencylevel", "").lower() == "eventual",
        with_manager=_EXPAND in parameters,
    )
    if query.search and not query.eventual:
        raise unsupported(
            "Request with $search query parameter only works through MSGraph with a special request header: "
            "'ConsistencyLevel: eventual'"
        )
    return query


def _page_size(top: str | None) -> int:
    if top is None:
        return PAGE_DEFAULT
    if not top.isdecimal() or not 1 <= int(top) <= PAGE_MAX:
        raise bad_request(f"Invalid page size specified: '{top}'. Must be between 1 and {PAGE_MAX} inclusive.")
    return int(top)
