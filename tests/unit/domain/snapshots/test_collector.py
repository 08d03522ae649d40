"""What a directory reports, kept in order for each person."""

from hypothesis import given
from hypothesis import strategies as st

from shared.domain.directory import DirectoryUser, InactiveReason, Source
from shared.domain.ids import ObjectId
from shared.domain.snapshots import collector
from shared.domain.snapshots.collector import Collector
from shared.domain.snapshots.delta import Item, item_of, merge
from tests.support.builders import desired, person, user

SOURCE = Source().id
COUNTS = st.sampled_from([1, 8, 4_096])
ITEMS = st.lists(
    st.one_of(
        st.builds(user, st.integers(0, 4), department=st.sampled_from(["A", "B", None])),
        st.integers(0, 4).map(person),
        st.builds(
            lambda number, fields: item_of((person(number), {"user_principal_name": "x", **fields})),
            st.integers(0, 4),
            st.dictionaries(st.sampled_from(["mail", "department"]), st.sampled_from([None, "C"])),
        ),
    )
)


def merged(collected: Collector, count: int) -> dict[ObjectId, DirectoryUser]:
    """Return what all partitions come to."""
    users: dict[ObjectId, DirectoryUser] = {}
    for number in collected.partitions(count):
        merge(users, collected.take(number, count))
    return dict(users)


@given(ITEMS, ITEMS, COUNTS)
def test_items_are_merged_in_order(first: list[Item], second: list[Item], count: int) -> None:
    """Of one person, whether they were in one job or in two, and however they are cut into partitions."""
    expected: dict[ObjectId, DirectoryUser] = {}
    merge(expected, [*first, *second])
    alone, early, late, both = Collector(SOURCE), Collector(SOURCE), Collector(SOURCE), Collector(SOURCE)
    alone.add(first)
    alone.add(second)
    early.add(first)
    late.add(second)
    for segment in [*early.segments(), *late.segments()]:
        both.load(segment)
    assert both.items == alone.items == len(first) + len(second)
    assert merged(alone, count) == merged(both, count) == expected


def test_a_change_keeps_what_it_does_not_mention() -> None:
    """Of several changes, the last value of a field counts; texts, flags, lists and reasons come back as they were."""
    collected = Collector(SOURCE)
    collected.add([user(1, department="IT", aliases=("a@x", "b@x"))])
    collected.add([item_of((person(1), {"mail": None, "guest": True})), item_of((person(1), {"mail": "new@x"}))])
    collected.add([item_of((person(1), {"inactive": InactiveReason.DISABLED, "aliases": ("c@x",)}))])
    after: dict[ObjectId, DirectoryUser] = {}
    merge(after, collected.take(0, 1))
    expected = user(1, department="IT", aliases=("c@x",), mail="new@x", guest=True, inactive=InactiveReason.DISABLED)
    assert after == desired(expected)
    assert collected.partitions(1) == []
    assert not collected.is_whole


def test_items_that_are_kept() -> None:
    """They can be taken again; without being kept, they are gone."""
    collected = Collector(SOURCE)
    collected.add([user(number) for number in range(10)])
    kept = collected.take(0, 1, keep=True)
    assert collected.is_whole
    assert collected.take(0, 1) == kept
    assert not collected.is_whole


def test_segments_are_smaller_than_a_row() -> None:
    """However many people there are."""
    collected = Collector(SOURCE)
    collected.add(user(number, department=str(number * 7919)) for number in range(30_000))
    segments = list(collected.segments())
    assert len(segments) > 1
    assert all(len(segment) < 704 * 1024 for segment in segments)
    assert collector.SEGMENT_BYTES < 704 * 1024
