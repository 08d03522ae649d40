"""Groups and their members, as Graph answers them."""

from urllib.parse import quote

import pytest

from tests.contracts.stand_ins.entra.talking import Json, Talk

ONE = "/directories/fabrikam"
CAST = "microsoft.graph.user"


async def new_group(talk: Talk, name: str, members: list[str], **options: str) -> str:
    """The id of a group in fabrikam."""
    group = await talk.admin(f"POST {ONE}/groups", {"displayName": name, "members": members, **options})
    return str(group["id"])


async def some_users(talk: Talk, count: int) -> list[str]:
    """Ids of users of fabrikam."""
    return [user["id"] for user in (await talk.admin(f"GET {ONE}/users?count={count}"))["users"]]


async def test_listing(talk: Talk) -> None:
    """All 40 groups come, by pages, with what was selected."""
    pages = await talk.pages("/groups?$select=id,displayName&$top=15")
    assert [len(page.ids) for page in pages] == [15, 15, 10]
    assert list(pages[0].body["value"][0]) == ["id", "displayName"]


async def test_owners(talk: Talk) -> None:
    """A group has no owners; a group that there is not has none to ask for."""
    group = await new_group(talk, "Owned by nobody", [])
    assert (await talk.graph(f"GET /groups/{group}/owners")).body["value"] == []
    assert (await talk.graph("GET /groups/00000000-0000-4000-8000-000000000000/owners")).status == 404


async def test_search_and_filters(talk: Talk) -> None:
    """A picker's queries work: search by word, by beginning, by ids."""
    search = quote('"displayName:ouro"')
    refused = await talk.graph(f"GET /groups?$search={search}")
    assert (refused.status, refused.code) == (400, "Request_UnsupportedQuery")
    found = await talk.graph(f"GET /groups?$search={search}&$select=displayName", eventual=True)
    assert len(found.body["value"]) == 3
    beginning = quote("startswith(displayName,'zürich')")
    starting = await talk.graph(f"GET /groups?$filter={beginning}")
    assert starting.body["value"][0]["displayName"] == "Zürich Büro"
    ids = (await talk.ids("/groups?$select=id"))[:2]
    both = quote(f"id in ('{ids[0]}','{ids[1]}')")
    listed = await talk.ids(f"/groups?$select=id&$filter={both}")
    assert listed == ids


async def test_one_group(talk: Talk) -> None:
    """A group is found by id; an unknown id is 404, something else than an id is 400."""
    group = (await talk.directory())["groups"][2]
    assert (await talk.graph(f"GET /groups/{group['id']}")).body["displayName"] == group["displayName"]
    unknown = await talk.graph("GET /groups/00000000-0000-4000-8000-000000000000/members")
    assert (unknown.status, unknown.code) == (404, "Request_ResourceNotFound")
    assert (await talk.graph("GET /groups/nonsense")).status == 400


async def test_direct_members(talk: Talk) -> None:
    """Members come once each, with their type, users and groups; each with the properties of its kind."""
    users = await some_users(talk, 5)
    inner = await new_group(talk, "Inner", [])
    outer = await new_group(talk, "Outer", [*users, inner])
    pages = await talk.pages(f"/groups/{outer}/members?$select=id,displayName,mail,department&$top=2")
    items: list[Json] = [item for page in pages for item in page.body["value"]]
    assert [item["id"] for item in items] == [*users, inner]
    assert items[0]["@odata.type"] == "#microsoft.graph.user"
    assert "department" in items[0]
    assert items[5]["@odata.type"] == "#microsoft.graph.group"
    assert "department" not in items[5]


