"""Lists of users and members that come from a replica that lags behind; single objects do not."""

from tests.contracts.stand_ins.entra.talking import Talk

ONE = "/directories/fabrikam"


async def test_lists_lag_behind(talk: Talk) -> None:
    """Users who were added, changed and deleted within the lag; a shorter lag shows them, and later all do."""
    users = (await talk.admin(f"GET {ONE}/users"))["users"]
    await talk.admin("PATCH /settings", {"listing_lag_s": 60})
    added = await talk.admin(f"POST {ONE}/users", {"displayName": "Ada"})
    await talk.admin(f"PATCH {ONE}/users/{users[0]['id']}", {"displayName": "New"})
    await talk.admin(f"DELETE {ONE}/users/{users[1]['id']}")
    names = {user["id"]: user["displayName"] for user in users}
    for ahead_s, seen in ((0, False), (61, True)):
        await talk.admin("POST /clock", {"advance_s": ahead_s})
        listed = {item["id"]: item["displayName"] for item in (await talk.graph("GET /users?$top=999")).body["value"]}
        now = {**names, users[0]["id"]: "New", added["id"]: "Ada"}
        del now[users[1]["id"]]
        assert listed == (now if seen else names)
        filtered = await talk.graph(f"GET /users?$filter=id in ('{added['id']}')")
        assert filtered.ids == ([added["id"]] if seen else [])
        assert (await talk.graph(f"GET /users/{added['id']}")).status == 200
        assert (await talk.graph(f"GET /users/{users[1]['id']}")).status == 404
    await talk.admin("PATCH /settings", {"listing_lag_s": 3_600})
    listed = {item["id"]: item["displayName"] for item in (await talk.graph("GET /users?$top=999")).body["value"]}
    assert listed == names


async def test_members_lag_behind(talk: Talk) -> None:
    """Direct and transitive ones; a membership check and the change feed do not."""
    await talk.admin("PATCH /settings", {"listing_lag_s": 60})
    users = [user["id"] for user in (await talk.admin(f"GET {ONE}/users"))["users"]]
    group = await talk.admin(f"POST {ONE}/groups", {"displayName": "Team", "members": users[:2]})
    await talk.admin("POST /clock", {"advance_s": 61})
    await talk.admin(f"POST {ONE}/groups/{group['id']}/members", {"add": users[2:3], "remove": users[:1]})
    for ahead_s, seen in ((0, users[:2]), (61, users[1:3])):
        await talk.admin("POST /clock", {"advance_s": ahead_s})
        for kind in ("members", "transitiveMembers"):
            assert sorted((await talk.graph(f"GET /groups/{group['id']}/{kind}")).ids) == sorted(seen)
        for user, inside in zip(users[:3], (False, True, True), strict=True):
            body = {"groupIds": [group["id"]]}
            found = await talk.graph(f"POST /users/{user}/checkMemberGroups", json=body)
            assert found.body["value"] == ([group["id"]] if inside else [])
