"""What holds of the audit log in storage."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import msgspec
import pytest

from shared.adapters.stores import TableAuditStore, audit
from shared.adapters.stores.table_names import AUDIT
from shared.domain.ids import TenantId
from shared.domain.operations.audit import Action, AuditEntry, AuditOutcome, AuditPosition, Recorded, entry_id
from shared.domain.schema_version import READABLE
from shared.ports.operations import AuditStore
from tests.contracts.ports.stores.conftest import ON_TABLES, tables_of
from tests.support.fakes.table_service import MemoryTables

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
DONE = AuditOutcome(at=NOW, status=200, fields=("mode",), subject={"run": "r"})


@pytest.fixture(params=ON_TABLES)
async def store(request: pytest.FixtureRequest) -> AsyncIterator[AuditStore]:
    """The store on tables in memory or in Azurite."""
    async with tables_of(request) as tables:
        yield TableAuditStore(tables)


@pytest.fixture
def acme() -> TenantId:
    """A tenant of the test's own: Azurite is shared by the session."""
    return TenantId(f"t{uuid4().hex[:12]}")


def entry(minutes: float, number: int = 0, action: Action = Action.PREFERENCES_SAVED) -> AuditEntry:
    """Return an entry some minutes after NOW."""
    at = NOW + timedelta(minutes=minutes)
    return AuditEntry(
        id=entry_id(at, f"{number:016x}"), at=at, action=action.value, actor="api", entry_point="service_api"
    )


async def ids(store: AuditStore, tenant: TenantId, **scope: object) -> list[str]:
    """Return the ids of a tenant's entries in the order of the list."""
    return [recorded.entry.id async for recorded in store.list_entries(tenant, **scope)]  # type: ignore[arg-type]


async def test_entries_come_newest_first_with_their_outcomes(store: AuditStore, acme: TenantId) -> None:
    """The outcome adds what was created, and replaces the fields by those that changed."""
    first, second, third = entry(0), entry(1), entry(2)
    for one in (second, first, third):
        await store.insert(acme, one)
    await store.conclude(acme, second.id, DONE)
    found = [recorded async for recorded in store.list_entries(acme)]
    ended = msgspec.structs.replace(second, outcome=DONE, fields=("mode",), subject={"run": "r"})
    assert found == [Recorded(acme, third), Recorded(acme, ended), Recorded(acme, first)]
    position = AuditPosition(acme, second.id)
    assert await ids(store, acme, after=position) == [first.id]
    assert await ids(store, acme, since=NOW + timedelta(minutes=1)) == [third.id, second.id]
    assert await ids(store, acme, until=NOW + timedelta(minutes=1)) == [second.id, first.id]
    assert await ids(store, acme, newer_than=second.id) == [third.id]


async def test_an_entry_is_stored_once_and_never_replaced(store: AuditStore, acme: TenantId) -> None:
    """A repeated insert, as after a lost answer, changes nothing, and another value under the id does not either."""
    await store.insert(acme, entry(0))
    await store.insert(acme, msgspec.structs.replace(entry(0), actor="another"))
    await store.conclude(acme, entry(0).id, DONE)
    await store.conclude(acme, entry(0).id, msgspec.structs.replace(DONE, status=500))
    (recorded,) = [recorded async for recorded in store.list_entries(acme)]
    assert (recorded.entry.actor, recorded.entry.outcome) == ("api", DONE)


async def test_the_outcome_of_an_entry_that_cannot_be_read_is_that_of_no_other(acme: TenantId) -> None:
    """The entry before it, whose outcome was not stored, does not get it."""
    tables = MemoryTables()
    store = TableAuditStore(tables)
    for one in (entry(0), entry(1)):
        await store.insert(acme, one)
    damaged = {"PartitionKey": acme, "RowKey": entry(0).id, "action": "x", "schema": READABLE + 1, "p00": b""}
    await tables.put(AUDIT, damaged)
    await store.conclude(acme, entry(0).id, DONE)
    assert [recorded async for recorded in store.list_entries(acme)] == [Recorded(acme, entry(1))]


async def test_a_position_of_another_tenant_does_not_lead_there(store: AuditStore, acme: TenantId) -> None:
    """A forged position is one in the tenant's own list."""
    other = TenantId(f"{acme}-2")
    await store.insert(other, entry(0))
    assert await ids(store, acme, after=AuditPosition(other, entry(5).id)) == []


async def test_the_lists_of_all_tenants_follow_one_another(store: AuditStore, acme: TenantId) -> None:
    """The operator's own entries come first; each entry comes once, whatever the position."""
    other = TenantId(f"{acme}-2")
    for tenant in (None, acme, other):
        for minutes in range(2):
            await store.insert(tenant, entry(minutes, int(acme[1:], 16)))
            await store.conclude(tenant, entry(minutes, int(acme[1:], 16)).id, DONE)
    mine = [entry(minutes, int(acme[1:], 16)).id for minutes in (1, 0)]
    everything = [recorded async for recorded in store.list_entries() if recorded.entry.id in mine]
    expected = [(tenant, name) for tenant in (None, acme, other) for name in mine]
    assert [(recorded.tenant, recorded.entry.id) for recorded in everything] == expected
    for number, recorded in enumerate(everything):
        after = AuditPosition(recorded.tenant or "", recorded.entry.id)
        rest = [found async for found in store.list_entries(after=after) if found.entry.id in mine]
        assert rest == everything[number + 1 :]


async def test_a_deletion_counts_unless_it_was_refused(store: AuditStore, acme: TenantId) -> None:
    """One whose outcome is not known counts, and one that failed, which the watchdog may have completed."""
    assert await store.last_deletion(acme) is None
    for minutes in range(3):
        await store.insert_deletion(acme, entry(minutes).id)
        await store.insert(acme, entry(minutes, action=Action.TENANT_DELETED))
    assert await store.last_deletion(acme) == entry(2).id
    await store.conclude(acme, entry(2).id, AuditOutcome(at=NOW, status=412, code="changed_meanwhile"))
    assert await store.last_deletion(acme) == entry(1).id
    await store.conclude(acme, entry(1).id, AuditOutcome(at=NOW, status=503, code="storage_busy"))
    assert await store.last_deletion(acme) == entry(1).id


async def test_sweeping_deletes_what_is_old_in_bounded_steps(
    store: AuditStore, acme: TenantId, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However small the steps, all that is old goes, and nothing else."""
    monkeypatch.setattr(audit, "_SWEPT_ROWS", 3)
    monkeypatch.setattr(audit, "_SWEPT_PARTITIONS", 2)
    tenants = [TenantId(f"{acme}-{number}") for number in range(3)]
    for tenant in tenants:
        for minutes in range(-4, 2):
            await store.insert(tenant, entry(minutes))
            await store.conclude(tenant, entry(minutes).id, DONE)
        await store.insert_deletion(tenant, entry(-4).id)
    after: str | None = ""
    steps = 0
    while after is not None:
        after = await store.sweep(NOW - timedelta(seconds=1), after)
        steps += 1
    assert steps > len(tenants)
    for tenant in tenants:
        assert await ids(store, tenant) == [entry(1).id, entry(0).id]
        assert await store.last_deletion(tenant) is None
