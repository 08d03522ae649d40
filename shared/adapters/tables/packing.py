"""Packs values as compressed msgpack into the binary properties of one row, or of the rows of one batch."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final, TypeVar

import msgspec
from isal import isal_zlib

from shared.adapters.tables.limits import MAX_PROPERTY_BYTES
from shared.adapters.tables.unknown_fields import without_unknown
from shared.domain.schema_version import SCHEMA, require_readable, unreadable
from shared.errors import TooLarge

T = TypeVar("T")

#: Maximum number of binary properties of one row: 15 would fit into 1 MiB, but the emulator counts their base64 size.
_MAX_PROPERTIES: Final = 11
#: Their names.
_PROPERTIES: Final = tuple(f"p{number:02d}" for number in range(_MAX_PROPERTIES))
#: Maximum size of a value in one row, in bytes.
MAX_ROW_BYTES: Final = MAX_PROPERTY_BYTES * _MAX_PROPERTIES
#: Maximum size of a value in the rows of one batch, in bytes: 4 MiB as base64, about 75,000 candidates of a location.
MAX_ROWS_BYTES: Final = 3_100_000
#: Compression level, the same as for pages of snapshots (`shared/domain/snapshots/page.py`).
_LEVEL: Final = 1


def pack(value: object) -> dict[str, Any]:
    """Return the properties that contain a value. Raises TooLarge if it does not fit into one row."""
    return {"schema": SCHEMA, **split(_compressed(value))}


def unpack(entity: Mapping[str, Any], kind: type[T]) -> T:
    """Return the value that `pack` stored in an entity. Raises Unreadable."""
    return unpack_rows([entity], kind)


def pack_rows(value: object) -> list[dict[str, Any]]:
    """Return the properties of the rows that contain a value, in order. Most values need one row.

    All rows fit into one batch, so they can be inserted atomically. Raises TooLarge above MAX_ROWS_BYTES.
    """
    data = _compressed(value)
    if len(data) > MAX_ROWS_BYTES:
        raise _too_large(len(data), f"one batch of rows holds {MAX_ROWS_BYTES}")
    rows = [split(data[start : start + MAX_ROW_BYTES]) for start in range(0, len(data), MAX_ROW_BYTES)]
    return [{"schema": SCHEMA, **row} for row in rows]


def unpack_rows(entities: Sequence[Mapping[str, Any]], kind: type[T]) -> T:
    """Return the value that `pack_rows` stored in entities. All of them must be passed in order. Raises Unreadable."""
    require_readable(entities[0].get("schema"), "A stored row")
    with decoding():
        data = isal_zlib.decompress(b"".join(map(join, entities)))
        try:
            return msgspec.msgpack.decode(data, type=kind)
        except msgspec.ValidationError:
            return without_unknown(msgspec.msgpack.decode(data), kind)


@contextmanager
def decoding() -> Iterator[None]:
    """Raise Unreadable instead of what decoding a row can raise."""
    try:
        yield
    except (msgspec.DecodeError, isal_zlib.error, ValueError, KeyError) as error:  # type: ignore[misc] # wrong stub
        raise unreadable("A stored row") from error


def split(data: bytes) -> dict[str, Any]:
    """Return bytes as properties `p00`, `p01` and so on. Raises TooLarge if they do not fit into one row."""
    if len(data) > MAX_ROW_BYTES:
        raise _too_large(len(data), f"one row holds {MAX_ROW_BYTES}")
    starts = range(0, len(data), MAX_PROPERTY_BYTES)
    return {name: data[start : start + MAX_PROPERTY_BYTES] for name, start in zip(_PROPERTIES, starts, strict=False)}


def join(entity: Mapping[str, Any]) -> bytes:
    """Return the bytes that `split` distributed over properties."""
    return b"".join([entity[name] for name in _PROPERTIES if name in entity])


def _compressed(value: object) -> bytes:
    return isal_zlib.compress(msgspec.msgpack.encode(value), _LEVEL)


def _too_large(size: int, limit: str) -> TooLarge:
    return TooLarge(
        f"a value of {size} bytes does not fit Table Storage: {limit}; store less.", code="entity_too_large"
    )
