"""Properties that a caller may not read: 200, with null in their place."""

import pytest

from tests.contracts.stand_ins.entra.talking import Talk

ONE = "/directories/fabrikam"
SELECT = "$select=id,displayName,mail,userPrincipalName,accountEnabled,department,mobilePhone,businessPhones"


@pytest.fixture
async def basic(talk: Talk) -> Talk:
    """A client with User.ReadBasic.All in place of User.Read.All."""
    await talk.admin(f"POST {ONE}/roles", {"revoke": ["User.Read.All"], "grant": ["User.ReadBasic.All"]})
    await talk.token()
    return talk


async def test_basic_profiles(basic: Talk) -> None:
    """Names and addresses are shown; account status, department and phones are null or empty for all users."""
    whole = (await basic.admin(f"GET {ONE}/users"))["users"]
    for page in await basic.pages(f"/users?{SELECT}&$top=7"):
        for shown in page.body["value"]:
            user = next(user for user in whole if user["id"] == shown["id"])
            assert [shown[name] for name in ("displayName", "mail", "userPrincipalName")] == [
                user[name] for name in ("displayName", "mail", "userPrincipalName")
            ]
            assert [shown[name] for name in ("accountEnabled", "department", "mobilePhone")] == [None] * 3
            assert shown["businessPhones"] == []
    one = (await basic.graph(f"GET /users/{whole[0]['id']}?{SELECT}")).body
    assert (one["displayName"], one["accountEnabled"]) == (whole[0]["displayName"], None)


async def test_members_with_basic_profiles(basic: Talk) -> None:
    """Members of groups are shown in the same way."""
    group = (await basic.directory())["groups"][0]["id"]
    path = f"/groups/{group}/members/microsoft.graph.user?{SELECT}&$count=true"
    users = (await basic.graph(f"GET {path}", eventual=True)).body["value"]
    assert users
    assert {user["accountEnabled"] for user in users} == {None}
    assert all(user["displayName"] and user["userPrincipalName"] for user in users)


async def test_calls_that_basic_profiles_do_not_permit(basic: Talk) -> None:
    """Delta queries and membership checks need User.Read.All."""
    user = (await basic.graph("GET /users?$select=id&$top=1")).ids[0]
    assert (await basic.graph("GET /users/delta?$select=id")).status == 403
    group = (await basic.directory())["groups"][0]["id"]
    check = await basic.graph(f"POST /users/{user}/checkMemberGroups", json={"groupIds": [group]})
    assert check.status == 403


async def test_attribute_level_restrictions(talk: Talk) -> None:
    """Properties can be withheld from every caller: null in lists, absent in delta queries."""
    delta = (await talk.graph("GET /users/delta?$deltatoken=latest&$select=id,department,displayName")).body
    await talk.admin("PATCH /settings", {"withheld": ["department", "accountEnabled"]})
    users = (await talk.graph(f"GET /users?{SELECT}&$top=999")).body["value"]
    assert {(user["department"], user["accountEnabled"]) for user in users} == {(None, None)}
    assert any(user["mobilePhone"] for user in users)
    changed = {"department": "New", "displayName": "New"}
    await talk.admin(f"PATCH {ONE}/users/{users[0]['id']}", changed)
    round_ = (await talk.graph(f"GET {delta['@odata.deltaLink']}")).body["value"]
    assert round_ == [{"id": users[0]["id"], "displayName": "New"}]
