"""ETags and preconditions: what somebody else has changed meanwhile is not overwritten."""

from typing import Any, TypeVar

import pytest

from shared.bootstrap import App, Ports
from shared.domain.ids import TenantId
from shared.domain.optimistic_locking import Condition, Part
from shared.domain.preferences.preferences import Mode, Preferences
from shared.domain.versioned import Versioned
from shared.errors import ChangedMeanwhile
from shared.workflows.connections.connect import Connect
from tests.support.builders import csv_recipient, person
from tests.support.http.calling import Client

T = TypeVar("T")

pytestmark = pytest.mark.usefixtures("connected")
CONTOSO, DESK = TenantId("contoso"), "tenants/contoso/locations/desk"
EDITED: dict[str, dict[str, Any]] = {
    "tenants/contoso": {"name": "Contoso"},
    "tenants/contoso/admins": {"azureTenantId": person(900), "people": []},
    "tenants/contoso/preferences": {"mode": "full"},
    "tenants/contoso/sso": {"clientId": person(50)},
    DESK: {"name": "Desk"},
    f"{DESK}/groups": {"groups": [person(100)]},
}


def _other(body: dict[str, Any]) -> dict[str, Any]:
    """Return another body of the same route."""
    other = {
        "name": "Other",
        "azureTenantId": person(901),
        "mode": "groups",
        "clientId": person(51),
        "groups": [],
        "people": [],
    }
    return {name: other[name] for name in body}


@pytest.mark.parametrize("path", sorted(EDITED))
async def test_who_saw_an_older_version_is_refused(api: Client, path: str) -> None:
    """412 and nothing is changed; with the present ETag, or `*`, or none at all it is written and has a new ETag."""
    body = EDITED[path]
    written = await api("PUT", path, body)
    seen = await api("GET", path)
    assert seen.headers["ETag"] == written.headers["ETag"]
    changed = await api("PUT", path, _other(body), headers={"If-Match": seen.headers["ETag"]})
    assert changed.status in {200, 201}
    assert changed.headers["ETag"] != seen.headers["ETag"]
    stale = await api("PUT", path, body, headers={"If-Match": seen.headers["ETag"]})
    assert (stale.status, stale.body["code"]) == (412, "changed_meanwhile")
    assert stale.body["fix"]
    now = await api("GET", path)
    assert (now.body, now.headers["ETag"]) == (changed.body, changed.headers["ETag"])
    assert (await api("PUT", path, body, headers={"If-Match": "*"})).status == 200
    assert (await api("PUT", path, _other(body))).status == 200


async def test_creating_does_not_replace(api: Client, ports: Ports) -> None:
    """`If-None-Match: *` answers 412 where there is something, and `If-Match: *` where there is nothing."""
    for path in ("tenants/contoso", DESK):
        refused = await api("PUT", path, {"name": "Other"}, headers={"If-None-Match": "*"})
        assert (refused.status, refused.body["code"]) == (412, "changed_meanwhile")
    for path in ("tenants/fabrikam", "tenants/contoso/locations/roof"):
        before = (await ports.sync_states.get(CONTOSO)).value
        refused = await api("PUT", path, {"name": "New"}, headers={"If-Match": "*"})
        assert (refused.status, refused.body["code"]) == (412, "changed_meanwhile")
        assert (await ports.sync_states.get(CONTOSO)).value == before  # running work goes on
        assert (await api("PUT", path, {"name": "New"}, headers={"If-None-Match": "*"})).status in {200, 201}


async def test_an_etag_is_of_one_resource_only(api: Client) -> None:
    """That of another tenant or part opens nothing here, whatever both contain."""
    await api("PUT", "tenants/fabrikam", {"name": "Contoso"})
    for path in ("tenants/fabrikam/preferences", "tenants/contoso/admins"):
        tag = (await api("GET", path)).headers["ETag"]
        refused = await api("PUT", "tenants/contoso/preferences", {"mode": "full"}, headers={"If-Match": tag})
        assert refused.status == 412


async def test_a_connection_is_replaced_and_erased_in_the_version_that_was_seen(
    api: Client, credentials: dict[str, Any]
) -> None:
    """A stale PUT is refused before anything is checked, a stale DELETE erases nothing."""
    seen = (await api("GET", "tenants/contoso/connection")).headers["ETag"]
    put = await api("PUT", "tenants/contoso/connection", credentials, headers={"If-Match": seen})
    assert put.status == 200
    wrong = {**credentials, "clientSecret": "not it"}
    stale = await api("PUT", "tenants/contoso/connection", wrong, headers={"If-Match": seen})
    assert (stale.status, "report" in stale.body) == (412, False)
    assert (await api("DELETE", "tenants/contoso/connection", headers={"If-Match": seen})).status == 412
    assert (await api("GET", "tenants/contoso/connection")).body["state"] == "on"
    tag = put.headers["ETag"]
    assert (await api("DELETE", "tenants/contoso/connection", headers={"If-Match": tag})).status == 200
    assert (await api("GET", "tenants/contoso/connection")).body == {"state": "off"}


