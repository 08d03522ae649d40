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


class Batcher:
    """Fills batches in the order in which writes come."""

    def __init__(self) -> None:
        self._batch: list[Write] = []
        self._size = 0

    def add(self, write: Write) -> list[Write]:
        """Take a write; return the batch that is full now, or nothing."""
        weight = len(msgspec.msgpack.encode((write.recipient, write.change)))
        full: list[Write] = []
        if self._batch and (len(self._batch) == MAX_RECIPIENTS or self._size + weight > MAX_BYTES):
            full = self.rest()
        self._batch.append(write)
        self._size += weight
        return full

    def rest(self) -> list[Write]:
        """Return what is left, which may be nothing."""
        batch, self._batch, self._size = self._batch, [], 0
        return batch


def batches(writes: Iterable[Write]) -> Iterator[list[Write]]:
    """Yield the writes in order, in lists of at most MAX_RECIPIENTS writes and, unless it is one, MAX_BYTES bytes."""
    batcher = Batcher()
    for write in writes:
        if full := batcher.add(write):
            yield full
    if rest := batcher.rest():
        yield rest
