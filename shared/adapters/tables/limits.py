"""Limits of Table Storage, verified before a request is sent, because the emulator does not enforce them.

Source: https://learn.microsoft.com/rest/api/storageservices/understanding-the-table-service-data-model
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from shared.errors import Rejected, TooLarge

#: Maximum number of entities in one transaction.
#: Source: https://learn.microsoft.com/rest/api/storageservices/performing-entity-group-transactions
MAX_BATCH: Final = 100
#: Maximum size of the request of a transaction, in bytes.
MAX_BATCH_BYTES: Final = 4 * 1024 * 1024
#: Maximum size of a key, in bytes. Here and below, text counts two bytes per UTF-16 unit.
MAX_KEY_BYTES: Final = 1024
#: Maximum size of a property, in bytes.
MAX_PROPERTY_BYTES: Final = 64 * 1024
#: Maximum size of an entity, in bytes.
MAX_ENTITY_BYTES: Final = 1024 * 1024
#: Maximum number of properties, without the keys and the timestamp.
MAX_PROPERTIES: Final = 252

_FORBIDDEN_IN_KEYS: Final = re.compile(r"[/\\#?\x00-\x1f\x7f-\x9f]")
_KEYS: Final = ("PartitionKey", "RowKey")


def require_entity(entity: Mapping[str, Any]) -> None:
    """Validate an entity.

    Raises:
        TooLarge: if it has too many properties, or it or a property is too large; with the size and the limit.
        Rejected: if one of its keys contains a forbidden character.

    """
    size = 4
    for name in _KEYS:
        size += require_key(name, str(entity[name]))
    if len(entity) - len(_KEYS) > MAX_PROPERTIES:
        raise _too_large(f"a row of {len(entity) - len(_KEYS)} properties", f"{MAX_PROPERTIES} properties")
    for name, value in entity.items():
        if name in _KEYS:
            continue
        if (value_size := _value_bytes(value)) > MAX_PROPERTY_BYTES:
            raise _too_large(f"the property {name} of {value_size} bytes", f"{MAX_PROPERTY_BYTES} bytes")
        size += 8 + 2 * len(name) + 4 + value_size
    if size > MAX_ENTITY_BYTES:
        raise _too_large(f"a row of {size} bytes", f"{MAX_ENTITY_BYTES} bytes")


def require_count(operations: int) -> None:
    """Validate the number of operations of a batch. Raises Rejected, with the number and the limit, above MAX_BATCH."""
    if operations > MAX_BATCH:
        raise Rejected(f"{operations} operations exceed the {MAX_BATCH} of a batch.", code="batch_too_large")


def require_batch_bytes(size: int) -> None:
    """Validate the size of a batch's request. Raises TooLarge, with the size and the limit, above MAX_BATCH_BYTES."""
    if size > MAX_BATCH_BYTES:
        raise TooLarge(
            f"a batch of {size} bytes exceeds the {MAX_BATCH_BYTES} of Table Storage; write fewer rows together.",
            code="batch_too_large",
        )


def require_keys(name: str, keys: Sequence[str]) -> None:
    """Validate keys. Raises the same errors as `require_key`, for the first invalid key."""
    # a character has at most four bytes in UTF-16, so the exact size matters only for long keys
    if _FORBIDDEN_IN_KEYS.search("".join(keys)) or 4 * max(map(len, keys)) > MAX_KEY_BYTES:
        for key in keys:
            require_key(name, key)


def require_key(name: str, key: str) -> int:
    """Return the size of a key in bytes.

    Raises:
        Rejected: if the key contains a forbidden character.
        TooLarge: if it exceeds MAX_KEY_BYTES.

    """
    if bad := _FORBIDDEN_IN_KEYS.search(key):
        raise Rejected(f"the {name} {key[:80]!r} contains {bad[0]!r}, which keys must not.", code="invalid_key")
    if (size := _text_bytes(key)) > MAX_KEY_BYTES:
        raise _too_large(f"a {name} of {size} bytes", f"{MAX_KEY_BYTES} bytes")
    return size


def _value_bytes(value: object) -> int:
    if isinstance(value, str):
        return _text_bytes(value)
    return len(value) if isinstance(value, bytes) else 8


def _text_bytes(text: str) -> int:
    return 2 * len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass"))


def _too_large(what: str, limit: str) -> TooLarge:
    return TooLarge(f"{what} exceeds the {limit} of Table Storage; store less in it.", code="entity_too_large")
