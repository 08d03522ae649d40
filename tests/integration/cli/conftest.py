"""The command line against the API in memory."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from shared.bootstrap import App, Ports
from shared.cli.main import app
from shared.cli.session import Target
from tests.integration.http.conftest import api, credentials, directory, ports, product, routes
from tests.support.fakes import FakeDirectory, FakeJobQueue
from tests.support.http.calling import Client, Reply
from tests.support.world import deliver

__all__ = ["api", "credentials", "directory", "ports", "product", "routes"]
ADDRESS = "https://sync.example/api"
KEY = "key-canary-5c1f"


class InMemory(httpx.BaseTransport):
    """The network: it leads to the API's functions, and works off what they enqueue before the next request."""

    def __init__(self, client: Client, product: App, queue: FakeJobQueue) -> None:
        self._client = client
        self._product = product
        self._queue = queue
        #: Whether anybody works off what is enqueued.
        self.working = True
        self.requests: list[httpx.Request] = []
        #: What goes wrong on the way, if anything.
        self.broken: httpx.HTTPError | None = None

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answer a request."""
        self.requests.append(request)
        if self.broken is not None:
            raise self.broken
        path = request.url.raw_path.decode().removeprefix("/api/")
        reply = asyncio.run(self._answer(request, path))
        content = b"" if reply.status == 204 else reply.text.encode() or json.dumps(reply.body).encode()
        headers = {"content-type": reply.mimetype, **reply.headers}
        return httpx.Response(reply.status, content=content, headers=headers)

    async def _answer(self, request: httpx.Request, path: str) -> Reply:
        while self.working and self._queue.messages:
            await deliver(self._product, self._queue.messages.pop(0))
        return await self._client(request.method, path, raw=request.content, headers=dict(request.headers))


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str
    #: What is left of an error that nobody expected.
    error: BaseException | None

    @property
    def json(self) -> Any:  # noqa: ANN401 - JSON of any command
        """What it wrote, as JSON."""
        return json.loads(self.out)


Run = Callable[..., Ended]


@pytest.fixture
def network(api: Client, product: App, ports: Ports) -> InMemory:
    """The way to the API."""
    assert isinstance(ports.queue, FakeJobQueue)
    return InMemory(api, product, ports.queue)


@pytest.fixture
def run(network: InMemory, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command with the address and the key in the environment."""
    monkeypatch.setenv("RECIPIENT_SYNC_API", ADDRESS)
    monkeypatch.setenv("RECIPIENT_SYNC_KEY", KEY)
    monkeypatch.setenv("COLUMNS", "40")

    def invoke(*words: str, typed: str = "") -> Ended:
        result = CliRunner().invoke(app, list(words), input=typed, obj=Target(transport=network))
        error = result.exception if not isinstance(result.exception, SystemExit) else None
        return Ended(result.exit_code, result.stdout, result.stderr, error)

    return invoke


@pytest.fixture
def contoso(network: InMemory, credentials: dict[str, Any], directory: FakeDirectory) -> dict[str, Any]:
    """A tenant with sign-in application and location, not connected yet; its credentials."""
    del directory

    def put(path: str, body: object) -> None:
        request = httpx.Request("PUT", f"{ADDRESS}/{path}", content=json.dumps(body).encode())
        assert network.handle_request(request).is_success

    put("tenants/contoso", {"name": "Contoso"})
    put("tenants/contoso/sso", {"clientId": "00000000-0000-4000-8000-000000000050"})
    put("tenants/contoso/locations/desk", {"name": "Desk"})
    put("tenants/contoso/preferences", {"mode": "full"})
    network.requests.clear()
    return credentials


@pytest.fixture
def connected(run: Run, contoso: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """The tenant, connected by the command line itself."""
    monkeypatch.setenv("RECIPIENT_SYNC_SECRET", contoso["clientSecret"])
    ended = run("connect", "contoso", *ids(contoso))
    assert ended.code == 0, ended


def ids(credentials: dict[str, Any]) -> list[str]:
    """Return the options of `connect` that are no secret."""
    names = {"tenantId": "--tenant-id", "clientId": "--client-id", "objectId": "--object-id"}
    return [word for name, option in names.items() for word in (option, str(credentials[name]))]
