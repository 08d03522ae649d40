"""Values as compressed msgpack in the binary properties of one entity."""

import zlib
from collections.abc import Mapping
from typing import Any, Final, TypeVar

import msgspec

from shared.errors import Rejected

T = TypeVar("T")

#: Largest binary property, in bytes.
#: Source: https://learn.microsoft.com/rest/api/storageservices/understanding-the-table-service-data-model
_MAX_PROPERTY: Final = 64 * 1024
#: Properties that fit one entity of 1 MiB beside its keys.
_MAX_PROPERTIES: Final = 15
_LEVEL: Final = 1


def pack(value: object) -> dict[str, Any]:
    """Return the properties that hold a value. Raises: Rejected if it does not fit one entity."""
    return split(zlib.compress(msgspec.msgpack.encode(value), _LEVEL))


def unpack(entity: Mapping[str, Any], kind: type[T]) -> T:
    """Return the value that `pack` put into an entity."""
    return msgspec.msgpack.decode(zlib.decompress(join(entity)), type=kind)


def split(data: bytes) -> dict[str, Any]:
    """Return bytes as properties `p00`, `p01` and so on. Raises: Rejected if they do not fit one entity."""
    if len(data) > _MAX_PROPERTY * _MAX_PROPERTIES:
        raise Rejected(
            f"a row of {len(data)} bytes does not fit Table Storage, whose entities hold 1 MiB; store less in one row.",
            code="entity_too_large",
        )
    starts = range(0, len(data), _MAX_PROPERTY)
    return {f"p{number:02d}": data[start : start + _MAX_PROPERTY] for number, start in enumerate(starts)}


def join(entity: Mapping[str, Any]) -> bytes:
    """Return the bytes that `split` cut."""
    names = [name for number in range(_MAX_PROPERTIES) if (name := f"p{number:02d}") in entity]
    return b"".join(entity[name] for name in names)
