"""What holds of any TenantStore and any OperatorLog."""

from datetime import UTC, datetime

import msgspec
import pytest

from shared.domain.access.callers import AdminGrant, Admins
from shared.domain.access.tenants import TenantSummary
from shared.domain.connections.connection import SecretReference, SsoApplication
from shared.domain.connections.connection_health import Health, Reason
from shared.domain.connections.secret_entry import EntryState, SecretEntry
from shared.domain.deletion import Deletion, LocationDeletion
from shared.domain.ids import LocationId, RunId
from shared.domain.operations.operator_log import OperatorLogEntry
from shared.domain.optimistic_locking import Expected
from shared.domain.preferences.group_mapping import GroupMapping, Location
from shared.domain.preferences.preferences import Mode, Preferences
from shared.domain.problem import ErrorCategory
from shared.domain.reconcile.fence import Fence
from shared.domain.run import RunMode, TenantState
from shared.errors import Conflict, NotFound
from tests.contracts.ports.stores.conftest import Stores
from tests.support.builders import person
from tests.support.fakes import entra_connection

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
CONNECTION = entra_connection(person(1), person(2), person(3), secrets=SecretReference(name="tenant-acme", version="1"))
DESK, ROOF = LocationId("desk"), LocationId("roof")


async def test_configuration_is_read_back(stores: Stores) -> None:
    """Name, connection, sign-in application and preferences; defaults before anything is stored."""
    tenants, acme = stores.tenants, stores.acme
    with pytest.raises(NotFound):
        await tenants.get(acme)
    assert (await stores.connections.find(acme), await stores.settings.find_sso(acme)) == (None, None)
    assert await stores.settings.get_preferences(acme) == Preferences()
    await tenants.put(TenantSummary(id=acme, name="Acme GmbH & Söhne"))
    await stores.connections.put(acme, CONNECTION)
    await stores.settings.put_sso(acme, SsoApplication(client_id=person(4)))
    await stores.settings.put_preferences(acme, Preferences(mode=Mode.FULL))
    assert (await tenants.get(acme)).name == "Acme GmbH & Söhne"
    assert await stores.connections.find(acme) == CONNECTION
    assert await stores.settings.find_sso(acme) == SsoApplication(client_id=person(4))
    assert (await stores.settings.get_preferences(acme)).mode is Mode.FULL
    assert acme in {tenant.id async for tenant in stores.tenants.list_tenants()}
    assert acme in {connected.id async for connected in stores.connections.list_connected()}
    await stores.connections.delete(acme)
    assert acme not in {connected.id async for connected in stores.connections.list_connected()}


async def test_a_briefing_is_what_the_parts_are(stores: Stores) -> None:
    """Nothing but defaults of a tenant who is not there; then every part, with ETags under which it can be swapped."""
    tenants, acme = stores.tenants, stores.acme
    empty = await stores.tenants.get_context(acme)
    assert (empty.tenant, empty.connection, empty.preferences) == (None, None, Preferences())
    assert (empty.health, empty.state) == ((Health(), None), (TenantState(), None))
    await tenants.put(TenantSummary(id=acme, name="Acme GmbH & Söhne"))
    await stores.connections.put(acme, CONNECTION)
    await stores.settings.put_preferences(acme, Preferences(mode=Mode.FULL))
    await stores.settings.put_location(acme, DESK, "Desk")
    reason = Reason(category=ErrorCategory.CREDENTIALS, code="c", title="t", detail="d", fix="f")
    await stores.connections.replace_health(acme, Health().refused(reason, NOW), None)
    await stores.sync_states.replace(acme, TenantState(fencing_token=3), None)
    found = await stores.tenants.get_context(acme)
    assert found.tenant == await tenants.get(acme)
    assert found.connection == CONNECTION
    assert found.preferences == await stores.settings.get_preferences(acme)
    assert found.health == await stores.connections.get_health(acme)
    assert found.state == await stores.sync_states.get(acme)
    await stores.sync_states.replace(acme, TenantState(fencing_token=4), found.state.etag)
    await stores.connections.replace_health(acme, Health(), found.health.etag)


