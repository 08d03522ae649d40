"""Delta queries: what has changed since, and all the ways in which that is unpleasant."""

from tests.contracts.stand_ins.entra.talking import Json, Reply, Talk

ONE = "/directories/fabrikam"
DELTA = "@odata.deltaLink"
WEEK_S = 7 * 86_400


async def read(talk: Talk, link: str) -> tuple[list[Json], str]:
    """All items of a round, and the link to the next."""
    pages = await talk.pages(link)
    return [item for page in pages for item in page.body["value"]], pages[-1].body[DELTA]


async def users_of(talk: Talk) -> list[Json]:
    """All users of fabrikam."""
    found: list[Json] = (await talk.admin(f"GET {ONE}/users"))["users"]
    return found


async def test_first_round_lists_everybody(talk: Talk) -> None:
    """Without a token, all users are listed by pages, without values that were never set. The next round is empty."""
    await talk.admin("PATCH /settings", {"delta_page_size": 7})
    users = await users_of(talk)
    pages = await talk.pages("/users/delta?$select=displayName,mail,mobilePhone")
    assert [len(page.ids) for page in pages] == [7, 7, 7, 7, 2]
    assert all((DELTA in page.body) == (page is pages[-1]) for page in pages)
    items = {item["id"]: item for page in pages for item in page.body["value"]}
    assert items.keys() == {user["id"] for user in users}
    for user in users:
        assert ("mobilePhone" in items[user["id"]]) == (user["mobilePhone"] is not None)
    assert (await read(talk, pages[-1].body[DELTA]))[0] == []


async def test_changes(talk: Talk) -> None:
    """Added, changed, soft-deleted, purged and restored users come once each, as they are now."""
    _, link = await read(talk, "/users/delta?$select=id,displayName,department")
    users = await users_of(talk)
    added = await talk.admin(f"POST {ONE}/users", {"displayName": "Ada"})
    await talk.admin(f"PATCH {ONE}/users/{users[0]['id']}", {"displayName": "First"})
    await talk.admin(f"PATCH {ONE}/users/{users[0]['id']}", {"displayName": "Second", "department": None})
    await talk.admin(f"PATCH {ONE}/users/{users[1]['id']}", {"jobTitle": "not tracked"})
    await talk.admin(f"DELETE {ONE}/users/{users[2]['id']}")
    await talk.admin(f"DELETE {ONE}/users/{users[3]['id']}?permanent=true")
    items, link = await read(talk, link)
    assert {item["id"]: item for item in items} == {
        added["id"]: {"id": added["id"], "displayName": "Ada", "department": None},
        users[0]["id"]: {"id": users[0]["id"], "displayName": "Second", "department": None},
        users[2]["id"]: {"id": users[2]["id"], "@removed": {"reason": "changed"}},
        users[3]["id"]: {"id": users[3]["id"], "@removed": {"reason": "deleted"}},
    }
    await talk.admin(f"POST {ONE}/users/{users[2]['id']}/restore")
    items, link = await read(talk, link)
    assert [item["displayName"] for item in items] == [users[2]["displayName"]]


async def test_minimal(talk: Talk) -> None:
    """With `Prefer: return=minimal` only changed properties come."""
    _, link = await read(talk, "/users/delta?$select=id,displayName,mail")
    user = (await users_of(talk))[0]
    await talk.admin(f"PATCH {ONE}/users/{user['id']}", {"displayName": "New"})
    reply = await talk.graph(f"GET {link}", headers={"Prefer": "return=minimal"})
    assert reply.body["value"] == [{"id": user["id"], "displayName": "New"}]


