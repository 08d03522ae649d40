"""Writes cut into what Table Storage takes whole."""

from collections.abc import Iterator

import pytest

from shared.domain.preferences.preferences import Preferences
from shared.domain.reconcile.decide import decide
from shared.domain.reconcile.write import Write
from shared.domain.reconcile.write_batches import MAX_BATCH_RECIPIENTS, Batcher, batches
from tests.support.builders import desired, user


def writes(count: int) -> tuple[Write, ...]:
    """Return the writes that create this many people."""
    return decide(desired(*map(user, range(count))), [], Preferences(), None).writes


def test_a_batch_leaves_room_for_journal_and_fence() -> None:
    """Exactly the limit is one batch; one more is two, and nobody is lost."""
    assert [len(batch) for batch in batches(writes(MAX_BATCH_RECIPIENTS))] == [MAX_BATCH_RECIPIENTS]
    assert [len(batch) for batch in batches(writes(MAX_BATCH_RECIPIENTS + 1))] == [MAX_BATCH_RECIPIENTS, 1]
    assert list(batches([])) == []


def test_nobody_is_asked_for_before_they_are_wanted() -> None:
    """What decides while it is written is never ahead by more than a batch."""
    taken: list[Write] = []

    def decided() -> Iterator[Write]:
        for write in writes(3 * MAX_BATCH_RECIPIENTS):
            taken.append(write)
            yield write

    next(batches(decided()))
    assert len(taken) == MAX_BATCH_RECIPIENTS


@pytest.mark.parametrize("part", [1, 97, 98, 99, 500])
def test_parts_of_any_size_fill_batches(part: int) -> None:
    """Only the last batch is not full, and everybody is in one, in order."""
    everybody = writes(500)
    batcher = Batcher()
    cut = [batch for start in range(0, 500, part) for batch in batcher.add(everybody[start : start + part])]
    cut.append(batcher.rest())
    assert [len(batch) for batch in cut[:-1]] == [MAX_BATCH_RECIPIENTS] * 5
    assert [write for batch in cut for write in batch] == list(everybody)
