"""The operator's list of what went wrong."""

from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from hashlib import sha256
from typing import Any

import msgspec
import pytest

from shared.adapters.stores import TableOperatorLog
from shared.adapters.stores.ledger_rows import PARTITION, row_of
from shared.adapters.stores.table_names import LEDGER
from shared.domain.ids import TenantId
from shared.domain.operations.operator_log import OperatorLogEntry
from shared.errors import Transient
from shared.workflows.pagination import page
from tests.support.fakes.table_service import MemoryTables
from tests.support.samples import NOW, RUN, Stores


def entry(tenant: TenantId | None, name: str, minutes: int = 0, detail: str = "wrong") -> OperatorLogEntry:
    """Return an entry."""
    return OperatorLogEntry(
        id=name,
        at=NOW + timedelta(minutes=minutes),
        queue="sync-requests",
        code="malformed_message",
        detail=detail,
        body="{'/\\#? 🧨",
        tenant=tenant,
        run=None if tenant is None else RUN,
    )


async def found(stores: Stores, tenant: TenantId) -> list[OperatorLogEntry]:
    """Return the entries that this test made."""
    return [entry async for entry in stores.operator_log.list_entries() if tenant in entry.id]


async def test_entries_come_newest_first(stores: Stores, tenant: TenantId) -> None:
    """Entries come newest first, whatever text a queue gave as their id."""
    names = [f"{tenant}/\\#?' {number}" for number in range(3)]
    for minutes, name in enumerate(names):
        await stores.operator_log.record(entry(tenant, name, minutes))
    assert await found(stores, tenant) == [entry(tenant, names[each], each) for each in (2, 1, 0)]


async def test_an_entry_is_recorded_once(stores: Stores, tenant: TenantId) -> None:
    """The same id recorded again changes nothing."""
    await stores.operator_log.record(entry(tenant, f"{tenant}-a", detail="first"))
    await stores.operator_log.record(entry(tenant, f"{tenant}-a", minutes=5, detail="second"))
    assert [each.detail for each in await found(stores, tenant)] == ["first"]


async def test_erasing_leaves_the_entries_of_others(stores: Stores, tenant: TenantId) -> None:
    """A tenant's entries go; those of a tenant with a similar id, and of nobody, stay."""
    neighbour = TenantId(f"{tenant}-2")
    for number, whose in enumerate((tenant, neighbour, None)):
        await stores.operator_log.record(entry(whose, f"{tenant}-{number}", number))
    await stores.operator_log.delete_all(tenant)
    assert [each.tenant for each in await found(stores, tenant)] == [None, neighbour]


async def test_the_longest_message_fits(stores: Stores, tenant: TenantId) -> None:
    """A message of 64 KiB of emoji is kept whole."""
    long = entry(tenant, f"{tenant}-long", detail="🧨" * 16_384)
    await stores.operator_log.record(long)
    assert await found(stores, tenant) == [long]


async def test_what_nobody_could_read_is_erased_with_the_tenant_it_names(stores: Stores, tenant: TenantId) -> None:
    """Whole ids only: a tenant whose id begins or ends alike keeps its own."""
    bodies = {"own": f'{{"tenant": "{tenant}", "mode": 1}}', "next": f"{tenant}-2", "third": f"x-{tenant}"}
    for name, body in bodies.items():
        unread = msgspec.structs.replace(entry(None, f"{tenant}-{name}"), body=body)
        await stores.operator_log.record(unread)
    await stores.operator_log.delete_all(tenant)
    assert {each.body for each in await found(stores, tenant)} == {bodies["next"], bodies["third"]}


