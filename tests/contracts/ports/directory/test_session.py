"""Tokens and connections: kept while they are good, renewed when they are not, closed in the end."""

import asyncio
import json

import pytest
from aiohttp import web

from shared.adapters.entra import GraphDirectoryFactory
from shared.adapters.entra import factory as factory_module
from shared.adapters.entra.client import GraphClient
from shared.adapters.entra.directory import GraphDirectory
from shared.adapters.entra.sessions import EntraSession
from shared.domain.connections.entra.credentials import ClientSecret
from shared.domain.directory import Source
from shared.errors import LoginRefused, NeedsAttention, Transient
from tests.contracts.ports.directory.scripted import Answer, ScriptedGraph, said, token
from tests.support.builders import person

PAGE = said(json.dumps({"value": [{"id": person(1), "userPrincipalName": "ada@example.com"}]}))
EXPIRED = said('{"error":{"code":"InvalidAuthenticationToken"}}', 401)
DENIED = said('{"error":{"code":"Authorization_RequestDenied"}}', 403)
WRONG_SECRET = said('{"error":"invalid_client","error_description":"AADSTS7000215: Invalid client secret."}', 401)


@pytest.fixture
def graph(graph: ScriptedGraph) -> ScriptedGraph:
    """The server, with a page of one user."""
    graph.graph = [PAGE]
    return graph


async def test_opening_sends_nothing(graph: ScriptedGraph, factory: GraphDirectoryFactory) -> None:
    """Not even for a token."""
    async with factory.open(graph.credentials):
        pass
    assert (graph.asked, graph.logins) == ([], 0)


async def test_one_token_serves_many(graph: ScriptedGraph, factory: GraphDirectoryFactory) -> None:
    """Requests at once ask for one token, and later contexts of the same credentials for none."""
    for _ in range(2):
        async with factory.open(graph.credentials) as directory:
            await asyncio.gather(*(directory.users(Source()) for _ in range(20)))
    assert (len(graph.asked), graph.logins) == (40, 1)


async def test_cookies_are_not_kept(directory: EntraSession, graph: ScriptedGraph) -> None:
    """Nothing but its own credentials says who asks."""
    graph.graph = [said('{"value":[]}', Set_Cookie="flight=1; Path=/; Secure")]
    await directory.users(Source())
    await directory.users(Source())
    assert [request.headers.get("Cookie") for request in graph.asked] == [None, None]


async def test_a_token_that_was_revoked_is_renewed_once(directory: EntraSession, graph: ScriptedGraph) -> None:
    """The next one is tried before anybody is bothered."""
    graph.graph = [EXPIRED, PAGE]
    assert len((await directory.users(Source())).users) == 1
    assert graph.logins == 2


async def test_a_token_that_is_never_taken_is_not_asked_for_without_end(
    directory: EntraSession, graph: ScriptedGraph
) -> None:
    """Two tries, then a person."""
    graph.graph = [EXPIRED]
    with pytest.raises(NeedsAttention) as refused:
        await directory.users(Source())
    assert (refused.value.code, len(graph.asked), graph.logins) == ("InvalidAuthenticationToken", 2, 2)


async def test_many_who_meet_a_revoked_token_renew_it_once(directory: EntraSession, graph: ScriptedGraph) -> None:
    """Who finds it renewed already takes the new one."""
    await directory.users(Source())
    graph.graph = [*[EXPIRED] * 8, PAGE]
    pages = await asyncio.gather(*(directory.users(Source()) for _ in range(8)))
    assert [len(page.users) for page in pages] == [1] * 8
    assert graph.logins == 2


