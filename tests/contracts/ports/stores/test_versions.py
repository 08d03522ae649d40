"""What holds of any TenantStore when a write names the version that it replaces."""

from collections.abc import Awaitable, Callable, Mapping

import msgspec
import pytest

from shared.domain.access.callers import Admins
from shared.domain.access.tenants import TenantSummary
from shared.domain.connections.connection import Connection, SecretReference, SsoApplication
from shared.domain.ids import LocationId, RunId
from shared.domain.operations.operator_log import OperatorLogEntry, Replay
from shared.domain.optimistic_locking import Expected, Part
from shared.domain.preferences.group_mapping import GroupMapping
from shared.domain.preferences.preferences import Mode, Preferences
from shared.domain.run import Run, RunMode, RunState, Summary, TenantState
from shared.errors import Conflict, NotFound
from tests.contracts.ports.stores.conftest import Stores
from tests.support.builders import person
from tests.support.fakes import entra_connection

DESK = LocationId("desk")
CONNECTION = entra_connection(person(1), person(2), person(3), secrets=SecretReference(name="tenant-acme", version="1"))
Put = Callable[[Expected | None], Awaitable[str | None]]


def _puts(stores: Stores) -> dict[Part, Put]:
    """Return a write of each part of the configuration."""
    tenants, acme = stores.tenants, stores.acme
    return {
        Part.TENANT: lambda expected: tenants.put(TenantSummary(id=acme, name="Acme"), expected),
        Part.ADMINS: lambda expected: stores.settings.put_admins(acme, Admins(), expected),
        Part.SSO: lambda expected: stores.settings.put_sso(acme, SsoApplication(client_id=person(4)), expected),
        Part.PREFERENCES: lambda expected: stores.settings.put_preferences(acme, Preferences(mode=Mode.FULL), expected),
        Part.CONNECTION: lambda expected: stores.connections.put(acme, CONNECTION, expected),
    }


_KINDS: Mapping[Part, type] = {
    Part.TENANT: TenantSummary,
    Part.ADMINS: Admins,
    Part.SSO: SsoApplication,
    Part.PREFERENCES: Preferences,
    Part.CONNECTION: Connection,
}


@pytest.mark.parametrize("part", list(Part))
async def test_of_two_who_saw_one_version_one_writes(stores: Stores, part: Part) -> None:
    """Also at the very first write; each write answers the ETag under which it is found; unconditional ones always."""
    put, kind = _puts(stores)[part], _KINDS[part]
    assert await stores.tenants.find_version(stores.acme, part) is None
    assert await stores.tenants.find_part(stores.acme, part, kind) == (None, None)
    first = await put(Expected(None))
    assert first == await stores.tenants.find_version(stores.acme, part)
    value, etag = await stores.tenants.find_part(stores.acme, part, kind)
    assert (type(value), etag) == (kind, first)
    with pytest.raises(Conflict):
        await put(Expected(None))
    second = await put(Expected(first))
    assert second == await stores.tenants.find_version(stores.acme, part) != first
    with pytest.raises(Conflict):
        await put(Expected(first))
    assert await stores.tenants.find_version(stores.acme, part) == second
    third = await put(None)
    assert third == await stores.tenants.find_version(stores.acme, part) != second


async def test_what_changed_meanwhile_is_not_erased(stores: Stores) -> None:
    """A connection and a sign-in application go only in the version that was seen."""
    acme = stores.acme
    old = Expected(await stores.connections.put(acme, CONNECTION))
    new = Expected(await stores.connections.put(acme, CONNECTION))
    with pytest.raises(Conflict):
        await stores.connections.delete(acme, old)
    assert await stores.connections.find(acme) == CONNECTION
    await stores.connections.delete(acme, new)
    assert await stores.connections.find(acme) is None
    with pytest.raises(Conflict):
        await stores.connections.put(acme, CONNECTION, new)
    old = Expected(await stores.settings.put_sso(acme, SsoApplication(client_id=person(4))))
    await stores.settings.put_sso(acme, SsoApplication(client_id=person(5)))
    with pytest.raises(Conflict):
        await stores.settings.delete_sso(acme, old)
    assert await stores.settings.find_sso(acme) == SsoApplication(client_id=person(5))


