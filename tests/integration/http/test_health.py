"""The health probes: the process, and its dependencies with their latency."""

import pytest

from shared.bootstrap import Ports
from shared.errors import Misconfigured, Transient
from shared.triggers.http import health
from shared.workflows.operations.readiness import KEPT
from tests.support.fakes import FakeClock, FakeProbes
from tests.support.http.calling import Client


async def test_live_depends_on_nothing(api: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even on settings: a restart would not mend them."""

    def unsettled() -> None:
        raise Misconfigured("KEY_VAULT_URL is missing.", code="settings")

    monkeypatch.setattr(health, "app", unsettled)
    answer = await api("GET", "health/live")
    assert (answer.status, answer.body) == (200, {"status": "ok"})
    assert (await api("GET", "health/ready")).status == 503


async def test_ready_shows_each_dependency(api: Client) -> None:
    """With its latency, and without a key."""
    answer = await api("GET", "health/ready")
    assert (answer.status, answer.body["ok"]) == (200, True)
    names = [dependency["name"] for dependency in answer.body["dependencies"]]
    assert names == ["tables", "queues", "key_vault", "login"]
    assert all(dependency["latencyMs"] >= 0 for dependency in answer.body["dependencies"])


async def test_a_dependency_that_fails_is_named(api: Client, ports: Ports) -> None:
    """With the code of its error, and not with its message, which is for operators."""
    probes = ports.probes
    assert isinstance(probes, FakeProbes)
    probes.wrong = {"vault": Misconfigured("Give the role X.", code="key_vault_forbidden")}
    answer = await api("GET", "health/ready")
    assert (answer.status, answer.headers["Retry-After"]) == (503, "10")
    failed = {item["name"]: item["code"] for item in answer.body["dependencies"] if not item["ok"]}
    assert failed == {"key_vault": "key_vault_forbidden"}
    assert "role X" not in str(answer.body)


async def test_further_storage_accounts_are_dependencies_too(api: Client, ports: Ports) -> None:
    """By number: the route is public, and does not name them."""
    probes = ports.probes
    assert isinstance(probes, FakeProbes)
    probes.further = ["europe", "asia"]
    probes.wrong = {"tables asia": Transient("No answer.", code="storage_unreachable")}
    answer = await api("GET", "health/ready")
    shown = {item["name"]: item["code"] for item in answer.body["dependencies"]}
    assert answer.status == 503
    assert (shown["tables"], shown["tables_2"], shown["tables_3"]) == (None, None, "storage_unreachable")
    assert "asia" not in str(answer.body)


async def test_a_result_is_kept_for_some_seconds(api: Client, ports: Ports) -> None:
    """Frequent callers do not multiply the requests to storage."""
    probes = ports.probes
    assert isinstance(probes, FakeProbes)
    assert (await api("GET", "health/ready")).status == 200
    probes.wrong = {"tables": Transient("No answer.", code="storage_unreachable")}
    assert (await api("GET", "health/ready")).status == 200
    assert isinstance(ports.clock, FakeClock)
    ports.clock.advance(KEPT.total_seconds() + 1)
    assert (await api("GET", "health/ready")).status == 503
