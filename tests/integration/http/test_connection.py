"""Credentials through HTTP: what is answered, and what never is."""

from typing import Any

import pytest

from tests.support.builders import person
from tests.support.fakes import FakeDirectory
from tests.support.http.calling import Client


def _failed(report: dict[str, Any]) -> list[str]:
    return [check["id"] for check in report["checks"] if check["status"] == "fail"]


async def test_validate_answers_the_report(api: Client, credentials: dict[str, Any]) -> None:
    """In camel case, with every part of a check, and nothing stored."""
    report = (await api("POST", "validate", credentials)).body
    assert report["ok"]
    assert set(report) == {"ok", "checks", "consent", "secretExpiresOn"}
    assert set(report["checks"][0]) == {"id", "status", "title", "detail", "fix", "link"}
    assert report["consent"]["granted"] == ["Group.Read.All", "GroupMember.Read.All", "User.Read.All"]
    wrong = await api("POST", "validate", {**credentials, "objectId": person(9)})
    assert wrong.status == 200
    assert _failed(wrong.body) == ["object_id"]


async def test_connecting_needs_single_sign_on(api: Client, credentials: dict[str, Any]) -> None:
    """422 with the code and what to do first."""
    await api("PUT", "tenants/contoso", {"name": "Contoso"})
    refused = await api("PUT", "tenants/contoso/connection", credentials)
    assert (refused.status, refused.body["code"]) == (422, "sso_required")
    assert "sign-in application" in refused.body["fix"]


@pytest.mark.usefixtures("connected")
async def test_a_connection_is_shown_without_its_secret(api: Client, credentials: dict[str, Any]) -> None:
    """Ids, endpoints and state; neither the secret nor its name or version."""
    shown = await api("GET", "tenants/contoso/connection")
    assert shown.body["state"] == "on"
    assert {name: shown.body[name] for name in ("tenantId", "clientId", "objectId")} == {
        name: credentials[name] for name in ("tenantId", "clientId", "objectId")
    }
    assert (shown.body["loginEndpoint"], shown.body["graphEndpoint"]) == (
        "https://login.example",
        "https://graph.example",
    )
    again = await api("PUT", "tenants/contoso/connection", credentials)
    assert again.body["report"]["ok"]
    for answer in (shown, again):
        assert credentials["clientSecret"] not in str(answer.body)
        assert "secretName" not in answer.body
        assert "secretVersion" not in answer.body
        assert "tenant-contoso" not in str(answer.body)


@pytest.mark.usefixtures("connected")
async def test_a_refused_connection_carries_its_report(api: Client, credentials: dict[str, Any]) -> None:
    """422 as a problem with the whole report and the first fix; what was stored stays on."""
    refused = await api("PUT", "tenants/contoso/connection", {**credentials, "clientSecret": "canary-secret"})
    assert (refused.status, refused.mimetype) == (422, "application/problem+json")
    assert refused.body["code"] == "connection_refused"
    assert _failed(refused.body["report"]) == ["secret"]
    assert refused.body["fix"] in [check["fix"] for check in refused.body["report"]["checks"]]
    assert "canary-secret" not in str(refused.body)
    assert (await api("GET", "tenants/contoso/connection")).body["state"] == "on"
    assert (await api("POST", "tenants/contoso/connection/validate")).body["ok"]


@pytest.mark.usefixtures("connected")
@pytest.mark.parametrize("change", [{}, {"tenantId": person(8)}, {"clientId": person(8)}, {"cloud": "usgov"}])
async def test_other_settings_need_the_secret_again(
    api: Client, credentials: dict[str, Any], change: dict[str, Any]
) -> None:
    """A stored secret is not sent to a directory or host that it was not entered for; what was stored stays."""
    before = (await api("GET", "tenants/contoso/connection")).body
    without = {name: value for name, value in credentials.items() if name != "clientSecret"}
    refused = await api("PUT", "tenants/contoso/connection", {**without, **change})
    assert refused.status == 422
    assert "secret" in _failed(refused.body["report"])
    assert (await api("GET", "tenants/contoso/connection")).body == before


@pytest.mark.usefixtures("connected")
async def test_off_is_off(api: Client) -> None:
    """DELETE says what is erased, and then there is nothing to show, to check or to sync with."""
    off = await api("DELETE", "tenants/contoso/connection")
    assert (off.status, off.body["state"]) == (200, "off")
    assert {"clientId", "credential"} <= set(off.body["erased"])
    assert (await api("GET", "tenants/contoso/connection")).body == {"state": "off"}
    assert (await api("POST", "tenants/contoso/connection/validate")).status == 404
    run = await api("POST", "tenants/contoso/runs", {})
    assert (run.status, run.body["code"]) == (422, "not_connected")
    assert (await api("GET", "tenants/contoso/groups?search=a")).body["code"] == "not_connected"


@pytest.mark.usefixtures("connected")
async def test_removing_single_sign_on_switches_off(api: Client) -> None:
    """The connection goes with it."""
    assert (await api("DELETE", "tenants/contoso/sso")).body["state"] == "off"
    assert (await api("GET", "tenants/contoso/connection")).body == {"state": "off"}


@pytest.mark.usefixtures("connected")
async def test_the_picker_finds_groups(api: Client, directory: FakeDirectory) -> None:
    """Groups of the directory, as the picker shows them."""
    (group,) = directory.members
    found = await api("GET", f"tenants/contoso/groups?search={group[:8]}")
    assert found.body == {"groups": [{"id": group, "displayName": group, "mail": None, "hiddenMembership": False}]}
