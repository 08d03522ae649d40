"""Evaluate the ARM expressions that a snapshot leaves open: values that only Azure knows, and texts built of them."""

import re
from collections.abc import Callable
from typing import Final

#: Returns the value of a property of a resource, such as `primaryEndpoints.blob`, by the resource's id.
Lookup = Callable[[str, str], str]

_TOKEN: Final = re.compile(r"\s*(?:'((?:[^']|'')*)'|([A-Za-z_]\w*)|(\d+)|([(),.]))")


class ExpressionError(Exception):
    """The expression has a function or a form that is not supported here. The message contains it."""


def evaluate(value: str, lookup: Lookup) -> str:
    """Return the value of an expression in brackets. Another text is returned unchanged.

    Raises:
        ExpressionError: The expression cannot be evaluated.
    """
    if not (value.startswith("[") and value.endswith("]")):
        return value
    parser = _Parser(value[1:-1], lookup)
    result = parser.expression()
    if not isinstance(result, str) or not parser.is_at_end:
        raise ExpressionError(f"{value} is not a text")
    return result


class _Parser:
    """Recursive descent over calls and texts."""

    def __init__(self, text: str, lookup: Lookup) -> None:
        self._text = text
        self._lookup = lookup
        self._tokens = [match.groups() for match in _TOKEN.finditer(text)]
        self._next = 0

    @property
    def is_at_end(self) -> bool:
        """Whether the whole text was read."""
        return self._next == len(self._tokens)

    def expression(self) -> str | list[str]:
        """Read a text or a call."""
        quoted, name, _, _ = self._take()
        if quoted is not None:
            return quoted.replace("''", "'")
        if name is None or self._take()[3] != "(":
            raise ExpressionError(self._text)
        arguments = [self.expression()]
        while self._take()[3] == ",":
            arguments.append(self.expression())
        return self._call(name, arguments)

    def _call(self, name: str, arguments: list[str | list[str]]) -> str | list[str]:
        texts = [argument for argument in arguments if isinstance(argument, str)]
        match name:
            case "reference":
                return self._lookup(texts[0], self._path())
            case "format":
                return re.sub(r"\{(\d+)\}", lambda place: texts[1 + int(place[1])], texts[0])
            case "createArray":
                return texts
            case "join":
                return texts[0].join(arguments[0])
            case _:
                raise ExpressionError(f"{name} in {self._text}")

    def _path(self) -> str:
        """Read the properties behind a call: `.primaryEndpoints.blob`."""
        names = []
        while not self.is_at_end and self._tokens[self._next][3] == ".":
            self._take()
            names.append(self._take()[1] or "")
        return ".".join(names)

    def _take(self) -> tuple[str | None, ...]:
        if self.is_at_end:
            raise ExpressionError(self._text)
        self._next += 1
        return self._tokens[self._next - 1]
