"""Values as compressed msgpack in binary properties: of one row, or of as many as one batch can insert."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeVar

import msgspec
from isal import isal_zlib

from shared.adapters.tables.limits import MAX_PROPERTY_BYTES
from shared.errors import TooLarge

T = TypeVar("T")

#: Binary properties of one row. Its 1 MiB would take 15, but the emulator counts them as base64.
_MAX_PROPERTIES: Final = 11
MAX_ROW_BYTES: Final = MAX_PROPERTY_BYTES * _MAX_PROPERTIES
#: Bytes that fit one batch, which carries them as base64 and may have 4 MiB: some 75,000 candidates of a location.
MAX_ROWS_BYTES: Final = 3_100_000
#: As in `shared/domain/snapshots/snapshot.py`.
_LEVEL: Final = 1


def pack(value: object) -> dict[str, Any]:
    """Return the properties that hold a value. Raises: TooLarge if it does not fit one row."""
    return split(_compressed(value))


def unpack(entity: Mapping[str, Any], kind: type[T]) -> T:
    """Return the value that `pack` put into an entity."""
    return unpack_rows([entity], kind)


def pack_rows(value: object) -> list[dict[str, Any]]:
    """Return the properties of the rows that hold a value, in order; mostly one. Raises: TooLarge above MAX_ROWS_BYTES.

    The rows fit one batch, so they can be inserted together or not at all.
    """
    data = _compressed(value)
    if len(data) > MAX_ROWS_BYTES:
        raise _too_large(len(data), f"one batch of rows holds {MAX_ROWS_BYTES}")
    return [split(data[start : start + MAX_ROW_BYTES]) for start in range(0, len(data), MAX_ROW_BYTES)]


def unpack_rows(entities: Sequence[Mapping[str, Any]], kind: type[T]) -> T:
    """Return the value that `pack_rows` put into entities, given all of them in order."""
    return msgspec.msgpack.decode(isal_zlib.decompress(b"".join(join(each) for each in entities)), type=kind)


def split(data: bytes) -> dict[str, Any]:
    """Return bytes as properties `p00`, `p01` and so on. Raises: TooLarge if they do not fit one row."""
    if len(data) > MAX_ROW_BYTES:
        raise _too_large(len(data), f"one row holds {MAX_ROW_BYTES}")
    starts = range(0, len(data), MAX_PROPERTY_BYTES)
    return {f"p{number:02d}": data[start : start + MAX_PROPERTY_BYTES] for number, start in enumerate(starts)}


def join(entity: Mapping[str, Any]) -> bytes:
    """Return the bytes that `split` cut."""
    names = [name for number in range(_MAX_PROPERTIES) if (name := f"p{number:02d}") in entity]
    return b"".join(entity[name] for name in names)


def _compressed(value: object) -> bytes:
    return isal_zlib.compress(msgspec.msgpack.encode(value), _LEVEL)


def _too_large(size: int, limit: str) -> TooLarge:
    return TooLarge(
        f"a value of {size} bytes does not fit Table Storage: {limit}; store less.", code="entity_too_large"
    )