async def test_transitive_members_with_a_circle(talk: Talk) -> None:
    """Nested members come once each; a circle ends, and the group is not its own member."""
    users = await some_users(talk, 4)
    top = await new_group(talk, "Top", users[:2])
    middle = await new_group(talk, "Middle", users[1:3])
    bottom = await new_group(talk, "Bottom", [users[3], top])
    await talk.admin(f"POST {ONE}/groups/{top}/members", {"add": [middle]})
    await talk.admin(f"POST {ONE}/groups/{middle}/members", {"add": [bottom]})
    found = await talk.ids(f"/groups/{top}/transitiveMembers?$select=id&$top=2")
    assert sorted(found) == sorted([*users, middle, bottom])
    truth = await talk.admin(f"GET {ONE}/groups/{top}/members?transitive=true")
    assert sorted(found) == sorted(truth["users"] + truth["groups"])
    only = await talk.ids(f"/groups/{top}/transitiveMembers/{CAST}?$count=true&$select=id", eventual=True)
    assert sorted(only) == sorted(users)


@pytest.mark.parametrize("what", ["members", "transitiveMembers"])
async def test_cast_needs_consistency(talk: Talk, what: str) -> None:
    """A cast needs the header and `$count=true`, on every nextLink again, and takes no filter by accountEnabled."""
    group = await new_group(talk, "Cast", await some_users(talk, 5))
    path = f"/groups/{group}/{what}/{CAST}?$select=id&$top=2"
    for refused in (
        await talk.graph(f"GET {path}"),
        await talk.graph(f"GET {path}", eventual=True),
        await talk.graph(f"GET {path}&$count=true&$filter={quote('accountEnabled eq true')}", eventual=True),
    ):
        assert (refused.status, refused.code) == (400, "Request_UnsupportedQuery")
    first = await talk.graph(f"GET {path}&$count=true", eventual=True)
    assert first.body["@odata.count"] == 5
    link = first.body["@odata.nextLink"]
    assert (await talk.graph(f"GET {link}")).code == "Request_UnsupportedQuery"
    assert (await talk.graph(f"GET {link}", eventual=True)).status == 200


async def test_count(talk: Talk) -> None:
    """Members are counted as plain text."""
    inner = await new_group(talk, "Inner", await some_users(talk, 3))
    outer = await new_group(talk, "Outer", [inner])
    count = await talk.graph(f"GET /groups/{outer}/members/$count", eventual=True)
    assert (count.status, count.body["text"]) == (200, "1")
    count = await talk.graph(f"GET /groups/{outer}/transitiveMembers/{CAST}/$count?$count=true", eventual=True)
    assert count.body["text"] == "3"
    assert (await talk.graph(f"GET /groups/{outer}/members/$count")).status == 400


async def test_members_without_permission_to_read_users(talk: Talk) -> None:
    """Without User.Read.All a member is a type and an id, and everything else is null: still 200."""
    users = await some_users(talk, 2)
    group = await new_group(talk, "Blind", users)
    await talk.admin(f"POST {ONE}/roles", {"revoke": ["User.Read.All"]})
    await talk.token()
    page = await talk.graph(f"GET /groups/{group}/members?$select=id,displayName,userPrincipalName")
    assert page.body["value"] == [
        {"@odata.type": "#microsoft.graph.user", "displayName": None, "userPrincipalName": None, "id": key}
        for key in users
    ]


async def test_groups_need_a_permission(talk: Talk) -> None:
    """Without a groups permission neither groups nor members can be read; Group.Read.All alone will do."""
    group = (await talk.directory())["groups"][0]["id"]
    await talk.admin(f"POST {ONE}/roles", {"revoke": ["GroupMember.Read.All", "Group.Read.All"]})
    await talk.token()
    for path in ("/groups", f"/groups/{group}", f"/groups/{group}/members", "/groups/delta"):
        assert (await talk.graph(f"GET {path}")).code == "Authorization_RequestDenied"
    await talk.admin(f"POST {ONE}/roles", {"grant": ["Group.Read.All"]})
    await talk.token()
    assert (await talk.graph(f"GET /groups/{group}/members")).status == 200


