"""Tenants, their configuration and the state that runs compete for."""

import pytest

from shared.domain.access.tenants import TenantSummary
from shared.domain.ids import LocationId, TenantId
from shared.domain.preferences.group_mapping import GroupMapping, Location
from shared.domain.run import TenantState
from shared.errors import Conflict
from tests.support.builders import person
from tests.support.samples import LOCATION, Stores, connection


async def test_all_lists_tenants_by_id(stores: Stores, tenant: TenantId, neighbour: TenantId) -> None:
    """Tenants come in the order of their ids, each once, whatever else is stored of them."""
    for each in (neighbour, tenant):
        await stores.tenants.put(TenantSummary(id=each, name=each))
        await stores.connections.put(each, connection())
    assert [each.id async for each in stores.tenants.list_tenants() if each.id in {tenant, neighbour}] == [
        tenant,
        neighbour,
    ]


async def test_swapping_a_state_that_was_erased_is_a_conflict(stores: Stores, tenant: TenantId) -> None:
    """Who read the state before the tenant was erased cannot bring it back."""
    etag = await stores.sync_states.replace(tenant, TenantState(fencing_token=1), None)
    await stores.tenants.delete_all(tenant)
    with pytest.raises(Conflict):
        await stores.sync_states.replace(tenant, TenantState(fencing_token=2), etag)


async def test_locations_carry_their_mapping(stores: Stores, tenant: TenantId) -> None:
    """Locations come by id with exactly the groups mapped last; renaming one keeps its mapping."""
    similar = LocationId(f"{LOCATION}-2")
    for each in (similar, LOCATION):
        await stores.settings.put_location(tenant, each, f"Name of {each}")
    await stores.settings.put_mapping(tenant, similar, [GroupMapping(id=person(9))])
    await stores.settings.put_mapping(tenant, LOCATION, [GroupMapping(id=person(3)), GroupMapping(id=person(1))])
    kept = GroupMapping(id=person(2), transitive=False)
    await stores.settings.put_mapping(tenant, LOCATION, [GroupMapping(id=person(3)), kept, GroupMapping(id=person(3))])
    await stores.settings.put_location(tenant, LOCATION, "Empfang 🛎")
    assert await stores.settings.list_locations(tenant) == [
        Location(id=LOCATION, name="Empfang 🛎", groups=(kept, GroupMapping(id=person(3)))),
        Location(id=similar, name=f"Name of {similar}", groups=(GroupMapping(id=person(9)),)),
    ]


async def test_a_mapping_of_more_groups_than_a_batch_holds(stores: Stores, tenant: TenantId) -> None:
    """A location can have 250 groups, and none of them after they were all taken away."""
    await stores.settings.put_location(tenant, LOCATION, "Lobby")
    groups = tuple(GroupMapping(id=person(number)) for number in range(250))
    await stores.settings.put_mapping(tenant, LOCATION, groups)
    assert (await stores.settings.list_locations(tenant))[0].groups == groups
    await stores.settings.put_mapping(tenant, LOCATION, [])
    assert (await stores.settings.list_locations(tenant))[0].groups == ()


async def test_a_deleted_location_leaves_its_neighbour(stores: Stores, tenant: TenantId) -> None:
    """Deleting a location takes its mapping along, not that of a location with a similar id; twice is no error."""
    similar = LocationId(f"{LOCATION}-2")
    for each in (LOCATION, similar):
        await stores.settings.put_location(tenant, each, each)
        await stores.settings.put_mapping(tenant, each, [GroupMapping(id=person(1))])
    await stores.settings.delete_location(tenant, LOCATION)
    await stores.settings.delete_location(tenant, LOCATION)
    await stores.settings.put_location(tenant, LOCATION, "again")
    assert [len(location.groups) for location in await stores.settings.list_locations(tenant)] == [0, 1]