async def test_a_page_begins_after_the_last_entry_of_the_one_before(stores: Stores, tenant: TenantId) -> None:
    """Also among entries of one moment, and if that entry has been discarded since."""
    entries = [entry(tenant, f"{tenant}-{number}", number // 3) for number in range(7)]
    for each in entries:
        await stores.operator_log.record(each)
    everything = await found(stores, tenant)
    assert sorted(each.at for each in everything) == [each.at for each in reversed(everything)]
    for number, last in enumerate(everything):
        (stored,) = await stores.operator_log.list_by_id(last.id)
        await stores.operator_log.delete(stored.value, stored.etag)
        rest = [each async for each in stores.operator_log.list_entries(last.position) if tenant in each.id]
        assert rest == everything[number + 1 :]
    assert await stores.operator_log.list_by_id(entries[0].id) == []


async def test_old_entries_are_purged_in_steps(stores: Stores, tenant: TenantId) -> None:
    """Those before a time, and as many as are asked for; one that was purged can be recorded again."""
    old = [entry(tenant, f"{tenant}-{number}", number - 60 * 24 * 365) for number in range(5)]
    for each in [*old, entry(tenant, f"{tenant}-new")]:
        await stores.operator_log.record(each)
    before = NOW - timedelta(days=364)
    while await stores.operator_log.purge(before, 2) == 2:
        pass
    assert [each.id for each in await found(stores, tenant)] == [f"{tenant}-new"]
    assert await stores.operator_log.list_by_id(old[0].id) == []
    await stores.operator_log.record(old[0])
    assert await found(stores, tenant) == [entry(tenant, f"{tenant}-new"), old[0]]


async def test_dead_letters_are_counted_by_tenant(stores: Stores, tenant: TenantId) -> None:
    """Events are not dead letters, and a message that names no tenant is not counted."""
    neighbour = TenantId(f"{tenant}-2")
    for number, whose in enumerate((tenant, tenant, neighbour, None)):
        await stores.operator_log.record(entry(whose, f"{tenant}-{number}", number))
    event = msgspec.structs.replace(entry(tenant, f"{tenant}-event"), queue="connection")
    await stores.operator_log.record(event)
    counts = await stores.operator_log.count_dead_letters()
    assert {name: number for name, number in counts.items() if name in {tenant, neighbour}} == {tenant: 2, neighbour: 1}


async def test_entries_of_an_earlier_version_are_listed_and_can_be_discarded() -> None:
    """Their keys did not sort by time. They are stored under keys that do when the log is read first."""
    tables = MemoryTables()
    log = TableOperatorLog(tables)
    names = ["a", "b", "c"]
    for minutes, name in enumerate(names):
        old = entry(TenantId("acme"), name, minutes)
        row = row_of(old) | {"RowKey": sha256(f"{old.queue} {old.id}".encode()).hexdigest()}
        await tables.insert(LEDGER, row)
    assert [each.id async for each in log.list_entries()] == ["c", "b", "a"]
    (stored,) = await log.list_by_id("b")
    await log.delete(stored.value, stored.etag)
    assert [each.id async for each in log.list_entries()] == ["c", "a"]
    assert await log.delete_all(TenantId("acme")) == 2
    assert [row async for row in tables.query(LEDGER)] == []


async def test_a_crash_between_the_rows_of_an_entry_is_made_up_for() -> None:
    """The id was stored and the entry was not: the message comes again, and its entry is found and listed once."""
    tables = MemoryTables()
    log, insert = TableOperatorLog(tables), tables.insert
    first, again = entry(None, "a", detail="first"), entry(None, "a", minutes=5, detail="second")

    async def dies(table: str, row: Mapping[str, Any]) -> str:
        if row["PartitionKey"] == PARTITION:
            raise Transient("the process dies", code="storage_unreachable")
        return await insert(table, row)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tables, "insert", dies)
        with pytest.raises(Transient):
            await log.record(first)
    assert [each async for each in log.list_entries()] == []
    for _ in range(2):
        await log.record(again)
    assert [(each.at, each.detail) async for each in log.list_entries()] == [(first.at, "second")]
    (stored,) = await log.list_by_id("a")
    await log.delete(stored.value, stored.etag)
    assert [row async for row in tables.query(LEDGER)] == []


async def test_a_page_reads_only_the_rows_that_it_shows() -> None:
    """Entries are decoded one by one as they are used, and the listing ends with the page."""
    tables = MemoryTables()
    log = TableOperatorLog(tables)
    for number in range(50):
        await log.record(entry(None, f"{number}", number))
    read: list[str] = []
    query = tables.query

    async def noted(table: str, **words: Any) -> AsyncIterator[Any]:  # noqa: ANN401 - as the client's
        async for row in query(table, **words):
            read.append(row["RowKey"])
            yield row

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tables, "query", noted)
        shown, end = await page(log.list_entries(), 10, lambda found: found.position)
        assert len(read) == 11
        more, _ = await page(log.list_entries(end), 10, lambda found: found.position)
    assert [each.id for each in (*shown, *more)] == [f"{number}" for number in range(49, 29, -1)]
    assert len(read) == 22
