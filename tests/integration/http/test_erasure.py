"""A deleted tenant leaves nothing: not in a table, not in a queue, not in the vault."""

import re
from datetime import timedelta
from typing import Any

import pytest

from shared.adapters.stores import keys
from shared.domain.ids import TenantId
from shared.telemetry import RequestCounters
from shared.workflows.tenants import deletion, location_deletion, locations, tenants
from tests.integration.http.deployment import Deployment
from tests.integration.http.mistakes import entries_of
from tests.support.entra import Broken

#: Rate limits name nobody: their keys are hashed, and they are swept once they are used up.
_NAMELESS = "Limits"
#: The audit log says who deleted the tenant, and nothing of its people; its own retention ends it.
_AUDIT = "Audit"


async def fill(deployment: Deployment, simulator: Broken, tenant: str) -> dict[str, Any]:
    """Leave a tenant with something in every table, and return what it was connected with."""
    entries = await entries_of(simulator)
    await simulator.call("POST", "/directories/contoso/roles", {"grant": ["Application.Read.All"]})
    await deployment("PUT", f"tenants/{tenant}", {"name": tenant.title()})
    await deployment("PUT", f"tenants/{tenant}/admins", {"azureTenantId": entries["tenantId"], "people": []})
    sso = (await simulator.call("GET", "/directories/contoso"))["sso"]
    await deployment("PUT", f"tenants/{tenant}/sso", {"clientId": sso["application_id"]})
    assert (await deployment("PUT", f"tenants/{tenant}/connection", entries)).status == 200
    await deployment("PUT", f"tenants/{tenant}/locations/desk", {"name": "Desk"})
    groups = await simulator.groups("contoso")
    await deployment("PUT", f"tenants/{tenant}/locations/desk/groups", {"groups": groups[:3]})
    uploads = f"tenants/{tenant}/locations/desk/imports"
    upload = (await deployment("POST", uploads)).body["id"]
    assert (await deployment("PUT", f"{uploads}/{upload}/parts/1", raw=b"mail\n")).status == 200
    await deployment("POST", f"tenants/{tenant}/runs", {})
    await deployment.drain()
    for body in (tenant, '{"tenant": "' + tenant + '", "mode": "sometimes"}'):
        await deployment.product.dead_letters.add_entry(
            "sync-requests", f"{len(body)}-{tenant}", body, "poison", "Why.", None
        )
    await deployment("PUT", f"tenants/{tenant}/preferences", {"mode": "full", "ssoUsers": True})
    (employee,) = await simulator.people("contoso", 1)
    await simulator.call("PATCH", "/directories/contoso/application", {"assign_users": [employee]})
    made = await deployment("POST", f"tenants/{tenant}/users", {"objectId": employee, "role": "viewer"})
    assert made.status == 201, made.body
    return entries


#: Names the tenant acme-2. The random end of a name of acme's secrets can begin with a 2.
OTHER = re.compile("acme-2(?![0-9a-f])")