async def test_hidden_membership(talk: Talk) -> None:
    """Hidden members need Member.Read.Hidden; without it 403 or nothing comes, as the settings say."""
    group = await new_group(talk, "Secret", await some_users(talk, 2), visibility="HiddenMembership")
    assert (await talk.graph(f"GET /groups/{group}/members")).status == 403
    await talk.admin("PATCH /settings", {"hidden_membership": "empty"})
    assert (await talk.graph(f"GET /groups/{group}/members")).ids == []
    await talk.admin(f"POST {ONE}/roles", {"grant": ["Member.Read.Hidden"]})
    await talk.token()
    assert len((await talk.graph(f"GET /groups/{group}/transitiveMembers")).ids) == 2


async def test_deleted_user_leaves_groups(talk: Talk) -> None:
    """A deleted user is not a member any more, and is a member again when restored."""
    users = await some_users(talk, 2)
    group = await new_group(talk, "Two", users)
    await talk.admin(f"DELETE {ONE}/users/{users[0]}")
    assert await talk.ids(f"/groups/{group}/members?$select=id") == [users[1]]
    assert await talk.ids(f"/groups/{group}/transitiveMembers?$select=id") == [users[1]]
    await talk.admin(f"POST {ONE}/users/{users[0]}/restore")
    assert await talk.ids(f"/groups/{group}/members?$select=id") == users


async def test_group_changes(talk: Talk) -> None:
    """Groups can be renamed, deleted and restored, and people leave them."""
    users = await some_users(talk, 2)
    group = await new_group(talk, "Before", users)
    await talk.admin(f"PATCH {ONE}/groups/{group}", {"displayName": "After"})
    assert (await talk.graph(f"GET /groups/{group}?$select=displayName")).body["displayName"] == "After"
    await talk.admin(f"POST {ONE}/groups/{group}/members", {"remove": [users[0]]})
    assert await talk.ids(f"/groups/{group}/members?$select=id") == [users[1]]
    await talk.admin(f"DELETE {ONE}/groups/{group}")
    assert (await talk.graph(f"GET /groups/{group}")).status == 404
    await talk.admin(f"POST {ONE}/groups/{group}/restore")
    assert await talk.ids(f"/groups/{group}/members?$select=id") == [users[1]]


async def test_somebody_leaves_between_pages(talk: Talk) -> None:
    """A change between two pages neither repeats nor skips the others."""
    users = await some_users(talk, 6)
    group = await new_group(talk, "Moving", users)
    first = await talk.graph(f"GET /groups/{group}/members?$select=id&$top=3")
    await talk.admin(f"POST {ONE}/groups/{group}/members", {"remove": [users[0], users[4]]})
    assert await talk.ids(first.body["@odata.nextLink"]) == [users[3], users[5]]


async def test_check_member_groups(talk: Talk) -> None:
    """The groups a user is in, also through others, are named; unknown ones are passed over, 21 are too many."""
    users = await some_users(talk, 2)
    inner = await new_group(talk, "Inner", users[:1])
    outer = await new_group(talk, "Outer", [inner])
    other = await new_group(talk, "Other", users[1:])
    unknown = "00000000-0000-4000-8000-000000000000"
    asked = {"groupIds": [other, outer, inner, unknown]}
    found = await talk.graph(f"POST /users/{users[0]}/checkMemberGroups", json=asked)
    assert found.body["value"] == [outer, inner]
    many = await talk.graph(f"POST /users/{users[0]}/checkMemberGroups", json={"groupIds": [inner] * 21})
    assert (many.status, many.code) == (400, "Request_BadRequest")
    assert (await talk.graph(f"POST /users/{unknown}/checkMemberGroups", json=asked)).status == 404


async def test_get_by_ids(talk: Talk) -> None:
    """One request returns many objects. Objects that do not exist or have another type are left out."""
    users = await some_users(talk, 2)
    group = (await talk.directory())["groups"][0]["id"]
    asked: Json = {"ids": [*users, group, "00000000-0000-4000-8000-000000000000"]}
    path = "POST /directoryObjects/getByIds?$select=id,displayName"
    assert (await talk.graph(path, json=asked)).ids == [*users, group]
    assert (await talk.graph(path, json=asked | {"types": ["group"]})).ids == [group]
