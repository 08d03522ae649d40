"""`$filter` with the operators eq, ne, in, startswith, endswith, and, or, not, and parentheses.

String comparisons ignore case, as in Graph.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from infra.local.entra.http.answers import bad_request

ValueOf = Callable[[str], object]

_TOKEN = re.compile(r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<mark>[(),])|(?P<word>[A-Za-z0-9_.@/:-]+))")
_CONSTANTS: dict[str, object] = {"true": True, "false": False, "null": None}
_FUNCTIONS = frozenset({"startswith", "endswith"})


@dataclass(frozen=True, slots=True)
class Compare:
    """A comparison of one property with one or more values."""

    field: str
    operator: str  #: eq, ne, in, startswith, endswith
    values: tuple[object, ...]

    def holds(self, value_of: ValueOf) -> bool:
        """Return whether the object matches."""
        actual = _folded(value_of(self.field))
        match self.operator:
            case "ne":
                return actual != self.values[0]
            case "startswith":
                return isinstance(actual, str) and actual.startswith(str(self.values[0]))
            case "endswith":
                return isinstance(actual, str) and actual.endswith(str(self.values[0]))
            case _:
                return actual in self.values

    def ids(self) -> frozenset[str] | None:
        """Return the only object ids that can match, or None if they cannot be determined."""
        if self.field == "id" and self.operator in {"eq", "in"}:
            return frozenset(str(value) for value in self.values)
        return None


@dataclass(frozen=True, slots=True)
class Junction:
    """Two joined conditions, or one negated condition."""

    operator: str  #: and, or, not
    sides: tuple["Condition", ...]

    def holds(self, value_of: ValueOf) -> bool:
        """Return whether the object matches."""
        match self.operator:
            case "and":
                return all(side.holds(value_of) for side in self.sides)
            case "or":
                return any(side.holds(value_of) for side in self.sides)
            case _:
                return not self.sides[0].holds(value_of)

    def ids(self) -> frozenset[str] | None:
        """Return the only object ids that can match, or None if they cannot be determined."""
        by_side = [side.ids() for side in self.sides]
        if self.operator == "and":
            return next((ids for ids in by_side if ids is not None), None)
        restricted = [ids for ids in by_side if ids is not None]
        if self.operator == "or" and len(restricted) == len(by_side):
            return frozenset[str]().union(*restricted)
        return None


Condition = Compare | Junction


def parse(text: str) -> Condition:
    """Return the parsed condition.

    Raises:
        GraphError: 400 if it cannot be parsed.
    """
    reader = _Reader(text)
    condition = reader.alternatives()
    reader.expect_end()
    return condition


def comparisons(condition: Condition) -> Iterator[Compare]:
    """Yield all comparisons."""
    if isinstance(condition, Compare):
        yield condition
    else:
        for side in condition.sides:
            yield from comparisons(side)


def is_negated(condition: Condition) -> bool:
    """Return whether the condition contains `not`."""
    return isinstance(condition, Junction) and (
        condition.operator == "not" or any(is_negated(side) for side in condition.sides)
    )


def _folded(value: object) -> object:
    return value.casefold() if isinstance(value, str) else value


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens: list[str] = []
        at = 0
        stripped = text.rstrip()
        while at < len(stripped):
            match = _TOKEN.match(stripped, at)
            if match is None:
                raise self._bad()
            self._tokens.append(match[0].strip())
            at = match.end()
        self._at = 0

    def alternatives(self) -> Condition:
        """Parse conditions joined by `or`."""
        sides = [self._conjunction()]
        while self._take_if("or"):
            sides.append(self._conjunction())
        return sides[0] if len(sides) == 1 else Junction("or", tuple(sides))

    def expect_end(self) -> None:
        """Check that the text has been parsed completely."""
        if self._at != len(self._tokens):
            raise self._bad()

    def _conjunction(self) -> Condition:
        sides = [self._single()]
        while self._take_if("and"):
            sides.append(self._single())
        return sides[0] if len(sides) == 1 else Junction("and", tuple(sides))

    def _single(self) -> Condition:
        if self._take_if("not"):
            return Junction("not", (self._single(),))
        if self._take_if("("):
            inner = self.alternatives()
            self._expect(")")
            return inner
        word = self._take()
        if word in _FUNCTIONS:
            self._expect("(")
            field = self._take()
            self._expect(",")
            value = self._literal()
            self._expect(")")
            return Compare(field, word, (value,))
        operator = self._take()
        if operator in {"eq", "ne"}:
            return Compare(word, operator, (self._literal(),))
        if operator != "in":
            raise self._bad()
        return Compare(word, operator, self._literals())

    def _literals(self) -> tuple[object, ...]:
        self._expect("(")
        values = [self._literal()]
        while self._take_if(","):
            values.append(self._literal())
        self._expect(")")
        return tuple(values)

    def _literal(self) -> object:
        token = self._take()
        if token.startswith("'"):
            return token[1:-1].replace("''", "'").casefold()
        if token in _CONSTANTS:
            return _CONSTANTS[token]
        raise self._bad()

    def _take(self) -> str:
        if self._at >= len(self._tokens):
            raise self._bad()
        self._at += 1
        return self._tokens[self._at - 1]

    def _take_if(self, wanted: str) -> bool:
        if self._at < len(self._tokens) and self._tokens[self._at] == wanted:
            self._at += 1
            return True
        return False

    def _expect(self, wanted: str) -> None:
        if not self._take_if(wanted):
            raise self._bad()

    def _bad(self) -> Exception:
        return bad_request(f"Invalid filter clause: Syntax error in '{self._text}'.", "BadRequest")
