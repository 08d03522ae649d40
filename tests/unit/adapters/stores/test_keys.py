"""Keys keep tenants, kinds of rows and orders apart."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from shared.adapters.stores import keys
from shared.domain.directory import Source
from shared.domain.ids import ImportId, LocationId, RunId, TenantId, location_id, new_run_id, tenant_id
from shared.domain.imports.import_record import ImportRef
from tests.support.builders import person

SLUGS = st.from_regex(r"[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?", fullmatch=True)
RUN = new_run_id(1_000_000, 1)


@given(SLUGS, SLUGS, SLUGS)
def test_a_tenant_s_range_holds_its_partitions_and_no_other_s(one: str, other: str, place: str) -> None:
    """Whatever ids two tenants have, only the keys of the first lie in its range."""
    low, high = keys.tenant_range(tenant_id(one))
    for tenant in (one, other):
        for key in (
            keys.location(tenant_id(tenant), location_id(place)),
            keys.source(tenant_id(tenant), Source().id),
            keys.run(tenant_id(tenant), RUN),
        ):
            assert (low <= key < high) == (tenant == one)


@given(SLUGS, SLUGS, SLUGS, SLUGS)
def test_different_ids_make_different_keys(one: str, two: str, three: str, four: str) -> None:
    """Two pairs of tenant and location share a key only if they are the same."""
    first = keys.location(TenantId(one), LocationId(two))
    second = keys.location(TenantId(three), LocationId(four))
    assert (first == second) == ((one, two) == (three, four))


@given(st.integers(0, 10**8 - 1), st.integers(0, 10**8 - 1))
def test_a_journal_sorts_by_operation(one: int, other: int) -> None:
    """One attempt's journal rows sort as they were written, in their run's range, away from the recipients."""
    rows = [keys.journal(RUN, 7, "attempt", operation) for operation in (one, other)]
    assert (rows[0] < rows[1]) == (one < other)
    low, high = keys.journal_range(RUN)
    assert all(low <= row < high for row in rows)
    assert not any(keys.RECIPIENTS[0] <= row < keys.RECIPIENTS[1] for row in (*rows, keys.FENCE))


def test_further_parts_of_a_value_follow_it_at_once() -> None:
    """Between a result and its further parts no other result sorts, however similar its id."""
    result = keys.reconciled(LocationId("a"))
    parts = [result, *(keys.more(result, number) for number in (1, 2, 10, 99))]
    others = [keys.reconciled(LocationId(name)) for name in ("a-b", "a0", "aa", "b")]
    assert sorted([*others, *reversed(parts)])[: len(parts)] == parts
    low, high = keys.more_range(result)
    assert all(low <= row < high for row in parts)
    assert not any(low <= row < high for row in others)
    assert [keys.is_more(row) for row in (*parts, *others)] == [False] + [True] * 4 + [False] * 4


def test_sources_of_one_group_do_not_mix() -> None:
    """A group read with and without its nested groups is two sources, with results and checkpoints of their own."""
    group = person(1)
    nested, direct = Source(group=group).id, Source(group=group, transitive=False).id
    rows = [keys.fetched(nested), keys.fetched(direct), keys.checkpoint(nested), keys.checkpoint(direct)]
    assert len(set(rows)) == 4
    assert [keys.FETCHED[0] <= row < keys.FETCHED[1] for row in rows] == [True, True, False, False]


@given(SLUGS, SLUGS, SLUGS)
def test_the_files_of_a_location_lie_in_its_range_and_its_tenant_s(tenant: str, one: str, other: str) -> None:
    """However similar the location's id is to another's."""
    low, high = keys.upload_range(TenantId(tenant), LocationId(one))
    for place in (one, other):
        key = keys.upload(ImportRef(TenantId(tenant), LocationId(place), ImportId(RUN)))
        assert (low <= key < high) == (place == one)
        assert keys.tenant_range(TenantId(tenant))[0] <= key < keys.tenant_range(TenantId(tenant))[1]
        row = keys.imported(LocationId(place), ImportId(RUN))
        assert (keys.imported_range(LocationId(one))[0] <= row < keys.imported_range(LocationId(one))[1]) == (
            place == one
        )


def test_pieces_lie_with_their_part_and_attempt() -> None:
    """Those of part 1 are not those of part 10, and none is what names them."""
    low, high = keys.piece_range(1)
    mine = [keys.piece(1, attempt, index) for attempt in ("a", "b") for index in (0, 11)]
    assert all(low <= row < high for row in mine)
    assert sum(keys.piece_range(1, "a")[0] <= row < keys.piece_range(1, "a")[1] for row in mine) == 2
    assert not any(low <= row < high for row in (keys.piece(10, "a", 0), keys.part(1)))
    assert not any(keys.PARTS[0] <= row < keys.PARTS[1] for row in mine)


def test_any_text_can_name_a_ledger_entry() -> None:
    """An id that came from a queue becomes a key without reserved characters, the same each time."""
    text = "/\\#?\x00' 🧨:;!"
    name = keys.logged_id(text, "sync-requests")
    assert name == keys.logged_id(text, "sync-requests")
    assert name.replace("-", "").isalnum()
    others = {keys.logged_id(text, "fetch-jobs"), keys.logged_id("", "sync-requests"), keys.logged_id(text, text)}
    assert name not in others
    low, high = keys.logged_ids(text)
    assert [low <= one < high for one in (name, *sorted(others))].count(True) == 3


def test_log_entries_sort_newest_first() -> None:
    """The range of the entries before a time has all of them and no other."""
    name = keys.logged_id("a", "b")
    now = datetime(2026, 11, 30, tzinfo=UTC)
    older, newer = keys.logged(now - timedelta(milliseconds=1), name), keys.logged(now, name)
    low, high = keys.logged_before(now)
    assert (newer < older, low <= older < high, low <= newer < high) == (True, True, False)
    assert keys.logged_id_of(newer) == name


def test_runs_sort_newest_first() -> None:
    """Of two runs' partitions the newer one comes first."""
    newer, older = RunId(new_run_id(2_000_000, 0)), RunId(new_run_id(1_000_000, 0))
    assert keys.run(TenantId("t"), newer) < keys.run(TenantId("t"), older)
