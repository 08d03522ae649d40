"""Queries: filters joined by `and`, pages of 1,000 rows, continuation tokens."""

import operator
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from tests.support.table_service.faults import bad_request
from tests.support.table_service.partitions import Partition, in_order
from tests.support.table_service.values import Row

PAGE_ROWS: Final = 1_000
_TERM: Final = re.compile(
    r"\s*\(*\s*([A-Za-z_][A-Za-z0-9_]*) (eq|ne|gt|ge|lt|le) (?:'((?:[^']|'')*)'|(true|false)|(-?\d+))\s*\)*\s*(and|$)"
)
_RELATIONS: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "lt": operator.lt,
    "le": operator.le,
    "gt": operator.gt,
    "ge": operator.ge,
}


class Term(NamedTuple):
    """One comparison of a filter."""

    name: str
    relation: str
    value: str | bool | int

    def holds(self, found: object) -> bool:
        """Return whether the value of a property matches. The value is None if the row does not have the property."""
        if found is None or type(found) is not type(self.value):
            return False
        if isinstance(found, str):
            return _RELATIONS[self.relation](in_order(found), in_order(str(self.value)))
        return _RELATIONS[self.relation](found, self.value)


class Page(NamedTuple):
    """One response: rows, and the keys at which the next request continues."""

    rows: list[Row]
    following: tuple[str, str] | None


def parse(text: str) -> list[Term]:
    """Return the comparisons, which must all match. Raises Refusal for an unsupported filter."""
    terms, at = [], 0
    while at < len(text):
        found = _TERM.match(text, at)
        if found is None:
            raise bad_request("NotImplemented", f"the filter from {text[at:]!r}")
        name, relation, words, truth, number, _ = found.groups()
        value: str | bool | int
        if words is not None:
            value = words.replace("''", "'")
        elif truth is not None:
            value = truth == "true"
        else:
            value = int(number)
        terms.append(Term(name, relation, value))
        at = found.end()
    return terms


def page(partitions: Mapping[str, Partition], terms: list[Term], start: tuple[str, str], limit: int) -> Page:
    """Return the rows from `start` on that match all terms, at most `limit`."""
    of_partition = [term for term in terms if term.name == "PartitionKey"]
    of_row = [term for term in terms if term.name == "RowKey"]
    others = [term for term in terms if term.name not in {"PartitionKey", "RowKey"}]
    rows: list[Row] = []
    exact = next((str(each.value) for each in of_partition if each.relation == "eq"), None)
    names = sorted(partitions, key=in_order) if exact is None else [exact] if exact in partitions else []
    for name in names:
        if in_order(name) < in_order(start[0]) or not all(each.holds(name) for each in of_partition):
            continue
        for key, row in _within(partitions[name], of_row, start[1] if name == start[0] else ""):
            if others and not _all_hold(others, row):
                continue
            if len(rows) == limit:
                return Page(rows, (name, key))
            rows.append(row)
    return Page(rows, None)


def _all_hold(terms: list[Term], row: Row) -> bool:
    properties = row.properties()
    return all(term.holds(properties.get(term.name)) for term in terms)


def _within(partition: Partition, terms: list[Term], first: str) -> Iterator[tuple[str, Row]]:
    """Yield the rows in the range of the keys, without reading the rows outside of it."""
    if not all(isinstance(term.value, str) for term in terms):
        return  # a key is text, which no number equals
    values = [(term.relation, str(term.value)) for term in terms]
    # of two equal bounds, the one that excludes its end is the narrower
    low = max(
        (
            (in_order(first), False),
            *((in_order(value), relation == "gt") for relation, value in values if relation in {"eq", "ge", "gt"}),
        )
    )
    high = min(
        ((in_order(value), relation != "lt") for relation, value in values if relation in {"eq", "le", "lt"}),
        default=None,
    )
    for key in partition.keys_within(low, high):
        if ("ne", key) not in values:
            yield key, partition.rows[key]
