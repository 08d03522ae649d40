"""Applications, service principals and the organization."""

import re
from urllib.parse import quote

from tests.contracts.stand_ins.entra.talking import Talk

ONE = "/directories/fabrikam"


async def grant(talk: Talk, role: str) -> None:
    """The next tokens carry the role."""
    await talk.admin(f"POST {ONE}/roles", {"grant": [role]})
    await talk.token()


async def test_sso_assignments(talk: Talk) -> None:
    """Users and groups assigned to the SSO application are listed, by object id and by application id."""
    known = await talk.directory()
    sso = known["sso"]
    assert (await talk.graph(f"GET /servicePrincipals/{sso['object_id']}/appRoleAssignedTo")).status == 403
    await grant(talk, "Application.Read.All")
    by_id = await talk.graph(f"GET /servicePrincipals/{sso['object_id']}/appRoleAssignedTo?$top=999")
    kinds = [item["principalType"] for item in by_id.body["value"]]
    assert (kinds.count("Group"), kinds.count("User")) == (1, 5)
    pages = await talk.pages(f"/servicePrincipals(appId='{sso['application_id']}')/appRoleAssignedTo?$top=2")
    assert [key for page in pages for key in page.ids] == by_id.ids
    principal = await talk.graph(f"GET /servicePrincipals(appId='{sso['application_id']}')?$select=id,appId")
    assert (principal.body["id"], principal.body["appId"]) == (sso["object_id"], sso["application_id"])


async def test_assigning(talk: Talk) -> None:
    """More people can be assigned, and the deleted are not listed."""
    await grant(talk, "Application.Read.All")
    sso = (await talk.directory())["sso"]["object_id"]
    added = await talk.admin(f"POST {ONE}/users", {})
    await talk.admin(f"PATCH {ONE}/application", {"assign_users": [added["id"]]})
    path = f"GET /servicePrincipals/{sso}/appRoleAssignedTo"
    assert added["id"] in [item["principalId"] for item in (await talk.graph(path)).body["value"]]
    await talk.admin(f"DELETE {ONE}/users/{added['id']}")
    assert added["id"] not in [item["principalId"] for item in (await talk.graph(path)).body["value"]]


async def test_granted_roles(talk: Talk) -> None:
    """The granted permissions are listed by role id, and Graph's own service principal tells their names."""
    await grant(talk, "Application.Read.All")
    known = await talk.directory()
    graph = await talk.graph("GET /servicePrincipals(appId='00000003-0000-0000-c000-000000000000')")
    names = {role["id"]: role["value"] for role in graph.body["appRoles"]}
    roles = await talk.graph(f"GET /servicePrincipals/{known['object_id']}/appRoleAssignments")
    assert sorted(names[item["appRoleId"]] for item in roles.body["value"]) == known["roles"]
    assert {item["resourceId"] for item in roles.body["value"]} == {graph.body["id"]}


async def test_secrets_end(talk: Talk) -> None:
    """The application tells when its secrets end, and never their text."""
    await grant(talk, "Application.Read.All")
    known = await talk.directory()
    found = await talk.graph(f"GET /applications(appId='{known['application_id']}')?$select=id,passwordCredentials")
    secret = found.body["passwordCredentials"][0]
    assert (found.body["id"], secret["keyId"]) == (known["application_object_id"], known["client_secret_id"])
    assert secret["secretText"] is None
    for name in ("startDateTime", "endDateTime"):
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}Z", secret[name])
    condition = quote(f"appId eq '{known['application_id']}'")
    assert (await talk.graph(f"GET /applications?$filter={condition}")).ids == [known["application_object_id"]]
    assert (await talk.graph(f"GET /servicePrincipals?$filter={condition}")).ids == [known["object_id"]]
    assert (await talk.graph(f"GET /applications(appId='{known['object_id']}')")).status == 404


async def test_a_secret_without_an_end(talk: Talk) -> None:
    """It ends at the last instant that seven decimals can show."""
    await grant(talk, "Application.Read.All")
    await talk.admin(f"POST {ONE}/secrets", {"valid_days": None})
    application = (await talk.directory())["application_object_id"]
    secrets = (await talk.graph(f"GET /applications/{application}")).body["passwordCredentials"]
    assert secrets[-1]["endDateTime"] == "9999-12-31T23:59:59.9999999Z"


async def test_assignments_are_filtered_or_refused(talk: Talk) -> None:
    """A filter is never ignored."""
    await grant(talk, "Application.Read.All")
    path = f"/servicePrincipals/{(await talk.directory())['object_id']}/appRoleAssignments"
    known = (await talk.graph(f"GET {path}")).body["value"]
    same = await talk.graph(f"GET {path}?$filter=resourceId%20eq%20'{known[0]['resourceId']}'")
    assert len(same.body["value"]) == len(known)
    other = await talk.graph(f"GET {path}?$filter=resourceId%20eq%20'{known[0]['principalId']}'")
    assert other.body["value"] == []
    assert (await talk.graph(f"GET {path}?$filter=appRoleId%20eq%20'x'")).code == "Request_UnsupportedQuery"


async def test_organization(talk: Talk) -> None:
    """The tenant's name needs a permission of its own."""
    assert (await talk.graph("GET /organization")).status == 403
    await grant(talk, "Organization.Read.All")
    tenant = (await talk.graph("GET /organization")).body["value"][0]
    assert (tenant["id"], tenant["displayName"]) == ((await talk.directory())["azure_tenant_id"], "Fabrikam")
    alone = await talk.graph(f"GET /organization/{tenant['id']}")
    assert {name: alone.body[name] for name in tenant} == tenant
    assert (await talk.graph(f"GET /organization/{(await talk.directory('contoso'))['azure_tenant_id']}")).status == 404
