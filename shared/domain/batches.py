"""Cutting writes into batches that Table Storage takes whole."""

from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from shared.domain.decide import Write

#: Of the 100 entities of a batch, one is the fence and one the journal row.
#: Source: https://learn.microsoft.com/rest/api/storageservices/performing-entity-group-transactions
MAX_RECIPIENTS: Final = 98
#: Bytes of msgpack of the recipients and changes of one batch. The journal row holds as much again at worst and must
#: stay under 1 MiB; as JSON with every character escaped the batch grows to three times this, under its 4 MiB.
MAX_BYTES: Final = 700_000


def batches(writes: Iterable[Write]) -> Iterator[list[Write]]:
    """Yield the writes in order, in lists of at most MAX_RECIPIENTS writes and, unless it is one, MAX_BYTES bytes."""
    batch: list[Write] = []
    size = 0
    for write in writes:
        weight = len(msgspec.msgpack.encode((write.recipient, write.change)))
        if batch and (len(batch) == MAX_RECIPIENTS or size + weight > MAX_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(write)
        size += weight
    if batch:
        yield batch
