"""Encodes and decodes rows as the Table service's JSON. An annotation holds the EDM type of values that need one.

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

from shared.adapters.tables.versions import OPERATIONS, version_of

_SUFFIX: Final = "@odata.type"
_ODATA: Final = "odata."
_INT32: Final = range(-(2**31), 2**31)
_INT64: Final = range(-(2**63), 2**63)
#: Types that need no annotation. Rows with only these types, which most are, are encoded without conversion.
_PLAIN: Final = frozenset({str, bool})
_ENCODER: Final = msgspec.json.Encoder()


class Row(dict[str, Any]):
    """A row that was read. `metadata` contains its version and the time of the last write, both as text."""

    __slots__ = ("metadata",)

    def __init__(self, properties: Mapping[str, Any], etag: str | None, timestamp: str | None = None) -> None:
        super().__init__(properties)
        operations = self.pop(OPERATIONS, None)
        self.metadata = {"etag": etag and version_of(etag, operations), "timestamp": timestamp}


class EncodedRow(msgspec.Struct, frozen=True, gc=False):
    """A row that is already encoded as JSON, with its keys."""

    partition: str
    key: str
    content: bytes


def encode(entity: Mapping[str, Any]) -> bytes:
    """Return an entity as JSON without properties that are None. Raises TypeError for a value without an EDM type."""
    annotated = entity if _PLAIN.issuperset(map(type, entity.values())) else dict(_annotated(entity))
    try:
        return _ENCODER.encode(annotated)
    except UnicodeEncodeError:  # half of a surrogate pair, which must be escaped
        return json.dumps(annotated, separators=(",", ":")).encode()


def _annotated(entity: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    for name, value in entity.items():
        if value is None:
            continue
        kind, encoded = _typed(value)
        yield name, encoded
        if kind:
            yield name + _SUFFIX, kind


def _typed(value: object) -> tuple[str, object]:
    """Return the EDM type of a value, empty if JSON implies it, and the value as encoded in JSON."""
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, str | bool) or (isinstance(value, int) and value in _INT32):
        return "", value
    for kind, (name, encode_value) in _EDM_TYPES.items():
        if isinstance(value, kind):
            return name, encode_value(value)
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


#: Name and encoder of the EDM type, by Python type, for types that JSON does not have.
_EDM_TYPES: Final[Mapping[type, tuple[str, Callable[[Any], object]]]] = {
    bytes: ("Edm.Binary", lambda value: b2a_base64(value, newline=False).decode()),
    int: ("Edm.Int64", _int64),
    float: ("Edm.Double", _double),
    datetime: ("Edm.DateTime", lambda value: f"{value.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}Z"),
    UUID: ("Edm.Guid", str),
}
#: Decoder by EDM type. Times have seven decimal digits, of which Python keeps six.
_DECODERS: Final[Mapping[str, Callable[[str], object]]] = {
    "Edm.Binary": a2b_base64,
    "Edm.Int64": int,
    "Edm.Double": float,
    "Edm.DateTime": datetime.fromisoformat,
    "Edm.Guid": UUID,
}


def row_of(properties: dict[str, Any]) -> Row:
    """Return the row from a response with minimal metadata."""
    kinds = [name for name in properties if name.endswith(_SUFFIX)]
    for name in kinds:
        decode_value = _DECODERS.get(properties.pop(name))
        annotated = name.removesuffix(_SUFFIX)
        if decode_value is not None and properties.get(annotated) is not None:
            properties[annotated] = decode_value(properties[annotated])
    etag = properties.pop("odata.etag", None)
    timestamp = properties.pop("Timestamp", None)
    for name in [name for name in properties if name.startswith(_ODATA)]:
        del properties[name]
    return Row({name: value for name, value in properties.items() if value is not None}, etag, timestamp)