async def test_name_and_mapping_of_a_location_are_one_version(stores: Stores) -> None:
    """Whichever of them is written, the other stays, and who saw the location before is refused."""
    acme = stores.acme
    group = GroupMapping(id=person(1))
    assert await stores.settings.find_location(acme, DESK) == (None, None)
    with pytest.raises(Conflict):
        await stores.settings.put_mapping(acme, DESK, [group], Expected(None))
    with pytest.raises(NotFound):
        await stores.settings.put_mapping(acme, DESK, [group])
    first = await stores.settings.put_location(acme, DESK, "Desk", Expected(None))
    with pytest.raises(Conflict):
        await stores.settings.put_location(acme, DESK, "Other", Expected(None))
    second = await stores.settings.put_mapping(acme, DESK, [group], Expected(first))
    with pytest.raises(Conflict):
        await stores.settings.put_location(acme, DESK, "Other", Expected(first))
    with pytest.raises(Conflict):
        await stores.settings.put_mapping(acme, DESK, [], Expected(first))
    third = await stores.settings.put_location(acme, DESK, "Front desk", Expected(second))
    location, etag = await stores.settings.find_location(acme, DESK)
    assert location is not None
    assert (location.name, location.groups, etag) == ("Front desk", (group,), third)
    await stores.settings.delete_location(acme, DESK)
    with pytest.raises(Conflict):
        await stores.settings.put_location(acme, DESK, "Again", Expected(third))
    assert await stores.settings.find_location(acme, DESK) == (None, None)


async def test_lists_go_on_behind_a_place(stores: Stores) -> None:
    """Tenants behind an id, of which another one may be the beginning; the summaries of those that have a state."""
    tenants = stores.tenants
    mine = [stores.acme, stores.acme_2]
    for tenant in mine:
        await tenants.put(TenantSummary(id=tenant, name=tenant))
    assert [tenant.id async for tenant in stores.tenants.list_tenants() if tenant.id in mine] == mine
    assert [tenant.id async for tenant in stores.tenants.list_tenants(stores.acme) if tenant.id in mine] == mine[1:]
    assert [tenant.id async for tenant in stores.tenants.list_tenants(stores.acme_2) if tenant.id in mine] == []
    run, now = RunId("8204576261968-0000000a"), CONNECTION.connected_at
    summary = Summary(run=run, state=RunState.HELD, finished_at=now, success_at=now, held=run, recipients=7)
    etag = await stores.sync_states.replace(stores.acme, TenantState(summary=summary), None)
    assert [summary async for summary in stores.sync_states.list_summaries() if summary[0] in mine] == [
        (stores.acme, summary)
    ]
    await stores.sync_states.replace(stores.acme, TenantState(), etag)
    assert [summary async for summary in stores.sync_states.list_summaries() if summary[0] in mine] == [
        (stores.acme, Summary())
    ]


async def test_the_history_goes_on_behind_a_run(stores: Stores) -> None:
    """Newest first, and each run once."""
    ids = [RunId(f"820457626196{number}-0000000a") for number in range(3)]
    for run in ids:
        await stores.runs.insert(
            Run(
                id=run,
                tenant=stores.acme,
                mode=RunMode.FULL,
                state=RunState.DONE,
                requested_at=CONNECTION.connected_at,
                requested_by="api",
            )
        )
    assert [run.id async for run in stores.runs.list_runs(stores.acme)] == ids
    assert [run.id async for run in stores.runs.list_runs(stores.acme, after=ids[0])] == ids[1:]
    assert [run.id async for run in stores.runs.list_runs(stores.acme, after=ids[2])] == []


async def test_an_entry_of_the_ledger_is_decided_on_by_one_of_two(stores: Stores) -> None:
    """Found by its id, replaced and deleted in the version that was seen."""
    entry = OperatorLogEntry(
        id=f"{stores.acme}/#?",
        at=CONNECTION.connected_at,
        queue="q",
        code="c",
        detail="d",
        body="b",
        tenant=stores.acme,
    )
    await stores.operator_log.record(entry)
    (found,) = await stores.operator_log.list_by_id(entry.id)
    assert found.value == entry
    sent = msgspec.structs.replace(entry, replay=Replay.SENT)
    etag = await stores.operator_log.replace(sent, found.etag)
    with pytest.raises(Conflict):
        await stores.operator_log.replace(entry, found.etag)
    with pytest.raises(Conflict):
        await stores.operator_log.delete(entry, found.etag)
    assert [each.value for each in await stores.operator_log.list_by_id(entry.id)] == [sent]
    await stores.operator_log.delete(sent, etag)
    assert list(await stores.operator_log.list_by_id(entry.id)) == []
