"""Content negotiation: the media type that a client prefers.

Source: RFC 9110, sections 12.4.2 and 12.5.1.
"""

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

#: One element of the Accept header; a comma inside quotes does not end it.
_ELEMENT: Final = re.compile(r'(?:[^,"]|"(?:\\.|[^"\\])*"?)+')
#: The weight of an element; the name of the parameter is case-insensitive.
_WEIGHT: Final = re.compile(r";\s*+q\s*+=\s*+(\d*+(?:\.\d*+)?+)\s*+(?:;|$)", re.IGNORECASE)
#: Longest header that is read, in characters. Those of browsers have up to 300.
_MAX_ACCEPT: Final = 1_000


class _Preference(NamedTuple):
    """How much a client prefers a media type; larger is better."""

    weight: float
    #: 2 for an exact type, 1 for `text/*`, 0 for `*/*`.
    specificity: int
    #: Negative position in the header, the last tie-breaker.
    position: int


def preferred(accept: str, offered: Sequence[str]) -> str:
    """Return the media type of `offered` that an Accept header prefers.

    The most specific element that matches a type gives its weight. Of types with equal weights the one that the header
    names more specifically is preferred, then the one it names first. Without an acceptable type, or with a header of
    more than _MAX_ACCEPT characters, the result is the first one: a server may disregard the header.
    """
    elements = [_parsed(element) for element in _ELEMENT.findall(accept)] if len(accept) <= _MAX_ACCEPT else []
    best = max(offered, key=lambda kind: _preference(kind, elements))
    return best if _preference(best, elements).weight > 0 else offered[0]


def _parsed(element: str) -> tuple[str, float]:
    """Return the media range of an element and its weight from 0 to 1; 1 if it is missing or malformed."""
    media_range, _, _ = element.partition(";")
    weight = _WEIGHT.search(element)
    digits = weight[1] if weight else ""
    return media_range.strip().lower(), min(1.0, float(digits)) if digits.strip(".") else 1.0


def _preference(kind: str, elements: Sequence[tuple[str, float]]) -> _Preference:
    ranges = (("*/*", 0), (f"{kind.split('/', maxsplit=1)[0]}/*", 1), (kind, 2))
    matches = [
        (specificity, -position, weight)
        for position, (media_range, weight) in enumerate(elements)
        for name, specificity in ranges
        if media_range == name
    ]
    specificity, position, weight = max(matches, default=(0, 0, 0.0))
    return _Preference(weight, specificity, position)
