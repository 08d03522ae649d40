"""The limits of Table Storage, held before anything is sent: the emulator does not know them, the service does.

Source: https://learn.microsoft.com/rest/api/storageservices/understanding-the-table-service-data-model
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from shared.errors import Rejected, TooLarge

#: Entities in one transaction, and bytes of its request.
#: Source: https://learn.microsoft.com/rest/api/storageservices/performing-entity-group-transactions
MAX_BATCH: Final = 100
MAX_BATCH_BYTES: Final = 4 * 1024 * 1024
#: Bytes of a key; text counts two bytes for each UTF-16 unit, here and below.
MAX_KEY_BYTES: Final = 1024
MAX_PROPERTY_BYTES: Final = 64 * 1024
MAX_ENTITY_BYTES: Final = 1024 * 1024
#: Properties beside the keys and the timestamp.
MAX_PROPERTIES: Final = 252

_FORBIDDEN_IN_KEYS: Final = re.compile(r"[/\\#?\x00-\x1f\x7f-\x9f]")
_KEYS: Final = ("PartitionKey", "RowKey")


def require_entity(entity: Mapping[str, Any]) -> None:
    """Hold if Table Storage takes the entity. Raises: TooLarge, with the size and the limit; Rejected for its keys."""
    size = 4
    for name in _KEYS:
        size += require_key(name, str(entity[name]))
    if len(entity) - len(_KEYS) > MAX_PROPERTIES:
        raise _too_large(f"a row of {len(entity) - len(_KEYS)} properties", f"{MAX_PROPERTIES} properties")
    for name, value in entity.items():
        if name in _KEYS:
            continue
        if (weight := _weight(value)) > MAX_PROPERTY_BYTES:
            raise _too_large(f"the property {name} of {weight} bytes", f"{MAX_PROPERTY_BYTES} bytes")
        size += 8 + 2 * len(name) + 4 + weight
    if size > MAX_ENTITY_BYTES:
        raise _too_large(f"a row of {size} bytes", f"{MAX_ENTITY_BYTES} bytes")


def require_count(operations: int) -> None:
    """Hold if Table Storage takes so many operations as one batch. Raises: Rejected, with the number and the limit."""
    if operations > MAX_BATCH:
        raise Rejected(f"{operations} operations exceed the {MAX_BATCH} of a batch.", code="batch_too_large")


def require_batch_bytes(size: int) -> None:
    """Hold if Table Storage takes a batch's request of this size. Raises: TooLarge, with the size and the limit."""
    if size > MAX_BATCH_BYTES:
        raise TooLarge(
            f"a batch of {size} bytes exceeds the {MAX_BATCH_BYTES} of Table Storage; write fewer rows at once.",
            code="batch_too_large",
        )


def require_keys(name: str, keys: Sequence[str]) -> None:
    """Hold if Table Storage takes each of these keys. Raises: as `require_key`, about the first that it does not."""
    # a character is at most four bytes of UTF-16: of keys as short as ours nothing needs to be counted
    if _FORBIDDEN_IN_KEYS.search("".join(keys)) or 4 * max(map(len, keys)) > MAX_KEY_BYTES:
        for key in keys:
            require_key(name, key)


def require_key(name: str, key: str) -> int:
    """Return the bytes of a key that Table Storage takes. Raises: Rejected, with what is wrong about it."""
    if bad := _FORBIDDEN_IN_KEYS.search(key):
        raise Rejected(f"the {name} {key[:80]!r} contains {bad[0]!r}, which keys must not.", code="invalid_key")
    if (size := _text_bytes(key)) > MAX_KEY_BYTES:
        raise _too_large(f"a {name} of {size} bytes", f"{MAX_KEY_BYTES} bytes")
    return size


def _weight(value: object) -> int:
    if isinstance(value, str):
        return _text_bytes(value)
    return len(value) if isinstance(value, bytes) else 8


def _text_bytes(text: str) -> int:
    return 2 * len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass"))


def _too_large(what: str, limit: str) -> TooLarge:
    return TooLarge(f"{what} exceeds the {limit} of Table Storage; store less in it.", code="entity_too_large")
