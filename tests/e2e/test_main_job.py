"""The main job through HTTP, queues and timers: directories become recipients, and stay in line with them."""

from typing import Any

import pytest

from infra.local.demo.api import Api, ApiError

pytestmark = pytest.mark.e2e

LOCATIONS = ["berlin", "hamburg", "munich"]


async def test_full_mode_makes_everybody_a_recipient_everywhere(api: Api) -> None:
    """Every user of the directory is an active recipient at each location, and a second run writes nothing."""
    await api.onboard("contoso", preferences={"mode": "full"}, locations=LOCATIONS)
    first = await api.finished("contoso", await api.sync("contoso"))
    assert (first["state"], first["problems"]) == ("done", [])
    assert first["counts"]["created"] == 100 * len(LOCATIONS)
    everyone = await api.recipients("contoso", "berlin")
    assert len({each["objectId"] for each in everyone}) == 100
    assert {each["status"] for each in everyone} == {"active"}

    second = await api.finished("contoso", await api.sync("contoso"))
    assert second["state"] == "done"
    assert set(second["counts"].values()) == {0}
    assert second["graphRequests"] <= 3


async def test_a_wrong_secret_is_refused_with_its_sentence(api: Api) -> None:
    """The connection stays off, the report names the mistake, and nothing of the secret comes back."""
    with pytest.raises(ApiError) as refused:
        await api.onboard("adatum", preferences={}, locations=[], secret="wrong-secret-value~0123456789")
    assert refused.value.status == 422
    failed = [check for check in refused.value.problem["report"]["checks"] if check["status"] == "fail"]
    assert "AADSTS7000215" in str(failed)
    assert "wrong-secret-value" not in str(refused.value.problem)
    connection: dict[str, Any] = await api.call("GET", "/tenants/adatum/connection")
    assert connection["state"] == "off"


async def test_a_message_by_hand_starts_a_run(api: Api, put_message: Any) -> None:  # noqa: ANN401 - a fixture
    """Plain text with just the tenant's id is enough."""
    await api.onboard("contoso", preferences={"mode": "full"}, locations=LOCATIONS)
    before = await api.call("GET", "/tenants/contoso/runs")
    await put_message("sync-requests", "contoso")
    while len(runs := (await api.call("GET", "/tenants/contoso/runs"))["runs"]) == len(before["runs"]):
        pass
    done = await api.finished("contoso", runs[0]["id"])
    assert (done["state"], done["requestedBy"]) == ("done", "queue")


@pytest.mark.parametrize(
    ("body", "code"),
    [("{broken", "malformed"), ("nobody-knows-me", "not_found"), ('{"tenant": "contoso", "mode": "x"}', "mode")],
)
async def test_a_bad_message_is_explained_in_the_ledger(
    api: Api,
    put_message: Any,  # noqa: ANN401 - a fixture
    body: str,
    code: str,
) -> None:
    """Nothing is lost: the operator finds the text, what is wrong with it, and what to do."""
    await put_message("sync-requests", body)
    while not (found := [e for e in (await api.call("GET", "/ledger"))["entries"] if e["body"] == body]):
        pass
    assert code in found[0]["code"]
    assert found[0]["detail"].endswith(".")
