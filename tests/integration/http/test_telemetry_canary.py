"""No personal data is exported: every kind of sync, every route and a defect, then a search through all signals."""

import pytest

from shared.triggers.http.framework.rules import RULES
from tests.integration.http.deployment import Deployment, spellings
from tests.integration.http.mistakes import entries_of
from tests.integration.http.test_canary import TOKENS, call_every_route, onboard, sync
from tests.support.entra import Broken
from tests.support.telemetry import exported

#: Parts of queries and links of Graph and storage, and of keys of rows.
QUERIES = ("$select", "$filter", "$top", "deltatoken", "skiptoken", "PartitionKey", "RowKey", "sig=", "search=")
CANARY = "Canary Person"
RECIPIENTS = "tenants/contoso/locations/desk/recipients"


async def test_no_person_token_or_query_is_exported(
    deployment: Deployment, simulator: Broken, monkeypatch: pytest.MonkeyPatch
) -> None:
    """People who join, leave, are imported, edited, searched and explained; a secret; links of both services."""
    entries = await entries_of(simulator)
    group = (await simulator.groups("contoso"))[0]
    with exported() as kept:
        await onboard(deployment, entries, {"mode": "full"})
        joined = await simulator.join("contoso", CANARY, group)
        people = await simulator.users("contoso")
        assert (await sync(deployment, "full"))["state"] == "done"
        await simulator.leave("contoso", joined)
        assert (await sync(deployment))["counts"]["deactivated"] == 1
        recipients = (await deployment("GET", RECIPIENTS, query={"search": "a"})).body["recipients"]
        await deployment("GET", f"{RECIPIENTS}/{recipients[0]['id']}")
        await deployment("PATCH", f"{RECIPIENTS}/{recipients[0]['id']}", {"status": "deactivated_manually"})
        await deployment("GET", "tenants/contoso/explain", query={"person": people[0]["userPrincipalName"]})
        csv = f"name,email\n{CANARY},canary@contoso.example\n".encode()
        await deployment("POST", RECIPIENTS, raw=csv, headers={"Content-Type": "text/csv"})
        await deployment("PUT", "tenants/contoso/preferences", {"mode": "groups"})
        await deployment("PUT", "tenants/contoso/locations/desk/groups", {"groups": [group]})
        assert (await sync(deployment, "full"))["state"] in {"done", "held"}
        with monkeypatch.context() as broken:
            broken.setattr(deployment.product.ports.tenants, "find_part", _defect)
            assert (await deployment("GET", "tenants/contoso")).status == 500
        assert await call_every_route(deployment) == set(RULES)
        texts, names = kept.texts(), {span.name for span in kept.spans()}
    assert names >= {
        "GET graph /users",
        "GET graph /users/delta",
        "GET graph /groups/{id}/transitiveMembers/microsoft.graph.user",
        "POST graph /$batch",
        "POST table $batch",
        "GET /tenants/{tenant}",
        "deactivate",
    }
    needles = {CANARY, "canary@contoso.example", *QUERIES, *TOKENS, *spellings(entries["clientSecret"])}
    for person in people:
        needles |= {
            str(person[name]) for name in ("id", "userPrincipalName", "displayName", "mail") if person.get(name)
        }
    needles |= {recipient["id"] for recipient in recipients}
    assert [(needle, text[:200]) for needle in needles for text in texts if needle in text] == []


async def _defect(*_: object) -> None:
    raise ValueError(CANARY)