async def test_histories(talk: Talk) -> None:
    """Every change is an item of its own with only what it changed; a new user is introduced without a name."""
    await talk.admin("PATCH /settings", {"delta_histories": True})
    _, link = await read(talk, "/users/delta?$select=id,displayName,userPrincipalName,department,jobTitle")
    users = await users_of(talk)
    added = await talk.admin(f"POST {ONE}/users", {"displayName": "Ada", "department": "Engines"})
    await talk.admin(f"PATCH {ONE}/users/{users[0]['id']}", {"displayName": "First"})
    await talk.admin(f"PATCH {ONE}/users/{users[0]['id']}", {"department": None})
    await talk.admin(f"DELETE {ONE}/users/{users[1]['id']}")
    await talk.admin(f"POST {ONE}/users/{users[1]['id']}/restore")
    items, _ = await read(talk, link)
    assert items == [
        {"id": added["id"], "displayName": "Ada"},
        {"id": users[0]["id"], "displayName": "First"},
        {"id": users[0]["id"], "department": None},
        {"id": users[1]["id"], "@removed": {"reason": "changed"}},
        {"id": users[1]["id"], "displayName": users[1]["displayName"]},
    ]


async def test_nameless(talk: Talk) -> None:
    """The name of a changed user is null, in either kind of round."""
    user = (await users_of(talk))[0]
    for histories in (False, True):
        await talk.admin("PATCH /settings", {"delta_nameless": True, "delta_histories": histories})
        _, link = await read(talk, "/users/delta?$select=id,userPrincipalName,department")
        await talk.admin(f"PATCH {ONE}/users/{user['id']}", {"department": f"New {histories}"})
        items, _ = await read(talk, link)
        assert items == [{"id": user["id"], "userPrincipalName": None, "department": f"New {histories}"}]


async def test_latest(talk: Talk) -> None:
    """`$deltatoken=latest` gives a token without a listing."""
    reply = await talk.graph("GET /users/delta?$deltatoken=latest&$select=id")
    assert reply.body["value"] == []
    added = await talk.admin(f"POST {ONE}/users", {})
    items, _ = await read(talk, reply.body[DELTA])
    assert [item["id"] for item in items] == [added["id"]]


async def test_change_during_the_listing_comes_again(talk: Talk) -> None:
    """What changes between two pages of the listing comes in the next round."""
    await talk.admin("PATCH /settings", {"delta_page_size": 10})
    first = await talk.graph("GET /users/delta?$select=id,displayName")
    await talk.admin(f"PATCH {ONE}/users/{first.ids[0]}", {"displayName": "Late"})
    _, link = await read(talk, first.body["@odata.nextLink"])
    assert [item["displayName"] for item in (await read(talk, link))[0]] == ["Late"]


async def test_group_members(talk: Talk) -> None:
    """Membership changes are reported as `members@delta`. A change of a nested group does not change its parent."""
    users = [user["id"] for user in await users_of(talk)]
    inner = (await talk.admin(f"POST {ONE}/groups", {"displayName": "Inner"}))["id"]
    outer = (await talk.admin(f"POST {ONE}/groups", {"displayName": "Outer", "members": [inner, users[0]]}))["id"]
    path = f"/groups/delta?$select=id,displayName,members&$filter=id eq '{outer}'"
    items, link = await read(talk, path)
    assert [(item["id"], len(item["members@delta"])) for item in items] == [(outer, 2)]
    await talk.admin(f"POST {ONE}/groups/{inner}/members", {"add": users[5:6]})
    assert (await read(talk, link))[0] == []
    await talk.admin(f"POST {ONE}/groups/{outer}/members", {"add": users[1:2], "remove": users[:1]})
    items, link = await read(talk, link)
    assert items[0]["members@delta"] == [
        {"@odata.type": "#microsoft.graph.user", "id": users[1]},
        {"@odata.type": "#microsoft.graph.user", "id": users[0], "@removed": {"reason": "deleted"}},
    ]
    await talk.admin(f"DELETE {ONE}/users/{users[1]}")
    items, link = await read(talk, link)
    assert items[0]["members@delta"][0]["@removed"] == {"reason": "deleted"}
    await talk.admin(f"DELETE {ONE}/groups/{outer}")
    assert (await read(talk, link))[0] == [{"id": outer, "@removed": {"reason": "changed"}}]


