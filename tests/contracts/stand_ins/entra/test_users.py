"""`/users`, as Graph answers it."""

from typing import Any
from urllib.parse import quote

import pytest

from tests.contracts.stand_ins.entra.talking import Talk

ONE = "/directories/fabrikam"


async def test_paging(talk: Talk) -> None:
    """Pages have `$top` users and a nextLink. Together they contain every user once."""
    pages = await talk.pages("/users?$select=id&$top=7")
    assert [len(page.ids) for page in pages] == [7, 7, 7, 7, 2]
    ids = [key for page in pages for key in page.ids]
    assert len(set(ids)) == len(ids) == 30
    assert pages[0].body["@odata.nextLink"].startswith(f"{talk.entra.graph}/v1.0/users?$select=id&$top=7&$skiptoken=")
    assert pages[0].body["@odata.context"].endswith("/v1.0/$metadata#users(id)")


async def test_double_slash(talk: Talk) -> None:
    """The SDK's double slash is accepted, and the percent-encoded `$` too."""
    assert len((await talk.graph("GET //users?%24select=id&%24top=3")).ids) == 3


async def test_selected_properties(talk: Talk) -> None:
    """Only what was selected comes, null included; without `$select` the default set comes."""
    chosen = (await talk.graph("GET /users?$select=displayName,mail,faxNumber&$top=1")).body["value"][0]
    assert list(chosen) == ["displayName", "mail", "faxNumber"]
    assert chosen["faxNumber"] is None
    default = (await talk.graph("GET /users?$top=1")).body["value"][0]
    assert "accountEnabled" not in default
    assert {"id", "displayName", "userPrincipalName", "businessPhones"} <= set(default)


async def test_a_complex_property(talk: Talk) -> None:
    """It comes whole, with null for what is not known in it; a user without any has null."""
    ada, bob = [user["id"] for user in (await talk.admin(f"GET {ONE}/users?count=2"))["users"]]
    await talk.admin(f"PATCH {ONE}/users/{ada}", {"employeeOrgData": {"costCenter": "4711"}})
    await talk.admin(f"PATCH {ONE}/users/{bob}", {"employeeOrgData": None})
    for user, shown in ((ada, {"division": None, "costCenter": "4711"}), (bob, None)):
        answer = await talk.graph(f"GET /users/{user}?$select=employeeOrgData")
        assert answer.body["employeeOrgData"] == shown


async def test_managers(talk: Talk) -> None:
    """Users include their managers by id on every page, but only on request."""
    ada, bob = [user["id"] for user in (await talk.admin(f"GET {ONE}/users?count=2"))["users"]]
    await talk.admin(f"PATCH {ONE}/users/{ada}", {"manager": bob})
    pages = await talk.pages("/users?$select=id&$expand=manager($select=id)&$top=7")
    shown = {user["id"]: user.get("manager") for page in pages for user in page.body["value"]}
    assert shown.pop(ada) == {"@odata.type": "#microsoft.graph.user", "id": bob}
    assert set(shown.values()) == {None}
    assert "manager" not in (await talk.graph(f"GET /users/{ada}?$select=id")).body
    for refused in ("/users?$expand=manager", "/groups?$expand=manager($select=id)"):
        assert (await talk.graph(f"GET {refused}")).code == "BadRequest"


async def test_sign_in_activity(talk: Talk) -> None:
    """Reading the time of the last sign-in requires its own permission."""
    assert (await talk.graph("GET /users?$select=id,signInActivity")).status == 403
    await talk.admin(f"POST {ONE}/roles", {"grant": ["AuditLog.Read.All"]})
    await talk.token()
    page = await talk.graph("GET /users?$select=id,signInActivity&$top=1")
    assert page.body["value"][0]["signInActivity"] is None


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("$top=1000", "Request_BadRequest"),
        ("$top=0", "Request_BadRequest"),
        ("$select=shoeSize", "BadRequest"),
        ("$skip=5", "BadRequest"),
        ("$filter=mail eq", "BadRequest"),
        ("$filter=mail ne null", "Request_UnsupportedQuery"),
        ("$filter=endswith(mail,'x')", "Request_UnsupportedQuery"),
        ("$orderby=mail", "Request_UnsupportedQuery"),
        ("$expand=manager", "BadRequest"),
        ('$search="displayName:a"', "Request_UnsupportedQuery"),
        ("$skiptoken=nonsense", "Request_BadRequest"),
    ],
)
async def test_bad_queries(talk: Talk, query: str, code: str) -> None:
    """What Graph refuses is refused, with its code."""
    refused = await talk.graph(f"GET /users?{query}")
    assert (refused.status, refused.code) == (400, code)


async def test_page_tokens(talk: Talk) -> None:
    """A page token belongs to its query, and ages."""
    link: str = (await talk.graph("GET /users?$top=2")).body["@odata.nextLink"]
    other = await talk.graph(f"GET {link.replace('$top=2', '$top=3')}")
    assert (other.status, other.code) == (400, "Request_BadRequest")
    await talk.admin("POST /clock", {"advance_s": 3601})
    late = await talk.graph(f"GET {link}")
    assert (late.status, late.code) == (400, "Directory_ExpiredPageToken")


async def all_users(talk: Talk) -> list[dict[str, Any]]:
    """All users of fabrikam."""
    users: list[dict[str, Any]] = (await talk.admin(f"GET {ONE}/users"))["users"]
    return users