async def test_an_old_token_may_lack_what_was_granted_since(
    graph: ScriptedGraph, factory: GraphDirectoryFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A refusal renews a token of more than five minutes, a younger one it does not."""
    async with factory.open(graph.credentials) as directory:
        graph.graph = [DENIED]
        with pytest.raises(NeedsAttention):
            await directory.users(Source())
        assert graph.logins == 1
        monkeypatch.setattr("shared.adapters.entra.client._OLD_TOKEN_S", -1.0)
        graph.graph = [DENIED, PAGE]
        assert len((await directory.users(Source())).users) == 1
        assert graph.logins == 2


async def test_asking_for_a_token_does_not_disturb_who_uses_the_old_one(
    directory: EntraSession, graph: ScriptedGraph
) -> None:
    """A validation beside a running sync throws the cached token away, not the connection under it."""
    readings = [directory.users(Source()) for _ in range(6)]
    asking = [directory.token() for _ in range(3)]
    await asyncio.gather(*readings, *asking)
    assert graph.logins >= 3


@pytest.mark.parametrize(
    "answer",
    [
        said('{"error":"server_error","error_description":"oops"}', 500),
        said('{"error":"temporarily_unavailable","error_description":"AADSTS90033: busy"}', 503),
        said("<html>Bad gateway</html>", 502, "text/html"),
        said("<html>Sign in to the airport</html>", 200, "text/html"),
    ],
)
async def test_an_outage_of_the_login_service_blames_nobody(
    directory: EntraSession, graph: ScriptedGraph, answer: Answer
) -> None:
    """azure-identity alone says that the credentials were refused, or stumbles over HTML."""
    graph.login = [answer]
    with pytest.raises(Transient):
        await directory.token()
    assert (graph.logins, graph.asked) == (3, [])
    graph.login = [token]
    assert len((await directory.users(Source())).users) == 1


async def test_a_busy_login_service_is_the_queues(directory: EntraSession, graph: ScriptedGraph) -> None:
    """A minute is not slept in a paid worker."""
    graph.login = [said('{"error":"x"}', 429, Retry_After="60")]
    with pytest.raises(Transient) as refused:
        await directory.users(Source())
    assert (refused.value.retry_after_s, graph.logins) == (60.0, 1)


async def test_wrong_credentials_are_refused_at_once(directory: EntraSession, graph: ScriptedGraph) -> None:
    """Trying again would lock somebody out."""
    graph.login = [WRONG_SECRET]
    with pytest.raises(LoginRefused) as refused:
        await directory.users(Source())
    assert (refused.value.code, graph.logins) == ("AADSTS7000215", 1)


async def test_an_unreadable_token(directory: EntraSession, graph: ScriptedGraph) -> None:
    """Nothing is known, and nobody is to blame."""
    graph.login = [said('{"access_token":"opaque","expires_in":3599,"token_type":"Bearer"}')]
    with pytest.raises(Transient):
        await directory.token()


async def test_nobody_listens(factory: GraphDirectoryFactory, graph: ScriptedGraph) -> None:
    """A login service or Graph that cannot be reached is to be tried again."""
    nowhere = type(graph.credentials.endpoints)(login=graph.url, graph="https://127.0.0.1:9")
    credentials = type(graph.credentials)(
        azure_tenant_id=graph.credentials.azure_tenant_id,
        client_id="c",
        proof=ClientSecret(value="s"),
        endpoints=nowhere,
    )
    async with factory.open(credentials) as directory:
        with pytest.raises(Transient) as refused:
            await directory.users(Source())
    assert refused.value.code == "graph_unreachable"


async def test_a_server_that_drips_is_cut_off(
    directory: EntraSession, graph: ScriptedGraph, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The whole request has a limit, not only each silence."""
    monkeypatch.setattr("shared.adapters.entra.client._REQUEST_S", 0.3)

    class Dripping(web.StreamResponse):
        async def write_eof(self, data: bytes = b"") -> None:
            for _ in range(20):
                await self.write(b" ")
                await asyncio.sleep(0.1)
            await super().write_eof(data)

    graph.graph = [lambda _: Dripping(headers={"Content-Type": "application/json"})]
    await directory.token()
    with pytest.raises(Transient) as refused:
        await directory.users(Source())
    assert refused.value.code == "graph_unreachable"


@pytest.fixture
def closed(monkeypatch: pytest.MonkeyPatch) -> list[GraphClient]:
    """Clients that were closed; each is as soon as nobody uses it."""
    noted: list[GraphClient] = []
    close = GraphClient.close

    async def note(client: GraphClient) -> None:
        noted.append(client)
        await close(client)

    monkeypatch.setattr(GraphClient, "close", note)
    monkeypatch.setattr(factory_module, "_KEPT_S", -1.0)
    return noted


async def test_what_is_not_used_any_more_is_forgotten(
    graph: ScriptedGraph, factory: GraphDirectoryFactory, closed: list[GraphClient]
) -> None:
    """A secret that was erased does not live on in memory; what is in use stays."""
    async with factory.open(graph.credentials) as outer:
        async with factory.open(graph.credentials):
            pass
        assert closed == []
        await outer.users(Source())
    assert len(closed) == 1


async def test_a_use_that_is_given_up_at_its_end_is_over(
    graph: ScriptedGraph,
    factory: GraphDirectoryFactory,
    closed: list[GraphClient],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A worker that is stopped while a page is given up forgets the client all the same."""

    async def stopped(_: GraphDirectory) -> None:
        raise asyncio.CancelledError

    monkeypatch.setattr(GraphDirectory, "close", stopped)
    with pytest.raises(asyncio.CancelledError):
        async with factory.open(graph.credentials):
            pass
    assert len(closed) == 1
