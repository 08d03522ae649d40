"""Writes cut into what Table Storage takes whole."""

from shared.domain.batches import MAX_BYTES, MAX_RECIPIENTS, batches
from shared.domain.decide import Write, decide
from shared.domain.preferences import Preferences
from tests.builders import user, wanted


def writes(count: int, **fields: object) -> tuple[Write, ...]:
    """Return the writes that create this many people."""
    return decide(wanted(*(user(number, **fields) for number in range(count))), [], Preferences(), None).writes


def test_a_batch_leaves_room_for_journal_and_fence() -> None:
    """Exactly the limit is one batch; one more is two, and nobody is lost."""
    assert [len(batch) for batch in batches(writes(MAX_RECIPIENTS))] == [MAX_RECIPIENTS]
    assert [len(batch) for batch in batches(writes(MAX_RECIPIENTS + 1))] == [MAX_RECIPIENTS, 1]
    assert list(batches([])) == []


def test_people_with_huge_profiles_are_cut_by_bytes() -> None:
    """1,024 characters of four bytes in every field still fit."""
    huge = dict.fromkeys(("display_name", "given_name", "surname", "department", "job_title"), "\U0001f600" * 1024)
    cut = list(batches(writes(100, **huge)))
    assert sum(map(len, cut)) == 100
    assert 1 < len(cut) < 100
    assert MAX_BYTES * 3 < 4 * 2**20
