"""The real Graph adapter against the simulator, which a test can break as it likes."""

import ssl
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from infra.local.certificates import Certificates
from infra.local.demo.simulator import Simulator
from infra.local.entra.server import EntraSimulator
from shared.adapters.graph import GraphDirectoryFactory
from shared.domain.connection import ClientSecret, Credentials, Endpoints
from shared.domain.directory import DirectoryUser, Source
from shared.ports import Directory


class Broken(Simulator):
    """The simulator's admin API, with faults."""

    async def fault(self, path: str, action: dict[str, Any], **matching: object) -> None:
        """Spoil the answers to requests whose path matches."""
        await self.call("POST", "/faults", {"path": path, "count": 1, **matching, "action": action})


@pytest.fixture
async def entra(tls: Certificates, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[EntraSimulator]:
    """Contoso has 100 users, fabrikam 30 users and 40 groups; its certificate is trusted through the environment."""
    monkeypatch.setenv("SSL_CERT_FILE", str(tls.bundle))
    # aiohttp read that variable when it was imported, long before this test
    monkeypatch.setattr(aiohttp.connector, "_SSL_CONTEXT_VERIFIED", ssl.create_default_context())
    async with EntraSimulator(cert=tls.cert, key=tls.key, scale=0.01, environment={}) as running:
        yield running


@pytest.fixture
async def simulator(entra: EntraSimulator) -> AsyncIterator[Broken]:
    """The admin API."""
    async with Broken({"simulator_admin": entra.admin}) as opened:
        yield opened


async def credentials(entra: EntraSimulator, simulator: Simulator, name: str, **changes: str) -> Credentials:
    """Return what reads a sample directory, with some of it replaced."""
    known = await simulator.call("GET", f"/directories/{name}")
    values = {
        "azure_tenant_id": known["azure_tenant_id"],
        "client_id": known["application_id"],
        "client_secret": known["client_secret"],
        **changes,
    }
    proof = ClientSecret(value=values.pop("client_secret"))
    return Credentials(endpoints=Endpoints(login=entra.login, graph=entra.graph), proof=proof, **values)


@pytest.fixture
async def factory() -> AsyncIterator[GraphDirectoryFactory]:
    """The adapter's factory."""
    opened = GraphDirectoryFactory(own_hosts=frozenset({"127.0.0.1"}))
    yield opened
    await opened.close()


@pytest.fixture
async def contoso(entra: EntraSimulator, simulator: Broken, factory: GraphDirectoryFactory) -> AsyncIterator[Directory]:
    """Contoso's directory, opened."""
    async with factory.open(await credentials(entra, simulator, "contoso")) as directory:
        yield directory


@pytest.fixture
async def fabrikam(
    entra: EntraSimulator, simulator: Broken, factory: GraphDirectoryFactory
) -> AsyncIterator[Directory]:
    """Fabrikam's directory, opened."""
    async with factory.open(await credentials(entra, simulator, "fabrikam")) as directory:
        yield directory


async def everybody(directory: Directory, source: Source) -> dict[str, DirectoryUser]:
    """Read a source to its last page."""
    found: dict[str, DirectoryUser] = {}
    link: str | None = None
    while True:
        page = await directory.users(source, link)
        found.update((each.id, each) for each in page.users)
        if page.next_link is None:
            return found
        link = page.next_link
