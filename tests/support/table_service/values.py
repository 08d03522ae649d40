"""Rows as stored and as returned.

A row is stored as the JSON of the request, which is 3 times smaller than a dict.
"""

import re
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final, NamedTuple

import msgspec

#: Types that JSON implies, so that the service does not name them.
_PLAIN: Final = frozenset({"Edm.String", "Edm.Boolean", "Edm.Int32"})
_SUFFIX: Final = "@odata.type"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
#: Ticks per second in the time of an ETag.
TICKS_S: Final = 10_000_000
_ETAG: Final = re.compile(r"""^(?:W/)?"?datetime'(.*)'"?$""")


class Row(NamedTuple):
    """One stored row: its JSON, and a unique time of its last change in ticks of 100 ns."""

    body: bytes
    changed: int

    @property
    def etag(self) -> str:
        """The ETag of the row."""
        return f"W/\"datetime'{timestamp(self.changed).replace(':', '%3A')}'\""

    def properties(self) -> dict[str, Any]:
        """Return all properties, including the names of types."""
        decoded: dict[str, Any] = msgspec.json.decode(self.body)
        return decoded


def timestamp(ticks: int) -> str:
    """Return a time with seven decimal places, as the service does."""
    seconds, rest = divmod(ticks, TICKS_S)
    return f"{_second(seconds)}.{rest:07d}Z"


@lru_cache(maxsize=10_000)
def _second(seconds: int) -> str:
    """Return a time in whole seconds as text. The cache saves most of the time for encoding a row."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}"


def tidy(body: bytes) -> bytes:
    """Return the stored JSON of a row: without nulls, and without types that JSON implies."""
    if b"odata" not in body and b":null" not in body and b": null" not in body:
        return body
    row: dict[str, Any] = msgspec.json.decode(body)
    kept = {
        name: value
        for name, value in row.items()
        if value is not None and not name.startswith("odata.") and not (name.endswith(_SUFFIX) and value in _PLAIN)
    }
    return msgspec.json.encode(kept)


def merged(old: bytes, new: bytes) -> bytes:
    """Return a row after a merge. Properties that the new row does not contain stay."""
    kept: dict[str, Any] = msgspec.json.decode(old)
    given: dict[str, Any] = msgspec.json.decode(new)
    for name in given:
        kept.pop(name + _SUFFIX, None)
    return msgspec.json.encode({**kept, **given})


def shown(row: Row, select: list[str] | None, *, metadata: bool) -> dict[str, Any]:
    """Return a row as in a response. With `metadata`, it includes its ETag and the names of types."""
    properties = row.properties()
    if select is None or "Timestamp" in select:
        properties["Timestamp"] = timestamp(row.changed)
    if select is not None and not metadata:
        return {name: properties[name] for name in select if name in properties}
    names = properties.keys() if select is None else [name for name in select if name in properties]
    answer: dict[str, Any] = {"odata.etag": row.etag} if metadata else {}
    for name in names:
        if not name.endswith(_SUFFIX):
            answer[name] = properties[name]
            if metadata and (kind := properties.get(name + _SUFFIX)) is not None:
                answer[name + _SUFFIX] = kind
    return answer
