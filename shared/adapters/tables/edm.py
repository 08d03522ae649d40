"""Rows as the Table service's JSON, and back: what JSON cannot tell carries the name of its type beside it.

Source: https://learn.microsoft.com/rest/api/storageservices/payload-format-for-table-service-operations
"""

import json
import math
from binascii import a2b_base64, b2a_base64
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from enum import Enum
from typing import Any, Final
from uuid import UUID

import msgspec

_SUFFIX: Final = "@odata.type"
_ODATA: Final = "odata."
_INT32: Final = range(-(2**31), 2**31)
_INT64: Final = range(-(2**63), 2**63)
#: What JSON tells by itself; most rows hold nothing else and go to the encoder as they are.
_PLAIN: Final = frozenset({str, bool})
_ENCODER: Final = msgspec.json.Encoder()


class Row(dict[str, Any]):
    """A row that was read, with its ETag and when it was written, as text, in `metadata`."""

    __slots__ = ("metadata",)

    def __init__(self, properties: Mapping[str, Any], etag: str | None, timestamp: str | None = None) -> None:
        super().__init__(properties)
        self.metadata = {"etag": etag, "timestamp": timestamp}


class EncodedRow(msgspec.Struct, frozen=True, gc=False):
    """A row that is JSON already, beside its keys."""

    partition: str
    key: str
    content: bytes


def encode(entity: Mapping[str, Any]) -> bytes:
    """Return an entity as JSON; properties that are None are left out. Raises: TypeError for what has no type."""
    told = entity if _PLAIN.issuperset(map(type, entity.values())) else dict(_told(entity))
    try:
        return _ENCODER.encode(told)
    except UnicodeEncodeError:  # half a surrogate pair, which only an escape can carry
        return json.dumps(told, separators=(",", ":")).encode()


def _told(entity: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    for name, value in entity.items():
        if value is None:
            continue
        kind, shown = _typed(value)
        yield name, shown
        if kind:
            yield name + _SUFFIX, kind


def _typed(value: object) -> tuple[str, object]:
    """Return the name of a value's type, empty where JSON tells it, and the value as JSON holds it."""
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, str | bool) or (isinstance(value, int) and value in _INT32):
        return "", value
    for kind, (name, shown) in _TOLD.items():
        if isinstance(value, kind):
            return name, shown(value)
    raise TypeError(f"Table Storage has no type for {type(value).__name__}")


def _int64(value: int) -> str:
    if value not in _INT64:
        raise TypeError(f"Table Storage has no type for an int of {value.bit_length()} bits")
    return str(value)


def _double(value: float) -> float | str:
    if math.isfinite(value):
        return value
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"


#: What JSON does not tell: the name of the type, and how a value is written.
_TOLD: Final[Mapping[type, tuple[str, Callable[[Any], object]]]] = {
    bytes: ("Edm.Binary", lambda value: b2a_base64(value, newline=False).decode()),
    int: ("Edm.Int64", _int64),
    float: ("Edm.Double", _double),
    datetime: ("Edm.DateTime", lambda value: f"{value.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}Z"),
    UUID: ("Edm.Guid", str),
}
#: How each type that JSON does not tell is read. Times have seven digits, of which Python keeps six.
_READ: Final[Mapping[str, Callable[[str], object]]] = {
    "Edm.Binary": a2b_base64,
    "Edm.Int64": int,
    "Edm.Double": float,
    "Edm.DateTime": datetime.fromisoformat,
    "Edm.Guid": UUID,
}


def row_of(properties: dict[str, Any]) -> Row:
    """Return the row that an answer with minimal metadata holds."""
    kinds = [name for name in properties if name.endswith(_SUFFIX)]
    for name in kinds:
        read = _READ.get(properties.pop(name))
        of = name.removesuffix(_SUFFIX)
        if read is not None and properties.get(of) is not None:
            properties[of] = read(properties[of])
    etag = properties.pop("odata.etag", None)
    timestamp = properties.pop("Timestamp", None)
    for name in [each for each in properties if each.startswith(_ODATA)]:
        del properties[name]
    return Row({name: value for name, value in properties.items() if value is not None}, etag, timestamp)