async def test_the_state_is_swapped_by_one_of_two(stores: Stores) -> None:
    """Compare-and-swap: who read an older state loses, also at the very first write."""
    acme = stores.acme
    state, etag = await stores.sync_states.get(acme)
    assert (state, etag) == (TenantState(), None)
    run = RunId("8204576261968-0000000a")
    newer = await stores.sync_states.replace(
        acme, msgspec.structs.replace(state, fencing_token=1, active_run=run), None
    )
    with pytest.raises(Conflict):
        await stores.sync_states.replace(acme, msgspec.structs.replace(state, fencing_token=5), None)
    assert [each.active_run async for tenant, each in stores.sync_states.list_active() if tenant == acme] == [run]
    waiting = TenantState(fencing_token=2, pending=RunMode.FULL, pending_request="r")
    newest = await stores.sync_states.replace(acme, waiting, newer)
    with pytest.raises(Conflict):
        await stores.sync_states.replace(acme, TenantState(fencing_token=9), newer)
    assert [each async for tenant, each in stores.sync_states.list_active() if tenant == acme] == [waiting]
    await stores.sync_states.replace(acme, TenantState(fencing_token=3), newest)
    assert [each async for tenant, each in stores.sync_states.list_active() if tenant == acme] == []


async def test_a_location_that_is_being_deleted_is_not_found(stores: Stores) -> None:
    """Its row stays until its rows are gone, and keeps the id from being used. Only its version can be changed."""
    acme, at = stores.acme, NOW
    old = await stores.settings.put_location(acme, DESK, "Desk", Expected(None))
    etag = await stores.settings.put_location(acme, DESK, "Front desk", Expected(old))
    assert await stores.settings.find_location_deletion(acme, DESK) == (None, None)
    with pytest.raises(Conflict):
        await stores.settings.replace_location_deletion(acme, DESK, LocationDeletion(at=at), old)
    first = await stores.settings.replace_location_deletion(acme, DESK, LocationDeletion(at=at), etag)
    assert await stores.settings.find_location_deletion(acme, DESK) == (LocationDeletion(at=at), first)
    assert list(await stores.settings.list_locations(acme)) == []
    assert await stores.settings.find_location(acme, DESK) == (None, None)
    for expected in (Expected(None), Expected(etag)):
        with pytest.raises(Conflict):
            await stores.settings.put_location(acme, DESK, "Desk", expected)
    with pytest.raises(NotFound):
        await stores.settings.put_mapping(acme, DESK, [])
    second = await stores.settings.replace_location_deletion(acme, DESK, LocationDeletion(at=at, rows=7), first)
    with pytest.raises(Conflict):
        await stores.settings.delete_location(acme, DESK, first)
    assert await stores.settings.find_location_deletion(acme, DESK) == (LocationDeletion(at=at, rows=7), second)
    await stores.settings.delete_location(acme, DESK, second)
    await stores.settings.delete_location(acme, DESK, second)
    assert await stores.settings.find_location_deletion(acme, DESK) == (None, None)
    await stores.settings.put_location(acme, DESK, "Desk", Expected(None))


async def test_locations_carry_their_mapping(stores: Stores) -> None:
    """A mapping is replaced as a whole; renaming keeps it; deleting takes it along; another tenant has its own."""
    acme = stores.acme
    one, two = GroupMapping(id=person(1)), GroupMapping(id=person(2), transitive=False)
    with pytest.raises(NotFound):
        await stores.settings.put_mapping(acme, DESK, [one])
    for location in (ROOF, DESK):
        await stores.settings.put_location(acme, location, location)
    await stores.settings.put_location(stores.acme_2, DESK, "theirs")
    await stores.settings.put_mapping(acme, DESK, [two, one])
    await stores.settings.put_mapping(acme, ROOF, [one])
    await stores.settings.put_location(acme, DESK, "Front desk")
    assert list(await stores.settings.list_locations(acme)) == [
        Location(id=DESK, name="Front desk", groups=(one, two)),
        Location(id=ROOF, name="roof", groups=(one,)),
    ]
    await stores.settings.put_mapping(acme, DESK, [two])
    await stores.settings.delete_location(acme, ROOF)
    assert [location.groups for location in await stores.settings.list_locations(acme)] == [(two,)]
    await stores.tenants.delete_all(acme)
    assert list(await stores.settings.list_locations(acme)) == []
    assert [location.name for location in await stores.settings.list_locations(stores.acme_2)] == ["theirs"]


