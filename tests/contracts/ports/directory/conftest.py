"""The real Graph adapter against the simulator, which a test can break as it likes."""

from collections.abc import AsyncIterator

import pytest

from infra.local.demo.simulator import Simulator
from infra.local.entra.server import EntraSimulator
from infra.local.stack.certificates import Certificates
from shared.adapters.entra import GraphDirectoryFactory
from shared.adapters.entra.sessions import EntraSession
from shared.domain.connections.entra.credentials import ClientSecret, Credentials, Endpoints
from shared.domain.directory import DirectoryUser, Source
from shared.ports.directory import Directory
from tests.contracts.ports.directory.scripted import ScriptedGraph
from tests.contracts.ports.directory.worlds import BareWorld, FakeWorld, GraphWorld, World
from tests.support.entra import Broken, trusted_entra
from tests.support.hostile_graph.disguises import AllDisguises
from tests.support.hostile_graph.server import HostileGraph


@pytest.fixture
async def entra(tls: Certificates, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[EntraSimulator]:
    """Contoso has 100 users, fabrikam 30 users and 40 groups."""
    async with trusted_entra(tls, monkeypatch) as running:
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
    opened = GraphDirectoryFactory(own_hosts=frozenset({"127.0.0.1", "localhost"}))
    yield opened
    await opened.close()


@pytest.fixture
async def graph(tls: Certificates, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ScriptedGraph]:
    """A server that the machine trusts."""
    monkeypatch.setenv("SSL_CERT_FILE", str(tls.bundle))
    async with ScriptedGraph(tls) as running:
        yield running


@pytest.fixture
async def directory(graph: ScriptedGraph, factory: GraphDirectoryFactory) -> AsyncIterator[EntraSession]:
    """The adapter in front of it."""
    async with factory.open(graph.credentials) as opened:
        yield opened


@pytest.fixture
async def contoso(
    entra: EntraSimulator, simulator: Broken, factory: GraphDirectoryFactory
) -> AsyncIterator[EntraSession]:
    """Contoso's directory, opened."""
    async with factory.open(await credentials(entra, simulator, "contoso")) as directory:
        yield directory


@pytest.fixture
async def fabrikam(
    entra: EntraSimulator, simulator: Broken, factory: GraphDirectoryFactory
) -> AsyncIterator[EntraSession]:
    """Fabrikam's directory, opened."""
    async with factory.open(await credentials(entra, simulator, "fabrikam")) as directory:
        yield directory


async def all_users(directory: Directory, source: Source) -> dict[str, DirectoryUser]:
    """Read a source to its last page."""
    found: dict[str, DirectoryUser] = {}
    link: str | None = None
    while True:
        page = await directory.users(source, link)
        found.update((user.id, user) for user in page.users)
        if page.next_cursor is None:
            return found
        link = page.next_cursor


@pytest.fixture
async def graph_world(
    entra: EntraSimulator, simulator: Simulator, factory: GraphDirectoryFactory
) -> AsyncIterator[GraphWorld]:
    """The simulator's, empty."""
    await simulator.call("POST", "/directories", {"name": "empty", "users": 0, "groups": 0})
    async with factory.open(await credentials(entra, simulator, "empty")) as directory:
        yield GraphWorld(directory, simulator)


@pytest.fixture
async def hostile(entra: EntraSimulator, tls: Certificates) -> AsyncIterator[HostileGraph]:
    """The second server, in place of the simulator's own; pages have few users, so that there are several."""
    async with HostileGraph(tls, entra.state) as running:
        entra.state.settings.page_size_max = entra.state.settings.delta_page_size = 5
        yield running


@pytest.fixture
def disguised(hostile: HostileGraph) -> HostileGraph:
    """The second server, with every disguise."""
    hostile.manner = AllDisguises()
    return hostile


@pytest.fixture
async def hostile_world(
    disguised: HostileGraph, entra: EntraSimulator, simulator: Simulator, factory: GraphDirectoryFactory
) -> AsyncIterator[GraphWorld]:
    """An empty directory of the second server."""
    await simulator.call("POST", "/directories", {"name": "empty", "users": 0, "groups": 0})
    async with factory.open(await credentials(entra, simulator, "empty")) as directory:
        yield GraphWorld(directory, simulator)
        assert disguised.changed


@pytest.fixture(params=["fake", "graph", "hostile"])
def entra_world(request: pytest.FixtureRequest) -> World:
    """An empty directory as Entra's are, in memory or through Graph's SDK, from the simulator or the second server."""
    if request.param == "fake":
        return FakeWorld()
    opened: World = request.getfixturevalue(f"{request.param}_world")
    return opened


@pytest.fixture(params=["fake", "graph", "hostile", "bare"])
def world(request: pytest.FixtureRequest) -> World:
    """An empty directory of any provider."""
    if request.param == "bare":
        return BareWorld()
    opened: World = FakeWorld() if request.param == "fake" else request.getfixturevalue(f"{request.param}_world")
    return opened
