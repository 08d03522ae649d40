"""The API's functions with workflows in memory."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from infra.local.azurite import running_azurite
from infra.local.entra.server import EntraSimulator
from infra.local.key_vault import KeyVault
from infra.local.stack.certificates import Certificates
from shared.adapters.entra import live_reads, validation
from shared.bootstrap import App, Ports
from shared.domain.retry_policy import LIVE_READ, NEW_CREDENTIAL
from tests.integration.http.deployment import Deployment, deployed
from tests.support.builders import person, user
from tests.support.entra import Broken, trusted_entra
from tests.support.fakes import FakeDirectory, directories_of, fake_ports
from tests.support.http.calling import MODULES, Client, Route, routes_of_the_app
from tests.support.world import SETTINGS


@pytest.fixture(scope="session")
def routes() -> list[Route]:
    """Every route; a blueprint's functions can be built only once."""
    return routes_of_the_app()


@pytest.fixture
def ports() -> Ports:
    """Stores, queues, vault and directories in memory."""
    return fake_ports()


@pytest.fixture
def product(ports: Ports) -> App:
    """The workflows on them."""
    return App(ports, SETTINGS)


@pytest.fixture
def api(routes: list[Route], product: App, monkeypatch: pytest.MonkeyPatch) -> Client:
    """The API over these workflows."""
    for module in MODULES:
        monkeypatch.setattr(module, "app", lambda: product)
    return Client(routes)


@pytest.fixture
def directory(ports: Ports) -> FakeDirectory:
    """A directory with three people, two of them in a group."""
    directory = directories_of(ports).add(FakeDirectory())
    directory.put(user(1), user(2), user(3))
    directory.members[person(100)] = [person(1), person(2)]
    return directory


@pytest.fixture
def credentials(directory: FakeDirectory) -> dict[str, Any]:
    """The body with which the directory is connected."""
    return {
        "tenantId": directory.azure_tenant_id,
        "clientId": directory.client_id,
        "objectId": directory.object_id,
        "clientSecret": directory.secret,
    }


@pytest.fixture
async def connected(api: Client, credentials: dict[str, Any]) -> None:
    """The tenant `contoso`, connected, with one location."""
    await api("PUT", "tenants/contoso", {"name": "Contoso"})
    await api("PUT", "tenants/contoso/sso", {"clientId": person(50)})
    assert (await api("PUT", "tenants/contoso/connection", credentials)).status == 200
    await api("PUT", "tenants/contoso/locations/desk", {"name": "Desk"})


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A refused credential, and a refused read, are tried again without a wait."""
    monkeypatch.setattr(validation, "NEW_CREDENTIAL", msgspec.structs.replace(NEW_CREDENTIAL, first_wait_s=0.0))
    monkeypatch.setattr(live_reads, "LIVE_READ", msgspec.structs.replace(LIVE_READ, first_wait_s=0.0))


@pytest.fixture
async def entra(tls: Certificates, impatient: None, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[EntraSimulator]:
    """The login service and Graph."""
    del impatient
    async with trusted_entra(tls, monkeypatch) as running:
        yield running


@pytest.fixture
async def simulator(entra: EntraSimulator) -> AsyncIterator[Broken]:
    """Its admin API."""
    async with Broken({"simulator_admin": entra.admin}) as opened:
        yield opened


@pytest.fixture
async def deployment(
    routes: list[Route],
    entra: EntraSimulator,
    tls: Certificates,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Deployment]:
    """The product on real adapters, with storage and a vault of its own."""
    with running_azurite(tmp_path / "azurite.log") as azurite:
        async with (
            KeyVault(cert=tls.cert, key=tls.key) as vault,
            deployed(routes, entra, vault, azurite, monkeypatch) as running,
        ):
            yield running