async def test_locations_remember_columns(stores: Stores) -> None:
    """They are replaced as a whole, and stay when the name or the mapping changes, and the other way round."""
    acme, columns = stores.acme, {"Primary Email": "mail", "Größe \U0001f45f": None}
    with pytest.raises(NotFound):
        await stores.settings.put_columns(acme, DESK, columns)
    first = await stores.settings.put_location(acme, DESK, "Desk")
    with pytest.raises(Conflict):
        await stores.settings.put_columns(acme, ROOF, columns, Expected(first))
    second = await stores.settings.put_columns(acme, DESK, columns, Expected(first))
    with pytest.raises(Conflict):
        await stores.settings.put_columns(acme, DESK, {}, Expected(first))
    await stores.settings.put_mapping(acme, DESK, [GroupMapping(id=person(1))], Expected(second))
    await stores.settings.put_location(acme, DESK, "Front desk")
    mapped = (GroupMapping(id=person(1)),)
    assert list(await stores.settings.list_locations(acme)) == [
        Location(id=DESK, name="Front desk", groups=mapped, columns=columns)
    ]
    await stores.settings.put_columns(acme, DESK, {})
    location, _ = await stores.settings.find_location(acme, DESK)
    assert location == Location(id=DESK, name="Front desk", groups=mapped)


async def test_the_ledger_keeps_the_first_of_each_and_shows_the_newest_first(stores: Stores) -> None:
    """Recorded twice is recorded once; a tenant's entries go with it."""
    acme = stores.acme
    ids = [f"{acme}/#?{number}" for number in range(3)]
    for number, each in enumerate([*ids, ids[0]]):
        at = NOW.replace(minute=number)
        entry = OperatorLogEntry(
            id=each, at=at, queue="q", code="c", detail=f"d{number}", body="b", tenant=None if number % 2 else acme
        )
        await stores.operator_log.record(entry)
    mine = [entry async for entry in stores.operator_log.list_entries() if entry.id in ids]
    assert [each.detail for each in mine] == ["d2", "d1", "d0"]
    await stores.operator_log.delete_all(acme)
    assert [entry.detail async for entry in stores.operator_log.list_entries() if entry.id in ids] == ["d1"]


async def test_a_deletion_outlives_the_tenants_rows(stores: Stores) -> None:
    """It moves by compare-and-swap, is found among all, and goes only when it is forgotten."""
    tenants, acme = stores.tenants, stores.acme
    assert await stores.tenants.find_deletion(acme) == (None, None)
    await tenants.put(TenantSummary(id=acme, name="Acme"))
    etag = await stores.tenants.replace_deletion(acme, Deletion(at=NOW), None)
    with pytest.raises(Conflict):
        await stores.tenants.replace_deletion(acme, Deletion(at=NOW), None)
    await stores.tenants.delete_all(acme)
    assert await stores.tenants.find_deletion(acme) == (Deletion(at=NOW), etag)
    newer = await stores.tenants.replace_deletion(acme, Deletion(at=NOW, sweeping=True), etag)
    with pytest.raises(Conflict):
        await stores.tenants.delete_deletion(acme, etag)
    mine = {acme, stores.acme_2}
    assert [deletion async for deletion in stores.tenants.list_deletions() if deletion[0] in mine] == [
        (acme, Deletion(at=NOW, sweeping=True))
    ]
    assert [tenant async for tenant in stores.tenants.list_tenants() if tenant.id in mine] == []
    await stores.tenants.delete_deletion(acme, newer)
    await stores.tenants.delete_deletion(acme, newer)
    assert await stores.tenants.find_deletion(acme) == (None, None)


async def test_all_locations_of_a_tenant_are_erased_at_once(stores: Stores) -> None:
    """Also one that the tenant does not list any more; a tenant with a similar id keeps its own."""
    recipients, acme = stores.recipients, stores.acme
    for tenant, location in ((acme, DESK), (acme, ROOF), (stores.acme_2, DESK)):
        await recipients.replace_fence(tenant, location, Fence(fencing_token=1), None)
    await recipients.delete_all(acme)
    etags = [(await recipients.get_fence(tenant, DESK)).etag for tenant in (acme, stores.acme_2)]
    assert (etags[0], etags[1] is not None) == (None, True)
    assert (await recipients.get_fence(acme, ROOF)).etag is None


