"""`$search`: `"displayName:word"`, joined by AND or OR. A word matches the beginning of a word in the property."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from infra.local.entra.http.answers import bad_request

_CLAUSE = re.compile(r'"(?P<field>[A-Za-z]+):(?P<words>[^"]+)"')
_JOINT = re.compile(r"^\s*(AND|OR)\s*$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """Clauses of one property each."""

    clauses: tuple[tuple[str, tuple[str, ...]], ...]
    every: bool

    def holds(self, value_of: Callable[[str], object]) -> bool:
        """Return whether the object matches."""
        return (all if self.every else any)(_matches(value_of(field), words) for field, words in self.clauses)


def parse_search(text: str) -> Search:
    """Return the parsed search.

    Raises:
        GraphError: 400 if it cannot be parsed.
    """
    clauses = tuple((match["field"], _words(match["words"])) for match in _CLAUSE.finditer(text))
    joints = [joint for joint in _CLAUSE.sub("\n", text).split("\n") if joint.strip()]
    if not clauses or len(joints) != len(clauses) - 1 or not all(_JOINT.match(joint) for joint in joints):
        raise bad_request(f"Syntax error: the $search expression {text} is not valid.", "BadRequest")
    return Search(clauses=clauses, every=all(joint.strip() == "AND" for joint in joints))


def _matches(value: object, words: tuple[str, ...]) -> bool:
    has = _words(value) if isinstance(value, str) else ()
    return all(any(one.startswith(word) for one in has) for word in words)


def _words(text: str) -> tuple[str, ...]:
    return tuple(re.findall(r"\w+", text.casefold()))
