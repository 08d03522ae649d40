"""The documented sizes. They are enforced only on request, because checking every property takes time.

Source: https://learn.microsoft.com/rest/api/storageservices/understanding-the-table-service-data-model
"""

from base64 import b64decode
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from tests.support.table_service.faults import Refusal, bad_request, too_large
from tests.support.table_service.partitions import FailedOperation, Operation

MAX_BODY_BYTES: Final = 4 * 1024 * 1024
MAX_PROPERTIES: Final = 252
MAX_PROPERTY_BYTES: Final = 64 * 1024
MAX_ROW_BYTES: Final = 1024 * 1024
MAX_KEY_BYTES: Final = 1024
_FORBIDDEN: Final = frozenset("/\\#?") | {chr(code) for code in (*range(0x20), *range(0x7F, 0xA0))}
_SUFFIX: Final = "@odata.type"
_KEYS: Final = frozenset({"PartitionKey", "RowKey", "Timestamp"})


def require(operations: Sequence[Operation]) -> None:
    """Check that every operation respects the limits. Raises FailedOperation otherwise."""
    for index, operation in enumerate(operations):
        try:
            _require(operation)
        except Refusal as refusal:
            raise FailedOperation(index, refusal) from refusal


def _require(operation: Operation) -> None:
    for key in (operation.partition, operation.row):
        if _FORBIDDEN & set(key):
            raise bad_request("OutOfRangeInput", "a key has a character that keys must not have")
        if _text_bytes(key) > MAX_KEY_BYTES:
            raise bad_request("KeyValueTooLarge")
    if not operation.body:
        return
    row: dict[str, Any] = msgspec.json.decode(operation.body)
    names = [name for name in row if name not in _KEYS and not name.endswith(_SUFFIX) and row[name] is not None]
    if len(names) > MAX_PROPERTIES:
        raise bad_request("TooManyProperties")
    size = 4 + _text_bytes(operation.partition) + _text_bytes(operation.row)
    for name in names:
        weight = _weight(row[name], row.get(name + _SUFFIX))
        if weight > MAX_PROPERTY_BYTES:
            raise bad_request("PropertyValueTooLarge")
        size += 8 + 2 * len(name) + 4 + weight
    if size > MAX_ROW_BYTES:
        raise bad_request("EntityTooLarge")


def require_body(size: int) -> None:
    """Check the size of a request body. Raises Refusal if it is too large."""
    if size > MAX_BODY_BYTES:
        raise too_large()


def _weight(value: object, kind: str | None) -> int:
    if kind == "Edm.Binary":
        return len(b64decode(str(value)))
    return _text_bytes(value) if isinstance(value, str) and kind is None else 8


def _text_bytes(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass"))
