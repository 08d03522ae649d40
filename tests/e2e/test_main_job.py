"""The main job through HTTP, queues and timers: directories become recipients, and stay in line with them."""

from typing import Any

import pytest
from azure.storage.queue import QueueClient

from infra.local.demo.api import Api, ApiError
from infra.local.demo.simulator import Simulator
from infra.local.stack.local_stack import LocalStack
from shared.adapters.stores.table_names import AUDIT
from tests.e2e.waiting import until

pytestmark = pytest.mark.e2e

LOCATIONS = ["berlin", "hamburg", "munich"]
FULL = {"mode": "full"}


def put_message(stack: LocalStack, queue: str, text: str) -> None:
    """Put a message on a queue, as plain text, like `az storage message put`."""
    with QueueClient.from_connection_string(stack.info["connection_string"], queue) as client:
        client.send_message(text)


async def test_full_mode_makes_everybody_a_recipient_everywhere(api: Api) -> None:
    """Every user of the directory is an active recipient at each location, and a second run writes nothing."""
    await api.onboard("everybody", directory="contoso", preferences=FULL, locations=LOCATIONS)
    first = await api.finished("everybody", await api.sync("everybody"))
    assert (first["state"], first["problems"]) == ("done", [])
    assert first["counts"]["created"] == 100 * len(LOCATIONS)
    everyone = await api.recipients("everybody", "berlin")
    assert len({person["objectId"] for person in everyone}) == 100
    assert {person["status"] for person in everyone} == {"active"}

    second = await api.finished("everybody", await api.sync("everybody"))
    assert second["state"] == "done"
    assert set(second["counts"].values()) == {0}
    assert second["directoryRequests"] <= 3


async def test_only_what_changed_in_the_directory_is_changed(api: Api, stack: LocalStack) -> None:
    """A join, a leave and a rename, each at every location, with their reasons; nobody else."""
    await api.onboard("changing", directory="contoso", preferences=FULL, locations=LOCATIONS)
    await api.finished("changing", await api.sync("changing"))
    async with Simulator(stack.info) as simulator:
        people = await simulator.people("contoso", 5)
        joined = await simulator.join("contoso", "Ada Lovelace")
        await simulator.leave("contoso", people[1])
        await simulator.change("contoso", people[2], displayName="Grace Hopper")
    run = await api.finished("changing", await api.sync("changing"))
    assert run["state"] == "done"
    changes = (await api.call("GET", f"/tenants/changing/runs/{run['id']}/changes"))["changes"]
    assert {(change["kind"], change["reason"], change["objectId"]) for change in changes} == {
        ("created", "new", joined),
        ("deactivated", "account_deleted", people[1]),
        ("updated", "directory_changed", people[2]),
    }
    assert len(changes) == 3 * len(LOCATIONS)
    found = await api.recipients("changing", "munich", search="hopper")
    assert [each["objectId"] for each in found] == [people[2]]


async def test_a_wrong_secret_is_refused_with_its_sentence_and_harms_nobody(api: Api) -> None:
    """The connection stays off, the report names the mistake, and nothing of the secret comes back."""
    wrong = "wrong~secret-value-0123456789"
    with pytest.raises(ApiError) as refused:
        await api.onboard("adatum", preferences={}, locations=[], secret=wrong)
    assert refused.value.status == 422
    failed = [check for check in refused.value.problem["report"]["checks"] if check["status"] == "fail"]
    assert [check["title"] for check in failed] == ["The client secret is wrong"]
    assert "AADSTS7000215" in failed[0]["detail"]
    assert wrong not in str(refused.value.problem)
    assert await api.call("GET", "/tenants/adatum/connection") == {"state": "off"}
    with pytest.raises(ApiError) as off:
        await api.sync("adatum")
    assert off.value.problem["code"] == "not_connected"


async def test_a_message_by_hand_starts_a_run(api: Api, stack: LocalStack) -> None:
    """Plain text with just the tenant's id is enough."""
    await api.onboard("by-hand", directory="contoso", preferences=FULL, locations=["desk"])
    put_message(stack, "sync-requests", "by-hand")
    runs = await until(lambda: _runs(api, "by-hand"))
    done = await api.finished("by-hand", runs[0]["id"])
    assert (done["state"], done["requestedBy"]) == ("done", "queue")


@pytest.mark.parametrize(
    ("body", "code", "remedy"),
    [
        ("{broken", "malformed_message", "Send a tenant's id"),
        ('{"tenant": "contoso", "mode": "sometimes"}', "malformed_message", "'sometimes'"),
        ("nobody-knows-me", "tenant_not_found", "ask the operator to add the tenant"),
    ],
)
async def test_a_bad_message_is_explained_in_the_ledger(
    api: Api, stack: LocalStack, body: str, code: str, remedy: str
) -> None:
    """Nothing is lost: the operator finds the text, what is wrong with it, and what to do."""
    put_message(stack, "sync-requests", body)
    found = await until(lambda: _entries(api, body))
    assert found[0]["code"] == code
    assert remedy in found[0]["detail"]


async def _runs(api: Api, tenant: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await api.call("GET", f"/tenants/{tenant}/runs"))["runs"]
    return found


async def _entries(api: Api, body: str) -> list[dict[str, Any]]:
    entries = (await api.call("GET", "/ledger"))["entries"]
    return [entry for entry in entries if entry["body"] == body]


async def test_the_timer_asks_for_every_connected_tenant(api: Api, stack: LocalStack) -> None:
    """The schedule's function, called through the host's admin endpoint, leads to a run."""
    await api.onboard("scheduled", directory="contoso", preferences=FULL, locations=["desk"])
    host = stack.info["host"]
    async with api.session.post(f"{host}/admin/functions/schedule", json={"input": ""}) as response:
        assert response.status == 202
    runs = await until(lambda: _runs(api, "scheduled"))
    done = await api.finished("scheduled", runs[0]["id"])
    assert (done["state"], done["requestedBy"]) == ("done", "schedule")


async def test_without_the_key_nobody_gets_in(api: Api, stack: LocalStack) -> None:
    """Only the probe answers without a function key."""
    async with api.session.get(f"{stack.info['api']}/tenants", headers={"x-functions-key": "wrong"}) as response:
        assert response.status == 401
    async with api.session.get(f"{stack.info['api']}/health", headers={"x-functions-key": ""}) as response:
        assert await response.json() == {"status": "ok"}


async def test_deleting_a_tenant_leaves_nothing_of_it(api: Api, stack: LocalStack) -> None:
    """No table but the audit log has a row of it; a tenant with a similar name keeps its own."""
    for tenant in ("acme", "acme-2"):
        await api.onboard(tenant, directory="contoso", preferences=FULL, locations=["desk"])
        await api.finished(tenant, await api.sync(tenant))
    await api.call("DELETE", "/tenants/acme")
    left = _rows_naming(stack, "acme")
    assert {key for key in left if key.split(":")[0] == "acme"} == set()
    assert any(key.split(":")[0] == "acme-2" for key in left)
    assert len(await api.recipients("acme-2", "desk")) == len(await api.recipients("acme-2", "desk", status="active"))


def _rows_naming(stack: LocalStack, tenant: str) -> set[str]:
    from azure.data.tables import TableServiceClient  # noqa: PLC0415 - only here

    found = set()
    with TableServiceClient.from_connection_string(stack.info["connection_string"]) as service:
        for table in service.list_tables():
            if table.name == AUDIT:
                continue
            for row in service.get_table_client(table.name).list_entities(select=["PartitionKey", "RowKey"]):
                if row["PartitionKey"].startswith(tenant):
                    found.add(row["PartitionKey"])
    return found
