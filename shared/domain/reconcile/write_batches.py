"""Divides writes into batches by the maximum number of entities. The store verifies their size in bytes."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Final

from shared.domain.reconcile.write import Write

#: Maximum number of recipients in a batch: of its 100 entities, one is the fence and one the journal.
#: Source: https://learn.microsoft.com/rest/api/storageservices/performing-entity-group-transactions
MAX_BATCH_RECIPIENTS: Final = 98


def batches(writes: Iterable[Write]) -> Iterator[list[Write]]:
    """Yield the writes in order, lazily, in lists of at most MAX_BATCH_RECIPIENTS."""
    remaining = iter(writes)
    while batch := list(islice(remaining, MAX_BATCH_RECIPIENTS)):
        yield batch


class Batcher:
    """Collects writes that arrive in parts into full batches, in the order of arrival."""

    def __init__(self) -> None:
        self._batch: list[Write] = []

    def add(self, writes: Sequence[Write]) -> Iterator[list[Write]]:
        """Add writes and iterate over the batches that are now full."""
        self._batch += writes
        while len(self._batch) >= MAX_BATCH_RECIPIENTS:
            full, self._batch = self._batch[:MAX_BATCH_RECIPIENTS], self._batch[MAX_BATCH_RECIPIENTS:]
            yield full

    def rest(self) -> list[Write]:
        """Return the last, incomplete batch, which may be empty."""
        batch, self._batch = self._batch, []
        return batch
