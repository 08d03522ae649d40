"""The deployment examines itself."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from shared.bootstrap import Ports
from shared.errors import Misconfigured, Transient
from tests.integration.http.deployment import Deployment
from tests.support.fakes import FakeProbes
from tests.support.http.calling import Client

DEPLOY = Path(__file__).parents[3] / "docs" / "how-to" / "deploy.md"


def _failed(body: Any) -> list[str]:  # noqa: ANN401 - JSON
    return [check["id"] for check in body["checks"] if check["status"] == "fail"]


async def test_a_deployment_on_real_adapters_is_well(deployment: Deployment) -> None:
    """Storage, queues, vault and login service answer, and agree on the time."""
    answer = await deployment("GET", "doctor")
    assert (answer.status, answer.body["ok"], _failed(answer.body)) == (200, True, [])
    ids = {check["id"] for check in answer.body["checks"]}
    assert {"settings", "tables", "queues", "key_vault", "login", "clock_storage", "clock_service"} <= ids
    assert {"queue_sync-requests", "queue_reconcile-jobs-poison"} <= ids


async def test_the_page_about_deploying_shows_what_is_printed(api: Client) -> None:
    """One line for each check."""
    shown = re.findall(r"^pass (.+)$", DEPLOY.read_text(encoding="utf-8"), re.MULTILINE)
    assert shown
    assert set(shown) <= {check["title"] for check in (await api("GET", "doctor")).body["checks"]}


@pytest.mark.parametrize(
    ("part", "check"),
    [
        ("tables", "tables"),
        ("tables b", "tables_b"),
        ("accounts", "accounts"),
        ("vault", "key_vault"),
        ("login", "login"),
    ],
)
async def test_each_part_has_its_own_sentence(api: Client, ports: Ports, part: str, check: str) -> None:
    """One that is refused names the role; one that is away says so; the others are tried all the same."""
    probes = ports.probes
    assert isinstance(probes, FakeProbes)
    probes.further = ["b", "c"]
    for error in (Misconfigured("Assign the role X.", code="forbidden"), Transient("No answer.", code="away")):
        probes.wrong = {part: error}
        body = (await api("GET", "doctor")).body
        assert (body["ok"], _failed(body)) == (False, [check])
        (found,) = [each for each in body["checks"] if each["id"] == check]
        assert found["detail"] == str(error)
        assert found["fix"]
    probes.wrong = {}
    tables = [check["title"] for check in (await api("GET", "doctor")).body["checks"] if "table" in check["id"]]
    accounts = [f"Table Storage of the account {name!r} works" for name in ("b", "c")]
    assert tables == ["Table Storage works", *accounts]


async def test_clocks_and_queues_are_looked_at(api: Client, ports: Ports) -> None:
    """Clocks that differ by more than a minute fail; poison and long queues are worth a warning."""
    probes = ports.probes
    assert isinstance(probes, FakeProbes)
    probes.ahead = timedelta(seconds=61)
    probes.depths = {"sync-requests": 10_001, "sync-requests-poison": 1, "fetch-jobs": 3}
    body = (await api("GET", "doctor")).body
    assert _failed(body) == ["clock_storage", "clock_service"]
    warned = [check["id"] for check in body["checks"] if check["status"] == "warn"]
    assert warned == ["queue_sync-requests", "queue_sync-requests-poison"]
