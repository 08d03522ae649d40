"""Hash ranges of recipient ids."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.ids import MAIN, recipient_id_of
from shared.domain.snapshots.partitions import MAX_PARTITIONS, partition_count, partition_of
from tests.support.builders import person

COUNTS = st.sampled_from([1 << power for power in range(13)])


@pytest.mark.parametrize(
    ("people", "count"),
    [(0, 1), (1, 1), (256, 1), (257, 2), (512, 2), (513, 4), (10_000, 64), (1_000_000, 4_096), (10**8, 4_096)],
)
def test_partitions_have_some_256_people(people: int, count: int) -> None:
    """Their number is a power of two, up to a limit."""
    assert partition_count(people) == count <= MAX_PARTITIONS


@pytest.mark.parametrize(("people", "count"), [(10_000, 64), (24_576, 64), (24_577, 128), (4_096, 64), (4_095, 16)])
def test_a_number_that_suits_is_kept(people: int, count: int) -> None:
    """So that a directory at a limit does not have another fingerprint after each listing."""
    assert partition_count(people, before=64) == count


@given(st.text(max_size=40), st.text(max_size=40), COUNTS)
def test_any_text_is_in_one_partition_in_the_order_of_texts(one: str, other: str, count: int) -> None:
    """Ids of imported recipients too."""
    low, high = sorted([one, other])
    assert 0 <= partition_of(low, count) <= partition_of(high, count) < count


@given(st.text(max_size=40), COUNTS, COUNTS)
def test_partitions_nest(name: str, one: int, other: int) -> None:
    """A partition of fewer is made of whole ones of more."""
    few, many = sorted([one, other])
    assert partition_of(name, many) // (many // few) == partition_of(name, few)


def test_people_are_spread_evenly() -> None:
    """None of 64 partitions of 10,000 people has more than half as many again as the average."""
    numbers = [partition_of(recipient_id_of(MAIN, person(number)), 64) for number in range(10_000)]
    assert 100 < min(map(numbers.count, range(64))) <= max(map(numbers.count, range(64))) < 234
