"""Tenants, preferences, locations and mappings through HTTP."""

from tests.support.builders import person
from tests.support.http.calling import Client


async def test_a_tenant_from_beginning_to_end(api: Client) -> None:
    """Created with 201, renamed with 200, read, listed, deleted with 204, and then not there."""
    assert (await api("PUT", "tenants/contoso", {"name": "Contoso"})).status == 201
    assert (await api("PUT", "tenants/contoso", {"name": "Contoso Ltd"})).status == 200
    tenant = {"id": "contoso", "name": "Contoso Ltd"}
    assert (await api("GET", "tenants/contoso")).body == tenant
    assert (await api("GET", "tenants")).body == {"tenants": [tenant], "cursor": None}
    gone = await api("DELETE", "tenants/contoso")
    assert (gone.status, gone.body) == (204, None)
    missing = await api("GET", "tenants/contoso")
    assert (missing.status, missing.body["code"]) == (404, "tenant_not_found")


async def test_preferences_default_to_the_careful_choice(api: Client) -> None:
    """What a PUT leaves out takes its default; names are in camel case."""
    await api("PUT", "tenants/contoso", {"name": "Contoso"})
    defaults = (await api("GET", "tenants/contoso/preferences")).body
    assert (defaults["mode"], defaults["allowCsvToUpdateDirectory"]) == ("groups", False)
    put = await api("PUT", "tenants/contoso/preferences", {"mode": "full", "guard": {"maxPeople": 5}})
    assert put.status == 200
    assert put.body == {**defaults, "mode": "full", "guard": {**defaults["guard"], "maxPeople": 5}}
    assert (await api("GET", "tenants/contoso/preferences")).body == put.body
    refused = await api("PUT", "tenants/contoso/preferences", {"guard": {"maxShare": 7}})
    assert (refused.status, refused.body["code"]) == (400, "invalid_preferences")


async def test_locations_and_their_groups(api: Client) -> None:
    """A mapping takes plain ids and objects, and is replaced as a whole."""
    await api("PUT", "tenants/contoso", {"name": "Contoso"})
    location = (await api("PUT", "tenants/contoso/locations/desk", {"name": "Desk"})).body
    assert location == {"id": "desk", "name": "Desk", "groups": [], "columns": {}}
    body = {"groups": [person(2).upper(), {"id": person(1), "transitive": False}]}
    mapped = await api("PUT", "tenants/contoso/locations/desk/groups", body)
    groups = [{"id": person(1), "transitive": False}, {"id": person(2), "transitive": True}]
    assert mapped.body == {"groups": groups}
    assert (await api("GET", "tenants/contoso/locations/desk/groups")).body == {"groups": groups}
    assert (await api("GET", "tenants/contoso/locations")).body == {"locations": [{**location, "groups": groups}]}
    assert (await api("DELETE", "tenants/contoso/locations/desk")).status == 204
    assert (await api("GET", "tenants/contoso/locations/desk")).status == 404


async def test_the_id_of_a_group_is_stored_as_its_directory_writes_it(api: Client) -> None:
    """Otherwise the group would be without name, and could be listed twice; what is not an id is refused."""
    await api("PUT", "tenants/contoso", {"name": "Contoso"})
    await api("PUT", "tenants/contoso/locations/desk", {"name": "Desk"})
    path, group = "tenants/contoso/locations/desk/groups", "0a1b2c3d-0000-4000-8000-00000000beef"
    mapped = await api("PUT", path, {"groups": [f" {group.upper()} "]})
    assert mapped.body == {"groups": [{"id": group, "transitive": True}]}
    twice = await api("PUT", path, {"groups": [group, group.upper()]})
    assert (twice.status, twice.body["code"]) == (422, "duplicate_group")
    other = await api("PUT", path, {"groups": ["everyone"]})
    assert (other.status, other.body["code"]) == (400, "invalid_object_id")


async def test_ids_are_validated_before_anything_is_read(api: Client) -> None:
    """An id that could reach elsewhere is refused with 400 and its own code."""
    for path, code in (
        ("tenants/Con'toso", "invalid_tenant_id"),
        ("tenants/contoso:x", "invalid_tenant_id"),
        ("tenants/contoso/locations/..", "invalid_location_id"),
        ("tenants/contoso/runs/latest", "invalid_run_id"),
    ):
        refused = await api("GET", path)
        assert (refused.status, refused.body["code"]) == (400, code)
    group = await api("PUT", "tenants/contoso/locations/desk/groups", {"groups": ["x" * 129]})
    assert (group.status, group.body["code"]) == (400, "invalid_object_id")
