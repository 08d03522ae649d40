"""A sentence for every mistake: each row of `mistakes` through HTTP, by the real adapters, against the simulator."""

import dataclasses
from collections.abc import AsyncIterator

import pytest

from infra.local.entra.server import EntraSimulator
from shared.adapters.certificates import X509CertificateReader
from shared.adapters.clock import SystemClock
from shared.adapters.entra import GraphDirectoryFactory
from shared.adapters.id_source import RandomIdSource
from shared.bootstrap import App, Ports
from shared.domain.connections.entra.credentials import Endpoints
from shared.domain.retry_policy import UNKNOWN_CREDENTIAL
from tests.integration.http.mistakes import MISTAKES, Mistake, entries_of
from tests.support.entra import Broken
from tests.support.fakes import entra_providers, fake_ports
from tests.support.http.calling import Client
from tests.support.world import SETTINGS


@pytest.fixture
async def ports(entra: EntraSimulator) -> AsyncIterator[Ports]:
    """Stores in memory; the provider, whose global cloud is the simulator, and the clock as they are deployed."""
    clock = SystemClock()
    sessions = GraphDirectoryFactory(own_hosts=frozenset({"127.0.0.1"}))
    providers = entra_providers(
        sessions,
        certificates=X509CertificateReader(),
        clock=clock,
        endpoints=Endpoints(login=entra.login, graph=entra.graph),
    )
    yield dataclasses.replace(fake_ports(), providers=providers, clock=clock, ids=RandomIdSource(clock))
    await sessions.close()


@pytest.fixture
def product(ports: Ports) -> App:
    """The workflows."""
    return App(ports, SETTINGS)


async def test_without_a_mistake_nothing_is_wrong(api: Client, simulator: Broken) -> None:
    """Otherwise every row below would find something."""
    report = (await api("POST", "validate", await entries_of(simulator))).body
    assert report["ok"]
    assert {check["id"] for check in report["checks"] if check["status"] == "fail"} == set()


def test_rows_are_rows_of_their_own() -> None:
    """Each has its name; no two of them expect the same of a report."""
    assert len({mistake.name for mistake in MISTAKES}) == len(MISTAKES) >= 30


@pytest.mark.parametrize("mistake", MISTAKES, ids=[mistake.name for mistake in MISTAKES])
async def test_each_mistake_has_its_sentence(api: Client, simulator: Broken, mistake: Mistake) -> None:
    """The check, its status, its sentence and its fix; and nothing else is blamed."""
    known = await simulator.call("GET", "/directories/contoso")
    body = await entries_of(simulator, mistake)
    answer = await api("POST", "validate", body)
    assert answer.status == 200
    report = answer.body
    failed = {check["id"] for check in report["checks"] if check["status"] == "fail"}
    expected = {mistake.check} if mistake.status == "fail" else set()
    assert (failed, report["ok"]) == (expected | mistake.also, mistake.status != "fail")
    (check, *_) = [
        check for check in report["checks"] if (check["id"], check["status"]) == (mistake.check, mistake.status)
    ]
    assert mistake.says in check["detail"]
    assert mistake.fix in check["fix"]
    assert all(check[part] for part in ("title", "detail", "fix"))
    assert (mistake.link or "") in (check["link"] or "")
    assert check.get("retry", False) is mistake.retry
    if mistake.suggestion is not None:
        assert check["suggestion"] == mistake.suggestion(known)
        better = (await api("POST", "validate", body | check["suggestion"])).body
        assert "suggestion" not in str(better)
        assert better["ok"]
    secrets = {body["clientSecret"], body.get("clientCertificatePassword", "")} - {""}
    assert all(secret not in str(report) for secret in secrets if len(secret) > 5)


@pytest.mark.parametrize("mistake", MISTAKES, ids=[mistake.name for mistake in MISTAKES])
async def test_no_mistake_is_stored(api: Client, simulator: Broken, mistake: Mistake) -> None:
    """What works goes on working: the same body is refused as a new connection, unless it is only a warning."""
    right = await entries_of(simulator)
    await api("PUT", "tenants/contoso", {"name": "Contoso"})
    await api("PUT", "tenants/contoso/sso", {"clientId": right["clientId"]})
    assert (await api("PUT", "tenants/contoso/connection", right)).status == 200
    before = (await api("GET", "tenants/contoso/connection")).body
    refused = await api("PUT", "tenants/contoso/connection", await entries_of(simulator, mistake))
    if mistake.status == "warn":
        assert refused.status == 200
        return
    assert refused.status == (503 if mistake.retry else 422)
    assert refused.body["report"]["ok"] is False
    assert (await api("GET", "tenants/contoso/connection")).body == before


@pytest.mark.parametrize("status", [403, 409, 423, 424])
@pytest.mark.parametrize(("path", "check"), [("^/users", "read_users"), ("^/groups", "read_groups")])
async def test_an_occasional_refusal_of_a_read(
    api: Client, simulator: Broken, status: int, path: str, check: str
) -> None:
    """One of them blames no permission; a second one does."""
    body = {"error": {"code": "UnknownError", "message": "refused"}}
    for refusals, failed in ((1, []), (2, [check])):
        await simulator.fault(path, {"type": "respond", "status": status, "body": body}, count=refusals)
        report = (await api("POST", "validate", await entries_of(simulator))).body
        assert [made["id"] for made in report["checks"] if made["status"] == "fail"] == failed


async def test_a_new_secret_that_one_server_does_not_know_yet(api: Client, simulator: Broken) -> None:
    """The sign-in is tried again before the secret is blamed; a refusal leaves the stored one in use."""
    right = await entries_of(simulator)
    await api("PUT", "tenants/contoso", {"name": "Contoso"})
    await api("PUT", "tenants/contoso/sso", {"clientId": right["clientId"]})
    await simulator.refuse(7000215, count=2)
    assert (await api("PUT", "tenants/contoso/connection", right)).status == 200
    stored = (await api("GET", "tenants/contoso/connection")).body
    await simulator.refuse(7000215, count=3)
    refused = await api("PUT", "tenants/contoso/connection", right)
    (failed,) = [check for check in refused.body["report"]["checks"] if check["status"] == "fail"]
    assert (refused.status, failed["id"]) == (422, "secret")
    assert "a few minutes" in failed["fix"]
    assert failed["retryForSeconds"] == UNKNOWN_CREDENTIAL.total_s
    assert (await api("GET", "tenants/contoso/connection")).body == stored
    assert (await api("POST", "tenants/contoso/connection/validate")).body["ok"]
