"""Bodies: an absent body is refused, a byte order mark is accepted, and a PUT names what it reset."""

import json
from typing import Any

import pytest

from shared.bootstrap import App, Ports
from shared.domain.ids import LocationId, TenantId
from shared.triggers.http.framework.openapi import document
from tests.support.builders import person
from tests.support.http.calling import Client

pytestmark = pytest.mark.usefixtures("connected")
CONTOSO = TenantId("contoso")
PREFERENCES, ADMINS = "tenants/contoso/preferences", "tenants/contoso/admins"
DESK = "tenants/contoso/locations/desk"
#: Every method and path whose contract has a body.
WITH_BODY = sorted(
    (method.upper(), path.strip("/"))
    for path, operations in document()["paths"].items()
    for method, operation in operations.items()
    if "requestBody" in operation
)
PATHS = {
    "tenant": "contoso",
    "location": "desk",
    "run": "8000000000000-00000000",
    "recipient": "ada",
    "import": "8000000000000-00000000",
    "number": "1",
}


async def _settings(product: App, ports: Ports) -> tuple[object, ...]:
    """Return everything that an empty body could change."""
    return (
        (await product.preferences.get(CONTOSO)).value,
        (await product.tenants.get_admins(CONTOSO)).value,
        await product.tenants.get(CONTOSO),
        (await product.connect.connection(CONTOSO)).value,
        await product.locations.list_all(CONTOSO),
        (await ports.sync_states.get(CONTOSO)).value,
        await product.run_history.list_runs(CONTOSO, "", 10),
        [recipient async for recipient in ports.recipients.list_recipients(CONTOSO, LocationId("desk"))],
    )


@pytest.mark.parametrize(("method", "path"), WITH_BODY)
@pytest.mark.parametrize(("headers", "status"), [({}, 400), ({"Transfer-Encoding": "chunked"}, 411)])
async def test_an_absent_body_changes_nothing(
    api: Client, product: App, ports: Ports, method: str, path: str, headers: dict[str, str], status: int
) -> None:
    """A body that a gateway or the host lost is refused by every route that documents one."""
    await api("PUT", PREFERENCES, {"mode": "full", "guard": {"maxPeople": 5}})
    await api("PUT", ADMINS, {"azureTenantId": person(900), "people": []})
    await api("POST", f"{DESK}/recipients", raw=b"Name,E-mail\nAda,ada@example.com\n")
    before = await _settings(product, ports)
    refused = await api(method, path.format(**PATHS), raw=b"", headers=headers)
    assert (refused.status, refused.body["code"]) == (status, "body_required")
    assert refused.body["fix"]
    assert await _settings(product, ports) == before


async def test_an_empty_object_is_a_body(api: Client) -> None:
    """It resets the preferences, edits nothing, and starts an incremental run."""
    await api("PUT", PREFERENCES, {"mode": "full"})
    assert (await api("PUT", PREFERENCES, {})).body["mode"] == "groups"
    await api("POST", f"{DESK}/recipients", raw=b"Name,E-mail\nAda,ada@example.com\n")
    (row,) = (await api("GET", f"{DESK}/recipients")).body["recipients"]
    assert (await api("PATCH", f"{DESK}/recipients/{row['id']}", {})).body == row
    assert (await api("POST", "tenants/contoso/runs", {})).body["mode"] == "incremental"


@pytest.mark.parametrize(
    ("stored", "sent", "reset"),
    [
        ({"mode": "full", "requireMail": True}, {"mode": "full"}, ["requireMail"]),
        ({"guard": {"maxPeople": 5, "smallFrom": 3}}, {"guard": {"smallFrom": 3}}, ["guard.maxPeople"]),
        (
            {"attributes": {"defaultCountry": "DE", "manager": True}},
            {"attributes": {}},
            ["attributes.defaultCountry", "attributes.manager"],
        ),
        ({"attributes": {"defaultCountry": "DE"}, "mode": "full"}, {}, ["attributes", "mode"]),
        ({"mode": "full"}, {"mode": "groups"}, []),
        ({"mode": "full"}, {"mode": "full", "includeGuests": True}, []),
    ],
)
async def test_replaced_preferences_name_what_was_reset(
    api: Client, stored: dict[str, Any], sent: dict[str, Any], reset: list[str]
) -> None:
    """Only fields that the request left out and whose value changed; a repeat of the answer is accepted."""
    assert (await api("PUT", PREFERENCES, stored)).status == 200
    answer = await api("PUT", PREFERENCES, sent)
    assert answer.status == 200
    assert answer.body.get("reset") == (reset or None)
    repeated = await api("PUT", PREFERENCES, answer.body)
    assert (repeated.status, "reset" in repeated.body) == (200, False)


async def test_replaced_admins_name_what_was_reset(api: Client) -> None:
    """The Azure tenant that a request leaves out has no access any more."""
    people = [{"azureTenantId": person(900), "objectId": person(1)}]
    await api("PUT", ADMINS, {"azureTenantId": person(901), "people": people})
    answer = await api("PUT", ADMINS, {"people": people})
    assert answer.body == {"azureTenantId": None, "people": people, "reset": ["azureTenantId"]}
    assert (await api("GET", ADMINS)).body == {"azureTenantId": None, "people": people}


@pytest.mark.parametrize("body", [{}, {"azureTenantId": person(901)}, {"people": None}])
async def test_admins_are_not_replaced_without_their_list(api: Client, body: dict[str, Any]) -> None:
    """400 that names the list; the grants stay."""
    stored = {"azureTenantId": None, "people": [{"azureTenantId": person(900), "objectId": person(1)}]}
    await api("PUT", ADMINS, stored)
    refused = await api("PUT", ADMINS, body)
    assert (refused.status, refused.body["code"]) == (400, "invalid_body")
    assert "people" in refused.body["detail"]
    assert (await api("GET", ADMINS)).body == stored


async def test_a_byte_order_mark_is_no_part_of_the_json(api: Client) -> None:
    """Windows tools put one before what they send; alone it is not a body."""
    marked = b"\xef\xbb\xbf" + json.dumps({"name": "Zoë"}).encode()
    assert (await api("PUT", "tenants/contoso", raw=marked)).body["name"] == "Zoë"
    refused = await api("PUT", PREFERENCES, raw=b"\xef\xbb\xbf")
    assert (refused.status, refused.body["code"]) == (400, "malformed_json")


@pytest.mark.parametrize("ends", ["9999-12-31T23:59:59.9999999Z", "2031-01-02T03:04:05.1234567Z"])
async def test_a_date_with_seven_decimals_is_accepted(api: Client, credentials: dict[str, Any], ends: str) -> None:
    """As Microsoft Graph shows the end of a secret, also of one that never expires; it can be sent again."""
    put = await api("PUT", "tenants/contoso/connection", {**credentials, "secretExpiresOn": ends})
    assert (put.status, put.body["secretExpiresOn"][:26]) == (200, ends[:26])
    again = {**credentials, "secretExpiresOn": put.body["secretExpiresOn"]}
    assert (await api("PUT", "tenants/contoso/connection", again)).status == 200