async def test_health_admins_and_sso_are_the_tenants_own(stores: Stores) -> None:
    """Health moves by compare-and-swap; who ails is found without reading everybody; all of it goes with the tenant."""
    acme = stores.acme
    fresh = await stores.connections.get_health(acme)
    assert (fresh.value, fresh.etag) == (Health(), None)
    reason = Reason(
        category=ErrorCategory.CREDENTIALS,
        code="AADSTS7000222",
        title="Expired",
        detail="Its end has passed.",
        fix="Create a new one.",
    )
    refused = Health().refused(reason, NOW)
    etag = await stores.connections.replace_health(acme, refused, None)
    with pytest.raises(Conflict):
        await stores.connections.replace_health(acme, Health(), None)
    assert (await stores.connections.get_health(acme)).value == refused
    assert [
        unhealthy async for unhealthy in stores.connections.list_unhealthy() if unhealthy[0] in {acme, stores.acme_2}
    ] == [(acme, refused)]
    quiet = refused.recovered(NOW)
    quiet = quiet.sent(quiet.notices)
    etag = await stores.connections.replace_health(acme, quiet, etag)
    assert [unhealthy async for unhealthy in stores.connections.list_unhealthy() if unhealthy[0] == acme] == []
    await stores.connections.delete_health(acme)
    await stores.connections.delete_health(acme)
    assert (await stores.connections.get_health(acme)).value == Health()
    admins = Admins(azure_tenant_id=person(9), people=(AdminGrant(azure_tenant_id=person(8), object_id=person(7)),))
    assert await stores.settings.get_admins(acme) == Admins()
    await stores.settings.put_admins(acme, admins)
    assert (await stores.settings.get_admins(acme), await stores.settings.get_admins(stores.acme_2)) == (
        admins,
        Admins(),
    )
    assert [admin async for admin in stores.settings.list_admins() if admin[0] in {acme, stores.acme_2}] == [
        (acme, admins)
    ]
    await stores.connections.replace_health(acme, refused, None)
    await stores.tenants.delete_all(acme)
    assert (await stores.settings.get_admins(acme), (await stores.connections.get_health(acme)).value) == (
        Admins(),
        Health(),
    )


async def test_manual_changes_are_announced_until_they_are_settled(stores: Stores) -> None:
    """Those of all tenants are listed; a tenant's are erased with it, and do not change its state."""
    acme, other = stores.acme, stores.acme_2
    first, second = RunId("8204576261968-0000000a"), RunId("8204576261968-0000000b")
    for tenant, run in ((acme, first), (acme, second), (other, first)):
        await stores.sync_states.announce_manual(tenant, run, NOW)
    await stores.sync_states.settle_manual(acme, second)
    await stores.sync_states.settle_manual(acme, second)
    found = [each async for each in stores.sync_states.list_manual() if each[0] in {acme, other}]
    assert sorted(found) == [(acme, first, NOW), (other, first, NOW)]
    assert (await stores.tenants.get_context(acme)).state == (TenantState(), None)
    await stores.tenants.delete_all(acme)
    found = [each async for each in stores.sync_states.list_manual() if each[0] in {acme, other}]
    assert found == [(other, first, NOW)]
    await stores.tenants.delete_all(other)


async def test_entries_of_the_vault_outlive_the_tenants_rows(stores: Stores) -> None:
    """They move by compare-and-swap, are found by tenant and among all, and go only when they are deleted."""
    connections, acme = stores.connections, stores.acme
    entry = SecretEntry(tenant=acme, name=f"connection-{acme}-1", state=EntryState.NEW, since=NOW)
    neighbour = msgspec.structs.replace(entry, tenant=stores.acme_2, name=f"connection-{stores.acme_2}-1")
    assert await connections.find_secret_entry(acme, entry.name) == (None, None)
    etag = await connections.replace_secret_entry(entry, None)
    await connections.replace_secret_entry(neighbour, None)
    with pytest.raises(Conflict):
        await connections.replace_secret_entry(entry, None)
    await stores.tenants.delete_all(acme)
    assert await connections.find_secret_entry(acme, entry.name) == (entry, etag)
    replaced = msgspec.structs.replace(entry, state=EntryState.REPLACED)
    newer = await connections.replace_secret_entry(replaced, etag)
    with pytest.raises(Conflict):
        await connections.delete_secret_entry(replaced, etag)
    assert [found async for found in connections.list_secret_entries(acme)] == [(replaced, newer)]
    names = {found.value.name async for found in connections.list_secret_entries()}
    assert {entry.name, neighbour.name} <= names
    for _ in range(2):
        await connections.delete_secret_entry(replaced, newer)
    assert [found.value async for found in connections.list_secret_entries(stores.acme_2)] == [neighbour]
