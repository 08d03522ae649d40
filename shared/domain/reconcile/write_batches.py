"""Cutting writes into batches by the number that Table Storage takes; whether their bytes fit, the store knows."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Final

from shared.domain.reconcile.decide import Write

#: Of the 100 entities of a batch, one is the fence and one the journal row.
#: Source: https://learn.microsoft.com/rest/api/storageservices/performing-entity-group-transactions
MAX_RECIPIENTS: Final = 98


def batches(writes: Iterable[Write]) -> Iterator[list[Write]]:
    """Yield the writes in order, in lists of at most MAX_RECIPIENTS, and none before it is wanted."""
    left = iter(writes)
    while batch := list(islice(left, MAX_RECIPIENTS)):
        yield batch


class Batcher:
    """Fills batches, in the order in which writes come, with what comes in parts."""

    def __init__(self) -> None:
        self._batch: list[Write] = []

    def add(self, writes: Sequence[Write]) -> Iterator[list[Write]]:
        """Take writes; iterate over the batches that are full by then."""
        self._batch += writes
        while len(self._batch) >= MAX_RECIPIENTS:
            full, self._batch = self._batch[:MAX_RECIPIENTS], self._batch[MAX_RECIPIENTS:]
            yield full

    def rest(self) -> list[Write]:
        """Return what is left, which may be nothing."""
        batch, self._batch = self._batch, []
        return batch


#: A batch holds 100 entities: these, one journal row and the fence.
#: Source: https://learn.microsoft.com/rest/api/storageservices/performing-entity-group-transactions
MAX_BATCH_RECIPIENTS = 98
