"""Versions of rows: the ETag, and the ids of the last operations, which tell an own write from a lost race.

A write whose answer is lost is sent again, and the second attempt finds what the first one wrote: it fails although
the write was applied. A row that is written conditionally therefore has the ids of the operations that wrote it last.
docs/decisions/0026-find-lost-answers-by-operation-ids.md explains why.
"""

from collections.abc import Mapping
from secrets import token_hex
from typing import Any, Final

#: Column with the ids of the last operations, newest first, separated by commas.
OPERATIONS: Final = "operations"
#: Number of operations that a row names. As many writers can change it before the answer of the first one is missed.
_KEPT: Final = 8
#: Size of an operation's id, in bytes.
_ID_BYTES: Final = 6
#: An ETag that is never that of a row.
_REPLACED: Final = "W/\"datetime'2000-01-01T00%3A00%3A00.0000000Z'\""


def version_of(etag: str, operations: str | None) -> str:
    """Return the version of a row from its ETag and its column `operations`."""
    return f"{etag} {operations}" if operations else etag


def etag_of(version: str) -> str:
    """Return the ETag in a version."""
    return version.partition(" ")[0]


def stamped(entity: Mapping[str, Any], version: str | None) -> dict[str, Any]:
    """Return the entity with the id of a new operation, before those of the version that it replaces."""
    _, _, earlier = (version or "").partition(" ")
    kept = earlier.split(",")[: _KEPT - 1] if earlier else []
    return {**entity, OPERATIONS: ",".join([token_hex(_ID_BYTES), *kept])}


def applied(sent: Mapping[str, Any], stored: str) -> str | None:
    """Return the version that a `stamped` entity was given, or None if the stored version does not name its operation.

    If other operations have replaced that version since, the returned one is that of no row: a write that depends on
    it is a conflict.
    """
    operations: str = sent[OPERATIONS]
    own, (_, _, found) = operations.partition(",")[0], stored.partition(" ")
    if own not in found.split(","):
        return None
    return stored if found == operations else version_of(_REPLACED, operations)
