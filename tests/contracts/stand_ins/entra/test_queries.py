"""What Graph refuses: unknown properties, filters without an index, advanced queries without their header."""

import importlib
import inspect
import re
from urllib.parse import quote

import pytest

from infra.local.entra.odata import entity_types
from infra.local.entra.odata.entity_types import EntityType
from tests.contracts.stand_ins.entra.talking import Talk

ONE = "/directories/fabrikam"
TYPES = (
    entity_types.USER,
    entity_types.GROUP,
    entity_types.APPLICATION,
    entity_types.SERVICE_PRINCIPAL,
    entity_types.ASSIGNMENT,
    entity_types.ORGANIZATION,
)
#: Properties of every object, which the models inherit.
INHERITED = {"id", "deletedDateTime"}


def modelled(kind: EntityType) -> set[str]:
    """Return the names that the models generated from Microsoft's CSDL decode."""
    file = re.sub("(?<!^)(?=[A-Z])", "_", kind.name).lower()
    module = importlib.import_module(f"msgraph.generated.models.{file}")
    return set(re.findall(r'"(\w+)": lambda n : setattr', inspect.getsource(module)))


@pytest.mark.parametrize("kind", TYPES, ids=lambda kind: kind.name)
def test_properties_are_those_of_microsofts_schema(kind: EntityType) -> None:
    """No property is made up, none is missing, and queries name only properties."""
    known = modelled(kind) | INHERITED
    assert kind.properties | kind.elsewhere | kind.navigation <= known
    filters = kind.equal | kind.equal_advanced | kind.begins | kind.begins_advanced | kind.ends | kind.nullable
    assert filters | kind.sorted_by | kind.sorted_advanced <= kind.properties
    assert not kind.properties & kind.elsewhere


@pytest.mark.parametrize(
    "path",
    [
        "/users?$select=shoeSize",
        "/users?$filter=shoeSize eq 1",
        "/users?$filter=startswith(shoeSize,'4')",
        "/users?$orderby=shoeSize",
        "/users/delta?$select=shoeSize",
        "/groups?$select=shoeSize",
        "/groups?$filter=shoeSize eq 'x'",
        "/applications?$select=shoeSize",
        "/applications?$filter=shoeSize eq 'x'",
        "/servicePrincipals?$select=shoeSize",
        "/organization?$select=shoeSize",
    ],
)
async def test_unknown_properties(talk: Talk, path: str) -> None:
    """A property that Graph does not have is a 400 everywhere; it is not null."""
    await talk.admin(f"POST {ONE}/roles", {"grant": ["Application.Read.All", "Organization.Read.All"]})
    reply = await talk.graph(f"GET {path.replace(' ', '%20')}")
    assert (reply.status, reply.code) == (400, "BadRequest")


@pytest.mark.parametrize("name", ["skills", "aboutMe", "birthday", "mailboxSettings", "mySite"])
async def test_properties_stored_elsewhere(talk: Talk, name: str) -> None:
    """Lists and delta queries cannot show what another service stores."""
    for path in ("/users", "/users/delta"):
        reply = await talk.graph(f"GET {path}?$select=id,{name}")
        assert (reply.status, reply.code) == (501, "NotImplemented")
    user = (await talk.graph("GET /users?$select=id&$top=1")).ids[0]
    assert (await talk.graph(f"GET /users/{user}?$select=id,{name}")).status == 200


@pytest.mark.parametrize(
    ("path", "by_default", "advanced"),
    [
        ("/users?$filter=department eq 'Sales'", 200, 200),
        ("/users?$filter=startswith(mail,'a')", 200, 200),
        ("/users?$filter=userType in ('Guest')", 200, 200),
        ("/users?$filter=companyName eq 'Fabrikam'", 400, 200),
        ("/users?$filter=officeLocation eq 'Oslo'", 400, 200),
        ("/users?$filter=startswith(mobilePhone,'+47')", 400, 200),
        ("/users?$filter=employeeType in ('Employee')", 400, 200),
        ("/users?$filter=department eq null", 400, 200),
        ("/users?$filter=department ne 'Sales'", 400, 200),
        ("/users?$filter=not startswith(mail,'a')", 400, 200),
        ("/users?$filter=endswith(mail,'x')", 400, 200),
        ("/users?$filter=endswith(department,'x')", 400, 400),
        ("/users?$filter=startswith(jobTitle,'A')", 400, 400),
        ("/users?$filter=faxNumber eq '1'", 400, 400),
        ("/users?$filter=accountEnabled eq null", 400, 400),
        ("/users?$filter=accountEnabled eq true&$orderby=displayName", 400, 200),
        ("/users?$orderby=userPrincipalName", 200, 200),
        ("/users?$orderby=surname", 400, 400),
        ("/users?$expand=manager($select=id)", 200, 400),
        ("/groups?$filter=startswith(displayName,'a')", 200, 200),
        ("/groups?$filter=securityEnabled eq true", 200, 200),
        ("/groups?$filter=description eq 'a'", 400, 200),
        ("/groups?$filter=visibility eq 'Private'", 400, 400),
        ("/applications?$filter=startswith(displayName,'R')", 200, 200),
        ("/applications?$orderby=displayName", 400, 200),
        ("/servicePrincipals?$filter=displayName ne 'x'", 400, 200),
    ],
)
async def test_advanced_queries(talk: Talk, path: str, by_default: int, advanced: int) -> None:
    """Each filter works as Microsoft's table says: by default, only as an advanced query, or never."""
    await talk.admin(f"POST {ONE}/roles", {"grant": ["Application.Read.All"]})
    await talk.token()
    url = quote(path, safe="/?$=&(),'+")
    assert (await talk.graph(f"GET {url}")).status == by_default
    assert (await talk.graph(f"GET {url}&$count=true", eventual=True)).status == advanced
    if advanced == 200 != by_default:  # the header alone, and the parameter alone, are not enough
        assert (await talk.graph(f"GET {url}", eventual=True)).status == 400
        refused = await talk.graph(f"GET {url}&$count=true")
        assert (refused.status, refused.code) == (400, "Request_UnsupportedQuery")


async def test_order_by_name_of_the_account(talk: Talk) -> None:
    """`$orderby=userPrincipalName` sorts by it."""
    page = await talk.graph("GET /users?$select=userPrincipalName&$orderby=userPrincipalName&$top=999")
    names = [user["userPrincipalName"].casefold() for user in page.body["value"]]
    assert names == sorted(names)
    assert len(names) == 30


@pytest.mark.parametrize("path", ["/users", "/groups", "/users/delta", "/organization", "/$batch"])
@pytest.mark.parametrize("method", ["DELETE", "PUT", "GET"])
async def test_wrong_methods(talk: Talk, method: str, path: str) -> None:
    """A path that exists answers 405 to a method that it does not have."""
    if method == "GET" and path != "/$batch":
        return
    refused = await talk.graph(f"{method} {path}")
    assert (refused.status, refused.code) == (405, "Request_BadRequest")


async def test_every_answer_names_its_version(talk: Talk) -> None:
    """Answers with content carry `OData-Version`, parts of a batch too."""
    assert (await talk.graph("GET /users?$top=1")).headers["OData-Version"] == "4.0"
    requests = [{"id": "1", "method": "GET", "url": "/users?$top=1"}]
    reply = await talk.graph("POST /$batch", json={"requests": requests})
    assert reply.body["responses"][0]["headers"]["OData-Version"] == "4.0"
