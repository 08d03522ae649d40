"""Configuration is checked, and every change that could change a sync ends what runs on the old one."""

from dataclasses import replace

import pytest

from shared.bootstrap import App, Ports
from shared.domain.connections.connection import SsoApplication
from shared.domain.connections.entra.credential_form import CredentialForm
from shared.domain.directory import Source
from shared.domain.ids import LocationId, ObjectId, TenantId
from shared.domain.operations.operator_log import OperatorLogEntry
from shared.domain.preferences.group_mapping import GroupMapping
from shared.domain.preferences.preferences import GuardLimits, Mode, Preferences
from shared.domain.run import RunMode, RunState
from shared.domain.snapshots.page import Page
from shared.domain.sync.jobs import SyncRequest
from shared.errors import Conflict, NotFound, Rejected, Transient
from shared.telemetry import RequestCounters
from shared.workflows.recipients.fenced_writer import FencedWriter
from shared.workflows.tenants import configure
from shared.workflows.tenants.deletion import SETTLED_AFTER
from tests.support.builders import BACK_END, person, user
from tests.support.fakes import FakeClock, FakeJobQueue, FakeRecipientStore
from tests.support.fakes.rows import Rows
from tests.support.world import SETTINGS, World, deliver

DESK = LocationId("desk")
GROUP = GroupMapping(id=ObjectId(person(100)))


async def _epoch(ports: Ports, tenant: TenantId) -> int:
    return (await ports.sync_states.get(tenant)).value.config_version


async def test_a_tenant_is_new_once(app: App) -> None:
    """The second PUT renames it, and says so."""
    tenant = TenantId("contoso")
    assert (await app.configure.put_tenant(tenant, " Contoso "))[1]
    (renamed, _), new = await app.configure.put_tenant(tenant, "Contoso Ltd")
    assert (renamed.name, new) == ("Contoso Ltd", False)
    assert await app.configure.all_tenants() == ([renamed], None)


@pytest.mark.parametrize("name", ["", "  ", "x" * 201, "a\nb", "a\x00b"])
async def test_a_name_is_printable_and_short(app: App, contoso: TenantId, name: str) -> None:
    """Names are shown; what cannot be shown is refused."""
    for change in (app.configure.put_tenant(contoso, name), app.configure.put_location(contoso, DESK, name)):
        with pytest.raises(Rejected) as refused:
            await change
        assert refused.value.code == "invalid_name"


async def test_preferences_advance_the_epoch_when_they_change(app: App, ports: Ports, contoso: TenantId) -> None:
    """The same preferences again change nothing."""
    full = Preferences(mode=Mode.FULL)
    for expected in (1, 1):
        assert (await app.configure.put_preferences(contoso, full)).value == full
        assert await _epoch(ports, contoso) == expected
    assert await app.configure.preferences(contoso) == full


@pytest.mark.parametrize(
    ("guard", "field"),
    [
        (GuardLimits(max_share=1.5), "maxShare"),
        (GuardLimits(max_share=-0.1), "maxShare"),
        (GuardLimits(small_max_share=float("nan")), "smallMaxShare"),
        (GuardLimits(max_people=-1), "maxPeople"),
        (GuardLimits(small_from=-1), "smallFrom"),
    ],
)
async def test_a_guard_without_sense_is_refused(
    app: App, ports: Ports, contoso: TenantId, guard: GuardLimits, field: str
) -> None:
    """A share beyond 1 would switch the guard off unseen; the field is named and nothing stored."""
    with pytest.raises(Rejected, match=field) as refused:
        await app.configure.put_preferences(contoso, Preferences(guard=guard))
    assert refused.value.code == "invalid_preferences"
    assert await app.configure.preferences(contoso) == Preferences()
    assert await _epoch(ports, contoso) == 0


async def test_a_mapping_is_replaced_as_a_whole(app: App, ports: Ports, contoso: TenantId) -> None:
    """Sorted, each group once, and only at a location that exists."""
    await app.configure.put_location(contoso, DESK, "Desk")
    other = GroupMapping(id=ObjectId(person(99)), transitive=False)
    before = await _epoch(ports, contoso)
    for _ in range(2):
        assert (await app.configure.put_mapping(contoso, DESK, [GROUP, other])).value == (other, GROUP)
    assert (await app.configure.location(contoso, DESK)).value.groups == (other, GROUP)
    assert await _epoch(ports, contoso) == before + 1
    with pytest.raises(NotFound):
        await app.configure.put_mapping(contoso, LocationId("nowhere"), [GROUP])


