"""Refuses queries that Graph does not support for a type, or only as advanced queries."""

from collections.abc import Iterable
from http import HTTPStatus

from infra.local.entra.http.answers import GraphError, bad_request, unsupported
from infra.local.entra.odata.entity_types import EntityType
from infra.local.entra.odata.filters import Compare, Condition, comparisons, is_negated
from infra.local.entra.odata.queries import Query

_MORE = (
    "Try adding $count=true query parameter and ConsistencyLevel:eventual header. Refer to "
    "https://aka.ms/graph-docs/advanced-queries for more information"
)


def check_query(kind: EntityType, query: Query, *, listing: bool) -> None:
    """Raise GraphError if Graph refuses the query: 400, or 501 for a property that a list cannot show."""
    check_select(kind, query.select, listing=listing)
    if query.with_manager and query.advanced:
        raise unsupported("$expand is not currently supported with advanced queries.")
    if query.condition is not None:
        _check_condition(kind, query.condition, advanced=query.advanced)
        if query.order and not query.advanced:
            raise unsupported(f"Sorting not supported for current query. {_MORE}")
    if query.search is not None:
        _check_known(kind, [field for field, _ in query.search.clauses])
    if query.order:
        _check_order(kind, query.order, advanced=query.advanced)


def check_select(kind: EntityType, select: Iterable[str] | None, *, listing: bool) -> None:
    """Raise GraphError if a property does not exist, or if a list cannot show it."""
    for name in select or ():
        if name in kind.elsewhere:
            if listing:
                raise GraphError(
                    HTTPStatus.NOT_IMPLEMENTED, "NotImplemented", "This operation target is not yet supported."
                )
        elif name not in kind.properties | kind.navigation:
            raise bad_request(f"Parsing OData Select and Expand failed: {_unknown(kind, name)}", "BadRequest")


def _check_condition(kind: EntityType, condition: Condition, *, advanced: bool) -> None:
    if is_negated(condition) and not advanced:
        raise unsupported(f"Operator 'Not' is not supported because the required parameters might be missing. {_MORE}")
    for comparison in comparisons(condition):
        _check_known(kind, [comparison.field])
        _check_comparison(kind, comparison, advanced=advanced)


def _check_comparison(kind: EntityType, comparison: Compare, *, advanced: bool) -> None:
    field, operator = comparison.field, comparison.operator
    if operator in {"ne", "endswith"} and not advanced:
        shown = {"ne": "NotEqualsMatch", "endswith": "endsWith"}[operator]
        raise unsupported(
            f"Operator '{shown}' is not supported because the required parameters might be missing. {_MORE}"
        )
    match operator:
        case "startswith":
            by_default, by_advanced = kind.begins, kind.begins_advanced
        case "endswith":
            by_default, by_advanced = frozenset[str](), kind.ends
        case _ if None in comparison.values:
            by_default, by_advanced = frozenset[str](), kind.nullable
        case _:
            by_default, by_advanced = kind.equal, kind.equal_advanced
    if field not in by_default and not (advanced and field in by_advanced):
        raise unsupported(
            f"Unsupported or invalid query filter clause specified for property '{field}' of resource "
            f"'{kind.resource}'."
        )


def _check_order(kind: EntityType, order: str, *, advanced: bool) -> None:
    field = order.removesuffix(" asc")
    _check_known(kind, [field.removesuffix(" desc")])
    if field not in kind.sorted_by and not (advanced and field in kind.sorted_advanced):
        raise unsupported(f"Sorting by '{order}' is not supported for current query.")


def _check_known(kind: EntityType, names: Iterable[str]) -> None:
    for name in names:
        if name not in kind.properties | kind.elsewhere:
            raise bad_request(f"Invalid filter clause: {_unknown(kind, name)}", "BadRequest")


def _unknown(kind: EntityType, name: str) -> str:
    return f"Could not find a property named '{name}' on type 'microsoft.graph.{kind.name}'."
