"""Tenants are created once, and deleted completely."""

import pytest

from shared.bootstrap import App, Ports
from shared.domain.access.callers import Admins, Person, Role
from shared.domain.connections.connection import SsoApplication
from shared.domain.connections.entra.credential_form import CredentialForm
from shared.domain.directory import Source
from shared.domain.ids import LocationId, ObjectId, TenantId
from shared.domain.operations.operator_log import OperatorLogEntry
from shared.domain.optimistic_locking import Part
from shared.domain.preferences.group_mapping import GroupMapping
from shared.domain.run import RunMode, RunState
from shared.errors import BeingErased, NotFound, Rejected, Transient
from shared.telemetry import RequestCounters
from shared.workflows.tenants import deletion, tenants
from shared.workflows.tenants.deletion import SETTLED_AFTER
from tests.support.builders import BACK_END, person
from tests.support.fakes import FakeClock, FakeJobQueue, FakeSecretStore
from tests.support.fakes.rows import Rows
from tests.support.world import deliver

DESK = LocationId("desk")
GROUP = GroupMapping(id=ObjectId(person(100)))


async def test_a_tenant_is_new_once(app: App) -> None:
    """The second PUT renames it, and says so."""
    tenant = TenantId("contoso")
    assert (await app.tenants.put(tenant, " Contoso "))[1]
    (renamed, _), new = await app.tenants.put(tenant, "Contoso Ltd")
    assert (renamed.name, new) == ("Contoso Ltd", False)
    assert await app.tenants.list_all() == ([renamed], None)