async def test_a_mapping_has_bounds(app: App, contoso: TenantId) -> None:
    """Doubles and too many groups are refused with their own codes."""
    await app.configure.put_location(contoso, DESK, "Desk")
    many = [GroupMapping(id=ObjectId(person(number))) for number in range(configure.MAX_GROUPS_PER_LOCATION + 1)]
    for groups, code in (([GROUP, GROUP], "duplicate_group"), (many, "too_many_groups")):
        with pytest.raises(Rejected) as refused:
            await app.configure.put_mapping(contoso, DESK, groups)
        assert refused.value.code == code
    assert (await app.configure.put_mapping(contoso, DESK, many[1:])).value


async def test_locations_have_a_bound(app: App, contoso: TenantId, monkeypatch: pytest.MonkeyPatch) -> None:
    """One more than allowed is refused; those that exist can still be renamed."""
    monkeypatch.setattr(configure, "MAX_LOCATIONS", 1)
    await app.configure.put_location(contoso, DESK, "Desk")
    with pytest.raises(Rejected) as refused:
        await app.configure.put_location(contoso, LocationId("roof"), "Roof")
    assert refused.value.code == "too_many_locations"
    assert (await app.configure.put_location(contoso, DESK, "Front desk")).value.name == "Front desk"


class _Interfered(FakeRecipientStore):
    """While a location is erased, a worker who took its fence before tries to go on."""

    def __init__(self) -> None:
        super().__init__()
        self.worker: FencedWriter | None = None
        self.stopped = 0

    async def delete_location(self, tenant: TenantId, location: LocationId) -> None:
        """Erase, after the worker has tried."""
        assert self.worker is not None
        try:
            await self.worker.commit_fingerprint(input_fingerprint="stale", active=1)
        except Conflict:
            self.stopped += 1
        await super().delete_location(tenant, location)


async def test_after_a_location_is_deleted_nobody_writes_there(contoso: TenantId, ports: Ports) -> None:
    """Its fence is raised before its rows go, so that a worker in the middle of writing stops."""
    recipients = _Interfered()
    app = App(replace(ports, recipients=recipients), SETTINGS)
    await app.configure.put_location(contoso, DESK, "Desk")
    fencing_token = (await ports.sync_states.get(contoso)).value.fencing_token
    recipients.worker = await FencedWriter.acquire(
        recipients, contoso, DESK, fencing_token=fencing_token, attempt="stale"
    )
    await app.configure.delete_location(contoso, DESK)
    assert recipients.stopped == 2
    assert (await recipients.get_fence(contoso, DESK)).etag is None
    with pytest.raises(NotFound):
        await app.configure.delete_location(contoso, DESK)


class _Broken(FakeRecipientStore):
    """Storage that fails the first time something is erased."""

    failed = False

    async def delete_location(self, tenant: TenantId, location: LocationId) -> None:
        """Erase, but not the first time. Raises: Transient."""
        if not self.failed:
            self.failed = True
            raise Transient("Storage is busy.")
        await super().delete_location(tenant, location)


async def test_a_deletion_that_failed_can_be_sent_again(contoso: TenantId, ports: Ports) -> None:
    """A location is forgotten only after its recipients are gone."""
    app = App(replace(ports, recipients=_Broken()), SETTINGS)
    await app.configure.put_location(contoso, DESK, "Desk")
    with pytest.raises(Transient):
        await app.configure.delete_location(contoso, DESK)
    await app.configure.delete_location(contoso, DESK)
    assert await app.configure.locations(contoso) == []


async def test_a_change_that_died_before_its_epoch_advances_it_when_sent_again() -> None:
    """While a run is active, even preferences that are stored already end it; it may have begun on older ones."""
    world = World()
    await world.tenant("contoso", [user(1)], Preferences(mode=Mode.FULL), {"desk": []})
    tenant = TenantId("contoso")
    await world.app.plan(
        SyncRequest(tenant=tenant, mode=RunMode.FULL, request="x", requested_by="test"), RequestCounters()
    )
    run = (await world.ports.sync_states.get(tenant)).value.active_run
    assert run is not None
    world.clock.advance(1)  # runs of one millisecond have no order
    changed = Preferences(mode=Mode.FULL, include_guests=False)
    await world.ports.settings.put_preferences(tenant, changed)  # stored, and then the process died
    await world.app.configure.put_preferences(tenant, changed)
    assert (await world.run("contoso", run)).state is RunState.SUPERSEDED
    await world.drain()
    assert (await world.newest("contoso")).state is RunState.DONE


