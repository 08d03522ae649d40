"""Locations and mappings have bounds, and every change that could change a sync ends what runs on the old one."""

from dataclasses import replace

import pytest

from shared.bootstrap import App, Ports
from shared.domain.ids import LocationId, ObjectId, TenantId
from shared.domain.preferences.group_mapping import GroupMapping
from shared.errors import Conflict, NotFound, Rejected, Transient
from shared.ports.recipients import Deleted
from shared.ports.tenant_data import ALL_ROWS, Allowed
from shared.workflows.recipients.fenced_writer import FencedWriter
from shared.workflows.tenants import locations
from tests.support.builders import person
from tests.support.fakes import FakeRecipientStore
from tests.support.world import SETTINGS

DESK = LocationId("desk")
GROUP = GroupMapping(id=ObjectId(person(100)))


async def _epoch(ports: Ports, tenant: TenantId) -> int:
    return (await ports.sync_states.get(tenant)).value.config_version


async def test_a_mapping_is_replaced_as_a_whole(app: App, ports: Ports, contoso: TenantId) -> None:
    """Sorted, each group once, and only at a location that exists."""
    await app.locations.put(contoso, DESK, "Desk")
    other = GroupMapping(id=ObjectId(person(99)), transitive=False)
    before = await _epoch(ports, contoso)
    for _ in range(2):
        assert (await app.locations.put_mapping(contoso, DESK, [GROUP, other])).value == (other, GROUP)
    assert (await app.locations.get(contoso, DESK)).value.groups == (other, GROUP)
    assert await _epoch(ports, contoso) == before + 1
    with pytest.raises(NotFound):
        await app.locations.put_mapping(contoso, LocationId("nowhere"), [GROUP])


async def test_a_mapping_has_bounds(app: App, contoso: TenantId) -> None:
    """Doubles and too many groups are refused with their own codes."""
    await app.locations.put(contoso, DESK, "Desk")
    many = [GroupMapping(id=ObjectId(person(number))) for number in range(locations.MAX_GROUPS_PER_LOCATION + 1)]
    long = [GroupMapping(id=ObjectId(f"{number:0128}")) for number in range(locations.MAX_GROUP_CHARACTERS // 128 + 1)]
    for groups, code in (([GROUP, GROUP], "duplicate_group"), (many, "too_many_groups"), (long, "too_many_groups")):
        with pytest.raises(Rejected) as refused:
            await app.locations.put_mapping(contoso, DESK, groups)
        assert refused.value.code == code
    for groups in (many[1:], long[1:]):
        assert (await app.locations.put_mapping(contoso, DESK, groups)).value


async def test_locations_have_a_bound(app: App, contoso: TenantId, monkeypatch: pytest.MonkeyPatch) -> None:
    """One more than allowed is refused; those that exist can still be renamed."""
    monkeypatch.setattr(locations, "MAX_LOCATIONS", 1)
    await app.locations.put(contoso, DESK, "Desk")
    with pytest.raises(Rejected) as refused:
        await app.locations.put(contoso, LocationId("roof"), "Roof")
    assert refused.value.code == "too_many_locations"
    assert (await app.locations.put(contoso, DESK, "Front desk")).value.name == "Front desk"


class _Interfered(FakeRecipientStore):
    """While a location is erased, a worker who took its fence before tries to go on."""

    def __init__(self) -> None:
        super().__init__()
        self.worker: FencedWriter | None = None
        self.stopped = 0

    async def delete_location(
        self, tenant: TenantId, location: LocationId, limit: int = ALL_ROWS, allowed: Allowed | None = None
    ) -> Deleted:
        """Erase, after the worker has tried."""
        assert self.worker is not None
        try:
            await self.worker.commit_fingerprint(input_fingerprint="stale", active=1)
        except Conflict:
            self.stopped += 1
        return await super().delete_location(tenant, location, limit, allowed)


async def test_after_a_location_is_deleted_nobody_writes_there(contoso: TenantId, ports: Ports) -> None:
    """Its fence is raised before its rows go, so that a worker in the middle of writing stops."""
    recipients = _Interfered()
    app = App(replace(ports, recipients=recipients), SETTINGS)
    await app.locations.put(contoso, DESK, "Desk")
    fencing_token = (await ports.sync_states.get(contoso)).value.fencing_token
    recipients.worker = await FencedWriter.acquire(
        recipients, contoso, DESK, fencing_token=fencing_token, attempt="stale"
    )
    await app.locations.delete(contoso, DESK)
    assert recipients.stopped == 1
    assert not (await recipients.get_fence(contoso, DESK)).value.attempt
    with pytest.raises(NotFound):
        await app.locations.delete(contoso, DESK)


class _Broken(FakeRecipientStore):
    """Storage that fails the first time something is erased."""

    failed = False

    async def delete_location(
        self, tenant: TenantId, location: LocationId, limit: int = ALL_ROWS, allowed: Allowed | None = None
    ) -> Deleted:
        """Erase, but not the first time. Raises: Transient."""
        if not self.failed:
            self.failed = True
            raise Transient("Storage is busy.")
        return await super().delete_location(tenant, location, limit, allowed)


async def test_a_deletion_that_failed_can_be_sent_again(contoso: TenantId, ports: Ports) -> None:
    """Its id cannot be used before its recipients are gone."""
    app = App(replace(ports, recipients=_Broken()), SETTINGS)
    await app.locations.put(contoso, DESK, "Desk")
    with pytest.raises(Transient):
        await app.locations.delete(contoso, DESK)
    assert (await ports.sync_states.get(contoso)).value.is_busy
    assert await app.locations.delete(contoso, DESK) is None
    assert await app.locations.list_all(contoso) == []
    assert not (await ports.sync_states.get(contoso)).value.is_busy


async def test_who_creates_a_location_again_completes_its_deletion(contoso: TenantId, ports: Ports) -> None:
    """Its id cannot be used before its recipients are gone."""
    recipients = _Broken()
    app = App(replace(ports, recipients=recipients), SETTINGS)
    await app.locations.put(contoso, DESK, "Desk")
    with pytest.raises(Transient):
        await app.locations.delete(contoso, DESK)
    recipients.failed = False
    with pytest.raises(Transient):
        await app.locations.put(contoso, DESK, "New")
    assert (await app.locations.put(contoso, DESK, "New")).value.name == "New"