async def test_a_rename_does_not_bring_a_deleted_tenant_back(
    app: App, ports: Ports, contoso: TenantId, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that has read the tenant before it was deleted is refused like a creation: the deletion would erase it."""
    find_version, deletions = ports.tenants.find_version, [contoso]

    async def find_and_delete(tenant: TenantId, part: Part) -> str | None:
        version = await find_version(tenant, part)
        if deletions:
            await app.tenants.delete(deletions.pop())
        return version

    monkeypatch.setattr(ports.tenants, "find_version", find_and_delete)
    with pytest.raises(BeingErased):
        await app.tenants.put(contoso, "Contoso Ltd")
    with pytest.raises(NotFound):
        await app.tenants.get(contoso)


@pytest.mark.parametrize("name", ["", "  ", "x" * 201, "a\nb", "a\x00b"])
async def test_a_name_is_printable_and_short(app: App, contoso: TenantId, name: str) -> None:
    """Names are shown; what cannot be shown is refused."""
    for change in (app.tenants.put(contoso, name), app.locations.put(contoso, DESK, name)):
        with pytest.raises(Rejected) as refused:
            await change
        assert refused.value.code == "invalid_name"


async def test_deleting_a_tenant_leaves_nothing(
    app: App, ports: Ports, contoso: TenantId, entries: CredentialForm
) -> None:
    """No store, and not the vault either, holds anything of it; other tenants keep everything."""
    other = TenantId("other")
    await app.tenants.put(other, "Other")
    for tenant in (contoso, other):
        await app.connect.put_sso(tenant, SsoApplication(client_id=ObjectId(person(50))))
        await app.connect.connect(tenant, entries, BACK_END)
        await app.locations.put(tenant, DESK, "Desk")
        await app.locations.put_mapping(tenant, DESK, [GROUP])
        await app.request_run(tenant, RunMode.FULL)
    queue = ports.queue
    assert isinstance(queue, FakeJobQueue)
    while queue.messages:
        await deliver(app, queue.messages.pop(0))
    assert [run.state for run in (await app.run_history.list_runs(contoso))[0]] == [RunState.DONE]
    for tenant in (contoso, other):
        entry = OperatorLogEntry(
            id=tenant, at=ports.clock.now(), queue="fetch-jobs", code="x", detail="x", body="x", tenant=tenant
        )
        await ports.operator_log.record(entry)
    await app.tenants.delete(contoso)
    assert [tenant async for tenant, _ in ports.tenants.list_deletions()] == [contoso]
    late = Source().id
    await ports.snapshots.put(contoso, late, {"0000:attempt": b"what a worker read meanwhile"})
    assert isinstance(ports.clock, FakeClock)
    ports.clock.advance(SETTLED_AFTER.total_seconds() - 1)
    await app.watchdog(RequestCounters())
    assert "contoso" in _text(ports.snapshots)
    ports.clock.advance(1)
    await app.watchdog(RequestCounters())
    stores = (ports.tenants, ports.runs, ports.snapshots, ports.recipients, ports.operator_log)
    for store in stores:
        assert "contoso" not in _text(store), type(store).__name__
    assert isinstance(ports.secrets, FakeSecretStore)
    assert [name.split("-")[1] for name in ports.secrets.names()] == ["other"]
    assert "other" in _text(ports.recipients)
    assert "other" in _text(ports.operator_log)
    assert (await app.connect.check_stored(other, BACK_END)).ok
    with pytest.raises(NotFound):
        await app.tenants.get(contoso)


async def test_a_tenant_is_not_renamed_once_its_deletion_has_begun(app: App, contoso: TenantId) -> None:
    """Its row would be newer than the one that the deletion has found."""
    await app.deletion.begin(contoso)
    with pytest.raises(BeingErased):
        await app.tenants.put(contoso, "Another")


async def test_an_id_can_be_used_again_when_nothing_can_be_left(app: App, ports: Ports, contoso: TenantId) -> None:
    """Until then creating it is refused, with the time to wait. It begins empty, and the watchdog leaves it alone."""
    await app.locations.put(contoso, DESK, "Desk")
    await app.tenants.delete(contoso)
    assert isinstance(ports.clock, FakeClock)
    ports.clock.advance(60)
    await ports.snapshots.put(contoso, Source().id, {"0000:attempt": b"late"})
    with pytest.raises(BeingErased) as refused:
        await app.tenants.put(contoso, "Another")
    assert (refused.value.code, refused.value.retry_after_s) == ("sweeping", SETTLED_AFTER.total_seconds() - 60)
    ports.clock.advance(SETTLED_AFTER.total_seconds() - 60)
    await app.watchdog(RequestCounters())
    assert "late" not in _text(ports.snapshots)
    assert (await app.tenants.put(contoso, "Another"))[1]
    await app.locations.put(contoso, DESK, "Desk")
    ports.clock.advance(3_600)
    await app.watchdog(RequestCounters())
    assert [location.id for location in await app.locations.list_all(contoso)] == [DESK]


async def test_admins_of_a_deleted_tenant_see_their_others(app: App, ports: Ports, contoso: TenantId) -> None:
    """Also while a row that a worker stored late still names them."""
    caller = Person(azure_tenant_id=person(1), object_id=person(2), roles=frozenset({Role.TENANT_ADMIN}))
    for tenant in (contoso, TenantId("deleted")):
        await ports.settings.put_admins(tenant, Admins(azure_tenant_id=person(1)))
    assert [tenant.id for tenant in (await app.authorize.introduce(caller)).tenants] == [contoso]


async def test_a_large_tenant_is_deleted_in_steps(
    app: App, ports: Ports, contoso: TenantId, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A request, and each look of the watchdog, deletes some rows. The progress is shown, and repeating answers it."""
    monkeypatch.setattr(deletion, "STEP_ROWS", 10)
    monkeypatch.setattr(deletion, "IN_WATCHDOG_S", 0)
    monkeypatch.setattr(tenants, "IN_REQUEST_S", 0)
    await app.locations.put(contoso, DESK, "Desk")
    rows = {f"{number:04d}:attempt": b"page" for number in range(35)}
    await ports.snapshots.put(contoso, Source().id, rows)
    shown = [await app.tenants.delete(contoso)]
    with pytest.raises(NotFound):
        await app.tenants.get(contoso)
    assert await app.tenants.delete(contoso) == shown[0] == await app.deletion.get(contoso)
    for _ in range(4):
        await app.watchdog(RequestCounters())
        shown.append(await app.deletion.get(contoso))
    assert [found.rows for found in shown if found] == [10, 20, 30, 39, 39]
    assert [found.empty_at is not None for found in shown if found] == [False, False, False, False, True]
    assert isinstance(ports.clock, FakeClock)
    ports.clock.advance(SETTLED_AFTER.total_seconds())
    await app.watchdog(RequestCounters())
    with pytest.raises(NotFound) as gone:
        await app.deletion.get(contoso)
    assert gone.value.code == "deletion_not_found"
    with pytest.raises(NotFound):
        await app.tenants.delete(contoso)


async def test_a_sweep_that_died_is_taken_up_again(
    app: App, ports: Ports, contoso: TenantId, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until it has ended the tenant cannot be created again: it would be erased."""
    await app.tenants.delete(contoso)
    assert isinstance(ports.clock, FakeClock)
    ports.clock.advance(3_600)
    forget = ports.tenants.delete_deletion

    async def dies(*_: object) -> None:
        raise Transient("the process dies", code="storage_unreachable")

    monkeypatch.setattr(ports.tenants, "delete_deletion", dies)
    await app.watchdog(RequestCounters())
    with pytest.raises(BeingErased):
        await app.tenants.put(contoso, "Another")
    monkeypatch.setattr(ports.tenants, "delete_deletion", forget)
    await app.watchdog(RequestCounters())
    await app.tenants.put(contoso, "Another")


async def test_a_deletion_that_died_is_finished(
    app: App, ports: Ports, contoso: TenantId, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The request need not be repeated."""
    delete_all = ports.runs.delete_all

    async def dies(*_: object) -> None:
        raise Transient("the process dies", code="storage_unreachable")

    monkeypatch.setattr(ports.runs, "delete_all", dies)
    with pytest.raises(Transient):
        await app.tenants.delete(contoso)
    monkeypatch.setattr(ports.runs, "delete_all", delete_all)
    assert isinstance(ports.clock, FakeClock)
    ports.clock.advance(3_600)
    await app.watchdog(RequestCounters())
    with pytest.raises(NotFound):
        await app.tenants.get(contoso)


def _text(store: object) -> str:
    """Return everything that a store in memory holds."""
    return " ".join(str(vars(rows) if isinstance(rows, Rows) else rows) for rows in vars(store).values())