async def test_of_two_who_replace_one_version_one_touches_the_vault(
    api: Client, product: App, ports: Ports, credentials: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever is late, if only by a moment, stores no secret and ends no run."""
    tag = (await api("GET", "tenants/contoso/connection")).headers["ETag"]
    validate = product.connect.validate
    stored = []

    async def slow(*words: Any, **more: Any) -> Any:  # noqa: ANN401 - stands for the workflow
        found = await validate(*words, **more)
        connection = await ports.connections.find(CONTOSO)
        assert connection is not None
        await ports.connections.put(CONTOSO, connection)
        return found

    async def put(name: str, value: str) -> str:
        stored.append(name)
        return "2"

    monkeypatch.setattr(ports.secrets, "put", put)
    late = Connect(
        tenants=ports.tenants,
        connections=ports.connections,
        settings=ports.settings,
        entries=product.entries,
        access=product.access,
        validate=slow,
        running_work=product.restart_on_change,
        clock=ports.clock,
    )
    monkeypatch.setattr(product, "connect", late)
    before = (await ports.sync_states.get(CONTOSO)).value
    refused = await api("PUT", "tenants/contoso/connection", credentials, headers={"If-Match": tag})
    assert (refused.status, refused.body["code"], stored) == (412, "changed_meanwhile", [])
    assert (await ports.sync_states.get(CONTOSO)).value == before


async def test_deleting_names_the_version(api: Client) -> None:
    """Tenant, location and sign-in application stay where somebody has changed them meanwhile."""
    for path, body in (
        ("tenants/contoso/sso", {"clientId": person(51)}),
        (DESK, {"name": "B"}),
        ("tenants/contoso", {"name": "B"}),
    ):
        old = (await api("GET", path)).headers["ETag"]
        new = (await api("PUT", path, body)).headers["ETag"]
        assert (await api("DELETE", path, headers={"If-Match": old})).status == 412
        assert (await api("GET", path)).headers["ETag"] == new
        assert (await api("DELETE", path, headers={"If-Match": new})).status in {200, 204}
        assert (await api("GET", path)).status == 404


async def test_a_recipient_is_edited_in_the_version_that_was_seen(api: Client) -> None:
    """The list and the recipient itself name it; a stale edit changes nothing."""
    await api("POST", f"{DESK}/recipients", raw=b"Name,E-mail\nAda,ada@example.com\n")
    (row,) = (await api("GET", f"{DESK}/recipients")).body["recipients"]
    path = f"{DESK}/recipients/{row['id']}"
    seen = await api("GET", path)
    assert (seen.headers["ETag"], seen.body) == (row["etag"], row)
    edited = await api("PATCH", path, {"department": "Post"}, headers={"If-Match": row["etag"]})
    assert (edited.status, edited.body["etag"]) == (200, edited.headers["ETag"])
    stale = await api("PATCH", path, {"department": "Other"}, headers={"If-Match": row["etag"]})
    assert (stale.status, stale.body["code"]) == (412, "changed_meanwhile")
    assert (await api("GET", path)).body == edited.body
    assert (await api("GET", f"{DESK}/recipients/nobody")).status == 404


@pytest.mark.parametrize(
    "headers",
    [{"If-Match": "0a1b"}, {"If-Match": '"a" b'}, {"If-None-Match": '"a"'}, {"If-Match": '"a"', "If-None-Match": "*"}],
)
async def test_a_header_that_means_nothing_is_named(api: Client, headers: dict[str, str]) -> None:
    """400, and nothing is written."""
    refused = await api("PUT", "tenants/contoso", {"name": "Other"}, headers=headers)
    assert (refused.status, refused.body["code"]) == (400, "invalid_header")
    assert (await api("GET", "tenants/contoso")).body["name"] == "Contoso"


async def test_between_looking_and_writing_somebody_else_may_come(
    product: App, ports: Ports, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store itself refuses the write, as it does when two requests are worked off at the same moment."""
    tag = (await product.preferences.get(CONTOSO)).tag
    look = ports.tenants.find_part

    async def seen(tenant: TenantId, part: Part, kind: type[T]) -> Versioned[T | None]:
        found = await look(tenant, part, kind)
        await ports.settings.put_preferences(tenant, Preferences(include_guests=False))
        return found

    monkeypatch.setattr(ports.tenants, "find_part", seen)
    with pytest.raises(ChangedMeanwhile):
        await product.preferences.put(CONTOSO, Preferences(mode=Mode.FULL), Condition(tags=frozenset({tag})))
    assert await ports.settings.get_preferences(CONTOSO) == Preferences(include_guests=False)


def test_a_recipients_version_is_its_content() -> None:
    """Equal ones have one tag, and any difference makes another."""
    one = csv_recipient("ada", mail="ada@example.com")
    assert one.tag() == csv_recipient("ada", mail="ada@example.com").tag()
    assert one.tag() != csv_recipient("ada", mail="eva@example.com").tag()