async def test_one_user(talk: Talk) -> None:
    """A user is found by id and by user principal name, in any letter case, guests too."""
    guest = await talk.admin(
        f"POST {ONE}/users",
        {"userPrincipalName": "pat_x.example#EXT#@fabrikam.onmicrosoft.com", "userType": "Guest", "mail": None},
    )
    for user in [(await all_users(talk))[3], guest]:
        for key in (user["id"], user["userPrincipalName"], user["userPrincipalName"].upper()):
            found = await talk.graph(f"GET /users/{quote(key, safe='@')}?$select=id,userPrincipalName,mail")
            assert (found.status, found.body["id"], found.body["mail"]) == (200, user["id"], user["mail"])
    unknown = await talk.graph("GET /users/nobody@fabrikam.onmicrosoft.com")
    assert (unknown.status, unknown.code) == (404, "Request_ResourceNotFound")


async def test_filters(talk: Talk) -> None:
    """Filters find what they should, without regard to letter case."""
    users = await all_users(talk)
    one, two = users[1], users[2]

    async def found(condition: str) -> set[str]:
        return set(await talk.ids(f"/users?$select=id&$top=5&$filter={quote(condition)}"))

    assert await found(f"id eq '{one['id']}'") == {one["id"]}
    assert await found(f"id in ('{one['id']}','{two['id']}', '{'0' * 8}')") == {one["id"], two["id"]}
    assert await found(f"userPrincipalName eq '{one['userPrincipalName'].upper()}'") == {one["id"]}
    assert await found("accountEnabled eq true") == {user["id"] for user in users if user["accountEnabled"]}
    assert await found("startswith(surname,'s') and (accountEnabled eq true or userType eq 'Guest')") == {
        user["id"]
        for user in users
        if user["surname"].lower().startswith("s") and (user["accountEnabled"] or user["userType"] == "Guest")
    }
    await talk.admin(f"PATCH {ONE}/users/{one['id']}", {"displayName": "Zoë O'Brien"})
    assert await found("displayName eq 'zoë o''brien'") == {one["id"]}


async def test_advanced_queries(talk: Talk) -> None:
    """With `ConsistencyLevel: eventual` counts, searches and `ne` work."""
    user = (await all_users(talk))[1]
    page = await talk.graph("GET /users?$count=true&$top=2&$select=id", eventual=True)
    assert page.body["@odata.count"] == 30
    assert "@odata.count" not in (await talk.graph("GET /users?$count=true&$top=2")).body
    count = await talk.graph("GET /users/$count", eventual=True)
    assert count.body["text"] == "30"
    assert (await talk.graph("GET /users/$count")).status == 400
    search = quote(f'"displayName:{user["surname"].split()[0]}"')
    assert user["id"] in await talk.ids(f"/users?$select=id&$search={search}", eventual=True)
    others = await talk.ids(f"/users?$count=true&$filter={quote('mail ne null')}", eventual=True)
    assert user["id"] in others or user["mail"] is None


async def test_order(talk: Talk) -> None:
    """`$orderby=displayName` sorts over all pages."""
    pages = await talk.pages("/users?$select=id,displayName&$orderby=displayName&$top=4")
    names = [item["displayName"].casefold() for page in pages for item in page.body["value"]]
    assert names == sorted(names)
    assert len(names) == 30


async def test_permission(talk: Talk) -> None:
    """Reading users needs User.Read.All or more; groups permissions do not do."""
    await talk.admin(f"POST {ONE}/roles", {"revoke": ["User.Read.All"]})
    await talk.token()
    assert (await talk.graph("GET /users")).code == "Authorization_RequestDenied"
    await talk.admin(f"POST {ONE}/roles", {"grant": ["Directory.Read.All"]})
    await talk.token()
    assert (await talk.graph("GET /users")).status == 200


async def test_changes(talk: Talk) -> None:
    """Users can be added, changed, deleted and restored while it runs."""
    added = await talk.admin(f"POST {ONE}/users", {"displayName": "Ada", "department": "Sales"})
    assert added["id"] in await talk.ids("/users?$select=id")
    await talk.admin(f"PATCH {ONE}/users/{added['id']}", {"department": None, "accountEnabled": False})
    changed = (await talk.graph(f"GET /users/{added['id']}?$select=department,accountEnabled")).body
    assert (changed["department"], changed["accountEnabled"]) == (None, False)
    await talk.admin(f"DELETE {ONE}/users/{added['id']}")
    assert (await talk.graph(f"GET /users/{added['id']}")).status == 404
    assert added["id"] not in await talk.ids("/users?$select=id")
    await talk.admin(f"POST {ONE}/users/{added['id']}/restore")
    assert (await talk.graph(f"GET /users/{added['id']}")).body["displayName"] == "Ada"


async def test_errors_carry_ids(talk: Talk) -> None:
    """An error names the request and repeats the client's own id."""
    reply = await talk.graph("GET /users/nobody", headers={"client-request-id": "mine"})
    assert reply.body["error"]["innerError"]["client-request-id"] == "mine"
    assert reply.body["error"]["innerError"]["request-id"] == reply.headers["request-id"]
    assert (await talk.graph("GET /nonsense")).code == "BadRequest"
