"""A write whose answer is lost, in the Table client: what is taken for its own, and what for a lost race."""

import pytest

from shared.errors import ETagConflict
from tests.support.fakes.lossy_tables import LossyTables

TABLE = "Rows"
ROW = {"PartitionKey": "p", "RowKey": "r"}


async def _write(tables: LossyTables, value: str) -> str:
    """Let another writer replace the row."""
    stored = await tables.get(TABLE, "p", "r")
    return await tables.replace(TABLE, {**ROW, "value": value}, stored.metadata["etag"])  # type: ignore[attr-defined]


async def _read(tables: LossyTables) -> tuple[str, str]:
    stored = await tables.get(TABLE, "p", "r")
    return stored["value"], stored.metadata["etag"]  # type: ignore[attr-defined]


@pytest.mark.parametrize("existing", [False, True], ids=["insert", "replace"])
async def test_a_lost_answer_is_a_success(*, existing: bool) -> None:
    """The write is sent again and refused; the version that is returned is the stored one."""
    tables, etag = LossyTables(), None
    if existing:
        etag = await tables.replace(TABLE, {**ROW, "value": "old"}, None)
    tables.lose(0)
    etag = await tables.replace(TABLE, {**ROW, "value": "new"}, etag)
    assert tables.writes > 0
    assert await _read(tables) == ("new", etag)
    await tables.replace(TABLE, {**ROW, "value": "newer"}, etag)


async def test_a_lost_answer_of_a_merge_is_a_success() -> None:
    """The other columns stay."""
    tables = LossyTables()
    etag = await tables.replace(TABLE, {**ROW, "value": "old"}, None)
    tables.lose(0)
    etag = await tables.merge(TABLE, {**ROW, "other": 1}, etag)
    assert await _read(tables) == ("old", etag)
    assert (await tables.get(TABLE, "p", "r"))["other"] == 1


@pytest.mark.parametrize(("others", "found"), [(1, True), (7, True), (8, False)])
async def test_later_writers_do_not_hide_a_write(others: int, found: bool) -> None:  # noqa: FBT001 - a parameter
    """Up to seven of them; what is written next under the returned version is a conflict, because they came later."""
    tables = LossyTables()
    etag = await tables.replace(TABLE, {**ROW, "value": "old"}, None)

    async def others_write() -> None:
        for number in range(others):
            await _write(tables, f"other {number}")

    tables.lose(0, others_write)
    if not found:
        with pytest.raises(ETagConflict):
            await tables.replace(TABLE, {**ROW, "value": "own"}, etag)
        return
    etag = await tables.replace(TABLE, {**ROW, "value": "own"}, etag)
    with pytest.raises(ETagConflict):
        await tables.replace(TABLE, {**ROW, "value": "own again"}, etag)
    assert (await _read(tables))[0] == f"other {others - 1}"


async def test_a_lost_race_stays_one() -> None:
    """A write under an outdated version, and one of a row that was deleted, was never applied."""
    tables = LossyTables()
    etag = await tables.replace(TABLE, {**ROW, "value": "old"}, None)
    await _write(tables, "other")
    with pytest.raises(ETagConflict):
        await tables.replace(TABLE, {**ROW, "value": "own"}, etag)
    with pytest.raises(ETagConflict):
        await tables.replace(TABLE, {**ROW, "value": "own"}, None)
    assert (await _read(tables))[0] == "other"
    etag = (await _read(tables))[1]
    await tables.delete(TABLE, "p", "r")
    with pytest.raises(ETagConflict):
        await tables.replace(TABLE, {**ROW, "value": "own"}, etag)


async def test_a_deletion_whose_answer_is_lost_is_done() -> None:
    """The second attempt finds nothing to delete."""
    tables = LossyTables()
    etag = await tables.replace(TABLE, {**ROW, "value": "old"}, None)
    tables.lose(0)
    await tables.delete(TABLE, "p", "r", etag)
    assert await tables.find(TABLE, "p", "r") is None