async def test_big_group_comes_in_pieces(talk: Talk) -> None:
    """A group with more members than a page holds comes several times."""
    await talk.admin("PATCH /settings", {"delta_page_size": 6})
    group = (await talk.directory())["groups"][0]["id"]
    truth = await talk.admin(f"GET {ONE}/groups/{group}/members")
    items, _ = await read(talk, "/groups/delta?$select=id,members")
    pieces = [item["members@delta"] for item in items if item["id"] == group]
    assert len(pieces) > 1
    assert [member["id"] for piece in pieces for member in piece] == truth["users"]


async def test_joining_a_group_is_no_change_of_the_user(talk: Talk) -> None:
    """`/users/delta` is blind for memberships."""
    _, link = await read(talk, "/users/delta?$select=id")
    known = await talk.directory()
    user = (await users_of(talk))[-1]["id"]
    await talk.admin(f"POST {ONE}/groups/{known['groups'][1]['id']}/members", {"add": [user]})
    assert (await read(talk, link))[0] == []


async def expired(talk: Talk) -> Reply:
    """The answer to a token that is eight days old."""
    _, link = await read(talk, "/users/delta?$select=id,mail")
    await talk.admin("POST /clock", {"advance_s": WEEK_S + 86_400})
    return await talk.graph(f"GET {link}")


async def test_expired_token_is_gone(talk: Talk) -> None:
    """After a week the answer is 410 with the address at which to start again."""
    gone = await expired(talk)
    assert gone.status == 410
    items, _ = await read(talk, gone.headers["Location"])
    assert len(items) == 30
    assert set(items[0]) <= {"id", "mail"}


async def test_expired_token_is_not_found(talk: Talk) -> None:
    """Or, if so set, 400 syncStateNotFound."""
    await talk.admin("PATCH /settings", {"delta_expired": "syncStateNotFound"})
    reply = await expired(talk)
    assert (reply.status, reply.code) == (400, "syncStateNotFound")


async def test_foreign_tokens(talk: Talk) -> None:
    """A token of another tenant, or of another resource, is refused."""
    _, link = await read(talk, "/users/delta?$select=id")
    assert (await talk.graph(f"GET {link}", "contoso")).status == 400
    assert (await talk.graph(f"GET {link.replace('/users/', '/groups/')}")).status == 400
    assert (await talk.graph(f"GET {link}x")).status == 400


async def test_what_is_not_supported(talk: Talk) -> None:
    """`$top`, `$orderby`, `$expand` and filters other than by id are refused."""
    for query in ("$top=5", "$orderby=displayName", "$expand=members", "$filter=displayName eq 'x'"):
        assert (await talk.graph(f"GET /users/delta?{query}")).status == 400


async def test_unpleasantness(talk: Talk) -> None:
    """Empty pages, duplicates, replays, unknown removals and late changes can be switched on."""
    _, link = await read(talk, "/users/delta?$select=id")
    first = await talk.admin(f"POST {ONE}/users", {})
    _, link = await read(talk, link)
    await talk.admin("PATCH /settings", {"delta_empty_pages": True, "delta_duplicates": True, "delta_replays": True})
    await talk.admin("PATCH /settings", {"delta_unknown_removals": True})
    second = await talk.admin(f"POST {ONE}/users", {})
    pages = await talk.pages(link)
    assert pages[0].ids == []
    assert pages[1].ids[:3] == [first["id"], second["id"], first["id"]]
    assert pages[1].body["value"][3]["@removed"] == {"reason": "deleted"}
    await talk.admin("PATCH /settings", {"delta_lag_s": 60, "delta_replays": False, "delta_unknown_removals": False})
    late = await talk.admin(f"POST {ONE}/users", {})
    items, link = await read(talk, pages[-1].body[DELTA])
    assert items == []
    await talk.admin("POST /clock", {"advance_s": 61})
    items, _ = await read(talk, link)
    assert items[0]["id"] == late["id"]