async def test_deleting_a_tenant_leaves_nothing(
    app: App, ports: Ports, contoso: TenantId, entries: CredentialForm
) -> None:
    """No store, and not the vault either, holds anything of it; other tenants keep everything."""
    other = TenantId("other")
    await app.configure.put_tenant(other, "Other")
    for tenant in (contoso, other):
        await app.connect.put_sso(tenant, SsoApplication(client_id=ObjectId(person(50))))
        await app.connect.connect(tenant, entries, BACK_END)
        await app.configure.put_location(tenant, DESK, "Desk")
        await app.configure.put_mapping(tenant, DESK, [GROUP])
        await app.request_run(tenant, RunMode.FULL)
    queue = ports.queue
    assert isinstance(queue, FakeJobQueue)
    while queue.messages:
        await deliver(app, queue.messages.pop(0))
    assert [run.state for run in (await app.observe.history(contoso))[0]] == [RunState.DONE]
    for tenant in (contoso, other):
        entry = OperatorLogEntry(
            id=tenant, at=ports.clock.now(), queue="fetch-jobs", code="x", detail="x", body="x", tenant=tenant
        )
        await ports.operator_log.record(entry)
    await app.configure.delete_tenant(contoso)
    assert [tenant async for tenant, _ in ports.tenants.list_deletions()] == [contoso]
    late = Source().id
    await ports.snapshots.stage(contoso, late, "attempt", 0, [Page.of(b"what a worker read meanwhile", [])])
    assert isinstance(ports.clock, FakeClock)
    ports.clock.advance(SETTLED_AFTER.total_seconds() - 1)
    await app.watch(RequestCounters())
    assert "contoso" in _text(ports.snapshots)
    ports.clock.advance(1)
    await app.watch(RequestCounters())
    stores = (ports.tenants, ports.runs, ports.snapshots, ports.recipients, ports.secrets, ports.operator_log)
    for store in stores:
        assert "contoso" not in _text(store), type(store).__name__
    assert "other" in _text(ports.recipients)
    assert "other" in _text(ports.operator_log)
    assert (await app.connect.check_stored(other, BACK_END)).ok
    with pytest.raises(NotFound):
        await app.configure.tenant(contoso)


async def test_a_tenant_can_be_created_again_at_once(app: App, ports: Ports, contoso: TenantId) -> None:
    """It begins empty, whatever came late for the deleted one, and no sweep touches it."""
    await app.configure.put_location(contoso, DESK, "Desk")
    await app.configure.delete_tenant(contoso)
    await ports.snapshots.stage(contoso, Source().id, "attempt", 0, [Page.of(b"late", [])])
    assert (await app.configure.put_tenant(contoso, "Anew"))[1]
    assert "late" not in _text(ports.snapshots)
    await app.configure.put_location(contoso, DESK, "Desk")
    assert isinstance(ports.clock, FakeClock)
    ports.clock.advance(3_600)
    await app.watch(RequestCounters())
    assert [each.id for each in await app.configure.locations(contoso)] == [DESK]


async def test_a_sweep_that_died_is_taken_up_again(
    app: App, ports: Ports, contoso: TenantId, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until it has ended nobody can create the tenant anew: it would be erased."""
    await app.configure.delete_tenant(contoso)
    assert isinstance(ports.clock, FakeClock)
    ports.clock.advance(3_600)
    forget = ports.tenants.delete_deletion

    async def dies(*_: object) -> None:
        raise Transient("the process dies", code="storage_unreachable")

    monkeypatch.setattr(ports.tenants, "delete_deletion", dies)
    await app.watch(RequestCounters())
    with pytest.raises(Conflict) as refused:
        await app.configure.put_tenant(contoso, "Anew")
    assert refused.value.code == "sweeping"
    monkeypatch.setattr(ports.tenants, "delete_deletion", forget)
    await app.watch(RequestCounters())
    await app.configure.put_tenant(contoso, "Anew")


async def test_a_deletion_that_died_is_finished(
    app: App, ports: Ports, contoso: TenantId, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever asked for it need not ask again."""
    delete_all = ports.runs.delete_all

    async def dies(*_: object) -> None:
        raise Transient("the process dies", code="storage_unreachable")

    monkeypatch.setattr(ports.runs, "delete_all", dies)
    with pytest.raises(Transient):
        await app.configure.delete_tenant(contoso)
    monkeypatch.setattr(ports.runs, "delete_all", delete_all)
    assert isinstance(ports.clock, FakeClock)
    ports.clock.advance(3_600)
    await app.watch(RequestCounters())
    with pytest.raises(NotFound):
        await app.configure.tenant(contoso)


def _text(store: object) -> str:
    """Return everything that a store in memory holds."""
    return " ".join(str(vars(rows) if isinstance(rows, Rows) else rows) for rows in vars(store).values())
