"""The operator's list of what went wrong."""

from datetime import timedelta

import msgspec

from shared.domain.ids import TenantId
from shared.domain.operations.operator_log import OperatorLogEntry
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