async def settle(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the watchdog look when nothing can be running any more."""
    monkeypatch.setattr(deletion, "SETTLED_AFTER", timedelta(0))
    await deployment.product.watchdog(RequestCounters())


async def test_the_progress_of_a_deletion_is_shown(
    deployment: Deployment, simulator: Broken, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A large tenant is accepted, and erased by the watchdog. Until nothing can be left, its id cannot be used."""
    monkeypatch.setattr(deletion, "STEP_ROWS", 10)
    monkeypatch.setattr(tenants, "IN_REQUEST_S", 0)
    await fill(deployment, simulator, "acme")
    accepted = await deployment("DELETE", "tenants/acme")
    assert (accepted.status, accepted.body["rows"], accepted.body["emptyAt"]) == (202, 10, None)
    assert (await deployment("DELETE", "tenants/acme")).body == accepted.body
    assert (await deployment("GET", "tenants/acme/deletion")).body == accepted.body
    assert (await deployment("GET", "tenants/acme")).status == 404
    refused = await deployment("PUT", "tenants/acme", {"name": "Acme"})
    assert (refused.status, refused.body["code"]) == (409, "sweeping")
    assert 800 < int(refused.headers["Retry-After"]) <= 900
    await deployment.product.watchdog(RequestCounters())
    shown = (await deployment("GET", "tenants/acme/deletion")).body
    assert (shown["tenant"], shown["rows"] > 20, shown["emptyAt"] is not None) == ("acme", True, True)
    assert (await deployment("DELETE", "tenants/acme")).status == 204
    await settle(deployment, monkeypatch)
    assert (await deployment("GET", "tenants/acme/deletion")).body["code"] == "deletion_not_found"
    assert (await deployment("PUT", "tenants/acme", {"name": "Acme"})).status == 201


async def test_the_progress_of_the_deletion_of_a_location_is_shown(
    deployment: Deployment, simulator: Broken, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A large one is accepted, and repeating the request goes on. Its id is free when nothing is left."""
    monkeypatch.setattr(location_deletion, "STEP_ROWS", 2)
    monkeypatch.setattr(locations, "IN_REQUEST_S", 0)
    await fill(deployment, simulator, "acme")
    path = "tenants/acme/locations/desk"
    accepted = await deployment("DELETE", path)
    assert (accepted.status, accepted.body["location"], accepted.body["rows"]) == (202, "desk", 2)
    assert (await deployment("GET", f"{path}/deletion")).body == accepted.body
    assert (await deployment("GET", path)).status == 404
    refused = await deployment("PUT", path, {"name": "Desk"})
    assert (refused.status, refused.body["code"]) == (409, "sweeping")
    for _ in range(30):
        repeated = await deployment("DELETE", path)
        if repeated.status == 204:
            break
        assert repeated.status == 202, repeated.body
    assert (await deployment("DELETE", path)).status == 404
    assert (await deployment("GET", f"{path}/deletion")).body["code"] == "deletion_not_found"
    assert (await deployment("PUT", path, {"name": "Desk"})).status == 200


def names(deployment: Deployment, entries: dict[str, Any], tenant: str) -> set[str]:
    """Return the tables with a row that names the tenant, its directory or its people."""
    telling = (tenant, entries["tenantId"], entries["clientId"], entries["objectId"], "@contoso.onmicrosoft.com")
    return {
        name
        for name, rows in deployment.rows().items()
        for row in rows
        if any(word in row.lower() for word in (telling[1:] if name == _AUDIT else telling))
    }


def _left(deployment: Deployment) -> list[tuple[str, str]]:
    """Return the tables and rows without those that belong to no tenant or stay."""
    stored = deployment.rows()
    rows = [(name, row) for name in stored.keys() - {_NAMELESS, _AUDIT} for row in stored[name]]
    return [(name, row) for name, row in rows if f"PartitionKey={keys.CLOCK} " not in row]


async def test_nothing_is_left_of_a_tenant(
    deployment: Deployment, simulator: Broken, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every table that had something of it has nothing, and neither queue nor vault has.

    That it was deleted is known for a quarter of an hour, until the watchdog has looked once more.
    """
    entries = await fill(deployment, simulator, "acme")
    await deployment("POST", "tenants/acme/runs", {})
    assert names(deployment, entries, "acme") >= {
        "Tenants",
        "Recipients",
        "Snapshots",
        "Runs",
        "Jobs",
        "Locations",
        "Users",
        "Imports",
        "Uploads",
    }
    assert deployment.vault.vault.secrets()
    assert (await deployment("DELETE", "tenants/acme")).status == 204
    await deployment.drain()
    assert (names(deployment, entries, "acme"), deployment.enqueued()) == ({"Tenants"}, {})
    assert {name for name, row in _left(deployment) if keys.deletion(TenantId("acme")) in row} == {"Tenants"}
    assert len(_left(deployment)) == 1
    await settle(deployment, monkeypatch)
    assert _left(deployment) == []
    assert (deployment.vault.vault.secrets(), deployment.vault.vault.deleted()) == ([], [])


@pytest.mark.parametrize("rounds", range(6))
async def test_nothing_comes_back_of_what_was_under_way(
    deployment: Deployment, simulator: Broken, rounds: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Deleted with a run at any of its stages: the messages that are still there write nothing more."""
    entries = await fill(deployment, simulator, "acme")
    await deployment("POST", "tenants/acme/runs", {"mode": "full"})
    for _ in range(rounds):
        await deployment.drain(once=True)
    assert (await deployment("DELETE", "tenants/acme")).status == 204
    await deployment.drain()
    await settle(deployment, monkeypatch)
    assert (names(deployment, entries, "acme"), deployment.enqueued()) == (set(), {})


async def test_only_the_tenant_itself_is_erased(deployment: Deployment, simulator: Broken) -> None:
    """One whose id begins alike keeps every row."""
    await fill(deployment, simulator, "acme")
    await fill(deployment, simulator, "acme-2")
    await deployment.drain()
    before = {name: [row for row in rows if OTHER.search(row)] for name, rows in deployment.rows().items()}
    assert (await deployment("DELETE", "tenants/acme")).status == 204
    after = {name: [row for row in rows if OTHER.search(row)] for name, rows in deployment.rows().items()}
    assert {name: rows for name, rows in before.items() if rows} == {name: rows for name, rows in after.items() if rows}
    assert (await deployment("POST", "tenants/acme-2/connection/validate")).body["ok"]


async def test_switching_off_erases_ids_and_secret(deployment: Deployment, simulator: Broken) -> None:
    """What is left of the connection names neither directory nor application; switching on takes them all again."""
    entries = await fill(deployment, simulator, "acme")
    await deployment("POST", "tenants/acme/runs", {})
    off = await deployment("DELETE", "tenants/acme/connection")
    assert set(off.body["erased"]) == {"tenantId", "clientId", "objectId", "credential"}
    await deployment.drain()
    ids = (entries["clientId"], entries["objectId"], entries["clientSecret"])
    await deployment("DELETE", "tenants/acme/sso")
    await deployment("PUT", "tenants/acme/admins", {"people": []})
    kept = {name: [row for row in rows if any(word in row for word in ids)] for name, rows in deployment.rows().items()}
    assert {name: rows for name, rows in kept.items() if rows} == {}
    assert (deployment.vault.vault.secrets(), deployment.vault.vault.deleted()) == ([], [])
    assert (await deployment("PUT", "tenants/acme/sso", {"clientId": entries["clientId"]})).status == 200
    assert (await deployment("PUT", "tenants/acme/connection", {})).status == 400
    assert (await deployment("PUT", "tenants/acme/connection", entries)).status == 200
