"""The page after this one: asked for as soon as its link is there, and given up where nobody takes it."""

import asyncio
import json
from typing import cast

import pytest

from shared.adapters.entra.client import GraphClient
from shared.adapters.entra.prefetch import PagePrefetcher
from shared.errors import PageTokenExpired, Transient
from tests.unit.adapters.entra.virtual_time import now_s, run

GRAPH = "https://graph.microsoft.com"
FIRST, SECOND, THIRD = (f"{GRAPH}/v1.0/users?$skiptoken={number}" for number in range(3))


def page(following: str | None, **text: str) -> bytes:
    """Return a page as Graph writes one: its link first."""
    head = {"@odata.nextLink": following} if following else {}
    return json.dumps({"@odata.context": "users", **head, "value": [text]}, separators=(",", ":")).encode()


class Client:
    """A GraphClient that takes a second for each page."""

    graph = GRAPH

    def __init__(self, **pages: bytes | Exception) -> None:
        self.pages = {FIRST: pages["first"], SECOND: pages.get("second", page(None)), THIRD: page(None)}
        self.asked: list[tuple[str, bool, bool]] = []
        self.given_up = 0

    async def get(self, url: str, *, eventual: bool, priority: bool) -> bytes:
        """Return a page."""
        self.asked.append((url, eventual, priority))
        try:
            await asyncio.sleep(1)
        except asyncio.CancelledError:
            self.given_up += 1
            raise
        found = self.pages[url]
        if isinstance(found, Exception):
            raise found
        return found

    @property
    def urls(self) -> list[str]:
        """Return what was asked for."""
        return [url for url, _, _ in self.asked]


def prefetcher(client: Client) -> PagePrefetcher:
    """Return what asks this client."""
    return PagePrefetcher(cast("GraphClient", client))


def test_the_next_page_is_asked_for_before_this_one_is_read() -> None:
    """Whoever gets a page may keep the event loop busy with it at once."""
    client = Client(first=page(SECOND))

    async def work() -> list[str]:
        reader = prefetcher(client)
        await reader.get(FIRST)
        asked = list(client.urls)
        await reader.close()
        return asked

    assert run(work()) == [FIRST, SECOND]


def test_the_next_page_comes_while_this_one_is_worked_on() -> None:
    """Two seconds for the pages, none besides for a second of work on the first; each is asked for once."""
    client = Client(first=page(SECOND), second=page(None))

    async def work() -> float:
        reader, began_s = prefetcher(client), now_s()
        await reader.get(FIRST, eventual=True)
        await asyncio.sleep(1)
        assert await reader.get(SECOND, eventual=True) == page(None)
        await reader.close()
        return now_s() - began_s

    assert run(work()) == pytest.approx(2)
    assert client.asked == [(FIRST, True, False), (SECOND, True, False)]


@pytest.mark.parametrize(
    "content",
    [
        page(None),
        page("https://graph.example.com/v1.0/users?$skiptoken=1"),
        page(f"{GRAPH}/beta/users?$skiptoken=1"),
        page(None, displayName=f'"@odata.nextLink":"{SECOND}"'),
        page(None, displayName="x" * 20_000)[:-1] + f',"@odata.nextLink":"{SECOND}"}}'.encode(),
        page(SECOND.replace("$", "\\u0024")).replace(b"\\\\u", b"\\u"),
        b"<html>",
    ],
    ids=["last", "elsewhere", "another version", "in a name", "behind the users", "escaped", "no page"],
)
def test_what_names_no_next_page_plainly(content: bytes) -> None:
    """No page is prefetched; the reader of the page may still find a link in it."""
    client = Client(first=content)

    async def work() -> None:
        reader = prefetcher(client)
        assert await reader.get(FIRST) == content
        await asyncio.sleep(3)
        await reader.close()

    run(work())
    assert client.urls == [FIRST]


def test_what_nobody_takes_is_given_up() -> None:
    """Under way or answered, with whatever it answered."""
    client = Client(first=page(SECOND))

    async def work(wait_s: float) -> None:
        reader = prefetcher(client)
        await reader.get(FIRST)
        await asyncio.sleep(wait_s)
        await reader.close()

    run(work(0.5))
    assert (client.urls, client.given_up) == ([FIRST, SECOND], 1)
    client.pages[SECOND] = Transient("out of order", code="graph_unavailable")
    run(work(2))
    assert client.given_up == 1


def test_an_error_comes_when_its_page_is_asked_for() -> None:
    """And asking once more asks Graph once more."""
    client = Client(first=page(SECOND), second=PageTokenExpired("expired"))

    async def work() -> None:
        reader = prefetcher(client)
        await reader.get(FIRST)
        await asyncio.sleep(2)
        with pytest.raises(PageTokenExpired):
            await reader.get(SECOND)
        client.pages[SECOND] = page(None)
        assert await reader.get(SECOND) == page(None)

    run(work())
    assert client.urls == [FIRST, SECOND, SECOND]


def test_a_page_that_leads_to_itself() -> None:
    """It is requested as often as it is read, and prefetched once."""
    client = Client(first=page(FIRST))

    async def work() -> None:
        reader = prefetcher(client)
        await reader.get(FIRST)
        await reader.get(FIRST)
        await asyncio.sleep(0.5)
        await reader.close()

    run(work())
    assert client.urls == [FIRST] * 3


def test_the_reader_is_cancelled() -> None:
    """So is the request that it has waited for."""
    client = Client(first=page(SECOND))

    async def work() -> None:
        reader = prefetcher(client)
        await reader.get(FIRST)
        task = asyncio.create_task(reader.get(SECOND))
        await asyncio.sleep(0.5)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    run(work())
    assert client.given_up == 1
